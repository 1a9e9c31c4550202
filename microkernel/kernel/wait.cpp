// The ends of waits, and stopping and going on.
#include "ipc.hpp"

namespace kernel {

void wake(Thread& thread, Error error) {
    if (thread.message.is_fault && thread.state != ThreadState::Running) end_fault(thread);
    else thread.context.set_info(abi::MessageInfo{}.with(error).raw);
    thread.state = ThreadState::Running;
    make_ready(thread);
}

void cancel_wait(Thread& thread) {
    switch (thread.state) {
    case ThreadState::BlockedOnSend:
    case ThreadState::BlockedOnReceive: {
        auto& endpoint = *static_cast<Endpoint*>(thread.waiting_on);
        forget_canceled(thread);
        endpoint.queue.remove(thread);
        if (endpoint.queue.is_empty()) endpoint.set_state(EndpointState::Idle);
        thread.waiting_on = nullptr;
        if (thread.state == ThreadState::BlockedOnReceive) {
            if (thread.reply != nullptr) thread.reply->receiver = nullptr;
            thread.context.hazards &= ~hazard::no_reply;
            end_borrow(thread);
        }
        break;
    }
    case ThreadState::BlockedOnReply: thread.reply->caller = nullptr; break;
    case ThreadState::BlockedOnNotification:
        static_cast<Notification*>(thread.waiting_on)->queue.remove(thread);
        thread.waiting_on = nullptr;
        break;
    default: return;
    }
    thread.state = ThreadState::Inactive;
}

void suspend(Thread& thread) {
    if (is_waiting(thread)) {
        cancel_wait(thread);
        if (thread.message.is_fault) end_fault(thread);
        else thread.context.set_info(abi::MessageInfo{}.with(Error::Interrupted).raw);
    } else if (thread.restart) {
        thread.context.set_info(abi::MessageInfo{}.with(Error::Interrupted).raw);
    }
    thread.restart = false;
    thread.progress[0] = thread.progress[1] = 0;
    make_unready(thread);
    thread.state = ThreadState::Inactive;
}

void resume(Thread& thread) {
    if (thread.state != ThreadState::Inactive) return;
    thread.stopped_by_fault = false;
    thread.state = ThreadState::Running;
    make_ready(thread);
}

} // namespace kernel
