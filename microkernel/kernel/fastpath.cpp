// The two system calls that servers live by, for messages without capabilities other than the server's own: from the
// caller to a waiting server, and back; also the answer to a page fault. Whatever is unusual is left to the slow path, before anything has changed.
// arch/i386/fastpath.S does the same for the most common messages, in fewer instructions.
#include "memory.hpp"
#include "syscall.hpp"

namespace kernel {

namespace {

using abi::MessageInfo;

constexpr Word length_mask = 0x7f, capabilities_mask = 3 << 7, label_mask = ~((Word{1} << 18) - 1);

/// Whether a message with this MessageInfo can go from one to the other here.
inline bool is_simple(Word info, Thread const& from, Thread const& to) {
    Word const length = info & length_mask;
    if (length <= abi::register_words) [[likely]]
        return true;
    return length <= abi::message_words && from.ipc_buffer != nullptr && to.ipc_buffer != nullptr;
}

/// The message's capabilities become badges in the receiver's buffer, if they are all for the endpoint that is called with `called`.
/// False: they are not; then the slow path delivers to this very receiver, and says them again.
inline bool unwrap_capabilities(Thread& from, Thread& to, Capability called, Word count) {
    if (!called.has(abi::right::grant) || from.ipc_buffer == nullptr || to.ipc_buffer == nullptr) return false;
    for (Word i = 0; i < count; ++i) {
        Slot const* const slot = lookup(from, from.ipc_buffer->capabilities[i]);
        if (slot == nullptr || slot->capability.word0 != called.word0) return false;
        to.ipc_buffer->capabilities[i] = slot->capability.badge();
    }
    return true;
}

/// The words behind those in registers. Out of line: a string instruction takes the registers that the path lives in.
[[gnu::noinline]] void copy_words(Word length, Thread const& from, Thread const& to) {
    copy_bytes(to.ipc_buffer->message + abi::register_words, from.ipc_buffer->message + abi::register_words,
               (length - abi::register_words) * sizeof(Word));
}

/// The first that waits goes on with what it gets next.
inline void take_first_receiver(Endpoint& endpoint, Thread& receiver) {
    Thread* const next = receiver.queue_next;
    endpoint.queue.first = next;
    if (next != nullptr) {
        next->queue_previous = nullptr;
        receiver.queue_next = nullptr;
    } else {
        endpoint.set_state(EndpointState::Idle);
    }
    receiver.state = ThreadState::Running;
}

/// `thread` called `receiver`, which has a Reply object, through a capability with these rights.
inline void wait_for_reply(Thread& thread, Thread& receiver, Endpoint& endpoint, Word rights) {
    Reply* const reply = receiver.reply;
    reply->receiver = nullptr;
    reply->caller = &thread;
    thread.reply = reply;
    thread.called = reinterpret_cast<Word>(&endpoint);
    thread.call_rights = rights;
    thread.state = ThreadState::BlockedOnReply;
}

/// `next` runs now, though `previous` was current: the highest priority is known to be next's.
inline void switch_directly(Cpu& processor, Thread& next) {
    processor.current = &next;
    load(next);
}

} // namespace

void fastpath_call(Thread& thread) {
    Word const info = thread.context.info();
    Slot const* const slot = lookup(thread, thread.context.capability());
    if (slot == nullptr) return handle_slowly(thread);
    Capability const capability = slot->capability;
    if (!capability.is(CapabilityType::Endpoint) || !capability.has(abi::right::write)) return handle_slowly(thread);
    auto& endpoint = capability.object<Endpoint>();
    if (endpoint.state() != EndpointState::Receiving) return handle_slowly(thread);
    Thread& receiver = *endpoint.queue.first;
    Reply* const reply = receiver.reply;
    if (reply == nullptr || !is_simple(info, thread, receiver)) return handle_slowly(thread);
    SchedContext* const context = thread.time;
    if (receiver.own_context != nullptr && !receiver.own_context->has_time()) return handle_slowly(thread);
    Cpu& processor = cpu();
    if (highest_ready(processor) > receiver.priority) return handle_slowly(thread);
    Word kept = label_mask | length_mask, unwrapped = 0;
    if ((info & capabilities_mask) != 0) {
        Word const count = MessageInfo{info}.capabilities();
        if (!unwrap_capabilities(thread, receiver, capability, count)) return handle_slowly(thread);
        kept |= capabilities_mask;
        unwrapped = MessageInfo{}.with_unwrapped((1 << count) - 1).raw;
    }

    Word buffers = 0;
    if ((info & (MessageInfo::read_buffer | MessageInfo::write_buffer)) != 0) {
        abi::IpcBuffer* const to = receiver.ipc_buffer;
        if (thread.ipc_buffer == nullptr || to == nullptr) return handle_slowly(thread);
        buffers = info & (MessageInfo::read_buffer | MessageInfo::write_buffer);
        declare_buffers(thread, MessageInfo{info});
        to->caller_read_length = thread.read_buffer.length;
        to->caller_write_length = thread.write_buffer.length;
    } else {
        thread.context.hazards &= ~hazard::buffers;
    }

    take_first_receiver(endpoint, receiver);
    if (Word const length = info & length_mask; length > abi::register_words) copy_words(length, thread, receiver);
    receiver.context.set_message((info & kept) | buffers | unwrapped, capability.badge(), thread.context.word0(),
                                 thread.context.word1());
    wait_for_reply(thread, receiver, endpoint, capability.word1);
    lend(receiver, context);
    switch_directly(processor, receiver);
}

void fastpath_reply_receive(Thread& thread) {
    Word const info = thread.context.info();
    if ((info & capabilities_mask) != 0) return handle_slowly(thread);
    Slot const* const reply_slot = lookup(thread, thread.context.reply());
    if (reply_slot == nullptr || !reply_slot->capability.is(CapabilityType::Reply)) return handle_slowly(thread);
    Slot const* const slot = lookup(thread, thread.context.capability());
    if (slot == nullptr) return handle_slowly(thread);
    Capability const capability = slot->capability;
    if (!capability.is(CapabilityType::Endpoint) || !capability.has(abi::right::read)) return handle_slowly(thread);
    auto& endpoint = capability.object<Endpoint>();
    if (endpoint.state() == EndpointState::Sending) return handle_slowly(thread);
    if ((thread.context.hazards & hazard::signal) != 0) return handle_slowly(thread);
    auto& reply = reply_slot->capability.object<Reply>();
    Thread* const caller = reply.caller;
    if (caller == nullptr || !is_simple(info, thread, *caller)) return handle_slowly(thread);
    bool const is_fault = caller->message.is_fault;
    Word const label_bits = info & label_mask;
    // The answer to a page fault carries nothing: the thread goes on, its registers as they are.
    if (is_fault && (label_bits != 0 || caller->fault_kind != static_cast<Word>(abi::Fault::Page)))
        return handle_slowly(thread);
    SchedContext const* const context = caller->time;
    if (context == nullptr || !context->has_time()) return handle_slowly(thread);
    Cpu& processor = cpu();
    if (highest_ready(processor) > caller->priority) return handle_slowly(thread);

    caller->state = ThreadState::Running;
    if (is_fault) {
        end_fault(*caller);
    } else {
        if (Word const length = info & length_mask; length > abi::register_words) copy_words(length, thread, *caller);
        caller->context.set_message(label_bits | (info & length_mask), 0, thread.context.word0(),
                                    thread.context.word1());
    }
    reply.caller = nullptr;
    reply.receiver = &thread;
    thread.reply = &reply;
    thread.context.hazards &= ~hazard::no_reply;
    thread.state = ThreadState::BlockedOnReceive;
    thread.waiting_on = &endpoint;
    endpoint.queue.push_back(thread);
    endpoint.set_state(EndpointState::Receiving);
    switch_directly(processor, *caller);
}

/// Signal that somebody waits for, on a context of his own.
void fastpath_signal(Thread& thread) {
    Slot const* const slot = lookup(thread, thread.context.capability());
    if (slot == nullptr) return handle_slowly(thread);
    Capability const capability = slot->capability;
    if (!capability.is(CapabilityType::Notification) || !capability.has(abi::right::write))
        return handle_slowly(thread);
    auto& notification = capability.object<Notification>();
    if (notification.queue.is_empty() || notification.is_active != 0) return handle_slowly(thread);
    Thread& waiter = *notification.queue.first;
    if (waiter.own_context == nullptr || !waiter.own_context->has_time() || cpu().has_time_work)
        return handle_slowly(thread);
    Thread* const next = waiter.queue_next;
    notification.queue.first = next;
    if (next != nullptr) next->queue_previous = nullptr;
    waiter.queue_next = nullptr;
    waiter.state = ThreadState::Running;
    waiter.context.set_message(0, capability.badge(), 0, 0);
    thread.context.set_info(0);
    if (waiter.priority <= thread.priority) return make_ready(waiter);
    // The current thread had the highest priority: now the waiter has.
    Cpu& processor = cpu();
    processor.current = &waiter;
    make_ready_first(thread);
    load(waiter);
}

/// A page fault whose handler waits for it.
void handle_page_fault(Thread& thread, Address address, Word code) {
    thread.fault_kind = thread.fault_label = static_cast<Word>(abi::Fault::Page);
    thread.fault_length = 3;
    thread.fault[0] = address;
    thread.fault[1] = code;
    thread.fault[2] = thread.context.instruction_pointer();
    Capability const handler = thread.fault_handler.capability;
    bool const usable = handler.is(CapabilityType::Endpoint) && handler.has(abi::right::write);
    Endpoint* const endpoint = usable ? handler.object_pointer<Endpoint>() : nullptr;
    Thread* const receiver =
        endpoint != nullptr && endpoint->state() == EndpointState::Receiving ? endpoint->queue.first : nullptr;
    Cpu& processor = cpu();
    if (receiver == nullptr || receiver->reply == nullptr || receiver->ipc_buffer == nullptr ||
        processor.has_time_work || !is_runnable(thread) ||
        (receiver->own_context != nullptr && !receiver->own_context->has_time()) ||
        highest_ready(processor) > receiver->priority) {
        send_fault(thread);
        leave_kernel();
        return;
    }
    take_first_receiver(*endpoint, *receiver);
    receiver->ipc_buffer->message[2] = thread.fault[2];
    receiver->context.set_message(MessageInfo{static_cast<Word>(abi::Fault::Page), 3}.raw, handler.badge(), address,
                                  code);
    thread.context.hazards = (thread.context.hazards & ~hazard::buffers) | hazard::fault;
    thread.message.is_fault = true;
    wait_for_reply(thread, *receiver, *endpoint, 0);
    lend(*receiver, thread.time);
    switch_directly(processor, *receiver);
}

} // namespace kernel
