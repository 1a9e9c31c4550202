// Shared memory: the segments, and attachments as the files that are mapped.
#include "ipc_server.hpp"

namespace sysv {

namespace {
constexpr std::uint32_t segment_file = 0100000, shm_device_minor = 5, read_write = 2, open_path = 010000000;
} // namespace

Result<std::int32_t> IpcServer::on(V::GetSegment, Sender& sender, std::int32_t key, std::uint32_t bytes,
                                   std::uint32_t flags) {
    auto const who = request(sender, V::GetSegment::number);
    if (!who) { return fail(who.error()); }
    auto const make = [&](std::uint32_t size) { return port_.make_storage(size); };
    return who->space->segments.get(*who->caller, key, bytes, flags, port_.wall_seconds(), ++last_inode_, make);
}

Result<std::tuple<ipc::Cap<proto::File>, std::uint32_t>> IpcServer::on(V::Attach, Sender& sender, std::int32_t id,
                                                                       std::uint32_t read_only, std::uint32_t execute) {
    auto const who = request(sender, V::Attach::number);
    if (!who) { return fail(who.error()); }
    auto const segment =
        who->space->segments.attach(*who->caller, id, read_only != 0, execute != 0, port_.wall_seconds());
    if (!segment) { return fail(segment.error()); }
    auto const& one = **segment;
    auto const capability = add_attachment({*who->pointer, id, one.storage, one.bytes, one.inode, one.permissions.key,
                                            who->caller->process, read_only != 0, true});
    if (!capability) {
        who->space->segments.detach(id, who->caller->process, port_.wall_seconds());
        return fail(capability.error());
    }
    return std::tuple{*capability, one.bytes};
}

Result<ipc::Cap<proto::File>> IpcServer::add_attachment(Attachment attachment) {
    Word const badge =
        new_badge([&](Word candidate) { return attachments_.contains(candidate) || open_queues_.contains(candidate); });
    auto capability = ipc::mint_session<File>(badge);
    if (capability) { attachments_[badge] = std::move(attachment); }
    return capability;
}

IpcServer::Attachment* IpcServer::attachment(Word badge) {
    auto const found = attachments_.find(badge);
    return found == attachments_.end() ? nullptr : &found->second;
}

Result<std::tuple<std::int32_t, proto::SharedMemoryStatus>> IpcServer::on(V::ControlSegment, Sender& sender,
                                                                          std::int32_t id, std::uint32_t command,
                                                                          proto::SystemVPermissions const& wanted) {
    using Reply = std::tuple<std::int32_t, proto::SharedMemoryStatus>;
    auto const who = request(sender, V::ControlSegment::number);
    if (!who) { return fail(who.error()); }
    auto& memory = who->space->segments;
    auto const finish = [](Result<Unit> const& done) { return done ? Result<Reply>{Reply{}} : fail(done.error()); };
    auto const now = port_.wall_seconds();
    switch (command) {
    case V::remove: return finish(memory.remove(*who->caller, id, now));
    case V::lock: return finish(memory.lock(*who->caller, id, true));
    case V::unlock: return finish(memory.lock(*who->caller, id, false));
    case V::set: {
        auto* const segment = memory.segments().find(id);
        if (segment == nullptr) { return fail(Error::Invalid); }
        auto const done = change(*who, segment->permissions, wanted);
        if (done) { segment->change_time = now; }
        return finish(done);
    }
    case V::status:
    case V::status_by_index:
    case V::any_status_by_index: break;
    default: return fail(Error::Invalid);
    }
    auto const segment = look(memory.segments(), *who->caller, id, command);
    if (!segment) { return fail(segment.error()); }
    auto const& one = **segment;
    proto::SharedMemoryStatus status{shown(*who, one.permissions),
                                     one.bytes,
                                     one.creator_process,
                                     one.last_process,
                                     one.attachments,
                                     one.attach_time,
                                     one.detach_time,
                                     one.change_time};
    status.permissions.mode |=
        (one.removed ? SharedMemory::destroyed_mode : 0) | (one.locked ? SharedMemory::locked_mode : 0);
    return Reply{command == V::status ? 0 : memory.segments().id_at(id), status};
}

// --- File on attachments ---

Result<proto::FileStatus> IpcServer::on(File::Stat, Sender& sender) {
    if (auto const* const open = open_queue(sender.badge)) { return status(*open->queue, nullptr); }
    if (auto const found = directories_.find(sender.badge); found != directories_.end()) {
        return status(found->second);
    }
    proto::FileStatus status{};
    auto const* const one = attachment(sender.badge);
    if (one == nullptr) { return NamespaceServer::on(File::Stat{}, sender); }
    status.inode = one->inode;
    status.device_minor = shm_device_minor;
    status.mode = segment_file | 0600;
    status.size = one->bytes;
    status.block_size = SharedMemory::page;
    return status; // no links: nothing but what maps it keeps it
}

Result<ipc::Unit> IpcServer::on(M::MayMap, Sender& sender, ipc::OptionalCap<File> file) {
    ipc::release_unused(file);
    if (sender.badge != ipc::first_namespace_badge) { return fail(Error::NotPermitted); }
    return file.unwrapped && attachment(file.badge) != nullptr ? Result<Unit>{Unit{}} : fail(Error::BadDescriptor);
}

Result<std::uint32_t> IpcServer::on(File::Name, Sender& sender, ipc::WriteBuffer buffer) {
    if (auto const* const open = open_queue(sender.badge)) { return give_name(sender, "/" + open->queue->name); }
    if (directories_.contains(sender.badge)) { return give_name(sender, "/"); }
    auto const* const one = attachment(sender.badge);
    if (one == nullptr) { return NamespaceServer::on(File::Name{}, sender, buffer); }
    std::string name = "/SYSV";
    for (int shift = 28; shift >= 0; shift -= 4) {
        name += "0123456789abcdef"[static_cast<std::uint32_t>(one->key) >> shift & 15];
    }
    return give_name(sender, name + " (deleted)");
}

Result<std::uint32_t> IpcServer::on(File::GetFlags, Sender& sender) {
    if (auto const* const open = open_queue(sender.badge)) { return open->flags; }
    auto const* const one = attachment(sender.badge);
    return one == nullptr ? 0 : File::attachment_flag | (one->read_only ? 0 : read_write);
}

Result<std::tuple<ipc::Cap<ipc::Frame>, proto::FilePage>> IpcServer::on(File::Page, Sender& sender, std::uint32_t index,
                                                                        std::uint32_t shared_write) {
    auto const* const one = attachment(sender.badge);
    if (one == nullptr) { return fail(Error::NoSuchDevice); }
    if (shared_write != 0 && one->read_only) { return fail(Error::Access); }
    std::uint32_t const pages = one->bytes / SharedMemory::page + (one->bytes % SharedMemory::page != 0 ? 1 : 0);
    if (index >= pages) { return fail(Error::Invalid); }
    // Always the page itself, never a copy of what nobody has written yet: readers see what writers write.
    auto const frame = port_.page(*one->storage, index, shared_write != 0);
    if (!frame) { return fail(frame.error()); }
    sender.delete_after_reply(frame->slot);
    return std::tuple{*frame, proto::FilePage{SharedMemory::page, 0}};
}

Result<std::tuple<ipc::Cap<proto::File>, std::uint32_t>> IpcServer::on(File::Reopen, Sender& sender,
                                                                       std::uint32_t flags) {
    auto const* const one = attachment(sender.badge);
    if (one == nullptr) { return NamespaceServer::on(File::Reopen{}, sender, flags); }
    auto copy = *one;
    copy.counted = (flags & open_path) == 0;
    auto const space = copy.counted ? copy.space.lock() : nullptr;
    if (space != nullptr) {
        static_cast<void>(space->segments.attach_again(copy.id, copy.process, port_.wall_seconds()));
    }
    auto const capability = add_attachment(copy);
    if (!capability) {
        if (space != nullptr) { space->segments.detach(copy.id, copy.process, port_.wall_seconds()); }
        return fail(capability.error());
    }
    return std::tuple{*capability, static_cast<std::uint32_t>(proto::FileKind::Regular)};
}

} // namespace sysv
