// 1 ready queues and bitmaps   2 states against queues and bindings   3 replies against callers   4 derivation list
// 5 mappings against hardware entries   6 scheduling contexts   7 endpoints and notifications   8 Untyped children
// 9 what threads repeat of their slots
#include "invariants.hpp"
#include "derivation.hpp"
#include "scheduler.hpp"

namespace kernel {

namespace {

bool ready_queues_hold() {
    Cpu const& processor = cpu();
    for (Word priority = 0; priority < 256; ++priority) {
        bool const bit = (processor.ready_bits[priority / 32] >> priority % 32 & 1) != 0;
        if (bit == processor.ready[priority].is_empty()) return false;
        Thread const* previous = nullptr;
        for (Thread const* thread = processor.ready[priority].first; thread != nullptr; thread = thread->queue_next) {
            if (!thread->queued || thread->priority != priority || thread->queue_previous != previous) return false;
            if (!is_runnable(*thread) || thread == processor.current) return false;
            previous = thread;
        }
        if (previous != processor.ready[priority].last) return false;
    }
    for (Word group = 0; group < 8; ++group)
        if (((processor.ready_summary >> group & 1) != 0) != (processor.ready_bits[group] != 0)) return false;
    int highest = 255;
    while (highest >= 0 && processor.ready[highest].is_empty()) --highest;
    if (processor.highest_ready != highest + 1) return false;
    return processor.current == nullptr || !processor.current->queued;
}

bool is_in(ThreadQueue const& queue, Thread const& wanted) {
    Thread const* previous = nullptr;
    bool found = false;
    for (Thread const* thread = queue.first; thread != nullptr; thread = thread->queue_next) {
        if (thread->queue_previous != previous) return false;
        found |= thread == &wanted;
        previous = thread;
    }
    return found && queue.last == previous;
}

bool thread_holds(Thread const& thread) {
    Cpu const& processor = cpu();
    switch (thread.state) {
    case ThreadState::Inactive:
        if (thread.queued) return false;
        break;
    case ThreadState::Running:
        if (thread.message.is_fault) return false;
        if (thread.queued != (is_runnable(thread) && &thread != processor.current)) return false;
        break;
    case ThreadState::BlockedOnSend:
    case ThreadState::BlockedOnReceive: {
        if (thread.queued || thread.waiting_on == nullptr) return false;
        auto const& endpoint = *static_cast<Endpoint const*>(thread.waiting_on);
        bool const sending = thread.state == ThreadState::BlockedOnSend;
        if (endpoint.state() != (sending ? EndpointState::Sending : EndpointState::Receiving)) return false;
        if (!is_in(endpoint.queue, thread)) return false;
        if (!sending && ((thread.context.hazards & hazard::no_reply) != 0) != (thread.reply == nullptr)) return false;
        break;
    }
    case ThreadState::BlockedOnReply:
        if (thread.queued || thread.reply == nullptr) return false;
        break;
    case ThreadState::BlockedOnNotification:
        if (thread.queued || thread.waiting_on == nullptr) return false;
        if (!is_in(static_cast<Notification const*>(thread.waiting_on)->queue, thread)) return false;
        break;
    default: return false;
    }
    bool const signalled = thread.bound_notification != nullptr && thread.bound_notification->is_active;
    if (((thread.context.hazards & hazard::signal) != 0) != signalled) return false;
    return thread.bound_notification == nullptr || thread.bound_notification->bound_thread == &thread;
}

bool reply_holds(Thread const& thread) {
    if (thread.state == ThreadState::BlockedOnReply) return thread.reply->caller == &thread && thread.reply->receiver == nullptr;
    if (thread.state != ThreadState::BlockedOnReceive || thread.reply == nullptr) return true;
    return thread.reply->receiver == &thread && thread.reply->caller == nullptr;
}

bool contexts_hold(Thread const& thread) {
    if (thread.own_context != nullptr && thread.own_context->bound_thread != &thread) return false;
    if (thread.time != (thread.borrowed_context != nullptr ? thread.borrowed_context : thread.own_context)) return false;
    if (thread.time != nullptr && (thread.time->usable != 0) != (thread.time->budget != 0 && !thread.time->throttled)) return false;
    if (thread.borrowed_context == nullptr) return thread.borrow_next == nullptr && thread.borrow_previous == nullptr;
    if (thread.own_context != nullptr) return false;
    for (Thread const* borrower = thread.borrowed_context->borrowers; borrower != nullptr; borrower = borrower->borrow_next)
        if (borrower == &thread) return true;
    return false;
}

/// What the thread repeats of its slots is what they say.
bool roots_hold(Thread const& thread) {
    Capability const& root = thread.cspace_root.capability;
    bool const simple = root.is(CapabilityType::CNode) && root.guard() == 0 && root.guard_bits() + root.radix() == 32;
    if (thread.cspace_size != (simple ? root.slot_count() : 0) || (simple && thread.cspace_slots != root.slots())) return false;
    Capability const& space = thread.address_space.capability;
    if (space.is(CapabilityType::AddressSpace) != thread.address_space.has_flag(Slot::in_thread)) return space.is_null();
    return arch::has_space(thread.context, space.is(CapabilityType::AddressSpace) ? space.object<AddressSpace>().hardware : nullptr);
}

bool refills_hold() {
    SchedContext const* previous = nullptr;
    for (SchedContext const* context = cpu().refill_first; context != nullptr; context = context->refill_next) {
        if (!context->throttled || context->refill_previous != previous) return false;
        previous = context;
    }
    return previous == cpu().refill_last;
}

bool mapping_holds(Slot const& slot) {
    Capability const& capability = slot.capability;
    if (!capability.is_mapped()) return true;
    if (capability.is(CapabilityType::PageTable)) {
        auto const& space = *reinterpret_cast<AddressSpace const*>(capability.map_table());
        auto const index = static_cast<Word>(&slot - space.shadow);
        return index < AddressSpace::user_entries &&
               arch::entry_physical(space.hardware, index) == arch::to_physical(&capability.object<PageTable>());
    }
    if (!capability.is(CapabilityType::Frame)) return true;
    if (capability.is_large()) {
        auto const& space = *reinterpret_cast<AddressSpace const*>(capability.map_table());
        auto const index = static_cast<Word>(&slot - space.shadow);
        return index < AddressSpace::user_entries && index == capability.directory_index() &&
               (arch::entry_rights(space.hardware, index) & ~capability.frame_rights()) == 0;
    }
    auto const& table = *reinterpret_cast<PageTable const*>(capability.map_table());
    auto const index = static_cast<Word>(&slot - table.shadow);
    if (index >= 1024) return false;
    Word const rights = arch::entry_rights(table.hardware, index);
    return rights == 0 || ((rights & ~capability.frame_rights()) == 0 &&
                           arch::entry_physical(table.hardware, index) == capability.frame_physical());
}

/// The list forwards from `slot` to its end; and that siblings of one Untyped do not overlap.
Word list_fault(Slot const& start) {
    for (Slot const* slot = &start; slot != nullptr; slot = slot->next()) {
        if (slot->is_empty()) return 4;
        if (slot->previous() != nullptr && slot->previous()->next() != slot) return 4;
        if (slot->next() != nullptr && slot->next()->previous() != slot) return 4;
        if (!mapping_holds(*slot)) return 5;
        Capability const& capability = slot->capability;
        if (capability.is(CapabilityType::Endpoint)) {
            auto const& endpoint = capability.object<Endpoint>();
            if ((endpoint.state() == EndpointState::Idle) != endpoint.queue.is_empty()) return 7;
            if ((endpoint.no_senders == nullptr) != (endpoint.bind_slot == nullptr)) return 7;
            if (endpoint.bind_slot != nullptr && endpoint.bind_slot->capability.object_pointer<Endpoint>() != &endpoint) return 7;
            if ((endpoint.first_dead == nullptr) != (endpoint.last_dead == nullptr)) return 7;
            if (slot->has_flag(Slot::dead) && (endpoint.first_dead == nullptr || has_children(*slot))) return 7;
        }
        if (!capability.is(CapabilityType::Untyped)) continue;
        Word end_of_last = 0;
        bool any = false;
        for (Slot const* child = slot->next(); child != nullptr && is_parent(*slot, *child); child = child->next()) {
            Address first;
            Word bytes;
            if (!physical_region(child->capability, first, bytes)) return 8;
            Word const end = first - capability.pointer() + bytes;
            if (end > end_of_last) end_of_last = end;
            any = true;
            Slot const* const following = child->next();
            Address other;
            Word other_bytes;
            if (following == nullptr || !is_parent(*slot, *following)) continue;
            physical_region(following->capability, other, other_bytes);
            bool const disjoint = other + other_bytes <= first || first + bytes <= other;
            bool const nested = (other >= first && other + other_bytes <= first + bytes);
            if (!disjoint && !nested) return 8;
        }
        if (any && end_of_last > capability.watermark()) return 8;
    }
    return 0;
}

} // namespace

Word check_invariants() {
    if (!ready_queues_hold()) return 1;
    for (Thread const* thread = cpu().all_threads; thread != nullptr; thread = thread->all_next) {
        if (!thread_holds(*thread)) return 2;
        if (!reply_holds(*thread)) return 3;
        if (!contexts_hold(*thread)) return 6;
        if (!roots_hold(*thread)) return 9;
        // Every capability is in the list of some thread's slots, its CSpace's, or their neighbours.
        for (Word i = 0; i < Thread::slot_count; ++i) {
            Slot const& own = const_cast<Thread*>(thread)->slots()[i];
            if (own.is_empty()) continue;
            Slot const* first = &own;
            while (first->previous() != nullptr) first = first->previous();
            if (Word const fault = list_fault(*first); fault != 0) return fault;
        }
        Capability const& root = thread->cspace_root.capability;
        for (Word i = 0; root.is(CapabilityType::CNode) && i < root.slot_count(); ++i) {
            Slot const& slot = root.slots()[i];
            if (slot.is_empty()) {
                if (slot.previous() != nullptr || slot.next() != nullptr) return 4;
                continue;
            }
            if (slot.previous() == nullptr)
                if (Word const fault = list_fault(slot); fault != 0) return fault;
        }
    }
    return refills_hold() ? 0 : 6;
}

} // namespace kernel
