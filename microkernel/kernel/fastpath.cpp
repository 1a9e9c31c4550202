// The two system calls that servers live by, for messages without capabilities: from the caller to a waiting server, and
// back; also the answer to a page fault. Whatever is unusual is left to the slow path, before anything has changed.
#include "memory.hpp"
#include "syscall.hpp"

namespace kernel {

namespace {

using abi::MessageInfo;

constexpr Word length_mask = 0x7f, capabilities_mask = 3 << 7;

/// Whether a message with this MessageInfo can go from one to the other here.
inline bool is_simple(Word info, Thread const& from, Thread const& to) {
    Word const length = info & length_mask;
    if (length <= abi::register_words) [[likely]] return true;
    return length <= abi::message_words && from.ipc_buffer != nullptr && to.ipc_buffer != nullptr;
}

/// The words behind those in registers. Out of line: a string instruction takes the registers that the path lives in.
[[gnu::noinline]] void copy_words(Word length, Thread const& from, Thread const& to) {
    copy_bytes(to.ipc_buffer->message + abi::register_words, from.ipc_buffer->message + abi::register_words,
               (length - abi::register_words) * sizeof(Word));
}

/// Capability in a CSpace of one CNode; null: not so simple.
inline Slot* fast_lookup(Thread const& thread, Word pointer) {
    Capability const root = thread.cspace_root.capability;
    if (!root.is(CapabilityType::CNode)) return nullptr;
    Word const radix = root.radix();
    if (root.guard_bits() + radix != 32) return nullptr;
    if ((pointer >> radix) != root.guard()) return nullptr;
    return root.slots() + (pointer & ((Word{1} << radix) - 1));
}

/// `next` runs now, though `previous` was current: the highest priority is known to be next's.
inline void switch_directly(Cpu& processor, Thread& next) {
    processor.current = &next;
    load(next);
}

} // namespace

void fastpath_call(Thread& thread) {
    Word const info = thread.context.info();
    if ((info & capabilities_mask) != 0) return handle_slowly(thread);
    Slot const* const slot = fast_lookup(thread, thread.context.capability());
    if (slot == nullptr) return handle_slowly(thread);
    Capability const capability = slot->capability;
    if (!capability.is(CapabilityType::Endpoint) || !capability.has(abi::right::write)) return handle_slowly(thread);
    auto& endpoint = capability.object<Endpoint>();
    if (endpoint.state() != EndpointState::Receiving) return handle_slowly(thread);
    Thread& receiver = *endpoint.queue.first;
    Reply* const reply = receiver.reply;
    if (reply == nullptr || !is_simple(info, thread, receiver)) return handle_slowly(thread);
    SchedContext* const context = thread.current_context();
    bool const lends = receiver.own_context == nullptr;
    if (!(lends ? context : receiver.own_context)->has_time()) return handle_slowly(thread);
    Cpu& processor = cpu();
    if (highest_ready(processor) > receiver.priority) return handle_slowly(thread);

    Word buffers = 0;
    if ((info & (MessageInfo::read_buffer | MessageInfo::write_buffer)) != 0) {
        abi::IpcBuffer* const from = thread.ipc_buffer;
        abi::IpcBuffer* const to = receiver.ipc_buffer;
        if (from == nullptr || to == nullptr) return handle_slowly(thread);
        buffers = info & (MessageInfo::read_buffer | MessageInfo::write_buffer);
        thread.read_buffer = (info & MessageInfo::read_buffer) != 0 ? CallerBuffer{from->read_address, from->read_length} : CallerBuffer{};
        thread.write_buffer = (info & MessageInfo::write_buffer) != 0 ? CallerBuffer{from->write_address, from->write_length} : CallerBuffer{};
        to->caller_read_length = thread.read_buffer.length;
        to->caller_write_length = thread.write_buffer.length;
    } else {
        thread.read_buffer.length = thread.write_buffer.length = 0;
    }

    Thread* const next_waiting = receiver.queue_next;
    endpoint.queue.first = next_waiting;
    if (next_waiting != nullptr) {
        next_waiting->queue_previous = nullptr;
        receiver.queue_next = nullptr;
    } else {
        endpoint.queue.last = nullptr;
        endpoint.set_state(EndpointState::Idle);
    }
    receiver.waiting_on = nullptr;
    receiver.reply = nullptr;
    receiver.state = ThreadState::Running;
    Word const label_bits = info & ~((Word{1} << 18) - 1);
    if (Word const length = info & length_mask; length > abi::register_words) copy_words(length, thread, receiver);
    receiver.context.set_message(label_bits | (info & length_mask) | buffers, capability.badge(), thread.context.word0(), thread.context.word1());
    reply->receiver = nullptr;
    reply->caller = &thread;
    reply->can_grant = (capability.word1 & (abi::right::grant | abi::right::grant_reply)) != 0;
    thread.reply = reply;
    thread.called = reinterpret_cast<Word>(&endpoint);
    thread.message.is_fault = false;
    thread.state = ThreadState::BlockedOnReply;
    if (lends) borrow(receiver, *context);
    switch_directly(processor, receiver);
}

void fastpath_reply_receive(Thread& thread) {
    Word const info = thread.context.info();
    if ((info & capabilities_mask) != 0) return handle_slowly(thread);
    Slot const* const reply_slot = fast_lookup(thread, thread.context.reply());
    if (reply_slot == nullptr || !reply_slot->capability.is(CapabilityType::Reply)) return handle_slowly(thread);
    Slot const* const slot = fast_lookup(thread, thread.context.capability());
    if (slot == nullptr) return handle_slowly(thread);
    Capability const capability = slot->capability;
    if (!capability.is(CapabilityType::Endpoint) || !capability.has(abi::right::read)) return handle_slowly(thread);
    auto& endpoint = capability.object<Endpoint>();
    if (endpoint.state() == EndpointState::Sending) return handle_slowly(thread);
    if (thread.bound_notification != nullptr && thread.bound_notification->is_active) return handle_slowly(thread);
    auto& reply = reply_slot->capability.object<Reply>();
    Thread* const caller = reply.caller;
    if (caller == nullptr || !is_simple(info, thread, *caller)) return handle_slowly(thread);
    bool const is_fault = caller->message.is_fault;
    Word const label_bits = info & ~((Word{1} << 18) - 1);
    // The answer to a page fault carries nothing: the thread goes on, its registers as they are.
    if (is_fault && (label_bits != 0 || caller->fault_kind != static_cast<Word>(abi::Fault::Page))) return handle_slowly(thread);
    SchedContext const* const context = caller->current_context();
    if (context == nullptr || !context->has_time()) return handle_slowly(thread);
    Cpu& processor = cpu();
    if (highest_ready(processor) > caller->priority) return handle_slowly(thread);

    caller->reply = nullptr;
    caller->state = ThreadState::Running;
    if (is_fault) {
        caller->message.is_fault = false;
    } else {
        if (Word const length = info & length_mask; length > abi::register_words) copy_words(length, thread, *caller);
        caller->context.set_message(label_bits | (info & length_mask), 0, thread.context.word0(), thread.context.word1());
    }
    reply.caller = nullptr;
    reply.receiver = &thread;
    if (thread.borrowed_context != nullptr) end_borrow(thread);
    thread.reply = &reply;
    thread.state = ThreadState::BlockedOnReceive;
    thread.waiting_on = &endpoint;
    endpoint.queue.push_back(thread);
    endpoint.set_state(EndpointState::Receiving);
    switch_directly(processor, *caller);
}

} // namespace kernel
