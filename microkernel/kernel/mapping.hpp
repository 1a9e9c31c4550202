// Mappings: hardware entries and the shadow slots that are their capabilities, always changed together.
#pragma once
#include "ipc.hpp"

namespace kernel {

/// Page table mapped for `address`; null: none.
PageTable* find_table(AddressSpace const& space, Address address);
/// Takes the frame mapping in this shadow slot out of the hardware; the slot itself is the caller's to empty.
void unmap_frame(Slot& slot);
/// Takes the page table mapping in this shadow slot of an address space, and every mapping in the table, away.
/// The slot itself is the caller's to empty.
Error unmap_table(Slot& slot);
/// The address space ends: unmaps everything.
Error destroy(AddressSpace& space);

} // namespace kernel
