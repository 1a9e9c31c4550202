// From the configuration area to devices, addresses and routes.
#include "devices.hpp"
#include "lwip/nd6.h"
#include "netif/ethernet.h"
#include "packet_path.hpp"
#include "platform.hpp"
#include <algorithm>

namespace netstack {

using proto::stack::AddressRecord;
using proto::stack::DeviceKind;
using proto::stack::DeviceRecord;
using proto::stack::NeighbourRecord;

namespace {
std::uint32_t word_from(std::uint8_t const (&bytes)[4]) {
    std::uint32_t word;
    std::memcpy(&word, bytes, sizeof word);
    return word;
}
std::uint32_t host_order(std::uint8_t const (&bytes)[4]) { return lwip_ntohl(word_from(bytes)); }
} // namespace

std::uint16_t packet_limit(Device const& device) {
    constexpr std::uint32_t longest = 0xfff0, large = Devices::large_frame - 60;
    return static_cast<std::uint16_t>(
        std::clamp<std::uint32_t>(device.record.mtu, device.is(DeviceKind::Card) ? 68 : large, longest));
}

void Devices::configure(DeviceRecord const& record) {
    Device* device = find(record.index);
    if (device == nullptr) {
        devices_.push_back(std::make_unique<Device>());
        device = devices_.back().get();
        device->counters = counters_for(record.index);
    }
    bool const other_ring = device->record.ring != record.ring || device->record.side != record.side;
    bool const bridge_changed = device->record.master != record.master;
    if (bridge_changed && device->record.master != 0) {
        if (auto* const bridge = find(device->record.master)) { bridge->stations.forget_port(record.index); }
    }
    device->record = record;
    device->record.name[sizeof record.name - 1] = '\0';
    device->wanted = true;
    if (record.ring == 0 && !other_ring) { device->asked = false; } // what was asked for did not happen
    if (other_ring) {
        // What waited for the other end's stack goes into the new ring, what was for another end is gone.
        if (!device->asked) {
            for (auto* const frame : device->backlog) { pbuf_free(frame); }
            device->backlog.clear();
        }
        device->asked = false;
        device->send = device->receive = {};
        auto* const memory =
            record.ring != 0 ? static_cast<std::byte*>(platform().ring_memory(record.ring - 1)) : nullptr;
        if (memory != nullptr) {
            constexpr auto half = proto::stack::ring_bytes / 2;
            device->send = proto::PacketRing{memory + (record.side & 1) * half, half};
            device->receive = proto::PacketRing{memory + (1 - (record.side & 1)) * half, half};
        }
    }
}

bool Devices::apply(std::span<std::byte const> area) {
    std::vector<AddressRecord> addresses;
    std::vector<NeighbourRecord> neighbours;
    std::vector<Route> routes;
    std::vector<proto::stack::AddressRecord6> addresses6;
    std::vector<proto::stack::NeighbourRecord6> neighbours6;
    std::vector<Route6> routes6;
    std::vector<DeviceRecord> records;
    auto settings = settings_;
    RuleSet rules;
    struct Visitor {
        std::vector<DeviceRecord>& records;
        std::vector<AddressRecord>& addresses;
        std::vector<Route>& routes;
        std::vector<NeighbourRecord>& neighbours;
        std::array<proto::SettingValues, 8>& settings;
        RuleSet& rules;
        std::vector<proto::stack::AddressRecord6>& addresses6;
        std::vector<Route6>& routes6;
        std::vector<proto::stack::NeighbourRecord6>& neighbours6;
        void operator()(proto::stack::AddressRecord6 const& record) { addresses6.push_back(record); }
        void operator()(proto::stack::NeighbourRecord6 const& record) { neighbours6.push_back(record); }
        void operator()(proto::stack::RouteRecord6 const& record) {
            Route6 route;
            std::ranges::copy(record.destination, route.destination.begin());
            if (record.has_gateway != 0) { std::ranges::copy(record.gateway, route.gateway.begin()); }
            route.metric = record.metric;
            route.device = record.device;
            route.prefix = std::min<std::uint8_t>(record.prefix, 128);
            routes6.push_back(route);
        }
        void operator()(proto::stack::RuleRecord const& record) { rules.add(record); }
        void operator()(DeviceRecord const& record) { records.push_back(record); }
        void operator()(AddressRecord const& record) { addresses.push_back(record); }
        void operator()(NeighbourRecord const& record) { neighbours.push_back(record); }
        void operator()(proto::stack::RouteRecord const& record) {
            routes.push_back({host_order(record.destination), record.has_gateway != 0 ? host_order(record.gateway) : 0,
                              host_order(record.source), record.metric, record.device,
                              std::min<std::uint8_t>(record.prefix, 32)});
        }
        void operator()(proto::stack::SettingRecord const& record) {
            auto const number = static_cast<std::size_t>(record.setting);
            if (number < settings.size()) { settings[number] = record.values; }
        }
    };
    if (!proto::stack::read_configuration(
            area, Visitor{records, addresses, routes, neighbours, settings, rules, addresses6, routes6, neighbours6})) {
        return false;
    }
    settings_ = settings;
    for (auto& device : devices_) { device->wanted = false; }
    for (auto const& record : records) { configure(record); }
    remove_unwanted(addresses);
    for (auto const& address : addresses) { add_address(address); }
    for (auto& device : devices_) { set_addresses6(*device, addresses6); }
    routes_.assign(std::move(routes));
    routes6_.assign(std::move(routes6));
    set_neighbours6(neighbours6);
    set_neighbours(neighbours);
    path_->assign(std::move(rules));
    if (release_due_ != 0) { release_shaped(); } // at the new rates
    return true;
}

void Devices::remove_unwanted(std::vector<AddressRecord> const& addresses) {
    for (auto& device : devices_) {
        std::erase_if(device->interfaces, [&](auto& interface) {
            bool const kept =
                device->wanted && device->up() && std::ranges::any_of(addresses, [&](AddressRecord const& record) {
                    return record.device == device->index() && word_from(record.address) == interface->address() &&
                           record.prefix == interface->prefix;
                });
            if (kept) {
                interface->lwip.mtu = packet_limit(*device);
                std::memcpy(interface->lwip.hwaddr, device->record.hardware_address, 6);
            } else {
                remove_interface(*interface);
            }
            return !kept;
        });
    }
    std::erase_if(devices_, [&](auto& device) {
        if (!device->wanted) {
            if (device->six != nullptr) { remove_interface(*device->six); }
            std::erase_if(queue_, [&](Travelling const& travelling) {
                bool const there = travelling.interface == nullptr && travelling.device == device->index();
                if (there) { pbuf_free(travelling.frame); }
                return there;
            });
            for (auto* const frame : device->backlog) { pbuf_free(frame); }
            if (device->counters != &uncounted_) { *device->counters = {}; }
        }
        return !device->wanted;
    });
}

void Devices::remove_interface(Interface& interface) {
    // Connections with its address end, and send their last words by it: what waits for it goes after that.
    netif_set_down(&interface.lwip);
    netif_remove(&interface.lwip);
    etharp_cleanup_netif(&interface.lwip);
    nd6_cleanup_netif(&interface.lwip);
    std::erase_if(queue_, [&](Travelling const& travelling) {
        bool const there = travelling.interface == &interface;
        if (there) { pbuf_free(travelling.frame); }
        return there;
    });
}

err_t output_packet(netif* netif, pbuf* packet, ip4_addr_t const* destination);
err_t output_packet6(netif* netif, pbuf* packet, ip6_addr_t const* destination);
err_t transmit_frame(netif* netif, pbuf* frame);

void Devices::set_checksums(Interface& interface) {
    // Between programs of one machine nothing gets lost on the way; only a wire needs sums.
    bool const wire = interface.device->is(DeviceKind::Card);
    interface.lwip.chksum_flags = wire ? NETIF_CHECKSUM_ENABLE_ALL
                                       : NETIF_CHECKSUM_GEN_IP | NETIF_CHECKSUM_GEN_ICMP | NETIF_CHECKSUM_GEN_ICMP6 |
                                             NETIF_CHECKSUM_CHECK_IP | NETIF_CHECKSUM_CHECK_ICMP |
                                             NETIF_CHECKSUM_CHECK_ICMP6;
}

void Devices::add_address(AddressRecord const& record) {
    Device* const device = find(record.device);
    if (device == nullptr || !device->up()) { return; }
    for (auto const& interface : device->interfaces) {
        if (interface->address() == word_from(record.address) && interface->prefix == record.prefix) { return; }
    }
    auto interface = std::make_unique<Interface>();
    interface->prefix = std::min<std::uint8_t>(record.prefix, 32);
    if (!add_netif(*device, *interface, word_from(record.address))) { return; }
    netif_set_up(&interface->lwip); // announces itself by a gratuitous ARP
    device->interfaces.push_back(std::move(interface));
}

bool Devices::add_netif(Device& device, Interface& interface, std::uint32_t own) {
    constexpr int netifs_maximum = 250; // lwIP numbers them by a byte, and stops if there are more
    int count = 0;
    netif* other;
    NETIF_FOREACH(other) { ++count; }
    if (count >= netifs_maximum) { return false; }
    interface.device = &device;
    ip4_addr_t address, mask, gateway;
    address.addr = own;
    mask.addr = 0xffffffff;
    gateway.addr = 0;
    auto const initialize = [](netif* netif) -> err_t {
        auto& self = *static_cast<Interface*>(netif->state);
        auto const& device = *self.device;
        netif->name[0] = device.record.name[0];
        netif->name[1] = device.record.name[1];
        netif->output = &output_packet;
        netif->output_ip6 = &output_packet6;
        netif->linkoutput = &transmit_frame;
        netif->mtu = packet_limit(device);
        netif->hwaddr_len = 6;
        std::memcpy(netif->hwaddr, device.record.hardware_address, 6);
        netif->flags = NETIF_FLAG_LINK_UP | NETIF_FLAG_BROADCAST;
        if (!device.is(DeviceKind::Loopback)) { netif->flags |= NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET; }
        return ERR_OK;
    };
    if (netif_add(&interface.lwip, &address, &mask, &gateway, &interface, initialize, &ethernet_input) == nullptr) {
        return false;
    }
    set_checksums(interface);
    return true;
}

void Devices::set_neighbours(std::vector<NeighbourRecord> const& neighbours) {
    for (auto const& old : permanent_) {
        ip4_addr_t address;
        address.addr = word_from(old.address);
        static_cast<void>(etharp_remove_static_entry(&address));
    }
    permanent_.clear();
    for (auto const& neighbour : neighbours) {
        ip4_addr_t address;
        address.addr = word_from(neighbour.address);
        eth_addr hardware;
        std::memcpy(hardware.addr, neighbour.hardware_address, sizeof hardware.addr);
        if (etharp_add_static_entry(&address, &hardware) == ERR_OK) { permanent_.push_back(neighbour); }
    }
}

} // namespace netstack
