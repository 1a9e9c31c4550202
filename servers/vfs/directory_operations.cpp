// Protocol Directory but for open, rename and link.
#include "vfs.hpp"
#include <algorithm>

namespace vfs {

Result<proto::FileStatus> Vfs::stat(Session& view, At at, std::uint32_t flags, std::string_view path) {
    if (path.empty() && (flags & at_flag::empty_path) != 0) {
        if (at.present) {
            if (at.file == nullptr) { return fail(Error::BadDescriptor); }
            return at.file->status();
        }
        if (view.working.mount->foreign()) {
            path = ".";
        } else {
            return status_of(view.who, view.working.get());
        }
    }
    auto const found = walk(view, at, path, (flags & at_flag::no_follow) != 0 ? 0 : walk_flag::follow);
    if (!found) { return fail(found.error()); }
    return status_of(view.who, found->place);
}

Error Vfs::access(Session& view, At at, std::uint32_t wanted, std::string_view path) {
    if ((wanted & ~7u) != 0) { return Error::Invalid; }
    auto const found = walk(view, at, path, walk_flag::follow);
    if (!found) { return found.error(); }
    Inode const& inode = *found->place.dentry->inode;
    std::uint32_t const type = inode.type();
    if ((wanted & may::execute) != 0 && type == mode::regular &&
        (found->place.mount->flags & mount_flag::no_exec) != 0) {
        return Error::Access;
    }
    if (wanted != 0 && !permitted(inode, view.who, wanted)) { return Error::Access; }
    if ((wanted & may::write) != 0 && found->place.mount->read_only() &&
        (type == mode::regular || type == mode::directory || type == mode::link)) {
        return Error::ReadOnly;
    }
    return Error::None;
}

Result<Transfer> Vfs::read_link(Session& view, At at, std::string_view path, Caller& caller) {
    Inode const* inode = nullptr;
    if (path.empty() && at.present) {
        if (at.file == nullptr) { return fail(Error::BadDescriptor); }
        inode = at.file->inode.get();
        if (!inode->is_link()) { return fail(Error::NoEntry); }
    } else {
        auto const found = walk(view, at, path, 0);
        if (!found) { return fail(found.error()); }
        inode = found->place.dentry->inode.get();
    }
    if (!inode->is_link() || caller.write_length == 0) { return fail(Error::Invalid); }
    std::size_t const length = std::min<std::size_t>(inode->target.size(), caller.write_length);
    return caller.copy_out(0, std::as_bytes(std::span{inode->target.data(), length}));
}

Result<Walked> Vfs::walk_new(Session& view, At at, std::string_view path, bool directory) {
    auto found = walk(view, at, path, walk_flag::parent);
    if (!found) { return found; }
    if (found->kind != Walked::Last::Normal || found->place) { return fail(Error::Exists); }
    if (found->trailing_slash && !directory) { return fail(Error::NoEntry); }
    if (Error const error = may_change(view, found->directory); error != Error::None) { return fail(error); }
    return found;
}

Error Vfs::make_directory(Session& view, At at, std::uint32_t mode, std::string_view path) {
    auto const found = walk_new(view, at, path, true);
    if (!found) { return found.error(); }
    auto const made = create(view, found->directory, found->last, mode::directory | (mode & 01777));
    return made ? Error::None : made.error();
}

Error Vfs::make_node(Session& view, At at, std::uint32_t mode, std::uint32_t device, std::string_view path) {
    std::uint32_t const type = (mode & mode::type) == 0 ? mode::regular : mode & mode::type;
    if (type == mode::directory) { return Error::NotPermitted; }
    if (type != mode::regular && type != mode::character && type != mode::block && type != mode::fifo &&
        type != mode::socket) {
        return Error::Invalid;
    }
    auto const found = walk_new(view, at, path, false);
    if (!found) { return found.error(); }
    bool const is_device = type == mode::character || type == mode::block;
    if (is_device && (view.space->contained || !has_capability_over(view.who, nullptr, capability::mknod))) {
        return Error::NotPermitted;
    }
    auto const made =
        create(view, found->directory, found->last, type | (mode & mode::permissions), is_device ? device : 0);
    return made ? Error::None : made.error();
}

Error Vfs::symbolic_link(Session& view, At at, std::string_view target, std::string_view path) {
    if (target.empty()) { return Error::NoEntry; }
    if (target.size() >= path_maximum) { return Error::NameTooLong; }
    auto const found = walk_new(view, at, path, false);
    if (!found) { return found.error(); }
    auto const made = create(view, found->directory, found->last, mode::link | 0777, 0, target);
    return made ? Error::None : made.error();
}

Error Vfs::unlink(Session& view, At at, std::uint32_t flags, std::string_view path) {
    if ((flags & ~at_flag::remove_directory) != 0) { return Error::Invalid; }
    bool const directory = (flags & at_flag::remove_directory) != 0;
    auto const found = walk(view, at, path, walk_flag::parent);
    if (!found) { return found.error(); }
    switch (found->kind) {
    case Walked::Last::Normal: break;
    case Walked::Last::Dot: return directory ? Error::Invalid : Error::IsDirectory;
    case Walked::Last::DotDot: return directory ? Error::NotEmpty : Error::IsDirectory;
    case Walked::Last::Root: return directory ? Error::Busy : Error::IsDirectory;
    }
    if (!found->place) { return Error::NoEntry; }
    Dentry& entry = *found->place.dentry;
    if (!directory && found->trailing_slash && !entry.inode->is_directory()) { return Error::NotDirectory; }
    if (Error const error = may_remove(view, found->directory, entry, directory); error != Error::None) {
        return error;
    }
    if (directory && entry.newest_child != nullptr) { return Error::NotEmpty; }
    removed(entry, environment_.port.now());
    return Error::None;
}

Error Vfs::change(Credentials const& who, Mount const* mount, Inode& inode, proto::AttributeChange const& change) {
    using Change = proto::AttributeChange;
    if (mount != nullptr && mount->read_only()) { return Error::ReadOnly; }
    bool const owner = who.user == inode.user || has_capability_over(who, inode, capability::fowner);
    bool const set_user = (change.mask & Change::user_bit) != 0 && change.user != ~0u;
    bool const set_group = (change.mask & Change::group_bit) != 0 && change.group != ~0u;
    auto const user = set_user ? who.global_user(change.user) : inode.user;
    auto const group = set_group ? who.global_group(change.group) : inode.group;
    if (!user || !group) { return Error::Invalid; }
    // All checks first: a refused change changes nothing.
    if ((change.mask & Change::mode_bit) != 0) {
        if (inode.is_link()) { return Error::NotSupported; }
        if (!owner) { return Error::NotPermitted; }
    }
    if ((set_user || set_group) && !has_capability_over(who, inode, capability::chown)) {
        if (set_user && (*user != inode.user || who.user != inode.user)) { return Error::NotPermitted; }
        if (set_group && (who.user != inode.user || (*group != inode.group && !in_group(who, *group)))) {
            return Error::NotPermitted;
        }
    }
    if ((change.mask & (Change::access_time_bit | Change::modify_time_bit)) != 0 && !owner) {
        return Error::NotPermitted;
    }
    if ((change.mask & (Change::access_now_bit | Change::modify_now_bit)) != 0 && !owner &&
        !permitted(inode, who, may::write)) {
        return Error::Access;
    }
    std::uint64_t const now = environment_.port.now();
    if ((change.mask & Change::mode_bit) != 0) {
        std::uint32_t wanted = change.mode & mode::permissions;
        if (!in_group(who, inode.group) && !has_capability_over(who, inode, capability::fsetid)) {
            wanted &= ~mode::set_group;
        }
        inode.mode = inode.type() | wanted;
    }
    if (set_user || set_group || (change.mask & (Change::user_bit | Change::group_bit)) != 0) {
        if (set_user) { inode.user = *user; }
        if (set_group) { inode.group = *group; }
        if (!inode.is_directory()) {
            inode.mode &= ~mode::set_user;
            if ((inode.mode & 010) != 0) { inode.mode &= ~mode::set_group; }
        }
    }
    if ((change.mask & Change::access_time_bit) != 0) { inode.access_time = change.access_time; }
    if ((change.mask & Change::modify_time_bit) != 0) { inode.modify_time = change.modify_time; }
    if ((change.mask & Change::access_now_bit) != 0) { inode.access_time = now; }
    if ((change.mask & Change::modify_now_bit) != 0) { inode.modify_time = now; }
    if (change.mask != 0) { inode.change_time = now; }
    return Error::None;
}

Error Vfs::set_attributes(Session& view, At at, std::uint32_t flags, proto::AttributeChange const& wanted,
                          std::string_view path) {
    if (path.empty() && (flags & at_flag::empty_path) != 0 && at.present) {
        if (at.file == nullptr) { return Error::BadDescriptor; }
        return change(view.who, at.file->place.mount.get(), *at.file->inode, wanted);
    }
    auto const found = walk(view, at, path, (flags & at_flag::no_follow) != 0 ? 0 : walk_flag::follow);
    if (!found) { return found.error(); }
    return change(view.who, found->place.mount, *found->place.dentry->inode, wanted);
}

Error Vfs::truncate(Session& view, At at, std::uint64_t size, std::string_view path) {
    auto const found = walk(view, at, path, walk_flag::follow);
    if (!found) { return found.error(); }
    Inode& inode = *found->place.dentry->inode;
    if (inode.is_directory()) { return Error::IsDirectory; }
    if (!inode.is_regular()) { return Error::Invalid; }
    if (!permitted(inode, view.who, may::write)) { return Error::Access; }
    if (found->place.mount->read_only()) { return Error::ReadOnly; }
    if (inode.file_system().fixed) { return Error::Access; }
    if (inode.running != 0) { return Error::TextBusy; }
    environment_.acting = view.who.process;
    Error const error = inode.truncate(size);
    if (error == Error::None) { inode.modified(environment_.port.now()); }
    return error;
}

proto::FileSystemStatus Vfs::stat_file_system(Mount const* mount, Inode const& inode) {
    FileSystem const& system = inode.file_system();
    proto::FileSystemStatus status{};
    status.type = system.magic();
    status.block_size = page_size;
    status.name_length = name_maximum;
    auto const memory = environment_.port.memory();
    status.blocks = memory[0] / page_size;
    status.free_blocks = memory[1] / page_size + environment_.pages.free_pages();
    status.files = environment_.inode_maximum;
    status.free_files = environment_.inode_maximum - environment_.inodes;
    auto narrow = [&](std::uint64_t limit, std::uint64_t used) {
        status.blocks = std::min(status.blocks, limit);
        status.free_blocks = std::min(status.free_blocks, limit > used ? limit - used : 0);
    };
    if (system.limit_pages != 0) { narrow(system.limit_pages, system.used_pages); }
    if (inode.domain && inode.domain->limit != 0) {
        narrow(inode.domain->limit / page_size, (inode.domain->used + page_size - 1) / page_size);
    }
    if (system.limit_inodes != 0) {
        status.files = system.limit_inodes;
        status.free_files = system.limit_inodes - system.used_inodes;
    }
    // ST_* of statvfs(3): the low four bits are those of mount(2).
    status.flags = mount != nullptr ? (mount->flags & 15) | (mount->read_only() ? 1 : 0) | 0x20 : 0x20;
    return status;
}

Result<proto::FileSystemStatus> Vfs::stat_file_system(Session& view, At at, std::string_view path) {
    if (path.empty() && at.present) {
        if (at.file == nullptr) { return fail(Error::BadDescriptor); }
        return stat_file_system(at.file->place.mount.get(), *at.file->inode);
    }
    auto const found = walk(view, at, path, walk_flag::follow);
    if (!found) { return fail(found.error()); }
    return stat_file_system(found->place.mount, *found->place.dentry->inode);
}

} // namespace vfs
