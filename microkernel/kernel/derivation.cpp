#include "derivation.hpp"
#include "cpu.hpp"
#include "endpoint.hpp"

namespace kernel {

namespace {

void link_behind(Slot& slot, Slot& anchor, Word flags) {
    Slot* const next = anchor.next();
    slot.previous_word = reinterpret_cast<Word>(&anchor);
    slot.next_word = reinterpret_cast<Word>(next) | flags;
    anchor.set_next(&slot);
    if (next != nullptr) next->set_previous(&slot);
}

void link_before(Slot& slot, Slot& anchor, Word flags) {
    Slot* const previous = anchor.previous();
    slot.previous_word = reinterpret_cast<Word>(previous);
    slot.next_word = reinterpret_cast<Word>(&anchor) | flags;
    anchor.set_previous(&slot);
    if (previous != nullptr) previous->set_next(&slot);
}

void unlink(Slot& slot) {
    Slot* const previous = slot.previous();
    Slot* const next = slot.next();
    if (previous != nullptr) previous->set_next(next);
    if (next != nullptr) next->set_previous(previous);
}

/// A copy that may itself be revoked: it says more than its source does.
bool is_revocable_copy(Capability const& copy, Capability const& source) {
    switch (copy.type()) {
    case CapabilityType::Endpoint:
    case CapabilityType::Notification: return copy.badge() != source.badge();
    case CapabilityType::Untyped: return true;
    case CapabilityType::IrqHandler:
    case CapabilityType::IoPorts: return source.is(CapabilityType::Control);
    default: return false;
    }
}

bool same_region(Capability const& first, Capability const& second) {
    switch (first.type()) {
    case CapabilityType::Untyped: {
        Address start;
        Word bytes;
        if (!physical_region(second, start, bytes)) return false;
        return start - first.pointer() < first.untyped_bytes() &&
               bytes <= first.untyped_bytes() - (start - first.pointer());
    }
    case CapabilityType::Control:
        return (first == second) ||
               (first.control_kind() == ControlKind::Irq && second.is(CapabilityType::IrqHandler)) ||
               (first.control_kind() == ControlKind::IoPort && second.is(CapabilityType::IoPorts));
    default: return same_object(first, second);
    }
}

} // namespace

bool physical_region(Capability const& capability, Address& start, Word& bytes) {
    using abi::ObjectType;
    switch (capability.type()) {
    case CapabilityType::Untyped:
        start = capability.pointer();
        bytes = capability.untyped_bytes();
        return true;
    case CapabilityType::Frame:
        start = capability.frame_physical();
        bytes = capability.is_large() ? Word{1} << abi::large_page_bits : abi::page_size;
        return true;
    case CapabilityType::Zombie:
        start = arch::to_physical(reinterpret_cast<void*>(capability.zombie_pointer()));
        bytes = capability.zombie_is_thread() ? abi::object_size(ObjectType::Thread, 0).bytes
                                              : Word{sizeof(Slot)} << capability.zombie_radix();
        return true;
    case CapabilityType::CNode: bytes = Word{sizeof(Slot)} << capability.radix(); break;
    case CapabilityType::Thread: bytes = abi::object_size(ObjectType::Thread, 0).bytes; break;
    case CapabilityType::Endpoint: bytes = sizeof(Endpoint); break;
    case CapabilityType::Notification: bytes = abi::object_size(ObjectType::Notification, 0).bytes; break;
    case CapabilityType::Reply: bytes = sizeof(Reply); break;
    case CapabilityType::SchedContext: bytes = sizeof(SchedContext); break;
    case CapabilityType::AddressSpace: bytes = sizeof(AddressSpace); break;
    case CapabilityType::PageTable: bytes = sizeof(PageTable); break;
    default: return false;
    }
    start = arch::to_physical(reinterpret_cast<void*>(capability.pointer()));
    return true;
}

bool same_object(Capability const& first, Capability const& second) {
    switch (first.type()) {
    case CapabilityType::Null: return false;
    case CapabilityType::Frame: return ((first.word0 ^ second.word0) & Capability::frame_identity) == 0;
    case CapabilityType::Untyped:
        return first.word0 == second.word0 && first.untyped_size_bits() == second.untyped_size_bits();
    case CapabilityType::IrqHandler:
    case CapabilityType::IoPorts:
    case CapabilityType::Control: return first == second;
    default: return first.word0 == second.word0;
    }
}

bool is_parent(Slot const& first, Slot const& second) {
    Capability const& parent = first.capability;
    Capability const& child = second.capability;
    if (!first.has_flag(Slot::revocable)) {
        // A copy of a Frame capability is the parent of what was mapped through it.
        return parent.is(CapabilityType::Frame) && !parent.is_mapped() && same_object(parent, child) &&
               child.is_mapped() && (child.word1 & Capability::of_original_bit) == 0;
    }
    if (!same_region(parent, child)) return false;
    if (parent.is(CapabilityType::Endpoint) || parent.is(CapabilityType::Notification))
        return parent.badge() == 0 || (parent.badge() == child.badge() && !second.has_flag(Slot::first_badged));
    return true;
}

bool has_children(Slot const& slot) {
    Slot const* const next = slot.next();
    return next != nullptr && is_parent(slot, *next);
}

bool is_final(Slot const& slot) {
    Slot const* const previous = slot.previous();
    Slot const* const next = slot.next();
    return !(previous != nullptr && same_object(previous->capability, slot.capability)) &&
           !(next != nullptr && same_object(slot.capability, next->capability));
}

void insert_derived(Slot& destination, Capability const& capability, Slot& source) {
    Word const flags = is_revocable_copy(capability, source.capability) ? Slot::revocable | Slot::first_badged : 0;
    destination.capability = capability;
    bool const plain_frame_copy = capability.is(CapabilityType::Frame) && !source.has_flag(Slot::revocable);
    // Behind a copied Frame capability stand its mappings, which must stay with it.
    if (plain_frame_copy) link_before(destination, source, flags);
    else link_behind(destination, source, flags);
    if (source.capability.is(CapabilityType::Untyped) && capability.is(CapabilityType::Untyped))
        source.capability.set_watermark(source.capability.untyped_bytes());
}

void insert_original(Slot& destination, Capability const& capability, Slot* parent) {
    destination.capability = capability;
    link_behind(destination, parent != nullptr ? *parent : cpu().derivation, Slot::revocable | Slot::first_badged);
}

void insert_mapping(Slot& destination, Capability const& capability, Slot& source) {
    destination.capability = capability;
    link_behind(destination, source, 0);
}

void update_cspace(Thread& thread) {
    Capability const& root = thread.cspace_root.capability;
    bool const unguarded = root.is(CapabilityType::CNode) && root.guard() == 0;
    Word const resolved = root.guard_bits() + root.radix();
    bool const simple = unguarded && resolved == 32;
    Slot* const first = unguarded && resolved < 32 ? root.slots() : nullptr;
    Capability const leaf = first != nullptr ? first->capability : Capability{};
    bool const two_levels =
        leaf.is(CapabilityType::CNode) && leaf.guard() == 0 && resolved + leaf.guard_bits() + leaf.radix() == 32;
    thread.cspace_slots = simple ? root.slots() : two_levels ? leaf.slots() : nullptr;
    thread.cspace_size = simple ? root.slot_count() : 0;
    thread.leaf_slot = two_levels ? first : nullptr;
    thread.leaf_size = two_levels ? leaf.slot_count() : 0;
    thread.leaf_word1 = leaf.word1;
    if (!root.is_null()) thread.cspace_root.set_flag(Slot::in_thread);
}

void update_space(Thread& thread) {
    Capability const& space = thread.address_space.capability;
    arch::set_space(thread.context,
                    space.is(CapabilityType::AddressSpace) ? space.object<AddressSpace>().hardware : nullptr);
    if (!space.is_null()) thread.address_space.set_flag(Slot::in_thread);
}

namespace {
/// A slot of a thread lost its capability.
void forget_in_thread(Slot& slot, CapabilityType type) {
    Word const address = reinterpret_cast<Word>(&slot);
    if (type == CapabilityType::CNode)
        update_cspace(*reinterpret_cast<Thread*>(address - offsetof(Thread, cspace_root)));
    else update_space(*reinterpret_cast<Thread*>(address - offsetof(Thread, address_space)));
}
bool is_in_thread(Slot const& slot) {
    return slot.has_flag(Slot::in_thread) &&
           (slot.capability.is(CapabilityType::CNode) || slot.capability.is(CapabilityType::AddressSpace));
}
} // namespace

void move_capability(Slot& destination, Capability const& capability, Slot& source) {
    bool const in_thread = is_in_thread(source);
    CapabilityType const type = source.capability.type();
    destination.capability = capability;
    destination.previous_word = source.previous_word;
    destination.next_word = source.next_word;
    if (in_thread) destination.clear_flag(Slot::in_thread);
    if (Slot* const previous = source.previous(); previous != nullptr) previous->set_next(&destination);
    if (Slot* const next = source.next(); next != nullptr) next->set_previous(&destination);
    source.capability = {};
    source.previous_word = source.next_word = 0;
    if (in_thread) forget_in_thread(source, type);
    if (capability.is(CapabilityType::Endpoint)) endpoint_slot_moved(destination, source);
}

void empty_slot(Slot& slot) {
    Slot* const previous = slot.previous();
    Slot* const next = slot.next();
    bool const is_endpoint = slot.capability.is(CapabilityType::Endpoint);
    bool const ends_watched = is_endpoint && previous != nullptr && previous->has_flag(Slot::watched) &&
                              !previous->has_flag(Slot::dead) && is_parent(*previous, slot) &&
                              (next == nullptr || !is_parent(*previous, *next));
    if (is_endpoint) endpoint_slot_emptied(slot);
    unlink(slot);
    // What follows no longer descends from the emptied one, and must not seem to descend from what stands before it.
    if (next != nullptr && slot.has_flag(Slot::first_badged)) next->set_flag(Slot::first_badged);
    bool const in_thread = is_in_thread(slot);
    CapabilityType const type = slot.capability.type();
    slot.capability = {};
    slot.previous_word = slot.next_word = 0;
    if (in_thread) forget_in_thread(slot, type);
    if (ends_watched) watched_descendants_gone(*previous);
}

void move_behind(Slot& slot, Slot& anchor) {
    unlink(slot);
    Word const flags = slot.next_word & Slot::flags_mask;
    link_behind(slot, anchor, flags);
}

} // namespace kernel
