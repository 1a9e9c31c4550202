// Protocol NetworkCard: a physical Ethernet card, from its driver. One user at a time (netns, for the namespace that has the card).
//
// Frames go through memory that the driver owns and lends: an area of `pages` pages, two halves of equal size, each a PacketRing
// (packet_ring.hpp) as between two network stacks. In the first half the user sends, in the second the card.
#pragma once
#include "../ipc/method.hpp"
#include "packet_ring.hpp"

namespace proto {

struct NetworkCardIdentity {
    std::array<std::uint8_t, 6> hardware_address;
    std::uint16_t link_up;
    std::uint32_t pages; ///< of the shared area; a multiple of two
};

struct NetworkCard {
    static constexpr abi::Word number = 22;
    static constexpr std::uint32_t maximum_frame =
        1514; ///< bytes, the Ethernet header included; longer ones are dropped

    /// Errors: NoDevice: the machine has no card.
    using Identify = ipc::Method<NetworkCard, 1, NetworkCardIdentity()>;
    /// Takes the card, from whoever had it: the pages lent so far are taken back, both rings are empty. `doorbell` is signalled when frames
    /// have come or there is room again. Answers what to signal after putting frames into the first half or taking frames out of a full second.
    using Attach = ipc::Method<NetworkCard, 2, ipc::Cap<ipc::Notification>(ipc::Cap<ipc::Notification> doorbell)>;
    /// Page `index` of the shared area, to be mapped readable and writable. Errors: NotPermitted before Attach; Range.
    using Page = ipc::Method<NetworkCard, 3, ipc::Cap<ipc::Frame>(std::uint32_t index)>;
    /// Gives the card up: the pages are taken back, what arrives is dropped.
    using Detach = ipc::Method<NetworkCard, 4, ipc::Unit()>;
    using methods = ipc::Methods<Identify, Attach, Page, Detach>;
};

} // namespace proto
