// Frames out of a ring for lwIP: the headers are copied, so that nobody changes them any more, the data of a long one stays where
// it lies. Mostly a program that waits has it before the next event; what is still wanted then is given memory of its own.
#pragma once
#include "lwip/pbuf.h"
#include "proto/packet_ring.hpp"

namespace netstack {

/// The ring's next frame, of that length, after ETH_PAD_SIZE bytes; the caller takes it out of the ring, and does not release the
/// ring before settle_ring_frames(). Null: no memory.
pbuf* frame_from_ring(proto::PacketRing const& ring, std::uint32_t length);
/// From here on nothing refers to a ring's memory. False: there was no memory for all of it; the rings cannot be released yet.
bool settle_ring_frames();

} // namespace netstack
