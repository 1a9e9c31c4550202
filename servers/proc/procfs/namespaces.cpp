// Files of namespaces, and setns(2).
#include "common.hpp"
#include "procfs.hpp"

namespace proc {

using namespace procfs;

auto ProcFs::on(N::Identify, Sender& sender) -> Result<proto::NamespaceIdentity> {
    Open const* const file = open_of(sender);
    if (file == nullptr || file->named == nullptr) return fail(Error::Invalid);
    return proto::NamespaceIdentity{proto::NamespaceKind::Pid, file->named->inode(), file->named->parent() == nullptr ? 0 : file->named->parent()->inode(), 0, 0,
                                    file->named->references()};
}

auto ProcFs::set_namespace(Process& process, ipc::OptionalCap<F> const& cap, Word32 flags) -> Result<Unit> {
    if (!process.credentials.capable(capability::sys_admin)) {
        drop(cap);
        return fail(Error::NotPermitted);
    }
    if (cap.unwrapped) {
        Open const* const file = core.table.badges.find<Open>(cap.badge, ObjectKind::ProcessFile);
        if (file == nullptr || file->named == nullptr || (flags != 0 && flags != clone_flag::new_pid)) return fail(Error::Invalid);
        if (!process.space().contains(*file->named)) return fail(Error::Invalid);
        file->named->retain();
        if (process.child_space != nullptr) process.child_space->release();
        process.child_space = file->named;
        return Unit{};
    }
    if (cap.slot == 0) return fail(Error::BadDescriptor);
    auto const identity = core.owners.identify_namespace(cap.slot);
    auto finish = [&](Result<Unit> result) {
        core.machine.drop(cap.slot);
        return result;
    };
    if (!identity) return finish(fail(Error::Invalid));
    std::uint32_t const wanted = identity->kind == proto::NamespaceKind::Uts       ? clone_flag::new_uts
                                 : identity->kind == proto::NamespaceKind::Network ? clone_flag::new_network
                                 : identity->kind == proto::NamespaceKind::Mount   ? clone_flag::new_mount
                                                                                   : 0;
    if (wanted == 0 || (flags != 0 && flags != wanted)) return finish(fail(Error::Invalid));
    auto const session = wanted == clone_flag::new_mount ? core.owners.join_mount_namespace(process.vfs_session, cap.slot, Core::number_for_vfs(process))
                                                         : core.owners.enter_namespace(cap.slot);
    if (!session) return finish(fail(session.error()));
    auto put = [&](SharedCapability*& place, Word slot) {
        core.release(place);
        place = new SharedCapability{*session};
        static_cast<void>(core.machine.install(*process.cspace, slot, *session));
    };
    switch (identity->kind) {
    case proto::NamespaceKind::Uts: put(process.uts_session, linux_process::slot::uts); break;
    case proto::NamespaceKind::Network: put(process.network_session, linux_process::slot::network); break;
    default:
        core.machine.drop(process.vfs_session);
        process.vfs_session = *session;
        static_cast<void>(core.machine.install(*process.cspace, linux_process::slot::vfs, *session));
        core.tell_credentials(process);
        break;
    }
    return finish(Unit{});
}

} // namespace proc
