// User namespaces (user_namespaces(7)): a tree, each with an owner, maps of ids, and the setgroups(2) rule.
//
// Everywhere in Cella's servers ids are *global* (Linux's kuid_t); a map turns the ids that a program names into them and back.
#pragma once
#include "../../../libipc/proto/namespace.hpp"
#include "ipc/id_map.hpp"
#include <array>
#include <cstdint>
#include <vector>

namespace proc {

class UserNamespace {
public:
    static constexpr unsigned maximum_depth = 32; ///< below the first, as Linux
    static constexpr std::uint32_t first_inode = proto::first_namespace_inode(proto::NamespaceKind::User);

    /// The first one: every id is itself.
    UserNamespace();
    /// A child without maps, for which the parent was charged. `inode` is its number in other servers, too (VfsControl::SetUserMap). Owner ids are global.
    UserNamespace(UserNamespace& parent, std::uint32_t inode, std::uint32_t owner_user, std::uint32_t owner_group);
    UserNamespace(UserNamespace const&) = delete;
    UserNamespace& operator=(UserNamespace const&) = delete;

    [[nodiscard]] UserNamespace* parent() const { return parent_; }
    [[nodiscard]] unsigned level() const { return level_; }
    [[nodiscard]] std::uint32_t inode() const { return inode_; }
    [[nodiscard]] std::uint32_t owner_user() const { return owner_user_; }
    [[nodiscard]] std::uint32_t owner_group() const { return owner_group_; }
    /// `other` is this or below it.
    [[nodiscard]] bool contains(UserNamespace const& other) const;
    /// The global id of its user 0; ~0 while nothing maps it: no process is root then.
    [[nodiscard]] std::uint32_t root_user() const { return users.to_global(0).value_or(~std::uint32_t{0}); }

    void retain() { ++references_; }
    /// Deletes it with the last reference; `on_end` is told before.
    void release();
    [[nodiscard]] std::uint32_t references() const { return references_; }

    ipc::IdMap users, groups;
    bool setgroups_allowed = true;
    /// Its creator could give away CAP_SETFCAP: it may map its parent's user 0 itself.
    bool creator_had_setfcap = false;

    /// How many namespaces of a kind each user may have in this user namespace (/proc/sys/user, namespaces(7)). What is in one below counts for
    /// the user that made it.
    struct Quota {
        std::uint32_t maximum = no_limit;
        struct Used {
            std::uint32_t user, count; ///< `user`: global id; nobody with a count of 0 is kept
        };
        std::vector<Used> used; ///< in no order: few users make namespaces
        [[nodiscard]] std::uint32_t used_by(std::uint32_t user) {
            Used const* const found = find(user);
            return found != nullptr ? found->count : 0;
        }
        [[nodiscard]] Used* find(std::uint32_t user) {
            for (Used& each : used) {
                if (each.user == user) return &each;
            }
            return nullptr;
        }
    };
    static constexpr std::uint32_t no_limit = 0x7fffffff;
    static constexpr std::uint32_t default_maximum = 1024; ///< of the first one
    std::array<Quota, 9> quotas{};
    [[nodiscard]] Quota& quota(proto::NamespaceKind kind) { return quotas[static_cast<std::uint32_t>(kind) % 9]; }
    /// One more of that user's here, and in all above of those that made the way down. False: too many somewhere, and nothing has changed.
    /// Mount namespaces are vfs's to count, in the same way.
    bool charge(proto::NamespaceKind kind, std::uint32_t user);
    void uncharge(proto::NamespaceKind kind, std::uint32_t user);

    /// Of all that there are.
    static std::uint32_t count;
    /// By inode, null: none.
    static UserNamespace* find(std::uint32_t inode);
    /// Called before one goes: the servers that know its maps are to forget them.
    struct Observer {
        virtual ~Observer() = default;
        virtual void user_namespace_ends(UserNamespace const&) = 0;
    };
    static Observer* observer;

private:
    ~UserNamespace();
    void enlist();
    UserNamespace* parent_ = nullptr;
    unsigned level_ = 0;
    std::uint32_t inode_ = first_inode, owner_user_ = 0, owner_group_ = 0, references_ = 1;
    UserNamespace* next_ = nullptr;
};

/// A counted reference.
class UserReference {
public:
    UserReference() = default;
    explicit UserReference(UserNamespace* space) : space_{space} {
        if (space_ != nullptr) space_->retain();
    }
    UserReference(UserReference const& other) : UserReference{other.space_} {}
    UserReference(UserReference&& other) noexcept : space_{other.space_} { other.space_ = nullptr; }
    UserReference& operator=(UserReference other) noexcept {
        UserNamespace* const old = space_;
        space_ = other.space_;
        other.space_ = old;
        return *this;
    }
    ~UserReference() {
        if (space_ != nullptr) space_->release();
    }
    [[nodiscard]] UserNamespace* get() const { return space_; }
    UserNamespace* operator->() const { return space_; }
    UserNamespace& operator*() const { return *space_; }
    explicit operator bool() const { return space_ != nullptr; }

private:
    UserNamespace* space_ = nullptr;
};

} // namespace proc
