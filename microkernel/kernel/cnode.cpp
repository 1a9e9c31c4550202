// CNode invocations: the operations on slots.
#include "deletion.hpp"
#include "syscall.hpp"

namespace kernel {

namespace {

/// Rest of a range that other threads wait for at most this long.
constexpr Word slots_between_preemptions = 64;
/// Endpoints bound to one notification: one that leaves is searched for among them.
constexpr Word endpoints_at_most = 512;

/// Checks the two slots of Copy, Mint, Move and Mutate: source filled, destination empty.
inline Error find_slots(Invocation& call, Slot*& destination, Slot*& source) {
    destination = resolve(call.capability(), call.word(0), call.word(1));
    if (destination == nullptr) return call.refuse(Error::FailedLookup, "no such destination slot");
    if (!destination->is_empty()) return call.refuse(Error::DeleteFirst, "destination slot is in use");
    Slot* const cnode = call.extra(0, CapabilityType::CNode);
    if (cnode == nullptr) return call.refuse(Error::InvalidCapability, "source is no CNode");
    source = resolve(cnode->capability, call.word(2), call.word(3));
    if (source == nullptr || source->is_empty())
        return call.refuse(Error::FailedLookup, "source slot is empty or does not exist");
    return Error::None;
}

/// Gives the copy a badge or guard.
Error apply_data(Invocation& call, Capability& capability, Word data) {
    switch (capability.type()) {
    case CapabilityType::Endpoint:
    case CapabilityType::Notification:
        if (data >> abi::badge_bits != 0) return call.refuse(Error::RangeError, "badge of more than 28 bits");
        if (data != 0 && capability.badge() != 0)
            return call.refuse(Error::IllegalOperation, "capability has a badge already");
        if (data != 0) capability.word1 = (capability.word1 & abi::right::all) | data << 4;
        return Error::None;
    case CapabilityType::CNode: {
        Word const bits = data & 31, value = data >> 5;
        if (value >> Capability::max_guard_value_bits != 0 || bits + capability.radix() > 32 || value >> bits != 0)
            return call.refuse(Error::RangeError, "no such guard");
        capability.set_guard(value, bits);
        return Error::None;
    }
    default: return Error::None;
    }
}

[[gnu::noinline]] Error copy(Invocation& call, bool mint) {
    Slot *destination, *source;
    if (Error const error = find_slots(call, destination, source); error != Error::None) return error;
    Capability capability;
    if (Error const error = derive(*source, capability); error != Error::None)
        return call.refuse(error, "capability cannot be copied");
    capability = restrict_rights(capability, call.word(4));
    bool watched = false;
    if (mint) {
        watched = (call.word(6) & abi::mint_flag::watched) != 0;
        if (watched && (!capability.is(CapabilityType::Endpoint) || call.word(5) == 0 ||
                        capability.object<Endpoint>().bind_slot != source))
            return call.refuse(Error::IllegalOperation,
                               "only badges of a capability bound by BindNoSenders can be watched");
        if (Error const error = apply_data(call, capability, call.word(5)); error != Error::None) return error;
    }
    insert_derived(*destination, capability, *source);
    if (watched) destination->set_flag(Slot::watched);
    return call.result();
}

[[gnu::noinline]] Error move(Invocation& call, bool mutate) {
    Slot *destination, *source;
    if (Error const error = find_slots(call, destination, source); error != Error::None) return error;
    Capability capability = source->capability;
    if (mutate) {
        if (capability.is(CapabilityType::Endpoint) && capability.object<Endpoint>().bind_slot == source)
            return call.refuse(Error::IllegalOperation, "the capability is bound by BindNoSenders");
        if (Error const error = apply_data(call, capability, call.word(4)); error != Error::None) return error;
    }
    move_capability(*destination, capability, *source);
    return call.result();
}

/// The slot of an endpoint capability that the invocation names.
[[gnu::noinline]] Error find_endpoint(Invocation& call, Slot*& slot) {
    slot = resolve(call.capability(), call.word(0), call.word(1));
    if (slot == nullptr) return call.refuse(Error::FailedLookup, "no such slot");
    if (!slot->capability.is(CapabilityType::Endpoint))
        return call.refuse(Error::InvalidCapability, "the slot holds no endpoint");
    return Error::None;
}

[[gnu::noinline]] Error bind_no_senders(Invocation& call) {
    Slot* slot;
    if (Error const error = find_endpoint(call, slot); error != Error::None) return error;
    auto& endpoint = slot->capability.object<Endpoint>();
    if (slot->capability.badge() != 0 || !slot->capability.has(abi::right::all))
        return call.refuse(Error::IllegalOperation, "needs an unbadged capability with all rights");
    Slot* const given = call.extra(0);
    if (given == nullptr) {
        kernel::bind_no_senders(endpoint, *slot, nullptr, 0);
        return call.result();
    }
    if (!given->capability.is(CapabilityType::Notification) || !given->capability.has(abi::right::write))
        return call.refuse(Error::InvalidCapability, "no notification that may be signalled");
    auto& notification = given->capability.object<Notification>();
    if (notification.endpoint_count == endpoints_at_most && endpoint.no_senders != &notification)
        return call.refuse(Error::RangeError, "the notification has 512 endpoints bound");
    kernel::bind_no_senders(endpoint, *slot, given->capability.object_pointer<Notification>(),
                            given->capability.badge());
    return call.result();
}

[[gnu::noinline]] Error next_dead(Invocation& call) {
    Slot* slot;
    if (Error const error = find_endpoint(call, slot); error != Error::None) return error;
    auto& endpoint = slot->capability.object<Endpoint>();
    if (endpoint.bind_slot != slot) return call.refuse(Error::IllegalOperation, "not the slot of BindNoSenders");
    if (endpoint.first_dead == nullptr) return Error::WouldBlock;
    Slot& dead = *endpoint.first_dead;
    Word const badge = dead.capability.badge();
    empty_slot(dead); // not the last: the bound one is left
    return call.result(badge);
}

[[gnu::noinline]] Error copy_range(Invocation& call) {
    Slot* const cnode = call.extra(0, CapabilityType::CNode);
    if (cnode == nullptr) return call.refuse(Error::InvalidCapability, "source is no CNode");
    Word const first = call.word(0), source_first = call.word(1), count = call.word(2);
    Word const size = call.capability().slot_count(), source_size = cnode->capability.slot_count();
    if (first > size || count > size - first || source_first > source_size || count > source_size - source_first)
        return call.refuse(Error::RangeError, "slots out of range");
    Slot* const destinations = call.capability().slots() + first;
    Slot* const sources = cnode->capability.slots() + source_first;
    auto& [done, copied] = call.caller.progress;
    while (done < count) {
        Slot& destination = destinations[done];
        Slot& source = sources[done];
        ++done;
        Capability capability;
        // A copy of Untyped memory would use up its source.
        bool const copied_here = destination.is_empty() && !source.capability.is(CapabilityType::Untyped);
        if (copied_here && derive(source, capability) == Error::None) {
            insert_derived(destination, capability, source);
            ++copied;
        }
        if (done % slots_between_preemptions == 0 && done < count && should_preempt()) return preempted;
    }
    return call.result(copied);
}

[[gnu::noinline]] Error delete_range(Invocation& call) {
    Word const first = call.word(0), count = call.word(1), size = call.capability().slot_count();
    if (first > size || count > size - first) return call.refuse(Error::RangeError, "slots out of range");
    Slot* const slots = call.capability().slots() + first;
    Word& done = call.caller.progress[0];
    while (done < count) {
        Slot& slot = slots[done];
        bool const is_empty = slot.is_empty();
        if (!is_empty)
            if (Error const error = delete_capability(slot); error != Error::None) return error;
        ++done;
        if ((!is_empty || done % slots_between_preemptions == 0) && done < count && should_preempt()) return preempted;
    }
    return call.result();
}

} // namespace

Error invoke_cnode(Invocation& call) {
    using enum abi::Invocation;
    switch (call.label) {
    case CNodeCopy: return copy(call, false);
    case CNodeMint: return copy(call, true);
    case CNodeMove: return move(call, false);
    case CNodeMutate: return move(call, true);
    case CNodeDelete:
    case CNodeRevoke: {
        Slot* const slot = resolve(call.capability(), call.word(0), call.word(1));
        if (slot == nullptr) return call.refuse(Error::FailedLookup, "no such slot");
        return call.label == CNodeDelete ? delete_capability(*slot) : revoke(*slot);
    }
    case CNodeCancelBadgedSends: {
        Slot* slot;
        if (Error const error = find_endpoint(call, slot); error != Error::None) return error;
        if (!slot->capability.has(abi::right::all)) return call.refuse(Error::IllegalOperation, "needs all rights");
        if (slot->capability.badge() == 0) return call.result();
        bool const again = call.caller.progress[0] != 0;
        call.caller.progress[0] = 1;
        return cancel_badged_sends(slot->capability.object<Endpoint>(), slot->capability.badge(), again);
    }
    case CNodeBindNoSenders: return bind_no_senders(call);
    case CNodeNextDead: return next_dead(call);
    case CNodeCopyRange: return copy_range(call);
    case CNodeDeleteRange: return delete_range(call);
    default: return call.refuse(Error::IllegalOperation, "not a CNode invocation");
    }
}

} // namespace kernel
