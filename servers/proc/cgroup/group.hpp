// Control groups (cgroups(7)): a tree of groups for every container, each process in one of them. Membership is the process's, as its
// PID is: a child begins in its parent's group. Which part of the tree a cgroup namespace shows is the cgroup server's to keep.
#pragma once
#include "ipc/method.hpp"
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace proc {

class Group {
public:
    static constexpr std::uint32_t unlimited = ~std::uint32_t{0};
    static constexpr std::uint32_t descendants_maximum = 1024; ///< of a whole tree: their records are proc's memory
    static constexpr std::size_t name_maximum = 255;

    /// The root of a tree of its own, with one reference.
    Group();
    Group(Group const&) = delete;
    Group& operator=(Group const&) = delete;

    /// A new group below, with one reference that is the tree's. Exists, NoEntry (this one was removed), Invalid (name), Again (a limit).
    ipc::Result<Group*> make_child(std::string_view name, std::uint32_t user, std::uint32_t group);
    /// Takes it out of the tree. Busy: the root, or it has children or members.
    ipc::Result<ipc::Unit> remove();
    [[nodiscard]] Group* child(std::string_view name) const;
    [[nodiscard]] std::vector<Group*> const& children() const { return children_; }

    /// A living process enters or leaves.
    void add_member() { count(1); }
    void remove_member() { count(static_cast<std::uint32_t>(-1)); }
    [[nodiscard]] std::uint32_t members() const { return members_; }
    /// A process is in it or below.
    [[nodiscard]] bool populated() const { return members_below_ != 0; }
    /// `other` is this or below it.
    [[nodiscard]] bool contains(Group const& other) const;
    /// Its path as a cgroup namespace with that root shows it: `/..` for every step up to what both are below. "/" in another tree.
    [[nodiscard]] std::string path_from(Group const& root) const;

    [[nodiscard]] Group* parent() const { return parent_; }
    [[nodiscard]] std::string const& name() const { return name_; }
    [[nodiscard]] std::uint32_t number() const { return number_; }
    [[nodiscard]] bool removed() const { return removed_; }
    [[nodiscard]] std::uint32_t descendants() const;
    void retain() { ++references_; }
    void release();
    /// By number, null: none.
    static Group* find(std::uint32_t number);

    std::uint32_t user = 0, group = 0; ///< of its directory and files, global
    std::uint32_t maximum_depth = unlimited, maximum_descendants = unlimited;
    static std::uint32_t count_of_all;

private:
    ~Group();
    void count(std::uint32_t change);
    [[nodiscard]] std::uint32_t level() const;
    Group* parent_ = nullptr; ///< one reference once it was removed
    std::string name_;
    std::uint32_t number_, references_ = 1, members_ = 0, members_below_ = 0;
    bool removed_ = false;
    std::vector<Group*> children_; ///< one reference each
};

/// A counted reference.
class GroupReference {
public:
    GroupReference() = default;
    explicit GroupReference(Group* group) : group_{group} {
        if (group_ != nullptr) group_->retain();
    }
    GroupReference(GroupReference const& other) : GroupReference{other.group_} {}
    GroupReference& operator=(GroupReference other) {
        std::swap(group_, other.group_);
        return *this;
    }
    ~GroupReference() {
        if (group_ != nullptr) group_->release();
    }
    /// The reference that its maker holds.
    static GroupReference adopt(Group* group) {
        GroupReference reference;
        reference.group_ = group;
        return reference;
    }
    [[nodiscard]] Group* get() const { return group_; }
    Group* operator->() const { return group_; }
    Group& operator*() const { return *group_; }
    explicit operator bool() const { return group_ != nullptr; }

private:
    Group* group_ = nullptr;
};

} // namespace proc
