// /proc/PID/uid_map, gid_map, setgroups, timens_offsets.
#include "procfs.hpp"
#include "text.hpp"

namespace proc {

namespace {
/// Splits off the next line's numbers. False: it is not exactly `count` of them.
bool take_numbers(std::string_view line, std::span<std::uint32_t> numbers) {
    for (std::uint32_t& number : numbers) {
        std::size_t const begin = line.find_first_not_of(" \t");
        if (begin == std::string_view::npos) return false;
        line.remove_prefix(begin);
        std::uint64_t value = 0;
        std::size_t digits = 0;
        for (; digits < line.size() && line[digits] >= '0' && line[digits] <= '9' && value <= 0xffffffff; ++digits)
            value = value * 10 + static_cast<unsigned>(line[digits] - '0');
        if (digits == 0 || value > 0xffffffff) return false;
        number = static_cast<std::uint32_t>(value);
        line.remove_prefix(digits);
    }
    return line.find_first_not_of(" \t") == std::string_view::npos;
}

/// Calls take(line) for every line that is not empty, until it returns false.
template <class Take>
bool each_line(std::string_view text, Take take) {
    while (!text.empty()) {
        std::size_t const end = std::min(text.find('\n'), text.size());
        if (end != 0 && !take(text.substr(0, end))) return false;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return true;
}
} // namespace

std::string ProcFs::map_text(Open const& file, Process& process) {
    UserNamespace const& space = *process.user_space;
    TextBuilder out;
    if (file.node.kind == NodeKind::SetGroups) return space.setgroups_allowed ? "allow\n" : "deny\n";
    if (file.node.kind == NodeKind::TimeOffsets) {
        if (core.time_kind < 0 || process.namespaces == nullptr) return {};
        SharedNamespace* later = process.namespaces->time_children;
        if (later == nullptr) later = process.namespaces->at[static_cast<unsigned>(core.time_kind)];
        if (later == nullptr) return {};
        auto const offsets =
            later->frozen
                ? later->offsets
                : core.owners.time_offsets((later->origin != nullptr ? later->origin : later)->capability, false);
        for (std::size_t i = 0; i < 2; ++i) {
            std::int64_t seconds = offsets[i] / 1'000'000'000, rest = offsets[i] % 1'000'000'000;
            if (rest < 0) --seconds, rest += 1'000'000'000;
            std::string const digits = (TextBuilder{} << seconds).take();
            out << (i == 0 ? "monotonic  " : "boottime   ")
                << std::string(digits.size() < 10 ? 10 - digits.size() : 0, ' ') << digits << ' ';
            out.decimal(static_cast<std::uint64_t>(rest), 9) << '\n';
        }
        return out.take();
    }
    // As the opener's user namespace sees the outer ids; its own it sees as its parent does.
    bool const users = file.node.kind != NodeKind::GroupMap;
    UserNamespace const* viewer =
        file.opener_rights.space ? file.opener_rights.space.get() : core.first_user_space.get();
    if (viewer == &space && space.parent() != nullptr) viewer = space.parent();
    for (ipc::IdExtent const& extent : (users ? space.users : space.groups).extents()) {
        auto const seen = (users ? viewer->users : viewer->groups).find_global(extent.global);
        out.decimal(extent.inside, 10) << ' ';
        out.decimal(seen.value_or(~std::uint32_t{0}), 10) << ' ';
        out.decimal(extent.count, 10) << '\n';
    }
    return out.take();
}

auto ProcFs::write_map(Open const& file, Process& process, std::string_view text) -> Result<Unit> {
    UserNamespace& space = *process.user_space;
    if (file.node.kind == NodeKind::ProjectMap) return fail(Error::NotPermitted);
    bool const users = file.node.kind == NodeKind::UserMap;
    OpenerRights const& opener = file.opener_rights;
    UserNamespace* const parent = space.parent();
    ipc::IdMap& map = users ? space.users : space.groups;
    if (parent == nullptr || !opener.space || (opener.space.get() != &space && opener.space.get() != parent))
        return fail(Error::NotPermitted);
    if (!map.empty() || !opener.capable(space, capability::sys_admin)) return fail(Error::NotPermitted);

    std::vector<ipc::IdExtent> lines;
    bool const parsed = each_line(text, [&](std::string_view line) {
        std::array<std::uint32_t, 3> numbers{};
        if (lines.size() == ipc::IdMap::maximum_extents || !take_numbers(line, numbers)) return false;
        lines.push_back({numbers[0], numbers[1], numbers[2]});
        return true;
    });
    if (!parsed || !ipc::IdMap::of(lines)) return fail(Error::Invalid);

    // Who may map what (user_namespaces(7)).
    ipc::IdMap const& outer = users ? parent->users : parent->groups;
    if (users) {
        for (ipc::IdExtent const& line : lines) {
            if (line.global != 0)
                continue; // only user 0 of the parent is special: files can have capabilities in its name
            bool const may =
                opener.space.get() == &space ? space.creator_had_setfcap : opener.capable(*parent, capability::setfcap);
            if (!may) return fail(Error::NotPermitted);
        }
    }
    bool permitted = false;
    if (lines.size() == 1 && lines[0].count == 1 && opener.credentials.effective_user == space.owner_user()) {
        auto const own = outer.to_global(lines[0].global);
        permitted = own && (users ? *own == opener.credentials.effective_user
                                  : !space.setgroups_allowed && *own == opener.credentials.effective_group);
    }
    if (!permitted) {
        std::uint32_t const needed = users ? capability::setuid : capability::setgid;
        Pid const* const writer = Pid::find_global(file.opener);
        Process const* const now = writer == nullptr ? nullptr : writer->process;
        permitted = opener.capable(*parent, needed) && now != nullptr && Core::capable(*now, *parent, needed);
    }
    if (!permitted) return fail(Error::NotPermitted);
    for (ipc::IdExtent& line : lines) {
        auto const global = outer.range_to_global(line.global, line.count);
        if (!global) return fail(Error::NotPermitted);
        line.global = *global;
    }
    auto made = ipc::IdMap::of(lines);
    if (!made) return fail(Error::Invalid);
    map = std::move(*made);
    if (auto told = core.owners.publish_maps(space); !told) {
        map = {};
        return told;
    }
    return Unit{};
}

auto ProcFs::write_setgroups(Open const& file, Process& process, std::string_view text) -> Result<Unit> {
    UserNamespace& space = *process.user_space;
    while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.remove_suffix(1);
    if (!file.opener_rights.space || !file.opener_rights.capable(space, capability::sys_admin))
        return fail(Error::Access);
    if (text != "allow" && text != "deny") return fail(Error::Invalid);
    if (text == "allow") {
        if (!space.setgroups_allowed) return fail(Error::NotPermitted);
    } else {
        if (!space.groups.empty()) return fail(Error::NotPermitted);
        space.setgroups_allowed = false;
    }
    return Unit{};
}

auto ProcFs::write_time_offsets(Open const& file, Process& process, std::string_view text) -> Result<Unit> {
    struct Offset {
        std::uint32_t clock;
        std::int64_t seconds;
        std::uint32_t nanoseconds;
    };
    std::vector<Offset> offsets;
    bool const parsed = each_line(text, [&](std::string_view line) {
        std::size_t const end = line.find(' ');
        if (end == std::string_view::npos) return false;
        std::string_view const name = line.substr(0, end);
        std::uint32_t const clock = name == "monotonic" || name == "1" ? 1 : name == "boottime" || name == "7" ? 7 : 0;
        line.remove_prefix(end);
        std::size_t const begin = line.find_first_not_of(' ');
        if (clock == 0 || begin == std::string_view::npos || offsets.size() == 2) return false;
        line.remove_prefix(begin);
        bool const negative = line.starts_with('-');
        if (negative) line.remove_prefix(1);
        std::array<std::uint32_t, 2> numbers{};
        if (!take_numbers(line, numbers) || numbers[1] >= 1'000'000'000) return false;
        std::int64_t const seconds = negative ? -std::int64_t{numbers[0]} : std::int64_t{numbers[0]};
        offsets.push_back({clock, seconds, numbers[1]});
        return true;
    });
    if (!parsed) return fail(Error::Invalid);
    if (core.time_kind < 0) return fail(Error::NotPermitted);
    SharedNamespace* const later = process.namespaces->time_children;
    SharedNamespace* const name_space =
        later != nullptr ? later : process.namespaces->at[static_cast<unsigned>(core.time_kind)];
    if (!file.opener_rights.space || !file.opener_rights.capable(*name_space->owner, capability::sys_time))
        return fail(Error::NotPermitted);
    if (later == nullptr) return fail(Error::Access);
    if (auto settled = core.settle_copies(*later); !settled) return settled;
    if (auto made = core.materialize(*later); !made) return fail(made.error());
    for (Offset const& offset : offsets) {
        if (auto done =
                core.owners.set_time_offset(later->capability, offset.clock, offset.seconds, offset.nanoseconds);
            !done)
            return done;
    }
    return Unit{};
}

} // namespace proc
