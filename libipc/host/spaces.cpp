// Invocations on the loopback's frames, page tables and address spaces.
#include "world.hpp"

namespace ipc::host {

using abi::Error;
using abi::Invocation;

Error World::map_frame(Capability& target) {
    auto const frame = std::static_pointer_cast<HostFrame>(target.object);
    Word const address = word(0), rights = word(1) & target.rights;
    Capability const* const given = extra(0);
    if (given == nullptr || given->object->kind != Kind::AddressSpace) { return Error::InvalidCapability; }
    auto& space = static_cast<HostAddressSpace&>(*given->object);
    Word const first = address >> abi::page_bits;
    if (address % (frame->pages * abi::page_size) != 0) { return Error::AlignmentError; }
    if (address >= abi::user_end) { return Error::RangeError; }
    if (frame->pages == 1 && space.tables[address >> abi::large_page_bits].expired()) { return Error::FailedLookup; }
    auto const occupied = space.pages.lower_bound(first);
    if (occupied != space.pages.end() && occupied->first < first + frame->pages) { return Error::DeleteFirst; }
    for (Word i = 0; i < frame->pages; ++i) {
        NodeId const node = next_node_++;
        nodes_[node] = {target.node, nullptr, 0, &space, first + i};
        space.pages[first + i] = {frame, i, rights, node};
        if (space.is_own) { map_here((first + i) << abi::page_bits, frame->first + i, rights); }
    }
    return Error::None;
}

Error World::invoke_space(Invocation invocation, Capability& target, Word& result_length) {
    auto const clear_table = [&](HostAddressSpace& space, Word number) {
        for (Word page = number << 10; page < (number + 1) << 10; ++page) { remove_mapping(space, page); }
    };
    if (invocation == Invocation::PageTableMap) {
        Capability const* const given = extra(0);
        if (target.object->kind != Kind::PageTable || given == nullptr || given->object->kind != Kind::AddressSpace) {
            return Error::InvalidCapability;
        }
        auto& table = static_cast<HostAddressSpace&>(*given->object).tables[word(0) >> abi::large_page_bits];
        if (!table.expired()) { return Error::DeleteFirst; }
        if (static_cast<HostPlain&>(*target.object).bound != nullptr) { return Error::IllegalOperation; }
        static_cast<HostPlain&>(*target.object).bound = given->object;
        table = target.object;
        return Error::None;
    }
    if (invocation == Invocation::PageTableUnmap) {
        auto const bound = target.object->kind == Kind::PageTable
                               ? std::exchange(static_cast<HostPlain&>(*target.object).bound, nullptr)
                               : nullptr;
        if (bound == nullptr) { return Error::IllegalOperation; }
        auto& space = static_cast<HostAddressSpace&>(*bound);
        for (auto& [number, table] : space.tables) {
            if (table.lock() == target.object) {
                clear_table(space, number);
                table.reset();
            }
        }
        return Error::None;
    }
    if (target.object->kind != Kind::AddressSpace) { return Error::InvalidCapability; }
    auto& space = static_cast<HostAddressSpace&>(*target.object);
    Word const first = word(0) >> abi::page_bits, count = word(1);
    Word changed = 0;
    switch (invocation) {
    case Invocation::AddressSpaceUnmap:
        for (Word page = first; page < first + count; ++page) {
            changed += space.pages.contains(page) ? 1 : 0;
            remove_mapping(space, page);
        }
        break;
    case Invocation::AddressSpaceProtect:
        for (auto mapping = space.pages.lower_bound(first);
             mapping != space.pages.end() && mapping->first < first + count; ++mapping) {
            mapping->second.rights = word(2);
            ++changed;
            if (space.is_own) {
                map_here(mapping->first << abi::page_bits, mapping->second.frame->first + mapping->second.frame_page,
                         word(2));
            }
        }
        break;
    case Invocation::AddressSpaceCopyRange: {
        Capability const* const given = extra(0);
        if (given == nullptr || given->object->kind != Kind::AddressSpace) { return Error::InvalidCapability; }
        auto& source = static_cast<HostAddressSpace&>(*given->object);
        Word const to = word(1) >> abi::page_bits, pages = word(2), mask = word(3), restrict_source = word(4);
        Word done = 0;
        for (; done < pages; ++done) {
            auto const mapping = source.pages.find(first + done);
            if (mapping == source.pages.end()) { continue; }
            if (space.tables[(to + done) >> 10].expired() || space.pages.contains(to + done)) { break; }
            NodeId const node = next_node_++;
            nodes_[node] = {nodes_[mapping->second.node].parent, nullptr, 0, &space, to + done};
            HostAddressSpace::Mapping copy = mapping->second;
            copy.node = node;
            copy.rights &= mask;
            space.pages[to + done] = copy;
            if (restrict_source != 0) { mapping->second.rights &= mask; }
            ++changed;
        }
        word(0) = done;
        word(1) = changed;
        result_length = 2;
        return Error::None;
    }
    case Invocation::AddressSpaceQuery: {
        auto const mapping = space.pages.find(first);
        bool const present = mapping != space.pages.end();
        word(0) = present ? mapping->second.rights : 0;
        word(1) = present ? (mapping->second.frame->first + mapping->second.frame_page) << abi::page_bits : 0;
        result_length = 2;
        return Error::None;
    }
    default: return Error::IllegalOperation;
    }
    word(0) = changed;
    result_length = 1;
    return Error::None;
}

} // namespace ipc::host
