// What a bridge does with the frames of its ports, and with its own.
#include "devices.hpp"
#include "frame_copy.hpp"
#include "lwip/prot/ethernet.h"
#include "packet_path.hpp"
#include "platform.hpp"

namespace netstack {

using proto::stack::DeviceKind;

bool Devices::bridge_across(Device& from, std::uint32_t length, std::uint32_t flags) {
    auto const bridges = flags >> proto::packet_flag::bridges_shift;
    if (firewall_filters || !listeners_.empty() || bridges >= proto::packet_flag::bridges_maximum || !from.up() ||
        length < SIZEOF_ETH_HDR - ETH_PAD_SIZE || length > large_frame) {
        return false;
    }
    auto* const bridge = find(from.record.master);
    if (bridge == nullptr || !bridge->up()) { return false; }
    HardwareAddress destination, source; // taken out once: who sent it may still write there
    from.receive.read(0, destination.data(), destination.size());
    from.receive.read(destination.size(), source.data(), source.size());
    auto const now = now_milliseconds();
    auto const port = (destination[0] & 1) == 0 ? bridge->stations.find(destination, now) : 0;
    auto* const to = port != 0 && port != from.index() ? find(port) : nullptr;
    bool const direct = to != nullptr && to->up() && to->record.master == bridge->index() && to->is(DeviceKind::Veth) &&
                        to->record.rate == 0 && to->send && to->backlog.empty() &&
                        std::memcmp(destination.data(), bridge->record.hardware_address, destination.size()) != 0;
    if (!direct || !to->send.has_room(length)) { return false; }
    bool was_empty = false;
    constexpr std::uint32_t one_more = 1U << proto::packet_flag::bridges_shift;
    bool const done =
        to->send.put(length, flags + one_more, was_empty, [&](auto put) { from.receive.each_part(0, length, put); });
    if (!done) { return false; }
    if (was_empty) { platform().ring_peer(to->record.ring - 1); }
    bridge->stations.learn(source, from.index(), now);
    for (auto* const counters : {from.counters, bridge->counters}) {
        counters->received_bytes += length;
        ++counters->received_packets;
    }
    to->counters->sent_bytes += length;
    ++to->counters->sent_packets;
    return true;
}

void Devices::bridge(Device& bridge, Device* from, pbuf* frame) {
    if (frame->len < SIZEOF_ETH_HDR) { return; }
    auto const* const header = static_cast<eth_hdr const*>(frame->payload);
    HardwareAddress source, destination;
    std::memcpy(source.data(), &header->src, source.size());
    std::memcpy(destination.data(), &header->dest, destination.size());
    auto const now = now_milliseconds();
    if (from != nullptr) {
        bridge.stations.learn(source, from->index(), now);
        ++bridge.counters->received_packets;
        bridge.counters->received_bytes += frame->tot_len - ETH_PAD_SIZE;
    }
    bool const group = (destination[0] & 1) != 0;
    bool const own = std::memcmp(destination.data(), bridge.record.hardware_address, destination.size()) == 0;
    auto const port = group || own ? 0 : bridge.stations.find(destination, now);
    bool const endless = from != nullptr && bridges_of(*frame) >= proto::packet_flag::bridges_maximum;
    if (endless) { ++from->counters->received_dropped; }
    if (!own && !endless) {
        if (from != nullptr) { ++bridges_of(*frame); }
        for (std::size_t i = 0; i < devices_.size(); ++i) {
            Device& device = *devices_[i];
            bool const member = device.record.master == bridge.index() && &device != from && device.up();
            if (!member || (port != 0 && port != device.index())) { continue; }
            if (firewall_filters && from != nullptr && !path_->bridged(bridge, *from, device, port != 0, frame)) {
                continue;
            }
            transmit(device, frame);
        }
    }
    if (from != nullptr && (group || own)) {
        if (!listeners_.empty()) [[unlikely]] { show(bridge, frame, false); }
        if (pbuf* const copy = copy_of(frame)) {
            path_->arrival_port = from->index();
            deliver(bridge, copy);
            path_->arrival_port = 0;
        }
    }
}

} // namespace netstack
