// Copies of frames for those that keep them.
#pragma once
#include "lwip/pbuf.h"

namespace netstack {

/// A frame of its own, in one piece, with everything that travels with it. Null: no memory.
pbuf* copy_of(pbuf const* frame);
/// As copy_of, but data that a program sends by reference is referred to once more.
pbuf* shared_copy_of(pbuf const* packet);

} // namespace netstack
