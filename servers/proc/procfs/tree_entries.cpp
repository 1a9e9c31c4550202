// The names in directories whose entries are always the same.
#include "tree.hpp"

namespace proc {

namespace {
using enum NodeKind;

constexpr Entry root_entries[] = {
    {"self", SelfLink, 0777},
    {"thread-self", ThreadSelfLink, 0777},
    {"mounts", MountsLink, 0777},
    {"net", NetLink, 0777},
    {"sys", SysDirectory, 0555},
    {"sysvipc", SysvipcDirectory, 0555},
    {"meminfo", MemInfo, 0444},
    {"loadavg", LoadAverage, 0444},
    {"uptime", Uptime, 0444},
    {"stat", SystemStat, 0444},
    {"version", Version, 0444},
    {"cpuinfo", CpuInfo, 0444},
    {"filesystems", FileSystems, 0444},
    {"cmdline", CommandLine, 0444},
    {"devices", Devices, 0444},
    {"partitions", Partitions, 0444},
    {"swaps", Swaps, 0444},
    {"interrupts", Empty, 0444},
    {"modules", Empty, 0444},
    {"diskstats", Empty, 0444},
};
constexpr Entry process_entries[] = {
    {"status", Status, 0444},
    {"stat", Stat, 0444},
    {"statm", Statm, 0444},
    {"cmdline", Arguments, 0444},
    {"comm", Comm, 0644},
    {"environ", Environment, 0400},
    {"maps", Maps, 0444},
    {"limits", Limits, 0444},
    {"mounts", Mounts, 0444},
    {"mountinfo", MountInfo, 0444},
    {"mountstats", MountStats, 0400},
    {"cgroup", Cgroup, 0444},
    {"oom_score", OomScore, 0444},
    {"oom_score_adj", OomScoreAdjust, 0644},
    {"uid_map", UserMap, 0644},
    {"gid_map", GroupMap, 0644},
    {"projid_map", ProjectMap, 0644},
    {"setgroups", SetGroups, 0644},
    {"timens_offsets", TimeOffsets, 0644},
    {"loginuid", LoginUser, 0644},
    {"wchan", Wchan, 0444},
    {"io", Io, 0400},
    {"schedstat", Schedstat, 0444},
    {"exe", Executable, 0777},
    {"cwd", WorkingDirectory, 0777},
    {"root", RootDirectory, 0777},
    {"fd", DescriptorDirectory, 0500},
    {"fdinfo", DescriptorInfoDirectory, 0500},
    {"ns", NamespaceDirectory, 0511},
    {"net", NetDirectory, 0555},
    {"task", TaskDirectory, 0555},
};
constexpr std::size_t thread_entry_count = std::size(process_entries) - 1; // a thread's directory has no task
/// In the order of proto::NetworkTable, which begins with 1.
constexpr Entry net_entries[] = {{"dev", NetTable, 0444},
                                 {"route", NetTable, 0444},
                                 {"tcp", NetTable, 0444},
                                 {"udp", NetTable, 0444},
                                 {"raw", NetTable, 0444},
                                 {"arp", NetTable, 0444},
                                 {"if_inet6", NetTable, 0444},
                                 {"unix", NetTable, 0444},
                                 {"tcp6", NetTable, 0444},
                                 {"udp6", NetTable, 0444},
                                 {"class", NetClassDirectory, 0555},
                                 {"raw6", NetTable, 0444},
                                 {"ipv6_route", NetTable, 0444}};
/// In the order of network_attribute and network_statistic, but for the directory.
constexpr Entry net_device_entries[] = {{"address", NetAttribute, 0444},
                                        {"broadcast", NetAttribute, 0444},
                                        {"ifindex", NetAttribute, 0444},
                                        {"iflink", NetAttribute, 0444},
                                        {"type", NetAttribute, 0444},
                                        {"flags", NetAttribute, 0444},
                                        {"mtu", NetAttribute, 0444},
                                        {"tx_queue_len", NetAttribute, 0444},
                                        {"carrier", NetAttribute, 0444},
                                        {"operstate", NetAttribute, 0444},
                                        {"statistics", NetStatisticsDirectory, 0555}};
constexpr Entry net_statistics_entries[] = {{"rx_bytes", NetStatistic, 0444},  {"rx_packets", NetStatistic, 0444},
                                            {"rx_errors", NetStatistic, 0444}, {"rx_dropped", NetStatistic, 0444},
                                            {"tx_bytes", NetStatistic, 0444},  {"tx_packets", NetStatistic, 0444},
                                            {"tx_errors", NetStatistic, 0444}, {"tx_dropped", NetStatistic, 0444},
                                            {"multicast", NetStatistic, 0444}, {"collisions", NetStatistic, 0444}};
/// In the order of proto::NetworkSetting.
constexpr Entry sys_net_entries[] = {{"ip_forward", NetSetting, 0644},
                                     {"ping_group_range", NetSetting, 0644},
                                     {"ip_unprivileged_port_start", NetSetting, 0644},
                                     {"ip_local_port_range", NetSetting, 0644}};
constexpr Entry sys_network_entries[] = {{"ipv4", SysNetIpv4Directory, 0555}, {"ipv6", SysNetIpv6Directory, 0555}};
constexpr Entry sys_net6_entries[] = {{"conf", SysNetConfDirectory, 0555}};
constexpr Entry sys_conf_entries[] = {{"all", SysNetDeviceDirectory, 0555}, {"default", SysNetDeviceDirectory, 0555}};
/// In the order of proto::NetworkSetting, from Forwarding6 on.
constexpr Entry sys_conf_device_entries[] = {
    {"forwarding", NetSetting6, 0644}, {"disable_ipv6", NetSetting6, 0644}, {"accept_ra", NetSetting6, 0644}};
constexpr Entry sys_entries[] = {{"kernel", SysKernelDirectory, 0555},
                                 {"vm", SysVmDirectory, 0555},
                                 {"fs", SysFsDirectory, 0555},
                                 {"net", SysNetDirectory, 0555},
                                 {"user", SysUserDirectory, 0555}};
/// In the order of namespace_limit_kinds.
constexpr Entry sys_user_entries[] = {
    {"max_cgroup_namespaces", NamespaceLimit, 0644}, {"max_ipc_namespaces", NamespaceLimit, 0644},
    {"max_mnt_namespaces", NamespaceLimit, 0644},    {"max_net_namespaces", NamespaceLimit, 0644},
    {"max_pid_namespaces", NamespaceLimit, 0644},    {"max_time_namespaces", NamespaceLimit, 0644},
    {"max_user_namespaces", NamespaceLimit, 0644},   {"max_uts_namespaces", NamespaceLimit, 0644}};
constexpr Entry sys_kernel_entries[] = {{"hostname", HostName, 0644},
                                        {"domainname", DomainName, 0644},
                                        {"ostype", OsType, 0444},
                                        {"osrelease", OsRelease, 0444},
                                        {"version", OsVersion, 0444},
                                        {"pid_max", PidMaximum, 0644},
                                        {"threads-max", ThreadsMaximum, 0444},
                                        // In the order of Core::ipc_limit.
                                        {"shmmax", IpcLimit, 0644},
                                        {"shmall", IpcLimit, 0644},
                                        {"shmmni", IpcLimit, 0644},
                                        {"sem", IpcLimit, 0644},
                                        {"msgmax", IpcLimit, 0644},
                                        {"msgmnb", IpcLimit, 0644},
                                        {"msgmni", IpcLimit, 0644}};
constexpr Entry sys_vm_entries[] = {{"overcommit_memory", Overcommit, 0444}};
constexpr Entry sys_fs_entries[] = {{"file-max", FileMaximum, 0444}};
/// A tree's root has no events, kill and type, which stand last.
constexpr Entry group_entries[] = {{"cgroup.controllers", GroupControllers, 0444},
                                   {"cgroup.max.depth", GroupMaxDepth, 0644},
                                   {"cgroup.max.descendants", GroupMaxDescendants, 0644},
                                   {"cgroup.procs", GroupProcesses, 0644},
                                   {"cgroup.stat", GroupStat, 0444},
                                   {"cgroup.subtree_control", GroupSubtree, 0644},
                                   {"cgroup.events", GroupEvents, 0444},
                                   {"cgroup.kill", GroupKill, 0200},
                                   {"cgroup.type", GroupType, 0644}};
constexpr std::size_t root_group_entries = 6;
constexpr Entry sysvipc_entries[] = {
    {"msg", SysvipcTable, 0444}, {"sem", SysvipcTable, 0444}, {"shm", SysvipcTable, 0444}};

} // namespace

std::span<Entry const> entries_of(Node const& directory) {
    auto const entries = entries_of(directory.kind);
    Group const* const group = group_of(directory);
    return group != nullptr && group->parent() == nullptr ? entries.first(root_group_entries) : entries;
}

std::span<Entry const> entries_of(NodeKind directory) {
    switch (directory) {
    case Root: return root_entries;
    case ProcessDirectory: return process_entries;
    case ThreadDirectory: return std::span{process_entries, thread_entry_count};
    case NetDirectory: return net_entries;
    case NetDeviceDirectory: return net_device_entries;
    case NetStatisticsDirectory: return net_statistics_entries;
    case SysDirectory: return sys_entries;
    case SysKernelDirectory: return sys_kernel_entries;
    case SysVmDirectory: return sys_vm_entries;
    case SysFsDirectory: return sys_fs_entries;
    case SysvipcDirectory: return sysvipc_entries;
    case GroupDirectory: return group_entries;
    case SysUserDirectory: return sys_user_entries;
    case SysNetDirectory: return sys_network_entries;
    case SysNetIpv4Directory: return sys_net_entries;
    case SysNetIpv6Directory: return sys_net6_entries;
    case SysNetConfDirectory: return sys_conf_entries;
    case SysNetDeviceDirectory: return sys_conf_device_entries;
    default: return {};
    }
}

} // namespace proc
