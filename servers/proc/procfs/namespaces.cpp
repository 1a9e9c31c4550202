// /proc/PID/ns, uid_map, gid_map, setgroups, timens_offsets; namespaces and processes as open files; setns and ioctl_ns by them.
#include "procfs.hpp"
#include "text.hpp"

namespace proc {

namespace {
constexpr std::uint32_t namespace_device_minor = 4, get_user_namespace = 0xb701, get_parent = 0xb702, get_type = 0xb703,
                        get_owner = 0xb704;

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

auto ProcFs::namespace_inode(Walk const& walk) -> Result<std::uint32_t> {
    using What = NamespaceEntry::What;
    Process* const process = process_of(walk.node);
    if (process == nullptr || !process->alive()) return fail(Error::NoEntry);
    NamespaceEntry const entry = namespace_entry(core, walk.node.number);
    switch (entry.what) {
    case What::Pid: return process->space().inode();
    case What::PidChildren:
        return process->child_space != nullptr ? process->child_space->inode() : process->space().inode();
    case What::User: return process->user_space->inode();
    case What::Mount: {
        auto const name_space = core.owners.namespace_of(process->vfs_session);
        if (!name_space) return fail(name_space.error());
        auto const identity = core.owners.identify_namespace(*name_space);
        core.machine.drop(*name_space);
        if (!identity) return fail(identity.error());
        return identity->inode;
    }
    case What::Other:
    case What::TimeChildren: break;
    }
    bool const later = entry.what == What::TimeChildren && process->namespaces->time_children != nullptr;
    SharedNamespace* const name_space =
        later ? process->namespaces->time_children : process->namespaces->at[entry.kind];
    if (name_space == nullptr) return fail(Error::NoEntry);
    return core.inode_of(*name_space);
}

auto ProcFs::open_namespace(Walk const& walk) -> Result<OpenedNamespace> {
    using What = NamespaceEntry::What;
    auto const inode = namespace_inode(walk);
    if (!inode) return fail(inode.error());
    Process& process = *process_of(walk.node);
    if (!may_open(walk.caller, walk.node)) return fail(Error::Access);
    NamespaceEntry const entry = namespace_entry(core, walk.node.number);
    Result<CapabilityPointer> made = fail(Error::NoEntry);
    bool keep = true;
    switch (entry.what) {
    case What::Pid: made = core.make_handle(process.space()); break;
    case What::PidChildren:
        made = core.make_handle(process.child_space != nullptr ? *process.child_space : process.space());
        break;
    case What::User: made = core.make_handle(*process.user_space); break;
    case What::Mount:
        made = core.owners.namespace_of(process.vfs_session);
        keep = false;
        break;
    case What::Other:
    case What::TimeChildren: {
        bool const later = entry.what == What::TimeChildren && process.namespaces->time_children != nullptr;
        SharedNamespace& name_space = later ? *process.namespaces->time_children : *process.namespaces->at[entry.kind];
        if (core.kinds[entry.kind].flag != 0) {
            made = core.make_handle(name_space);
            break;
        }
        // A kind that proc does not know by a flag: the capability itself, so that its file is what its owner makes of it.
        std::uint64_t allowed = proto::Namespace::program_operations;
        // A kind whose file can be written lets root over it do so.
        if (walk.caller != nullptr && Core::capable(*walk.caller->process, *name_space.owner, capability::sys_admin))
            allowed |= proto::Namespace::write_operation;
        auto const real = core.materialize(name_space);
        made = real ? core.owners.attenuated(*real, allowed) : real;
        keep = false;
        break;
    }
    }
    if (!made) return fail(made.error());
    return OpenedNamespace{*made, keep, *inode};
}

std::uint32_t ProcFs::inode_of(Handle const& handle) const {
    if (handle.shared != nullptr) return core.inode_of(*handle.shared);
    return handle.pid_space != nullptr ? handle.pid_space->inode() : handle.user_space->inode();
}

proto::FileStatus ProcFs::handle_status(Handle const& handle) const {
    proto::FileStatus status{};
    status.links = 1;
    status.block_size = 4096;
    if (handle.process != nullptr) { // an anonymous inode
        status.mode = 0600;
        status.inode = 2;
        status.device_minor = 14;
    } else {
        status.mode = 0100444;
        status.inode = inode_of(handle);
        status.device_minor = namespace_device_minor;
    }
    return status;
}

std::string ProcFs::handle_name(Handle const& handle) const {
    if (handle.process != nullptr) return "anon_inode:[pidfd]";
    std::string_view const kind = handle.shared != nullptr      ? core.kinds[handle.shared->kind].name.view()
                                  : handle.pid_space != nullptr ? "pid"
                                                                : "user";
    return (TextBuilder{} << kind << ":[" << inode_of(handle) << ']').take();
}

// --- maps ---

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

// --- setns, ioctl_ns ---

Core::Joined ProcFs::joined_by(ipc::OptionalCap<F> const& file) const {
    Core::Joined joined;
    joined.other = file.slot;
    if (Handle const* const handle = file.unwrapped ? core.handle_of(file.badge) : nullptr) {
        joined.pid = handle->pid_space;
        joined.user = handle->user_space.get();
        joined.process = handle->process;
        joined.shared = handle->shared;
    }
    return joined;
}

auto ProcFs::set_namespace(Thread& thread, ipc::OptionalCap<F> const& file, Word32 flags) -> Result<Unit> {
    Handle const* const handle = file.unwrapped ? core.handle_of(file.badge) : nullptr;
    if (handle != nullptr && handle->shared != nullptr) return core.join_namespace(thread, *handle->shared, flags);
    Core::Joined joined = joined_by(file);
    if (joined.pid == nullptr && joined.user == nullptr && joined.process == nullptr && joined.shared == nullptr &&
        joined.other == 0)
        return fail(Error::Invalid);
    auto const result = core.set_namespace(thread, joined, flags);
    if (joined.other != 0) core.machine.drop(joined.other);
    return result;
}

auto ProcFs::namespace_attribute(Process& process, ipc::OptionalCap<F> const& file, Word32 request) -> Result<Word32> {
    Core::Joined const joined = joined_by(file);
    auto answer = [&]() -> Result<Word32> {
        proto::NamespaceKind kind{};
        if (joined.pid != nullptr) {
            kind = proto::NamespaceKind::Pid;
        } else if (joined.user != nullptr) {
            kind = proto::NamespaceKind::User;
        } else if (joined.shared != nullptr) {
            kind = core.kinds[joined.shared->kind].kind;
        } else {
            auto const identity =
                joined.other == 0 ? fail(Error::NotTerminal) : core.owners.identify_namespace(joined.other);
            if (!identity) return fail(Error::NotTerminal);
            kind = identity->kind;
        }
        if (request == get_type) return proto::namespace_flag(kind);
        if (request != get_owner) return fail(Error::NotTerminal);
        if (joined.user == nullptr) return fail(Error::Invalid);
        return Core::user_in(*process.user_space, joined.user->owner_user());
    }();
    drop(file);
    return answer;
}

auto ProcFs::related_namespace(Process& process, ipc::OptionalCap<F> const& file, Word32 request)
    -> Result<CapabilityPointer> {
    Core::Joined const joined = joined_by(file);
    auto answer = [&]() -> Result<CapabilityPointer> {
        if (request == proto::namespace_itself && joined.shared != nullptr) {
            auto const real = core.materialize(*joined.shared);
            return real ? core.owners.attenuated(*real, proto::Namespace::program_operations) : real;
        }
        if (request != get_user_namespace && request != get_parent) return fail(Error::NotTerminal);
        UserNamespace* owner = nullptr;
        if (joined.pid != nullptr) {
            if (request == get_parent) {
                PidNamespace* const parent = joined.pid->parent();
                if (parent == nullptr || !process.space().contains(*parent)) return fail(Error::NotPermitted);
                return core.make_handle(*parent);
            }
            owner = joined.pid->owner.get();
        } else if (joined.user != nullptr) {
            owner = joined.user->parent();
        } else if (joined.shared != nullptr) {
            if (request == get_parent) return fail(Error::Invalid);
            owner = joined.shared->owner.get();
        } else {
            auto const identity =
                joined.other == 0 ? fail(Error::NotTerminal) : core.owners.identify_namespace(joined.other);
            if (!identity) return fail(Error::NotTerminal);
            if (request == get_parent) return fail(Error::Invalid);
            owner = UserNamespace::find(identity->user);
            if (owner == nullptr) owner = core.first_user_space.get();
        }
        // Nothing above one's own is shown.
        if (owner == nullptr || !process.user_space->contains(*owner)) return fail(Error::NotPermitted);
        return core.make_handle(*owner);
    }();
    drop(file);
    return answer;
}

auto ProcFs::on(N::Identify, Sender& sender) -> Result<proto::NamespaceIdentity> {
    Handle const* const handle = handle_of(sender);
    if (handle == nullptr || handle->process != nullptr) return fail(Error::Invalid);
    if (PidNamespace const* const pid = handle->pid_space) {
        return proto::NamespaceIdentity{proto::NamespaceKind::Pid,
                                        pid->inode(),
                                        pid->parent() == nullptr ? 0 : pid->parent()->inode(),
                                        pid->owner->inode(),
                                        0,
                                        pid->references()};
    }
    if (SharedNamespace* const shared = handle->shared) {
        return proto::NamespaceIdentity{
            core.kinds[shared->kind].kind, core.inode_of(*shared), 0, shared->owner->inode(), 0, shared->references};
    }
    UserNamespace const& user = *handle->user_space;
    std::uint32_t const parent = user.parent() == nullptr ? 0 : user.parent()->inode();
    return proto::NamespaceIdentity{proto::NamespaceKind::User, user.inode(), parent, parent, 0, user.references()};
}

} // namespace proc
