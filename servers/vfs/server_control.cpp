// Protocols VfsControl and Namespace.
#include "server.hpp"

namespace vfs {
namespace {
template <class P>
Result<ipc::Cap<P>> capability_of(Result<Slot> const& slot) {
    if (!slot) { return fail(slot.error()); }
    return ipc::Cap<P>{*slot};
}
} // namespace

Result<ipc::Cap<proto::VfsSession>> Server::on(C::FirstSession, Sender& sender) {
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    return capability_of<proto::VfsSession>(vfs_.first_session());
}

Result<ipc::Cap<proto::VfsSession>> Server::on(C::ForkSession, Sender& sender, SessionCap from, std::uint32_t flags,
                                               std::uint32_t user_namespace, std::uint32_t process) {
    if (from.slot != 0) { sender.delete_after_reply(from.slot); }
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    Session* const original = session(from);
    if (original == nullptr) { return fail(Error::BadDescriptor); }
    return capability_of<proto::VfsSession>(
        vfs_.fork_session(*original, (flags & 1) != 0, (flags & 2) != 0, user_namespace, process));
}

Result<ipc::Unit> Server::on(C::SetCredentials, Sender& sender, SessionCap cap, proto::Credentials const& who) {
    if (cap.slot != 0) { sender.delete_after_reply(cap.slot); }
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    Session* const target = session(cap);
    if (target == nullptr) { return fail(Error::BadDescriptor); }
    vfs_.set_credentials(*target, who);
    return Unit{};
}

Result<std::uint32_t> Server::on(C::SetQuota, Sender& sender, std::uint64_t bytes, ipc::Path const& path) {
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    auto const text = path_text(sender, path);
    if (!text) { return fail(text.error()); }
    return vfs_.set_quota(bytes, *text);
}

Result<proto::DiskUsage> Server::on(C::QuotaUsage, Sender& sender, std::uint32_t domain) {
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    return vfs_.quota_usage(domain);
}

Result<ipc::Unit> Server::on(C::SetQuotaPolicy, Sender& sender, std::uint32_t domain, std::uint64_t bytes,
                             std::uint32_t flags) {
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    return unit(vfs_.set_quota_policy(domain, bytes, (flags & 1) != 0));
}

Result<ipc::Unit> Server::on(C::ReleaseQuota, Sender& sender, std::uint32_t domain) {
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    return unit(vfs_.release_quota(domain));
}

Result<ipc::Cap<proto::VfsSession>> Server::on(C::ContainerSession, Sender& sender, std::uint32_t domain,
                                               ipc::Path const& path) {
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    auto const text = path_text(sender, path);
    if (!text) { return fail(text.error()); }
    return capability_of<proto::VfsSession>(vfs_.container_session(domain, *text));
}

Result<ipc::Unit> Server::on(C::MountAt, Sender& sender, SessionCap cap, ipc::Cap<proto::Directory> file_system,
                             ipc::Text<16> const& type, ipc::Path const& path) {
    if (cap.slot != 0) { sender.delete_after_reply(cap.slot); }
    Error error = Error::None;
    Session* const target = session(cap);
    if (!is_control(sender)) {
        error = Error::NotPermitted;
    } else if (target == nullptr) {
        error = Error::BadDescriptor;
    } else if (auto const text = path_text(sender, path); !text) {
        error = text.error();
    } else {
        error = vfs_.mount_at(*target, file_system.slot, type.view(), *text);
    }
    if (error != Error::None) { sender.delete_after_reply(file_system.slot); }
    return unit(error);
}

Result<ipc::Unit> Server::on(C::RegisterDevice, Sender& sender, std::uint32_t major, std::uint32_t minor,
                             std::uint32_t count, ipc::Cap<proto::Directory> server) {
    Error const error =
        is_control(sender) ? vfs_.register_device({major, minor, count, server.slot}) : Error::NotPermitted;
    if (error != Error::None) { sender.delete_after_reply(server.slot); }
    return unit(error);
}

Result<std::array<std::uint64_t, 8>> Server::on(C::Usage, Sender& sender) {
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    return vfs_.usage();
}

Result<proto::QuotaEvent> Server::on(C::TakeQuotaEvent, Sender& sender) {
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    return vfs_.take_quota_event();
}

Result<ipc::Unit> Server::on(C::NotifyQuota, Sender& sender, ipc::Cap<ipc::Notification> notification) {
    if (!is_control(sender)) {
        sender.delete_after_reply(notification.slot);
        return fail(Error::NotPermitted);
    }
    vfs_.notify_quota(notification.slot);
    return Unit{};
}

Result<ipc::Unit> Server::on(C::SetUserMap, Sender& sender, proto::UserNamespace const& which, ipc::ReadBuffer const&) {
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    if (which.user_extents > ipc::IdMap::maximum_extents || which.group_extents > ipc::IdMap::maximum_extents) {
        return fail(Error::Invalid);
    }
    std::vector<ipc::IdExtent> users(which.user_extents), groups(which.group_extents);
    auto const user_bytes = std::as_writable_bytes(std::span{users}),
               group_bytes = std::as_writable_bytes(std::span{groups});
    if (sender.read_length < user_bytes.size() + group_bytes.size()) { return fail(Error::Invalid); }
    if (sender.copy_in(0, user_bytes).count < user_bytes.size() ||
        sender.copy_in(static_cast<std::uint32_t>(user_bytes.size()), group_bytes).count < group_bytes.size()) {
        return fail(Error::Fault);
    }
    return unit(vfs_.set_user_map(which, users, groups));
}

Result<ipc::Unit> Server::on(C::ForgetUser, Sender& sender, std::uint32_t user_namespace) {
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    vfs_.forget_user(user_namespace);
    return Unit{};
}

Result<ipc::Unit> Server::on(C::JoinNamespace, Sender& sender, SessionCap joining,
                             ipc::OptionalCap<proto::Namespace> target, std::uint32_t permitted) {
    if (joining.slot != 0) { sender.delete_after_reply(joining.slot); }
    if (target.slot != 0) { sender.delete_after_reply(target.slot); }
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    Session* const view = session(joining);
    if (view == nullptr) { return fail(Error::BadDescriptor); }
    NamespaceHandle* const handle = target.unwrapped ? vfs_.name_space(target.badge) : nullptr;
    if (handle == nullptr) { return fail(Error::Invalid); }
    return unit(vfs_.join_name_space(*view, *handle->space, permitted != 0));
}

Result<std::uint32_t> Server::on(C::IsChrooted, Sender& sender, SessionCap asked) {
    if (asked.slot != 0) { sender.delete_after_reply(asked.slot); }
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    Session* const view = session(asked);
    if (view == nullptr) { return fail(Error::BadDescriptor); }
    return vfs_.is_chrooted(*view) ? 1U : 0U;
}

Result<ipc::Unit> Server::on(C::SetNetwork, Sender& sender, SessionCap asked, std::uint32_t network,
                             std::uint32_t user_namespace) {
    if (asked.slot != 0) { sender.delete_after_reply(asked.slot); }
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    Session* const view = session(asked);
    if (view == nullptr) { return fail(Error::BadDescriptor); }
    vfs_.set_network(*view, network, user_namespace);
    return Unit{};
}

Result<ipc::Unit> Server::on(C::SetMountLimit, Sender& sender, std::uint32_t user_namespace, std::uint32_t maximum) {
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    vfs_.set_mount_limit(user_namespace, maximum);
    return Unit{};
}

Result<Transfer> Server::on(C::SocketTable, Sender& sender, std::uint32_t network, std::uint32_t offset,
                            ipc::WriteBuffer const&) {
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    std::string const text = vfs_.socket_table(network);
    if (offset >= text.size()) { return Transfer{}; }
    std::size_t const part = std::min<std::size_t>(text.size() - offset, sender.write_length);
    return SenderCaller::of(sender.copy_out(0, std::as_bytes(std::span{text.data() + offset, part})));
}

Result<proto::FileStatus> Server::on(C::Status, Sender& sender, FileCap cap) {
    if (cap.slot != 0) { sender.delete_after_reply(cap.slot); }
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    OpenFile* const open = cap.unwrapped ? vfs_.file(cap.badge) : nullptr;
    if (open == nullptr) { return fail(Error::BadDescriptor); }
    return open->status({});
}

Result<proto::PseudoTerminal> Server::on(C::NewTerminal, Sender& sender, FileCap multiplexer) {
    if (multiplexer.slot != 0) { sender.delete_after_reply(multiplexer.slot); }
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    OpenFile const* const open = multiplexer.unwrapped ? vfs_.file(multiplexer.badge) : nullptr;
    if (open == nullptr) { return fail(Error::BadDescriptor); }
    return vfs_.new_terminal(*open);
}

Result<ipc::Unit> Server::on(C::SetTerminal, Sender& sender, proto::PseudoTerminal const& which,
                             ipc::Cap<proto::Directory> read, ipc::Cap<proto::Directory> write,
                             ipc::Cap<proto::Directory> both) {
    Error const error =
        is_control(sender) ? vfs_.set_terminal(which, {read.slot, write.slot, both.slot}) : Error::NotPermitted;
    if (error != Error::None) {
        for (Slot const slot : {read.slot, write.slot, both.slot}) { sender.delete_after_reply(slot); }
    }
    return unit(error);
}

Result<ipc::Unit> Server::on(C::EndTerminal, Sender& sender, proto::PseudoTerminal const& which) {
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    vfs_.end_terminal(which);
    return Unit{};
}

Result<proto::FileStatus> Server::on(C::TerminalStatus, Sender& sender, proto::PseudoTerminal const& which) {
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    return vfs_.terminal_status(which);
}

Result<ipc::Unit> Server::on(C::DenyWrite, Sender& sender, FileCap cap, std::uint32_t deny) {
    if (cap.slot != 0) { sender.delete_after_reply(cap.slot); }
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    OpenFile* const open = cap.unwrapped ? vfs_.file(cap.badge) : nullptr;
    return open == nullptr ? fail(Error::BadDescriptor) : unit(open->deny_write(deny != 0));
}

// A mount namespace is known by its sessions: a process gets one with VfsControl::ForkSession and JoinNamespace, so that nobody gets a view
// with other credentials than proc vouches for. What is called Namespace here says what it is and keeps it.

MountNamespace* Server::name_space(Sender const& sender) {
    if (NamespaceHandle* const handle = vfs_.name_space(sender.badge)) { return handle->space.get(); }
    if (Session* const who = session(sender)) { return who->space.get(); }
    return nullptr;
}

Result<ipc::Cap<proto::Namespace>> Server::on(N::Create, Sender& sender, ipc::OptionalCap<proto::Namespace> user,
                                              std::uint32_t, std::uint32_t) {
    if (user.slot != 0) { sender.delete_after_reply(user.slot); }
    return fail(Error::NotSupported);
}

Result<proto::NamespaceIdentity> Server::on(N::Identify, Sender& sender) {
    MountNamespace const* const space = name_space(sender);
    if (space == nullptr) { return fail(Error::NotPermitted); }
    return space->identity();
}

Result<ipc::Cap<proto::Session>> Server::on(N::Enter, Sender&, std::uint64_t) { return fail(Error::NotSupported); }
Result<ipc::Cap<proto::Session>> Server::on(N::ForkSession, Sender&) { return fail(Error::NotSupported); }

Result<ipc::Cap<proto::Namespace>> Server::on(N::Of, Sender& sender) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::NotPermitted); }
    return capability_of<proto::Namespace>(vfs_.name_space_capability(*who->space));
}

Result<ipc::Cap<proto::Namespace>> Server::on(N::Attenuate, Sender& sender,
                                              std::uint64_t) { // there is nothing to take away
    NamespaceHandle* const handle = vfs_.name_space(sender.badge);
    if (handle == nullptr) { return fail(Error::NotPermitted); }
    return capability_of<proto::Namespace>(vfs_.name_space_capability(*handle->space));
}

Result<ipc::Unit> Server::on(N::Destroy, Sender&) { return fail(Error::NotSupported); }

// What a session's owner may do, and whose ids it speaks, is told through VfsControl.
Result<ipc::Unit> Server::on(N::Vouch, Sender& sender, ipc::OptionalCap<proto::Session> session,
                             proto::SessionCredentials const&) {
    if (session.slot != 0) { sender.delete_after_reply(session.slot); }
    return fail(Error::NotSupported);
}
Result<ipc::Unit> Server::on(N::SetUserMap, Sender&, std::uint32_t, std::uint32_t, std::uint32_t, ipc::ReadBuffer) {
    return fail(Error::NotSupported);
}

Result<proto::NamespaceIdentity> Server::on(N::List, Sender& sender, std::uint32_t after) {
    if (!is_control(sender)) { return fail(Error::NotPermitted); }
    MountNamespace const* const next = vfs_.mounts().next_namespace(after);
    if (next == nullptr) { return fail(Error::NoData); }
    return next->identity();
}

} // namespace vfs
