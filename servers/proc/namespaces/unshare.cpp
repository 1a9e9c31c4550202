// unshare(2), setns(2), and what the namespaces of other servers need on proc's side.
#include "change.hpp"

namespace proc {

namespace {
namespace f = clone_flag;
/// What a program may ask on its own session. Host names are set through proc, which looks at capabilities over their owner; the other
/// kinds look at what they are told of the session's holder.
std::uint64_t program_operations(proto::NamespaceKind kind) {
    using U = proto::Uts;
    if (kind != proto::NamespaceKind::Uts) return proto::Namespace::every_operation & ~(std::uint64_t{1} << 63);
    return std::uint64_t{1} << U::Hostname::number | std::uint64_t{1} << U::Domainname::number;
}
constexpr std::uint32_t sharing = f::fs | f::files | f::thread | f::sighand | f::vm | f::sysvsem;
constexpr std::uint32_t own_kinds = f::new_mount | f::new_pid | f::new_user;
} // namespace

bool Core::capable(std::uint64_t effective, std::uint32_t effective_user, UserNamespace const& own,
                   UserNamespace const& over, std::uint32_t number) {
    for (UserNamespace const* space = &over;; space = space->parent()) {
        if (space == &own) return (effective >> number & 1) != 0;
        if (space->level() <= own.level()) return false;
        // Who made it, in the namespace around it, may do anything in it.
        if (space->parent() == &own && space->owner_user() == effective_user) return true;
    }
}

std::uint64_t Core::capabilities_over(Process const& process, UserNamespace const& over) {
    UserNamespace const& own = *process.user_space;
    for (UserNamespace const* space = &over;; space = space->parent()) {
        if (space == &own) return process.credentials.effective;
        if (space->level() <= own.level()) return 0;
        if (space->parent() == &own && space->owner_user() == process.credentials.effective_user)
            return capability::all;
    }
}

bool Core::may_inspect(Process const& process, Process const& target) {
    if (&process == &target) return true;
    UserNamespace const& space = *target.user_space;
    if (capable(process, space, capability::sys_ptrace)) return true;
    if (!target.dumpable || !process.credentials.may_inspect(target.credentials)) return false;
    return &space == process.user_space.get() && (target.credentials.permitted & ~process.credentials.effective) == 0;
}

void Core::release(NamespaceSet*& set) {
    if (set != nullptr && --set->references == 0) {
        for (SharedNamespace*& each : set->at) release(each);
        release(set->time_children);
        delete set;
    }
    set = nullptr;
}

ipc::Result<CapabilityPointer> Core::open_session(Process& process, unsigned kind) {
    CapabilityPointer& session = process.sessions[kind];
    if (session != 0) {
        auto const identity = owners.identify_namespace(session);
        bool const gone = !identity && (identity.error() == ipc::from_kernel(abi::Error::InvalidCapability) ||
                                        identity.error() == ipc::from_kernel(abi::Error::FailedLookup));
        if (!gone) return session;
        close_session(process, kind); // its server has died, and was started again
    }
    SharedNamespace* const name_space = namespace_of(process, kind);
    if (name_space == nullptr) return fail(Error::NotSupported);
    auto const made = materialize(*name_space);
    if (!made) return made;
    auto opened = owners.enter_namespace(*made, program_operations(kinds[kind].kind));
    if (!opened) return opened;
    session = *opened;
    vouch(process, kind);
    if (kinds[kind].kind == proto::NamespaceKind::Ipc) owners.watch_queues();
    if (CapabilityPointer const slot = kinds[kind].session_slot; slot != 0) {
        if (auto installed = machine.install(*process.cspace, slot, session); !installed) {
            machine.drop(std::exchange(session, 0));
            return fail(installed.error());
        }
    }
    return session;
}

void Core::close_session(Process& process, unsigned kind) {
    if (process.sessions[kind] == 0) return;
    if (CapabilityPointer const slot = kinds[kind].session_slot; slot != 0 && process.cspace != nullptr)
        machine.remove(*process.cspace, slot, 1);
    machine.drop(std::exchange(process.sessions[kind], 0));
}

ipc::Result<ipc::Unit> Core::set_host_name(Process& process, bool domain, proto::HostName const& name) {
    int const kind = kinds.find(proto::NamespaceKind::Uts);
    SharedNamespace* const uts = kind < 0 ? nullptr : namespace_of(process, static_cast<unsigned>(kind));
    if (uts == nullptr || !capable(process, *uts->owner, capability::sys_admin)) return fail(Error::NotPermitted);
    if (auto settled = settle_copies(*uts); !settled) return settled;
    auto const made = materialize(*uts);
    if (!made) return fail(made.error());
    // The process's own session does not allow it: what it may do is looked at here.
    auto const session = owners.enter_namespace(*made, proto::Namespace::every_operation);
    if (!session) return fail(session.error());
    auto const set = owners.set_host_name(*session, domain, name);
    machine.drop(*session);
    return set;
}

std::string Core::host_name(Process& process, bool domain) {
    int const kind = kinds.find(proto::NamespaceKind::Uts);
    auto const session = kind < 0 ? fail(Error::NotSupported) : open_session(process, static_cast<unsigned>(kind));
    auto const name = session ? owners.host_name(*session, domain) : fail(session.error());
    return name ? std::string{name->view()} : std::string{};
}

std::uint32_t Core::network_of(Process& process) {
    int const kind = kinds.find(proto::NamespaceKind::Network);
    SharedNamespace* const network = kind < 0 ? nullptr : process.namespaces->at[static_cast<unsigned>(kind)];
    std::uint32_t const inode = network != nullptr ? inode_of(*network) : 0;
    return inode != 0 ? inode : no_network;
}

ipc::Result<ipc::Unit> Core::tell_network(Process& process) {
    process.network_told = true;
    int const kind = kinds.find(proto::NamespaceKind::Network);
    SharedNamespace const* const network = kind < 0 ? nullptr : process.namespaces->at[static_cast<unsigned>(kind)];
    owners.set_network(process.vfs_session, network_of(process),
                       network != nullptr ? number_for_owners(*network->owner) : 0);
    return ipc::Unit{};
}

void Core::forget_network(Process& process) {
    if (!process.network_told) return;
    process.network_told = process.session_shared;
    owners.set_network(process.vfs_session, 0, 0);
}

std::string Core::network_table(Process& process, std::uint32_t table) {
    if (table == static_cast<std::uint32_t>(proto::NetworkTable::Unix))
        return owners.local_socket_table(network_of(process)); // vfs has those
    int const kind = kinds.find(proto::NamespaceKind::Network);
    auto const session = kind < 0 ? fail(Error::NotSupported) : open_session(process, static_cast<unsigned>(kind));
    return session ? owners.network_table(*session, table) : std::string{};
}

ipc::Result<std::array<std::int32_t, 2>> Core::network_setting(Process& process, std::uint32_t setting,
                                                               std::array<std::int32_t, 2> const* change) {
    int const kind = kinds.find(proto::NamespaceKind::Network);
    auto const session = kind < 0 ? fail(Error::NotSupported) : open_session(process, static_cast<unsigned>(kind));
    if (!session) return fail(session.error());
    return owners.network_setting(*session, setting, change);
}

void Core::vouch(Process& process, unsigned kind) {
    SharedNamespace const& name_space = *process.namespaces->at[kind];
    Credentials const& c = process.credentials;
    proto::SessionCredentials told{};
    told.user = c.file_user;
    told.group = c.file_group;
    told.group_count = c.group_count;
    std::copy_n(c.groups.begin(), c.group_count, told.groups);
    told.user_space = process.user_space->inode();
    told.process = process.pid->number();
    told.process_space = process.space().inode();
    told.capabilities = capabilities_over(process, *name_space.owner);
    owners.vouch(name_space.capability, process.sessions[kind], told);
}

void Core::publish_credentials(Process& process) {
    tell_credentials(process);
    for (unsigned kind = 0; kind < kinds.size(); ++kind) {
        if (process.sessions[kind] != 0) vouch(process, kind);
    }
}

void Core::freeze(SharedNamespace& time) {
    if (time.frozen) return;
    if (time.capability != 0) {
        time.offsets = owners.time_offsets(time.capability, true);
    } else {
        SharedNamespace const& origin = *time.origin; // which has not changed since
        time.offsets = origin.frozen ? origin.offsets : owners.time_offsets(origin.capability, false);
    }
    time.frozen = true;
}

std::array<std::int64_t, 2> Core::time_offsets(Process const& process) const {
    SharedNamespace const* const time =
        time_kind < 0 ? nullptr : namespace_of(process, static_cast<unsigned>(time_kind));
    return time != nullptr ? time->offsets : std::array<std::int64_t, 2>{};
}

void Core::publish_time(Process& process) {
    process.threads.each([&](Thread& thread) {
        if (thread.kernel != nullptr) fill_time(thread);
    });
}

ipc::Result<ipc::Unit> Core::unshare(Thread& thread, std::uint32_t flags) {
    Process& process = *thread.process;
    // Checks that have no effect.
    if ((flags & ~(sharing | own_kinds | kinds.flags())) != 0) return fail(Error::Invalid);
    if ((flags & f::new_user) != 0) flags |= f::thread | f::fs;
    if ((flags & f::vm) != 0) flags |= f::sighand;
    if ((flags & f::sighand) != 0) flags |= f::thread;
    if ((flags & f::new_mount) != 0) flags |= f::fs;
    if ((flags & f::thread) != 0 && process.threads.size() > 1) return fail(Error::Invalid);
    if ((flags & f::vm) != 0 && process.memory->references() > 1) return fail(Error::Invalid);
    if ((flags & f::sighand) != 0 && process.handlers->references > 1) return fail(Error::Invalid);

    NamespaceChange change{*this, process};
    if ((flags & f::new_user) != 0) {
        if (auto made = change.create_user(); !made) return made;
    }
    if ((flags & (f::new_all & ~f::new_user)) != 0 && !change.capable(capability::sys_admin))
        return fail(Error::NotPermitted);
    if ((flags & f::new_pid) != 0) {
        if (auto made = change.create_pid(); !made) return made;
    }
    if (auto made = change.create_kinds(flags); !made) return made;
    if ((flags & f::fs) != 0) {
        if (auto made = change.fork_files((flags & f::new_mount) != 0 ? 2 : 0); !made) return made;
    }
    change.commit();
    return ipc::Unit{};
}

ipc::Result<ipc::Unit> Core::unshare_kind(Thread& thread, std::string_view name) {
    int const kind = kinds.find(name);
    if (kind < 0) return fail(Error::Invalid);
    NamespaceChange change{*this, *thread.process};
    if (!change.capable(capability::sys_admin)) return fail(Error::NotPermitted);
    if (auto made = change.create_kind(static_cast<unsigned>(kind)); !made) return made;
    change.commit();
    return ipc::Unit{};
}

namespace {
/// setns with a pidfd: all the kinds asked for of that process, user first.
ipc::Result<ipc::Unit> join_process(Core& core, NamespaceChange& change, Process& own, Process& target,
                                    std::uint32_t flags) {
    if (!Core::may_inspect(own, target)) return fail(Error::NotPermitted);
    if ((flags & f::new_user) != 0) {
        if (auto joined = change.join_user(*target.user_space); !joined) return joined;
    }
    if ((flags & f::new_pid) != 0) {
        if (auto joined = change.join_pid(target.space()); !joined) return joined;
    }
    for (unsigned kind = 0; kind < core.kinds.size(); ++kind) {
        SharedNamespace* const name_space = Core::namespace_of(target, kind);
        if ((core.kinds[kind].flag & flags) == 0 || name_space == nullptr) continue;
        if (auto joined = change.join_shared(*name_space); !joined) return joined;
    }
    if ((flags & f::new_mount) == 0) return ipc::Unit{};
    auto const name_space = core.owners.namespace_of(target.vfs_session);
    if (!name_space) return fail(name_space.error());
    auto const identity = core.owners.identify_namespace(*name_space);
    UserNamespace* const owner = identity ? UserNamespace::find(identity->user) : nullptr;
    auto const joined = change.join_mount(*name_space, owner != nullptr ? *owner : *core.first_user_space);
    core.machine.drop(*name_space);
    return joined;
}

/// What another server's capability stands for, if `flags` say nothing else: a mount namespace, which is entered at once, or one of
/// a kind whose files are their owner's.
ipc::Result<ipc::Unit> join_other(Core& core, NamespaceChange& change, Process& process, CapabilityPointer& other,
                                  std::uint32_t flags) {
    // vfs looks at permission itself, and says Invalid if it is none of its own.
    if (flags == 0 || flags == f::new_mount) {
        auto const joined = process.threads.size() > 1
                                ? fail(Error::Invalid)
                                : core.owners.join_mount_namespace(process.vfs_session, other, false);
        if (joined || joined.error() != Error::Invalid) return joined;
    }
    auto const identity = core.owners.identify_namespace(other);
    int const kind = identity ? core.kinds.find(identity->kind) : -1;
    if (kind < 0 || (flags != 0 && flags != core.kinds[static_cast<unsigned>(kind)].flag)) return fail(Error::Invalid);
    UserNamespace* const found = identity->user == 0 ? nullptr : UserNamespace::find(identity->user);
    UserNamespace& owner = found != nullptr ? *found : *core.first_user_space;
    SharedNamespace* const now = Core::namespace_of(process, static_cast<unsigned>(kind));
    if (now != nullptr && now->capability != 0 && core.inode_of(*now) == identity->inode)
        return change.join_shared(*now);
    // A program's descriptor does not allow what its processes need of it.
    auto const whole = core.owners.recovered(core.kinds[static_cast<unsigned>(kind)].first, other);
    if (!whole) return fail(Error::Invalid);
    auto const joined = change.join_kind(static_cast<unsigned>(kind), *whole, owner, identity->inode);
    core.machine.drop(joined ? std::exchange(other, 0) : *whole);
    return joined;
}
} // namespace

ipc::Result<ipc::Unit> Core::join_namespace(Thread& thread, SharedNamespace& shared, std::uint32_t flags) {
    Process& process = *thread.process;
    if (flags != 0 && flags != kinds[shared.kind].flag) return fail(Error::Invalid);
    // Where it is already, nothing changes; the usual case of those who come back.
    if (&shared == process.namespaces->at[shared.kind] && process.namespaces->time_children == nullptr &&
        process.threads.size() == 1 && capable(process, *shared.owner, capability::sys_admin) &&
        capable(process, *process.user_space, capability::sys_admin)) {
        return ipc::Unit{};
    }
    NamespaceChange change{*this, process};
    if (auto joined = change.join_shared(shared); !joined) return joined;
    change.commit();
    return ipc::Unit{};
}

ipc::Result<ipc::Unit> Core::set_namespace(Thread& thread, Joined& joined, std::uint32_t flags) {
    if (joined.shared != nullptr) return join_namespace(thread, *joined.shared, flags);
    Process& process = *thread.process;
    NamespaceChange change{*this, process};
    auto wants = [&](std::uint32_t kind) { return flags == 0 || flags == kind; };
    ipc::Result<ipc::Unit> result = fail(Error::Invalid);
    if (joined.process != nullptr) {
        if (flags == 0 || (flags & ~(own_kinds | kinds.flags())) != 0) return fail(Error::Invalid);
        Process* const target = joined.process->process;
        if (target == nullptr || !target->alive()) return fail(Error::NoProcess);
        result = join_process(*this, change, process, *target, flags);
    } else if (joined.pid != nullptr) {
        if (wants(f::new_pid)) result = change.join_pid(*joined.pid);
    } else if (joined.user != nullptr) {
        if (wants(f::new_user)) result = change.join_user(*joined.user);
    } else {
        result = join_other(*this, change, process, joined.other, flags);
    }
    if (!result) return result;
    change.commit();
    return result;
}

} // namespace proc
