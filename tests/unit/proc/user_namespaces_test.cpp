// User namespaces, capabilities, and limits on namespaces.
#include "namespaces_fixture.hpp"

TEST_CASE("limits on namespaces and PIDs are set by who may, and count what is below") {
    World world;
    Process& process = *world.fork(*world.init);
    auto index_of = [](proto::NamespaceKind kind) {
        return static_cast<std::uint32_t>(std::ranges::find(namespace_limit_kinds, kind) -
                                          namespace_limit_kinds.begin());
    };
    std::uint32_t const users = index_of(proto::NamespaceKind::User), names = index_of(proto::NamespaceKind::Uts),
                        mounts = index_of(proto::NamespaceKind::Mount);
    CHECK(Core::namespace_limit(process, users) == "1024\n");
    for (std::string_view bad : {"", "x", "-1", "2147483648", "3 4"})
        CHECK(world.core.set_namespace_limit(process, users, bad).error() == Error::Invalid);
    // Another server's kind: it is told.
    auto const kind = static_cast<unsigned>(world.core.kinds.find(proto::NamespaceKind::Uts));
    REQUIRE(world.core.set_namespace_limit(process, names, "7"));
    CHECK(world.owners.namespace_limits.empty());
    REQUIRE(world.core.set_namespace_limit(process, names, "2000"));
    CHECK(world.owners.namespace_limits.at(world.core.kinds[kind].first) == 2000);
    REQUIRE(world.core.set_namespace_limit(process, mounts, "9"));
    CHECK(world.owners.mount_limits.at(world.core.first_user_space->inode()) == 9);
    // Users below one that allows a single one.
    REQUIRE(unshare(world, process, f::new_user));
    UserNamespace& space = *process.user_space;
    ipc::IdExtent const line{0, 0, 1000};
    CHECK(Core::namespace_limit(process, users) == "2147483647\n");
    REQUIRE(world.core.set_namespace_limit(process, users, "1"));
    CHECK(world.owners.namespace_limits.size() == 1);
    space.users = space.groups = *ipc::IdMap::of({&line, 1});
    Process* const inner = world.fork(process, f::new_user);
    REQUIRE(inner != nullptr);
    CHECK(space.quota(proto::NamespaceKind::User).used_by(0) == 1);
    CHECK(clone(world, process, f::new_user).error() == Error::NoSpace);
    inner->user_space->users = inner->user_space->groups = *ipc::IdMap::of({&line, 1});
    CHECK(clone(world, *inner, f::new_user).error() == Error::NoSpace);
    CHECK(Core::namespace_limit(*inner, names) == "2147483647\n");
    REQUIRE(world.core.set_namespace_limit(*inner, names, "1"));
    REQUIRE(unshare(world, *inner, f::new_uts));
    CHECK(space.quota(proto::NamespaceKind::Uts).used_by(0) == 1);
    CHECK(clone(world, *inner, f::new_uts).error() == Error::NoSpace);
    // A file of it keeps it.
    auto const file = world.core.make_handle(*Core::namespace_of(*inner, kind));
    REQUIRE(file);
    Core::Joined joined;
    joined.shared = Core::namespace_of(*world.init, kind);
    auto const joins = [&] { return world.core.set_namespace(*inner->leader(), joined, f::new_uts); };
    CHECK(joins().error() == Error::NotPermitted); // its owner is above
    for (auto const& [badge, slot] : std::map{world.owners.minted}) {
        if (slot == *file) world.core.handle_gone(badge);
    }
    CHECK(space.quota(proto::NamespaceKind::Uts).used_by(0) == 1);
    REQUIRE(world.core.set_namespace_limit(process, mounts, "0"));
    CHECK(world.owners.mount_limits.at(space.inode()) == 0); // vfs counts those
    inner->credentials.effective = 0;
    CHECK(world.core.set_namespace_limit(*inner, names, "2").error() == Error::NotPermitted);
    // PIDs.
    CHECK(world.core.set_pid_maximum(process, "400").error() == Error::NotPermitted);
    CHECK(world.core.set_pid_maximum(*world.init, "300").error() == Error::Invalid);
    REQUIRE(world.core.set_pid_maximum(*world.init, "301"));
    Process& crowd = *world.fork(*world.init, f::new_pid);
    std::vector<Pid*> pids;
    while (Pid* const pid = Pid::create(crowd.space())) pids.push_back(pid);
    CHECK(pids.size() >= 280);
    CHECK(pids.size() <= 299);
    CHECK(clone(world, crowd, 0).error() == Error::Again);
    pids.back()->release();
    pids.pop_back();
    CHECK(clone(world, crowd, 0));
    for (Pid* pid : pids) pid->release();
    PidNamespace::pid_maximum = PidNamespace::pid_maximum_most;
}

TEST_CASE("user namespaces: who has which capability over what") {
    World world;
    Process& user = *world.fork(*world.init);
    become_user(user, 1000);
    CHECK(user.credentials.effective == 0);
    CHECK(unshare(world, user, f::new_uts).error() == Error::NotPermitted);
    world.owners.chrooted = true;
    CHECK(unshare(world, user, f::new_user).error() == Error::NotPermitted);
    world.owners.chrooted = false;
    Process& watcher = *world.fork(user);
    REQUIRE(unshare(world, user, f::new_user | f::new_uts));
    UserNamespace& space = *user.user_space;
    CHECK(space.owner_user() == 1000);
    CHECK(user.credentials.effective == capability::all);
    CHECK(user.credentials.bounding == capability::all);
    CHECK(Core::capable(user, space, capability::sys_admin));
    CHECK(!Core::capable(user, *world.core.first_user_space, capability::sys_admin));
    CHECK(Core::capable(watcher, space, capability::sys_admin));     // its owner, from the parent
    CHECK(Core::capable(*world.init, space, capability::sys_admin)); // root above
    CHECK(!Core::capable(user, *world.init->namespaces->at[0]->owner, capability::sys_admin));
    CHECK(Core::capable(user, *user.namespaces->at[0]->owner, capability::sys_admin));
    CHECK(world.core.set_host_name(user, false, proto::HostName{"inside"}));
    CHECK(world.core.set_host_name(watcher, false, proto::HostName{"outside"}).error() == Error::NotPermitted);
    // Nothing is mapped: nobody is root, and exec takes all capabilities.
    CHECK(Core::user_in(space, 1000) == 65534);
    CHECK(space.root_user() == ~0u);
    Credentials lost = user.credentials;
    proto::FileStatus program{};
    program.mode = 0100755;
    static_cast<void>(Core::execute_credentials(lost, space, program));
    CHECK(lost.effective == 0);
    ipc::IdExtent const line{0, 1000, 1};
    space.users = *ipc::IdMap::of({&line, 1});
    space.groups = *ipc::IdMap::of({&line, 1});
    CHECK(Core::user_in(space, 1000) == 0);
    Credentials kept = user.credentials;
    static_cast<void>(Core::execute_credentials(kept, space, program));
    CHECK(kept.effective == capability::all);
    // Ids that it does not map cannot be named.
    CHECK(world.core.set_identity(user, 0, 5, 0, 0).error() == Error::Invalid);
    CHECK(world.core.set_identity(user, 0, 0, 0, 0));
    // A set-user-ID program of an owner that is not mapped is an ordinary one.
    program.mode = 0104755;
    program.user = 0;
    static_cast<void>(Core::execute_credentials(kept, space, program));
    CHECK(kept.effective_user == 1000);
    // setgroups(2): only with a map, and if it has not been given up.
    CHECK(world.core.groups(user, true, 0, 0));
    space.setgroups_allowed = false;
    CHECK(world.core.groups(user, true, 0, 0).error() == Error::NotPermitted);
    Process& inner = *world.fork(user);
    REQUIRE(unshare(world, inner, f::new_user));
    CHECK(!inner.user_space->setgroups_allowed);
    CHECK(inner.user_space->parent() == &space);
    CHECK(Core::capable(watcher, *inner.user_space, capability::sys_admin)); // through the namespace it owns
    CHECK(!world.core.may_signal(inner, *world.init, 9));
    CHECK(world.core.may_signal(*world.init, inner, 9));
}

TEST_CASE("user namespaces: 32 below the first, each owned by the one before") {
    World world;
    Process& process = *world.fork(*world.init);
    std::uint32_t const before = UserNamespace::count;
    ipc::IdExtent const line{0, 0, 1};
    for (int depth = 0; depth < 32; ++depth) {
        REQUIRE(unshare(world, process, f::new_user));
        process.user_space->users = process.user_space->groups = *ipc::IdMap::of({&line, 1});
    }
    CHECK(unshare(world, process, f::new_user).error() == Error::NoSpace);
    world.exit(process, 0);
    CHECK(world.wait(*world.init, -1));
    CHECK(UserNamespace::count == before);
    CHECK(world.owners.maps.empty());
}

TEST_CASE("capabilities: bounding, inheritable, ambient, securebits") {
    Credentials c;
    c.set_secure_bits(securebit::no_root | securebit::no_root << 1).value();
    CHECK(c.set_secure_bits(0).error() == Error::NotPermitted); // locked
    CHECK(c.set_secure_bits(0x100).error() == Error::NotPermitted);
    CHECK(c.change_ambient(2, 7).error() == Error::NotPermitted); // not inheritable
    c.inheritable = std::uint64_t{1} << 7;
    REQUIRE(c.change_ambient(2, 7));
    CHECK(*c.change_ambient(1, 7) == 1);
    CHECK(c.change_ambient(1, 41).error() == Error::Invalid);
    static_cast<void>(c.execute(0755, 0, 0, 0)); // root means nothing now: what is ambient is left
    CHECK(c.effective == std::uint64_t{1} << 7);
    CHECK(c.permitted == std::uint64_t{1} << 7);
    Credentials d;
    d.set_secure_bits(securebit::keep_capabilities).value();
    REQUIRE(d.set_identity(4, 1000, 1000, 1000, 0));
    CHECK(d.permitted == capability::all);
    CHECK(d.effective == 0);
    Credentials e;
    REQUIRE(e.set_identity(6, 1000, 0, 0, 0));
    CHECK((e.effective & capability::of_files) == 0);
    CHECK(e.capable(capability::sys_admin));
    REQUIRE(e.set_identity(6, 0, 0, 0, 0));
    CHECK(e.effective == capability::all);
    Credentials g;
    g.set_secure_bits(securebit::no_setuid_fixup).value();
    REQUIRE(g.set_identity(4, 1000, 1000, 1000, 0));
    CHECK(g.effective == capability::all);
    Credentials h;
    h.bounding = 0;
    static_cast<void>(h.execute(0755, 0, 0, 0));
    CHECK(h.effective == 0);
}

TEST_CASE("namespaces count for the user who made them, and in the parent for its maker") {
    World world;
    UserNamespace& first = *world.core.first_user_space;
    using proto::NamespaceKind;
    first.quota(NamespaceKind::Uts).maximum = 2;
    UserReference const made{[&] {
        REQUIRE(first.charge(NamespaceKind::User, 1000));
        return new UserNamespace{first, world.core.next_user_inode(), 1000, 1000};
    }()};
    made->release(); // the reference keeps it
    CHECK(first.charge(NamespaceKind::Uts, 0));
    CHECK(first.charge(NamespaceKind::Uts, 0));
    CHECK_FALSE(first.charge(NamespaceKind::Uts, 0));
    CHECK(first.charge(NamespaceKind::Uts, 1000)); // has a count of its own
    CHECK(made->charge(NamespaceKind::Uts, 1001)); // counts for 1000 above
    CHECK_FALSE(made->charge(NamespaceKind::Uts, 1002));
    CHECK_FALSE(first.charge(NamespaceKind::Uts, 1000));
    CHECK(made->quota(NamespaceKind::Uts).used_by(1001) == 1); // a refusal counts nowhere
    CHECK(made->quota(NamespaceKind::Uts).used.size() == 1);
    made->uncharge(NamespaceKind::Uts, 1001);
    made->quota(NamespaceKind::Uts).maximum = 0;
    CHECK_FALSE(made->charge(NamespaceKind::Uts, 1001));
    CHECK(first.charge(NamespaceKind::Uts, 1000));
    for (std::uint32_t const user : {0U, 0U, 1000U, 1000U}) { first.uncharge(NamespaceKind::Uts, user); }
    CHECK(first.quota(NamespaceKind::Uts).used.empty());
}
