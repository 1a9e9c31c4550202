#include "mount.hpp"
#include <algorithm>

namespace vfs {

Mount::Mount(MountTable& table_, Ref<FileSystem> file_system_, Ref<Dentry> root_, std::string_view source_)
    : table{table_}, id{table_.next_id_++}, file_system{std::move(file_system_)}, root{std::move(root_)}, source{
                                                                                                              source_} {
    ++file_system->mounts;
    position = table.mounts_.insert(table.mounts_.end(), this);
}

Mount::~Mount() {
    table.mounts_.erase(position);
    root.reset();
    if (--file_system->mounts == 0) { file_system->shut_down(); }
}

void Mount::unreferenced() { delete this; }

MountNamespace::MountNamespace(MountTable& table_) : table{table_}, number{table_.next_namespace_++} {
    table.spaces_.emplace(number, this);
}
MountNamespace::~MountNamespace() {
    table.spaces_.erase(number);
    if (counted != nullptr) { counted->uncharge(owner.get(), counted_user); }
}
proto::NamespaceIdentity MountNamespace::identity() const {
    std::uint32_t const user = owner ? owner->number : proto::first_namespace_inode(proto::NamespaceKind::User);
    return {proto::NamespaceKind::Mount, number, parent_number, user, sessions, badge != 0 ? 1u : 0u};
}
void MountNamespace::unreferenced() {
    ++references; // detaching drops places that hold it
    table.detach_all(*this);
    delete this;
}

Mount* MountTable::mounted_on(Place place) {
    if (place.dentry->mounted == 0) { return nullptr; }
    for (Mount* child : place.mount->children) {
        if (child->point == place.dentry) { return child; }
    }
    return nullptr;
}

Place MountTable::cross(Place place) {
    while (Mount* const mount = mounted_on(place)) { place = {mount, mount->root.get()}; }
    return place;
}

Place MountTable::parent_of(Place place, Place limit) {
    for (;;) {
        if (place == limit) { return place; }
        if (place.dentry != place.mount->root.get()) {
            if (place.dentry->parent) { place.dentry = place.dentry->parent.get(); }
            return cross(place);
        }
        if (!place.mount->parent) { return place; }
        place = {place.mount->parent.get(), place.mount->point.get()};
    }
}

std::string MountTable::path_of(Place place, Place root, bool& reachable) const {
    std::string path;
    reachable = true;
    while (!(place == root)) {
        if (place.dentry == place.mount->root.get()) {
            if (!place.mount->parent) {
                reachable =
                    place.mount->space != nullptr && place.mount->space->root == place.mount && root.mount == nullptr;
                break;
            }
            place = {place.mount->parent.get(), place.mount->point.get()};
            continue;
        }
        path.insert(0, "/" + place.dentry->name);
        if (!place.dentry->parent || path.size() > path_maximum) {
            reachable = false;
            break;
        }
        place.dentry = place.dentry->parent.get();
    }
    if (path.empty()) { path = "/"; }
    return path;
}

void MountTable::connect(Mount& mount, Place point) {
    mount.parent = Ref<Mount>{point.mount};
    mount.point = Ref<Dentry>{point.dentry};
    ++point.dentry->mounted;
    point.mount->children.push_back(&mount);
    ++mount.references; // the tree's
    set_space(mount, point.mount->space);
}

void MountTable::disconnect(Mount& mount) {
    Ref<Mount> const hold{&mount};
    if (mount.parent) {
        std::erase(mount.parent->children, &mount);
        --mount.point->mounted;
        mount.parent.reset();
        mount.point.reset();
        --mount.references;
    }
}

void MountTable::set_space(Mount& mount, MountNamespace* space) {
    mount.space = space;
    for (Mount* child : mount.children) { set_space(*child, space); }
}

void MountTable::collect(Mount& mount, std::vector<Mount*>& into) const {
    into.push_back(&mount);
    for (Mount* child : mount.children) { collect(*child, into); }
}

void MountTable::detach_tree(Mount& mount) {
    std::vector<Mount*> all;
    collect(mount, all);
    std::vector<Ref<Mount>> held{all.begin(), all.end()};
    for (Mount* each : all) {
        each->space = nullptr;
        each->group = each->master = 0;
        disconnect(*each);
    }
}

void MountTable::detach_all(MountNamespace& space) {
    Ref<Mount> const root = std::exchange(space.root, {});
    if (root) { detach_tree(*root); }
}

void MountTable::detach_on(Dentry& dentry) {
    for (bool again = dentry.mounted != 0; again;) {
        again = false;
        for (Mount* mount : mounts_) {
            if (mount->point == &dentry) {
                detach_tree(*mount);
                again = true;
                break;
            }
        }
    }
}

bool MountTable::is_local_mount_point(Dentry const& dentry, MountNamespace const* space) const {
    if (dentry.mounted == 0) { return false; }
    return std::any_of(mounts_.begin(), mounts_.end(),
                       [&](Mount const* mount) { return mount->point == &dentry && mount->space == space; });
}

Error MountTable::attach(Ref<Mount> mount, Place point) {
    // Trees of mounts are walked recursively.
    unsigned depth = 0;
    for (Mount const* above = point.mount; above != nullptr; above = above->parent.get()) { ++depth; }
    if (depth > 100) {
        detach_tree(*mount);
        return Error::NoSpace;
    }
    // What comes onto a shared mount is shared itself, and appears on every receiver.
    bool const shared = point.mount->group != 0;
    std::vector<Mount*> const targets = receivers(point);
    if (shared) {
        std::vector<Mount*> all;
        collect(*mount, all);
        for (Mount* each : all) {
            if (each->group == 0 && !each->unbindable) { each->group = next_group_++; }
        }
    }
    for (Mount* target : targets) {
        auto clone = copy({mount.get(), mount->root.get()}, true, nullptr, true);
        if (!clone) {
            detach_tree(*mount);
            return clone.error();
        }
        if (target->group != point.mount->group) { // a slave's copy is a slave of the new mount's group
            std::vector<Mount*> all;
            collect(**clone, all);
            for (Mount* each : all) {
                each->master = each->group;
                each->group = target->group != 0 ? next_group_++ : 0;
            }
        }
        if (target->space->owner != point.mount->space->owner.get()) { lock_tree(**clone); }
        connect(**clone, {target, point.dentry});
    }
    connect(*mount, point);
    return Error::None;
}

Result<Ref<Mount>> MountTable::copy(Place source, bool recursive, MountNamespace* space, bool all) {
    if (mounts_.size() >= mount_maximum) { return fail(Error::NoSpace); }
    Mount& from = *source.mount;
    Ref<Mount> made{new Mount{*this, from.file_system, Ref<Dentry>{source.dentry}, from.source}};
    made->flags = from.flags;
    made->group = from.group;
    made->master = from.master;
    made->space = space;
    made->unbindable = all && from.unbindable;
    made->locked_flags = from.locked_flags;
    if (recursive) {
        for (Mount* child : from.children) { // which does not change: only the copy grows
            if ((child->unbindable && !all) || !is_below(child->point.get(), source.dentry)) { continue; }
            auto below = copy({child, child->root.get()}, true, space, all);
            if (!below) {
                detach_tree(*made);
                return below;
            }
            (*below)->locked = child->locked;
            connect(**below, {made.get(), child->point.get()});
        }
    }
    return made;
}

bool MountTable::has_locked_children(Place source) {
    return std::any_of(source.mount->children.begin(), source.mount->children.end(), [&](Mount const* child) {
        return child->locked && is_below(child->point.get(), source.dentry);
    });
}

Error MountTable::unmount(Mount& mount, std::uint32_t flags) {
    if (!mount.parent || mount.locked) { return Error::Invalid; }
    Ref<Mount> const hold{&mount};
    if ((flags & mount_flag::detach) == 0) {
        // References: the tree's and ours; anybody else's is a use.
        if (!mount.children.empty() || mount.references > 2) { return Error::Busy; }
    }
    Place const point{mount.parent.get(), mount.point.get()};
    for (Mount* target : receivers(point)) {
        Mount* const other = mounted_on({target, point.dentry});
        if (other != nullptr && other != &mount && !other->locked &&
            (other->children.empty() || (flags & mount_flag::detach) != 0) &&
            (other->references <= 1 || (flags & mount_flag::detach) != 0)) {
            detach_tree(*other);
        }
    }
    detach_tree(mount);
    return Error::None;
}

Error MountTable::move(Mount& mount, Place point) {
    if (!mount.parent || mount.parent->group != 0 || mount.locked) { return Error::Invalid; }
    for (Place at = point; at.mount != nullptr; at = {at.mount->parent.get(), at.mount->point.get()}) {
        if (at.mount == &mount) { return Error::Loop; }
        if (!at.mount->parent) { break; }
    }
    Ref<Mount> const hold{&mount};
    disconnect(mount);
    return attach(hold, point);
}

Error MountTable::pivot(Place new_root, Place put_old, Place old_root) {
    Mount& fresh = *new_root.mount;
    Mount& old = *old_root.mount;
    MountNamespace* const space = fresh.space;
    Ref<Mount> const hold_fresh{&fresh}, hold_old{&old};
    bool const was_top = space->root == &old;
    Place const old_point = was_top ? Place{} : Place{old.parent.get(), old.point.get()};
    disconnect(fresh);
    std::swap(fresh.locked, old.locked); // the new root is where the old one was
    if (was_top) {
        space->root = hold_fresh;
    } else {
        HeldPlace const held{old_point};
        disconnect(old);
        connect(fresh, held.get());
    }
    connect(old, put_old);
    return Error::None;
}

} // namespace vfs
