// Namespaces of processes: clone, unshare and setns with a failure at every step, time, handles, sessions.
#include "namespaces_fixture.hpp"

TEST_CASE("unshare: a failure at any step leaves everything as it was") {
    World world;
    for (std::uint32_t flags :
         {every, every & ~f::new_user, std::uint32_t{f::new_uts}, f::new_user | f::new_mount, std::uint32_t{f::fs}}) {
        Process& process = *world.fork(*world.init);
        int step = 0;
        for (bool done = false; !done; ++step) {
            Holdings const before = holdings(world);
            Place const was = place(process);
            world.machine.fail_after = step;
            done = unshare(world, process, flags).has_value();
            world.machine.fail_after = -1;
            if (done) break;
            CHECK(holdings(world) == before);
            CHECK(place(process) == was);
            REQUIRE(step < 100);
        }
        CHECK(step >= ((flags & (f::new_mount | f::fs)) != 0 ? 1 : 0)); // the other kinds ask nobody
    }
}

TEST_CASE("clone with every kind: a failure at any step leaves everything as it was") {
    World world;
    Process& parent = *world.init;
    int step = 0;
    for (;; ++step) {
        Holdings const before = holdings(world);
        Place const was = place(parent);
        world.machine.fail_after = step;
        auto const made = clone(world, parent, every);
        bool const injected = world.machine.fail_after < 0;
        world.machine.fail_after = -1;
        if (made) {
            CHECK(!injected);
            Process& child = *world.core.table.find(parent.space(), *made);
            CHECK(place(parent) == was);
            CHECK(child.pid->number() == 1);
            CHECK(child.user_space.get() != parent.user_space.get());
            CHECK(child.space().owner.get() == child.user_space.get());
            for (unsigned kind = 0; kind < 3; ++kind) {
                CHECK(child.namespaces->at[kind] != parent.namespaces->at[kind]);
                CHECK(child.namespaces->at[kind]->owner.get() == child.user_space.get());
            }
            CHECK(child.namespaces->time_children == nullptr);
            CHECK(world.owners.credentials.at(child.vfs_session).user_namespace == child.user_space->inode());
            world.exit(child, 0);
            CHECK(world.wait(parent, -1));
            CHECK(holdings(world) == before);
            break;
        }
        CHECK(holdings(world) == before);
        REQUIRE(step < 100);
    }
    CHECK(step > 6);
}

TEST_CASE("setns by process descriptor: all kinds or none") {
    World world;
    Process& target = *world.core.table.find(
        world.init->space(),
        *clone(world, *world.init, f::new_uts | f::new_ipc | f::new_mount | f::new_pid | f::new_user));
    Process& process = *world.fork(*world.init);
    constexpr std::uint32_t flags = f::new_uts | f::new_ipc | f::new_pid | f::new_mount | f::new_user;
    Core::Joined joined;
    joined.process = target.pid; // as a descriptor does
    target.pid->retain();
    CHECK(set_namespace(world, process, joined, 0).error() == Error::Invalid);
    CHECK(set_namespace(world, process, joined, f::new_uts | f::fs).error() == Error::Invalid);
    int step = 0;
    for (;; ++step) {
        Holdings const before = holdings(world);
        Place const was = place(process);
        world.machine.fail_after = step;
        bool const done = set_namespace(world, process, joined, flags).has_value();
        world.machine.fail_after = -1;
        if (done) break;
        CHECK(holdings(world) == before);
        CHECK(place(process) == was);
        REQUIRE(step < 100);
    }
    CHECK(step >= 2);
    CHECK(process.namespaces->at[0] == target.namespaces->at[0]);
    CHECK(process.namespaces->at[1] == target.namespaces->at[1]);
    CHECK(process.namespaces->at[2] == world.init->namespaces->at[2]);
    CHECK(process.child_space == &target.space());
    CHECK(process.user_space.get() == target.user_space.get());
    // The user namespace is its own already.
    CHECK(set_namespace(world, process, joined, f::new_user).error() == Error::Invalid);
    world.exit(target, 0);
    CHECK(world.wait(*world.init, -1));
    CHECK(set_namespace(world, process, joined, f::new_uts).error() == Error::NoProcess);
    joined.process->release();
}

TEST_CASE("setns: type, permission, and the way back") {
    World world;
    Process& target = *world.core.table.find(world.init->space(), *clone(world, *world.init, f::new_uts));
    Process& process = *world.fork(*world.init);
    SharedNamespace& uts = *target.namespaces->at[0];
    REQUIRE(world.core.materialize(uts));
    auto join = [&](CapabilityPointer capability, std::uint32_t flags) {
        Core::Joined joined; // a copy, as a message brings it
        joined.other = capability < 100 ? capability : *world.owners.give(world.owners.given.at(capability));
        auto const result =
            world.call(*process.leader(), [&] { return world.core.set_namespace(*process.leader(), joined, flags); });
        if (joined.other >= 100) world.machine.drop(joined.other);
        return result;
    };
    CHECK(join(uts.capability, f::new_ipc).error() == Error::Invalid);
    CHECK(process.namespaces->at[0]->inode == 0);
    REQUIRE(join(uts.capability, 0));
    CHECK(world.core.inode_of(*process.namespaces->at[0]) == world.core.inode_of(uts));
    NamespaceSet* const set = process.namespaces;
    REQUIRE(join(uts.capability, f::new_uts)); // it is in there: nothing changes
    CHECK(process.namespaces == set);
    become_user(process, 1000);
    CHECK(join(10, 0).error() == Error::NotPermitted);
}

TEST_CASE("clone and unshare: what flags exclude each other") {
    World world;
    Process& process = *world.init;
    for (std::uint32_t flags :
         {f::new_mount | f::fs, f::new_user | f::fs, f::new_ipc | f::sysvsem, f::new_pid | f::parent,
          std::uint32_t{f::sighand}, f::thread | f::vm, f::vm | f::sighand | f::thread | f::new_user,
          std::uint32_t{f::new_network}, std::uint32_t{f::new_cgroup}, f::vm | f::sighand | f::thread | f::pidfd}) {
        CHECK(clone(world, process, flags).error() == Error::Invalid);
    }
    CHECK(unshare(world, process, f::new_network).error() == Error::Invalid); // this machine has no such kind
    CHECK(unshare(world, process, 1).error() == Error::Invalid);
    REQUIRE(clone(world, process, f::vm | f::sighand | f::thread));
    CHECK(unshare(world, process, f::new_user).error() == Error::Invalid);
    CHECK(unshare(world, process, f::thread).error() == Error::Invalid);
    CHECK(unshare(world, process, f::new_uts));
}

TEST_CASE("PID namespaces: depth, number and what is refused") {
    World world;
    Process* process = world.fork(*world.init);
    REQUIRE(unshare(world, *process, f::new_pid));
    CHECK(clone(world, *process, f::new_pid).error() == Error::Invalid);
    for (unsigned depth = 1; depth <= 32; ++depth) {
        auto const made = clone(world, *world.init, 0);
        static_cast<void>(made);
        Process* const child = world.fork(*process, depth == 1 ? 0 : std::uint32_t{f::new_pid});
        REQUIRE(child != nullptr);
        CHECK(child->space().level() == depth);
        process = child;
    }
    CHECK(clone(world, *process, f::new_pid).error() == Error::NoSpace);
    auto& quota = world.core.first_user_space->quota(proto::NamespaceKind::Pid);
    CHECK(quota.used_by(0) == 32);
    quota.maximum = quota.used_by(0);
    CHECK(clone(world, *world.init, f::new_pid).error() == Error::NoSpace);
    CHECK(clone(world, *world.init, 0));
}

TEST_CASE("a namespace that nobody has looked at is a note, and becomes real as it was") {
    World world;
    Process& process = *world.fork(*world.init);
    auto const made = world.owners.created;
    REQUIRE(unshare(world, process, f::new_uts | f::new_ipc));
    SharedNamespace* const first = Core::namespace_of(*world.init, 0);
    SharedNamespace* const uts = Core::namespace_of(process, 0);
    CHECK(world.owners.created == made);
    CHECK(uts->origin == first);
    // A copy of a note is a note of the same.
    Process& child = *world.fork(process, f::new_uts);
    SharedNamespace* const inner = Core::namespace_of(child, 0);
    CHECK(inner != uts);
    CHECK(inner->origin == first);
    // Another process comes into it: still nobody was asked.
    Process& other = *world.fork(*world.init);
    Core::Joined joined;
    joined.shared = inner;
    REQUIRE(world.core.set_namespace(*other.leader(), joined, 0));
    CHECK(Core::namespace_of(other, 0) == inner);
    CHECK(world.owners.created == made);
    // What it would be a copy of changes: it is made before.
    REQUIRE(world.core.settle_copies(*first));
    CHECK(world.owners.created == made + 2);
    CHECK(uts->capability != 0);
    CHECK(uts->origin == nullptr);
    CHECK(inner->capability != 0);
    CHECK(first->copies == nullptr);
    CHECK(world.core.inode_of(*uts) != world.core.inode_of(*inner));
    // An owner that has no room says so when it is asked.
    REQUIRE(unshare(world, process, f::new_uts));
    world.machine.fail_after = 0;
    CHECK_FALSE(world.core.materialize(*Core::namespace_of(process, 0)));
    world.machine.fail_after = -1;
    CHECK(world.core.materialize(*Core::namespace_of(process, 0)));
}

TEST_CASE("time namespaces: the caller keeps its clock, its children and its next program have the new one") {
    World world;
    Process& process = *world.fork(*world.init);
    REQUIRE(unshare(world, process, f::new_time));
    SharedNamespace* const later = process.namespaces->time_children;
    REQUIRE(later != nullptr);
    CHECK(process.namespaces->at[2] == world.init->namespaces->at[2]);
    REQUIRE(world.core.materialize(*later)); // as writing its offsets does
    world.owners.offsets[later->capability] = {5'000'000'000, -7};
    CHECK(world.core.area(*process.leader()).time_offset_low == 0);
    CHECK(clone(world, process, f::vm).error() == Error::Invalid); // one memory, one clock
    Process& child = *world.fork(process);
    CHECK(child.namespaces->at[2] == later);
    CHECK(later->frozen);
    CHECK(world.core.time_offsets(child) == std::array<std::int64_t, 2>{5'000'000'000, -7});
    CHECK(world.core.area(*child.leader()).time_offset_low == static_cast<Word>(5'000'000'000));
    CHECK(world.core.area(*child.leader()).boot_offset_high == ~Word{0});
    world.core.finish_execute(process, "program", {});
    CHECK(process.namespaces->at[2] == later);
    CHECK(process.namespaces->time_children == nullptr);
    CHECK(world.core.area(*process.leader()).time_offset_high == 1);
}

TEST_CASE("process descriptors: signals, waiting, and the end") {
    World world;
    Process& parent = *world.init;
    Process& child = *world.fork(parent);
    std::int32_t const number = child.pid->number();
    REQUIRE(world.core.open_process(parent, number, 0));
    CHECK(world.core.open_process(parent, 0, 0).error() == Error::Invalid);
    CHECK(world.core.open_process(parent, 4000, 0).error() == Error::NoProcess);
    Handle& handle = *child.pid->handles;
    handle.waiters.push_back({1, 77});
    auto signal = [&](Word badge, std::uint32_t which) {
        return world.call(*parent.leader(),
                          [&] { return world.core.signal_process(*parent.leader(), badge, which, nullptr); });
    };
    auto wait = [&](Word badge, std::uint32_t options) {
        return world.call(*parent.leader(), [&] { return world.core.wait_process(*parent.leader(), badge, options); });
    };
    CHECK(signal(12345, 9).error() == Error::BadDescriptor);
    CHECK(signal(handle.badge, 0));
    CHECK(wait(handle.badge, 4).error() == Error::Deferred);
    CHECK(wait(handle.badge, 4 | wait_option::no_hang)->pid == 0);
    REQUIRE(signal(handle.badge, 9));
    CHECK(Core::has_ended(*handle.process));
    CHECK(world.owners.signalled == std::vector<CapabilityPointer>{77});
    CHECK(wait(handle.badge, 4)->pid == number);
    CHECK(signal(handle.badge, 9).error() == Error::NoProcess);
    CHECK(wait(handle.badge, 4).error() == Error::NoChild);
    // The number is not given to another while the descriptor is there.
    CHECK(parent.space().find(number) == handle.process);
    Word const badge = handle.badge;
    world.core.handle_gone(badge);
    CHECK(world.core.handle_of(badge) == nullptr);
    CHECK(parent.space().find(number) == nullptr);
    CHECK(world.core.handle_count == 0);
}

TEST_CASE("sessions are opened when they are asked for, told whose they are, and closed with the namespace") {
    World world;
    Process& process = *world.fork(*world.init);
    CHECK(process.sessions[1] == 0);
    auto const session = world.core.open_session(process, 1);
    REQUIRE(session);
    CHECK(world.owners.vouched.at(*session).capabilities == capability::all);
    CHECK(world.machine.slots.at({process.cspace, linux_process::slot::ipc}) == *session);
    CHECK(*world.core.open_session(process, 1) == *session);
    REQUIRE(world.core.set_identity(process, 4, 1000, 1000, 1000));
    CHECK(world.owners.vouched.at(*session).user == 1000);
    CHECK(world.owners.vouched.at(*session).capabilities == 0);
    Process& child = *world.fork(process);
    CHECK(child.sessions[1] == 0);
    process.credentials.effective = capability::all;
    REQUIRE(unshare(world, process, f::new_ipc));
    CHECK(process.sessions[1] == 0);
    CHECK(!world.machine.slots.contains({process.cspace, linux_process::slot::ipc}));
    CHECK(!world.owners.given.contains(*session));
}
