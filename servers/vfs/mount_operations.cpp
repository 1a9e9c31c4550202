// mount(2), umount2(2), pivot_root(2).
#include "vfs.hpp"

namespace vfs {
namespace {

constexpr std::uint32_t propagation =
    mount_flag::shared | mount_flag::make_private | mount_flag::slave | mount_flag::unbindable;
constexpr std::uint32_t access_times =
    mount_flag::no_atime | mount_flag::no_directory_atime | mount_flag::relative_atime | mount_flag::strict_atime;

bool may_mount(Session const& view) {
    return has_capability_over(view.who, view.space->owner.get(), capability::sys_admin);
}

/// Neither a directory on something else nor something else on a directory.
bool same_sort(Place a, Place b) { return a.dentry->inode->is_directory() == b.dentry->inode->is_directory(); }

} // namespace

Error Vfs::mount(Session& view, std::uint32_t flags, Slot server, std::string_view source, std::string_view target,
                 std::string_view type, std::string_view data, MountNamespace* given) {
    if (!may_mount(view)) { return Error::NotPermitted; }
    if ((flags & 0xffff0000) == mount_flag::magic) { flags &= 0xffff; }
    flags &= ~mount_flag::silent;
    auto const found = walk(view, {}, target, walk_flag::follow | walk_flag::local);
    if (!found) { return found.error() == Error::Elsewhere ? Error::NotSupported : found.error(); }
    HeldPlace const held{found->place};
    Place const point = held.get();
    if (point.mount->space != view.space.get()) { return Error::Invalid; }
    if ((flags & mount_flag::remount) != 0) { return remount(view, point, flags, data); }
    if ((flags & mount_flag::bind) != 0) { return bind(view, point, flags, source, server, given, type); }
    if ((flags & propagation) != 0) {
        std::uint32_t const kind = flags & propagation;
        bool const is_root = point.dentry == point.mount->root.get();
        if ((kind & (kind - 1)) != 0 || (flags & ~(propagation | mount_flag::recursive)) != 0 || !is_root) {
            return Error::Invalid;
        }
        mounts_.set_propagation(*point.mount, kind, (flags & mount_flag::recursive) != 0);
        return Error::None;
    }
    if ((flags & mount_flag::move) != 0) { return move(view, point, source); }
    if (!point.dentry->inode->is_directory()) { return Error::NotDirectory; }
    auto made = new_mount(view, flags, server, source, type, data);
    if (!made) { return made.error(); }
    Error const error = mounts_.attach(*made, point);
    if (error != Error::None) { (*made)->file_system->server = 0; }
    return error;
}

Error Vfs::remount(Session& view, Place point, std::uint32_t flags, std::string_view data) {
    Mount& mount = *point.mount;
    FileSystem& system = *mount.file_system;
    if (point.dentry != mount.root.get()) { return Error::Invalid; }
    // Without a word about access times they stay.
    std::uint32_t const wanted = (flags & access_times) != 0
                                     ? kept_flags(flags)
                                     : (flags & mount_flag::kept & ~access_times) | (mount.flags & access_times);
    if ((mount.locked_flags & ~wanted) != 0) { return Error::NotPermitted; }
    bool const read_only = (flags & mount_flag::read_only) != 0;
    if ((flags & mount_flag::bind) == 0) { // the file system as a whole
        if (!has_capability_over(view.who, system.owner.get(), capability::sys_admin)) { return Error::NotPermitted; }
        if (system.type == "tmpfs" && !data.empty()) {
            std::uint32_t root_mode = system.root->inode->mode & mode::permissions, ignored = 0;
            std::uint64_t const old_pages = system.limit_pages, old_inodes = system.limit_inodes;
            std::string const old_options = system.options;
            Error error = parse_options(view.who, system, data, root_mode, ignored, ignored);
            if (error == Error::None && system.limit_pages != 0 && system.used_pages > system.limit_pages) {
                error = Error::Invalid;
            }
            if (error != Error::None) {
                system.limit_pages = old_pages;
                system.limit_inodes = old_inodes;
                system.options = old_options;
                return error;
            }
        }
        if (system.terminals && !data.empty()) {
            if (Error const error = terminal_options(view.who, system, data); error != Error::None) { return error; }
        }
        if (read_only && !system.read_only && system.root) {
            bool busy = false;
            for_each_below(*system.root, [&](Dentry& entry) { busy = busy || entry.inode->writers != 0; });
            if (busy) { return Error::Busy; }
        }
        system.read_only = read_only;
    }
    mount.flags = wanted;
    return Error::None;
}

Error Vfs::bind(Session& view, Place point, std::uint32_t flags, std::string_view source, Slot file,
                MountNamespace* given, std::string_view name) {
    if (file != 0 || given != nullptr) {
        if (point.dentry->inode->is_directory()) { return Error::NotDirectory; }
        auto made = namespace_mount(view, file, given, name);
        if (!made) { return made.error(); }
        Error const error = mounts_.attach(*made, point);
        if (error != Error::None) { (*made)->file_system->file = 0; }
        return error;
    }
    auto const from = walk(view, {}, source, walk_flag::follow | walk_flag::local);
    if (!from) { return from.error(); } // Elsewhere: the caller comes again with the file, if it is a namespace's
    bool const recursive = (flags & mount_flag::recursive) != 0;
    Place const original = from->place;
    if (original.mount->space != view.space.get() || original.mount->unbindable) { return Error::Invalid; }
    if (!recursive && MountTable::has_locked_children(original)) { return Error::Invalid; }
    if (!same_sort(original, point)) { return Error::NotDirectory; }
    // Like mounts: a mount namespace within one that is newer would keep itself.
    if (original.mount->file_system->pinned && original.mount->file_system->pinned_number <= view.space->number) {
        return Error::Invalid;
    }
    auto copy = mounts_.copy(original, recursive, nullptr);
    if (!copy) { return copy.error(); }
    return mounts_.attach(*copy, point);
}

Error Vfs::move(Session& view, Place point, std::string_view source) {
    auto const from = walk(view, {}, source, walk_flag::follow | walk_flag::local);
    if (!from) { return from.error() == Error::Elsewhere ? Error::NotSupported : from.error(); }
    if (from->place.dentry != from->place.mount->root.get() || from->place.mount->space != view.space.get()) {
        return Error::Invalid;
    }
    if (!same_sort(from->place, point)) { return Error::NotDirectory; }
    return mounts_.move(*from->place.mount, point);
}

Error Vfs::mount_at(Session& view, Slot server, std::string_view type, std::string_view path) {
    auto const found =
        walk(view, {}, path, walk_flag::local); // whoever prepared the folder does not choose where it goes
    if (!found) { return found.error() == Error::Elsewhere ? Error::NotSupported : found.error(); }
    HeldPlace const point{found->place};
    if (!point.dentry->inode->is_directory()) { return Error::NotDirectory; }
    auto made =
        new_mount(view, mount_flag::no_suid | mount_flag::no_device | mount_flag::no_exec, server, type, type, {});
    if (!made) { return made.error(); }
    Error const error = mounts_.attach(*made, point.get());
    if (error != Error::None) { (*made)->file_system->server = 0; }
    return error;
}

Error Vfs::unmount(Session& view, std::uint32_t flags, std::string_view path) {
    if ((flags & ~15u) != 0) { return Error::Invalid; }
    if (!may_mount(view)) { return Error::NotPermitted; }
    auto const found =
        walk(view, {}, path, walk_flag::local | ((flags & mount_flag::no_follow) != 0 ? 0 : walk_flag::follow));
    if (!found) { return found.error() == Error::Elsewhere ? Error::Invalid : found.error(); }
    // A path may end at a place that is covered (`.` after pivot_root): the topmost mount there is meant.
    Place const place = MountTable::cross(found->place);
    Mount& mount = *place.mount;
    if (place.dentry != mount.root.get() || mount.space != view.space.get()) { return Error::Invalid; }
    return mounts_.unmount(mount, flags);
}

Error Vfs::pivot_root(Session& view, std::string_view new_path, std::string_view old_path) {
    if (!may_mount(view)) { return Error::NotPermitted; }
    auto const found = walk(view, {}, new_path, walk_flag::follow);
    if (!found) { return found.error() == Error::Elsewhere ? Error::Invalid : found.error(); }
    Place const fresh = found->place;
    auto const old = walk(view, {}, old_path, walk_flag::follow);
    if (!old) { return old.error() == Error::Elsewhere ? Error::Invalid : old.error(); }
    Place const put_old = old->place, root = view.root.get();
    if (!fresh.dentry->inode->is_directory() || !put_old.dentry->inode->is_directory()) { return Error::NotDirectory; }
    if (fresh.mount->space != view.space.get() || put_old.mount->space != view.space.get() ||
        root.mount->space != view.space.get()) {
        return Error::Invalid;
    }
    if (fresh.mount == root.mount || put_old.mount == root.mount) { return Error::Busy; }
    if (fresh.mount->locked) { return Error::Invalid; }
    if (fresh.dentry != fresh.mount->root.get() || root.dentry != root.mount->root.get() || !fresh.mount->parent) {
        return Error::Invalid;
    }
    if (fresh.mount->parent->group != 0 || (root.mount->parent && root.mount->parent->group != 0) ||
        put_old.mount->group != 0) {
        return Error::Invalid;
    }
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
