// What the derivation list tells endpoints: the slots that no-senders notification depends on.
#pragma once
#include "slot.hpp"

namespace kernel {

/// An endpoint capability went from `source` (now empty) to `destination`.
void endpoint_slot_moved(Slot& destination, Slot& source);
/// An endpoint capability is about to leave the list.
void endpoint_slot_emptied(Slot& slot);
/// A watched, living capability has lost its last descendant.
void watched_descendants_gone(Slot& slot);

} // namespace kernel
