// Protocol File.
#include "server.hpp"

namespace vfs {

Result<Transfer> Server::on(F::Read, Sender& sender, std::uint32_t, ipc::WriteBuffer const&) {
    OpenFile* const open = file(sender);
    if (open == nullptr) { return fail(Error::BadDescriptor); }
    SenderCaller caller{sender};
    return open->read(caller);
}

Result<Transfer> Server::on(F::Write, Sender& sender, std::uint32_t, ipc::ReadBuffer const&) {
    OpenFile* const open = file(sender);
    if (open == nullptr) { return fail(Error::BadDescriptor); }
    SenderCaller caller{sender};
    return open->write(caller);
}

Result<Transfer> Server::on(F::ReadAt, Sender& sender, std::uint64_t offset, ipc::WriteBuffer const&) {
    OpenFile* const open = file(sender);
    if (open == nullptr) { return fail(Error::BadDescriptor); }
    SenderCaller caller{sender};
    return open->read_at(caller, offset);
}

Result<Transfer> Server::on(F::WriteAt, Sender& sender, std::uint64_t offset, ipc::ReadBuffer const&) {
    OpenFile* const open = file(sender);
    if (open == nullptr) { return fail(Error::BadDescriptor); }
    SenderCaller caller{sender};
    return open->write_at(caller, offset);
}

Result<std::uint64_t> Server::on(F::Seek, Sender& sender, std::int64_t offset, std::uint32_t whence) {
    OpenFile* const open = file(sender);
    if (open == nullptr) { return fail(Error::BadDescriptor); }
    return open->seek(offset, whence);
}

Result<proto::FileStatus> Server::on(F::Stat, Sender& sender) {
    if (OpenFile* const open = file(sender)) { return open->status(); }
    if (NamespaceHandle* const handle = vfs_.name_space(sender.badge)) { // an open /proc/PID/ns/mnt
        proto::FileStatus status{};
        status.inode = handle->space->number;
        status.mode = mode::regular | 0444;
        status.links = 1;
        status.device_minor = 4;
        return status;
    }
    return fail(Error::BadDescriptor);
}

Result<std::uint32_t> Server::on(F::Poll, Sender& sender, std::uint32_t events) {
    OpenFile* const open = file(sender);
    if (open == nullptr) { return fail(Error::BadDescriptor); }
    return open->poll(events);
}

Result<std::uint32_t> Server::on(F::PollArm, Sender& sender, std::uint32_t events, std::uint32_t token,
                                 ipc::Cap<ipc::Notification> notification) {
    OpenFile* const open = file(sender);
    auto const ready = open != nullptr ? open->arm(events, token, notification.slot) : fail(Error::BadDescriptor);
    if (!ready || *ready != 0) { ipc::release_slot(notification.slot); }
    return ready;
}

Result<ipc::Unit> Server::on(F::PollDisarm, Sender& sender, std::uint32_t token) {
    OpenFile* const open = file(sender);
    if (open == nullptr) { return fail(Error::BadDescriptor); }
    open->disarm(token);
    return Unit{};
}

Result<std::uint32_t> Server::on(F::Ioctl, Sender& sender, std::uint32_t request, std::uint32_t, ipc::ReadBuffer const&,
                                 ipc::WriteBuffer const&) {
    OpenFile* const open = file(sender);
    if (open == nullptr) {
        return fail(vfs_.name_space(sender.badge) != nullptr ? Error::NotTerminal : Error::BadDescriptor);
    }
    SenderCaller caller{sender};
    return open->control(request, caller);
}

Result<Transfer> Server::on(F::GetDirectoryEntries, Sender& sender, ipc::WriteBuffer const&) {
    OpenFile* const open = file(sender);
    if (open == nullptr) { return fail(Error::BadDescriptor); }
    SenderCaller caller{sender};
    return open->entries(caller);
}

Result<ipc::Unit> Server::on(F::Truncate, Sender& sender, std::uint64_t size) {
    OpenFile* const open = file(sender);
    return open == nullptr ? fail(Error::BadDescriptor) : unit(open->truncate(size));
}

Result<ipc::Unit> Server::on(F::Synchronize, Sender& sender) {
    OpenFile* const open = file(sender);
    if (open == nullptr || open->kind == OpenFile::Kind::Path) { return fail(Error::BadDescriptor); }
    if (open->kind == OpenFile::Kind::Pipe) { return fail(Error::Invalid); }
    return Unit{};
}

Result<std::uint32_t> Server::on(F::GetFlags, Sender& sender) {
    OpenFile* const open = file(sender);
    if (open == nullptr) {
        return vfs_.name_space(sender.badge) != nullptr ? Result<std::uint32_t>{0} : fail(Error::BadDescriptor);
    }
    return open->flags;
}

Result<ipc::Unit> Server::on(F::SetFlags, Sender& sender, std::uint32_t flags) {
    OpenFile* const open = file(sender);
    return open == nullptr ? fail(Error::BadDescriptor) : unit(open->set_flags(flags));
}

Result<ipc::Unit> Server::on(F::SetAttributes, Sender& sender, proto::AttributeChange const& change) {
    OpenFile* const open = file(sender);
    if (open == nullptr || open->kind == OpenFile::Kind::Path) { return fail(Error::BadDescriptor); }
    return unit(vfs_.change(open->opener, open->place.mount.get(), *open->inode, change));
}

Result<std::tuple<ipc::Cap<ipc::Frame>, proto::FilePage>> Server::on(F::Page, Sender& sender, std::uint32_t index,
                                                                     std::uint32_t shared_write) {
    OpenFile* const open = file(sender);
    if (open == nullptr) { return fail(Error::BadDescriptor); }
    std::uint32_t valid = 0;
    auto const frame = open->page(index, shared_write != 0, valid);
    if (!frame) { return fail(frame.error()); }
    return std::tuple{ipc::Cap<ipc::Frame>{*frame}, proto::FilePage{valid, 0}};
}

Result<std::uint32_t> Server::on(F::Name, Sender& sender, ipc::WriteBuffer const&) {
    std::string text;
    if (OpenFile* const open = file(sender)) {
        text = vfs_.name_of(*open);
    } else if (NamespaceHandle* const handle = vfs_.name_space(sender.badge)) {
        text = "mnt:[" + std::to_string(handle->space->number) + "]";
    } else {
        return fail(Error::BadDescriptor);
    }
    std::size_t const part = std::min<std::size_t>(text.size(), sender.write_length);
    if (sender.copy_out(0, std::as_bytes(std::span{text.data(), part})).count < part) { return fail(Error::Fault); }
    return static_cast<std::uint32_t>(text.size());
}

Result<ipc::Unit> Server::on(F::Lock, Sender& sender, proto::LockRequest const& request) {
    OpenFile* const open = file(sender);
    if (open == nullptr) { return fail(Error::BadDescriptor); }
    SenderCaller caller{sender};
    return unit(open->lock(request, caller));
}

Result<std::tuple<ipc::Cap<proto::File>, std::uint32_t>> Server::on(F::Reopen, Sender& sender, std::uint32_t flags) {
    OpenFile* const open = file(sender);
    if (open == nullptr) { return fail(Error::BadDescriptor); }
    auto const made = vfs_.reopen(*open, flags);
    if (!made) { return fail(made.error()); }
    return std::tuple{ipc::Cap<proto::File>{made->slot}, static_cast<std::uint32_t>(made->result.kind)};
}

Result<ipc::Unit> Server::on(F::Attach, Sender& sender, FileCap a, FileCap b, FileCap c) {
    for (FileCap const& each : {a, b, c}) {
        if (each.slot != 0) { sender.delete_after_reply(each.slot); }
    }
    return fail(Error::NotTerminal);
}

Result<std::uint32_t> Server::on(F::CopyFrom, Sender& sender, FileCap source, std::uint64_t source_offset,
                                 std::uint64_t offset, std::uint32_t length) {
    if (source.slot != 0) {
        sender.delete_after_reply(source.slot);
        return fail(Error::CrossDevice);
    }
    OpenFile* const to = file(sender);
    OpenFile* const from = source.unwrapped ? vfs_.file(source.badge) : nullptr;
    if (to == nullptr || from == nullptr) { return fail(Error::BadDescriptor); }
    return to->copy_from(*from, source_offset, offset, length);
}

Result<std::array<std::uint64_t, 8>> Server::on(F::StatFileSystem, Sender& sender) {
    OpenFile* const open = file(sender);
    if (open == nullptr) { return fail(Error::BadDescriptor); }
    auto const status = vfs_.stat_file_system(open->place.mount.get(), *open->inode);
    return std::array<std::uint64_t, 8>{status.type,  status.block_size, status.blocks,      status.free_blocks,
                                        status.files, status.free_files, status.name_length, status.flags};
}

} // namespace vfs
