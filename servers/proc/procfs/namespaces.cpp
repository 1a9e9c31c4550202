// /proc/PID/ns; namespaces and processes as open files; setns and ioctl_ns by them.
#include "procfs.hpp"
#include "text.hpp"

namespace proc {

namespace {
constexpr std::uint32_t namespace_device_minor = 4, get_user_namespace = 0xb701, get_parent = 0xb702, get_type = 0xb703,
                        get_owner = 0xb704;
} // namespace

auto ProcFs::namespace_inode(Walk const& walk) -> Result<std::uint32_t> {
    using What = NamespaceEntry::What;
    Process* const process = process_of(walk.node);
    if (process == nullptr || !process->alive()) return fail(Error::NoEntry);
    NamespaceEntry const entry = namespace_entry(core, walk.node.number);
    switch (entry.what) {
    case What::Pid: return process->space().inode();
    case What::PidChildren:
        return process->child_space != nullptr ? process->child_space->inode() : process->space().inode();
    case What::User: return process->user_space->inode();
    case What::Mount: {
        auto const name_space = core.owners.namespace_of(process->vfs_session);
        if (!name_space) return fail(name_space.error());
        auto const identity = core.owners.identify_namespace(*name_space);
        core.machine.drop(*name_space);
        if (!identity) return fail(identity.error());
        return identity->inode;
    }
    case What::Other:
    case What::TimeChildren: break;
    }
    bool const later = entry.what == What::TimeChildren && process->namespaces->time_children != nullptr;
    SharedNamespace* const name_space =
        later ? process->namespaces->time_children : process->namespaces->at[entry.kind];
    if (name_space == nullptr) return fail(Error::NoEntry);
    return core.inode_of(*name_space);
}

auto ProcFs::open_namespace(Walk const& walk) -> Result<OpenedNamespace> {
    using What = NamespaceEntry::What;
    auto const inode = namespace_inode(walk);
    if (!inode) return fail(inode.error());
    Process& process = *process_of(walk.node);
    if (!may_open(walk.caller, walk.node)) return fail(Error::Access);
    NamespaceEntry const entry = namespace_entry(core, walk.node.number);
    Result<CapabilityPointer> made = fail(Error::NoEntry);
    bool keep = true;
    switch (entry.what) {
    case What::Pid: made = core.make_handle(process.space()); break;
    case What::PidChildren:
        made = core.make_handle(process.child_space != nullptr ? *process.child_space : process.space());
        break;
    case What::User: made = core.make_handle(*process.user_space); break;
    case What::Mount:
        made = core.owners.namespace_of(process.vfs_session);
        keep = false;
        break;
    case What::Other:
    case What::TimeChildren: {
        bool const later = entry.what == What::TimeChildren && process.namespaces->time_children != nullptr;
        SharedNamespace& name_space = later ? *process.namespaces->time_children : *process.namespaces->at[entry.kind];
        if (core.kinds[entry.kind].flag != 0) {
            made = core.make_handle(name_space);
            break;
        }
        // A kind that proc does not know by a flag: the capability itself, so that its file is what its owner makes of it.
        std::uint64_t allowed = proto::Namespace::program_operations;
        // A kind whose file can be written lets root over it do so.
        if (walk.caller != nullptr && Core::capable(*walk.caller->process, *name_space.owner, capability::sys_admin))
            allowed |= proto::Namespace::write_operation;
        auto const real = core.materialize(name_space);
        made = real ? core.owners.attenuated(*real, allowed) : real;
        keep = false;
        break;
    }
    }
    if (!made) return fail(made.error());
    return OpenedNamespace{*made, keep, *inode};
}

std::uint32_t ProcFs::inode_of(Handle const& handle) const {
    if (handle.shared != nullptr) return core.inode_of(*handle.shared);
    return handle.pid_space != nullptr ? handle.pid_space->inode() : handle.user_space->inode();
}

proto::FileStatus ProcFs::handle_status(Handle const& handle) const {
    proto::FileStatus status{};
    status.links = 1;
    status.block_size = 4096;
    if (handle.process != nullptr) { // an anonymous inode
        status.mode = 0600;
        status.inode = 2;
        status.device_minor = 14;
    } else {
        status.mode = 0100444;
        status.inode = inode_of(handle);
        status.device_minor = namespace_device_minor;
    }
    return status;
}

std::string ProcFs::handle_name(Handle const& handle) const {
    if (handle.process != nullptr) return "anon_inode:[pidfd]";
    std::string_view const kind = handle.shared != nullptr      ? core.kinds[handle.shared->kind].name.view()
                                  : handle.pid_space != nullptr ? "pid"
                                                                : "user";
    return (TextBuilder{} << kind << ":[" << inode_of(handle) << ']').take();
}

// --- setns, ioctl_ns ---

Core::Joined ProcFs::joined_by(ipc::OptionalCap<F> const& file) const {
    Core::Joined joined;
    joined.other = file.slot;
    if (Handle const* const handle = file.unwrapped ? core.handle_of(file.badge) : nullptr) {
        joined.pid = handle->pid_space;
        joined.user = handle->user_space.get();
        joined.process = handle->process;
        joined.shared = handle->shared;
    }
    return joined;
}

auto ProcFs::set_namespace(Thread& thread, ipc::OptionalCap<F> const& file, Word32 flags) -> Result<Unit> {
    Handle const* const handle = file.unwrapped ? core.handle_of(file.badge) : nullptr;
    if (handle != nullptr && handle->shared != nullptr) return core.join_namespace(thread, *handle->shared, flags);
    Core::Joined joined = joined_by(file);
    if (joined.pid == nullptr && joined.user == nullptr && joined.process == nullptr && joined.shared == nullptr &&
        joined.other == 0)
        return fail(Error::Invalid);
    auto const result = core.set_namespace(thread, joined, flags);
    if (joined.other != 0) core.machine.drop(joined.other);
    return result;
}

auto ProcFs::namespace_attribute(Process& process, ipc::OptionalCap<F> const& file, Word32 request) -> Result<Word32> {
    Core::Joined const joined = joined_by(file);
    auto answer = [&]() -> Result<Word32> {
        proto::NamespaceKind kind{};
        if (joined.pid != nullptr) {
            kind = proto::NamespaceKind::Pid;
        } else if (joined.user != nullptr) {
            kind = proto::NamespaceKind::User;
        } else if (joined.shared != nullptr) {
            kind = core.kinds[joined.shared->kind].kind;
        } else {
            auto const identity =
                joined.other == 0 ? fail(Error::NotTerminal) : core.owners.identify_namespace(joined.other);
            if (!identity) return fail(Error::NotTerminal);
            kind = identity->kind;
        }
        if (request == get_type) return proto::namespace_flag(kind);
        if (request != get_owner) return fail(Error::NotTerminal);
        if (joined.user == nullptr) return fail(Error::Invalid);
        return Core::user_in(*process.user_space, joined.user->owner_user());
    }();
    drop(file);
    return answer;
}

auto ProcFs::related_namespace(Process& process, ipc::OptionalCap<F> const& file, Word32 request)
    -> Result<CapabilityPointer> {
    Core::Joined const joined = joined_by(file);
    auto answer = [&]() -> Result<CapabilityPointer> {
        if (request == proto::namespace_itself && joined.shared != nullptr) {
            auto const real = core.materialize(*joined.shared);
            return real ? core.owners.attenuated(*real, proto::Namespace::program_operations) : real;
        }
        if (request != get_user_namespace && request != get_parent) return fail(Error::NotTerminal);
        UserNamespace* owner = nullptr;
        if (joined.pid != nullptr) {
            if (request == get_parent) {
                PidNamespace* const parent = joined.pid->parent();
                if (parent == nullptr || !process.space().contains(*parent)) return fail(Error::NotPermitted);
                return core.make_handle(*parent);
            }
            owner = joined.pid->owner.get();
        } else if (joined.user != nullptr) {
            owner = joined.user->parent();
        } else if (joined.shared != nullptr) {
            if (request == get_parent) return fail(Error::Invalid);
            owner = joined.shared->owner.get();
        } else {
            auto const identity =
                joined.other == 0 ? fail(Error::NotTerminal) : core.owners.identify_namespace(joined.other);
            if (!identity) return fail(Error::NotTerminal);
            if (request == get_parent) return fail(Error::Invalid);
            owner = UserNamespace::find(identity->user);
            if (owner == nullptr) owner = core.first_user_space.get();
        }
        // Nothing above one's own is shown.
        if (owner == nullptr || !process.user_space->contains(*owner)) return fail(Error::NotPermitted);
        return core.make_handle(*owner);
    }();
    drop(file);
    return answer;
}

auto ProcFs::on(N::Identify, Sender& sender) -> Result<proto::NamespaceIdentity> {
    Handle const* const handle = handle_of(sender);
    if (handle == nullptr || handle->process != nullptr) return fail(Error::Invalid);
    if (PidNamespace const* const pid = handle->pid_space) {
        return proto::NamespaceIdentity{proto::NamespaceKind::Pid,
                                        pid->inode(),
                                        pid->parent() == nullptr ? 0 : pid->parent()->inode(),
                                        pid->owner->inode(),
                                        0,
                                        pid->references()};
    }
    if (SharedNamespace* const shared = handle->shared) {
        return proto::NamespaceIdentity{
            core.kinds[shared->kind].kind, core.inode_of(*shared), 0, shared->owner->inode(), 0, shared->references};
    }
    UserNamespace const& user = *handle->user_space;
    std::uint32_t const parent = user.parent() == nullptr ? 0 : user.parent()->inode();
    return proto::NamespaceIdentity{proto::NamespaceKind::User, user.inode(), parent, parent, 0, user.references()};
}

} // namespace proc
