// What is read from and written to files of procfs.
#include "common.hpp"
#include "network_devices.hpp"
#include "procfs.hpp"
#include "proto/network.hpp"
#include "text.hpp"
#include <charconv>

namespace proc {

using namespace procfs;

namespace {
/// A file below /proc/sys/net/ipv6/conf as Core::network_setting takes it: the setting, and above it the device (conf_default, 0: all).
std::uint32_t setting6(Node const& file) {
    return (static_cast<std::uint32_t>(proto::NetworkSetting::Forwarding6) + (file.number & 0xff)) |
           file.number >> 8 << 8;
}
/// How many numbers the file has, by its place in /proc/sys/net/ipv4.
std::size_t network_setting_numbers(std::uint32_t place) { return place == 1 || place == 3 ? 2 : 1; }

/// That many decimal numbers between blanks, and nothing else.
bool parse_numbers(std::string_view text, std::span<std::int32_t> numbers) {
    auto const skip = [&] {
        while (!text.empty() && (text[0] == ' ' || text[0] == '\t')) text.remove_prefix(1);
    };
    for (auto& number : numbers) {
        skip();
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc{}) return false;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    }
    skip();
    return text.empty();
}
} // namespace

std::string ProcFs::descriptor_information(Process& process, Word descriptor) {
    auto const file = process.alive()
                          ? core.machine.fetch(*process.cspace, linux_process::slot::descriptor_first + descriptor)
                          : fail(Error::NoEntry);
    if (!file) return {};
    TextBuilder out;
    // Another server's says nothing here: asking it may wait for ever.
    auto const status = core.owners.file_status(process.vfs_session, *file);
    auto const [offset, flags] = status ? core.owners.file_position(*file) : std::array<std::uint64_t, 2>{};
    core.machine.drop(*file);
    constexpr Word close_on_exec = 02000000;
    bool const closes = process.memory->descriptor(process.files, descriptor).close_on_exec != 0;
    out << "pos:\t" << offset << "\nflags:\t0";
    out.octal(flags | (closes ? close_on_exec : 0))
        << "\nmnt_id:\t" << (status ? status->mount_id : 0) << "\nino:\t" << (status ? status->inode : 0) << '\n';
    return out.take();
}

std::string ProcFs::text_of(Open const& file) {
    using enum NodeKind;
    PidNamespace const& view = *file.space;
    Pid const* const opener_pid = Pid::find_global(file.opener);
    Process* const opener = opener_pid == nullptr ? nullptr : opener_pid->process;
    Process* const process = process_of(file.node);
    Thread* const thread = thread_of(file.node);
    if (file.node.process != 0 && process == nullptr) return {};
    // The machine as the container sees it.
    Process* const whose = process != nullptr ? process : opener;
    Domain* const domain = opener != nullptr ? opener->domain : core.root_domain;
    auto name_of = [&](bool domain_name) {
        return opener == nullptr ? std::string{"(none)\n"} : core.host_name(*opener, domain_name) + "\n";
    };
    switch (file.node.kind) {
    case MemInfo: return domain == nullptr ? std::string{} : system_meminfo(core, *domain);
    case LoadAverage: return opener == nullptr ? std::string{} : system_loadavg(core, *opener, view);
    case Uptime: return system_uptime(core);
    case SystemStat: return domain == nullptr ? std::string{} : system_stat(core, *domain);
    case Version: return std::string{system_version()};
    case CpuInfo: return system_cpuinfo(core);
    case FileSystems: return std::string{system_filesystems()};
    case CommandLine: return "\n";
    case Devices:
        return "Character devices:\n  1 mem\n  4 tty\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n 10 misc\n136 "
               "pts\n\nBlock devices:\n";
    case Partitions: return "major minor  #blocks  name\n\n";
    case Swaps: return "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
    case Status: return process_status(core, *process, thread, view);
    case Stat: return process_stat(core, *process, thread, view);
    case Statm: return process_statm(*process);
    case Arguments: return process_arguments(*process, false);
    case Environment: return process_arguments(*process, true);
    case Comm: return std::string{process->comm()} + "\n";
    case Limits: return process_limits(*process);
    case Maps: return process_maps(core, *process);
    case Mounts: return process->alive() ? core.owners.mount_table(process->vfs_session, 0) : std::string{};
    case MountInfo: return process->alive() ? core.owners.mount_table(process->vfs_session, 1) : std::string{};
    case UserMap:
    case GroupMap:
    case ProjectMap:
    case SetGroups:
    case TimeOffsets: return map_text(file, *process);
    case OomScore:
    case OomScoreAdjust:
    case Wchan: return file.node.kind == Wchan ? "0" : "0\n";
    case Cgroup: {
        Process const& reader = opener != nullptr ? *opener : *process;
        return "0::" + process->control_group->path_from(core.root_group_of(reader)) + "\n";
    }
    case GroupControllers:
    case GroupEvents:
    case GroupMaxDepth:
    case GroupMaxDescendants:
    case GroupProcesses:
    case GroupStat:
    case GroupSubtree:
    case GroupType: {
        Group const* const group = group_of(file.node);
        return group == nullptr ? std::string{} : core.group_text(*group, file.node.kind, whose);
    }
    case LoginUser: return "4294967295";
    case Io: return "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n";
    case Schedstat: return (TextBuilder{} << core.cpu_time(*process) << " 0 0\n").take();
    case DescriptorInfo: return descriptor_information(*process, file.node.number);
    case NetTable:
        return whose != nullptr && whose->alive() ? core.network_table(*whose, file.node.number + 1) : std::string{};
    case NetSetting6: {
        if (whose == nullptr || !whose->alive()) return {};
        auto const values = core.network_setting(*whose, setting6(file.node), nullptr);
        return values ? std::to_string((*values)[0]) + "\n" : std::string{};
    }
    case NetAttribute: return network_attribute(core, *process, file.node.number >> 8, file.node.number & 0xff);
    case NetStatistic: return network_statistic(core, *process, file.node.number >> 8, file.node.number & 0xff);
    case NetSetting: {
        if (whose == nullptr || !whose->alive()) return {};
        auto const values = core.network_setting(*whose, file.node.number + 1, nullptr);
        if (!values) return {};
        auto const second =
            network_setting_numbers(file.node.number) == 2 ? "\t" + std::to_string((*values)[1]) : std::string{};
        return std::to_string((*values)[0]) + second + "\n";
    }
    case HostName: return name_of(false);
    case DomainName: return name_of(true);
    case OsType: return "Linux\n";
    case OsRelease: return "6.1.0-cella\n";
    case OsVersion: return "#1 Cella\n";
    case PidMaximum: return (TextBuilder{} << PidNamespace::pid_maximum << '\n').take();
    case ThreadsMaximum: return "16384\n";
    case Overcommit: return "1\n";
    case FileMaximum: return "65536\n";
    case SysvipcTable:
        return whose != nullptr && whose->alive() ? core.ipc_table(*whose, 2 - file.node.number) : std::string{};
    case NamespaceLimit:
        return whose != nullptr && whose->alive() ? core.namespace_limit(*whose, file.node.number) : std::string{};
    case IpcLimit:
        return whose != nullptr && whose->alive() ? core.ipc_limit(*whose, file.node.number - first_ipc_limit)
                                                  : std::string{};
    default: return {};
    }
}

auto ProcFs::read(Sender& sender, Open& file, std::uint64_t offset) -> Result<proto::Transfer> {
    if ((file.flags & o_path) != 0 || (file.flags & o_access) == 1) return fail(Error::BadDescriptor);
    if (is_directory(file.node.kind)) return fail(Error::IsDirectory);
    if (is_link(file.node.kind)) return fail(Error::Invalid);
    if (file.node.process != 0 && process_of(file.node) == nullptr) return fail(Error::NoProcess);
    if (is_of_group(file.node.kind)) {
        Group const* const group = group_of(file.node);
        if (group == nullptr || group->removed()) return fail(Error::NoDevice);
    }
    if (offset == 0 || file.text.empty()) {
        Pid const* const opener = Pid::find_global(file.opener);
        core.reader = opener == nullptr ? nullptr : opener->process;
        file.text = text_of(file);
        core.reader = nullptr;
    }
    if (offset >= file.text.size()) return proto::Transfer{0, 0};
    std::string_view const part =
        std::string_view{file.text}.substr(static_cast<std::size_t>(offset), sender.write_length);
    auto const done = sender.copy_out(0, std::as_bytes(std::span{part}));
    return proto::Transfer{static_cast<std::uint32_t>(done.count), done.caller_fault};
}

auto ProcFs::on(F::Read, Sender& sender, Word32, ipc::WriteBuffer) -> Result<proto::Transfer> {
    if (handle_of(sender) != nullptr) return fail(Error::Invalid);
    Open* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    auto const done = read(sender, *file, file->offset);
    if (done) file->offset += done->count;
    return done;
}
auto ProcFs::on(F::ReadAt, Sender& sender, std::uint64_t offset, ipc::WriteBuffer) -> Result<proto::Transfer> {
    Open* const file = open_of(sender);
    return file == nullptr ? fail(Error::BadDescriptor) : read(sender, *file, offset);
}

auto ProcFs::on(F::Write, Sender& sender, Word32, ipc::ReadBuffer) -> Result<proto::Transfer> {
    if (handle_of(sender) != nullptr) return fail(Error::Invalid);
    Open* const file = open_of(sender);
    if (file == nullptr || (file->flags & o_access) == 0 || (file->flags & o_path) != 0)
        return fail(Error::BadDescriptor);
    std::string text(std::min<std::size_t>(sender.read_length, abi::page_size), '\0');
    auto const got = sender.copy_in(0, std::as_writable_bytes(std::span{text}));
    if (got.count < text.size()) return proto::Transfer{0, got.caller_fault};
    std::string_view value{text};
    while (!value.empty() && (value.back() == '\n' || value.back() == '\0')) value.remove_suffix(1);
    Pid const* const opener_pid = Pid::find_global(file->opener);
    Process* const opener = opener_pid == nullptr ? nullptr : opener_pid->process;
    Process* const process = process_of(file->node);
    switch (file->node.kind) {
    case NodeKind::Comm:
        if (process == nullptr || process != opener) return fail(Error::Invalid);
        process->set_name(value);
        break;
    case NodeKind::OomScoreAdjust: break;
    case NodeKind::UserMap:
    case NodeKind::GroupMap:
    case NodeKind::ProjectMap:
    case NodeKind::SetGroups:
    case NodeKind::TimeOffsets: {
        // A map is written at once, from the start of the file.
        if (process == nullptr || !process->alive()) return fail(Error::NoProcess);
        if (file->offset != 0 || sender.read_length >= abi::page_size) return fail(Error::Invalid);
        auto const done = file->node.kind == NodeKind::SetGroups     ? write_setgroups(*file, *process, value)
                          : file->node.kind == NodeKind::TimeOffsets ? write_time_offsets(*file, *process, value)
                                                                     : write_map(*file, *process, value);
        if (!done) return fail(done.error());
        file->offset += sender.read_length;
        break;
    }
    case NodeKind::HostName:
    case NodeKind::DomainName: {
        if (opener == nullptr) return fail(Error::NotPermitted);
        if (value.size() > 64) return fail(Error::Invalid);
        auto const done = core.set_host_name(*opener, file->node.kind == NodeKind::DomainName, proto::HostName{value});
        if (!done) return fail(done.error());
        break;
    }
    case NodeKind::IpcLimit: {
        if (opener == nullptr) return fail(Error::NotPermitted);
        auto const done = core.set_ipc_limit(*opener, file->node.number - first_ipc_limit, value);
        if (!done) return fail(done.error());
        break;
    }
    case NodeKind::GroupKill:
    case NodeKind::GroupMaxDepth:
    case NodeKind::GroupMaxDescendants:
    case NodeKind::GroupProcesses:
    case NodeKind::GroupSubtree:
    case NodeKind::GroupType: {
        Group* const group = group_of(file->node);
        if (group == nullptr) return fail(Error::NoDevice);
        if (opener == nullptr || !opener->alive()) return fail(Error::NoProcess);
        auto const done = core.write_group(*group, file->node.kind, *opener, value);
        if (!done) return fail(done.error());
        break;
    }
    case NodeKind::NamespaceLimit:
    case NodeKind::PidMaximum: {
        if (opener == nullptr || !opener->alive()) return fail(Error::NotPermitted);
        auto const done = file->node.kind == NodeKind::PidMaximum
                              ? core.set_pid_maximum(*opener, value)
                              : core.set_namespace_limit(*opener, file->node.number, value);
        if (!done) return fail(done.error());
        break;
    }
    case NodeKind::NetSetting6: {
        if (opener == nullptr || !opener->alive() || !opener->credentials.capable(capability::net_admin))
            return fail(Error::NotPermitted);
        std::array<std::int32_t, 2> values{};
        if (!parse_numbers(value, std::span{values}.first(1))) return fail(Error::Invalid);
        auto const done = core.network_setting(*opener, setting6(file->node), &values);
        if (!done) return fail(done.error());
        break;
    }
    case NodeKind::NetSetting: {
        if (opener == nullptr || !opener->alive() || !opener->credentials.capable(capability::net_admin))
            return fail(Error::NotPermitted);
        std::array<std::int32_t, 2> values{};
        if (!parse_numbers(value, std::span{values}.first(network_setting_numbers(file->node.number))))
            return fail(Error::Invalid);
        auto const done = core.network_setting(*opener, file->node.number + 1, &values);
        if (!done) return fail(done.error());
        break;
    }
    default: return fail(Error::Invalid);
    }
    return proto::Transfer{sender.read_length, 0};
}

} // namespace proc
