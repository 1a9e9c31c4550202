// Thread invocations.
#pragma GCC optimize("Os") // not where time counts
#include "deletion.hpp"
#include "syscall.hpp"
#include <algorithm>

namespace kernel {

namespace {

using abi::Registers;

Thread& target(Invocation& call) { return call.capability().object<Thread>(); }

/// Replaces what a slot of the thread holds by a copy of `source`: new before old, for the source may lie in the CNode that
/// ends by this. May be preempted while the old one is deleted.
Error replace(Thread& thread, Slot& destination, Capability const& copy, Slot& source) {
    if (Error const error = delete_capability(thread.replaced); error != Error::None) return error;
    if (destination.capability == copy) return Error::None;
    if (!destination.is_empty()) move_capability(thread.replaced, destination.capability, destination);
    insert_derived(destination, copy, source);
    if (&destination == &thread.cspace_root) update_cspace(thread);
    if (&destination == &thread.address_space) update_space(thread);
    return delete_capability(thread.replaced);
}

struct BufferArgument {
    Address address;
    Slot* frame; ///< null: no buffer
};

Error check_buffer(Invocation& call, Address address, Word extra_index, BufferArgument& buffer) {
    buffer = {address, call.extra(extra_index)};
    if (buffer.frame == nullptr) {
        if (address != 0) return call.refuse(Error::InvalidCapability, "IPC buffer address without a frame");
        return Error::None;
    }
    Capability const& frame = buffer.frame->capability;
    if (!frame.is(CapabilityType::Frame) || frame.is_large() || frame.frame_is_device())
        return call.refuse(Error::InvalidCapability, "IPC buffer is no 4 KiB frame of memory");
    if ((frame.frame_rights() & 3) != 3)
        return call.refuse(Error::IllegalOperation, "IPC buffer frame is not writable");
    if (address % abi::page_size != 0) return call.refuse(Error::AlignmentError, "IPC buffer is not page-aligned");
    if (address >= abi::user_end) return call.refuse(Error::RangeError, "IPC buffer outside user space");
    return Error::None;
}

Error set_buffer(Thread& thread, BufferArgument const& buffer) {
    delete_frame(thread.ipc_buffer_frame);
    if (buffer.frame == nullptr) {
        set_ipc_buffer(thread, 0, nullptr);
    } else {
        Capability copy = buffer.frame->capability;
        copy.word1 = reinterpret_cast<Word>(&thread) | 2;
        insert_derived(thread.ipc_buffer_frame, copy, *buffer.frame);
        set_ipc_buffer(thread, buffer.address, static_cast<abi::IpcBuffer*>(arch::to_virtual(copy.frame_physical())));
        thread.ipc_buffer->self = buffer.address;
    }
    return Error::None;
}

Error check_guard(Invocation& call, Slot const& cnode, Word data, Capability& root) {
    root = cnode.capability;
    Word const bits = data & 31, value = data >> 5;
    if (data == 0) return Error::None; // the capability's own guard
    if (value >> Capability::max_guard_value_bits != 0 || bits + root.radix() > 32 || value >> bits != 0)
        return call.refuse(Error::RangeError, "no such guard");
    root.set_guard(value, bits);
    return Error::None;
}

/// Configure, SetSpace and SetCSpace: everything is checked before the first slot changes. Each slot is replaced in
/// one go or left empty by a preemption, so that doing it all again is right.
Error set_spaces(Invocation& call, bool with_cspace, bool with_space) {
    Thread& thread = target(call);
    Word const guard = call.word(with_space ? 1 : 0);
    Word extra_index = 0;
    Slot *cspace = nullptr, *space = nullptr;
    Capability root;
    BufferArgument buffer{};
    if (with_cspace) {
        cspace = call.extra(extra_index++, CapabilityType::CNode);
        if (cspace == nullptr) return call.refuse(Error::InvalidCapability, "CSpace root is no CNode");
        if (Error const error = check_guard(call, *cspace, guard, root); error != Error::None) return error;
    }
    if (with_space) {
        space = call.extra(extra_index++, CapabilityType::AddressSpace);
        if (space == nullptr) return call.refuse(Error::InvalidCapability, "no AddressSpace given");
        if (Error const error = check_buffer(call, call.word(0), extra_index, buffer); error != Error::None)
            return error;
    }
    if (with_space) {
        // New before old: the caller's own space must not end while its call goes on.
        Error const replaced = same_object(thread.address_space.capability, space->capability)
                                   ? delete_capability(thread.replaced)
                                   : replace(thread, thread.address_space, space->capability, *space);
        if (replaced != Error::None) return replaced;
        if (Error const error = set_buffer(thread, buffer); error != Error::None) return error;
        arch::floating_point_reset(thread.context);
    }
    // The CSpace last: the capability pointers of this call are looked up in the old one.
    if (with_cspace)
        if (Error const error = replace(thread, thread.cspace_root, root, *cspace); error != Error::None) {
            // Nothing is left to do but delete the old one, and the pointers of this call mean nothing in the new one.
            if (&thread == &call.caller && thread.cspace_root.capability == root)
                call.caller.progress[1] = own_cspace_replaced;
            return error;
        }
    return call.result();
}

Error read_registers(Invocation& call) {
    Registers const registers = target(call).context.registers();
    static_assert(abi::register_count <= std::tuple_size_v<decltype(call.results)>);
    Word const words[abi::register_count] = {registers.eip, registers.esp, registers.eflags, registers.eax,
                                             registers.ebx, registers.ecx, registers.edx,    registers.esi,
                                             registers.edi, registers.ebp, registers.fs,     registers.gs};
    std::copy_n(words, abi::register_count, call.results.begin());
    call.result_length = abi::register_count;
    return Error::None;
}

Error write_registers(Invocation& call) {
    Thread& thread = target(call);
    if (&thread == &call.caller) return call.refuse(Error::IllegalOperation, "a thread cannot write its own registers");
    if (call.length < 1 + abi::register_count)
        return call.refuse(Error::TruncatedMessage, "fewer words than registers");
    Registers const registers{call.word(1), call.word(2), call.word(3), call.word(4),  call.word(5),  call.word(6),
                              call.word(7), call.word(8), call.word(9), call.word(10), call.word(11), call.word(12)};
    bool const resume_after = call.word(0) != 0;
    if (resume_after) {
        suspend(thread);
        thread.context.set_registers(registers);
        resume(thread);
    } else {
        thread.restart = false;
        thread.progress[0] = thread.progress[1] = 0;
        thread.context.set_registers(registers);
    }
    return call.result();
}

Error set_fault_handler(Invocation& call) {
    Thread& thread = target(call);
    if (call.capability_count == 0 || call.extra(0) == nullptr) return delete_capability(thread.fault_handler);
    Slot* const handler = call.extra(0, CapabilityType::Endpoint);
    if (handler == nullptr) return call.refuse(Error::InvalidCapability, "fault handler is no endpoint");
    Capability copy;
    if (Error const error = derive(*handler, copy); error != Error::None)
        return call.refuse(error, "handler cannot be copied");
    if (!copy.has(abi::right::write))
        return call.refuse(Error::IllegalOperation, "no right to send to the fault handler");
    if (Error const error = replace(thread, thread.fault_handler, copy, *handler); error != Error::None) return error;
    return call.result();
}

Error set_tls(Invocation& call) {
    Word const entry = call.word(0);
    if (entry > 2) return call.refuse(Error::RangeError, "no such TLS entry");
    Thread& thread = target(call);
    thread.context.set_tls(entry, call.word(1), call.word(2), (call.word(3) & 1) != 0);
    return call.result();
}

Error interrupt(Invocation& call) {
    Thread& thread = target(call);
    if (!is_waiting(thread)) return call.result(0);
    cancel_wait(thread);
    wake(thread, Error::Interrupted);
    return call.result(1);
}

Error bind_notification(Invocation& call) {
    Thread& thread = target(call);
    Slot* const slot = call.extra(0, CapabilityType::Notification);
    if (slot == nullptr) return call.refuse(Error::InvalidCapability, "no notification given");
    if (!slot->capability.has(abi::right::read))
        return call.refuse(Error::IllegalOperation, "no right to receive signals");
    auto& notification = slot->capability.object<Notification>();
    if (thread.bound_notification != nullptr || notification.bound_thread != nullptr || !notification.queue.is_empty())
        return call.refuse(Error::IllegalOperation, "thread or notification is bound or waited on");
    bind(notification, thread);
    return call.result();
}

Error copy_floating_point(Invocation& call) {
    if (call.capability_count == 0) {
        arch::floating_point_reset(target(call).context);
        return call.result();
    }
    Slot* const source = call.extra(0, CapabilityType::Thread);
    if (source == nullptr) return call.refuse(Error::InvalidCapability, "no thread given to copy from");
    arch::floating_point_copy(target(call).context, source->capability.object<Thread>().context);
    return call.result();
}

} // namespace

Error invoke_thread(Invocation& call) {
    using enum abi::Invocation;
    Thread& thread = target(call);
    switch (call.label) {
    case ThreadConfigure: return set_spaces(call, true, true);
    case ThreadSetSpace: return set_spaces(call, false, true);
    case ThreadSetCSpace: return set_spaces(call, true, false);
    case ThreadSetFaultHandler: return set_fault_handler(call);
    case ThreadSetPriority:
        if (call.word(0) > 255) return call.refuse(Error::RangeError, "no such priority");
        if (call.word(0) > call.caller.priority)
            return call.refuse(Error::IllegalOperation, "priority above the caller's");
        set_priority(thread, static_cast<std::uint8_t>(call.word(0)));
        return call.result();
    case ThreadReadRegisters: return read_registers(call);
    case ThreadWriteRegisters: return write_registers(call);
    case ThreadSuspend: suspend(thread); return call.result();
    case ThreadResume: resume(thread); return call.result();
    case ThreadInterrupt: return interrupt(call);
    case ThreadSetTls: return set_tls(call);
    case ThreadSetRedirect:
        if (call.word(0) >= abi::user_end) return call.refuse(Error::RangeError, "redirect entry outside user space");
        thread.context.set_redirect(call.word(0));
        return call.result();
    case ThreadBindNotification: return bind_notification(call);
    case ThreadUnbindNotification: unbind_notification(thread); return call.result();
    case ThreadSetName:
        for (Word i = 0; i < 4; ++i) thread.name[i] = call.word(i);
        return call.result();
    case ThreadCopyFloatingPoint: return copy_floating_point(call);
    case ThreadGetState: return call.result(thread.state);
    default: return call.refuse(Error::IllegalOperation, "not a Thread invocation");
    }
}

} // namespace kernel
