#include "operations.hpp"

namespace proc {

bool parse_program(std::string_view text, std::uint32_t argument_count, std::uint32_t environment_count,
                   std::string& path, std::vector<std::string>& arguments, std::vector<std::string>& environment) {
    auto next = [&](std::string& to) {
        std::size_t const end = text.find('\0');
        if (end == std::string_view::npos) return false;
        to = text.substr(0, end);
        text.remove_prefix(end + 1);
        return true;
    };
    if (argument_count > text.size() || environment_count > text.size() || !next(path)) return false;
    for (auto [count, to] : {std::pair{argument_count, &arguments}, std::pair{environment_count, &environment}}) {
        for (std::uint32_t i = 0; i < count; ++i) {
            if (!next(to->emplace_back())) return false;
        }
    }
    return text.empty();
}

Domain::Building* DomainOperations::building_of(Domain& domain, std::uint32_t handle) {
    for (auto& each : domain.building) {
        if (each.handle == handle) return &each;
    }
    return nullptr;
}

auto DomainOperations::on(C::CreateDomain, Sender& sender, proto::DomainLimits const& limits, std::uint32_t sealed,
                          ipc::Text<32> const& name) -> Result<ipc::Cap<D>> {
    if (sender.badge != control_badge) return fail(Error::NotPermitted);
    if (limits.on_limit > 1) return fail(Error::Invalid);
    if (limits.memory > core.owners.free_memory()) return fail(Error::NoMemory);
    Domain* const domain = core.create_domain(limits, sealed != 0, name.view());
    if (sealed == 0 && core.root_domain == nullptr) core.root_domain = domain;
    auto const cap = ipc::mint_session<D>(domain->badge);
    if (!cap) core.release_domain(*domain);
    return cap;
}

auto DomainOperations::on(C::Notify, Sender& sender, ipc::Cap<ipc::Notification> given) -> Result<Unit> {
    if (sender.badge != control_badge) {
        core.machine.drop(given.slot);
        return fail(Error::NotPermitted);
    }
    if (notification != 0) core.machine.drop(notification);
    notification = given.slot;
    return Unit{};
}

auto DomainOperations::on(C::ListNamespaces, Sender& sender, std::uint32_t after) -> Result<proto::NamespaceIdentity> {
    if (sender.badge != control_badge) return fail(Error::NotPermitted);
    if (after == 0) core.materialize_all(); // who asks goes on to the other owners
    proto::NamespaceIdentity next{};
    auto const consider = [&](proto::NamespaceKind kind, auto const& space, std::uint32_t user) {
        if (space.inode() <= after || (next.inode != 0 && space.inode() >= next.inode)) return;
        next = {kind, space.inode(),     space.parent() == nullptr ? 0 : space.parent()->inode(), user,
                0,    space.references()};
    };
    core.table.all.each([&](Process& process) {
        for (PidNamespace const* space = &process.space(); space != nullptr; space = space->parent())
            consider(proto::NamespaceKind::Pid, *space, space->owner->inode());
        for (UserNamespace const* space = process.user_space.get(); space != nullptr; space = space->parent()) {
            consider(proto::NamespaceKind::User, *space, space->parent() == nullptr ? 0 : space->parent()->inode());
        }
    });
    if (next.inode == 0) return fail(Error::NoData);
    core.table.all.each([&](Process& process) {
        bool const inside = next.kind == proto::NamespaceKind::Pid ? process.space().inode() == next.inode
                                                                   : process.user_space->inode() == next.inode;
        if (inside) ++next.members;
    });
    return next;
}

auto DomainOperations::on(C::NamespaceMembers, Sender& sender, proto::NamespaceKind kind, std::uint32_t inode)
    -> Result<std::uint32_t> {
    if (sender.badge != control_badge) return fail(Error::NotPermitted);
    int const index = core.kinds.find(kind);
    if (index < 0) return fail(Error::Invalid);
    std::uint32_t members = 0;
    core.table.all.each([&](Process& process) {
        SharedNamespace* const space =
            process.namespaces == nullptr ? nullptr : process.namespaces->at[static_cast<unsigned>(index)];
        if (space != nullptr && space->capability != 0 && core.inode_of(*space) == inode) ++members;
    });
    return members;
}

auto DomainOperations::on(C::Usage, Sender& sender) -> Result<proto::ProcUsage> {
    if (sender.badge != control_badge) return fail(Error::NotPermitted);
    // What is only kept for the next process is nobody's.
    for (Account* account : Account::all) account->trim();
    proto::ProcUsage usage{};
    usage.processes = core.table.all.size();
    usage.threads = core.table.thread_count;
    usage.domains = core.domains.size();
    usage.frames = Account::total_frames_used;
    usage.free_frames = Account::total_frames_free;
    usage.chunks = Account::total_chunks;
    usage.namespaces = PidNamespace::count + UserNamespace::count;
    usage.slots = core.table.badges.used();
    return usage;
}

auto DomainOperations::on(D::Begin, Sender& sender, ipc::Cap<proto::VfsSession> session) -> Result<std::uint32_t> {
    Domain* const domain = domain_of(sender);
    if (domain == nullptr) {
        core.machine.drop(session.slot);
        return fail(Error::NoProcess);
    }
    auto process = core.create_process(*domain, session.slot);
    if (!process) return fail(process.error());
    std::uint32_t const handle = ++domain->last_handle;
    (*process)->remembered_handle = handle;
    domain->building.push_back({handle, *process, 0});
    return handle;
}

auto DomainOperations::on(D::SetDescriptor, Sender& sender, std::uint32_t handle, std::uint32_t descriptor,
                          ipc::Cap<proto::File> file) -> Result<Unit> {
    Domain* const domain = domain_of(sender);
    auto* const building = domain == nullptr ? nullptr : building_of(*domain, handle);
    Result<Unit> result = Unit{};
    if (building == nullptr) {
        result = fail(Error::NoProcess);
    } else if (descriptor >= 64) {
        result = fail(Error::BadDescriptor);
    } else {
        Process& process = *building->process;
        result = core.machine.install(*process.cspace, linux_process::slot::descriptor_first + descriptor, file.slot);
        auto const status = core.owners.file_status(process.vfs_session, file.slot);
        std::uint32_t const kind = status ? status->mode & 0170000 : 0;
        auto as = [](proto::FileKind value) { return static_cast<std::uint8_t>(value); };
        linux_process::Descriptor entry{1, 0, as(proto::FileKind::Other), 0, 0};
        switch (kind) {
        case 0100000: entry.kind = as(proto::FileKind::Regular); break;
        case 0040000: entry.kind = as(proto::FileKind::Directory); break;
        case 0020000:
            entry.kind = as(core.owners.terminal_foreground(file.slot) ? proto::FileKind::Terminal
                                                                       : proto::FileKind::CharacterDevice);
            break;
        case 0010000: entry.kind = as(proto::FileKind::Fifo); break;
        case 0140000: entry.kind = as(proto::FileKind::LocalSocket); break;
        default: break;
        }
        if (result) result = process.memory->set_descriptor(process.files, descriptor, entry);
    }
    core.machine.drop(file.slot);
    return result;
}

auto DomainOperations::on(D::SetNamespace, Sender& sender, std::uint32_t handle, proto::NamespaceKind kind,
                          ipc::Cap<proto::Namespace> name_space) -> Result<Unit> {
    Domain* const domain = domain_of(sender);
    auto* const building = domain == nullptr ? nullptr : building_of(*domain, handle);
    int const index = core.kinds.find(kind);
    if (building == nullptr || index < 0) {
        core.machine.drop(name_space.slot);
        return fail(building == nullptr ? Error::NoProcess : Error::Invalid);
    }
    SharedNamespace*& place = building->process->namespaces->at[static_cast<unsigned>(index)];
    core.release(place);
    place = new SharedNamespace{name_space.slot, 1, static_cast<unsigned>(index), core.first_user_space, 0};
    if (kind == proto::NamespaceKind::Cgroup) {
        place->root = domain->groups;
        static_cast<void>(core.owners.set_root_group(core.kinds[static_cast<unsigned>(index)].first, place->capability,
                                                     domain->groups->number()));
    }
    return Unit{};
}

auto DomainOperations::on(D::Start, Sender& sender, std::uint32_t handle, std::uint32_t argument_count,
                          std::uint32_t environment_count, std::int32_t terminal_descriptor, ipc::ReadBuffer)
    -> Result<std::int32_t> {
    Domain* const domain = domain_of(sender);
    auto* const building = domain == nullptr ? nullptr : building_of(*domain, handle);
    if (building == nullptr) return fail(Error::NoProcess);
    if (domain->space->dead) return fail(Error::NoProcess);
    if (sender.read_length > 128 * 1024) return fail(Error::ArgumentsTooLong);
    std::string text(sender.read_length, '\0');
    if (sender.copy_in(0, std::as_writable_bytes(std::span{text})).count != text.size()) return fail(Error::Fault);
    std::string path;
    std::vector<std::string> arguments, environment;
    if (!parse_program(text, argument_count, environment_count, path, arguments, environment))
        return fail(Error::Invalid);

    Process& process = *building->process;
    Process* const init = domain->space->init;
    if (init != nullptr && init != &process) { // exec into a running container: its namespaces
        core.release(process.namespaces);
        process.namespaces = init->namespaces;
        ++process.namespaces->references;
    }
    core.publish_credentials(process);
    if (auto done = executor_.execute(process, path, arguments, environment); !done) return fail(done.error());
    if (terminal_descriptor >= 0) {
        if (auto file = core.machine.fetch(*process.cspace, linux_process::slot::descriptor_first +
                                                                static_cast<Word>(terminal_descriptor))) {
            if (!core.set_terminal(process, *file, true)) core.machine.drop(*file);
        }
    }
    std::int32_t const pid = process.pid->number();
    std::erase_if(domain->remembered, [pid](auto const& each) { return each.inner_pid == pid; });
    domain->remembered.push_back({pid, false, 0});
    std::erase_if(domain->building, [handle](auto const& each) { return each.handle == handle; });
    core.start_process(process);
    return pid;
}

auto DomainOperations::on(D::Abandon, Sender& sender, std::uint32_t handle) -> Result<Unit> {
    Domain* const domain = domain_of(sender);
    auto* const building = domain == nullptr ? nullptr : building_of(*domain, handle);
    if (building == nullptr) return fail(Error::NoProcess);
    Process& process = *building->process;
    std::erase_if(domain->building, [handle](auto const& each) { return each.handle == handle; });
    core.abandon(process);
    return Unit{};
}

auto DomainOperations::on(D::Status, Sender& sender) -> Result<proto::DomainStatus> {
    Domain* const domain = domain_of(sender);
    if (domain == nullptr) return fail(Error::NoProcess);
    return core.domain_status(*domain);
}

auto DomainOperations::on(D::SetLimits, Sender& sender, proto::DomainLimits const& limits) -> Result<Unit> {
    Domain* const domain = domain_of(sender);
    if (domain == nullptr) return fail(Error::NoProcess);
    if (limits.on_limit > 1) return fail(Error::Invalid);
    if (limits.memory > domain->account.used() + core.owners.free_memory()) return fail(Error::NoMemory);
    domain->limits = limits;
    domain->account.set_limit(limits.memory);
    return Unit{};
}

auto DomainOperations::on(D::Pause, Sender& sender) -> Result<Unit> {
    Domain* const domain = domain_of(sender);
    if (domain == nullptr) return fail(Error::NoProcess);
    core.pause(*domain);
    return Unit{};
}
auto DomainOperations::on(D::Resume, Sender& sender) -> Result<Unit> {
    Domain* const domain = domain_of(sender);
    if (domain == nullptr) return fail(Error::NoProcess);
    core.unpause(*domain);
    return Unit{};
}

auto DomainOperations::on(D::Signal, Sender& sender, std::uint32_t number) -> Result<Unit> {
    Domain* const domain = domain_of(sender);
    Process* const init = domain == nullptr ? nullptr : domain->space->init;
    if (init == nullptr || !init->alive()) return fail(Error::NoProcess);
    if (number > signal_count) return fail(Error::Invalid);
    if (number != 0) {
        proto::SignalInformation information{};
        information.number = static_cast<std::int32_t>(number);
        core.send(*init, information, true);
    }
    return Unit{};
}

auto DomainOperations::on(D::Stop, Sender& sender, proto::DomainEnd why, std::uint32_t culprit, std::uint64_t wanted)
    -> Result<Unit> {
    Domain* const domain = domain_of(sender);
    if (domain == nullptr) return fail(Error::NoProcess);
    core.stop_domain(*domain, why, culprit, wanted);
    return Unit{};
}

auto DomainOperations::on(D::List, Sender& sender, std::uint32_t index) -> Result<proto::ProcessSummary> {
    Domain* const domain = domain_of(sender);
    if (domain == nullptr) return fail(Error::NoProcess);
    Process* process = domain->processes.first();
    while (process != nullptr && (index > 0 || process->state == ProcessState::Building)) {
        if (process->state != ProcessState::Building) --index;
        process = domain->processes.next(*process);
    }
    if (process == nullptr) return fail(Error::NoProcess);
    proto::ProcessSummary summary{};
    summary.pid = static_cast<std::int32_t>(process->pid->global);
    summary.inner_pid = process->pid->number_in(*domain->space);
    summary.parent = process->parent == nullptr ? 0 : process->parent->pid->number_in(*domain->space);
    summary.state = static_cast<unsigned char>(core.state_letter(*process));
    summary.memory_kib = process->memory == nullptr ? 0 : process->memory->resident_pages() * 4;
    summary.threads = process->threads.size();
    summary.cpu_nanoseconds = core.cpu_time(*process);
    summary.name = ipc::Text<16>{process->comm()};
    return summary;
}

auto DomainOperations::on(D::ProcessStatus, Sender& sender, std::int32_t inner_pid)
    -> Result<std::array<std::int32_t, 2>> {
    Domain* const domain = domain_of(sender);
    if (domain == nullptr) return fail(Error::NoProcess);
    for (auto const& each : domain->remembered) {
        if (each.inner_pid != inner_pid) continue;
        std::array<std::int32_t, 2> const status{each.ended ? 0 : 1, each.status};
        if (each.ended)
            std::erase_if(domain->remembered, [inner_pid](auto const& other) { return other.inner_pid == inner_pid; });
        return status;
    }
    return fail(Error::NoProcess);
}

auto DomainOperations::on(D::UnknownCalls, Sender& sender, std::uint32_t index)
    -> Result<std::array<std::uint32_t, 2>> {
    Domain* const domain = domain_of(sender);
    if (domain == nullptr) return fail(Error::NoProcess);
    if (index >= domain->unknown_calls.size()) return fail(Error::NoData);
    return std::array<std::uint32_t, 2>{domain->unknown_calls[index].number, domain->unknown_calls[index].times};
}

} // namespace proc
