#include "group.hpp"
#include <algorithm>

namespace proc {

using ipc::Error;
using ipc::fail;

namespace {
std::vector<Group*> all; ///< by number, ascending
std::uint32_t last_number = 0;
} // namespace

std::uint32_t Group::count_of_all = 0;

Group::Group() : number_{++last_number} {
    all.push_back(this);
    ++count_of_all;
}

Group::~Group() {
    std::erase(all, this);
    --count_of_all;
    // The tree goes with its root. Who still knows one of its groups knows one that was removed.
    for (Group* child : children_) {
        child->parent_ = nullptr;
        child->removed_ = true;
        child->release();
    }
    if (removed_ && parent_ != nullptr) parent_->release();
}

void Group::release() {
    if (--references_ == 0) delete this;
}

Group* Group::find(std::uint32_t number) {
    auto const found = std::ranges::lower_bound(all, number, {}, &Group::number_);
    return found == all.end() || (*found)->number_ != number ? nullptr : *found;
}

std::uint32_t Group::level() const {
    std::uint32_t level = 0;
    for (Group const* each = parent_; each != nullptr; each = each->parent_) ++level;
    return level;
}

std::uint32_t Group::descendants() const {
    auto number = static_cast<std::uint32_t>(children_.size());
    for (Group const* child : children_) number += child->descendants();
    return number;
}

Group* Group::child(std::string_view name) const {
    for (Group* child : children_) {
        if (child->name_ == name) return child;
    }
    return nullptr;
}

ipc::Result<Group*> Group::make_child(std::string_view name, std::uint32_t owner, std::uint32_t owner_group) {
    if (removed_) return fail(Error::NoEntry);
    if (name.empty() || name.find('\n') != std::string_view::npos) return fail(Error::Invalid);
    if (name.size() > name_maximum) return fail(Error::NameTooLong);
    if (child(name) != nullptr) return fail(Error::Exists);
    std::uint32_t depth = 1;
    for (Group const* each = this; each != nullptr; each = each->parent_, ++depth) {
        std::uint32_t const most = each->parent_ == nullptr ? std::min(each->maximum_descendants, descendants_maximum)
                                                            : each->maximum_descendants;
        if (depth > each->maximum_depth || each->descendants() >= most) return fail(Error::Again);
    }
    auto* const made = new Group;
    made->parent_ = this;
    made->name_ = name;
    made->user = owner;
    made->group = owner_group;
    children_.push_back(made);
    return made;
}

ipc::Result<ipc::Unit> Group::remove() {
    if (removed_) return fail(Error::NoEntry);
    if (parent_ == nullptr || !children_.empty() || members_ != 0) return fail(Error::Busy);
    removed_ = true;
    parent_->retain();
    std::erase(parent_->children_, this);
    release();
    return ipc::Unit{};
}

void Group::count(std::uint32_t change) {
    members_ += change;
    for (Group* each = this; each != nullptr; each = each->parent_) each->members_below_ += change;
}

bool Group::contains(Group const& other) const {
    for (Group const* each = &other; each != nullptr; each = each->parent_) {
        if (each == this) return true;
    }
    return false;
}

std::string Group::path_from(Group const& root) const {
    Group const* shared = &root;
    std::string path;
    for (; shared != nullptr && !shared->contains(*this); shared = shared->parent_) path += "/..";
    if (shared == nullptr) return "/";
    std::string below;
    for (Group const* each = this; each != shared; each = each->parent_) below.insert(0, "/" + each->name_);
    path += below;
    if (path.empty()) path = "/";
    if (removed_) path += " (deleted)";
    return path;
}

} // namespace proc
