#include "change.hpp"
#include <bit>

namespace proc {

NamespaceChange::NamespaceChange(Core& core, Process& from) : core_{core}, from_{from}, user_{from.user_space} {}

NamespaceChange::~NamespaceChange() {
    core_.release(set_);
    if (pid_ != nullptr) pid_->release();
    if (files_ != 0) core_.machine.drop(files_);
}

bool NamespaceChange::capable(std::uint32_t number, UserNamespace const& over) const {
    std::uint64_t const effective = user_changed_ ? capability::all : from_.credentials.effective;
    return Core::capable(effective, from_.credentials.effective_user, *user_, over, number);
}

NamespaceSet& NamespaceChange::own_set() {
    if (set_ == nullptr) set_ = core_.copy_of(*from_.namespaces);
    return *set_;
}

/// The reference is taken over. What is in force for children only (time) is put aside for them.
void NamespaceChange::put(unsigned kind, SharedNamespace& name_space) {
    NamespaceSet& set = own_set();
    bool const time = core_.kinds[kind].kind == proto::NamespaceKind::Time;
    SharedNamespace*& place = time ? set.time_children : set.at[kind];
    if (!time) changed_ |= 1U << kind;
    core_.release(place);
    place = &name_space;
}

bool NamespaceChange::may_enter(UserNamespace const& owner) const {
    return capable(capability::sys_admin) && (&owner == user_.get() || capable(capability::sys_admin, owner));
}

auto NamespaceChange::create_user() -> Status {
    UserNamespace& parent = *user_;
    if (parent.level() >= UserNamespace::maximum_depth) return fail(Error::NoSpace);
    if (core_.owners.is_chrooted(from_.vfs_session)) return fail(Error::NotPermitted);
    std::uint32_t const user = from_.credentials.effective_user, group = from_.credentials.effective_group;
    if (!parent.users.maps_global(user) || !parent.groups.maps_global(group)) return fail(Error::NotPermitted);
    if (!parent.charge(proto::NamespaceKind::User, user)) return fail(Error::NoSpace);
    auto* const made = new UserNamespace{parent, core_.next_user_inode(), user, group};
    made->creator_had_setfcap = capable(capability::setfcap);
    if (auto told = core_.owners.publish_maps(*made); !told) {
        made->release();
        return told;
    }
    user_ = UserReference{made};
    made->release();
    user_changed_ = true;
    return ipc::Unit{};
}

auto NamespaceChange::create_pid() -> Status {
    if (from_.child_space != nullptr && from_.child_space != &from_.space()) return fail(Error::Invalid);
    PidNamespace& parent = from_.space();
    if (!parent.owner->contains(*user_)) return fail(Error::Invalid);
    std::uint32_t const user = from_.credentials.effective_user;
    if (parent.level() + 1 >= PidNamespace::maximum_depth || !user_->charge(proto::NamespaceKind::Pid, user))
        return fail(Error::NoSpace);
    pid_ = new PidNamespace{&parent, core_.next_pid_inode(), *user_, user};
    return ipc::Unit{};
}

auto NamespaceChange::create_kind(unsigned kind) -> Status {
    SharedNamespace* const old = from_.namespaces->at[kind];
    NamespaceKindEntry const& entry = core_.kinds[kind];
    std::uint32_t const user = from_.credentials.effective_user;
    if (!user_->charge(entry.kind, user)) return fail(Error::NoSpace);
    SharedNamespace& shared = core_.make_copy(core_.origin_for(old, kind), user_, user);
    if (entry.kind == proto::NamespaceKind::Cgroup) {
        // Its root is where the process is now.
        bool const same = &core_.root_group_of(from_) == from_.control_group.get();
        if (!same) shared.root = from_.control_group;
        if (same && old != nullptr) shared.root = old->root;
    }
    put(kind, shared);
    // Programs write to files of kinds that proc does not know: no copy of those can be made later.
    if (entry.flag != 0) return ipc::Unit{};
    auto made = core_.materialize(shared);
    if (!made) return fail(made.error());
    return ipc::Unit{};
}

auto NamespaceChange::create_kinds(std::uint32_t flags) -> Status {
    for (unsigned kind = 0; kind < core_.kinds.size(); ++kind) {
        if ((core_.kinds[kind].flag & flags) == 0) continue;
        if (auto made = create_kind(kind); !made) return made;
    }
    return ipc::Unit{};
}

auto NamespaceChange::fork_files(std::uint32_t flags) -> Status {
    auto made = core_.owners.fork_vfs_session(from_.vfs_session, flags, *user_, Core::number_for_vfs(from_));
    if (!made) return fail(made.error());
    files_ = *made;
    return ipc::Unit{};
}

auto NamespaceChange::join_user(UserNamespace& space) -> Status {
    if (&space == user_.get()) return fail(Error::Invalid);
    if (from_.threads.size() > 1) return fail(Error::Invalid);
    if (!capable(capability::sys_admin, space)) return fail(Error::NotPermitted);
    // Who comes as its owner could do all this before; of others the new capabilities are to be kept from their like.
    undumpable_ = space.owner_user() != from_.credentials.effective_user;
    user_ = UserReference{&space};
    user_changed_ = true;
    return ipc::Unit{};
}

auto NamespaceChange::join_pid(PidNamespace& space) -> Status {
    if (!may_enter(*space.owner)) return fail(Error::NotPermitted);
    if (!from_.space().contains(space)) return fail(Error::Invalid);
    space.retain();
    if (pid_ != nullptr) pid_->release();
    pid_ = &space;
    return ipc::Unit{};
}

auto NamespaceChange::join_shared(SharedNamespace& name_space) -> Status {
    bool const time = core_.kinds[name_space.kind].kind == proto::NamespaceKind::Time;
    if (time && from_.threads.size() > 1) return fail(Error::TooManyUsers);
    if (!may_enter(*name_space.owner)) return fail(Error::NotPermitted);
    NamespaceSet const& now = set_ != nullptr ? *set_ : *from_.namespaces;
    if (now.at[name_space.kind] == &name_space && (!time || now.time_children == nullptr)) return ipc::Unit{};
    NamespaceSet& set = own_set();
    changed_ |= 1U << name_space.kind;
    core_.release(set.at[name_space.kind]);
    set.at[name_space.kind] = &name_space;
    ++name_space.references;
    if (time) {
        core_.release(set.time_children);
        core_.freeze(name_space);
    }
    return ipc::Unit{};
}

auto NamespaceChange::join_kind(unsigned kind, CapabilityPointer taken, UserNamespace& owner, std::uint32_t inode)
    -> Status {
    auto* shared = new SharedNamespace{taken, 1, kind, UserReference{&owner}, inode};
    if (core_.kinds[kind].kind == proto::NamespaceKind::Cgroup)
        shared->root = GroupReference{Group::find(core_.owners.root_group(taken))};
    auto joined = join_shared(*shared);
    if (!joined) shared->capability = 0; // still the caller's
    core_.release(shared);
    return joined;
}

auto NamespaceChange::join_mount(CapabilityPointer name_space, UserNamespace& owner) -> Status {
    if (!may_enter(owner) || !capable(capability::sys_chroot)) return fail(Error::NotPermitted);
    if (from_.threads.size() > 1) return fail(Error::Invalid); // they share root and working directory
    return core_.owners.join_mount_namespace(from_.vfs_session, name_space, true);
}

void NamespaceChange::commit() {
    Process& process = from_;
    bool const files = files_ != 0;
    if (files) {
        std::swap(process.vfs_session, files_);
        static_cast<void>(
            core_.machine.install(*process.cspace, linux_process::slot::vfs, process.vfs_session)); // the slot is there
        core_.machine.drop(std::exchange(files_, 0));
        process.session_shared = process.network_told = false;
    }
    if (set_ != nullptr) {
        bool time = false;
        for (std::uint32_t left = changed_; left != 0; left &= left - 1) {
            auto const kind = static_cast<unsigned>(std::countr_zero(left));
            if (set_->at[kind] == process.namespaces->at[kind]) continue;
            core_.close_session(process, kind);
            time |= static_cast<int>(kind) == core_.time_kind;
            if (core_.kinds[kind].kind == proto::NamespaceKind::Network) core_.forget_network(process);
        }
        std::swap(process.namespaces, set_);
        core_.release(set_);
        if (time) core_.publish_time(process);
    }
    if (pid_ != nullptr) {
        if (process.child_space != nullptr) process.child_space->release();
        process.child_space = std::exchange(pid_, nullptr);
        if (process.child_space == &process.space()) {
            process.child_space->release();
            process.child_space = nullptr;
        }
    }
    if (user_changed_) {
        process.user_space = user_;
        process.credentials.become_owner();
        if (undumpable_) process.dumpable = false;
    }
    if (user_changed_) core_.publish_credentials(process);
}

void NamespaceChange::enter_time() {
    if ((set_ != nullptr ? *set_ : *from_.namespaces).time_children == nullptr) return;
    NamespaceSet& set = own_set();
    auto const time = static_cast<unsigned>(core_.time_kind);
    changed_ |= 1U << time;
    core_.release(set.at[time]);
    set.at[time] = std::exchange(set.time_children, nullptr);
    core_.freeze(*set.at[time]);
}

void NamespaceChange::give_to(Process& child) {
    child.credentials = from_.credentials;
    if (user_changed_) child.credentials.become_owner();
    child.user_space = user_;
    enter_time(); // a new process is in its parent's time namespace for children
    if (set_ != nullptr) {
        child.namespaces = std::exchange(set_, nullptr);
    } else {
        child.namespaces = from_.namespaces;
        ++child.namespaces->references;
    }
}

} // namespace proc
