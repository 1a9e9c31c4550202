// IPv6 on the devices: addresses, routes, the way of a packet, who is near (RFC 4861).
#include "address.hpp"
#include "devices.hpp"
#include "firewall.hpp"
#include "lwip/ethip6.h"
#include "lwip/ip6.h"
#include "lwip/nd6.h"
#include "lwip/priv/nd6_priv.h"
#include "lwip/prot/ethernet.h"
#include "lwip/prot/icmp6.h"
#include "lwip/prot/ip6.h"
#include "packet_path.hpp"
#include "timers.hpp"
#include <algorithm>

namespace netstack {

using proto::stack::AddressRecord6;
using proto::stack::DeviceKind;

namespace {
/// A permanent neighbour's time to live, in milliseconds: it is written anew with every configuration.
constexpr std::uint32_t for_weeks = 0x7fffffff;

nd6_neighbor_cache_entry& neighbour_cache_entry(std::size_t number) { return neighbor_cache[number]; }
ip6_addr_t zoned(std::uint8_t const* bytes, netif* netif) {
    ip6_addr_t address{};
    std::memcpy(address.addr, bytes, sizeof address.addr);
    ip6_addr_assign_zone(&address, IP6_UNKNOWN, netif);
    return address;
}
} // namespace

/// netif->output_ip6.
err_t output_packet6(netif* netif, pbuf* packet, ip6_addr_t const* destination) {
    auto& devices = *devices_instance;
    auto& interface = *static_cast<Interface*>(netif->state);
    if (interface.device->six.get() != &interface) { return ERR_RTE; }
    if (interface.device->is(DeviceKind::Loopback) || devices.is_local(*destination)) {
        return devices.send_to_self(interface, packet);
    }
    return ethip6_output(netif, packet, destination);
}

bool Devices::is_local(ip6_addr_t const& address) const {
    return std::ranges::any_of(devices_, [&](auto const& device) {
        return device->six != nullptr && netif_get_ip6_addr_match(&device->six->lwip, &address) >= 0;
    });
}

Interface* Devices::interface6(std::uint32_t index) {
    auto* const device = find(index);
    return device != nullptr ? device->six.get() : nullptr;
}

Interface* Devices::first_interface6() {
    Interface* loopback = nullptr;
    for (auto const& device : devices_) {
        if (device->six == nullptr) { continue; }
        if (!device->is(DeviceKind::Loopback)) { return device->six.get(); }
        loopback = device->six.get();
    }
    return loopback;
}

std::uint32_t Devices::device_of_zone(std::uint8_t zone) const {
    for (auto const& device : devices_) {
        if (device->six != nullptr && netif_get_index(&device->six->lwip) == zone) { return device->index(); }
    }
    return 0;
}

Interface* Devices::route6(ip6_addr_t const& destination, ip6_addr_t& next_hop) {
    next_hop = destination;
    if (ip6_addr_has_zone(&destination)) { return interface6(device_of_zone(ip6_addr_zone(&destination))); }
    for (auto const& device : devices_) {
        if (device->six != nullptr && netif_get_ip6_addr_match(&device->six->lwip, &destination) >= 0) {
            return device->six.get();
        }
    }
    if (ip6_addr_ismulticast(&destination)) {
        return only_device_ != 0 ? interface6(only_device_) : first_interface6();
    }
    auto const* const route = routes6_.find(bytes_of(destination), [&](Route6 const& candidate) {
        return interface6(candidate.device) != nullptr && (only_device_ == 0 || only_device_ == candidate.device);
    });
    // Bound to a device, and no route: its wire is where everybody is.
    if (route == nullptr) { return only_device_ != 0 ? interface6(only_device_) : nullptr; }
    auto* const interface = interface6(route->device);
    if (route->has_gateway()) { next_hop = zoned(route->gateway.data(), &interface->lwip); }
    return interface;
}

bool Devices::has_route(ip_addr_t const& destination) {
    if (destination.type == IPADDR_TYPE_V4) {
        std::uint32_t next_hop;
        return route(word_of(destination), next_hop) != nullptr;
    }
    ip6_addr_t next_hop;
    auto* const interface = route6(*ip_2_ip6(&destination), next_hop);
    return interface != nullptr && ip6_select_source_address(&interface->lwip, ip_2_ip6(&destination)) != nullptr;
}

bool Devices::may_enter6(pbuf* packet, Interface const& from) {
    if (packet->len < IP6_HLEN) { return false; }
    auto const* const header = static_cast<ip6_hdr const*>(packet->payload);
    ip6_addr_t destination{};
    std::memcpy(destination.addr, header->dest.addr, sizeof destination.addr);
    // Advertisements of routers and redirects would change routes behind netns's back.
    if (IP6H_NEXTH(header) == IP6_NEXTH_ICMP6 && packet->len > IP6_HLEN) {
        auto const type = static_cast<std::uint8_t const*>(packet->payload)[IP6_HLEN];
        if (type == ICMP6_TYPE_RA || type == ICMP6_TYPE_RD) { return false; }
    }
    ip6_addr_assign_zone(&destination, IP6_UNKNOWN, const_cast<netif*>(&from.lwip));
    if (ip6_addr_ismulticast(&destination) || is_local(destination)) { return true; }
    if (!forwards6()) { return false; }
    ip6_addr_t next_hop;
    auto const* const out = route6(destination, next_hop);
    return out == nullptr || !firewall_filters || path_->forwards6(packet, *from.device, *out->device);
}

bool Devices::wakes6(Device const& device, pbuf const* frame) {
    // 14 bytes of Ethernet, 40 of IPv6; the type of ICMPv6 follows, and what a solicitation asks for 8 bytes later.
    constexpr std::size_t header = SIZEOF_ETH_HDR, transport = header + IP6_HLEN, target = transport + 8;
    auto const* const bytes = static_cast<std::uint8_t const*>(frame->payload);
    bool const group = (static_cast<eth_hdr const*>(frame->payload)->dest.addr[0] & 1) != 0;
    if (!group || frame->len < transport + 1) { return true; }
    auto const next = bytes[header + 6];
    if (next == IP6_NEXTH_HOPBYHOP) { return false; } // who listens to which group
    if (next != IP6_NEXTH_ICMP6) { return true; }
    auto const type = bytes[transport];
    if (type != ICMP6_TYPE_NS) { return type < ICMP6_TYPE_MLQ || type > ICMP6_TYPE_NA; } // news of others wake nobody
    static constexpr std::uint8_t nobody[16] = {};
    if (frame->len < target + 16 || std::memcmp(bytes + header + 8, nobody, 16) == 0) { return false; }
    auto const count = device.record.sleeper6_count;
    if (count > std::size(device.record.sleeper6)) { return true; }
    return std::any_of(device.record.sleeper6, device.record.sleeper6 + count,
                       [&](auto const& end) { return std::memcmp(bytes + target + 13, end, 3) == 0; });
}

void Devices::set_addresses6(Device& device, std::vector<AddressRecord6> const& addresses) {
    std::vector<AddressRecord6> wanted;
    for (auto const& address : addresses) {
        if (address.device == device.index() && device.up() && wanted.size() < LWIP_IPV6_NUM_ADDRESSES) {
            wanted.push_back(address);
        }
    }
    if (device.six != nullptr && std::memcmp(device.six->lwip.hwaddr, device.record.hardware_address, 6) != 0) {
        nd6_cleanup_netif(&device.six->lwip);
    }
    if (wanted.empty()) {
        if (device.six != nullptr) { remove_interface(*device.six); }
        device.six.reset();
        return;
    }
    if (device.six == nullptr) {
        auto interface = std::make_unique<Interface>();
        if (!add_netif(device, *interface, 0)) { return; }
        device.six = std::move(interface);
        netif_set_up(&device.six->lwip);
    }
    auto& netif = device.six->lwip;
    netif.mtu = packet_limit(device);
    std::memcpy(netif.hwaddr, device.record.hardware_address, 6);
    auto const place = [&](AddressRecord6 const& record) {
        auto const address = zoned(record.address, &netif);
        return netif_get_ip6_addr_match(&netif, &address);
    };
    for (s8_t i = 0; i < LWIP_IPV6_NUM_ADDRESSES; ++i) {
        bool const kept = std::ranges::any_of(wanted, [&](auto const& record) { return place(record) == i; });
        if (!kept && netif_ip6_addr_state(&netif, i) != IP6_ADDR_INVALID) {
            netif_ip6_addr_set_state(&netif, i, IP6_ADDR_INVALID);
        }
    }
    for (auto const& record : wanted) {
        if (place(record) >= 0) { continue; }
        s8_t i = 0;
        while (netif_ip6_addr_state(&netif, i) != IP6_ADDR_INVALID) { ++i; }
        auto const address = zoned(record.address, &netif);
        netif_ip6_addr_set(&netif, i, &address);
        netif_ip6_addr_set_valid_life(&netif, i, IP6_ADDR_LIFE_INFINITE);
        netif_ip6_addr_set_pref_life(&netif, i, IP6_ADDR_LIFE_INFINITE);
        netif_ip6_addr_set_state(&netif, i, IP6_ADDR_PREFERRED);
    }
}

void Devices::set_neighbours6(std::vector<proto::stack::NeighbourRecord6> const& neighbours) {
    nd6_clear_destination_cache(); // routes may have changed
    for (std::size_t i = 0; i < LWIP_ND6_NUM_NEIGHBORS; ++i) {
        auto& entry = neighbour_cache_entry(i);
        if (entry.isrouter != 0) { entry.isrouter = entry.counter.reachable_time = 0; }
    }
    for (auto const& neighbour : neighbours) {
        auto* const interface = interface6(neighbour.device);
        if (interface == nullptr) { continue; }
        auto const address = zoned(neighbour.address, &interface->lwip);
        std::size_t place = LWIP_ND6_NUM_NEIGHBORS;
        for (std::size_t i = LWIP_ND6_NUM_NEIGHBORS; i-- != 0;) {
            auto const& entry = neighbour_cache_entry(i);
            bool const same = entry.state != ND6_NO_ENTRY && ip6_addr_cmp(&entry.next_hop_address, &address);
            if (same || (entry.state == ND6_NO_ENTRY && place == LWIP_ND6_NUM_NEIGHBORS)) { place = i; }
            if (same) { break; }
        }
        if (place == LWIP_ND6_NUM_NEIGHBORS) { return; }
        auto& entry = neighbour_cache_entry(place);
        entry.next_hop_address = address;
        entry.netif = &interface->lwip;
        std::memcpy(entry.lladdr, neighbour.hardware_address, sizeof neighbour.hardware_address);
        entry.state = ND6_REACHABLE; // what waits for it goes with the next tick
        entry.isrouter = 1;          // not to be given up for another
        entry.counter.reachable_time = for_weeks;
    }
}

void Devices::write_neighbours6() const {
    constexpr std::uint16_t incomplete = 1, reachable = 2, stale = 4, delay = 8, probe = 16, permanent = 0x80;
    constexpr std::uint16_t states[] = {0, incomplete, reachable, stale, delay, probe};
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < LWIP_ND6_NUM_NEIGHBORS && count < proto::stack::StatusPage::neighbours6_maximum; ++i) {
        auto const& cached = neighbour_cache_entry(i);
        if (cached.state == ND6_NO_ENTRY || cached.state >= std::size(states) || cached.netif == nullptr) { continue; }
        auto& entry = status_.neighbours6[count++];
        entry = {};
        entry.device = static_cast<Interface*>(cached.netif->state)->device->index();
        std::ranges::copy(bytes_of(cached.next_hop_address), entry.address);
        std::memcpy(entry.hardware_address, cached.lladdr, sizeof entry.hardware_address);
        entry.state = cached.isrouter != 0 ? permanent : states[cached.state];
    }
    status_.neighbour6_count = count;
}

bool Devices::knows_neighbours6() {
    for (std::size_t i = 0; i < LWIP_ND6_NUM_NEIGHBORS; ++i) {
        if (neighbour_cache_entry(i).state != ND6_NO_ENTRY) { return true; }
    }
    return false;
}

} // namespace netstack

using netstack::devices_instance;

extern "C" {

netif* cella_route6(ip6_addr_t const*, ip6_addr_t const* destination) {
    ip6_addr_t next_hop;
    auto* const interface = devices_instance->route6(*destination, next_hop);
    return interface != nullptr ? &interface->lwip : nullptr;
}

ip6_addr_t const* cella_next_hop6(netif*, ip6_addr_t const* destination) {
    static ip6_addr_t hop;
    return devices_instance->route6(*destination, hop) != nullptr ? &hop : nullptr;
}

int cella_ip6_input(pbuf* packet, netif* netif) {
    auto const* const interface = static_cast<netstack::Interface const*>(netif->state);
    if (packet->len >= IP6_HLEN) {
        auto const next = IP6H_NEXTH(static_cast<ip6_hdr const*>(packet->payload));
        if (next == IP6_NEXTH_FRAGMENT || next == IP6_NEXTH_HOPBYHOP || next == IP6_NEXTH_ROUTING ||
            next == IP6_NEXTH_DESTOPTS) {
            netstack::StackTimers::fragment_seen(); // or one behind that header
        }
    }
    if (interface->device->six.get() == interface && devices_instance->may_enter6(packet, *interface)) { return 0; }
    pbuf_free(packet);
    return 1;
}

} // extern "C"
