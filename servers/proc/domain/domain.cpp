// Domains: limits, pause, the end of a container.
#include "domain.hpp"
#include "../process/core.hpp"

namespace proc {

Domain* Core::create_domain(proto::DomainLimits const& limits, bool sealed, std::string_view name) {
    // The first domain is the machine's own.
    auto* space = new PidNamespace{nullptr,
                                   domains.empty() && last_pid_inode_ == 0
                                       ? proto::first_namespace_inode(proto::NamespaceKind::Pid)
                                       : next_pid_inode(),
                                   *first_user_space};
    auto* domain = new Domain{kernel, *space, limits, sealed, name};
    domain->badge = table.badges.allocate(ObjectKind::Domain, domain);
    domain->account.on_refused = [](void* argument, std::uint64_t wanted) {
        auto& [core, refused] = *static_cast<std::pair<Core*, Domain*>*>(argument);
        core->memory_refused(*refused, wanted);
    };
    domain->account.on_refused_argument = new std::pair<Core*, Domain*>{this, domain};
    domains.push_back(domain);
    return domain;
}

bool Core::reserve_task(Domain& domain, Process const* culprit) {
    constexpr std::size_t table_maximum = 16384; // proc's own memory
    bool const full = domain.limits.processes != 0 && domain.tasks >= domain.limits.processes;
    if (!full) return table.all.size() < table_maximum && !Account::short_of_heap(Account::heap_for_process);
    ++domain.refused_processes;
    if (domain.limits.on_limit == 1 && domain.end == proto::DomainEnd::Running) {
        domain.end = proto::DomainEnd::ProcessLimit;
        domain.culprit = culprit == nullptr ? 0 : static_cast<std::uint32_t>(culprit->pid->number_in(*domain.space));
        domain.culprit_wanted = domain.tasks + 1;
        domain.ending = true;
    }
    return false;
}

void Core::memory_refused(Domain& domain, std::uint64_t wanted) {
    if (domain.limits.on_limit != 1 || domain.end != proto::DomainEnd::Running) return;
    domain.end = proto::DomainEnd::MemoryLimit;
    domain.culprit = current == nullptr || current->process->domain != &domain
                         ? 0
                         : static_cast<std::uint32_t>(current->process->pid->number_in(*domain.space));
    domain.culprit_wanted = domain.account.used() + wanted;
    domain.ending = true;
}

bool Core::out_of_memory(Thread& thread) {
    Domain& domain = *thread.process->domain;
    Process* victim = nullptr;
    domain.processes.each([&](Process& each) {
        if (!each.alive() || each.exiting || each.memory == nullptr) return;
        bool const is_init = domain.space->init == &each;
        bool const victim_is_init = victim != nullptr && domain.space->init == victim;
        Word const pages = each.memory->resident_pages();
        // init last: with it everything ends.
        if (victim == nullptr || (victim_is_init && !is_init && pages > 64) ||
            (is_init == victim_is_init && pages > victim->memory->resident_pages()))
            victim = &each;
    });
    if (victim == nullptr) return false;
    bool const own = victim == thread.process;
    if (domain.space->init == victim) {
        domain.end = proto::DomainEnd::OutOfMemory;
        domain.culprit = static_cast<std::uint32_t>(victim->pid->number_in(*domain.space));
        domain.culprit_wanted = domain.account.used() + abi::page_size;
    }
    exit_process(*victim, static_cast<std::int32_t>(signal_number::kill));
    return !own;
}

void Core::init_ended(Domain& domain, Process& init) {
    if (domain.end == proto::DomainEnd::Running) {
        domain.end = (init.exit_status & 0x7f) == 0 ? proto::DomainEnd::Exited : proto::DomainEnd::Signalled;
    }
    domain.exit_status = init.exit_status;
    domain.paused = false;
    owners.notify_manager();
}

void Core::stop_domain(Domain& domain, proto::DomainEnd why, std::uint32_t culprit, std::uint64_t wanted) {
    if (domain.end == proto::DomainEnd::Running) {
        domain.end = why;
        domain.culprit = culprit;
        domain.culprit_wanted = wanted;
    }
    domain.paused = false;
    while (!domain.building.empty()) {
        Process* const process = domain.building.back().process;
        domain.building.pop_back();
        abandon(*process);
    }
    if (Process* init = domain.space->init; init != nullptr && init->alive()) {
        exit_process(*init, static_cast<std::int32_t>(signal_number::kill));
    }
    // Without init (nothing started, or it is gone) what is left.
    for (bool again = true; again;) {
        again = false;
        for (Process* each = domain.processes.first(); each != nullptr; each = domain.processes.next(*each)) {
            if (each->state == ProcessState::Zombie) {
                reap(*each);
            } else {
                exit_process(*each, static_cast<std::int32_t>(signal_number::kill));
            }
            again = true;
            break;
        }
    }
    owners.notify_manager();
}

proto::DomainStatus Core::domain_status(Domain& domain) {
    proto::DomainStatus status{};
    std::uint64_t cpu = domain.cpu_of_dead;
    domain.processes.each([&](Process& process) {
        ++status.processes;
        status.threads += process.threads.size();
        cpu += cpu_time(process);
    });
    status.paused = domain.paused ? 1 : 0;
    status.generation = domain.generation;
    status.memory = domain.account.used();
    status.memory_peak = domain.account.peak();
    status.cpu_nanoseconds = cpu;
    status.end = domain.end;
    status.exit_status = domain.exit_status;
    status.culprit = domain.culprit;
    status.culprit_wanted = domain.culprit_wanted;
    Process const* const init = domain.space->init;
    status.init = init == nullptr ? 0 : static_cast<std::int32_t>(init->pid->global);
    status.refused_processes = domain.refused_processes;
    status.refused_memory = domain.account.refused();
    return status;
}

void Core::release_domain(Domain& domain) {
    stop_domain(domain, proto::DomainEnd::Stopped);
    std::erase(domains, &domain);
    if (root_domain == &domain) root_domain = nullptr;
    table.badges.release(domain.badge);
    delete static_cast<std::pair<Core*, Domain*>*>(domain.account.on_refused_argument);
    delete &domain;
}

} // namespace proc
