// Scheduling contexts: binding, borrowing, charging and refilling.
#include "scheduler.hpp"

namespace kernel {

namespace {

void unlink_refill(SchedContext& context) {
    Cpu& processor = cpu();
    (context.refill_previous != nullptr ? context.refill_previous->refill_next : processor.refill_first) = context.refill_next;
    (context.refill_next != nullptr ? context.refill_next->refill_previous : processor.refill_last) = context.refill_previous;
    context.refill_next = context.refill_previous = nullptr;
}

/// Ordered by refill time; differences of tick counts are compared, so that they may wrap.
void link_refill(SchedContext& context) {
    Cpu& processor = cpu();
    SchedContext* previous = processor.refill_last;
    while (previous != nullptr && static_cast<std::int32_t>(previous->refill_time - context.refill_time) > 0)
        previous = previous->refill_previous;
    context.refill_previous = previous;
    context.refill_next = previous != nullptr ? previous->refill_next : processor.refill_first;
    (previous != nullptr ? previous->refill_next : processor.refill_first) = &context;
    (context.refill_next != nullptr ? context.refill_next->refill_previous : processor.refill_last) = &context;
}

void reconsider_users(SchedContext& context) {
    if (context.bound_thread != nullptr) reconsider(*context.bound_thread);
    for (Thread* thread = context.borrowers; thread != nullptr; thread = thread->borrow_next) reconsider(*thread);
}

void stop_throttling(SchedContext& context) {
    if (!context.throttled) return;
    unlink_refill(context);
    context.throttled = false;
    context.update_usable();
}

/// One tick of use. True if the time slice is over.
bool charge(SchedContext& context) {
    Cpu& processor = cpu();
    context.consumed += arch::ticks_per_millisecond() * (tick_microseconds / 1000);
    if (context.budget == context.period) {
        if (--context.remaining != 0) return false;
        context.remaining = context.budget;
        return true;
    }
    if (context.remaining == context.budget) context.refill_time = processor.now - 1 + context.period; // the tick just used counts
    if (--context.remaining != 0) return false;
    context.throttled = true;
    context.update_usable();
    link_refill(context);
    reconsider_users(context);
    return false;
}

void refill() {
    Cpu& processor = cpu();
    while (processor.refill_first != nullptr &&
           static_cast<std::int32_t>(processor.refill_first->refill_time - processor.now) <= 0) {
        SchedContext& context = *processor.refill_first;
        stop_throttling(context);
        context.remaining = context.budget;
        reconsider_users(context);
    }
}

} // namespace

void borrow(Thread& thread, SchedContext& context) {
    thread.borrowed_context = thread.time = &context;
    thread.borrow_previous = nullptr;
    thread.borrow_next = context.borrowers;
    if (context.borrowers != nullptr) context.borrowers->borrow_previous = &thread;
    context.borrowers = &thread;
}

void end_borrow(Thread& thread) {
    SchedContext* const context = thread.borrowed_context;
    if (context == nullptr) return;
    (thread.borrow_previous != nullptr ? thread.borrow_previous->borrow_next : context->borrowers) = thread.borrow_next;
    if (thread.borrow_next != nullptr) thread.borrow_next->borrow_previous = thread.borrow_previous;
    thread.borrowed_context = nullptr;
    thread.time = thread.own_context;
    thread.borrow_next = thread.borrow_previous = nullptr;
    if (!is_runnable(thread)) make_unready(thread);
}

void reconsider(Thread& thread) {
    if (is_runnable(thread)) make_ready(thread);
    else make_unready(thread);
}

void configure(SchedContext& context, Word budget_ticks, Word period_ticks) {
    stop_throttling(context);
    context.budget = budget_ticks;
    context.period = period_ticks;
    context.remaining = budget_ticks;
    context.update_usable();
    reconsider_users(context);
}

void bind(SchedContext& context, Thread& thread) {
    end_borrow(thread);
    context.bound_thread = &thread;
    thread.own_context = thread.time = &context;
    reconsider(thread);
}

void unbind(SchedContext& context) {
    if (Thread* const thread = context.bound_thread; thread != nullptr) {
        thread->own_context = nullptr;
        thread->time = thread->borrowed_context;
        context.bound_thread = nullptr;
        reconsider(*thread);
    }
    if (Notification* const notification = context.bound_notification; notification != nullptr) {
        notification->sched_context = nullptr;
        context.bound_notification = nullptr;
    }
}

void destroy(SchedContext& context) {
    unbind(context);
    stop_throttling(context);
    while (context.borrowers != nullptr) {
        Thread& thread = *context.borrowers;
        end_borrow(thread);
        if (thread.state == ThreadState::BlockedOnReceive) continue;
        borrow(thread, cpu().orphans);
        reconsider(thread);
    }
    context.budget = 0;
    context.update_usable();
}

void handle_tick() {
    Cpu& processor = cpu();
    ++processor.now;
    refill();
    if (Thread* const current = processor.current; current == nullptr) ++processor.idle_ticks;
    else if (SchedContext* const context = current->current_context(); context != nullptr && context->has_time()) {
        // Off the processor for a moment, so that it goes to the end of its queue.
        if (charge(*context)) processor.current = nullptr, make_ready(*current);
    }
    if (!processor.in_preemption) leave_kernel();
}

} // namespace kernel
