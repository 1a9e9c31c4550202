#include "tree.hpp"
#include "network_devices.hpp"
#include "text.hpp"
#include <charconv>

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

/// A decimal number without sign, leading zeroes or anything behind it; -1 if it is none.
std::int64_t parse_number(std::string_view name) {
    if (name.empty() || name.size() > 9 || (name[0] == '0' && name.size() > 1)) return -1;
    std::int64_t value = 0;
    for (char letter : name) {
        if (letter < '0' || letter > '9') return -1;
        value = value * 10 + (letter - '0');
    }
    return value;
}
} // namespace

unsigned namespace_entry_count(Core const& core) { return core.kinds.size() + 4 + (core.time_kind >= 0 ? 1 : 0); }

NamespaceEntry namespace_entry(Core const& core, unsigned number) {
    using What = NamespaceEntry::What;
    unsigned const kinds = core.kinds.size();
    if (number < kinds) {
        std::string_view const name = core.kinds[number].name.view();
        return {What::Other, number, name, name};
    }
    switch (number - kinds) {
    case 0: return {What::Pid, 0, "pid", "pid"};
    case 1: return {What::PidChildren, 0, "pid_for_children", "pid"};
    case 2: return {What::User, 0, "user", "user"};
    case 3: return {What::Mount, 0, "mnt", "mnt"};
    default: return {What::TimeChildren, static_cast<unsigned>(core.time_kind), "time_for_children", "time"};
    }
}

std::span<Entry const> entries_of(Node const& directory) {
    auto const entries = entries_of(directory.kind);
    Group const* const group = group_of(directory);
    return group != nullptr && group->parent() == nullptr ? entries.first(root_group_entries) : entries;
}

Group* group_of(Node const& node) { return is_of_group(node.kind) ? Group::find(node.number) : nullptr; }

Node parent_of(Node const& directory) {
    Group const* const group = group_of(directory);
    if (group == nullptr) return Node{};
    Node node = directory;
    if (group->parent() != nullptr) node.number = group->parent()->number();
    return node;
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

Process* process_of(Node const& node) {
    Pid const* const pid = node.process == 0 ? nullptr : Pid::find_global(node.process);
    Process* const process = pid == nullptr ? nullptr : pid->process;
    return process == nullptr || process->state == ProcessState::Building ? nullptr : process;
}

Thread* thread_of(Node const& node) {
    Pid const* const pid = node.thread == 0 ? nullptr : Pid::find_global(node.thread);
    return pid == nullptr ? nullptr : pid->thread;
}

ipc::Result<Node> look_up(Core& core, PidNamespace const& view, Node const& directory, std::string_view name,
                          Process* caller) {
    if (!is_directory(directory.kind)) return fail(Error::NotDirectory);
    if (directory.process != 0 && process_of(directory) == nullptr) return fail(Error::NoEntry);
    if (directory.kind == GroupDirectory && group_of(directory) == nullptr) return fail(Error::NoEntry);
    for (Entry const& entry : entries_of(directory)) {
        if (entry.name != name) continue;
        Node node = directory;
        node.kind = entry.kind;
        node.mode = entry.mode;
        if (directory.kind == GroupDirectory) return node;
        node.number = static_cast<std::uint32_t>(&entry - entries_of(directory.kind).data());
        if (directory.kind == SysNetConfDirectory) node.number = node.number == 0 ? 0 : conf_default;
        if (directory.kind == NetDeviceDirectory || directory.kind == NetStatisticsDirectory ||
            directory.kind == SysNetDeviceDirectory) {
            node.number = entry.kind == NetStatisticsDirectory ? directory.number : directory.number << 8 | node.number;
        }
        return node;
    }
    switch (directory.kind) {
    case GroupDirectory: {
        Group const* const child = group_of(directory)->child(name);
        if (child == nullptr) return fail(Error::NoEntry);
        return Node{GroupDirectory, 0755, 0, 0, child->number()};
    }
    case Root: {
        std::int64_t const number = parse_number(name);
        if (number <= 0) return fail(Error::NoEntry);
        Thread const* const thread = core.table.find_thread(view, static_cast<std::int32_t>(number));
        Process const* process = core.table.find(view, static_cast<std::int32_t>(number));
        // A TID is found, too, though not listed (proc(5)).
        if (process == nullptr && thread != nullptr) process = thread->process;
        if (process == nullptr || process->state == ProcessState::Building) return fail(Error::NoEntry);
        return Node{ProcessDirectory, 0555, process->pid->global, 0, 0};
    }
    case TaskDirectory: {
        std::int64_t const number = parse_number(name);
        Thread const* const thread =
            number <= 0 ? nullptr : core.table.find_thread(view, static_cast<std::int32_t>(number));
        if (thread == nullptr || thread->process != process_of(directory)) return fail(Error::NoEntry);
        return Node{ThreadDirectory, 0555, directory.process, thread->pid->global, 0};
    }
    case DescriptorDirectory:
    case DescriptorInfoDirectory: {
        std::int64_t const number = parse_number(name);
        Process const* const process = process_of(directory);
        if (number < 0 || process->memory == nullptr || number >= process->memory->files_highest(process->files))
            return fail(Error::NoEntry);
        if (process->memory->descriptor(process->files, static_cast<Word>(number)).open == 0)
            return fail(Error::NoEntry);
        Node node = directory;
        bool const link = directory.kind == DescriptorDirectory;
        node.kind = link ? Descriptor : DescriptorInfo;
        node.mode = link ? 0700 : 0400;
        node.number = static_cast<std::uint32_t>(number);
        return node;
    }
    case SysNetConfDirectory:
    case NetClassDirectory: {
        bool const conf = directory.kind == SysNetConfDirectory;
        Process* const whose = conf ? caller : process_of(directory);
        auto const text = whose != nullptr ? network_devices_text(core, *whose) : std::string{};
        std::string_view rest{text};
        for (NetworkDevice device; next_network_device(rest, device);) {
            if (device.name != name) continue;
            Node node = directory;
            node.kind = conf ? SysNetDeviceDirectory : NetDeviceDirectory;
            node.number = device.index;
            return node;
        }
        return fail(Error::NoEntry);
    }
    case NamespaceDirectory:
        for (std::uint32_t i = 0; i < namespace_entry_count(core); ++i) {
            if (name != namespace_entry(core, i).name) continue;
            Node node = directory;
            node.kind = NamespaceLink;
            node.mode = 0777;
            node.number = i;
            return node;
        }
        return fail(Error::NoEntry);
    default: return fail(Error::NoEntry);
    }
}

std::string path_of(Core const& core, PidNamespace const& view, Node const& node) {
    TextBuilder out;
    if (Process const* const process = process_of(node)) {
        out << process->pid->number_in(view);
        if (Thread const* const thread = thread_of(node)) out << "/task/" << thread->pid->number_in(view);
    }
    auto named = [&](NodeKind directory, std::string_view prefix) {
        for (Entry const& entry : entries_of(directory)) {
            if (entry.kind == node.kind) {
                if (out.size() != 0) out << '/';
                out << prefix << entry.name;
                return true;
            }
        }
        return false;
    };
    if (Group const* const group = group_of(node)) {
        Group const* root = group;
        while (root->parent() != nullptr) root = root->parent();
        std::string path = group->path_from(*root).substr(1);
        for (Entry const& entry : group_entries) {
            if (entry.kind == node.kind) path.append(path.empty() ? "" : "/").append(entry.name);
        }
        return path;
    }
    if (node.kind == Root || node.kind == ProcessDirectory || node.kind == ThreadDirectory) return out.take();
    if (node.kind == Descriptor) return (out << "/fd/" << node.number).take();
    if (node.kind == DescriptorInfo) return (out << "/fdinfo/" << node.number).take();
    if (node.kind == NamespaceLink) return (out << "/ns/" << namespace_entry(core, node.number).name).take();
    if (node.process != 0) {
        if (!named(ProcessDirectory, "")) named(NetDirectory, "net/");
        return out.take();
    }
    static_cast<void>(named(Root, "") || named(SysDirectory, "sys/") || named(SysKernelDirectory, "sys/kernel/") ||
                      named(SysVmDirectory, "sys/vm/") || named(SysFsDirectory, "sys/fs/") ||
                      named(SysNetDirectory, "sys/net/") || named(SysNetIpv4Directory, "sys/net/ipv4/") ||
                      named(SysNetIpv6Directory, "sys/net/ipv6/") || named(SysvipcDirectory, "sysvipc/") ||
                      named(SysUserDirectory, "sys/user/"));
    return out.take();
}

} // namespace proc
