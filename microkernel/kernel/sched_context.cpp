// Scheduling contexts: the tree, binding and borrowing.
#include "ipc.hpp"

namespace kernel {

namespace {

void leave_parent(SchedContext& context) {
    SchedContext* const parent = context.parent;
    if (parent == nullptr) return;
    parent->charged_by_former += context.charged - context.charged_before;
    (context.previous_sibling != nullptr ? context.previous_sibling->next_sibling : parent->first_child) =
        context.next_sibling;
    if (context.next_sibling != nullptr) context.next_sibling->previous_sibling = context.previous_sibling;
    context.parent = context.next_sibling = context.previous_sibling = nullptr;
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
    if (cpu().spread_borrower == &thread) cpu().spread_borrower = thread.borrow_next;
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
    mark_changed(context);
}

void set_parent(SchedContext& context, SchedContext* parent) {
    leave_parent(context);
    mark_changed(context);
    context.depth = 0;
    context.charged_before = context.charged;
    if (parent == nullptr) return;
    context.depth = parent->depth + 1;
    context.parent = parent;
    context.next_sibling = parent->first_child;
    if (parent->first_child != nullptr) parent->first_child->previous_sibling = &context;
    parent->first_child = &context;
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

Error destroy(SchedContext& context) {
    unbind(context);
    stop_throttling(context);
    for (Word count = 1; context.borrowers != nullptr; ++count) {
        Thread& thread = *context.borrowers;
        end_borrow(thread);
        if (thread.state != ThreadState::BlockedOnReceive) {
            borrow(thread, cpu().orphans);
            reconsider(thread);
        }
        if (count % 16 == 0 && should_preempt()) return preempted;
    }
    for (Word count = 1; context.first_child != nullptr; ++count) {
        set_parent(*context.first_child, context.parent);
        if (count % 16 == 0 && should_preempt()) return preempted;
    }
    leave_parent(context);
    unmark_changed(context);
    return Error::None;
}

void handle_tick() {
    Cpu& processor = cpu();
    ++processor.now;
    processor.has_time_work = true;
    if (Thread* const current = processor.current; current == nullptr) ++processor.idle_ticks;
    else if (SchedContext* const context = current->current_context(); context != nullptr) {
        // Off the processor for a moment, so that it goes to the end of its queue.
        if (charge(*context)) processor.current = nullptr, make_ready(*current);
    }
    if (!processor.in_preemption) leave_kernel();
}

} // namespace kernel
