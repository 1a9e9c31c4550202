// Typed wrappers of the invocations of memory, address spaces and CSpaces: see objects.hpp, which includes this.
#pragma once
#include "invoke.hpp"

namespace ipc {

/// Guard of a CSpace root, as Mint and ThreadConfigure take it.
constexpr Word guard_word(Word value, Word bits) { return value << 5 | bits; }

namespace object {

struct CNode : Object {
    using Object::Object;
    /// `slot` and `from_slot` are raw indexes of this CNode and of `from` (depth 0).
    Result<void> copy(Word to, CNode from, Word from_slot, Word rights = abi::right::all) const {
        return copy(to, 0, from, from_slot, 0, rights);
    }
    Result<void> copy(Word to, Word depth, CNode from, Word from_slot, Word from_depth, Word rights) const {
        return detail::done(
            invoke_with(slot, abi::Invocation::CNodeCopy, {from.slot}, to, depth, from_slot, from_depth, rights));
    }
    Result<void> mint(Word to, CNode from, Word from_slot, Word rights, Word badge_or_guard, Word flags = 0) const {
        return detail::done(invoke_with(slot, abi::Invocation::CNodeMint, {from.slot}, to, 0U, from_slot, 0U, rights,
                                        badge_or_guard, flags));
    }
    Result<void> move(Word to, CNode from, Word from_slot) const {
        return detail::done(invoke_with(slot, abi::Invocation::CNodeMove, {from.slot}, to, 0U, from_slot, 0U));
    }
    Result<void> mutate(Word to, CNode from, Word from_slot, Word badge_or_guard) const {
        return detail::done(
            invoke_with(slot, abi::Invocation::CNodeMutate, {from.slot}, to, 0U, from_slot, 0U, badge_or_guard));
    }
    Result<void> remove(Word index, Word depth = 0) const {
        return detail::done(invoke(slot, abi::Invocation::CNodeDelete, index, depth));
    }
    Result<void> revoke(Word index, Word depth = 0) const {
        return detail::done(invoke(slot, abi::Invocation::CNodeRevoke, index, depth));
    }
    Result<void> cancel_badged_sends(Word index) const {
        return detail::done(invoke(slot, abi::Invocation::CNodeCancelBadgedSends, index, 0U));
    }
    /// notification 0 unbinds.
    Result<void> bind_no_senders(Word endpoint, CapabilityPointer notification) const {
        return detail::done(invoke_with(slot, abi::Invocation::CNodeBindNoSenders, {notification}, endpoint, 0U));
    }
    /// The badge; WouldBlock if none is dead.
    Result<Word> next_dead(Word endpoint) const {
        return detail::first(invoke(slot, abi::Invocation::CNodeNextDead, endpoint, 0U));
    }
    Result<Word> copy_range(Word to, CNode from, Word from_slot, Word count) const {
        return detail::first(invoke_with(slot, abi::Invocation::CNodeCopyRange, {from.slot}, to, from_slot, count));
    }
    Result<void> delete_range(Word first_slot, Word count) const {
        return detail::done(invoke(slot, abi::Invocation::CNodeDeleteRange, first_slot, count));
    }
};

struct Untyped : Object {
    using Object::Object;
    /// `count` objects into consecutive raw slots of `destination`.
    Result<void> retype(abi::ObjectType type, Word size_bits, CNode destination, Word first_slot,
                        Word count = 1) const {
        return detail::done(invoke_with(slot, abi::Invocation::UntypedRetype, {destination.slot},
                                        static_cast<Word>(type), size_bits, first_slot, count));
    }
    struct Inspection {
        Word free_bytes, size_bits, is_device, physical;
    };
    [[nodiscard]] Result<Inspection> inspect() const {
        Answer const answer = invoke(slot, abi::Invocation::UntypedInspect);
        if (answer.error != abi::Error::None) { return fail(from_kernel(answer.error)); }
        return Inspection{answer.word0, answer.word1, answer.word(2), answer.word(3)};
    }
};

struct AddressSpace : Object {
    using Object::Object;
    Result<Word> unmap(abi::Address address, Word pages) const {
        return detail::first(invoke(slot, abi::Invocation::AddressSpaceUnmap, address, pages));
    }
    Result<Word> protect(abi::Address address, Word pages, Word rights) const {
        return detail::first(invoke(slot, abi::Invocation::AddressSpaceProtect, address, pages, rights));
    }
    struct Copied {
        Word pages, mappings;
    };
    /// Into this address space, from `source`.
    Result<Copied> copy_range(AddressSpace source, abi::Address from, abi::Address to, Word pages, Word rights_mask,
                              bool restrict_source) const {
        Answer const answer = invoke_with(slot, abi::Invocation::AddressSpaceCopyRange, {source.slot}, from, to, pages,
                                          rights_mask, restrict_source ? 1U : 0U);
        if (answer.error != abi::Error::None) { return fail(from_kernel(answer.error)); }
        return Copied{answer.word0, answer.word1};
    }
    struct Mapping {
        Word rights;
        abi::Address physical;
    };
    [[nodiscard]] Result<Mapping> query(abi::Address address) const {
        Answer const answer = invoke(slot, abi::Invocation::AddressSpaceQuery, address);
        if (answer.error != abi::Error::None) { return fail(from_kernel(answer.error)); }
        return Mapping{answer.word0, answer.word1};
    }
};

struct PageTable : Object {
    using Object::Object;
    Result<void> map(AddressSpace space, abi::Address address) const {
        return detail::done(invoke_with(slot, abi::Invocation::PageTableMap, {space.slot}, address));
    }
    Result<void> unmap() const { return detail::done(invoke(slot, abi::Invocation::PageTableUnmap)); }
};

struct Frame : Object {
    using Object::Object;
    Result<void> map(AddressSpace space, abi::Address address, Word rights, Word flags = 0) const {
        return detail::done(invoke_with(slot, abi::Invocation::FrameMap, {space.slot}, address, rights, flags));
    }
    [[nodiscard]] Result<abi::Address> address() const {
        return detail::first(invoke(slot, abi::Invocation::FrameGetAddress));
    }
};

} // namespace object

} // namespace ipc
