// The tree of /proc: which names there are, where, and what kind each is. Walking it needs the records, not their texts.
#pragma once
#include "../process/core.hpp"
#include <string>

namespace proc {

enum class NodeKind : std::uint8_t {
    Root,
    ProcessDirectory,
    TaskDirectory,
    ThreadDirectory,
    DescriptorDirectory,
    DescriptorInfoDirectory,
    NamespaceDirectory,
    NetDirectory,
    SysDirectory,
    SysKernelDirectory,
    SysVmDirectory,
    SysFsDirectory,
    SysNetDirectory,
    SysNetIpv4Directory,
    SysNetIpv6Directory,
    SysNetConfDirectory,
    SysNetDeviceDirectory,
    SysUserDirectory,
    GroupDirectory,
    NetClassDirectory,
    NetDeviceDirectory,
    NetStatisticsDirectory,
    SysvipcDirectory, // directories up to here
    SelfLink,
    ThreadSelfLink,
    MountsLink,
    NetLink,
    Executable,
    WorkingDirectory,
    RootDirectory,
    Descriptor,
    NamespaceLink, // links
    // files
    MemInfo,
    LoadAverage,
    Uptime,
    SystemStat,
    Version,
    CpuInfo,
    FileSystems,
    CommandLine,
    Devices,
    Empty,
    Partitions,
    Swaps,
    Status,
    Stat,
    Statm,
    Arguments,
    Environment,
    Comm,
    Limits,
    Maps,
    Mounts,
    MountInfo,
    MountStats,
    UserMap,
    GroupMap,
    ProjectMap,
    SetGroups,
    TimeOffsets,
    OomScore,
    OomScoreAdjust,
    Cgroup,
    LoginUser,
    Wchan,
    Io,
    Schedstat,
    DescriptorInfo,
    NetTable,
    NetSetting,
    HostName,
    DomainName,
    OsType,
    OsRelease,
    OsVersion,
    PidMaximum,
    RandomUuid,
    Overcommit,
    FileMaximum,
    ThreadsMaximum,
    SysvipcTable,
    IpcLimit,
    NamespaceLimit,
    NetAttribute,
    NetStatistic,
    NetSetting6,
    // of control groups (Node::number: the group's)
    GroupControllers,
    GroupEvents,
    GroupKill,
    GroupMaxDepth,
    GroupMaxDescendants,
    GroupProcesses,
    GroupStat,
    GroupSubtree,
    GroupType,
};
/// Index of /proc/sys/kernel/shmmax among its neighbours: the files of limits follow in the order of Core::ipc_limit.
inline constexpr std::uint32_t first_ipc_limit = 7;
constexpr bool is_directory(NodeKind kind) { return kind <= NodeKind::SysvipcDirectory; }
constexpr bool is_link(NodeKind kind) { return kind >= NodeKind::SelfLink && kind <= NodeKind::NamespaceLink; }

constexpr bool is_of_group(NodeKind kind) {
    return kind == NodeKind::GroupDirectory || kind >= NodeKind::GroupControllers;
}

struct Entry {
    std::string_view name;
    NodeKind kind;
    std::uint16_t mode;
};
/// Fixed entries of a directory of that kind.
std::span<Entry const> entries_of(NodeKind directory);

/// One place in the tree. Processes are named by their Pid's global number, so that a node outlives them.
struct Node {
    NodeKind kind = NodeKind::Root;
    std::uint16_t mode = 0555;
    std::uint32_t process = 0; ///< Pid::global of the process, 0: none
    std::uint32_t thread = 0;  ///< Pid::global of the thread for task/TID, 0: the process as a whole
    std::uint32_t number =
        0; ///< descriptor, index of a namespace, of a network device; of a device's file: device << 8 | its place
    [[nodiscard]] std::uint64_t inode() const {
        return (std::uint64_t{process} << 28 | std::uint64_t{thread} << 16 | std::uint64_t{number} << 8 |
                static_cast<std::uint64_t>(kind)) +
               2;
    }
};

/// An entry of /proc/PID/ns. The kinds that other servers own are there as the manifest names them.
struct NamespaceEntry {
    enum class What : std::uint8_t { Other, TimeChildren, Mount, Pid, PidChildren, User } what;
    unsigned kind;          ///< index in Core::kinds: Other, TimeChildren
    std::string_view name;  ///< of the entry
    std::string_view shown; ///< in the link's text
};
[[nodiscard]] unsigned namespace_entry_count(Core const& core);
NamespaceEntry namespace_entry(Core const& core, unsigned number);

/// The record behind a node; null once it is gone.
Process* process_of(Node const& node);
Thread* thread_of(Node const& node);
/// Node::number of /proc/sys/net/ipv6/conf/default; that of conf/all is 0, others are devices by their index.
inline constexpr std::uint32_t conf_default = 0xffffff;
/// The entry `name` of a directory, as `view` shows it to that process (null: nobody in particular). NoEntry, NotDirectory.
ipc::Result<Node> look_up(Core& core, PidNamespace const& view, Node const& directory, std::string_view name,
                          Process* caller = nullptr);
/// Of that directory: not every group has every file.
std::span<Entry const> entries_of(Node const& directory);
/// What `..` of a directory is, as far as the node itself says it: a group's parent; else the root of procfs.
Node parent_of(Node const& directory);
/// The group behind a node; null: it is no group's, or the group has gone.
Group* group_of(Node const& node);
/// The path of a node from the root of its procfs, without a slash before it.
std::string path_of(Core const& core, PidNamespace const& view, Node const& node);

} // namespace proc
