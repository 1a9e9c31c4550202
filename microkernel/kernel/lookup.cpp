// From capability pointers to slots, and what a copy of a capability is.
#include "ipc.hpp"

namespace kernel {

namespace {

/// Resolves the `bits` low bits of `pointer`, starting with `cnode`'s guard. Each step consumes at least one bit.
/// Out of line, so that look-up in one CNode saves no registers for it.
[[gnu::noinline]] Slot* walk(Capability const* cnode, Word pointer, Word bits) {
    while (true) {
        Word const guard_bits = cnode->guard_bits();
        Word const radix = cnode->radix();
        if (guard_bits + radix > bits) return nullptr;
        Word const left = bits < 32 ? pointer & ((Word{1} << bits) - 1) : pointer;
        Word const above_radix = bits - guard_bits;
        if (guard_bits != 0 && (left >> above_radix) != cnode->guard()) return nullptr;
        bits = above_radix - radix;
        Slot* const slot = cnode->slots() + (left >> bits & ((Word{1} << radix) - 1));
        if (bits == 0) return slot;
        if (!slot->capability.is(CapabilityType::CNode)) return nullptr;
        cnode = &slot->capability;
    }
}

/// Is it still what update_cspace saw there?
bool is_leaf(Thread const& thread, Capability const& capability) {
    return capability ==
           Capability{reinterpret_cast<Word>(thread.cspace_slots) | static_cast<Word>(CapabilityType::CNode),
                      thread.leaf_word1};
}

} // namespace

Slot* lookup_by_walk(Thread& thread, abi::CapabilityPointer pointer) {
    if (pointer < thread.leaf_size && is_leaf(thread, thread.leaf_slot->capability))
        return thread.cspace_slots + pointer;
    Capability const& root = thread.cspace_root.capability;
    return root.is(CapabilityType::CNode) ? walk(&root, pointer, 32) : nullptr;
}

Slot* resolve_by_walk(Capability const& cnode, Word index, Word depth) {
    if (!cnode.is(CapabilityType::CNode)) return nullptr;
    return depth != 0 && depth <= 32 ? walk(&cnode, index, depth) : nullptr;
}

Error derive(Slot const& source, Capability& copy) {
    copy = source.capability;
    switch (copy.type()) {
    case CapabilityType::Null: return Error::FailedLookup;
    case CapabilityType::Untyped: return has_children(source) ? Error::RevokeFirst : Error::None;
    case CapabilityType::Endpoint: return source.has_flag(Slot::dead) ? Error::IllegalOperation : Error::None;
    // A page table's one capability knows by its descendant where it is mapped; control capabilities are handed on by Move.
    case CapabilityType::PageTable:
    case CapabilityType::Zombie: return Error::IllegalOperation;
    default: return Error::None;
    }
}

Capability restrict_rights(Capability capability, Word rights) {
    switch (capability.type()) {
    case CapabilityType::Endpoint:
    case CapabilityType::Notification: capability.word1 &= ~(~rights & abi::right::all); break;
    case CapabilityType::Frame: capability.restrict_frame(rights); break;
    default: break;
    }
    return capability;
}

} // namespace kernel
