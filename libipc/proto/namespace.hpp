// Protocol Namespace: what every owner of a kind of namespace speaks (DESIGN §5). A namespace capability keeps its namespace
// alive; a session capability is one process's way in.
//
// A namespace capability also speaks File: it is what /proc/PID/ns/KIND opens to (File::Stat, Name `kind:[inode]`, ...).
// Every capability carries the operations it allows, as a mask; proc keeps those that allow all and gives programs
// attenuated ones (program_operations). The one that root hands out (the first namespace) is the *control* capability: List and
// SetUserMap are its alone.
#pragma once
#include "../ipc/method.hpp"
#include <string_view>

namespace proto {

/// Further kinds take numbers from First to Last, each server its own; what tells kinds apart is the name in the manifest.
enum class NamespaceKind : std::uint32_t { Mount = 1, Uts, Ipc, User, Pid, Network, Cgroup, Time, First, Last = 15 };

/// The first namespaces have Linux's inode numbers (those of mnt and net are dynamic there as here).
constexpr std::uint32_t first_namespace_inode(NamespaceKind kind) {
    switch (kind) {
    case NamespaceKind::Ipc: return 0xEFFFFFFF;
    case NamespaceKind::Uts: return 0xEFFFFFFE;
    case NamespaceKind::User: return 0xEFFFFFFD;
    case NamespaceKind::Pid: return 0xEFFFFFFC;
    case NamespaceKind::Cgroup: return 0xEFFFFFFB;
    case NamespaceKind::Time: return 0xEFFFFFFA;
    default: return 0xF0000000 | static_cast<std::uint32_t>(kind) << 24;
    }
}
inline constexpr std::uint32_t namespace_serial_bits = 24;
/// Of the owner's `serial`-th namespace after its first (1..2^24-1): unlike that of any other of any kind.
constexpr std::uint32_t namespace_inode(NamespaceKind kind, std::uint32_t serial) {
    return 0xF0000000 | static_cast<std::uint32_t>(kind) << namespace_serial_bits | serial;
}
/// As /proc/PID/ns shows it; empty for the further kinds, whose servers know.
constexpr std::string_view namespace_name(NamespaceKind kind) {
    constexpr std::string_view names[] = {"", "mnt", "uts", "ipc", "user", "pid", "net", "cgroup", "time"};
    return static_cast<std::uint32_t>(kind) < 9 ? names[static_cast<std::uint32_t>(kind)] : std::string_view{};
}
/// The flag of clone(2) and unshare(2), and the answer to NS_GET_NSTYPE; 0: none.
constexpr std::uint32_t namespace_flag(NamespaceKind kind) {
    constexpr std::uint32_t flags[] = {0,          0x00020000, 0x04000000, 0x08000000, 0x10000000,
                                       0x20000000, 0x40000000, 0x02000000, 0x00000080};
    return static_cast<std::uint32_t>(kind) < 9 ? flags[static_cast<std::uint32_t>(kind)] : 0;
}

struct NamespaceIdentity {
    NamespaceKind kind;
    std::uint32_t inode, parent, user; ///< inode numbers; parent 0: the first; user: of the owning user namespace
    std::uint32_t members, pins;       ///< sessions in it, capabilities for it (copies count as one)
};

/// Who holds a session. Ids are global; `capabilities` is the effective set over the namespace's owning user namespace.
struct SessionCredentials {
    std::uint32_t user, group;
    std::uint32_t group_count, groups[32];
    std::uint32_t user_space; ///< inode of its user namespace: its maps (SetUserMap) are those its ids are shown by
    std::int32_t process;     ///< its PID as `process_space` numbers it
    std::uint32_t process_space;
    std::uint64_t capabilities;
};

struct Session {};

struct Namespace {
    static constexpr abi::Word number = 3;
    static constexpr std::uint64_t every_operation = ~std::uint64_t{0};
    /// For a program's descriptor of /proc/PID/ns/KIND: bit n allows operation n; bit 63 File::Write where the kind has it.
    static constexpr std::uint64_t write_operation = std::uint64_t{1} << 63;
    static constexpr std::uint64_t program_operations = std::uint64_t{1} << 2;

    /// On a namespace: a new one, child or copy of it. `user`: the owning user namespace, kept as long as the new one lives;
    /// user_inode its inode, 0: that of the namespace called. quota: bytes its state may take, 0: the owner's default, within
    /// what the namespace called has. Errors: NotPermitted, NoSpace (too many), NoMemory.
    using Create = ipc::Method<Namespace, 1,
                               ipc::Cap<Namespace>(ipc::OptionalCap<Namespace> user, std::uint32_t user_inode,
                                                   std::uint32_t quota)>;
    /// On a namespace or session.
    using Identify = ipc::Method<Namespace, 2, NamespaceIdentity()>;
    /// A session. `operations`: those of the kind's own protocol that it allows. Whoever holds one that does not allow all cannot
    /// get another session or the namespace from it.
    using Enter = ipc::Method<Namespace, 3, ipc::Cap<Session>(std::uint64_t operations)>;
    /// On a session: another one in the same namespace, with the same operations.
    using ForkSession = ipc::Method<Namespace, 4, ipc::Cap<Session>()>;
    /// On a session: the namespace it is in.
    using Of = ipc::Method<Namespace, 5, ipc::Cap<Namespace>()>;
    /// A capability for the same namespace with fewer operations (bit n: operation n allowed). Its File offset is its own.
    using Attenuate = ipc::Method<Namespace, 6, ipc::Cap<Namespace>(std::uint64_t operations)>;
    /// Ends it for everybody. Not the first one.
    using Destroy = ipc::Method<Namespace, 7, ipc::Unit()>;
    /// On a namespace: who holds that session of it (unwrapped). On the control capability: a session of any.
    using Vouch = ipc::Method<Namespace, 8, ipc::Unit(ipc::OptionalCap<Session>, SessionCredentials)>;
    /// Control: the maps of a user namespace, as the buffer's ipc::IdExtent records: uid_count, then gid_count. None of either: the
    /// user namespace has ended. Owners that show no ids take and ignore it.
    using SetUserMap = ipc::Method<Namespace, 9,
                                   ipc::Unit(std::uint32_t user_inode, std::uint32_t uid_count, std::uint32_t gid_count,
                                             ipc::ReadBuffer)>;
    /// Control: the namespace with the lowest inode number above `after` (0: the first of all). NoData past the last.
    using List = ipc::Method<Namespace, 10, NamespaceIdentity(std::uint32_t after)>;
    /// Control: a capability that allows everything for the namespace of `attenuated` (unwrapped): what setns(2) makes of a program's descriptor.
    using Recover = ipc::Method<Namespace, 11, ipc::Cap<Namespace>(ipc::OptionalCap<Namespace> attenuated)>;
    /// Control: how many namespaces of the kind there may be, the first included.
    using SetLimit = ipc::Method<Namespace, 12, ipc::Unit(std::uint32_t maximum)>;
    using methods = ipc::Methods<Create, Identify, Enter, ForkSession, Of, Attenuate, Destroy, Vouch, SetUserMap, List,
                                 Recover, SetLimit>;
};

} // namespace proto
