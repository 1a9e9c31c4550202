#include "deletion.hpp"
#include "interrupt.hpp"
#include "mapping.hpp"
#include "trace.hpp"

namespace kernel {

namespace {

void append_zombie(Slot& slot) {
    Cpu& processor = cpu();
    if (processor.zombie_last != nullptr) processor.zombie_last->capability.set_zombie_next(&slot);
    else processor.zombie_first = &slot, processor.zombie_progress = 0;
    processor.zombie_last = &slot;
}

/// The slot holds the last capability of a CNode. The zombie takes the CNode's slot 0; what was there comes to `slot`,
/// to be deleted next: whoever can see `slot` could see it in the CNode too.
void make_cnode_zombie(Slot& slot) {
    Capability const cnode = slot.capability;
    Capability const zombie{cnode.pointer() | static_cast<Word>(CapabilityType::Zombie), cnode.radix() - 1};
    Slot& first = *cnode.slots();
    if (&first == &slot) {
        slot.capability = zombie;
    } else {
        Slot held{};
        bool const occupied = !first.is_empty();
        if (occupied) move_capability(held, first.capability, first);
        move_capability(first, zombie, slot);
        if (occupied) move_capability(slot, held.capability, held);
    }
    append_zombie(first);
}

void make_thread_zombie(Slot& slot) {
    auto& thread = slot.capability.object<Thread>();
    Cpu& processor = cpu();
    trace(TraceEvent::ThreadDestroyed, &thread);
    suspend(thread);
    end_borrow(thread);
    if (thread.own_context != nullptr) unbind(*thread.own_context);
    unbind_notification(thread);
    if (processor.current == &thread) processor.current = nullptr;
    arch::context_destroy(thread.context);
    (thread.all_previous != nullptr ? thread.all_previous->all_next : processor.all_threads) = thread.all_next;
    if (thread.all_next != nullptr) thread.all_next->all_previous = thread.all_previous;
    --processor.thread_count;
    Capability const zombie{
        reinterpret_cast<Word>(&thread) | static_cast<Word>(CapabilityType::Zombie) | Capability::zombie_thread, 0};
    move_capability(thread.zombie, zombie, slot);
    append_zombie(thread.zombie);
}

/// Ends the object if `final`, and what this very capability stands for (a mapping, a buffer) in any case.
Error finalise(Slot& slot, bool final) {
    Capability const& capability = slot.capability;
    switch (capability.type()) {
    case CapabilityType::Frame:
        if (capability.is_mapped()) unmap_frame(slot);
        else if (capability.is_ipc_buffer()) {
            Thread& thread = *capability.ipc_buffer_thread();
            set_ipc_buffer(thread, 0, nullptr);
        }
        return Error::None;
    case CapabilityType::PageTable: return capability.is_mapped() ? unmap_table(slot) : Error::None;
    case CapabilityType::AddressSpace: return final ? destroy(capability.object<AddressSpace>()) : Error::None;
    default: break;
    }
    if (!final) return Error::None;
    switch (capability.type()) {
    case CapabilityType::Endpoint: return destroy(capability.object<Endpoint>());
    case CapabilityType::Notification: return destroy(capability.object<Notification>());
    case CapabilityType::Reply: destroy(capability.object<Reply>()); break;
    case CapabilityType::SchedContext: return destroy(capability.object<SchedContext>());
    case CapabilityType::IrqHandler: return release_interrupt(capability.irq_line());
    default: break;
    }
    return Error::None;
}

/// One step: the slot is emptied, or holds something else to be deleted (see make_cnode_zombie). Not for zombies.
Error delete_step(Slot& slot) {
    bool const final = is_final(slot);
    if (final && slot.capability.is(CapabilityType::CNode)) {
        make_cnode_zombie(slot);
        return Error::None;
    }
    if (final && slot.capability.is(CapabilityType::Thread)) {
        make_thread_zombie(slot);
        return Error::None;
    }
    if (Error const error = finalise(slot, final); error != Error::None) return error;
    empty_slot(slot);
    return Error::None;
}

/// Takes apart every zombie. What they held is deleted, which may add zombies at the end of the queue.
Error take_apart() {
    Cpu& processor = cpu();
    while (processor.zombie_first != nullptr) {
        Slot& zombie = *processor.zombie_first;
        Capability const capability = zombie.capability;
        bool const is_thread = capability.zombie_is_thread();
        Slot* const slots = is_thread ? reinterpret_cast<Thread*>(capability.zombie_pointer())->slots()
                                      : reinterpret_cast<Slot*>(capability.zombie_pointer());
        Word const count = is_thread ? Thread::slot_count : Word{1} << capability.zombie_radix();
        while (processor.zombie_progress < count) {
            Slot& slot = slots[processor.zombie_progress];
            if (slot.is_empty() || &slot == &zombie) {
                if (++processor.zombie_progress % 256 == 0 && should_preempt()) return preempted;
                continue;
            }
            if (delete_step(slot) != Error::None || should_preempt()) return preempted;
        }
        processor.zombie_first = zombie.capability.zombie_next();
        if (processor.zombie_first == nullptr) processor.zombie_last = nullptr;
        processor.zombie_progress = 0;
        empty_slot(zombie);
    }
    return Error::None;
}

Error delete_all_of(Slot& slot) {
    while (!slot.is_empty()) {
        Error const error = slot.capability.is(CapabilityType::Zombie) ? take_apart() : delete_step(slot);
        if (error != Error::None) return error;
        if (!slot.is_empty() && should_preempt()) return preempted;
    }
    return Error::None;
}

} // namespace

Error delete_capability(Slot& slot) {
    if (Error const error = delete_all_of(slot); error != Error::None) return error;
    return take_apart();
}

void delete_frame(Slot& slot) {
    if (slot.is_empty()) return;
    static_cast<void>(finalise(slot, false));
    empty_slot(slot);
}

Error revoke(Slot& slot) {
    while (!slot.is_empty() && has_children(slot)) {
        if (Error const error = delete_all_of(*slot.next()); error != Error::None) return error;
        if (should_preempt()) return preempted;
    }
    return take_apart();
}

} // namespace kernel
