// Endpoints: sending, receiving, and the no-senders notification.
#include "endpoint.hpp"
#include "ipc.hpp"

namespace kernel {

namespace {

void leave_queue(Endpoint& endpoint, Thread& thread) {
    forget_canceled(thread);
    endpoint.queue.remove(thread);
    if (endpoint.queue.is_empty()) endpoint.set_state(EndpointState::Idle);
    thread.waiting_on = nullptr;
}

void enter_queue(Endpoint& endpoint, Thread& thread, ThreadState state) {
    thread.state = state;
    thread.waiting_on = &endpoint;
    make_unready(thread);
    endpoint.queue.push_back(thread);
    endpoint.set_state(state == ThreadState::BlockedOnSend ? EndpointState::Sending : EndpointState::Receiving);
    if (state == ThreadState::BlockedOnReceive) thread.receives_on = reinterpret_cast<Word>(&endpoint);
}

/// A call that no reply could ever answer. A faulting thread stops instead.
void refuse_call(Thread& sender, PendingMessage const& message) {
    if (!message.is_fault) {
        wake(sender, Error::InvalidCapability);
        return;
    }
    end_fault(sender);
    sender.state = ThreadState::Inactive;
    sender.stopped_by_fault = true;
    make_unready(sender);
}

/// `sender` and `receiver` have met; neither is in a queue. A call has a Reply object in receiver.reply.
void complete(Thread& sender, Thread& receiver, PendingMessage const message, Endpoint& endpoint) {
    transfer_message(sender, receiver, message, &endpoint);
    Reply* const reply = receiver.reply;
    receiver.context.hazards &= ~hazard::no_reply;
    receiver.state = ThreadState::Running;
    if (reply != nullptr) reply->receiver = nullptr;
    if (message.is_call) {
        reply->caller = &sender;
        sender.message = message;
        sender.call_rights =
            (message.can_grant ? abi::right::grant : 0) | (message.can_grant_reply ? abi::right::grant_reply : 0);
        sender.reply = reply;
        sender.called = reinterpret_cast<Word>(&endpoint);
        sender.state = ThreadState::BlockedOnReply;
        make_unready(sender);
        lend(receiver, sender.current_context());
        make_ready_first(receiver);
    } else {
        lend(receiver, nullptr);
        make_ready(receiver);
        wake(sender, Error::None);
    }
}

} // namespace

void send(Thread& sender, Endpoint& endpoint, PendingMessage const& message, bool blocking) {
    if (endpoint.state() == EndpointState::Receiving) {
        Thread& receiver = *endpoint.queue.first;
        if (message.is_call && receiver.reply == nullptr) {
            refuse_call(sender, message);
            return;
        }
        leave_queue(endpoint, receiver);
        complete(sender, receiver, message, endpoint);
        return;
    }
    if (!blocking) {
        wake(sender, Error::None);
        return;
    }
    sender.message = message;
    enter_queue(endpoint, sender, ThreadState::BlockedOnSend);
}

void receive(Thread& thread, Endpoint& endpoint, Reply* reply, bool blocking) {
    if (Notification* const bound = thread.bound_notification; bound != nullptr && bound->is_active) {
        end_borrow(thread);
        if (bound->sched_context != nullptr && thread.own_context == nullptr) borrow(thread, *bound->sched_context);
        take_signals(thread, *bound);
        return;
    }
    Word refused = 0;
    while (endpoint.state() == EndpointState::Sending) {
        Thread& sender = *endpoint.queue.first;
        leave_queue(endpoint, sender);
        if (sender.message.is_call && reply == nullptr) {
            refuse_call(sender, sender.message);
            if (++refused % 32 != 0 || !should_preempt()) continue;
            preempt(thread);
            return;
        }
        end_borrow(thread);
        thread.reply = reply;
        complete(sender, thread, sender.message, endpoint);
        return;
    }
    if (!blocking) {
        wake(thread, Error::WouldBlock);
        return;
    }
    end_borrow(thread);
    thread.reply = reply;
    thread.context.hazards &= ~hazard::no_reply;
    if (reply != nullptr) reply->receiver = &thread;
    else thread.context.hazards |= hazard::no_reply;
    enter_queue(endpoint, thread, ThreadState::BlockedOnReceive);
}

Error cancel_badged_sends(Endpoint& endpoint, Word badge, bool again) {
    Cpu& processor = cpu();
    if (endpoint.state() != EndpointState::Sending) return Error::None;
    // Another one that began meanwhile has the place: what was looked at is looked at again.
    if (!again || processor.cancel_endpoint != &endpoint) processor.cancel_next = endpoint.queue.first;
    processor.cancel_endpoint = &endpoint;
    for (Word count = 1; processor.cancel_next != nullptr; ++count) {
        Thread& thread = *processor.cancel_next;
        processor.cancel_next = thread.queue_next;
        if (thread.message.badge == badge) {
            leave_queue(endpoint, thread);
            wake(thread, Error::ServerDied);
        }
        if (count % 32 == 0 && should_preempt()) return preempted;
    }
    processor.cancel_endpoint = nullptr;
    return Error::None;
}

void bind_no_senders(Endpoint& endpoint, Slot& slot, Notification* notification, Word badge) {
    if (endpoint.no_senders != nullptr) remove_endpoint(*endpoint.no_senders, endpoint);
    endpoint.bind_slot = nullptr;
    endpoint.no_senders = notification;
    endpoint.next_bound = nullptr;
    if (notification == nullptr) return;
    endpoint.bind_slot = &slot;
    endpoint.state_and_badge = (endpoint.state_and_badge & 15) | badge << 4;
    endpoint.next_bound = notification->endpoints;
    notification->endpoints = &endpoint;
    ++notification->endpoint_count;
}

void endpoint_slot_moved(Slot& destination, Slot& source) {
    auto& endpoint = destination.capability.object<Endpoint>();
    if (endpoint.bind_slot == &source) endpoint.bind_slot = &destination;
    if (endpoint.first_dead == &source) endpoint.first_dead = &destination;
    if (endpoint.last_dead == &source) endpoint.last_dead = &destination;
}

void endpoint_slot_emptied(Slot& slot) {
    auto& endpoint = slot.capability.object<Endpoint>();
    if (slot.has_flag(Slot::dead)) {
        if (endpoint.first_dead == &slot && endpoint.last_dead == &slot)
            endpoint.first_dead = endpoint.last_dead = nullptr;
        else if (endpoint.first_dead == &slot) endpoint.first_dead = slot.next();
        else if (endpoint.last_dead == &slot) endpoint.last_dead = slot.previous();
    }
    if (endpoint.bind_slot == &slot) bind_no_senders(endpoint, slot, nullptr, 0);
}

void watched_descendants_gone(Slot& slot) {
    auto& endpoint = slot.capability.object<Endpoint>();
    // Without the binding there is nobody to tell, and no place to queue at.
    if (endpoint.no_senders == nullptr) return;
    slot.set_flag(Slot::dead);
    move_behind(slot, endpoint.last_dead != nullptr ? *endpoint.last_dead : *endpoint.bind_slot);
    if (endpoint.first_dead == nullptr) endpoint.first_dead = &slot;
    endpoint.last_dead = &slot;
    signal(*endpoint.no_senders, endpoint.state_and_badge >> 4);
}

Error destroy(Endpoint& endpoint) {
    bool const sending = endpoint.state() == EndpointState::Sending;
    for (Word count = 1; endpoint.queue.first != nullptr; ++count) {
        Thread& thread = *endpoint.queue.first;
        leave_queue(endpoint, thread);
        if (!sending) {
            if (thread.reply != nullptr) thread.reply->receiver = nullptr;
            end_borrow(thread);
        }
        wake(thread, Error::ServerDied);
        if (count % 16 == 0 && should_preempt()) return preempted;
    }
    if (endpoint.no_senders != nullptr) bind_no_senders(endpoint, *endpoint.bind_slot, nullptr, 0);
    if (cpu().cancel_endpoint == &endpoint) cpu().cancel_endpoint = nullptr;
    return Error::None;
}

} // namespace kernel
