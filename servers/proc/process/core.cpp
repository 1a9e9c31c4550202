#include "core.hpp"

namespace proc {

void Core::settle() {
    for (std::size_t i = 0; i < domains.size(); ++i) {
        if (domains[i]->ending) {
            domains[i]->ending = false;
            stop_domain(*domains[i], domains[i]->end);
        }
    }
}

PendingReply Core::end_wait(Thread& thread) {
    PendingReply const reply = thread.reply;
    if (thread.futex_link.list != nullptr)
        static_cast<List<Thread, &Thread::futex_link>*>(thread.futex_link.list)->remove(thread);
    if (thread.blocked == Blocked::ChildExec) {
        // The child may live on; it no longer has anybody to tell.
        if (thread.exec_child != nullptr) thread.exec_child->vfork_waiter = nullptr;
        thread.exec_child = nullptr;
    }
    timers.cancel(thread.wait_timer);
    if (thread.wait_pid != nullptr) thread.wait_pid->release();
    thread.wait_pid = nullptr;
    thread.blocked = Blocked::None;
    thread.reply = {};
    return reply;
}

void Core::answer_after(Thread& thread, PendingReply) {
    if (thread.suspended && thread.kernel != nullptr && &thread != current) machine.suspend(*thread.kernel);
}

/// A handler is due: the call that waits in proc ends.
void Core::interrupt_wait(Thread& thread) {
    Blocked const kind = thread.blocked;
    std::uint64_t const now = clock.now();
    std::uint64_t const left = thread.sleep_until > now ? thread.sleep_until - now : 1;
    PendingReply const reply = end_wait(thread);
    switch (kind) {
    case Blocked::Wait: replies.wait(reply, ipc::fail(Error::Interrupted)); break;
    case Blocked::Sleep: replies.sleep(reply, left); break;
    case Blocked::Suspend: replies.suspend(reply, ipc::fail(Error::Interrupted)); break;
    case Blocked::SignalWait: replies.signal_wait(reply, ipc::fail(Error::Interrupted)); break;
    case Blocked::Futex: replies.futex(reply, ipc::fail(Error::Interrupted)); break;
    case Blocked::ChildExec:
    case Blocked::None: return;
    }
    answer_after(thread, reply);
}

/// Makes a thread stand still until let_go: program code at once; a call elsewhere that may be given up by interrupting it (the
/// vDSO repeats it); any other call when it has come back, which is looked after every few milliseconds, but not for ever.
void Core::hold(Thread& thread) {
    if (thread.suspended) return;
    thread.suspended = true;
    thread.hold_tries = 0;
    hold_now(thread);
}

void Core::hold_now(Thread& thread) {
    constexpr std::uint64_t pause_between = 5'000'000;
    constexpr std::uint32_t tries = 20;
    if (thread.kernel == nullptr || &thread == current || thread.blocked != Blocked::None) return;
    auto const state = machine.state(*thread.kernel);
    if (state && *state != abi::ThreadState::Running && *state != abi::ThreadState::Inactive) {
        auto const registers = machine.read_registers(*thread.kernel);
        auto const& header = vdso_header();
        // Outside the vDSO it waits for a page: the access is made again when it goes on.
        if (registers && registers->eip >= header.text_start && registers->eip < header.text_end) {
            area(thread).signal_pending = 1;
            if (area(thread).in_call != 2 && thread.hold_tries < tries) {
                ++thread.hold_tries;
                timers.arm(thread.hold_timer, clock.now() + pause_between);
                arm_clock();
                return;
            }
            machine.interrupt(*thread.kernel);
        }
    }
    machine.suspend(*thread.kernel);
}

void Core::let_go(Thread& thread) {
    if (!thread.suspended) return;
    thread.suspended = false;
    timers.cancel(thread.hold_timer);
    if (thread.kernel == nullptr || &thread == current || thread.blocked != Blocked::None) return;
    machine.resume(*thread.kernel);
}

} // namespace proc
