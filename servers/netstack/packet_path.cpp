#include "packet_path.hpp"
#include "address.hpp"
#include "lwip/icmp.h"
#include "lwip/inet_chksum.h"
#include "lwip/ip4.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/prot/ethernet.h"
#include "lwip/prot/ip4.h"
#include "lwip/udp.h"
#include "platform.hpp"
#include "timers.hpp"
#include <algorithm>

namespace netstack {

using proto::stack::DeviceKind;
using Verdict = Firewall::Verdict;

namespace {
std::uint16_t swapped(std::uint16_t value) { return static_cast<std::uint16_t>(value << 8 | value >> 8); }
bool in_loopback_network(std::uint32_t address) { return (address & 0xff) == 127; }
bool has_sums(pbuf const* packet) { return (packet->flags & (Devices::no_checksum_flag | Devices::own_flag)) == 0; }

/// Errors are not sent about errors, nor about pieces of a datagram other than its first (RFC 1122, 3.2.2).
bool may_complain(pbuf const* packet) {
    auto const* const header = static_cast<ip_hdr const*>(packet->payload);
    if ((IPH_OFFSET(header) & PP_HTONS(IP_OFFMASK)) != 0 || header->src.addr == 0) { return false; }
    if (IPH_PROTO(header) != IP_PROTO_ICMP) { return true; }
    if (packet->len <= IPH_HL_BYTES(header)) { return false; }
    auto const type = static_cast<std::uint8_t const*>(packet->payload)[IPH_HL_BYTES(header)];
    return type == ICMP_ECHO || type == ICMP_ER;
}
/// Puts in the transport's checksum that its sender left out: what is cut into pieces cannot get it later.
void complete_checksum(pbuf* packet) {
    auto const* const header = static_cast<ip_hdr const*>(packet->payload);
    auto const header_bytes = IPH_HL_BYTES(header);
    std::size_t const offset = IPH_PROTO(header) == IP_PROTO_TCP ? 16 : 6;
    bool const transport = IPH_PROTO(header) == IP_PROTO_TCP || IPH_PROTO(header) == IP_PROTO_UDP;
    packet->flags &= static_cast<u8_t>(~Devices::no_checksum_flag);
    if (!transport || (IPH_OFFSET(header) & PP_HTONS(IP_OFFMASK | IP_MF)) != 0 ||
        packet->len < header_bytes + offset + 2) {
        return;
    }
    ip4_addr_t source, destination;
    ip4_addr_copy(source, header->src);
    ip4_addr_copy(destination, header->dest);
    auto const protocol = IPH_PROTO(header);
    pbuf_remove_header(packet, header_bytes);
    auto* const sum = static_cast<std::byte*>(packet->payload) + offset;
    std::memset(sum, 0, 2);
    auto value = inet_chksum_pseudo(packet, protocol, packet->tot_len, &source, &destination);
    if (value == 0 && protocol == IP_PROTO_UDP) { value = 0xffff; }
    std::memcpy(sum, &value, 2);
    pbuf_add_header_force(packet, header_bytes);
}
Firewall::Packet shown(pbuf* packet, PacketSide in) {
    return {{static_cast<std::byte*>(packet->payload), packet->len},
            packet->tot_len,
            in,
            (packet->flags & Devices::own_flag) != 0,
            has_sums(packet)};
}
} // namespace

bool PacketPath::is_local(std::uint32_t address) { return in_loopback_network(address) || devices_.is_local(address); }

std::uint32_t PacketPath::port_towards(Device& bridge, Interface& interface, std::uint32_t next_hop) {
    ip4_addr_t hop;
    hop.addr = next_hop;
    eth_addr* hardware;
    ip4_addr_t const* known;
    if (etharp_find_addr(&interface.lwip, &hop, &hardware, &known) >= 0) {
        HardwareAddress address;
        std::memcpy(address.data(), hardware->addr, address.size());
        if (auto const port = bridge.stations.find(address, now_milliseconds())) { return port; }
    }
    static_cast<void>(etharp_query(&interface.lwip, &hop, nullptr)); // the answer shows it
    return 0;
}

std::optional<StackView::Exit> PacketPath::exit(std::uint32_t destination) {
    std::uint32_t next_hop;
    auto* const interface = devices_.route(destination, next_hop);
    if (interface == nullptr) { return {}; }
    auto& device = *interface->device;
    Exit result{{device.index(), 0}, interface->address()};
    bool const port_matters = device.is(DeviceKind::Bridge) && devices_.any_of([&](Device const& port) {
        return port.record.master == device.index() && firewall_.asks_for_port(port.index());
    });
    if (port_matters) {
        result.side.port = port_towards(device, *interface, next_hop);
        if (result.side.port == 0) { return {}; } // its sender will try again
    }
    return result;
}

bool PacketPath::has_connection(Tuple const& incoming) {
    auto const local_port = swapped(incoming.destination_port), remote_port = swapped(incoming.source_port);
    auto const same = [&](auto const* pcb) {
        return pcb->local_port == local_port && pcb->remote_port == remote_port &&
               pcb->local_ip.type == IPADDR_TYPE_V4 && word_of(pcb->local_ip) == incoming.destination &&
               pcb->remote_ip.type == IPADDR_TYPE_V4 && word_of(pcb->remote_ip) == incoming.source;
    };
    if (incoming.protocol == ip_protocol::tcp) {
        for (auto const* list : {tcp_active_pcbs, tcp_tw_pcbs}) {
            for (auto const* pcb = list; pcb != nullptr; pcb = pcb->next) {
                if (same(pcb)) { return true; }
            }
        }
    } else if (incoming.protocol == ip_protocol::udp) {
        for (auto const* pcb = udp_pcbs; pcb != nullptr; pcb = pcb->next) {
            if (same(pcb)) { return true; }
        }
    }
    return false;
}

bool PacketPath::port_in_use(std::uint8_t protocol, std::uint16_t network_order) {
    auto const port = swapped(network_order);
    if (protocol == ip_protocol::udp) {
        for (auto const* pcb = udp_pcbs; pcb != nullptr; pcb = pcb->next) {
            if (pcb->local_port == port) { return true; }
        }
        return false;
    }
    for (auto const* list : {tcp_active_pcbs, tcp_tw_pcbs, tcp_bound_pcbs}) {
        for (auto const* pcb = list; pcb != nullptr; pcb = pcb->next) {
            if (pcb->local_port == port) { return true; }
        }
    }
    for (auto const* pcb = tcp_listen_pcbs.listen_pcbs; pcb != nullptr; pcb = pcb->next) {
        if (pcb->local_port == port) { return true; }
    }
    return false;
}

void PacketPath::deliver_to_loopback(pbuf* packet) {
    auto* const loopback = devices_.find(1);
    if (loopback == nullptr || loopback->interfaces.empty()) {
        pbuf_free(packet);
        return;
    }
    auto& netif = loopback->interfaces.front()->lwip;
    auto const flags = netif.chksum_flags;
    constexpr auto sums = NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP;
    netif.chksum_flags = has_sums(packet) ? flags | sums : flags & ~sums;
    delivering_ = true;
    static_cast<void>(ip4_input(packet, &netif));
    delivering_ = false;
    netif.chksum_flags = flags;
}

bool PacketPath::input(pbuf* packet, netif* netif) {
    if (delivering_) { return false; }
    auto const* const interface = static_cast<Interface const*>(netif->state);
    bool const own = (packet->flags & Devices::own_flag) != 0;
    in_ = own ? PacketSide{1, 0} : PacketSide{interface->device->index(), arrival_port};
    switch (firewall_.arrive(shown(packet, in_), now_milliseconds())) {
    case Verdict::Drop: pbuf_free(packet); return true;
    case Verdict::Loopback: deliver_to_loopback(packet); return true;
    case Verdict::TimeExceeded:
        if (may_complain(packet)) { icmp_time_exceeded(packet, ICMP_TE_TTL); }
        pbuf_free(packet);
        return true;
    default: return false;
    }
}

int PacketPath::may_forward(pbuf* packet) {
    bool const own = (packet->flags & Devices::own_flag) != 0;
    if (!own && devices_.setting(proto::NetworkSetting::Forwarding)[0] == 0) { return 0; }
    auto const* const header = static_cast<ip_hdr const*>(packet->payload);
    if (IPH_TTL(header) <= 1) {
        if (may_complain(packet)) { icmp_time_exceeded(packet, ICMP_TE_TTL); }
        return 0;
    }
    std::uint32_t next_hop;
    auto* const interface = devices_.route(header->dest.addr, next_hop);
    if (interface == nullptr) {
        if (may_complain(packet)) { icmp_dest_unreach(packet, ICMP_DUR_NET); }
        return 0;
    }
    bool const too_long = interface->lwip.mtu != 0 && packet->tot_len > interface->lwip.mtu;
    if (too_long && (IPH_OFFSET(header) & PP_HTONS(IP_DF)) != 0) {
        if (may_complain(packet)) { icmp_dest_unreach(packet, ICMP_DUR_FRAG); }
        return 0;
    }
    auto verdict = own ? Verdict::PassAlways : Verdict::Pass;
    if (firewall_active) { verdict = firewall_.forward(shown(packet, in_), now_milliseconds()); }
    if (verdict == Verdict::Drop) { return 0; }
    if (own) { packet->flags |= Devices::no_checksum_flag; } // what stays here has none
    if (too_long && (packet->flags & Devices::no_checksum_flag) != 0) { complete_checksum(packet); }
    return verdict == Verdict::PassAlways ? 1 : -1;
}

pbuf* PacketPath::output(pbuf* packet, bool sums) {
    auto view = shown(packet, {});
    view.sums = sums;
    auto const now = now_milliseconds();
    if (!firewall_.must_rewrite(view, now)) { return nullptr; }
    pbuf* const copy = pbuf_alloc(PBUF_LINK, packet->tot_len, PBUF_RAM);
    if (copy == nullptr) { return nullptr; }
    static_cast<void>(pbuf_copy(copy, packet));
    auto rewritten = shown(copy, {});
    rewritten.sums = sums;
    firewall_.leave(rewritten, now);
    return copy;
}

bool PacketPath::bridged(Device const& bridge, Device const& from, Device const& to, bool settled, pbuf* frame) {
    auto const* const header = static_cast<eth_hdr const*>(frame->payload);
    PacketSide const in{bridge.index(), from.index()}, out{bridge.index(), to.index()};
    if (header->type == PP_HTONS(ETHTYPE_ARP)) { return true; }
    bool const six = header->type == PP_HTONS(ETHTYPE_IPV6);
    if (header->type != PP_HTONS(ETHTYPE_IP) && !six) { return firewall_.bridged_foreign(in, out); }
    Firewall::Packet const packet{
        {static_cast<std::byte*>(frame->payload) + SIZEOF_ETH_HDR, frame->len - std::size_t{SIZEOF_ETH_HDR}},
        frame->tot_len - std::size_t{SIZEOF_ETH_HDR},
        in,
        false,
        true};
    auto const now = now_milliseconds();
    return six ? firewall_.passes6(packet, out, settled, now) : firewall_.bridged(packet, out, settled, now);
}

bool PacketPath::forwards6(pbuf* packet, Device const& from, Device const& to) {
    return firewall_.passes6(shown(packet, {from.index(), arrival_port}), {to.index(), 0}, true, now_milliseconds());
}

} // namespace netstack

extern "C" {

int cella_ip_input(pbuf* packet, netif* netif) {
    auto const* const header = static_cast<ip_hdr const*>(packet->payload);
    if (packet->len >= IP_HLEN && (IPH_OFFSET(header) & PP_HTONS(IP_OFFMASK | IP_MF)) != 0) {
        netstack::StackTimers::fragment_seen();
    }
    return netstack::firewall_active && netstack::devices_instance->path().input(packet, netif) ? 1 : 0;
}

int cella_may_forward(pbuf* packet, uint32_t) { return netstack::devices_instance->path().may_forward(packet); }

} // extern "C"
