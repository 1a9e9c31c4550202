// Invocations of Reply objects: bulk transfer to and from the caller's declared buffers, forwarding.
#include "memory.hpp"
#include "syscall.hpp"
#include <algorithm>

namespace kernel {

namespace {

constexpr Word bulk_at_most = 64 * 1024;

/// Directory of a thread's address space; null: none.
void const* directory_of(Thread const& thread) {
    Capability const& space = thread.address_space.capability;
    return space.is_null() ? nullptr : space.object<AddressSpace>().hardware;
}

/// Kernel address of a user byte and how many bytes may be used from it on; null: a fault.
void* reach(void const* directory, Address address, Word rights, Word& bytes) {
    if (directory == nullptr || address >= abi::user_end) return nullptr;
    bytes = std::min(bytes, abi::page_size - address % abi::page_size);
    return arch::user_to_kernel(directory, address, rights);
}

/// Copies between the caller's buffer and the invoker's memory until done, a page is missing, or an interrupt waits.
Error bulk(Invocation& call, Thread& caller, bool read) {
    CallerBuffer const none{}, &declared = read ? caller.read_buffer : caller.write_buffer;
    CallerBuffer const& buffer = (caller.context.hazards & hazard::buffers) != 0 ? declared : none;
    Word const offset = call.word(0), local = call.word(1), wanted = call.word(2);
    if (wanted > bulk_at_most) return call.refuse(Error::RangeError, "more than 64 KiB at a time");
    if (offset > buffer.length) return call.refuse(Error::RangeError, "offset beyond the declared buffer");
    Word const bytes = std::min(wanted, buffer.length - offset);
    Address const remote = buffer.address + offset;
    void const* const remote_directory = directory_of(caller);
    void const* const local_directory = directory_of(call.caller);
    Word& done = call.caller.progress[0];
    while (done < bytes) {
        Word piece = bytes - done;
        void* const there = reach(remote_directory, remote + done, read ? abi::right::read : abi::right::write, piece);
        if (there == nullptr) return call.result(done, remote + done, 0);
        void* const here = reach(local_directory, local + done, read ? abi::right::write : abi::right::read, piece);
        if (here == nullptr) return call.result(done, 0, local + done);
        copy_bytes(read ? here : there, read ? there : here, piece);
        done += piece;
        if (done < bytes && should_preempt()) return preempted;
    }
    return call.result(done, 0, 0);
}

Error forward(Invocation& call, Reply& reply) {
    Thread& caller = *reply.caller;
    constexpr Word longest = 8, label_limit = 1u << abi::MessageInfo::label_bits;
    Word const label = call.word(0), length = call.word(1);
    if (label >= label_limit || length > longest || 2 + length > call.length)
        return call.refuse(Error::RangeError, "forwarded message out of range");
    if (length > abi::register_words && caller.ipc_buffer == nullptr && !caller.message.is_fault)
        return call.refuse(Error::IllegalOperation, "the caller has no IPC buffer for the words");
    Slot* const slot = call.extra(0, CapabilityType::Endpoint);
    if (slot == nullptr) return call.refuse(Error::InvalidCapability, "no endpoint to forward to");
    Capability const target = slot->capability;
    if (!target.has(abi::right::write)) return call.refuse(Error::IllegalOperation, "no right to send to the endpoint");

    if (caller.message.is_fault) {
        caller.fault_label = label;
        caller.fault_length = length;
        for (Word i = 0; i < length; ++i) caller.fault[i] = call.word(2 + i);
    } else {
        Word const buffers = caller.context.info() & (abi::MessageInfo::read_buffer | abi::MessageInfo::write_buffer);
        for (Word i = abi::register_words; i < length; ++i) caller.ipc_buffer->message[i] = call.word(2 + i);
        caller.context.set_message(abi::MessageInfo{label, length, 0, buffers}.raw, caller.context.capability(), call.word(2), call.word(3));
    }
    PendingMessage const message{.badge = target.badge(), .is_call = true, .is_fault = caller.message.is_fault, .can_grant = false,
                                 .can_grant_reply = can_grant_reply(caller)};
    reply.caller = nullptr;
    caller.state = ThreadState::Inactive;
    caller.message = message;
    send(caller, target.object<Endpoint>(), message, true);
    return call.result();
}

} // namespace

Error invoke_reply(Invocation& call) {
    auto& reply = call.capability().object<Reply>();
    if (call.label == abi::Invocation::ReplyStatus) return call.result(reply.caller != nullptr ? 1 : 0);
    if (reply.caller == nullptr) return call.refuse(Error::IllegalOperation, "the Reply object has no caller");
    switch (call.label) {
    case abi::Invocation::ReplyBulkRead: return bulk(call, *reply.caller, true);
    case abi::Invocation::ReplyBulkWrite: return bulk(call, *reply.caller, false);
    case abi::Invocation::ReplyForward: return forward(call, reply);
    default: return call.refuse(Error::IllegalOperation, "not a Reply invocation");
    }
}

} // namespace kernel
