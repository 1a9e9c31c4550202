// Deleting capabilities. With its last capability an object ends; everything here may stop at a preemption point and
// is then called again. No recursion: CNodes and Threads become zombies in a queue and are taken apart one by one.
#pragma once
#include "ipc.hpp"

namespace kernel {

/// Empties the slot, and takes apart every object that ended by it.
Error delete_capability(Slot& slot);
/// Empties a slot that holds a Frame capability or nothing, at once.
void delete_frame(Slot& slot);
/// Deletes all descendants of the slot's capability.
Error revoke(Slot& slot);

} // namespace kernel
