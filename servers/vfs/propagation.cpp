// Peer groups, slaves and copies of whole namespaces.
#include "mount.hpp"
#include <algorithm>

namespace vfs {

std::vector<Mount*> MountTable::receivers(Place point) const {
    std::vector<Mount*> found;
    if (point.mount->group == 0) { return found; }
    std::vector<std::uint32_t> groups{point.mount->group};
    for (std::size_t i = 0; i < groups.size(); ++i) {
        for (Mount* mount : mounts_) {
            bool const peer = mount->group == groups[i], slave = mount->master == groups[i];
            if ((!peer && !slave) || mount == point.mount || mount->space == nullptr ||
                std::find(found.begin(), found.end(), mount) != found.end()) {
                continue;
            }
            if (slave && mount->group != 0 && std::find(groups.begin(), groups.end(), mount->group) == groups.end()) {
                groups.push_back(mount->group);
            }
            // Only where the directory can be seen in that mount.
            if (is_below(point.dentry, mount->root.get())) { found.push_back(mount); }
        }
    }
    return found;
}

void MountTable::set_propagation(Mount& mount, std::uint32_t type, bool recursive) {
    std::vector<Mount*> all{&mount};
    if (recursive) {
        all.clear();
        collect(mount, all);
    }
    for (Mount* each : all) {
        if (type == mount_flag::shared) {
            if (each->group == 0) { each->group = next_group_++; }
            each->unbindable = false;
            continue;
        }
        std::uint32_t const group = std::exchange(each->group, 0);
        bool const has_peers = group != 0 && std::any_of(mounts_.begin(), mounts_.end(),
                                                         [&](Mount const* other) { return other->group == group; });
        if (type == mount_flag::slave) {
            if (has_peers) { each->master = group; }
        } else {
            each->master = 0;
        }
        each->unbindable = type == mount_flag::unbindable;
        if (group != 0 && !has_peers) { // slaves of a group that has ended follow its master, if it had one
            for (Mount* other : mounts_) {
                if (other->master == group) { other->master = type == mount_flag::slave ? each->master : 0; }
            }
        }
    }
}

void MountTable::lock_tree(Mount& top) {
    constexpr std::uint32_t lockable =
        mount_flag::read_only | mount_flag::no_suid | mount_flag::no_device | mount_flag::no_exec;
    std::vector<Mount*> all;
    collect(top, all);
    for (Mount* each : all) {
        each->locked = each != &top;
        each->locked_flags |= each->flags & lockable;
    }
}

Result<Ref<MountNamespace>> MountTable::copy(MountNamespace& from, Ref<UserNamespace> owner,
                                             std::vector<std::pair<Mount*, Mount*>>& moved) {
    Ref<MountNamespace> made{new MountNamespace{*this}};
    made->parent_number = from.number;
    made->domain = from.domain;
    made->contained = from.contained;
    made->owner = std::move(owner);
    auto root = copy({from.root.get(), from.root->root.get()}, true, made.get(), true);
    if (!root) { return fail(root.error()); }
    made->root = *root;
    if (made->owner != from.owner.get()) {
        lock_tree(**root);
        std::vector<Mount*> all;
        collect(**root, all);
        for (Mount* each : all) {
            if (each->group != 0) { each->master = std::exchange(each->group, 0); }
        }
    }
    // Both trees have the same shape: walk them together.
    struct Pair {
        Mount* from;
        Mount* to;
    };
    std::vector<Pair> pairs;
    constexpr std::size_t usual = 8;
    pairs.reserve(usual);
    moved.reserve(usual);
    pairs.push_back({from.root.get(), made->root.get()});
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        Pair const pair = pairs[i];
        moved.emplace_back(pair.from, pair.to);
        for (Mount* child : pair.to->children) {
            for (Mount* original : pair.from->children) {
                if (original->point == child->point.get() && original->file_system == child->file_system.get()) {
                    pairs.push_back({original, child});
                    break;
                }
            }
        }
    }
    return made;
}

} // namespace vfs
