// Delivery of signals: default actions at once, handlers by way of the thread's vDSO; stop, continue, pause.
#include "../process/core.hpp"
#include "signal.hpp"
#include <bit>

namespace proc {

namespace n = signal_number;

namespace {
constexpr SignalSet unblockable = signal_bit(n::kill) | signal_bit(n::stop);
constexpr SignalSet synchronous = signal_bit(n::segv) | signal_bit(n::bus) | signal_bit(n::ill) | signal_bit(n::trap) |
                                  signal_bit(n::fpe) | signal_bit(n::sys);
namespace action_flag {
constexpr std::uint32_t on_stack = 0x08000000, no_defer = 0x40000000, reset_hand = 0x80000000;
}

std::uint32_t first_signal(SignalSet set) {
    SignalSet const urgent = set & synchronous;
    return static_cast<std::uint32_t>(std::countr_zero(urgent != 0 ? urgent : set)) + 1;
}
} // namespace

void Core::set_thread_mask(Thread& thread, SignalSet mask) {
    thread.mask = mask & ~unblockable;
    auto& page = area(thread);
    page.signal_mask_low = static_cast<Word>(thread.mask);
    page.signal_mask_high = static_cast<Word>(thread.mask >> 32);
}

bool Core::act(Thread& thread) {
    Process& process = *thread.process;
    for (;;) {
        if (process.exiting) return false;
        proto::SignalInformation information{};
        if (thread.blocked == Blocked::SignalWait) {
            SignalSet const wanted = (thread.pending.set | process.pending.set) & thread.wait_set;
            if (wanted != 0) {
                std::uint32_t const number = first_signal(wanted);
                if (!dequeue_signal(thread.pending, number, information))
                    dequeue_signal(process.pending, number, information);
                PendingReply const reply = end_wait(thread);
                replies.signal_wait(reply, information);
                answer_after(thread, reply);
                continue;
            }
        }
        if (process.stopped) return true; // later, when it continues
        SignalSet const ready = (thread.pending.set | process.pending.set) & ~thread.mask;
        if (ready == 0) return true;
        std::uint32_t const number = first_signal(ready);
        std::uint32_t const handler = process.handlers->actions[number].handler;
        if (handler > 1) {
            poke(thread);
            return true;
        }
        if (!dequeue_signal(thread.pending, number, information)) dequeue_signal(process.pending, number, information);
        if (is_ignored(*process.handlers, number)) continue;
        bool const is_init = process.space().init == &process;
        if (default_action(number) == DefaultAction::Stop) {
            if ((is_init && number != n::stop) ||
                (number != n::stop && process.group != nullptr && orphaned(*process.group)))
                continue;
            stop_process(process, number);
            return true;
        }
        if (is_init && (synchronous & signal_bit(number)) == 0) continue;
        exit_process(process, static_cast<std::int32_t>(number));
        return false;
    }
}

void Core::act_all(Process& process) {
    for (Thread* thread = process.threads.first(); thread != nullptr; thread = process.threads.next(*thread)) {
        if (!act(*thread)) return;
    }
}

/// A handler is due: brings the thread to ask for it (TakeSignal), wherever it is now.
void Core::poke(Thread& thread) {
    if (thread.kernel == nullptr) return;
    area(thread).signal_pending = 1;
    if (&thread == current) return; // it looks when this call returns
    if (thread.blocked != Blocked::None) {
        if (thread.blocked != Blocked::ChildExec) interrupt_wait(thread);
        return;
    }
    if (thread.suspended) return; // let_go's caller acts again
    auto const state = machine.state(*thread.kernel);
    auto registers = machine.read_registers(*thread.kernel);
    if (!state || !registers) return;
    auto const& header = vdso_header();
    if (registers->eip < header.text_start || registers->eip >= header.text_end) {
        // Program code, running or waiting for a page (the access is made again afterwards).
        machine.suspend(*thread.kernel);
        area(thread).interrupted = *registers;
        registers->eip = header.signal_entry;
        static_cast<void>(machine.write_registers(*thread.kernel, *registers, true));
        return;
    }
    if (*state != abi::ThreadState::Running && *state != abi::ThreadState::Inactive) {
        // Waiting for a server: only what the vDSO says may be given up is (ThreadArea::in_call).
        if (area(thread).in_call == 2) machine.interrupt(*thread.kernel);
        return;
    }
    for (auto const& window : header.windows) {
        if (registers->eip >= window.start && registers->eip < window.end) {
            machine.suspend(*thread.kernel);
            registers->eip = window.retry;
            static_cast<void>(machine.write_registers(*thread.kernel, *registers, true));
            return;
        }
    }
}

ipc::Result<proto::SignalAction> Core::set_action(Thread& thread, std::uint32_t number, bool change,
                                                  proto::SignalAction const& action) {
    if (number == 0 || number > signal_count || (change && (number == n::kill || number == n::stop)))
        return fail(Error::Invalid);
    Process& process = *thread.process;
    proto::SignalAction const old = process.handlers->actions[number];
    if (change) {
        process.handlers->actions[number] = action;
        process.handlers->actions[number].mask &= ~unblockable;
        if (is_ignored(*process.handlers, number)) {
            discard_signals(process.pending, signal_bit(number));
            process.threads.each([&](Thread& each) { discard_signals(each.pending, signal_bit(number)); });
        }
    }
    return old;
}

ipc::Result<SignalSet> Core::set_mask(Thread& thread, std::uint32_t how, bool change, SignalSet mask) {
    SignalSet const old = thread.mask;
    if (!change) return old;
    switch (how) {
    case 0: set_thread_mask(thread, old | mask); break;
    case 1: set_thread_mask(thread, old & ~mask); break;
    case 2: set_thread_mask(thread, mask); break;
    default: return fail(Error::Invalid);
    }
    if ((old & ~thread.mask) != 0) act(thread);
    return old;
}

ipc::Result<ipc::Unit> Core::suspend(Thread& thread, SignalSet mask) {
    thread.saved_mask = thread.mask;
    thread.restore_mask = true;
    set_thread_mask(thread, mask);
    area(thread).signal_pending = 0;
    if (!act(thread)) return fail(Error::Interrupted);
    if (area(thread).signal_pending != 0) return fail(Error::Interrupted);
    thread.blocked = Blocked::Suspend;
    return fail(Error::Deferred);
}

proto::DeliveredSignal Core::take_signal(Thread& thread) {
    proto::DeliveredSignal delivered{};
    // Everything but handlers is dealt with here; the process may end or stop by it.
    if (!act(thread)) return delivered;
    Process& process = *thread.process;
    SignalSet const ready = process.stopped ? 0 : (thread.pending.set | process.pending.set) & ~thread.mask;
    if (ready == 0) {
        if (thread.restore_mask) {
            thread.restore_mask = false;
            set_thread_mask(thread, thread.saved_mask);
            act(thread);
        }
        return delivered;
    }
    std::uint32_t const number = first_signal(ready);
    if (!dequeue_signal(thread.pending, number, delivered.information))
        dequeue_signal(process.pending, number, delivered.information);
    proto::SignalAction& action = process.handlers->actions[number];
    delivered.action = action;
    delivered.old_mask = thread.restore_mask ? thread.saved_mask : thread.mask;
    thread.restore_mask = false;
    if ((action.flags & action_flag::on_stack) != 0 && (thread.stack_flags & 2) == 0) {
        delivered.stack_address = thread.stack_address;
        delivered.stack_size = thread.stack_size;
    }
    set_thread_mask(thread,
                    thread.mask | action.mask | ((action.flags & action_flag::no_defer) == 0 ? signal_bit(number) : 0));
    if ((action.flags & action_flag::reset_hand) != 0) action.handler = 0;
    // More of them: the vDSO looks again before it enters the handler's code.
    if (((thread.pending.set | process.pending.set) & ~thread.mask) != 0) area(thread).signal_pending = 1;
    return delivered;
}

SignalSet Core::wake_for_signals(Thread& thread, SignalSet set) {
    SignalSet const there = (thread.pending.set | thread.process->pending.set) & set & ~unblockable;
    thread.watched_signals = there == 0 ? set & ~unblockable : 0;
    return there;
}

ipc::Result<proto::SignalInformation> Core::wait_signal(Thread& thread, SignalSet set, std::uint64_t nanoseconds) {
    set &= ~unblockable;
    SignalSet const there = (thread.pending.set | thread.process->pending.set) & set;
    if (there != 0) {
        proto::SignalInformation information{};
        std::uint32_t const number = first_signal(there);
        if (!dequeue_signal(thread.pending, number, information))
            dequeue_signal(thread.process->pending, number, information);
        return information;
    }
    if (nanoseconds == 0) return fail(Error::Again);
    thread.wait_set = set;
    thread.blocked = Blocked::SignalWait;
    if (nanoseconds != ~std::uint64_t{0}) {
        timers.arm(thread.wait_timer, clock.now() + std::min<std::uint64_t>(nanoseconds, std::uint64_t{1} << 62));
        arm_clock();
    }
    return fail(Error::Deferred);
}

ipc::Result<std::array<std::uint32_t, 3>> Core::set_signal_stack(Thread& thread, bool change, std::uint32_t address,
                                                                 std::uint32_t size, std::uint32_t flags) {
    std::array<std::uint32_t, 3> const old{thread.stack_address, thread.stack_size, thread.stack_flags};
    if (change) {
        if ((flags & ~3u) != 0) return fail(Error::Invalid);
        if ((flags & 2) == 0 && size < 2048) return fail(Error::NoMemory);
        bool const disable = (flags & 2) != 0;
        thread.stack_address = disable ? 0 : address;
        thread.stack_size = disable ? 0 : size;
        thread.stack_flags = disable ? 2 : 0;
    }
    return old;
}

void Core::stop_process(Process& process, std::uint32_t number) {
    if (process.stopped || process.exiting) return;
    process.stopped = true;
    process.stop_signal = number;
    process.stop_reported = false;
    process.continue_reported = true;
    process.threads.each([&](Thread& thread) { hold(thread); });
    if (process.parent != nullptr) notify_parent(process, signal_code::stopped, static_cast<std::int32_t>(number));
}

void Core::continue_process(Process& process) {
    if (!process.stopped || process.exiting) return;
    process.stopped = false;
    process.stop_reported = true;
    process.continue_reported = false;
    if (!process.domain->paused) {
        process.threads.each([&](Thread& thread) { let_go(thread); });
        act_all(process);
    }
    if (!process.exiting && process.parent != nullptr)
        notify_parent(process, signal_code::continued, static_cast<std::int32_t>(n::cont));
}

void Core::pause(Domain& domain) {
    domain.paused = true;
    domain.processes.each([&](Process& process) {
        if (process.state == ProcessState::Running) process.threads.each([&](Thread& thread) { hold(thread); });
    });
}

void Core::unpause(Domain& domain) {
    if (!domain.paused) return;
    domain.paused = false;
    std::vector<std::uint32_t> all; // acting on one may end another: remembered by number
    domain.processes.each([&](Process& process) {
        if (process.state != ProcessState::Running || process.stopped) return;
        process.threads.each([&](Thread& thread) { let_go(thread); });
        all.push_back(process.pid->global);
    });
    for (std::uint32_t const global : all) {
        Pid* const pid = Pid::find_global(global);
        if (pid != nullptr && pid->process != nullptr && pid->process->state == ProcessState::Running)
            act_all(*pid->process);
    }
}

} // namespace proc
