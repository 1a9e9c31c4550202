#include "user_namespace.hpp"

namespace vfs {
Result<std::uint32_t> Credentials::global_user(std::uint32_t id) const {
    return users ? users->users.to_global(id) : id;
}
Result<std::uint32_t> Credentials::global_group(std::uint32_t id) const {
    return users ? users->groups.to_global(id) : id;
}
std::uint32_t Credentials::shown_user(std::uint32_t id) const { return users ? users->users.from_global(id) : id; }
std::uint32_t Credentials::shown_group(std::uint32_t id) const { return users ? users->groups.from_global(id) : id; }
bool Credentials::maps(std::uint32_t user_id, std::uint32_t group_id) const {
    return !users || (users->users.maps_global(user_id) && users->groups.maps_global(group_id));
}

bool has_capability_over(Credentials const& who, UserNamespace const* target, unsigned number) {
    for (;; target = target->parent.get()) {
        if (who.users == target) { return has_capability(who, number); }
        if (target == nullptr) { return false; }
        if (target->parent == who.users.get() && target->owner == who.user) { return true; }
    }
}

Error UserNamespaces::set(proto::UserNamespace const& which, std::span<ipc::IdExtent const> users,
                          std::span<ipc::IdExtent const> groups) {
    if (which.number == 0 || which.number == which.parent) { return Error::Invalid; }
    auto const map_of = [](std::span<ipc::IdExtent const> extents) {
        return extents.empty() ? Result<ipc::IdMap>{ipc::IdMap{}} : ipc::IdMap::of(extents);
    };
    auto user_map = map_of(users), group_map = map_of(groups);
    if (!user_map || !group_map) { return Error::Invalid; }
    if (which.parent != 0 && !known_.contains(which.parent)) { return Error::Invalid; }
    Ref<UserNamespace> const space = find(which.number);
    // Only what has no place yet gets one: a chain of parents never becomes a ring.
    if (!space->placed) {
        space->parent = find(which.parent);
        space->owner = which.owner;
        space->placed = true;
    }
    space->users = std::move(*user_map);
    space->groups = std::move(*group_map);
    return Error::None;
}

void UserNamespaces::forget(std::uint32_t number) {
    auto const found = known_.find(number);
    if (found == known_.end()) { return; }
    found->second->users = {};
    found->second->groups = {};
    known_.erase(found);
}

Ref<UserNamespace> UserNamespaces::find(std::uint32_t number) {
    if (number == 0) { return {}; }
    Ref<UserNamespace>& space = known_[number];
    if (!space) {
        space = Ref<UserNamespace>{new UserNamespace};
        space->number = number;
    }
    return space;
}

bool UserNamespaces::charge(UserNamespace* space, std::uint32_t user) {
    std::uint32_t whose = user;
    for (UserNamespace* at = space;; whose = at->owner, at = at->parent.get()) {
        MountCounts const& here = counts(at);
        auto const used = here.used.find(whose);
        if ((used == here.used.end() ? 0 : used->second) >= here.maximum) { return false; }
        if (at == nullptr) { break; }
    }
    whose = user;
    for (UserNamespace* at = space;; whose = at->owner, at = at->parent.get()) {
        ++counts(at).used[whose];
        if (at == nullptr) { return true; }
    }
}

void UserNamespaces::uncharge(UserNamespace* space, std::uint32_t user) {
    for (UserNamespace* at = space;; user = at->owner, at = at->parent.get()) {
        auto& used = counts(at).used;
        auto const found = used.find(user);
        if (found != used.end() && --found->second == 0) { used.erase(found); }
        if (at == nullptr) { return; }
    }
}

} // namespace vfs
