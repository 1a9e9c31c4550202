// What the files of control groups say, and what is written into them (cgroups(7)); moving processes.
#include "../process/core.hpp"
#include "../procfs/tree.hpp"
#include <algorithm>
#include <charconv>

namespace proc {

namespace {
std::string limit_text(std::uint32_t value) {
    return value == Group::unlimited ? "max\n" : std::to_string(value) + "\n";
}

ipc::Result<std::uint32_t> parse_limit(std::string_view text) {
    if (text == "max") return Group::unlimited;
    std::uint32_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range) return fail(Error::Range);
    if (error != std::errc{} || end != text.data() + text.size()) return fail(Error::Invalid);
    return value;
}

/// Words `+NAME` and `-NAME`. No controller is there to be given to children; the names are those of Linux.
ipc::Result<ipc::Unit> check_controllers(std::string_view text) {
    constexpr std::string_view known[] = {"cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"};
    while (!text.empty()) {
        std::string_view const word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(word.size() + 1, text.size()));
        if (word.empty()) continue;
        if ((word[0] != '+' && word[0] != '-') || std::ranges::find(known, word.substr(1)) == std::end(known))
            return fail(Error::Invalid);
        if (word[0] == '+') return fail(Error::NoEntry);
    }
    return ipc::Unit{};
}
} // namespace

Group& Core::root_group_of(Process const& process) const {
    SharedNamespace const* const space =
        cgroup_kind < 0 ? nullptr : namespace_of(process, static_cast<unsigned>(cgroup_kind));
    return space != nullptr && space->root ? *space->root : *process.domain->groups;
}

void Core::enter_group(Process& process, Group& group) {
    if (process.in_group) process.control_group->remove_member();
    process.control_group = GroupReference{&group};
    process.in_group = true;
    group.add_member();
}

void Core::leave_group(Process& process) {
    if (process.in_group) process.control_group->remove_member();
    process.in_group = false;
}

std::string Core::group_text(Group const& group, NodeKind kind, Process const* reader) const {
    switch (kind) {
    case NodeKind::GroupType: return "domain\n";
    case NodeKind::GroupEvents: return group.populated() ? "populated 1\nfrozen 0\n" : "populated 0\nfrozen 0\n";
    case NodeKind::GroupMaxDepth: return limit_text(group.maximum_depth);
    case NodeKind::GroupMaxDescendants: return limit_text(group.maximum_descendants);
    case NodeKind::GroupStat:
        return "nr_descendants " + std::to_string(group.descendants()) + "\nnr_dying_descendants 0\n";
    case NodeKind::GroupProcesses: {
        std::vector<std::int32_t> numbers;
        const_cast<Core*>(this)->table.all.each([&](Process& each) {
            if (each.in_group && each.control_group.get() == &group && reader != nullptr)
                numbers.push_back(each.pid->number_in(reader->space()));
        });
        std::ranges::sort(numbers);
        std::string text;
        for (std::int32_t const number : numbers) text += std::to_string(number) + "\n";
        return text;
    }
    default: return {}; // controllers: there are none
    }
}

ipc::Result<ipc::Unit> Core::write_group(Group& group, NodeKind kind, Process& writer, std::string_view value) {
    if (group.removed()) return fail(Error::NoDevice);
    switch (kind) {
    case NodeKind::GroupMaxDepth:
    case NodeKind::GroupMaxDescendants: {
        auto const limit = parse_limit(value);
        if (!limit) return fail(limit.error());
        (kind == NodeKind::GroupMaxDepth ? group.maximum_depth : group.maximum_descendants) = *limit;
        return ipc::Unit{};
    }
    case NodeKind::GroupSubtree: return check_controllers(value);
    case NodeKind::GroupKill: {
        if (value != "1") return fail(Error::Range);
        std::vector<Process*> victims;
        table.all.each([&](Process& each) {
            if (each.in_group && group.contains(*each.control_group)) victims.push_back(&each);
        });
        proto::SignalInformation information{};
        information.number = signal_number::kill;
        information.code = signal_code::kernel;
        for (Process* const victim : victims) send(*victim, information, true);
        return ipc::Unit{};
    }
    case NodeKind::GroupProcesses: {
        std::int32_t number = 0;
        auto const [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
        if (error != std::errc{} || end != value.data() + value.size() || number < 0) return fail(Error::Invalid);
        Process* target = &writer;
        if (number != 0) {
            Thread* const thread = table.find_thread(writer.space(), number);
            target = thread == nullptr ? table.find(writer.space(), number) : thread->process;
        }
        if (target == nullptr || !target->in_group) return fail(Error::NoProcess);
        // Both ends belong to somebody: who moves must be allowed to where both are below.
        Group const* shared = &group;
        while (shared != nullptr && !shared->contains(*target->control_group)) shared = shared->parent();
        if (shared == nullptr) return fail(Error::NoEntry);
        if (!owns_group(writer, *shared)) return fail(Error::Access);
        enter_group(*target, group);
        return ipc::Unit{};
    }
    default: return fail(Error::Invalid);
    }
}

bool Core::owns_group(Process const& process, Group const& group) {
    Credentials const& who = process.credentials;
    return who.file_user == group.user ||
           (process.user_space->users.maps_global(group.user) && who.capable(capability::dac_override));
}

} // namespace proc
