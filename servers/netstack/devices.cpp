#include "devices.hpp"
#include "lwip/ip4.h"
#include "lwip/ip6.h"
#include "lwip/prot/etharp.h"
#include "lwip/prot/ethernet.h"
#include "lwip/prot/iana.h"
#include "lwip/tcpip.h"
#include "packet_path.hpp"
#include "platform.hpp"
#include "send_buffer.hpp"
#include <algorithm>

namespace netstack {

using proto::stack::DeviceKind;

namespace {
constexpr std::uint32_t loopback_network = 127;
bool in_loopback_network(std::uint32_t network_order) { return (network_order & 0xff) == loopback_network; }

/// A frame of its own, in one piece, with everything that travels with it.
pbuf* copy_of(pbuf const* frame) {
    pbuf* const copy = pbuf_alloc(PBUF_LINK, frame->tot_len, PBUF_RAM);
    if (copy == nullptr) { return nullptr; }
    if (pbuf_copy(copy, frame) != ERR_OK) {
        pbuf_free(copy);
        return nullptr;
    }
    copy->flags |= frame->flags & Devices::no_checksum_flag;
    return copy;
}
/// As copy_of, but data that a program sends by reference is referred to once more.
pbuf* shared_copy_of(pbuf const* packet) {
    pbuf* const head = pbuf_alloc(PBUF_LINK, packet->len, PBUF_RAM);
    if (head == nullptr) { return nullptr; }
    std::memcpy(head->payload, packet->payload, packet->len);
    for (auto const* part = packet->next; part != nullptr; part = part->next) {
        // Where two buffers lie side by side in memory, lwIP makes one part of what lies in both.
        for (std::uint16_t done = 0; done < part->len;) {
            auto* const bytes = static_cast<std::byte*>(part->payload) + done;
            auto* const buffer = SendBuffer::find(bytes);
            auto const rest = static_cast<std::uint16_t>(part->len - done);
            auto const count = buffer != nullptr
                                   ? static_cast<std::uint16_t>(std::min<std::size_t>(rest, buffer->reach(bytes)))
                                   : rest;
            pbuf* const tail = buffer != nullptr ? buffer->refer(bytes, count) : pbuf_alloc(PBUF_RAW, count, PBUF_RAM);
            if (tail == nullptr) {
                pbuf_free(head);
                return nullptr;
            }
            if (buffer == nullptr) { std::memcpy(tail->payload, bytes, count); }
            pbuf_cat(head, tail);
            done = static_cast<std::uint16_t>(done + count);
        }
    }
    head->flags |= packet->flags & Devices::no_checksum_flag;
    return head;
}
} // namespace

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
    devices_instance->transmit(*interface.device, frame);
    return ERR_OK;
}

Devices::Devices(proto::stack::StatusPage& status)
    : status_{status}, path_{std::make_unique<PacketPath>(*this, platform().random())} {
    devices_instance = this;
    status_.device_count = proto::stack::StatusPage::devices_maximum; // unused ones have index 0
    settings_[static_cast<std::size_t>(proto::NetworkSetting::PingGroupRange)] = {1, 0};
    settings_[static_cast<std::size_t>(proto::NetworkSetting::FirstUnprivilegedPort)] = {1024, 0};
}

Devices::~Devices() {
    for (auto& device : devices_) {
        for (auto& interface : device->interfaces) { remove_interface(*interface); }
        if (device->six != nullptr) { remove_interface(*device->six); }
        for (auto* const frame : device->backlog) { pbuf_free(frame); }
    }
    for (auto const& travelling : queue_) { pbuf_free(travelling.frame); }
    devices_instance = nullptr;
}

Device* Devices::find(std::uint32_t index) {
    for (auto& device : devices_) {
        if (device->index() == index) { return device.get(); }
    }
    return nullptr;
}

Device* Devices::find(std::string_view name) {
    auto const found = std::ranges::find_if(devices_, [&](auto const& device) { return device->name() == name; });
    return found != devices_.end() ? found->get() : nullptr;
}

bool Devices::is_broadcast(std::uint32_t address) const {
    if (address == 0xffffffff) { return true; }
    return std::ranges::any_of(devices_, [&](auto const& device) {
        return std::ranges::any_of(device->interfaces, [&](auto const& interface) {
            return cella_is_broadcast(address, &interface->lwip) != 0;
        });
    });
}

bool Devices::is_local(std::uint32_t address) const {
    for (auto const& device : devices_) {
        for (auto const& interface : device->interfaces) {
            if (interface->address() == address) { return true; }
        }
    }
    return false;
}

bool Devices::needs_neighbours() const {
    return std::ranges::any_of(devices_, [](auto const& device) {
        return !device->is(DeviceKind::Loopback) && device->up() && !device->interfaces.empty();
    });
}

Interface* Devices::route(std::uint32_t destination, std::uint32_t& next_hop) {
    next_hop = destination;
    for (auto& device : devices_) {
        for (auto& interface : device->interfaces) {
            if (interface->address() == destination ||
                (device->is(DeviceKind::Loopback) && in_loopback_network(destination))) {
                return interface.get();
            }
        }
    }
    Interface* best = nullptr;
    auto const host = lwip_ntohl(destination);
    auto const* const route = routes_.find(host, [&](Route const& candidate) {
        auto* const device = find(candidate.device);
        return device != nullptr && device->up() && !device->interfaces.empty() && !device->is(DeviceKind::Loopback) &&
               (only_device_ == 0 || only_device_ == device->index());
    });
    if (route == nullptr) {
        // Bound to a device, and no route: its wire is where everybody is.
        auto* const only = only_device_ != 0 ? find(only_device_) : nullptr;
        return only != nullptr && only->up() && !only->interfaces.empty() ? only->interfaces.front().get() : nullptr;
    }
    auto& interfaces = find(route->device)->interfaces;
    auto const near = route->gateway != 0 ? route->gateway : host;
    if (route->gateway != 0) { next_hop = lwip_htonl(route->gateway); }
    best = interfaces.front().get();
    for (auto& interface : interfaces) {
        auto const own = lwip_ntohl(interface->address());
        if (route->source != 0 && own == route->source) { return interface.get(); }
        std::uint32_t const mask = interface->prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - interface->prefix);
        if (((own ^ near) & mask) == 0 && best == interfaces.front().get()) { best = interface.get(); }
    }
    return best;
}

void Devices::queue(std::uint32_t device, Interface* interface, pbuf* frame) {
    if (queue_.size() >= queue_maximum) {
        pbuf_free(frame);
        return;
    }
    queue_.push_back({device, interface, frame});
}

void Devices::run() {
    while (!queue_.empty()) {
        auto const next = queue_.front();
        queue_.pop_front();
        if (next.interface != nullptr) {
            // A packet to ourselves: no sums to check, nothing was on a wire.
            auto& netif = next.interface->lwip;
            auto const flags = netif.chksum_flags;
            netif.chksum_flags =
                flags & ~(NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP | NETIF_CHECKSUM_CHECK_IP);
            bool const six = next.frame->len != 0 && (*static_cast<std::uint8_t const*>(next.frame->payload) >> 4) == 6;
            static_cast<void>(six ? ip6_input(next.frame, &netif) : ip4_input(next.frame, &netif));
            netif.chksum_flags = flags;
        } else if (auto* const device = find(next.device)) {
            receive(*device, next.frame);
        } else {
            pbuf_free(next.frame);
        }
    }
}

bool Devices::put_in_ring(Device& device, pbuf* frame) {
    bool was_empty = false;
    auto const length = static_cast<std::uint32_t>(frame->tot_len - ETH_PAD_SIZE);
    bool const done = device.send.put(
        length, (frame->flags & no_checksum_flag) != 0 ? proto::packet_flag::no_checksum : 0, was_empty, [&](auto put) {
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

void Devices::poll_rings() {
    for (std::size_t i = 0; i < devices_.size(); ++i) {
        Device& device = *devices_[i];
        if (!device.receive) { continue; }
        flush(device);
        std::uint32_t length, flags;
        bool producer_waits = false;
        for (std::uint32_t count = 0; count < 256 && device.receive.next(length, flags); ++count) {
            if (device.record.master != 0 && bridge_across(device, length, flags)) {
                producer_waits = device.receive.pop(length) || producer_waits;
                continue;
            }
            pbuf* const frame = length >= SIZEOF_ETH_HDR - ETH_PAD_SIZE && length <= large_frame
                                    ? pbuf_alloc(PBUF_RAW, static_cast<u16_t>(length + ETH_PAD_SIZE), PBUF_RAM)
                                    : nullptr;
            if (frame != nullptr) {
                device.receive.read(0, static_cast<std::byte*>(frame->payload) + ETH_PAD_SIZE, length);
                if ((flags & proto::packet_flag::no_checksum) != 0) { frame->flags |= no_checksum_flag; }
            } else {
                ++device.counters->received_dropped;
            }
            producer_waits = device.receive.pop(length) || producer_waits;
            if (frame != nullptr) { receive(device, frame); }
            run();
        }
        if (producer_waits) { platform().ring_peer(device.record.ring - 1); }
    }
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

bool Devices::bridge_across(Device& from, std::uint32_t length, std::uint32_t flags) {
    if (firewall_filters || !listeners_.empty() || !from.up() || length < SIZEOF_ETH_HDR - ETH_PAD_SIZE ||
        length > large_frame) {
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
    bool const done = to->send.put(length, flags & proto::packet_flag::no_checksum, was_empty,
                                   [&](auto put) { from.receive.each_part(0, length, put); });
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
    if (!own) {
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

proto::stack::DeviceStatus* Devices::counters_for(std::uint32_t index) {
    for (auto& entry : status_.devices) {
        if (entry.index == 0) {
            entry = {};
            entry.index = index;
            return &entry;
        }
    }
    return &uncounted_;
}

void Devices::write_neighbours() const {
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < ARP_TABLE_SIZE && count < proto::stack::StatusPage::neighbours_maximum; ++i) {
        ip4_addr_t* address;
        netif* netif;
        eth_addr* hardware;
        if (etharp_get_entry(i, &address, &netif, &hardware) == 0) { continue; }
        auto& entry = status_.neighbours[count++];
        entry = {};
        entry.device = netif != nullptr ? static_cast<Interface*>(netif->state)->device->index() : 0;
        std::memcpy(entry.address, &address->addr, sizeof entry.address);
        std::memcpy(entry.hardware_address, hardware->addr, sizeof entry.hardware_address);
        entry.complete = 1;
        entry.permanent = std::ranges::any_of(
            permanent_, [&](auto const& record) { return std::memcmp(record.address, entry.address, 4) == 0; });
    }
    status_.neighbour_count = count;
    write_neighbours6();
}

} // namespace netstack

using netstack::devices_instance;

extern "C" {

netif* cella_route(ip4_addr const*, ip4_addr const* destination) {
    std::uint32_t next_hop;
    auto* const interface = devices_instance->route(destination->addr, next_hop);
    return interface != nullptr ? &interface->lwip : nullptr;
}

ip4_addr const* cella_next_hop(netif*, ip4_addr const* destination) {
    static ip4_addr_t hop;
    if (devices_instance->route(destination->addr, hop.addr) == nullptr) { return nullptr; }
    return &hop;
}

std::uint8_t cella_is_broadcast(std::uint32_t address, netif const* netif) {
    if (address == 0xffffffff) { return 1; }
    auto const& interface = *static_cast<netstack::Interface const*>(netif->state);
    if (interface.prefix >= 31 || address == interface.address()) { return 0; }
    auto const host_bits = lwip_htonl(~std::uint32_t{0} >> interface.prefix);
    return (address & host_bits) == host_bits && ((address ^ interface.address()) & ~host_bits) == 0 ? 1 : 0;
}

} // extern "C"
