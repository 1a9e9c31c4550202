// Invariants, part 2: one pass over the derivation list, which holds every capability there is. Linear time, no memory.
#pragma GCC optimize("Os") // not where time counts
#include "derivation.hpp"
#include "interrupt.hpp"
#include "invariants.hpp"
#include "scheduler.hpp"

namespace kernel {

namespace {

struct Pass {
    WaitCounts found;
    Address root_start = 0; ///< memory of the outermost capability that the pass is in
    Word root_bytes = 0;
    Slot const* original = nullptr; ///< of the present object, if it has capabilities that descend from it
    Slot const* badged = nullptr;   ///< the last one that got a badge: parent of those with the same
    Word handler_lines = 0;
    Word throttled = 0; ///< contexts that wait for their refill
    Word zombies = 0;
    Word children_listed = 0, with_parent = 0; ///< contexts that a parent knows, and that know one
};

Word rights_of(Capability const& capability) {
    switch (capability.type()) {
    case CapabilityType::Endpoint:
    case CapabilityType::Notification: return capability.word1 & abi::right::all;
    case CapabilityType::Frame: return capability.frame_rights();
    default: return 0;
    }
}

bool is_within_rights(Slot const* parent, Slot const& child) {
    if (parent == nullptr || !same_object(parent->capability, child.capability) || !is_parent(*parent, child))
        return true;
    return (rights_of(child.capability) & ~rights_of(parent->capability)) == 0;
}

/// Links, rights. Objects come newest, which is highest, first within each Untyped; so each slot's memory lies within
/// that of the one before it, or below: therefore all capabilities of one object stand together, none overlap, and what
/// lies in an Untyped is its descendant.
Broken check_place(Pass& pass, Slot const& slot) {
    Slot const& previous = *slot.previous();
    if (slot.is_empty() || previous.next() != &slot) return Broken::Derivation;
    if (slot.next() != nullptr && slot.next()->previous() != &slot) return Broken::Derivation;
    if (!same_object(previous.capability, slot.capability)) pass.original = pass.badged = nullptr;
    if (slot.has_flag(Slot::revocable))
        (rights_of(slot.capability) != 0 && slot.capability.is(CapabilityType::Endpoint) && slot.capability.badge() != 0
             ? pass.badged
             : pass.original) = &slot;
    if (!is_within_rights(pass.original == &slot ? nullptr : pass.original, slot)) return Broken::Derivation;
    if (!is_within_rights(pass.badged == &slot ? nullptr : pass.badged, slot)) return Broken::Derivation;

    Address start, above;
    Word bytes, above_bytes;
    if (!physical_region(slot.capability, start, bytes)) return Broken::Nothing;
    if (start - pass.root_start >= pass.root_bytes) { // nothing this belongs to: a new outermost one
        if (pass.root_start - start < bytes) return Broken::UntypedChildren;
        pass.root_start = start;
        pass.root_bytes = bytes;
        return Broken::Nothing;
    }
    if (!physical_region(previous.capability, above, above_bytes)) return Broken::UntypedChildren;
    bool const nested = start >= above && bytes <= above_bytes && start - above <= above_bytes - bytes;
    bool const below = start < above && bytes <= above - start;
    if (!nested && !below) return Broken::UntypedChildren;
    bool const in_untyped = previous.capability.is(CapabilityType::Untyped);
    if (nested && !in_untyped && !same_object(previous.capability, slot.capability) &&
        !slot.capability.is(CapabilityType::Zombie))
        return Broken::UntypedChildren;
    if (nested && in_untyped && is_parent(previous, slot) && start - above + bytes > previous.capability.watermark())
        return Broken::UntypedChildren;
    return Broken::Nothing;
}

/// Every member of the queue waits here, in this state, and the links hold.
bool queue_holds(ThreadQueue const& queue, void const* object, ThreadState state, Word& count) {
    Thread const* previous = nullptr;
    for (Thread const* thread = queue.first; thread != nullptr; thread = thread->queue_next) {
        if (thread->state != state || thread->waiting_on != object || thread->queue_previous != previous) return false;
        previous = thread;
        ++count;
    }
    return previous == nullptr || queue.last == previous;
}

bool dead_place_holds(Endpoint const& endpoint, Slot const& slot) {
    if (!slot.has_flag(Slot::watched) || endpoint.no_senders == nullptr || has_children(slot)) return false;
    auto is_dead = [&](Slot const* other) {
        return other != nullptr && same_object(other->capability, slot.capability) && other->has_flag(Slot::dead);
    };
    return (&slot == endpoint.first_dead) != is_dead(slot.previous()) &&
           (&slot == endpoint.last_dead) != is_dead(slot.next());
}

bool endpoint_holds(Pass& pass, Endpoint const& endpoint) {
    EndpointState const state = endpoint.state();
    if ((state == EndpointState::Idle) != endpoint.queue.is_empty()) return false;
    bool const sending = state == EndpointState::Sending;
    if (cpu().cancel_endpoint == &endpoint && cpu().cancel_next != nullptr &&
        (cpu().cancel_next->state != ThreadState::BlockedOnSend || cpu().cancel_next->waiting_on != &endpoint))
        return false;
    if (!queue_holds(endpoint.queue, &endpoint, sending ? ThreadState::BlockedOnSend : ThreadState::BlockedOnReceive,
                     sending ? pass.found.sending : pass.found.receiving))
        return false;
    if ((endpoint.first_dead == nullptr) != (endpoint.last_dead == nullptr)) return false;
    if (endpoint.no_senders == nullptr) return endpoint.bind_slot == nullptr && endpoint.next_bound == nullptr;
    if (endpoint.bind_slot == nullptr) return false;
    Capability const& bound = endpoint.bind_slot->capability;
    if (!bound.is(CapabilityType::Endpoint) || bound.object_pointer<Endpoint>() != &endpoint || bound.badge() != 0)
        return false;
    if (endpoint.first_dead != nullptr &&
        !(endpoint.first_dead->has_flag(Slot::dead) && endpoint.last_dead->has_flag(Slot::dead)))
        return false;
    Endpoint const* listed = endpoint.no_senders->endpoints;
    while (listed != nullptr && listed != &endpoint) listed = listed->next_bound;
    return listed != nullptr;
}

bool notification_holds(Pass& pass, Notification const& notification) {
    if (!queue_holds(notification.queue, &notification, ThreadState::BlockedOnNotification,
                     pass.found.on_notifications))
        return false;
    if (notification.is_active && !notification.queue.is_empty()) return false;
    if (notification.signals != 0 && !notification.is_active) return false;
    if (notification.bound_thread != nullptr && notification.bound_thread->bound_notification != &notification)
        return false;
    if (notification.sched_context != nullptr && notification.sched_context->bound_notification != &notification)
        return false;
    Word endpoints = 0;
    for (Endpoint const* endpoint = notification.endpoints; endpoint != nullptr;
         endpoint = endpoint->next_bound, ++endpoints)
        if (endpoint->no_senders != &notification) return false;
    return endpoints == notification.endpoint_count;
}

bool reply_holds(Pass& pass, Reply const& reply) {
    if (reply.caller != nullptr && reply.receiver != nullptr) return false;
    if (Thread const* const caller = reply.caller; caller != nullptr) {
        ++pass.found.calling;
        return caller->state == ThreadState::BlockedOnReply && caller->reply == &reply;
    }
    if (Thread const* const receiver = reply.receiver; receiver != nullptr) {
        ++pass.found.receiving_with_reply;
        return receiver->state == ThreadState::BlockedOnReceive && receiver->reply == &reply;
    }
    return true;
}

bool borrowers_hold(Pass& pass, SchedContext const& context) {
    Thread const* previous = nullptr;
    for (Thread const* thread = context.borrowers; thread != nullptr; thread = thread->borrow_next) {
        if (thread->borrowed_context != &context || thread->borrow_previous != previous) return false;
        ++pass.found.borrowing;
        previous = thread;
    }
    return true;
}

/// The children know their parent, and what they were charged is what it was charged for them.
bool tree_holds(Pass& pass, SchedContext const& context) {
    SchedContext const* previous = nullptr;
    Word by_children = 0;
    for (SchedContext const* child = context.first_child; child != nullptr; child = child->next_sibling) {
        if (child->parent != &context || child->previous_sibling != previous || child->depth <= context.depth)
            return false;
        ++pass.children_listed;
        by_children += child->charged - child->charged_before;
        previous = child;
    }
    if (context.depth >= SchedContext::depth_limit) return false;
    return context.charged == context.charged_directly + context.charged_by_former + by_children;
}

bool context_holds(Pass& pass, SchedContext const& context) {
    if (context.bound_thread != nullptr) {
        ++pass.found.bound;
        if (context.bound_thread->own_context != &context || context.bound_notification != nullptr) return false;
    }
    if (context.bound_notification != nullptr && context.bound_notification->sched_context != &context) return false;
    pass.throttled += context.throttled ? 1 : 0;
    if (context.changed_link != nullptr || context.throttled != (context.refill_link != nullptr)) return false;
    if (context.blocked != (context.throttled || (context.parent != nullptr && context.parent->blocked))) return false;
    if ((context.usable != 0) != (context.budget != 0 && !context.blocked)) return false;
    if (context.remaining > context.budget || context.budget > context.period) return false;
    if (context.throttled != (context.remaining == 0 && context.budget != 0)) return false;
    pass.with_parent += context.parent != nullptr ? 1 : 0;
    return tree_holds(pass, context) && borrowers_hold(pass, context);
}

/// Every place of the refill wheel holds contexts that are due then, and none is missing.
bool refills_hold(Word expected) {
    Word count = 0;
    for (Word level = 0; level < 2; ++level)
        for (Word place = 0; place < 256; ++place) {
            SchedContext* const* link = &cpu().refill_wheel[level][place];
            for (SchedContext const* context = *link; context != nullptr; context = context->refill_next, ++count) {
                Word const due = level == 0 ? context->refill_time : context->refill_time / 256;
                if (!context->throttled || context->refill_link != link || due % 256 != place) return false;
                link = &context->refill_next;
            }
        }
    return count == expected && cpu().changed_first == nullptr && cpu().refill_next == cpu().now + 1;
}

/// Hardware entry of a frame mapping in its shadow slot.
bool frame_mapping_holds(Slot const& slot, void const* hardware, Word index) {
    Word const rights = arch::entry_rights(hardware, index);
    if (rights == 0) return true;
    Capability const& mapping = slot.capability;
    Address const mask = mapping.is_large() ? ~((Address{1} << abi::large_page_bits) - 1) : ~Address{0};
    return (rights & ~mapping.frame_rights()) == 0 &&
           (arch::entry_physical(hardware, index) & mask) == mapping.frame_physical();
}

bool table_holds(PageTable const& table, Slot const* mapped, Word directory_index) {
    for (Word index = 0; index < 1024; ++index) {
        Slot const& shadow = table.shadow[index];
        if (shadow.is_empty()) {
            if (arch::entry_rights(table.hardware, index) != 0) return false;
            continue;
        }
        Capability const& mapping = shadow.capability;
        if (mapped == nullptr || !mapping.is(CapabilityType::Frame) || !mapping.is_mapped() || mapping.is_large())
            return false;
        if (reinterpret_cast<PageTable const*>(mapping.map_table()) != &table ||
            mapping.directory_index() != directory_index)
            return false;
        if (!frame_mapping_holds(shadow, table.hardware, index)) return false;
    }
    return true;
}

bool space_holds(AddressSpace const& space) {
    for (Word index = 0; index < AddressSpace::user_entries; ++index) {
        Slot const& shadow = space.shadow[index];
        Word const rights = arch::entry_rights(space.hardware, index);
        if (shadow.is_empty()) {
            if (rights != 0) return false;
            continue;
        }
        Capability const& mapping = shadow.capability;
        if (!mapping.is_mapped() || reinterpret_cast<AddressSpace const*>(mapping.map_table()) != &space) return false;
        if (mapping.is(CapabilityType::PageTable)) {
            auto const& table = mapping.object<PageTable>();
            if (rights == 0 || arch::entry_physical(space.hardware, index) != arch::to_physical(&table)) return false;
            if (!table_holds(table, &shadow, index)) return false;
        } else if (!mapping.is(CapabilityType::Frame) || !mapping.is_large() || mapping.directory_index() != index ||
                   !frame_mapping_holds(shadow, space.hardware, index)) {
            return false;
        }
    }
    return true;
}

/// A mapping lies in the table or space it names; what is there is checked with that object.
bool mapping_holds(Slot const& slot) {
    Capability const& mapping = slot.capability;
    if (mapping.is(CapabilityType::PageTable) || mapping.is_large()) {
        Slot const* const shadow = reinterpret_cast<AddressSpace const*>(mapping.map_table())->shadow;
        return &slot >= shadow && &slot < shadow + AddressSpace::user_entries;
    }
    Slot const* const shadow = reinterpret_cast<PageTable const*>(mapping.map_table())->shadow;
    return &slot >= shadow && &slot < shadow + 1024;
}

bool ports_hold(Slot const& slot) {
    Capability const& ports = slot.capability;
    if (ports.first_port() > ports.last_port()) return false;
    for (Slot const* other = slot.next(); other != nullptr; other = other->next()) {
        if (other->capability.is(CapabilityType::Control)) continue;
        if (!other->capability.is(CapabilityType::IoPorts)) break;
        if (other->capability != ports && ports.first_port() <= other->capability.last_port() &&
            other->capability.first_port() <= ports.last_port())
            return false;
    }
    return true;
}

/// What is checked once per object, at its first capability.
Broken check_object(Pass& pass, Slot const& slot) {
    Capability const& capability = slot.capability;
    auto verdict = [](bool holds, Broken broken) { return holds ? Broken::Nothing : broken; };
    switch (capability.type()) {
    case CapabilityType::Thread: ++pass.found.threads; return Broken::Nothing;
    case CapabilityType::Endpoint:
        return verdict(endpoint_holds(pass, capability.object<Endpoint>()), Broken::Endpoints);
    case CapabilityType::Notification:
        return verdict(notification_holds(pass, capability.object<Notification>()), Broken::Endpoints);
    case CapabilityType::Reply: return verdict(reply_holds(pass, capability.object<Reply>()), Broken::Replies);
    case CapabilityType::SchedContext:
        return verdict(context_holds(pass, capability.object<SchedContext>()), Broken::SchedContexts);
    case CapabilityType::AddressSpace: return verdict(space_holds(capability.object<AddressSpace>()), Broken::Mappings);
    case CapabilityType::PageTable: {
        bool const is_mapped = capability.is_mapped() || has_children(slot);
        return verdict(is_mapped || table_holds(capability.object<PageTable>(), nullptr, 0), Broken::Mappings);
    }
    case CapabilityType::IrqHandler: {
        Word const bit = Word{1} << capability.irq_line();
        bool const twice = (pass.handler_lines & bit) != 0;
        pass.handler_lines |= bit;
        return verdict(!twice, Broken::Devices);
    }
    case CapabilityType::IoPorts: return verdict(ports_hold(slot), Broken::Devices);
    case CapabilityType::Zombie: ++pass.zombies; return Broken::Nothing;
    default: return Broken::Nothing;
    }
}

bool zombies_hold(Word expected) {
    Word count = 0;
    Slot const* last = nullptr;
    for (Slot const* zombie = cpu().zombie_first; zombie != nullptr;
         zombie = zombie->capability.zombie_next(), ++count) {
        if (!zombie->capability.is(CapabilityType::Zombie)) return false;
        last = zombie;
    }
    return count == expected && last == cpu().zombie_last;
}

} // namespace

Broken check_objects(WaitCounts const& expected) {
    Pass pass;
    for (Slot const* slot = cpu().derivation.next(); slot != nullptr; slot = slot->next()) {
        if (Broken const broken = check_place(pass, *slot); broken != Broken::Nothing) return broken;
        Capability const& capability = slot->capability;
        if (!same_object(slot->previous()->capability, capability))
            if (Broken const broken = check_object(pass, *slot); broken != Broken::Nothing) return broken;
        bool const is_mapping = (capability.is(CapabilityType::Frame) || capability.is(CapabilityType::PageTable)) &&
                                capability.is_mapped();
        if (is_mapping && !mapping_holds(*slot)) return Broken::Mappings;
        if (capability.is(CapabilityType::Endpoint) && slot->has_flag(Slot::dead) &&
            !dead_place_holds(capability.object<Endpoint>(), *slot))
            return Broken::Endpoints;
    }
    if (!borrowers_hold(pass, cpu().orphans) || !refills_hold(pass.throttled) ||
        pass.children_listed != pass.with_parent)
        return Broken::SchedContexts;
    if (pass.handler_lines != issued_interrupts()) return Broken::Devices;
    if (!zombies_hold(pass.zombies)) return Broken::Derivation;
    if (pass.found.borrowing != expected.borrowing || pass.found.bound != expected.bound) return Broken::SchedContexts;
    if (pass.found.calling != expected.calling || pass.found.receiving_with_reply != expected.receiving_with_reply)
        return Broken::Replies;
    return pass.found == expected ? Broken::Nothing : Broken::ThreadStates;
}

} // namespace kernel
