#include "user_namespace.hpp"

namespace proc {

namespace {
constexpr unsigned buckets = 64;
UserNamespace* table[buckets];
} // namespace

std::uint32_t UserNamespace::count = 0;
UserNamespace::Observer* UserNamespace::observer = nullptr;

void UserNamespace::enlist() {
    ++count;
    next_ = table[inode_ % buckets];
    table[inode_ % buckets] = this;
}

UserNamespace::UserNamespace()
    : users{ipc::IdMap::identity()}, groups{ipc::IdMap::identity()}, creator_had_setfcap{true} {
    for (Quota& each : quotas) each.maximum = default_maximum;
    enlist();
}

UserNamespace::UserNamespace(UserNamespace& parent, std::uint32_t inode, std::uint32_t owner_user,
                             std::uint32_t owner_group)
    : setgroups_allowed{parent.setgroups_allowed}, parent_{&parent}, level_{parent.level_ + 1}, inode_{inode},
      owner_user_{owner_user}, owner_group_{owner_group} {
    parent.retain();
    enlist();
}

UserNamespace::~UserNamespace() {
    --count;
    UserNamespace** place = &table[inode_ % buckets];
    while (*place != this) place = &(*place)->next_;
    *place = next_;
    if (parent_ == nullptr) return;
    parent_->uncharge(proto::NamespaceKind::User, owner_user_);
    parent_->release();
}

bool UserNamespace::charge(proto::NamespaceKind kind, std::uint32_t user) {
    std::uint32_t whose = user;
    for (UserNamespace* space = this; space != nullptr; whose = space->owner_user_, space = space->parent_) {
        Quota& quota = space->quota(kind);
        if (quota.used_by(whose) >= quota.maximum) return false;
    }
    whose = user;
    for (UserNamespace* space = this; space != nullptr; whose = space->owner_user_, space = space->parent_) {
        Quota& quota = space->quota(kind);
        if (Quota::Used* const used = quota.find(whose)) {
            ++used->count;
        } else {
            quota.used.push_back({whose, 1});
        }
    }
    return true;
}

void UserNamespace::uncharge(proto::NamespaceKind kind, std::uint32_t user) {
    for (UserNamespace* space = this; space != nullptr; user = space->owner_user_, space = space->parent_) {
        Quota& quota = space->quota(kind);
        Quota::Used* const used = quota.find(user);
        if (used != nullptr && --used->count == 0) {
            *used = quota.used.back();
            quota.used.pop_back();
        }
    }
}

void UserNamespace::release() {
    if (--references_ != 0) return;
    if (observer != nullptr) observer->user_namespace_ends(*this);
    delete this;
}

bool UserNamespace::contains(UserNamespace const& other) const {
    for (UserNamespace const* space = &other; space != nullptr; space = space->parent_) {
        if (space == this) return true;
    }
    return false;
}

UserNamespace* UserNamespace::find(std::uint32_t inode) {
    for (UserNamespace* space = table[inode % buckets]; space != nullptr; space = space->next_) {
        if (space->inode_ == inode) return space;
    }
    return nullptr;
}

} // namespace proc
