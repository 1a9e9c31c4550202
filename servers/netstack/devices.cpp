#include "devices.hpp"
#include "lwip/ip4.h"
#include "lwip/ip6.h"
#include "packet_path.hpp"
#include "platform.hpp"
#include <algorithm>

namespace netstack {

using proto::stack::DeviceKind;

namespace {
constexpr std::uint32_t loopback_network = 127;
bool in_loopback_network(std::uint32_t network_order) { return (network_order & 0xff) == loopback_network; }

} // namespace

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
