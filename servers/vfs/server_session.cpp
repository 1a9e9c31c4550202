// Protocol VfsSession.
#include "server.hpp"

namespace vfs {

Result<Transfer> Server::send_text(Sender& sender, std::string_view text, std::uint32_t offset) {
    Transfer result{static_cast<std::uint32_t>(text.size()), 0};
    text.remove_prefix(std::min<std::size_t>(offset, text.size()));
    std::size_t const part = std::min<std::size_t>(text.size(), sender.write_length);
    auto const done = sender.copy_out(0, std::as_bytes(std::span{text.data(), part}));
    if (done.count < part) { result.fault = done.caller_fault; }
    return result;
}

Result<ipc::Unit> Server::on(S::ChangeDirectory, Sender& sender, FileCap target, ipc::Path const& path) {
    if (target.slot != 0) { sender.delete_after_reply(target.slot); }
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    auto const text = path_text(sender, path);
    if (!text) { return fail(text.error()); }
    Error const error = vfs_.change_directory(*who, at(target), target.slot != 0, *text);
    if (error == Error::Elsewhere) { return elsewhere(sender); }
    return unit(error);
}

Result<ipc::Unit> Server::on(S::ChangeRoot, Sender& sender, ipc::Path const& path) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    auto const text = path_text(sender, path);
    if (!text) { return fail(text.error()); }
    return unit(vfs_.change_root(*who, *text));
}

Result<Transfer> Server::on(S::GetWorkingDirectory, Sender& sender, ipc::WriteBuffer const&) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    auto const text = vfs_.describe(*who, 1);
    if (!text) { return fail(text.error()); }
    std::size_t const length = text->size() + 1;
    if (sender.write_length < length) { return fail(Error::Range); }
    return SenderCaller::of(sender.copy_out(0, std::as_bytes(std::span{text->c_str(), length})));
}

Result<std::uint32_t> Server::on(S::SetUmask, Sender& sender, std::uint32_t mask) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    // The old one; what no mask can be only asks (mq_open(2), whose owner does not know it).
    return mask > 0777 ? who->umask : std::exchange(who->umask, mask);
}

Result<ipc::Unit> Server::on(S::Mount, Sender& sender, std::uint32_t flags,
                             ipc::OptionalCap<proto::Directory> file_system, ipc::ReadBuffer const&) {
    Session* const who = session(sender);
    Error error = Error::BadDescriptor;
    if (who != nullptr) {
        auto const names = texts(sender, 4);
        NamespaceHandle* const handle = file_system.unwrapped ? vfs_.name_space(file_system.badge) : nullptr;
        MountNamespace* const given = handle != nullptr ? handle->space.get() : nullptr;
        error =
            names ? vfs_.mount(*who, flags, file_system.slot, (*names)[0], (*names)[1], (*names)[2], (*names)[3], given)
                  : names.error();
    }
    // A bind, a remount and the like have no use for it.
    bool const taken = error == Error::None && who != nullptr && vfs_.is_mounted(file_system.slot);
    if (file_system.slot != 0 && !taken) { sender.delete_after_reply(file_system.slot); }
    if (error == Error::Elsewhere) { return elsewhere(sender); }
    return unit(error);
}

Result<ipc::Unit> Server::on(S::Unmount, Sender& sender, std::uint32_t flags, ipc::Path const& path) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    auto const text = path_text(sender, path);
    if (!text) { return fail(text.error()); }
    return unit(vfs_.unmount(*who, flags, *text));
}

Result<ipc::Unit> Server::on(S::PivotRoot, Sender& sender, ipc::ReadBuffer const&) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    auto const names = texts(sender, 2);
    if (!names) { return fail(names.error()); }
    return unit(vfs_.pivot_root(*who, (*names)[0], (*names)[1]));
}

namespace {
Result<std::tuple<ipc::Cap<proto::File>, ipc::Cap<proto::File>>> both(Result<std::array<Slot, 2>> const& slots) {
    if (!slots) { return fail(slots.error()); }
    return std::tuple{ipc::Cap<proto::File>{(*slots)[0]}, ipc::Cap<proto::File>{(*slots)[1]}};
}
} // namespace

Result<std::tuple<ipc::Cap<proto::File>, ipc::Cap<proto::File>>> Server::on(S::Pipe, Sender& sender,
                                                                            std::uint32_t flags) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    return both(vfs_.pipe(*who, flags));
}

Result<ipc::Cap<proto::File>> Server::on(S::AnonymousFile, Sender& sender, std::uint32_t, std::uint64_t size) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    auto const made = vfs_.anonymous_file(*who, size);
    if (!made) { return fail(made.error()); }
    return ipc::Cap<proto::File>{*made};
}

Result<Transfer> Server::on(S::MountTable, Sender& sender, std::uint32_t format, std::uint32_t offset,
                            ipc::WriteBuffer const&) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    if (format > 1) { return fail(Error::Invalid); }
    return send_text(sender, vfs_.mount_text(*who, format), offset);
}

Result<Transfer> Server::on(S::Describe, Sender& sender, std::uint32_t which, ipc::WriteBuffer const&) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    auto const text = vfs_.describe(*who, which);
    if (!text) { return fail(text.error()); }
    return send_text(sender, *text, 0);
}

Result<ipc::Cap<proto::File>> Server::on(S::OpenPlace, Sender& sender, std::uint32_t which) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    auto const made = vfs_.open_place(*who, which);
    if (!made) { return fail(made.error()); }
    return ipc::Cap<proto::File>{made->slot};
}

template <class Operation>
auto Server::with_file(Sender& sender, FileCap const& cap, Operation operation)
    -> decltype(operation(std::declval<Session&>(), std::declval<OpenFile&>())) {
    if (cap.slot != 0) { sender.delete_after_reply(cap.slot); }
    Session* const who = session(sender);
    OpenFile* const open = cap.unwrapped ? vfs_.file(cap.badge) : nullptr;
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    if (open == nullptr) { return fail(Error::Invalid); }
    return operation(*who, *open);
}

Result<ipc::Unit> Server::on(S::Lock, Sender& sender, FileCap cap, proto::LockRequest const& request) {
    return with_file(sender, cap, [&](Session& who, OpenFile& open) {
        SenderCaller caller{sender};
        return unit(vfs_.lock(who, open, request, caller));
    });
}

Result<proto::LockHeld> Server::on(S::GetLock, Sender& sender, FileCap cap, proto::LockRequest const& request) {
    return with_file(sender, cap, [&](Session& who, OpenFile& open) { return vfs_.find_lock(who, open, request); });
}

Result<ipc::Unit> Server::on(S::ReleaseLocks, Sender& sender, FileCap cap) {
    if (cap.slot != 0) { sender.delete_after_reply(cap.slot); }
    Session* const who = session(sender);
    OpenFile* const open = cap.unwrapped ? vfs_.file(cap.badge) : nullptr;
    if (who == nullptr || open == nullptr) { return fail(Error::BadDescriptor); }
    if (who->locks) { who->locks->release(*open->inode); }
    return Unit{};
}

} // namespace vfs
