// Objects and pages of the stacks' processes, out of their own blocks of memory.
#include "guest_kernel.hpp"
#include "guest_stacks.hpp"
#include <algorithm>

namespace netns {

namespace {
constexpr Word table_span = Word{1} << abi::large_page_bits;
constexpr Address scratch_window = 0x4F000000; ///< in netns: a page that is being filled
} // namespace

ipc::Result<void> GuestStacks::make(Stack& stack, ObjectType type, Word size_bits, CapabilityPointer slot) {
    for (auto block = stack.blocks.rbegin(); block != stack.blocks.rend(); ++block) {
        if (ipc::object::Untyped{*block}.retype(type, size_bits, own_cnode(), slot)) { return {}; }
    }
    if (stack.blocks.size() >= blocks_maximum) { return ipc::fail(ipc::Error::NoMemory); }
    auto const block = blocks_.take();
    if (!block) { return ipc::fail(block.error()); }
    stack.blocks.push_back(*block);
    return ipc::object::Untyped{*block}.retype(type, size_bits, own_cnode(), slot);
}

ipc::Result<void> GuestStacks::table(Stack& stack, Address address) {
    address = address / table_span * table_span;
    if (std::ranges::find(stack.tables, address) != stack.tables.end()) { return {}; }
    auto const slot = stack.objects[temporary_slot];
    if (auto made = make(stack, ObjectType::PageTable, 0, slot); !made) { return made; }
    auto const mapped = ipc::object::PageTable{slot}.map(space(stack), address);
    static_cast<void>(own_cnode().remove(slot)); // the mapping keeps it
    if (mapped) { stack.tables.push_back(address); }
    return mapped;
}

ipc::Result<void> GuestStacks::own_table(Address address) {
    address = address / table_span * table_span;
    if (std::ranges::find(own_tables_, address) != own_tables_.end()) { return {}; }
    auto const slot = ipc::make_object(ObjectType::PageTable);
    if (!slot) { return ipc::fail(slot.error()); }
    auto const mapped = ipc::object::PageTable{*slot}.map(own_address_space(), address);
    ipc::release_slot(*slot);
    if (mapped) { own_tables_.push_back(address); }
    return mapped;
}

ipc::Result<void> GuestStacks::pages(Stack& stack, Address address, Word count, Word rights,
                                     std::span<std::byte const> content, Address window) {
    auto const slot = stack.objects[temporary_slot];
    for (Word i = 0; i < count; ++i, address += page) {
        if (auto ready = table(stack, address); !ready) { return ready; }
        if (auto made = make(stack, ObjectType::Frame, 0, slot); !made) { return made; }
        ipc::object::Frame const frame{slot};
        ipc::Result<void> status{};
        if (std::size_t const offset = std::size_t{i} * page; offset < content.size()) {
            auto const part = content.subspan(offset, std::min<std::size_t>(page, content.size() - offset));
            status = own_table(scratch_window);
            if (status) { status = frame.map(own_address_space(), scratch_window, data_rights); }
            if (status) {
                std::memcpy(reinterpret_cast<void*>(scratch_window), part.data(), part.size());
                static_cast<void>(own_address_space().unmap(scratch_window, 1));
            }
        }
        if (status && window != 0) {
            status = own_table(window + i * page);
            if (status) { status = frame.map(own_address_space(), window + i * page, data_rights); }
        }
        if (status) { status = frame.map(space(stack), address, rights); }
        static_cast<void>(own_cnode().remove(slot));
        if (!status) { return status; }
    }
    return {};
}

bool GuestStacks::resolve_fault(std::uint32_t number, Address address, Word) {
    if (auto const local = (address - stack::ring_address) / stack::ring_bytes;
        running(number) && address >= stack::ring_address && local < stacks_[number].rings.size() &&
        stacks_[number].rings[local].ring == card_ring) {
        // The card's memory went with its driver: the next one lends it anew.
        return map_ring(number, local).has_value();
    }
    if (!running(number) || address < stack::heap_address || address >= stack::heap_address + stack::heap_bytes) {
        return false;
    }
    address = address / page * page;
    // Several at a time: where one page is wanted the next will be.
    for (Word i = 0; i < fault_batch && address + i * page < stack::heap_address + stack::heap_bytes; ++i) {
        auto const made = pages(stacks_[number], address + i * page, 1, data_rights);
        if (!made) { return i != 0; }
    }
    return true;
}

} // namespace netns
