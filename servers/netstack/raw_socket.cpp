#include "datagram_socket.hpp"
#include "devices.hpp"
#include "lwip/icmp.h"
#include "lwip/inet_chksum.h"
#include "lwip/ip4.h"
#include "lwip/prot/ip4.h"
#include <algorithm>

namespace netstack {

namespace {
constexpr std::uint8_t protocol_icmp = 1, protocol_raw = 255;
constexpr std::uint32_t option_icmp_filter = 1, option_header_included = 3;
} // namespace

RawSocket::RawSocket(SocketOwner& owner, SocketType type, std::uint8_t protocol) : DatagramSocket{owner, type, protocol}, pcb_{raw_new(protocol)} {
    if (pcb_ == nullptr) { return; }
    header_included_ = protocol == protocol_raw;
    if (ping()) { identifier_ = next_identifier_++; }
    raw_recv(
        pcb_,
        [](void* argument, raw_pcb*, pbuf* packet, ip_addr_t const* from) -> u8_t {
            static_cast<RawSocket*>(argument)->on_packet(packet, from->addr);
            return 0; // others may want it, too
        },
        this);
}

RawSocket::~RawSocket() {
    if (pcb_ != nullptr) { raw_remove(pcb_); }
}

void RawSocket::on_packet(pbuf* packet, std::uint32_t from) {
    if ((connected_ && from != peer_.address) || !hears_current_device()) { return; }
    auto const* const header = static_cast<ip_hdr const*>(packet->payload);
    auto const header_bytes = IPH_HL_BYTES(header);
    if (protocol_ == protocol_icmp && packet->len >= header_bytes + sizeof(icmp_echo_hdr)) {
        auto const* const icmp = reinterpret_cast<icmp_echo_hdr const*>(static_cast<std::byte const*>(packet->payload) + header_bytes);
        if (ping() && (icmp->type != ICMP_ER || lwip_ntohs(icmp->id) != identifier_)) { return; }
        if (icmp->type < 32 && (icmp_filter_ >> icmp->type & 1) != 0) { return; }
    } else if (ping()) {
        return;
    }
    std::uint32_t const skip = ping() ? header_bytes : 0;
    pbuf* const copy = pbuf_alloc(PBUF_RAW, static_cast<u16_t>(packet->tot_len - skip), PBUF_RAM);
    if (copy == nullptr) { return; }
    static_cast<void>(pbuf_copy_partial(packet, copy->payload, copy->tot_len, static_cast<u16_t>(skip)));
    deliver(copy, MessageSource{InternetAddress{family_internet, 0, from, {}}});
}

Result<ipc::Unit> RawSocket::bind(proto::SocketAddress const& address) {
    auto const wanted = internet_address(address);
    if (!wanted) { return fail(Error::Invalid); }
    if (wanted->family != family_internet) { return fail(Error::AddressFamilyNotSupported); }
    if (wanted->address != 0 && (wanted->address & 0xff) != 127 && !devices_instance->is_local(wanted->address)) { return fail(Error::AddressNotAvailable); }
    if (ping() && wanted->port != 0) { identifier_ = swap16(wanted->port); }
    ip_addr_t local;
    local.addr = wanted->address;
    static_cast<void>(raw_bind(pcb_, &local));
    return ipc::Unit{};
}

Result<ipc::Unit> RawSocket::set_option(std::uint32_t level, std::uint32_t option, proto::SocketOption const& value) {
    auto const word = option_word(value);
    if (word && level == level::raw && option == option_icmp_filter && protocol_ == protocol_icmp) {
        icmp_filter_ = *word;
        return ipc::Unit{};
    }
    if (word && level == level::raw) { return ipc::Unit{}; } // IPV6_CHECKSUM and the like
    if (word && level == level::ip && option == option_header_included && !ping()) {
        header_included_ = *word != 0;
        return ipc::Unit{};
    }
    return Socket::set_option(level, option, value);
}

err_t RawSocket::transmit(pbuf* message, InternetAddress const& to) {
    RouteVia const via{bound_device_};
    ip_addr_t remote;
    remote.addr = to.address;
    err_t error = ERR_VAL;
    if (ping()) {
        auto* const icmp = static_cast<icmp_echo_hdr*>(message->payload);
        if (message->len >= sizeof(icmp_echo_hdr) && icmp->type == ICMP_ECHO && icmp->code == 0) {
            icmp->id = lwip_htons(identifier_);
            icmp->chksum = 0;
            icmp->chksum = inet_chksum_pbuf(message);
            pcb_->ttl = time_to_live_;
            error = raw_sendto(pcb_, message, &remote);
        }
    } else if (header_included_) {
        std::uint32_t next_hop;
        auto* const interface = devices_instance->route(to.address, next_hop);
        auto* const header = static_cast<ip_hdr*>(message->payload);
        if (message->len >= IP_HLEN && IPH_V(header) == 4 && IPH_HL_BYTES(header) <= message->len && interface != nullptr) {
            // What the kernel fills in for the program (raw(7)).
            IPH_LEN_SET(header, lwip_htons(message->tot_len));
            if (header->src.addr == 0) { header->src.addr = interface->address(); }
            IPH_CHKSUM_SET(header, 0);
            IPH_CHKSUM_SET(header, inet_chksum(header, IPH_HL_BYTES(header)));
            error = interface->lwip.output(&interface->lwip, message, &remote);
        }
    } else {
        pcb_->ttl = time_to_live_;
        pcb_->tos = service_;
        error = raw_sendto(pcb_, message, &remote);
    }
    pbuf_free(message);
    return error;
}

void RawSocket::local_name(InternetAddress& name) const {
    name.address = pcb_->local_ip.addr;
    name.port = swap16(ping() ? identifier_ : static_cast<std::uint16_t>(protocol_));
}

} // namespace netstack
