// Making objects in zeroed memory.
#pragma once
#include "slot.hpp"

namespace kernel {

/// Makes the object of this type at `physical`, in zeroed memory of its size, and returns its first capability.
Capability create_object(abi::ObjectType type, Address physical, Word size_bits, bool device);

} // namespace kernel
