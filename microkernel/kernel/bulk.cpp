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

/// One side of a copy: how far its memory is known to reach in the kernel's window.
struct Reach {
    void const* directory;
    Word rights;
    std::byte* at = nullptr;
    Word left = 0; ///< bytes from `at` to the end of the page

    /// At a user address of which no more is known; false: a fault.
    bool look_up(Address address) {
        if (directory == nullptr || address >= abi::user_end) return false;
        at = static_cast<std::byte*>(arch::user_to_kernel(directory, address, rights));
        left = abi::page_size - address % abi::page_size;
        return at != nullptr;
    }
    void advance(Word bytes) {
        at += bytes;
        left -= bytes;
    }
};

/// Copies between the caller's buffer and the invoker's memory until done, a page is missing, or an interrupt waits.
Error bulk(Invocation& call, Thread& caller, bool read) {
    CallerBuffer const none{}, &declared = read ? caller.read_buffer : caller.write_buffer;
    CallerBuffer const& buffer = (caller.context.hazards & hazard::buffers) != 0 ? declared : none;
    Word const offset = call.word(0), local = call.word(1), wanted = call.word(2);
    if (wanted > bulk_at_most) return call.refuse(Error::RangeError, "more than 64 KiB at a time");
    if (offset > buffer.length) return call.refuse(Error::RangeError, "offset beyond the declared buffer");
    Word const bytes = std::min(wanted, buffer.length - offset);
    Address const remote = buffer.address + offset;
    Reach there{directory_of(caller), read ? abi::right::read : abi::right::write};
    Reach here{directory_of(call.caller), read ? abi::right::write : abi::right::read};
    Word done = call.caller.progress[0];
    while (done < bytes) {
        if (there.left == 0) {
            // Nothing is believed of a page for longer than it takes to copy it.
            if (there.at != nullptr && should_preempt()) {
                call.caller.progress[0] = done;
                return preempted;
            }
            if (!there.look_up(remote + done)) return call.result(done, remote + done, 0);
        }
        if (here.left == 0 && !here.look_up(local + done)) return call.result(done, 0, local + done);
        Word const piece = std::min(std::min(there.left, here.left), bytes - done);
        copy_bytes(read ? here.at : there.at, read ? there.at : here.at, piece);
        done += piece;
        there.advance(piece);
        here.advance(piece);
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
        caller.context.set_message(abi::MessageInfo{label, length, 0, buffers}.raw, caller.context.capability(),
                                   call.word(2), call.word(3));
    }
    PendingMessage const message{.badge = target.badge(),
                                 .is_call = true,
                                 .is_fault = caller.message.is_fault,
                                 .can_grant = false,
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
