// Which names there are, from one directory to the next.
#include "tree.hpp"
#include "network_devices.hpp"
#include "text.hpp"
#include <charconv>

namespace proc {

namespace {
using enum NodeKind;

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

Group* group_of(Node const& node) { return is_of_group(node.kind) ? Group::find(node.number) : nullptr; }

Node parent_of(Node const& directory) {
    Group const* const group = group_of(directory);
    if (group == nullptr) return Node{};
    Node node = directory;
    if (group->parent() != nullptr) node.number = group->parent()->number();
    return node;
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
        for (Entry const& entry : entries_of(GroupDirectory)) {
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
