// What must always hold between two kernel entries.
#pragma once
#include "cpu.hpp"

namespace kernel {

/// Checks every invariant that can be seen from the processor's state. Returns 0, or the number of the first that fails
/// (see invariants.cpp). Unbounded: for debugging and tests.
Word check_invariants();

} // namespace kernel
