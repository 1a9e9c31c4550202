// rename(2) and link(2).
#include "vfs.hpp"

namespace vfs {
namespace {
constexpr std::uint32_t no_replace = 1, exchange = 2;
}

Error Vfs::rename(Session& view, At from, At to, std::uint32_t flags, std::string_view old_path,
                  std::string_view new_path) {
    if ((flags & ~(no_replace | exchange)) != 0 || flags == (no_replace | exchange)) { return Error::Invalid; }
    auto const source = walk(view, from, old_path, walk_flag::parent);
    if (!source) {
        if (source.error() != Error::Elsewhere) { return source.error(); }
        // Within one file system that is served elsewhere (queues, control groups, processes) nothing is renamed.
        Slot const server = walker_.elsewhere().directory;
        auto const target = walk(view, to, new_path, walk_flag::parent);
        bool const same = !target && target.error() == Error::Elsewhere && walker_.elsewhere().directory == server;
        return same ? Error::NotPermitted : Error::CrossDevice;
    }
    Walked const old = *source;
    auto const target = walk(view, to, new_path, walk_flag::parent);
    if (!target) { return target.error() == Error::Elsewhere ? Error::CrossDevice : target.error(); }
    if (old.kind != Walked::Last::Normal) { return Error::Busy; }
    if (target->kind != Walked::Last::Normal) { return (flags & no_replace) != 0 ? Error::Exists : Error::Busy; }
    if (old.directory.mount != target->directory.mount) { return Error::CrossDevice; }
    if (!old.place) { return Error::NoEntry; }
    if (target->place && (flags & no_replace) != 0) { return Error::Exists; }
    if (!target->place && (flags & exchange) != 0) { return Error::NoEntry; }
    Ref<Dentry> const moved{old.place.dentry}, replaced{target->place.dentry};
    Inode& inode = *moved->inode;
    bool const directory = inode.is_directory();
    if (!directory && (old.trailing_slash || ((flags & exchange) == 0 && target->trailing_slash))) {
        return Error::NotDirectory;
    }
    if (is_below(target->directory.dentry, moved.get())) { return Error::Invalid; }
    if (replaced && is_below(old.directory.dentry, replaced.get())) {
        return (flags & exchange) != 0 ? Error::Invalid : Error::NotEmpty;
    }
    if (Error const error = may_remove(view, old.directory, *moved, directory); error != Error::None) { return error; }
    Dentry& new_directory = *target->directory.dentry;
    if (replaced) {
        bool const expects_directory = (flags & exchange) != 0 ? replaced->inode->is_directory() : directory;
        if (Error const error = may_remove(view, target->directory, *replaced, expects_directory);
            error != Error::None) {
            return error;
        }
    } else if (Error const error = may_change(view, target->directory); error != Error::None) {
        return error;
    }
    // A directory that changes its parent has its ".." written.
    if (directory && old.directory.dentry != &new_directory && !permitted(inode, view.who, may::write)) {
        return Error::Access;
    }
    if (inode.domain.get() != domain_for(new_directory).get()) { return Error::CrossDevice; }
    if (replaced && replaced->inode == &inode && moved.get() != replaced.get()) { return Error::None; }
    if (moved.get() == replaced.get()) { return Error::None; }
    std::uint64_t const now = environment_.port.now();
    Inode& old_above = *moved->parent->inode;
    Inode& new_above = *new_directory.inode;
    std::string const name{replaced ? std::string_view{replaced->name} : target->last};
    if ((flags & exchange) != 0) {
        if (replaced->inode->domain.get() != moved->inode->domain.get()) { return Error::CrossDevice; }
        std::string const old_name = moved->name;
        Ref<Dentry> const old_directory = moved->parent;
        bool const other_directory = replaced->inode->is_directory();
        environment_.dentries.move(*moved, new_directory, name + "\n"); // aside: names are unique
        environment_.dentries.move(*replaced, *old_directory, old_name);
        environment_.dentries.move(*moved, new_directory, name);
        if (directory) { --old_above.links, ++new_above.links; }
        if (other_directory) { --new_above.links, ++old_above.links; }
        replaced->inode->change_time = now;
    } else {
        if (replaced) {
            if (directory && replaced->newest_child != nullptr) { return Error::NotEmpty; }
            removed(*replaced, now);
        }
        environment_.dentries.move(*moved, new_directory, name);
        old_above.size -= 20;
        new_above.size += 20;
        if (directory) { --old_above.links, ++new_above.links; }
    }
    inode.change_time = now;
    old_above.modified(now);
    new_above.modified(now);
    return Error::None;
}

Error Vfs::link(Session& view, At from, At to, std::uint32_t flags, std::string_view old_path,
                std::string_view new_path) {
    Place place;
    Ref<Inode> inode;
    if (old_path.empty() && (flags & at_flag::empty_path) != 0 && from.present) {
        if (from.file == nullptr) { return Error::BadDescriptor; }
        inode = from.file->inode;
        place = from.file->place.get();
    } else {
        auto const found = walk(view, from, old_path, (flags & at_flag::follow) != 0 ? walk_flag::follow : 0);
        if (!found) { return found.error() == Error::Elsewhere ? Error::CrossDevice : found.error(); }
        place = found->place;
        inode = Ref<Inode>{place.dentry->inode};
    }
    auto const found = walk_new(view, to, new_path, false);
    if (!found) { return found.error() == Error::Elsewhere ? Error::CrossDevice : found.error(); }
    if (found->directory.mount != place.mount) { return Error::CrossDevice; }
    if (inode->is_directory()) { return Error::NotPermitted; }
    if (inode->links == 0 && (place.dentry == nullptr || !place.dentry->name.empty())) { return Error::NoEntry; }
    if (inode->links >= 65000) { return Error::TooManyLinks; }
    if (inode->domain.get() != domain_for(*found->directory.dentry).get()) { return Error::CrossDevice; }
    environment_.dentries.link(*found->directory.dentry, found->last, inode);
    ++inode->links;
    std::uint64_t const now = environment_.port.now();
    inode->change_time = now;
    found->directory.dentry->inode->size += 20;
    found->directory.dentry->inode->modified(now);
    return Error::None;
}

} // namespace vfs
