// User namespaces as proc tells them (VfsControl::SetUserMap): which ids a session can name, and over what its capabilities count.
#pragma once
#include "ipc/id_map.hpp"
#include "ref.hpp"
#include "types.hpp"
#include <map>

namespace vfs {

/// How many mount namespaces users have in a user namespace, and how many each may (/proc/sys/user/max_mnt_namespaces).
struct MountCounts {
    std::uint32_t maximum = 0x7fffffff;
    std::map<std::uint32_t, std::uint32_t> used; ///< by global id
};

struct UserNamespace : Counted {
    std::uint32_t number = 0, owner = 0;
    bool placed = false;       ///< parent and owner are known
    Ref<UserNamespace> parent; ///< null: the first namespace
    ipc::IdMap users, groups;
    MountCounts mounts;
    void unreferenced() { delete this; }
};

/// Who asks: what proc vouches for, with its user namespace.
struct Credentials : proto::Credentials {
    Ref<UserNamespace> users; ///< null: the first, where every id is itself

    /// What a program of theirs says, as a global id. Errors: Invalid (not mapped).
    [[nodiscard]] Result<std::uint32_t> global_user(std::uint32_t id) const;
    [[nodiscard]] Result<std::uint32_t> global_group(std::uint32_t id) const;
    /// As they see a global id: ipc::IdMap::overflow_id if they cannot name it.
    [[nodiscard]] std::uint32_t shown_user(std::uint32_t global) const;
    [[nodiscard]] std::uint32_t shown_group(std::uint32_t global) const;
    [[nodiscard]] bool maps(std::uint32_t user, std::uint32_t group) const;
};

/// A capability over their own user namespace.
inline bool has_capability(Credentials const& who, unsigned number) { return (who.capabilities >> number & 1) != 0; }
/// Over `target` (null: the first): user_namespaces(7). Their own set counts there and below; who made a namespace has all over it.
[[nodiscard]] bool has_capability_over(Credentials const& who, UserNamespace const* target, unsigned number);

/// Those that are known. What refers to a forgotten one keeps it, mapping nothing.
class UserNamespaces {
public:
    /// Errors: Invalid (number 0, unknown parent, extents that are no map).
    Error set(proto::UserNamespace const& which, std::span<ipc::IdExtent const> users,
              std::span<ipc::IdExtent const> groups);
    void forget(std::uint32_t number);
    /// Null for 0, the first one. A number never told is made, mapping nothing: proc may name it before it has maps.
    Ref<UserNamespace> find(std::uint32_t number);
    /// One more mount namespace of that user's in `space` (null: the first); what is in one below counts in its parent as its maker's. False: too
    /// many somewhere, and nothing has changed.
    bool charge(UserNamespace* space, std::uint32_t user);
    void uncharge(UserNamespace* space, std::uint32_t user);
    [[nodiscard]] MountCounts& counts(UserNamespace* space) { return space != nullptr ? space->mounts : first_; }

private:
    MountCounts first_{1024};
    std::map<std::uint32_t, Ref<UserNamespace>> known_;
};

} // namespace vfs
