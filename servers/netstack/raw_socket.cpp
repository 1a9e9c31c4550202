#include "datagram_socket.hpp"
#include "devices.hpp"
#include "lwip/icmp.h"
#include "lwip/inet_chksum.h"
#include "lwip/ip4.h"
#include "lwip/prot/icmp6.h"
#include "lwip/prot/ip4.h"
#include "lwip/prot/ip6.h"
#include <algorithm>

namespace netstack {

namespace {
constexpr std::uint8_t protocol_icmp = 1, protocol_icmp6 = 58, protocol_raw = 255;
constexpr std::uint32_t option_icmp_filter = 1, option_header_included = 3, option6_checksum = 7;
constexpr std::uint16_t icmp6_checksum_offset = 2;
} // namespace

RawSocket::RawSocket(SocketOwner& owner, SocketType type, std::uint8_t protocol, std::uint16_t family)
    : DatagramSocket{owner, type, protocol, family}, pcb_{raw_new_ip_type(family == family_internet6 ? IPADDR_TYPE_V6
                                                                                                     : IPADDR_TYPE_V4,
                                                                          protocol)} {
    if (pcb_ == nullptr) { return; }
    header_included_ = protocol == protocol_raw;
    v6_only_ = family == family_internet6;
    if (v6_only_ && protocol == protocol_icmp6) {
        checksum_ = true;
        checksum_offset_ = icmp6_checksum_offset;
    }
    if (ping()) { identifier_ = next_identifier_++; }
    raw_recv(
        pcb_,
        [](void* argument, raw_pcb*, pbuf* packet, ip_addr_t const* from) -> u8_t {
            static_cast<RawSocket*>(argument)->on_packet(packet, *from);
            return 0; // others may want it, too
        },
        this);
}

RawSocket::~RawSocket() {
    if (pcb_ != nullptr) { raw_remove(pcb_); }
}

std::optional<std::uint32_t> RawSocket::skipped(pbuf const* packet) const {
    auto const* const header = static_cast<ip_hdr const*>(packet->payload);
    auto const header_bytes = IPH_HL_BYTES(header);
    if (protocol_ == protocol_icmp && packet->len >= header_bytes + sizeof(icmp_echo_hdr)) {
        auto const* const icmp =
            reinterpret_cast<icmp_echo_hdr const*>(static_cast<std::byte const*>(packet->payload) + header_bytes);
        if (ping() && (icmp->type != ICMP_ER || lwip_ntohs(icmp->id) != identifier_)) { return {}; }
        if (icmp->type < 32 && (icmp_filter_ >> icmp->type & 1) != 0) { return {}; }
    } else if (ping()) {
        return {};
    }
    return ping() ? header_bytes : 0;
}

std::optional<std::uint32_t> RawSocket::skipped6(pbuf const* packet) const {
    // Programs never see the header, and lwIP shows no packet with extension headers.
    if (packet->tot_len < IP6_HLEN) { return {}; }
    if (protocol_ != protocol_icmp6) { return ping() ? std::nullopt : std::optional<std::uint32_t>{IP6_HLEN}; }
    icmp6_echo_hdr icmp;
    if (pbuf_copy_partial(packet, &icmp, sizeof icmp, IP6_HLEN) < sizeof icmp) { return {}; }
    if (ping() && (icmp.type != ICMP6_TYPE_EREP || lwip_ntohs(icmp.id) != identifier_)) { return {}; }
    if ((icmp6_filter_[icmp.type / 32] >> icmp.type % 32 & 1) != 0) { return {}; }
    return IP6_HLEN;
}

void RawSocket::on_packet(pbuf* packet, ip_addr_t const& from) {
    if ((connected_ && !ip_addr_cmp(&from, &peer_.address)) || !hears_current_device()) { return; }
    auto const skip = from.type == IPADDR_TYPE_V6 ? skipped6(packet) : skipped(packet);
    if (!skip) { return; }
    pbuf* const copy = pbuf_alloc(PBUF_RAW, static_cast<u16_t>(packet->tot_len - *skip), PBUF_RAM);
    if (copy == nullptr) { return; }
    static_cast<void>(pbuf_copy_partial(packet, copy->payload, copy->tot_len, static_cast<u16_t>(*skip)));
    deliver(copy, MessageSource{address_of(from, 0)}, current_control());
}

Result<ipc::Unit> RawSocket::bind(proto::SocketAddress const& address) {
    auto local = endpoint_of(address, Purpose::Bind);
    if (!local) { return fail(local.error()); }
    if (auto const refused = refuse_source(local->address); refused != Error::None) { return fail(refused); }
    if (ping() && local->port != 0) { identifier_ = local->port; }
    if (auto const error = raw_bind(pcb_, &local->address); error != ERR_OK) { return fail(error_of(error)); }
    return ipc::Unit{};
}

Result<ipc::Unit> RawSocket::set_option(std::uint32_t level, std::uint32_t option, proto::SocketOption const& value) {
    auto const word = option_word(value);
    if (word && level == level::raw && option == option_icmp_filter && protocol_ == protocol_icmp) {
        icmp_filter_ = *word;
        return ipc::Unit{};
    }
    if (level == level::icmp6 && option == option_icmp_filter && family_ == family_internet6) {
        std::memcpy(icmp6_filter_.data(), value.data, std::min<std::size_t>(value.length, sizeof icmp6_filter_));
        return ipc::Unit{};
    }
    if (word && family_ == family_internet6 && option == option6_checksum &&
        (level == level::raw || level == level::ip6)) {
        bool const on = static_cast<std::int32_t>(*word) >= 0;
        if ((on && (*word % 2 != 0 || *word > 0xfff0)) ||
            (protocol_ == protocol_icmp6 && *word != icmp6_checksum_offset)) {
            return fail(Error::Invalid);
        }
        checksum_ = on;
        checksum_offset_ = static_cast<std::uint16_t>(on ? *word : 0);
        return ipc::Unit{};
    }
    if (word && level == level::raw) { return ipc::Unit{}; }
    if (word && level == level::ip && option == option_header_included && !ping()) {
        header_included_ = *word != 0;
        return ipc::Unit{};
    }
    return Socket::set_option(level, option, value);
}

Result<proto::SocketOption> RawSocket::get_option(std::uint32_t level, std::uint32_t option) {
    if (level == level::icmp6 && option == option_icmp_filter && family_ == family_internet6) {
        proto::SocketOption filter;
        filter.length = sizeof icmp6_filter_;
        std::memcpy(filter.data, icmp6_filter_.data(), sizeof icmp6_filter_);
        return filter;
    }
    return Socket::get_option(level, option);
}

err_t RawSocket::transmit6(pbuf* message, Endpoint const& to) {
    pcb_->ttl = hops_to(to.address);
    pcb_->tos = traffic_class_;
    auto const bytes = checksum_offset_ + std::size_t{2};
    if (checksum_ && message->len < bytes) { return ERR_VAL; }
    if (ping()) {
        auto* const icmp = static_cast<icmp6_echo_hdr*>(message->payload);
        if (message->len < sizeof *icmp || icmp->type != ICMP6_TYPE_EREQ || icmp->code != 0) { return ERR_VAL; }
        icmp->id = lwip_htons(identifier_);
    }
    if (checksum_) { std::memset(static_cast<std::byte*>(message->payload) + checksum_offset_, 0, 2); }
    pcb_->chksum_reqd = checksum_ ? 1 : 0;
    pcb_->chksum_offset = checksum_offset_;
    return raw_sendto(pcb_, message, &to.address);
}

err_t RawSocket::transmit(pbuf* message, Endpoint const& to) {
    RouteVia const via{bound_device_};
    auto const& remote = to.address;
    err_t error = ERR_VAL;
    if (family_ == family_internet6) {
        error = transmit6(message, to);
    } else if (ping()) {
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
        auto* const interface = devices_instance->route(word_of(remote), next_hop);
        auto* const header = static_cast<ip_hdr*>(message->payload);
        if (message->len >= IP_HLEN && IPH_V(header) == 4 && IPH_HL_BYTES(header) <= message->len &&
            interface != nullptr) {
            // What the kernel fills in for the program (raw(7)).
            IPH_LEN_SET(header, lwip_htons(message->tot_len));
            if (header->src.addr == 0) { header->src.addr = interface->address(); }
            IPH_CHKSUM_SET(header, 0);
            IPH_CHKSUM_SET(header, inet_chksum(header, IPH_HL_BYTES(header)));
            error = interface->lwip.output(&interface->lwip, message, ip_2_ip4(&remote));
        }
    } else {
        pcb_->ttl = time_to_live_;
        pcb_->tos = service_;
        error = raw_sendto(pcb_, message, &remote);
    }
    pbuf_free(message);
    return error;
}

Endpoint RawSocket::local_name() const {
    return {pcb_->local_ip, ping() ? identifier_ : static_cast<std::uint16_t>(protocol_)};
}

} // namespace netstack
