#include "mapping.hpp"
#include <iterator>

namespace kernel {

PageTable* find_table(AddressSpace const& space, Address address) {
    Capability const& capability = space.shadow[address >> abi::large_page_bits].capability;
    return capability.is(CapabilityType::PageTable) ? capability.object_pointer<PageTable>() : nullptr;
}

void unmap_frame(Slot& slot) {
    Capability const& mapping = slot.capability;
    if (mapping.is_large()) {
        auto& space = *reinterpret_cast<AddressSpace*>(mapping.map_table());
        arch::directory_clear(space.hardware, static_cast<Word>(&slot - space.shadow));
        arch::flush_space(space.hardware);
        return;
    }
    auto& table = *reinterpret_cast<PageTable*>(mapping.map_table());
    Word const index = static_cast<Word>(&slot - table.shadow);
    arch::table_clear(table.hardware, index);
    // Only the loaded space can have the old entry in the processor: is it the one the table is mapped in?
    void const* const loaded = arch::loaded_directory();
    if (arch::entry_physical(loaded, mapping.directory_index()) == arch::to_physical(&table))
        arch::flush_page(loaded, mapping.directory_index() << abi::large_page_bits | index << abi::page_bits);
}

Error unmap_table(Slot& slot) {
    auto& space = *reinterpret_cast<AddressSpace*>(slot.capability.map_table());
    auto& table = slot.capability.object<PageTable>();
    Word done = 0;
    for (Word index = 0; index < std::size(table.shadow); ++index) {
        Slot& mapping = table.shadow[index];
        if (mapping.is_empty()) continue;
        arch::table_clear(table.hardware, index);
        empty_mapping(mapping);
        if (++done % 64 != 0 || !should_preempt()) continue;
        arch::flush_space(space.hardware);
        return preempted;
    }
    // The table itself last: until then it is mapped, with fewer mappings.
    arch::directory_clear(space.hardware, static_cast<Word>(&slot - space.shadow));
    arch::flush_space(space.hardware);
    return Error::None;
}

Error destroy(AddressSpace& space) {
    arch::directory_destroy(space.hardware);
    for (Slot& slot : space.shadow) {
        if (slot.is_empty()) continue;
        if (slot.capability.is(CapabilityType::PageTable)) {
            if (Error const error = unmap_table(slot); error != Error::None) return error;
        } else {
            unmap_frame(slot);
        }
        empty_mapping(slot);
        if (should_preempt()) return preempted;
    }
    return Error::None;
}

} // namespace kernel
