// Frames on their way out: to a ring, to the other end in this stack, to a bridge, to a stack that sleeps.
#include "devices.hpp"
#include "frame_copy.hpp"
#include "lwip/prot/etharp.h"
#include "lwip/prot/ethernet.h"
#include "packet_path.hpp"
#include "platform.hpp"
#include <algorithm>

namespace netstack {

using proto::stack::DeviceKind;

/// netif->output: an IP packet that lwIP has made.
err_t output_packet(netif* netif, pbuf* packet, ip4_addr_t const* destination) {
    auto& devices = *devices_instance;
    auto& interface = *static_cast<Interface*>(netif->state);
    pbuf* rewritten = nullptr;
    if (firewall_active) [[unlikely]] {
        rewritten = devices.path().output(packet, (netif->chksum_flags & NETIF_CHECKSUM_GEN_TCP) != 0);
        if (rewritten != nullptr) { packet = rewritten; }
    }
    bool const own = interface.device->is(DeviceKind::Loopback) || devices.is_local(destination->addr);
    auto const error = own ? devices.send_to_self(interface, packet) : etharp_output(netif, packet, destination);
    if (rewritten != nullptr) { pbuf_free(rewritten); }
    return error;
}

err_t Devices::send_to_self(Interface& interface, pbuf* packet) {
    pbuf* const copy = shared_copy_of(packet);
    if (copy == nullptr) { return ERR_MEM; }
    copy->flags |= own_flag;
    if (auto* const loopback = find(1)) {
        loopback->counters->sent_bytes += packet->tot_len;
        ++loopback->counters->sent_packets;
        loopback->counters->received_bytes += packet->tot_len;
        ++loopback->counters->received_packets;
    }
    queue(0, &interface, copy);
    return ERR_OK;
}

/// netif->linkoutput: a whole frame, after two bytes that align what follows.
err_t transmit_frame(netif* netif, pbuf* frame) {
    auto& interface = *static_cast<Interface*>(netif->state);
    if ((netif->chksum_flags & NETIF_CHECKSUM_GEN_TCP) == 0) { frame->flags |= Devices::no_checksum_flag; }
    Devices::bridges_of(*frame) = 0; // of a packet that is forwarded, its way so far
    devices_instance->transmit(*interface.device, frame);
    return ERR_OK;
}

bool Devices::put_in_ring(Device& device, pbuf* frame) {
    bool was_empty = false;
    auto const length = static_cast<std::uint32_t>(frame->tot_len - ETH_PAD_SIZE);
    std::uint32_t flags = (frame->flags & no_checksum_flag) != 0 ? proto::packet_flag::no_checksum : 0;
    if (device.is(DeviceKind::Veth)) {
        flags |= static_cast<std::uint32_t>(bridges_of(*frame)) << proto::packet_flag::bridges_shift;
    }
    bool const done = device.send.put(length, flags, was_empty, [&](auto put) {
        std::uint32_t skip = ETH_PAD_SIZE;
        for (pbuf const* part = frame; part != nullptr; part = part->next) {
            auto const skipped = std::min<std::uint32_t>(skip, part->len);
            skip -= skipped;
            put(static_cast<std::byte const*>(part->payload) + skipped, part->len - skipped);
        }
    });
    if (done && was_empty) { platform().ring_peer(device.record.ring - 1); }
    return done;
}

void Devices::transmit(Device& device, pbuf* frame) {
    if (!device.up() || frame->tot_len < ETH_PAD_SIZE + SIZEOF_ETH_HDR - ETH_PAD_SIZE) {
        ++device.counters->sent_dropped;
        return;
    }
    if (device.record.rate != 0 && held_back(device, frame)) { return; }
    device.counters->sent_bytes += frame->tot_len - ETH_PAD_SIZE;
    ++device.counters->sent_packets;
    if (!listeners_.empty()) [[unlikely]] { show(device, frame, true); }
    switch (device.record.kind) {
    case DeviceKind::Bridge: bridge(device, nullptr, frame); return;
    case DeviceKind::Card:
        // A wire's frames have a limit, whatever a bridge brings.
        if (frame->tot_len <= device.record.mtu + SIZEOF_ETH_HDR) { break; }
        ++device.counters->sent_dropped;
        return;
    case DeviceKind::Veth: break;
    default: return; // a dummy swallows it
    }
    if (device.record.ring == 0 && device.record.peer == 0) {
        wake(device, frame);
        return;
    }
    if (device.record.ring == 0) {
        auto* const peer = find(device.record.peer);
        pbuf* const copy = peer != nullptr && peer->up() ? copy_of(frame) : nullptr;
        if (copy != nullptr) {
            queue(peer->index(), nullptr, copy);
        } else {
            ++device.counters->sent_dropped;
        }
        return;
    }
    if (!device.send || (device.backlog.empty() && put_in_ring(device, frame))) { return; }
    // The reader is behind: keep it until it says that there is room.
    pbuf* const copy = device.backlog.size() < backlog_maximum ? shared_copy_of(frame) : nullptr;
    if (copy == nullptr) {
        ++device.counters->sent_dropped;
        return;
    }
    device.backlog.push_back(copy);
    device.send.ask_for_room();
    flush(device); // it may have become free in between
}

void Devices::wake(Device& device, pbuf* frame) {
    bool worth_it =
        device.record.carrier != 0 && device.is(DeviceKind::Veth) && device.backlog.size() < backlog_maximum;
    constexpr auto arp_bytes = SIZEOF_ETH_HDR + SIZEOF_ETHARP_HDR;
    if (frame->len >= arp_bytes && static_cast<eth_hdr const*>(frame->payload)->type == PP_HTONS(ETHTYPE_ARP)) {
        // Who only announces himself wakes nobody, and who asks for an address only its owner.
        auto const* const arp =
            reinterpret_cast<etharp_hdr const*>(static_cast<std::byte const*>(frame->payload) + SIZEOF_ETH_HDR);
        std::uint32_t target, sender, only;
        std::memcpy(&target, &arp->dipaddr, sizeof target);
        std::memcpy(&sender, &arp->sipaddr, sizeof sender);
        std::memcpy(&only, device.record.sleeper, sizeof only);
        worth_it = worth_it && target != sender && (only == 0 || only == target);
    } else if (frame->len >= SIZEOF_ETH_HDR &&
               static_cast<eth_hdr const*>(frame->payload)->type == PP_HTONS(ETHTYPE_IPV6)) {
        worth_it = worth_it && wakes6(device, frame);
    }
    pbuf* const copy = worth_it ? copy_of(frame) : nullptr;
    if (copy == nullptr) {
        ++device.counters->sent_dropped;
        return;
    }
    device.backlog.push_back(copy);
    if (device.asked) { return; }
    device.asked = true;
    status_.wake_devices[status_.wakes % proto::stack::StatusPage::wake_slots] = device.index();
    __atomic_store_n(&status_.wakes, status_.wakes + 1, __ATOMIC_RELEASE);
    platform().ring_netns();
}

bool Devices::held_back(Device& device, pbuf* frame) {
    if (releasing_ == &device) { return false; }
    if (device.shaper == nullptr) { device.shaper = std::make_unique<Shaper>(); }
    auto& shaper = *device.shaper;
    auto const rate = device.record.rate, burst = device.record.burst;
    if (shaper.pass(frame->tot_len, rate, burst, platform().nanoseconds())) { return false; }
    pbuf* const copy = copy_of(frame);
    if (copy == nullptr || !shaper.keep(copy)) {
        ++device.counters->sent_dropped;
        if (copy != nullptr) { pbuf_free(copy); }
    } else if (shaper.waiting() == 1) {
        auto const due = (platform().nanoseconds() + shaper.wait(rate, burst)) / 1000000 + 1;
        if (release_due_ == 0 || due < release_due_) { release_due_ = due; }
    }
    return true;
}

void Devices::release_shaped() {
    release_due_ = 0;
    auto const now = platform().nanoseconds();
    for (std::size_t i = 0; i < devices_.size(); ++i) {
        Device& device = *devices_[i];
        if (device.shaper == nullptr || device.shaper->waiting() == 0) { continue; }
        auto const rate = device.record.rate, burst = device.record.burst;
        releasing_ = &device;
        while (pbuf* const frame = device.shaper->next(rate, burst, now)) {
            transmit(device, frame);
            pbuf_free(frame);
        }
        releasing_ = nullptr;
        auto const wait = device.shaper->wait(rate, burst);
        auto const due = (now + wait) / 1000000 + 1;
        if (wait != 0 && (release_due_ == 0 || due < release_due_)) { release_due_ = due; }
    }
}

void Devices::flush(Device& device) {
    while (!device.backlog.empty() && put_in_ring(device, device.backlog.front())) {
        pbuf_free(device.backlog.front());
        device.backlog.pop_front();
    }
    if (!device.backlog.empty()) { device.send.ask_for_room(); }
}

} // namespace netstack
