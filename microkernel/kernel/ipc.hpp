// Messages between threads: endpoints, notifications, replies, waiting and its ends.
#pragma once
#include "derivation.hpp"
#include "scheduler.hpp"

namespace kernel {

/// Result of an operation that may have to stop at a preemption point: abi::Error, or `preempted` - the operation has
/// left everything consistent and is to be started again.
inline constexpr Error preempted = static_cast<Error>(15);

// --- capability look-up (lookup.cpp) -----------------------------------------------------------------------------------
/// Slot that `pointer` names in the CSpace of `thread`, all 32 bits resolved; null: none.
Slot* lookup_by_walk(Thread& thread, abi::CapabilityPointer pointer);
inline Slot* lookup(Thread& thread, abi::CapabilityPointer pointer) {
    if (pointer < thread.cspace_size) [[likely]]
        return thread.cspace_slots + pointer;
    return lookup_by_walk(thread, pointer);
}
/// Slot at (index, depth) from a CNode capability, as CNode invocations address it; null: none.
Slot* resolve_by_walk(Capability const& cnode, Word index, Word depth);
inline Slot* resolve(Capability const& cnode, Word index, Word depth) {
    if (depth != 0 || !cnode.is(CapabilityType::CNode)) return resolve_by_walk(cnode, index, depth);
    return index < cnode.slot_count() ? cnode.slots() + index : nullptr;
}
/// What a copy of `source` would hold. IllegalOperation if it cannot be copied, RevokeFirst for Untyped with children.
Error derive(Slot const& source, Capability& copy);
/// The same capability with at most `rights`.
Capability restrict_rights(Capability capability, Word rights);

/// A thread that waited to receive got a call whose sender runs on `context`, or (null) something else: a passive one borrows
/// the context. What a thread borrowed it keeps while it is BlockedOnReceive, for the next call is likely to lend the same;
/// nobody runs on it meanwhile, and every other way out of that state gives it back.
inline void lend(Thread& receiver, SchedContext* context) {
    if (receiver.own_context != nullptr || receiver.borrowed_context == context) return;
    end_borrow(receiver);
    if (context != nullptr) borrow(receiver, *context);
}

// --- endpoints (endpoint.cpp) --------------------------------------------------------------------------------------------
/// Sends the message in the sender's registers and buffer (or in Thread::fault). The sender is current or inactive.
void send(Thread& sender, Endpoint& endpoint, PendingMessage const& message, bool blocking);
/// The thread receives from `endpoint` with `reply` (or null).
void receive(Thread& thread, Endpoint& endpoint, Reply* reply, bool blocking);
/// Ends every send that waits with the badge. May be preempted; `again`: it was, and goes on.
Error cancel_badged_sends(Endpoint& endpoint, Word badge, bool again);
/// The thread leaves the queue of senders: a preempted cancel_badged_sends must not come back to it.
inline void forget_canceled(Thread& thread) {
    if (cpu().cancel_next == &thread) cpu().cancel_next = thread.queue_next;
}
/// Last capability gone: ends every wait. May be preempted.
Error destroy(Endpoint& endpoint);
void bind_no_senders(Endpoint& endpoint, Slot& slot, Notification* notification, Word badge);

// --- notifications (notification.cpp) --------------------------------------------------------------------------------------
void signal(Notification& notification, Word badge);
/// The thread gets the waiting signals as its message.
void take_signals(Thread& thread, Notification& notification);
void wait(Thread& thread, Notification& notification, bool blocking);
void bind(Notification& notification, Thread& thread);
void unbind_notification(Thread& thread);
Error destroy(Notification& notification);
void remove_endpoint(Notification& notification, Endpoint& endpoint);
void bind(SchedContext& context, Notification& notification);

// --- replies (reply.cpp) ---------------------------------------------------------------------------------------------------
/// Whether the answer to this BlockedOnReply thread may carry capabilities.
inline bool can_grant_reply(Thread const& caller) {
    return (caller.call_rights & (abi::right::grant | abi::right::grant_reply)) != 0;
}
/// Answers the caller of `reply`, which has one, with the message in the replier's registers and buffer.
void answer(Thread& replier, Reply& reply);
void destroy(Reply& reply);

/// The buffers that a Call with this MessageInfo declares.
inline void declare_buffers(Thread& thread, abi::MessageInfo info) {
    thread.context.hazards &= ~hazard::buffers;
    abi::IpcBuffer const* const from = thread.ipc_buffer;
    if ((!info.has_read_buffer() && !info.has_write_buffer()) || from == nullptr) return;
    thread.context.hazards |= hazard::buffers;
    thread.read_buffer = info.has_read_buffer() ? CallerBuffer{from->read_address, from->read_length} : CallerBuffer{};
    thread.write_buffer =
        info.has_write_buffer() ? CallerBuffer{from->write_address, from->write_length} : CallerBuffer{};
}

// --- transfer (transfer.cpp) ---------------------------------------------------------------------------------------------
/// Copies the message of `sender` to `receiver`. `endpoint`: the one it goes through, null for a reply.
void transfer_message(Thread& sender, Thread& receiver, PendingMessage const& message, Endpoint* endpoint);

// --- waiting (wait.cpp) --------------------------------------------------------------------------------------------------
/// The thread, which waits in no queue any more, goes on with `error` as its system call's result. After a fault it
/// executes the faulting instruction again.
void wake(Thread& thread, Error error);
inline bool is_waiting(Thread const& thread) {
    return thread.state >= ThreadState::BlockedOnSend && thread.state <= ThreadState::BlockedOnNotification;
}
/// Takes a waiting thread out of what it waits in; its state becomes Inactive.
void cancel_wait(Thread& thread);
void suspend(Thread& thread);
void resume(Thread& thread);

/// The thread waits no more for the answer to a fault.
inline void end_fault(Thread& thread) {
    thread.message.is_fault = false;
    thread.context.hazards &= ~hazard::fault;
}
inline void set_ipc_buffer(Thread& thread, Address user, abi::IpcBuffer* buffer) {
    thread.ipc_buffer = buffer;
    thread.context.hazards =
        buffer != nullptr ? thread.context.hazards & ~hazard::no_buffer : thread.context.hazards | hazard::no_buffer;
    thread.context.set_ipc_buffer(user, buffer);
}

// --- faults (fault.cpp) ----------------------------------------------------------------------------------------------------
/// Sends thread.fault, fault_label and fault_length to the fault handler; without a usable one the thread stops.
void send_fault(Thread& thread);
void raise_fault(Thread& thread, abi::Fault kind, Word length, Word first, Word second, Word third, Word fourth = 0,
                 Word fifth = 0);

/// Preemption point: only where everything is consistent.
inline bool should_preempt() { return arch::interrupt_pending(); }
/// The system call of `thread` stopped at a preemption point: what is pending is served, and the call begins again when the
/// thread runs next.
void preempt(Thread& thread);

} // namespace kernel
