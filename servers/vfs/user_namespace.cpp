#include "user_namespace.hpp"

namespace vfs {
namespace {

std::uint32_t constexpr none = ~0u;

std::uint32_t outwards(std::vector<proto::IdExtent> const& map, std::uint32_t id) {
    for (proto::IdExtent const& each : map) {
        if (id - each.inside < each.count) { return each.global + (id - each.inside); }
    }
    return none;
}

std::uint32_t inwards(std::vector<proto::IdExtent> const& map, std::uint32_t global) {
    for (proto::IdExtent const& each : map) {
        if (global - each.global < each.count) { return each.inside + (global - each.global); }
    }
    return none;
}

Result<std::uint32_t> global(std::vector<proto::IdExtent> const& map, std::uint32_t id) {
    std::uint32_t const found = outwards(map, id);
    if (found == none) { return fail(Error::Invalid); }
    return found;
}

std::uint32_t shown(std::vector<proto::IdExtent> const& map, std::uint32_t id) {
    std::uint32_t const found = inwards(map, id);
    return found == none ? overflow_id : found;
}

} // namespace

Result<std::uint32_t> Credentials::global_user(std::uint32_t id) const { return users ? global(users->users, id) : id; }
Result<std::uint32_t> Credentials::global_group(std::uint32_t id) const {
    return users ? global(users->groups, id) : id;
}
std::uint32_t Credentials::shown_user(std::uint32_t id) const { return users ? shown(users->users, id) : id; }
std::uint32_t Credentials::shown_group(std::uint32_t id) const { return users ? shown(users->groups, id) : id; }
bool Credentials::maps(std::uint32_t user_id, std::uint32_t group_id) const {
    return !users || (inwards(users->users, user_id) != none && inwards(users->groups, group_id) != none);
}

bool has_capability_over(Credentials const& who, UserNamespace const* target, unsigned number) {
    for (;; target = target->parent.get()) {
        if (who.users == target) { return has_capability(who, number); }
        if (target == nullptr) { return false; }
        if (target->parent == who.users.get() && target->owner == who.user) { return true; }
    }
}

Error UserNamespaces::set(proto::UserNamespace const& which, std::vector<proto::IdExtent> users,
                          std::vector<proto::IdExtent> groups) {
    if (which.number == 0 || which.number == which.parent || users.size() > extent_maximum ||
        groups.size() > extent_maximum) {
        return Error::Invalid;
    }
    if (which.parent != 0 && !known_.contains(which.parent)) { return Error::Invalid; }
    Ref<UserNamespace> const space = find(which.number);
    // Only what has no place yet gets one: a chain of parents never becomes a ring.
    if (!space->placed) {
        space->parent = find(which.parent);
        space->owner = which.owner;
        space->placed = true;
    }
    space->users = std::move(users);
    space->groups = std::move(groups);
    return Error::None;
}

void UserNamespaces::forget(std::uint32_t number) {
    auto const found = known_.find(number);
    if (found == known_.end()) { return; }
    found->second->users.clear();
    found->second->groups.clear();
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

} // namespace vfs
