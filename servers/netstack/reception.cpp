// Frames from the rings, and where a frame that arrived goes.
#include "devices.hpp"
#include "lwip/prot/etharp.h"
#include "lwip/prot/ethernet.h"
#include "packet_path.hpp"
#include "platform.hpp"
#include "ring_frames.hpp"
#include <algorithm>

namespace netstack {

using proto::stack::DeviceKind;

void Devices::poll_rings() {
    constexpr std::uint32_t frames_at_once = 256; // others have something to say, too
    for (std::size_t i = 0; i < devices_.size(); ++i) {
        Device& device = *devices_[i];
        if (!device.receive) { continue; }
        flush(device);
        std::uint32_t length, flags;
        for (std::uint32_t count = 0; count < frames_at_once && device.receive.next(length, flags); ++count) {
            taken_ = true;
            if (device.record.master != 0 && bridge_across(device, length, flags)) {
                device.receive.take(length);
                continue;
            }
            bool const possible = length >= SIZEOF_ETH_HDR - ETH_PAD_SIZE && length <= large_frame;
            pbuf* const frame = possible ? frame_from_ring(device.receive, length) : nullptr;
            device.receive.take(length);
            if (frame == nullptr) {
                ++device.counters->received_dropped;
                continue;
            }
            if ((flags & proto::packet_flag::no_checksum) != 0) { frame->flags |= no_checksum_flag; }
            bridges_of(*frame) = static_cast<std::uint8_t>(flags >> proto::packet_flag::bridges_shift);
            receive(device, frame);
            run();
        }
    }
}

bool Devices::release_rings() {
    if (!taken_ || !settle_ring_frames()) { return false; }
    taken_ = false;
    bool more = false;
    for (auto& device : devices_) {
        if (!device->receive.holds()) { continue; }
        if (device->receive.release()) { platform().ring_peer(device->record.ring - 1); }
        std::uint32_t length, flags;
        more = device->receive.next(length, flags) || more;
    }
    return more;
}

void Devices::receive(Device& device, pbuf* frame) {
    if (!device.up()) {
        ++device.counters->received_dropped;
        pbuf_free(frame);
        return;
    }
    device.counters->received_bytes += frame->tot_len - ETH_PAD_SIZE;
    ++device.counters->received_packets;
    if (!listeners_.empty()) [[unlikely]] { show(device, frame, false); }
    if (auto* const master = device.record.master != 0 ? find(device.record.master) : nullptr) {
        if (master->up()) { bridge(*master, &device, frame); }
        pbuf_free(frame);
        return;
    }
    deliver(device, frame);
}

void Devices::deliver(Device& device, pbuf* frame) {
    bridges_of(*frame) = 0;
    auto const* const ethernet = static_cast<eth_hdr const*>(frame->payload);
    bool const six = ethernet->type == PP_HTONS(ETHTYPE_IPV6);
    // A frame for another station, which a bridge has brought everywhere, is not to be forwarded from here.
    bool const foreign = six && (ethernet->dest.addr[0] & 1) == 0 &&
                         std::memcmp(&ethernet->dest, device.record.hardware_address, sizeof ethernet->dest) != 0;
    Interface* interface = six                         ? device.six.get()
                           : device.interfaces.empty() ? nullptr
                                                       : device.interfaces.front().get();
    if (interface == nullptr || foreign) {
        pbuf_free(frame);
        return;
    }
    constexpr auto arp_bytes = SIZEOF_ETH_HDR + SIZEOF_ETHARP_HDR;
    bool const arp_frame = ethernet->type == PP_HTONS(ETHTYPE_ARP);
    if (arp_frame && frame->len < arp_bytes) { // lwIP reads the whole header without asking how long the frame is
        ++device.counters->received_dropped;
        pbuf_free(frame);
        return;
    }
    if (device.interfaces.size() > 1 && arp_frame) {
        // The interface that is asked for answers.
        auto const* const arp =
            reinterpret_cast<etharp_hdr const*>(static_cast<std::byte const*>(frame->payload) + SIZEOF_ETH_HDR);
        std::uint32_t target;
        std::memcpy(&target, &arp->dipaddr, sizeof target);
        for (auto& candidate : device.interfaces) {
            if (candidate->address() == target) { interface = candidate.get(); }
        }
    }
    auto& netif = interface->lwip;
    auto const flags = netif.chksum_flags;
    constexpr auto sums = NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP;
    netif.chksum_flags = (frame->flags & no_checksum_flag) != 0 ? flags & ~sums : flags | sums;
    if (netif.input(frame, &netif) != ERR_OK) { pbuf_free(frame); }
    netif.chksum_flags = flags;
}

} // namespace netstack
