// Generation of signals: who gets one, whether it counts, kill(2) and its permissions, faults.
#include "../process/core.hpp"
#include "signal.hpp"

namespace proc {

namespace n = signal_number;

bool queue_signal(SignalQueue& queue, proto::SignalInformation const& information) {
    auto const number = static_cast<std::uint32_t>(information.number);
    if (number < 32 && (queue.set & signal_bit(number)) != 0) return false;
    // Real-time signals queue, but nobody may fill proc's memory with them.
    if (queue.entries.size() >= 128) return false;
    queue.set |= signal_bit(number);
    queue.entries.push_back(information);
    return true;
}

bool dequeue_signal(SignalQueue& queue, std::uint32_t number, proto::SignalInformation& information) {
    if ((queue.set & signal_bit(number)) == 0) return false;
    bool found = false, more = false;
    for (std::size_t i = 0; i < queue.entries.size();) {
        if (queue.entries[i].number != static_cast<std::int32_t>(number)) {
            ++i;
        } else if (!found) {
            found = true;
            information = queue.entries[i];
            queue.entries.erase(queue.entries.begin() + static_cast<std::ptrdiff_t>(i));
        } else {
            more = true;
            break;
        }
    }
    if (!more) queue.set &= ~signal_bit(number);
    return found;
}

void discard_signals(SignalQueue& queue, SignalSet set) {
    if ((queue.set & set) == 0) return;
    queue.set &= ~set;
    std::erase_if(queue.entries,
                  [set](auto const& each) { return (set & signal_bit(static_cast<std::uint32_t>(each.number))) != 0; });
}

DefaultAction default_action(std::uint32_t number) {
    switch (number) {
    case n::child:
    case n::urg:
    case n::winch:
    case n::cont: return DefaultAction::Ignore;
    case n::stop:
    case n::tstp:
    case n::ttin:
    case n::ttou: return DefaultAction::Stop;
    default: return DefaultAction::Terminate;
    }
}

bool is_ignored(SignalHandlers const& handlers, std::uint32_t number) {
    std::uint32_t const handler = handlers.actions[number].handler;
    return handler == 1 || (handler == 0 && default_action(number) == DefaultAction::Ignore);
}

void Core::generate(Process& process, Thread* thread, proto::SignalInformation const& information, bool from_above) {
    auto const number = static_cast<std::uint32_t>(information.number);
    if (number == 0 || number > signal_count || process.exiting || process.state != ProcessState::Running) return;
    bool const is_init = process.space().init == &process;
    std::uint32_t const handler = process.handlers->actions[number].handler;
    if (is_init) {
        // pid_namespaces(7): init gets only what it has handlers for; from above SIGKILL and SIGSTOP as well.
        bool const unstoppable = number == n::kill || number == n::stop;
        // What it holds back or waits for it gets to see; the default action it is still spared.
        bool held = false;
        process.threads.each([&](Thread& each) {
            if (thread != nullptr && &each != thread) return;
            held = held || (each.mask & signal_bit(number)) != 0 ||
                   (each.blocked == Blocked::SignalWait && (each.wait_set & signal_bit(number)) != 0);
        });
        if (unstoppable ? !from_above : handler == 0 && !held) return;
    }
    if (number == n::kill) {
        exit_process(process, static_cast<std::int32_t>(n::kill));
        return;
    }
    constexpr SignalSet stops = signal_bit(n::stop) | signal_bit(n::tstp) | signal_bit(n::ttin) | signal_bit(n::ttou);
    if (number == n::cont) {
        discard_signals(process.pending, stops);
        process.threads.each([&](Thread& each) { discard_signals(each.pending, stops); });
        continue_process(process);
    } else if ((stops & signal_bit(number)) != 0) {
        discard_signals(process.pending, signal_bit(n::cont));
        process.threads.each([&](Thread& each) { discard_signals(each.pending, signal_bit(n::cont)); });
    }
    Thread* target = thread;
    if (target == nullptr) {
        process.threads.each([&](Thread& each) {
            bool const waits = each.blocked == Blocked::SignalWait && (each.wait_set & signal_bit(number)) != 0;
            if (target == nullptr && (waits || (each.mask & signal_bit(number)) == 0)) target = &each;
        });
    }
    Thread const* const looked_at = target != nullptr ? target : process.leader();
    if (is_ignored(*process.handlers, number) && looked_at != nullptr && (looked_at->mask & signal_bit(number)) == 0 &&
        !(looked_at->blocked == Blocked::SignalWait && (looked_at->wait_set & signal_bit(number)) != 0)) {
        return;
    }
    queue_signal(thread != nullptr ? thread->pending : process.pending, information);
    process.threads.each([&](Thread& each) {
        bool const watches = (each.watched_signals & signal_bit(number)) != 0 && (thread == nullptr || thread == &each);
        if (!watches) return;
        each.watched_signals = 0;
        if (each.kernel != nullptr) machine.wake(*each.kernel);
    });
    if (target != nullptr) act(*target);
}

void Core::send(Process& process, proto::SignalInformation const& information, bool from_above) {
    generate(process, nullptr, information, from_above);
}
void Core::send(Thread& thread, proto::SignalInformation const& information, bool from_above) {
    generate(*thread.process, &thread, information, from_above);
}
void Core::send_group(Pid const& group, proto::SignalInformation const& information, bool from_above) {
    // A member's end may change the chain and end others: remembered by number.
    std::vector<std::uint32_t> members;
    each_in_group(group, [&](Process& member) { members.push_back(member.pid->global); });
    for (std::uint32_t const global : members) {
        Pid* const pid = Pid::find_global(global);
        if (pid != nullptr && pid->process != nullptr) generate(*pid->process, nullptr, information, from_above);
    }
}

void Core::force(Thread& thread, proto::SignalInformation const& information) {
    Process& process = *thread.process;
    auto const number = static_cast<std::uint32_t>(information.number);
    proto::SignalAction& action = process.handlers->actions[number];
    if (action.handler <= 1 || (thread.mask & signal_bit(number)) != 0) {
        // Held back, ignored or default: it ends the process, init as well.
        exit_process(process, static_cast<std::int32_t>(number));
        return;
    }
    queue_signal(thread.pending, information);
    act(thread);
}

void Core::memory_fault(Thread& thread, Address address, Address eip, bool bus_error, bool protection) {
    auto const& header = vdso_header();
    if (eip >= header.text_start && eip < header.text_end) {
        if (eip >= header.fault_window.start && eip < header.fault_window.end) {
            if (auto registers = machine.read_registers(*thread.kernel)) {
                registers->eip = header.fault_window.retry;
                machine.suspend(*thread.kernel);
                static_cast<void>(machine.write_registers(*thread.kernel, *registers, !thread.suspended));
                return;
            }
        }
        exit_process(*thread.process, static_cast<std::int32_t>(n::segv));
        return;
    }
    proto::SignalInformation information{};
    information.number = static_cast<std::int32_t>(bus_error ? n::bus : n::segv);
    information.code = bus_error ? 2 : protection ? 2 : 1; // BUS_ADRERR; SEGV_ACCERR, SEGV_MAPERR
    information.address = address;
    force(thread, information);
}

void Core::exception(Thread& thread, Word vector, Word, Address eip) {
    auto const& header = vdso_header();
    proto::SignalInformation information{};
    information.address = eip;
    switch (vector) {
    case 0: information.number = static_cast<std::int32_t>(n::fpe), information.code = 1; break;  // FPE_INTDIV
    case 1: information.number = static_cast<std::int32_t>(n::trap), information.code = 2; break; // TRAP_TRACE
    case 3: information.number = static_cast<std::int32_t>(n::trap), information.code = signal_code::kernel; break;
    case 6: information.number = static_cast<std::int32_t>(n::ill), information.code = 2; break; // ILL_ILLOPN
    case 16:
    case 19: information.number = static_cast<std::int32_t>(n::fpe), information.code = 7; break; // FPE_FLTINV
    case 17: information.number = static_cast<std::int32_t>(n::bus), information.code = 1; break;
    default:
        information.number = static_cast<std::int32_t>(n::segv), information.code = signal_code::kernel,
        information.address = 0;
        break;
    }
    if (eip >= header.text_start && eip < header.text_end) {
        memory_fault(thread, 0, eip, false, false);
        return;
    }
    force(thread, information);
}

bool Core::may_signal(Process const& from, Process const& to, std::uint32_t number) const {
    if (&from == &to || from.credentials.may_signal(to.credentials) || capable(from, *to.user_space, capability::kill))
        return true;
    return number == n::cont && from.session == to.session;
}

ipc::Result<ipc::Unit> Core::kill(Thread& caller, std::int32_t thread_group, std::int32_t pid, std::uint32_t number) {
    Process& from = *caller.process;
    PidNamespace& view = from.space();
    if (number > signal_count) return fail(Error::Invalid);
    auto deliver = [&](Process& target, Thread* thread, std::int32_t code) {
        if (number == 0) return;
        proto::SignalInformation information{};
        information.number = static_cast<std::int32_t>(number);
        information.code = code;
        information.pid = from.pid->number_in(target.space());
        information.user = user_in(*target.user_space, from.credentials.user);
        bool const above = &target.space() != &view && view.contains(target.space());
        generate(target, thread, information, above);
    };
    if (thread_group != 0) { // tgkill, tkill
        if (pid <= 0 || thread_group < -1) return fail(Error::Invalid);
        Thread* const thread = table.find_thread(view, pid);
        if (thread == nullptr) {
            Process const* const process = table.find(view, pid); // a zombie's PID is nobody's thread, but is there
            if (process != nullptr && (thread_group == -1 || thread_group == pid)) return ipc::Unit{};
            return fail(Error::NoProcess);
        }
        if (thread_group > 0 && thread->process->pid->number_in(view) != thread_group) return fail(Error::NoProcess);
        if (!may_signal(from, *thread->process, number)) return fail(Error::NotPermitted);
        deliver(*thread->process, thread, signal_code::tkill);
        return ipc::Unit{};
    }
    if (pid > 0) {
        Process* const target = table.find(view, pid);
        if (target == nullptr || target->state == ProcessState::Building) {
            Thread* const thread = table.find_thread(view, pid);
            if (thread == nullptr || thread->process->state == ProcessState::Building) return fail(Error::NoProcess);
            if (!may_signal(from, *thread->process, number)) return fail(Error::NotPermitted);
            deliver(*thread->process, nullptr, signal_code::user);
            return ipc::Unit{};
        }
        if (!may_signal(from, *target, number)) return fail(Error::NotPermitted);
        deliver(*target, nullptr, signal_code::user);
        return ipc::Unit{};
    }
    // Sets of processes. Numbers stay valid while members end; records do not.
    std::vector<std::int32_t> targets;
    if (pid == -1) {
        table.all.each([&](Process& each) {
            std::int32_t const seen = each.pid->number_in(view);
            if (seen > 1 && &each != &from && each.state != ProcessState::Building) targets.push_back(seen);
        });
    } else {
        Pid const* const group = pid == 0 ? from.group : pid == INT32_MIN ? nullptr : view.find(-pid);
        if (group != nullptr) {
            each_in_group(*group, [&](Process& member) {
                if (std::int32_t const seen = member.pid->number_in(view); seen != 0 && &member != &from)
                    targets.push_back(seen);
            });
            if (from.group == group) targets.push_back(from.pid->number_in(view)); // itself last
        }
    }
    if (targets.empty()) return fail(Error::NoProcess);
    bool any = false;
    for (std::int32_t const target : targets) {
        Process* const process = table.find(view, target);
        if (process == nullptr || !may_signal(from, *process, number)) continue;
        any = true;
        bool const self = process == &from;
        deliver(*process, nullptr, signal_code::user);
        if (self) break;
    }
    return any ? ipc::Result<ipc::Unit>{ipc::Unit{}} : fail(Error::NotPermitted);
}

} // namespace proc
