// Notifications: one word of signals, waiters, and their bindings.
#include "ipc.hpp"

namespace kernel {

void take_signals(Thread& thread, Notification& notification) {
    thread.context.set_message(0, notification.signals, 0, 0);
    notification.signals = 0;
    notification.is_active = false;
    if (notification.bound_thread != nullptr) notification.bound_thread->context.hazards &= ~hazard::signal;
}

namespace {

void lend_time(Thread& thread, Notification const& notification) {
    if (thread.own_context == nullptr && thread.borrowed_context == nullptr && notification.sched_context != nullptr)
        borrow(thread, *notification.sched_context);
}

void run(Thread& thread, Notification& notification) {
    take_signals(thread, notification);
    thread.state = ThreadState::Running;
    lend_time(thread, notification);
    make_ready(thread);
}

} // namespace

void signal(Notification& notification, Word badge) {
    notification.signals |= badge;
    notification.is_active = true;
    if (Thread* const waiter = notification.queue.first; waiter != nullptr) {
        notification.queue.remove(*waiter);
        waiter->waiting_on = nullptr;
        run(*waiter, notification);
        return;
    }
    Thread* const bound = notification.bound_thread;
    if (bound == nullptr) return;
    bound->context.hazards |= hazard::signal;
    if (bound->state != ThreadState::BlockedOnReceive) return;
    cancel_wait(*bound);
    run(*bound, notification);
}

void wait(Thread& thread, Notification& notification, bool blocking) {
    if (notification.is_active) {
        end_borrow(thread);
        lend_time(thread, notification);
        take_signals(thread, notification);
        return;
    }
    if (!blocking) {
        wake(thread, Error::WouldBlock);
        return;
    }
    end_borrow(thread);
    thread.state = ThreadState::BlockedOnNotification;
    thread.waiting_on = &notification;
    make_unready(thread);
    notification.queue.push_back(thread);
}

void bind(Notification& notification, Thread& thread) {
    notification.bound_thread = &thread;
    thread.bound_notification = &notification;
    if (notification.is_active) thread.context.hazards |= hazard::signal;
    // A signal given before the binding is received by the wait that is under way.
    if (notification.is_active && thread.state == ThreadState::BlockedOnReceive) signal(notification, 0);
}

void unbind_notification(Thread& thread) {
    if (thread.bound_notification == nullptr) return;
    thread.bound_notification->bound_thread = nullptr;
    thread.context.hazards &= ~hazard::signal;
    thread.bound_notification = nullptr;
}

void bind(SchedContext& context, Notification& notification) {
    context.bound_notification = &notification;
    notification.sched_context = &context;
}

void remove_endpoint(Notification& notification, Endpoint& endpoint) {
    Endpoint** link = &notification.endpoints;
    while (*link != nullptr && *link != &endpoint) link = &(*link)->next_bound;
    if (*link != nullptr) *link = endpoint.next_bound, --notification.endpoint_count;
    endpoint.next_bound = nullptr;
}

Error destroy(Notification& notification) {
    for (Word count = 1; notification.queue.first != nullptr; ++count) {
        Thread& thread = *notification.queue.first;
        notification.queue.remove(thread);
        thread.waiting_on = nullptr;
        wake(thread, Error::ServerDied);
        if (count % 16 == 0 && should_preempt()) return preempted;
    }
    for (Word count = 1; notification.endpoints != nullptr; ++count) {
        Endpoint& endpoint = *notification.endpoints;
        bind_no_senders(endpoint, *endpoint.bind_slot, nullptr, 0);
        if (count % 16 == 0 && should_preempt()) return preempted;
    }
    if (notification.bound_thread != nullptr) unbind_notification(*notification.bound_thread);
    if (notification.sched_context != nullptr) {
        notification.sched_context->bound_notification = nullptr;
        notification.sched_context = nullptr;
    }
    return Error::None;
}

} // namespace kernel
