// The file system `mqueue`: the POSIX message queues of one namespace as the files of one directory (mq_overview(7)). The capability that
// is mounted is no session: whoever can reach the directory says by its own session who it is.
#include "ipc_server.hpp"
#include <cstring>

namespace sysv {

namespace {
constexpr std::uint32_t regular = 0100000, directory_bit = 0040000, root_mode = directory_bit | 01777,
                        permission_bits = 07777;
constexpr std::uint32_t only_directory = 0200000, device_minor = 20;
constexpr std::uint64_t root_inode = 1, entry_bytes = 20, file_bytes = 80; // sizes as Linux says
constexpr unsigned chown_capability = 0, override_capability = 1, fowner_capability = 3;
} // namespace

Result<ipc::Cap<proto::Directory>> IpcServer::on(M::FileSystem, Sender& sender) {
    auto const who = request(sender, 0);
    if (!who) { return fail(who.error()); }
    if (!who->caller->capable(capability::sys_admin)) { return fail(Error::NotPermitted); }
    Word const badge = free_badge();
    auto const capability = ipc::mint_session<D>(badge);
    if (capability) { directories_[badge].space = *who->pointer; }
    return capability;
}

Result<IpcServer::Visit> IpcServer::visit(Sender& sender, D::At const& at, D::Caller const& caller,
                                          ipc::Path const& path) {
    ipc::release_unused(at, caller);
    auto const found = directories_.find(sender.badge);
    if (found == directories_.end()) { return fail(Error::BadDescriptor); }
    Visit visit{&found->second, {}, nullptr, {}, nullptr};
    auto const session = caller.unwrapped ? sessions_.find(caller.badge) : sessions_.end();
    if (session != sessions_.end()) {
        visit.who = session->second;
        // Capabilities are over the owner of the session's own namespace.
        if (auto const* const own = state_of(caller.badge); own == nullptr || *own != visit.directory->space) {
            visit.who.caller.capabilities = 0;
        }
    } else if (visit.directory->is_open) {
        visit.who = visit.directory->opener;
    } else {
        visit.who.caller.user = visit.who.caller.group = ipc::IdMap::no_id;
    }
    visit.maps = &maps_of(visit.who.user_space);
    char storage[1024];
    auto const text = sender.read_path(path, storage);
    if (!text) { return fail(text.error()); }
    for (std::string_view rest = *text; !rest.empty();) {
        auto const part = rest.substr(0, rest.find('/'));
        rest.remove_prefix(std::min(part.size() + 1, rest.size()));
        if (part.empty() || part == ".") { continue; }
        if (!visit.name.empty()) {
            return fail(visit.directory->space->posix.find(visit.name) != nullptr ? Error::NotDirectory
                                                                                  : Error::NoEntry);
        }
        if (part != "..") { visit.name = part; } // above the directory the mount ends
    }
    if (!visit.name.empty()) { visit.queue = visit.directory->space->posix.find(visit.name); }
    return visit;
}

proto::FileStatus IpcServer::status(PosixQueue const& queue, Maps const* maps) {
    proto::FileStatus status{};
    status.inode = queue.inode;
    status.device_minor = device_minor;
    status.mode = regular | queue.permissions.mode;
    status.user = maps != nullptr ? maps->users.from_global(queue.permissions.user) : queue.permissions.user;
    status.group = maps != nullptr ? maps->groups.from_global(queue.permissions.group) : queue.permissions.group;
    status.size = file_bytes;
    status.links = 1;
    status.block_size = SharedMemory::page;
    status.access_time = status.modify_time = status.change_time =
        static_cast<std::uint64_t>(queue.made) * 1'000'000'000;
    return status;
}

proto::FileStatus IpcServer::status(QueueDirectory const& directory) const {
    proto::FileStatus status{};
    status.inode = root_inode;
    status.device_minor = device_minor;
    status.mode = root_mode;
    status.size = directory.space->posix.size() * entry_bytes;
    status.links = 2;
    status.block_size = SharedMemory::page;
    return status;
}

Result<std::tuple<ipc::Cap<proto::File>, proto::OpenResult>> IpcServer::on(D::Open, Sender& sender, D::At at,
                                                                           D::Caller caller, std::uint32_t flags,
                                                                           std::uint32_t mode, ipc::Path const& path) {
    auto const visit = this->visit(sender, at, caller, path);
    if (!visit) { return fail(visit.error()); }
    if (visit->name.empty()) {
        if ((flags & (PosixQueues::access_mode | PosixQueues::create)) != 0) { return fail(Error::IsDirectory); }
        Word const badge = free_badge();
        auto const capability = ipc::mint_session<File>(badge);
        if (!capability) { return fail(capability.error()); }
        directories_[badge] = {visit->directory->space, true, visit->who, 0};
        return std::tuple{*capability,
                          proto::OpenResult{proto::FileKind::Directory, static_cast<std::uint32_t>(root_inode)}};
    }
    if ((flags & only_directory) != 0 && visit->queue != nullptr) { return fail(Error::NotDirectory); }
    auto queue = visit->directory->space->posix.open(visit->who.caller, visit->name, flags, mode, nullptr);
    if (!queue) { return fail(queue.error()); }
    auto const inode = (*queue)->inode;
    auto const capability = give(std::move(*queue), flags, visit->who);
    if (!capability) { return fail(capability.error()); }
    return std::tuple{*capability, proto::OpenResult{proto::FileKind::Other, inode}};
}

Result<proto::FileStatus> IpcServer::on(D::Stat, Sender& sender, D::At at, D::Caller caller, std::uint32_t,
                                        ipc::Path const& path) {
    auto const visit = this->visit(sender, at, caller, path);
    if (!visit) { return fail(visit.error()); }
    if (visit->name.empty()) { return status(*visit->directory); }
    if (visit->queue == nullptr) { return fail(Error::NoEntry); }
    return status(*visit->queue, visit->maps);
}

Result<ipc::Unit> IpcServer::on(D::Access, Sender& sender, D::At at, D::Caller caller, std::uint32_t mode,
                                std::uint32_t, ipc::Path const& path) {
    auto const visit = this->visit(sender, at, caller, path);
    if (!visit) { return fail(visit.error()); }
    if (visit->name.empty()) { return Unit{}; }
    if (visit->queue == nullptr) { return fail(Error::NoEntry); }
    constexpr std::uint32_t read_or_write = 6, execute = 1;
    bool const allowed =
        (mode & execute) == 0 &&
        ((mode & read_or_write) == 0 || visit->queue->permissions.allow(visit->who.caller, mode & read_or_write) ||
         visit->who.caller.capable(override_capability));
    return allowed ? Result<Unit>{Unit{}} : fail(Error::Access);
}

Result<ipc::Unit> IpcServer::on(D::Unlink, Sender& sender, D::At at, D::Caller caller, std::uint32_t flags,
                                ipc::Path const& path) {
    constexpr std::uint32_t remove_directory = 0x200;
    auto const visit = this->visit(sender, at, caller, path);
    if (!visit) { return fail(visit.error()); }
    if (visit->name.empty()) { return fail((flags & remove_directory) != 0 ? Error::Busy : Error::IsDirectory); }
    if ((flags & remove_directory) != 0 && visit->queue != nullptr) { return fail(Error::NotDirectory); }
    return visit->directory->space->posix.unlink(visit->who.caller, visit->name);
}

Result<ipc::Unit> IpcServer::on(D::SetAttributes, Sender& sender, D::At at, D::Caller caller, std::uint32_t,
                                proto::AttributeChange const& change, ipc::Path const& path) {
    using C = proto::AttributeChange;
    auto const visit = this->visit(sender, at, caller, path);
    if (!visit) { return fail(visit.error()); }
    if (visit->queue == nullptr) { return fail(visit->name.empty() ? Error::NotPermitted : Error::NoEntry); }
    auto& permissions = visit->queue->permissions;
    auto const& who = visit->who.caller;
    if (who.user != permissions.user && !who.capable(fowner_capability)) { return fail(Error::NotPermitted); }
    auto user = permissions.user, group = permissions.group;
    if ((change.mask & (C::user_bit | C::group_bit)) != 0) {
        auto const to_user = (change.mask & C::user_bit) != 0 ? visit->maps->users.to_global(change.user) : user;
        auto const to_group = (change.mask & C::group_bit) != 0 ? visit->maps->groups.to_global(change.group) : group;
        if (!to_user || !to_group) { return fail(Error::Invalid); }
        if ((*to_user != user || (*to_group != group && !who.in_group(*to_group))) && !who.capable(chown_capability)) {
            return fail(Error::NotPermitted);
        }
        user = *to_user;
        group = *to_group;
    }
    permissions.user = user;
    permissions.group = group;
    if ((change.mask & C::mode_bit) != 0) { permissions.mode = change.mode & permission_bits; }
    return Unit{};
}

// --- what a directory of queues does not have ---

Result<proto::Transfer> IpcServer::on(D::ReadLink, Sender& sender, D::At at, D::Caller caller, ipc::Path const& path,
                                      ipc::WriteBuffer) {
    auto const visit = this->visit(sender, at, caller, path);
    if (!visit) { return fail(visit.error()); }
    return fail(visit->name.empty() || visit->queue != nullptr ? Error::Invalid : Error::NoEntry);
}
Result<ipc::Unit> IpcServer::on(D::MakeDirectory, Sender& sender, D::At at, D::Caller caller, std::uint32_t,
                                ipc::Path const& path) {
    auto const visit = this->visit(sender, at, caller, path);
    if (!visit) { return fail(visit.error()); }
    return fail(visit->name.empty() || visit->queue != nullptr ? Error::Exists : Error::NotPermitted);
}
Result<ipc::Unit> IpcServer::on(D::MakeNode, Sender& sender, D::At at, D::Caller caller, std::uint32_t, std::uint32_t,
                                ipc::Path const& path) {
    auto const visit = this->visit(sender, at, caller, path);
    if (!visit) { return fail(visit.error()); }
    return fail(visit->name.empty() || visit->queue != nullptr ? Error::Exists : Error::NotPermitted);
}
Result<ipc::Unit> IpcServer::on(D::Rename, Sender&, D::At from, D::At to, std::uint32_t, ipc::ReadBuffer) {
    ipc::release_unused(from, to);
    return fail(Error::NotPermitted);
}
Result<ipc::Unit> IpcServer::on(D::Link, Sender&, D::At from, D::At to, std::uint32_t, ipc::ReadBuffer) {
    ipc::release_unused(from, to);
    return fail(Error::NotPermitted);
}
Result<ipc::Unit> IpcServer::on(D::SymbolicLink, Sender&, D::At at, ipc::ReadBuffer) {
    ipc::release_unused(at);
    return fail(Error::NotPermitted);
}
Result<ipc::Unit> IpcServer::on(D::Truncate, Sender& sender, D::At at, D::Caller caller, std::uint64_t,
                                ipc::Path const& path) {
    auto const visit = this->visit(sender, at, caller, path);
    if (!visit) { return fail(visit.error()); }
    return fail(visit->name.empty() ? Error::IsDirectory : visit->queue == nullptr ? Error::NoEntry : Error::Invalid);
}
Result<proto::FileSystemStatus> IpcServer::on(D::StatFileSystem, Sender& sender, D::At at, D::Caller caller,
                                              ipc::Path const& path) {
    constexpr std::uint64_t magic = 0x19800202, longest_name = 255;
    auto const visit = this->visit(sender, at, caller, path);
    if (!visit) { return fail(visit.error()); }
    return proto::FileSystemStatus{magic, SharedMemory::page, 0, 0, 0, 0, longest_name, 0};
}

// --- an open directory ---

Result<proto::Transfer> IpcServer::on(File::GetDirectoryEntries, Sender& sender, ipc::WriteBuffer) {
    constexpr std::uint8_t directory_type = 4, file_type = 8;
    constexpr std::size_t header = 19;
    auto const found = directories_.find(sender.badge);
    if (found == directories_.end() || !found->second.is_open) { return fail(Error::NotDirectory); }
    auto& directory = found->second;
    std::vector<std::byte> records;
    // The position: 0 before `.`, 1 before `..`, then the inode number of the queue given last (they begin above 1).
    std::uint64_t position = directory.offset;
    bool full = false;
    auto const put = [&](std::string_view name, std::uint64_t inode, std::uint8_t type, std::uint64_t next) {
        std::size_t const at = records.size(), length = (header + name.size() + 1 + 7) & ~std::size_t{7};
        full = at + length > std::min<std::size_t>(sender.write_length, 4096);
        if (full) { return; }
        records.resize(at + length);
        auto const size = static_cast<std::uint16_t>(length);
        std::memcpy(&records[at], &inode, sizeof inode);
        std::memcpy(&records[at + 8], &next, sizeof next);
        std::memcpy(&records[at + 16], &size, sizeof size);
        std::memcpy(&records[at + 18], &type, sizeof type);
        std::memcpy(&records[at + header], name.data(), name.size());
        position = next;
    };
    constexpr std::uint64_t dots = 2;
    if (position == 0) { put(".", root_inode, directory_type, 1); }
    if (!full && position == 1) { put("..", root_inode, directory_type, dots); }
    while (!full) {
        auto const* const next = directory.space->posix.after(position == dots ? root_inode : position - 1);
        if (next == nullptr) { break; }
        put(next->name, next->inode, file_type, std::uint64_t{next->inode} + 1);
    }
    if (full && records.empty()) { return fail(Error::Invalid); }
    auto const done = sender.copy_out(0, records);
    if (done.count < records.size()) { return Transfer{0, done.caller_fault}; }
    directory.offset = position;
    return Transfer{static_cast<std::uint32_t>(records.size()), 0};
}

Result<std::uint64_t> IpcServer::on(File::Seek, Sender& sender, std::int64_t offset, std::uint32_t whence) {
    constexpr std::uint32_t from_start = 0, from_here = 1;
    auto const found = directories_.find(sender.badge);
    auto* const open = open_queue(sender.badge);
    if (found == directories_.end() && open == nullptr) { return fail(Error::IllegalSeek); }
    std::uint64_t& position = open != nullptr ? open->offset : found->second.offset;
    std::int64_t const to = whence == from_start  ? offset
                            : whence == from_here ? static_cast<std::int64_t>(position) + offset
                                                  : -1;
    if (to < 0) { return fail(Error::Invalid); }
    return position = static_cast<std::uint64_t>(to);
}

} // namespace sysv
