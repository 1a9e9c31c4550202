// mount(2), umount2(2), pivot_root(2).
#include "vfs.hpp"
#include <algorithm>
#include <charconv>

namespace vfs {
namespace {

constexpr std::uint32_t propagation = mount_flag::shared | mount_flag::make_private | mount_flag::slave | mount_flag::unbindable;

std::uint32_t kept_flags(std::uint32_t flags) {
    std::uint32_t kept = flags & mount_flag::kept;
    if ((kept & (mount_flag::no_atime | mount_flag::strict_atime)) == 0) { kept |= mount_flag::relative_atime; }
    return kept & ~mount_flag::strict_atime;
}

/// "10", "64k", "16m", "1g"; "50%" of `whole`.
bool parse_size(std::string_view text, std::uint64_t whole, std::uint64_t& bytes) {
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
    if (error != std::errc{}) { return false; }
    std::string_view const unit{end, static_cast<std::size_t>(text.data() + text.size() - end)};
    if (unit.empty()) { return true; }
    if (unit.size() != 1) { return false; }
    switch (unit[0] | 0x20) {
    case 'k': bytes <<= 10; return true;
    case 'm': bytes <<= 20; return true;
    case 'g': bytes <<= 30; return true;
    case '%' | 0x20: bytes = whole / 100 * bytes; return true;
    default: return false;
    }
}

} // namespace

Error Vfs::parse_options(FileSystem& system, std::string_view data, std::uint32_t& root_mode, std::uint32_t& user, std::uint32_t& group) const {
    while (!data.empty()) {
        std::string_view const option = data.substr(0, data.find(','));
        data.remove_prefix(std::min(option.size() + 1, data.size()));
        std::size_t const equals = option.find('=');
        if (option.empty()) { continue; }
        if (equals == option.npos) { return Error::Invalid; }
        std::string_view const key = option.substr(0, equals), value = option.substr(equals + 1);
        std::uint64_t number = 0;
        if (key == "size" || key == "nr_blocks") {
            if (!parse_size(value, environment_.port.memory()[0], number)) { return Error::Invalid; }
            system.limit_pages = key == "size" ? (number + page_size - 1) / page_size : number;
        } else if (key == "nr_inodes") {
            if (!parse_size(value, 0, number)) { return Error::Invalid; }
            system.limit_inodes = number;
        } else if (key == "mode") {
            if (std::from_chars(value.data(), value.data() + value.size(), root_mode, 8).ec != std::errc{}) { return Error::Invalid; }
        } else if (key == "uid") {
            if (std::from_chars(value.data(), value.data() + value.size(), user).ec != std::errc{}) { return Error::Invalid; }
        } else if (key == "gid") {
            if (std::from_chars(value.data(), value.data() + value.size(), group).ec != std::errc{}) { return Error::Invalid; }
        } else if (key != "huge" && key != "mpol" && key != "ptmxmode" && key != "hidepid" && key != "subset") {
            return Error::Invalid;
        }
    }
    if (system.limit_pages != 0) { system.options = "size=" + std::to_string(system.limit_pages * 4) + "k"; }
    if (system.limit_inodes != 0) { system.options += (system.options.empty() ? "nr_inodes=" : ",nr_inodes=") + std::to_string(system.limit_inodes); }
    if (root_mode != 01777) {
        char text[12];
        auto const end = std::to_chars(text, text + sizeof text, root_mode, 8).ptr;
        system.options += (system.options.empty() ? "mode=" : ",mode=") + std::string{text, end};
    }
    return Error::None;
}

Result<Ref<Mount>> Vfs::new_mount(Session& view, std::uint32_t flags, Slot server, std::string_view source, std::string_view type,
                                  std::string_view data) {
    static constexpr std::string_view known[] = {"tmpfs", "ramfs", "devtmpfs", "sysfs", "cgroup2", "cgroup", "mqueue", "devpts", "proc"};
    if (std::find(std::begin(known), std::end(known), type) == std::end(known)) { return fail(Error::NoSuchDevice); }
    if (type == "proc" && server == 0) { return fail(Error::NoSuchDevice); }
    if (mounts_.count() >= 4096) { return fail(Error::NoSpace); }
    Ref<FileSystem> const system{new FileSystem{environment_, type, view.domain}};
    std::uint32_t root_mode = 01777, user = view.who.user, group = view.who.group;
    if (type == "tmpfs") {
        if (Error const error = parse_options(*system, data, root_mode, user, group); error != Error::None) { return fail(error); }
    } else {
        root_mode = 0755;
    }
    if (type == "proc") { root_mode = 0555; }
    if (Error const error = system->make_root(root_mode); error != Error::None) { return fail(error); }
    system->root->inode->user = user;
    system->root->inode->group = group;
    system->root->inode->size = 40;
    if (type == "devtmpfs") {
        if (Error const error = populate_devices(*system, *system->root, false); error != Error::None) {
            system->shut_down();
            return fail(error);
        }
    }
    Ref<Mount> made{new Mount{mounts_, system, system->root, source.empty() ? "none" : source}};
    made->flags = kept_flags(flags);
    if (type == "sysfs") { made->flags |= mount_flag::read_only; }
    system->server = server; // from here on the capability is the file system's
    return made;
}

Error Vfs::mount(Session& view, std::uint32_t flags, Slot server, std::string_view source, std::string_view target, std::string_view type,
                 std::string_view data) {
    if (!has_capability(view.who, capability::sys_admin)) { return Error::NotPermitted; }
    if ((flags & 0xffff0000) == mount_flag::magic) { flags &= 0xffff; }
    flags &= ~mount_flag::silent;
    auto const found = walk(view, {}, target, walk_flag::follow | walk_flag::local);
    if (!found) { return found.error() == Error::Elsewhere ? Error::NotSupported : found.error(); }
    Place const point = found->place;
    HeldPlace const held{point};
    bool const is_root = point.dentry == point.mount->root.get();
    if (point.mount->space != view.space.get()) { return Error::Invalid; }
    if ((flags & mount_flag::remount) != 0) {
        if (!is_root) { return Error::Invalid; }
        if ((flags & mount_flag::bind) == 0 && point.mount->file_system->type == "tmpfs" && !data.empty()) {
            FileSystem& system = *point.mount->file_system;
            std::uint32_t root_mode = system.root->inode->mode & mode::permissions, ignored = 0;
            std::uint64_t const old_pages = system.limit_pages, old_inodes = system.limit_inodes;
            std::string const old_options = system.options;
            Error error = parse_options(system, data, root_mode, ignored, ignored);
            if (error == Error::None && system.limit_pages != 0 && system.used_pages > system.limit_pages) { error = Error::Invalid; }
            if (error != Error::None) {
                system.limit_pages = old_pages;
                system.limit_inodes = old_inodes;
                system.options = old_options;
                return error;
            }
        }
        if ((flags & mount_flag::read_only) != 0 && (flags & mount_flag::bind) == 0 && !point.mount->read_only()) {
            bool busy = false;
            for_each_below(*point.mount->root, [&](Dentry& entry) { busy = busy || entry.inode->writers != 0; });
            if (busy) { return Error::Busy; }
        }
        point.mount->flags = kept_flags(flags);
        return Error::None;
    }
    if ((flags & mount_flag::bind) != 0) {
        auto const from = walk(view, {}, source, walk_flag::follow | walk_flag::local);
        if (!from) { return from.error() == Error::Elsewhere ? Error::NotSupported : from.error(); }
        Place const original = from->place;
        if (original.mount->unbindable) { return Error::Invalid; }
        if (original.dentry->inode->is_directory() != point.dentry->inode->is_directory()) { return Error::NotDirectory; }
        auto copy = mounts_.copy(original, (flags & mount_flag::recursive) != 0, nullptr);
        if (!copy) { return copy.error(); }
        return mounts_.attach(*copy, point);
    }
    if ((flags & propagation) != 0) {
        std::uint32_t const kind = flags & propagation;
        if ((kind & (kind - 1)) != 0 || (flags & ~(propagation | mount_flag::recursive)) != 0 || !is_root) { return Error::Invalid; }
        mounts_.set_propagation(*point.mount, kind, (flags & mount_flag::recursive) != 0);
        return Error::None;
    }
    if ((flags & mount_flag::move) != 0) {
        auto const from = walk(view, {}, source, walk_flag::follow | walk_flag::local);
        if (!from) { return from.error() == Error::Elsewhere ? Error::NotSupported : from.error(); }
        if (from->place.dentry != from->place.mount->root.get() || from->place.mount->space != view.space.get()) { return Error::Invalid; }
        if (from->place.dentry->inode->is_directory() != point.dentry->inode->is_directory()) { return Error::NotDirectory; }
        return mounts_.move(*from->place.mount, point);
    }
    if (!point.dentry->inode->is_directory()) { return Error::NotDirectory; }
    auto made = new_mount(view, flags, server, source, type, data);
    if (!made) { return made.error(); }
    Error const error = mounts_.attach(*made, point);
    if (error != Error::None) { (*made)->file_system->server = 0; }
    return error;
}

Error Vfs::mount_at(Session& view, Slot server, std::string_view type, std::string_view path) {
    auto const found = walk(view, {}, path, walk_flag::follow | walk_flag::local);
    if (!found) { return found.error() == Error::Elsewhere ? Error::NotSupported : found.error(); }
    HeldPlace const point{found->place};
    if (!point.dentry->inode->is_directory()) { return Error::NotDirectory; }
    auto made = new_mount(view, mount_flag::no_suid | mount_flag::no_device | mount_flag::no_exec, server, type, type, {});
    if (!made) { return made.error(); }
    Error const error = mounts_.attach(*made, point.get());
    if (error != Error::None) { (*made)->file_system->server = 0; }
    return error;
}

Error Vfs::unmount(Session& view, std::uint32_t flags, std::string_view path) {
    if ((flags & ~15u) != 0) { return Error::Invalid; }
    if (!has_capability(view.who, capability::sys_admin)) { return Error::NotPermitted; }
    auto const found = walk(view, {}, path, walk_flag::local | ((flags & mount_flag::no_follow) != 0 ? 0 : walk_flag::follow));
    if (!found) { return found.error() == Error::Elsewhere ? Error::Invalid : found.error(); }
    // A path may end at a place that is covered (`.` after pivot_root): the topmost mount there is meant.
    Place const place = MountTable::cross(found->place);
    Mount& mount = *place.mount;
    if (place.dentry != mount.root.get() || mount.space != view.space.get()) { return Error::Invalid; }
    return mounts_.unmount(mount, flags);
}

Error Vfs::pivot_root(Session& view, std::string_view new_path, std::string_view old_path) {
    if (!has_capability(view.who, capability::sys_admin)) { return Error::NotPermitted; }
    auto const found = walk(view, {}, new_path, walk_flag::follow);
    if (!found) { return found.error() == Error::Elsewhere ? Error::Invalid : found.error(); }
    Place const fresh = found->place;
    auto const old = walk(view, {}, old_path, walk_flag::follow);
    if (!old) { return old.error() == Error::Elsewhere ? Error::Invalid : old.error(); }
    Place const put_old = old->place, root = view.root.get();
    if (!fresh.dentry->inode->is_directory() || !put_old.dentry->inode->is_directory()) { return Error::NotDirectory; }
    if (fresh.mount->space != view.space.get() || put_old.mount->space != view.space.get() || root.mount->space != view.space.get()) { return Error::Invalid; }
    if (fresh.mount == root.mount || put_old.mount == root.mount) { return Error::Busy; }
    if (fresh.dentry != fresh.mount->root.get() || root.dentry != root.mount->root.get() || !fresh.mount->parent) { return Error::Invalid; }
    if (fresh.mount->parent->group != 0 || (root.mount->parent && root.mount->parent->group != 0) || put_old.mount->group != 0) { return Error::Invalid; }
    // put_old lies at or below the new root, in the tree of mounts and within the mount.
    Place at = put_old;
    while (at.mount != fresh.mount) {
        if (!at.mount->parent) { return Error::Invalid; }
        at = {at.mount->parent.get(), at.mount->point.get()};
    }
    if (!is_below(at.dentry, fresh.dentry)) { return Error::Invalid; }
    HeldPlace const held_fresh{fresh}, held_old{put_old}, held_root{root};
    Error const error = mounts_.pivot(fresh, put_old, root);
    if (error != Error::None) { return error; }
    // Every process of the namespace whose root or directory was the old root is moved over.
    for (Object const& object : objects_) {
        if (object.kind != Kind::Session) { continue; }
        Session& other = *static_cast<Session*>(object.pointer);
        if (other.space.get() != view.space.get()) { continue; }
        if (other.root.get() == root) { other.root = fresh; }
        if (other.working.get() == root) { other.working = fresh; }
    }
    return Error::None;
}

} // namespace vfs
