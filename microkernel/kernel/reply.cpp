// Reply objects: who is answered, and what happens when nobody answers.
#include "ipc.hpp"

namespace kernel {

namespace {

/// The answer to a fault: label 0 lets the thread go on, three words change where an exception goes on.
void answer_fault(Thread& replier, Thread& thread) {
    abi::MessageInfo const info{replier.context.info()};
    end_fault(thread);
    if (info.label() != 0) {
        thread.state = ThreadState::Inactive;
        thread.stopped_by_fault = true;
        return;
    }
    if (thread.fault_kind == static_cast<Word>(abi::Fault::Exception) && info.length() >= 3 &&
        replier.ipc_buffer != nullptr)
        thread.context.set_flow(replier.context.word0(), replier.context.word1(), replier.ipc_buffer->message[2]);
    thread.state = ThreadState::Running;
    make_ready_first(thread);
}

} // namespace

void answer(Thread& replier, Reply& reply) {
    Thread& caller = *reply.caller;
    reply.caller = nullptr;
    if (caller.message.is_fault) {
        answer_fault(replier, caller);
        return;
    }
    PendingMessage const message{.badge = 0,
                                 .is_call = false,
                                 .is_fault = false,
                                 .can_grant = can_grant_reply(caller),
                                 .can_grant_reply = false};
    transfer_message(replier, caller, message, nullptr);
    caller.state = ThreadState::Running;
    make_ready_first(caller);
}

void destroy(Reply& reply) {
    if (Thread* const caller = reply.caller; caller != nullptr) {
        reply.caller = nullptr;
        wake(*caller, Error::ServerDied);
    }
    if (Thread* const receiver = reply.receiver; receiver != nullptr) {
        reply.receiver = nullptr;
        receiver->reply = nullptr;
        receiver->context.hazards |= hazard::no_reply;
    }
}

} // namespace kernel
