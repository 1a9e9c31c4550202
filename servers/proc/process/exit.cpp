// The end of threads, processes and PID namespaces.
#include "core.hpp"

namespace proc {

/// What Linux does for a thread that ends: clear_child_tid and the robust list, for those who share its memory.
void Core::thread_epilogue(Thread& thread) {
    Process& process = *thread.process;
    if (process.memory == nullptr || (process.memory->references() < 2 && process.threads.size() < 2)) return;
    MemorySpace& memory = *process.memory;
    if (thread.robust_list != 0) {
        // {next, offset of the futex word, pending}; bounded, since the list is the process's word.
        if (auto head = memory.read<std::array<std::uint32_t, 3>>(thread.robust_list)) {
            Address entry = (*head)[0];
            for (int i = 0; i < 64 && entry != thread.robust_list && entry != 0; ++i) {
                Address const word_address = (entry & ~Word{1}) + (*head)[1];
                auto word = memory.read<std::uint32_t>(word_address);
                auto next = memory.read<std::uint32_t>(entry & ~Word{1});
                if (!word || !next) break;
                if ((*word & 0x3fffffff) == static_cast<Word>(thread.pid->number())) {
                    static_cast<void>(memory.write(word_address, (*word & 0x80000000) | 0x40000000));
                    futex_wake(memory, word_address, 1, ~0u);
                }
                entry = *next;
            }
        }
    }
    if (thread.clear_child_tid != 0) {
        static_cast<void>(memory.write(thread.clear_child_tid, std::uint32_t{0}));
        futex_wake(memory, thread.clear_child_tid, 1, ~0u);
    }
}

/// Its kernel parts and its record.
void Core::drop_thread(Thread& thread) {
    Process& process = *thread.process;
    if (PendingReply const reply = end_wait(thread)) replies.discard(reply);
    timers.cancel(thread.wake_timer);
    timers.cancel(thread.hold_timer);
    if (current == &thread) current = nullptr;
    if (thread.kernel != nullptr) {
        process.cpu_of_dead_threads += thread_time(thread);
        machine.destroy_thread(*thread.kernel);
        thread.kernel = nullptr;
    }
    if (thread.process_slot != linux_process::slot::process && process.cspace != nullptr) {
        machine.remove(*process.cspace, thread.process_slot, 2);
        process.cspace->thread_slots &= ~(Word{1} << (thread.process_slot - linux_process::slot::thread_first) / 2);
    }
    if (thread.has_area && process.memory != nullptr) process.memory->remove_area(thread.area);
    --process.domain->tasks;
    table.remove_thread(thread);
}

void Core::release_parts(Process& process) {
    if (process.memory != nullptr) {
        process.maximum_resident =
            std::max<std::uint32_t>(process.maximum_resident, process.memory->resident_pages() * 4);
        process.faults += process.memory->faults;
        if (process.own_files) process.memory->remove_files(process.files);
        process.memory->release();
        process.memory = nullptr;
    }
    if (process.cspace != nullptr) {
        machine.release_cspace(*process.cspace);
        process.cspace = nullptr;
    }
    leave_group(process);
    if (process.vfs_session != 0) machine.drop(process.vfs_session);
    process.vfs_session = 0;
    for (unsigned kind = 0; kind < kinds.size(); ++kind) {
        if (process.sessions[kind] != 0) machine.drop(std::exchange(process.sessions[kind], 0));
    }
    release(process.namespaces);
    release(process.executable);
    if (process.terminal != 0) machine.drop(process.terminal);
    process.terminal = 0;
}

void Core::abandon(Process& process) {
    process.threads.each([&](Thread& thread) { drop_thread(thread); });
    release_parts(process);
    Domain& domain = *process.domain;
    domain.processes.remove(process);
    table.remove(process);
    if (domain.processes.empty()) domain.account.clear();
}

void Core::exit_thread(Thread& thread, std::uint32_t status) {
    Process& process = *thread.process;
    if (process.threads.size() == 1) {
        exit_process(process, static_cast<std::int32_t>((status & 0xff) << 8));
        return;
    }
    thread_epilogue(thread);
    drop_thread(thread);
}

void Core::reparent_children(Process& process) {
    Process* heir = process.space().init;
    if (heir == &process || heir == nullptr || !heir->alive()) heir = nullptr;
    process.children.each([&](Process& child) {
        process.children.remove(child);
        child.parent = heir;
        if (heir != nullptr) heir->children.add(child);
        if (child.alive()) {
            child.threads.each([&](Thread& each) {
                area(each).parent_id = heir == nullptr ? 0 : static_cast<Word>(heir->pid->number_in(child.space()));
            });
            if (child.parent_death_signal != 0) {
                proto::SignalInformation information{};
                information.number = static_cast<std::int32_t>(child.parent_death_signal);
                send(child, information, true);
            }
        }
        if (child.state == ProcessState::Zombie) {
            child.exit_signal = signal_number::child;
            if (heir == nullptr) {
                reap(child);
            } else {
                notify_parent(child, (child.exit_status & 0x7f) == 0 ? signal_code::exited : signal_code::killed,
                              child.exit_status);
            }
        }
    });
}

/// init has ended: everybody in its namespace and below is killed, and nobody can be born there.
void Core::end_namespace(PidNamespace& space, Process& init) {
    space.dead = true;
    for (bool again = true; again;) {
        again = false;
        for (Process* each = table.all.first(); each != nullptr; each = table.all.next(*each)) {
            if (each == &init || each->exiting || each->state != ProcessState::Running ||
                !space.contains(each->space()))
                continue;
            exit_process(*each, static_cast<std::int32_t>(signal_number::kill));
            again = true; // the list has changed
            break;
        }
    }
    // Zombies that nobody in there will wait for.
    for (bool again = true; again;) {
        again = false;
        for (Process* each = table.all.first(); each != nullptr; each = table.all.next(*each)) {
            if (each == &init || each->state != ProcessState::Zombie || !space.contains(each->space())) continue;
            if (each->parent != nullptr && !space.contains(each->parent->space())) continue;
            reap(*each);
            again = true;
            break;
        }
    }
}

void Core::exit_process(Process& process, std::int32_t status) {
    if (process.exiting) return;
    if (process.state == ProcessState::Building) {
        abandon(process);
        return;
    }
    process.exiting = true;
    process.exit_status = status;
    process.stopped = false;
    timers.cancel(process.real_timer);
    process.threads.each([&](Thread& thread) {
        thread_epilogue(thread);
        drop_thread(thread);
    });
    ++process.domain->tasks; // a zombie still counts; reap takes it off
    if (Thread* waiter = process.vfork_waiter; waiter != nullptr) {
        process.vfork_waiter = nullptr;
        std::int32_t const number = waiter->child_number;
        PendingReply const reply = end_wait(*waiter);
        replies.clone(reply, number);
        answer_after(*waiter, reply);
    }
    bool const is_init = process.space().init == &process;
    if (is_init) end_namespace(process.space(), process);

    // A session leader takes its terminal from everybody.
    if (process.session == process.pid && process.terminal != 0) {
        auto const foreground = owners.terminal_foreground(process.terminal);
        static_cast<void>(owners.set_terminal_session(process.terminal, 0));
        if (Pid* group = foreground ? Pid::find_global(*foreground) : nullptr; group != nullptr) {
            for (std::uint32_t number : {signal_number::hup, signal_number::cont}) {
                proto::SignalInformation information{};
                information.number = static_cast<std::int32_t>(number);
                information.code = signal_code::kernel;
                send_group(*group, information);
            }
        }
    }
    // Groups that become orphaned by this with a stopped member: hang-up.
    auto check_group = [&](Pid* group) {
        if (group == nullptr || !orphaned(*group, &process)) return;
        bool has_stopped = false;
        each_in_group(*group,
                      [&](Process& member) { has_stopped = has_stopped || (member.stopped && !member.exiting); });
        if (!has_stopped) return;
        for (std::uint32_t number : {signal_number::hup, signal_number::cont}) {
            proto::SignalInformation information{};
            information.number = static_cast<std::int32_t>(number);
            information.code = signal_code::kernel;
            send_group(*group, information);
        }
    };
    if (process.parent != nullptr && process.group != process.parent->group &&
        process.session == process.parent->session)
        check_group(process.group);
    for (Process* child = process.children.first(); child != nullptr; child = process.children.next(*child)) {
        if (child->group != process.group && child->session == process.session && child->stopped) {
            check_group(child->group);
            break;
        }
    }
    // Not a zombie yet: the heir, told of the children's ends, may be waiting for any child of its own, which this one may be.
    reparent_children(process);
    process.state = ProcessState::Zombie;
    release_parts(process);
    tell_handles(*process.pid);
    for (Domain::Remembered& each : process.domain->remembered) {
        if (process.remembered_handle != 0 && !each.ended && each.inner_pid == process.pid->number()) {
            each.ended = true;
            each.status = status;
            owners.notify_manager();
        }
    }
    if (process.domain->space->init == &process) {
        init_ended(*process.domain, process);
        reap(process);
        return;
    }
    if (process.parent == nullptr) {
        reap(process);
        return;
    }
    notify_parent(process, (status & 0x7f) == 0 ? signal_code::exited : signal_code::killed, status);
}

/// SIGCHLD (or the signal asked for) and waiting threads. A zombie whose parent does not want to know is reaped.
void Core::notify_parent(Process& process, std::int32_t code, std::int32_t status) {
    Process& parent = *process.parent;
    bool const ended = process.state == ProcessState::Zombie;
    std::uint32_t const number = ended ? process.exit_signal : signal_number::child;
    proto::SignalAction const& action = parent.handlers->actions[signal_number::child];
    bool const no_zombie = ended && number == signal_number::child && (action.handler == 1 || (action.flags & 2) != 0);
    bool const unwanted = (!ended && (action.flags & 1) != 0) || (no_zombie && action.handler == 1);
    if (number != 0 && !unwanted && !parent.exiting) {
        proto::SignalInformation information{};
        information.number = static_cast<std::int32_t>(number);
        information.code = code;
        information.pid = process.pid->number_in(parent.space());
        information.user = user_in(*parent.user_space, process.credentials.user);
        information.status = code == signal_code::exited   ? status >> 8 & 0xff
                             : code == signal_code::killed ? status & 0x7f
                                                           : status;
        send(parent, information, true);
    }
    if (no_zombie) reap(process);
    if (!parent.exiting) wake_waiters(parent);
}

void Core::reap(Process& process) {
    Domain& domain = *process.domain;
    if (process.parent != nullptr && process.state == ProcessState::Zombie) {
        Process& parent = *process.parent;
        parent.cpu_of_children += process.cpu_of_dead_threads + process.cpu_of_children;
        parent.children_maximum_resident =
            std::max({parent.children_maximum_resident, process.maximum_resident, process.children_maximum_resident});
        parent.children_faults += process.faults + process.children_faults;
    }
    domain.cpu_of_dead += process.cpu_of_dead_threads;
    process.children.each([&](Process& child) {
        process.children.remove(child);
        child.parent = nullptr;
    });
    --domain.tasks;
    domain.processes.remove(process);
    table.remove(process);
    // Nothing of the container is left: its memory goes back to root, pools and all.
    if (domain.processes.empty()) domain.account.clear();
}

} // namespace proc
