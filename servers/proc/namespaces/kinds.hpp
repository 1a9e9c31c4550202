// The kinds of namespaces that other servers own (the manifest's `provides namespace:NAME`), and what a process has of each.
// Mount, PID and user namespaces are not among them: a mount namespace is the vfs session's, the others are proc's own.
#pragma once
#include "../../../libipc/proto/namespace.hpp"
#include "../cgroup/group.hpp"
#include "user_namespace.hpp"
#include <array>
#include <utility>

namespace proc {

namespace clone_flag {
inline constexpr std::uint32_t vm = 0x100, fs = 0x200, files = 0x400, sighand = 0x800, pidfd = 0x1000, vfork = 0x4000,
                               parent = 0x8000, thread = 0x10000, new_mount = 0x20000, sysvsem = 0x40000,
                               settls = 0x80000, parent_settid = 0x100000, child_cleartid = 0x200000,
                               detached = 0x400000, child_settid = 0x1000000, new_cgroup = 0x2000000,
                               new_uts = 0x4000000, new_ipc = 0x8000000, new_user = 0x10000000, new_pid = 0x20000000,
                               new_network = 0x40000000, new_time = 0x80;
inline constexpr std::uint32_t new_all =
    new_mount | new_cgroup | new_uts | new_ipc | new_user | new_pid | new_network | new_time;
} // namespace clone_flag

/// One kind that another server owns.
struct NamespaceKindEntry {
    ipc::Text<32> name; ///< of /proc/PID/ns/NAME and in the manifest
    proto::NamespaceKind kind;
    std::uint32_t flag = 0;                  ///< CLONE_NEW*, 0: it has none
    abi::CapabilityPointer session_slot = 0; ///< of its sessions in a process's CSpace, 0: programs have none
    abi::CapabilityPointer first = 0;        ///< the first namespace: the wiring's capability
};

class NamespaceKinds {
public:
    static constexpr unsigned maximum = 12;
    /// In the manifest's order. False: too many.
    bool add(std::string_view name, proto::NamespaceKind kind, abi::CapabilityPointer first);
    [[nodiscard]] unsigned size() const { return size_; }
    NamespaceKindEntry const& operator[](unsigned index) const { return entries_[index]; }
    /// Index, or -1.
    [[nodiscard]] int find(std::string_view name) const;
    [[nodiscard]] int find(proto::NamespaceKind kind) const;
    /// CLONE_NEW* flags of all kinds there are.
    [[nodiscard]] std::uint32_t flags() const { return flags_; }

private:
    std::array<NamespaceKindEntry, maximum> entries_{};
    unsigned size_ = 0;
    std::uint32_t flags_ = 0;
};

/// A namespace of another server while processes are in it: one capability of proc's, counted.
struct SharedNamespace {
    abi::CapabilityPointer capability = 0; ///< owned; 0: its owner has not been asked for it yet (Core::materialize)
    std::uint32_t references = 1;
    unsigned kind = 0;       ///< index in NamespaceKinds
    UserReference owner;     ///< its owning user namespace
    std::uint32_t inode = 0; ///< 0: not asked for yet (Core::inode_of)
    GroupReference root;     ///< of a cgroup namespace: the group it shows as `/`; none: its domain's tree
    /// Of a time namespace that a process is in: they do not change any more.
    bool frozen = false;
    std::array<std::int64_t, 2> offsets{};
    bool charged = false;           ///< `owner` is charged for it
    std::uint32_t charged_user = 0; ///< as this user's
    /// While `capability` is 0: what it is a copy of (one reference), and its neighbours among that one's copies.
    SharedNamespace* origin = nullptr;
    SharedNamespace *next_copy = nullptr, *previous_copy = nullptr;
    SharedNamespace* copies = nullptr; ///< the first of its own
};

/// A process's namespaces of those kinds (Linux's nsproxy): shared by fork, copied when one changes.
struct NamespaceSet {
    std::uint32_t references = 1;
    std::array<SharedNamespace*, NamespaceKinds::maximum>
        at{}; ///< one reference each; null: not given (a container without that kind)
    SharedNamespace* time_children =
        nullptr; ///< the time namespace of its children after unshare(CLONE_NEWTIME); null: its own
};

} // namespace proc
