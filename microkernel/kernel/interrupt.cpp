#include "interrupt.hpp"
#include "deletion.hpp"
#include "syscall.hpp"

namespace kernel {

namespace {
/// Per line: a copy of the notification capability that is signalled. Masked from an interrupt to its acknowledgement.
constinit std::array<Slot, interrupt_lines> slots{};
constinit std::array<bool, interrupt_lines> is_issued{};
} // namespace

Slot& interrupt_slot(Word line) { return slots[line]; }

Word issued_interrupts() {
    Word lines = 0;
    for (Word line = 0; line < interrupt_lines; ++line) lines |= Word{is_issued[line]} << line;
    return lines;
}

void initialize_interrupts() {
    slots = {};
    is_issued = {};
}

Error release_interrupt(Word line) {
    arch::interrupt_mask(line);
    Slot& slot = slots[line];
    if (!slot.is_empty()) {
        // The notification has other capabilities, or ends here.
        if (is_final(slot))
            if (Error const error = destroy(slot.capability.object<Notification>()); error != Error::None) return error;
        empty_slot(slot);
    }
    is_issued[line] = false;
    return Error::None;
}

void handle_interrupt(Word line) {
    arch::interrupt_mask(line);
    Capability const& capability = slots[line].capability;
    if (capability.is(CapabilityType::Notification)) signal(capability.object<Notification>(), capability.badge());
    if (!cpu().in_preemption) leave_kernel();
}

Error invoke_irq_control(Invocation& call) {
    if (call.label != abi::Invocation::IrqControlGet)
        return call.refuse(Error::IllegalOperation, "not an IrqControl invocation");
    Word const line = call.word(0);
    Slot* const cnode = call.extra(0, CapabilityType::CNode);
    if (line >= interrupt_lines) return call.refuse(Error::RangeError, "no such interrupt line");
    if (cnode == nullptr) return call.refuse(Error::InvalidCapability, "destination is no CNode");
    Slot* const destination = resolve(cnode->capability, call.word(1), 0);
    if (destination == nullptr) return call.refuse(Error::RangeError, "destination slot out of range");
    if (!destination->is_empty()) return call.refuse(Error::DeleteFirst, "destination slot is in use");
    if (is_issued[line]) return call.refuse(Error::RevokeFirst, "the line has a handler");
    is_issued[line] = true;
    insert_derived(*destination, {static_cast<Word>(CapabilityType::IrqHandler), line}, call.slot);
    return call.result();
}

Error invoke_irq_handler(Invocation& call) {
    Word const line = call.capability().irq_line();
    Slot& slot = slots[line];
    switch (call.label) {
    case abi::Invocation::IrqHandlerAcknowledge: arch::interrupt_unmask(line); return call.result();
    case abi::Invocation::IrqHandlerSetNotification: {
        Slot* const notification = call.extra(0, CapabilityType::Notification);
        if (notification == nullptr) return call.refuse(Error::InvalidCapability, "no notification given");
        if (!notification->capability.has(abi::right::write))
            return call.refuse(Error::IllegalOperation, "no right to signal");
        if (Error const error = delete_capability(slot); error != Error::None) return error;
        insert_derived(slot, notification->capability, *notification);
        arch::interrupt_unmask(line);
        return call.result();
    }
    case abi::Invocation::IrqHandlerClear:
        arch::interrupt_mask(line);
        if (Error const error = delete_capability(slot); error != Error::None) return error;
        return call.result();
    default: return call.refuse(Error::IllegalOperation, "not an IrqHandler invocation");
    }
}

} // namespace kernel
