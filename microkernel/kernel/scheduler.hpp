// Which thread runs: 256 priorities, first in first out within one. The current thread is in no ready queue.
#pragma once
#include "cpu.hpp"

namespace kernel {

inline bool is_runnable(Thread const& thread) {
    if (thread.state != ThreadState::Running) return false;
    SchedContext const* const context = thread.current_context();
    return context != nullptr && context->has_time();
}
/// Highest priority in the ready queues, -1 if they are empty.
inline int highest_ready(Cpu const& processor) { return processor.highest_ready; }
/// Puts a runnable thread at the end (or the front) of its queue; nothing for one that cannot run now or is current.
void make_ready(Thread& thread);
void make_ready_first(Thread& thread);
void make_unready(Thread& thread);
void set_priority(Thread& thread, std::uint8_t priority);
/// Chooses Cpu::current.
void schedule();
/// Last step of every kernel entry: chooses the thread, goes on with a preempted system call of it, loads its state.
void leave_kernel();
inline void load(Thread& thread) { arch::switch_to(thread); }

// --- scheduling contexts: who is on which (sched_context.cpp) ----------------------------------------------------------
void borrow(Thread& thread, SchedContext& context);
/// The thread gives back what it borrowed (it is about to wait, or dies).
void end_borrow(Thread& thread);
/// After a change of what a thread may run on.
void reconsider(Thread& thread);
void configure(SchedContext& context, Word budget_ticks, Word period_ticks);
/// `context` has no children, `parent` (null: none) is another.
void set_parent(SchedContext& context, SchedContext* parent);
void bind(SchedContext& context, Thread& thread);
void unbind(SchedContext& context);
/// Every user loses it: borrowers go on with Cpu::orphans. Its children go to its parent. May be preempted.
Error destroy(SchedContext& context);

// --- budgets and refills (budget.cpp) -------------------------------------------------------------------------------------
/// One tick of use, charged to the context and all above it. True if the time slice is over.
bool charge(SchedContext& context);
/// The budget is full, or not used at all: the context waits for no refill.
void stop_throttling(SchedContext& context);
/// What the context may do has changed: do_time_work tells its users, and the contexts below it.
void mark_changed(SchedContext& context);
void unmark_changed(SchedContext& context);
/// Refills what is due and spreads changes, with preemption points. Before user mode or a system call goes on.
void do_time_work();

} // namespace kernel
