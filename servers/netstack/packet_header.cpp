#include "packet_header.hpp"
#include <algorithm>
#include <cstring>

namespace netstack {

namespace {
constexpr std::size_t none = 0; ///< offset of a checksum that is not there
constexpr std::size_t ip_sum = 10, ip_source = 12, ip_destination = 16, shortest_ip_header = 20;
constexpr std::size_t tcp_sum = 16, udp_sum = 6, icmp_sum = 2, icmp_identifier = 4, icmp_quotes = 8;
constexpr std::uint8_t echo_reply = 0, unreachable = 3, source_quench = 4, redirect = 5, echo_request = 8,
                       time_exceeded = 11, parameter_problem = 12;

std::uint16_t swapped(std::uint16_t value) { return static_cast<std::uint16_t>(value << 8 | value >> 8); }
std::uint16_t folded(std::uint32_t sum) {
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum + (sum >> 16));
}
/// RFC 1624: HC' = ~(~HC + ~m + m').
std::uint16_t adjusted(std::uint16_t sum, std::uint16_t old, std::uint16_t value) {
    return static_cast<std::uint16_t>(
        ~folded(std::uint32_t{static_cast<std::uint16_t>(~sum)} + static_cast<std::uint16_t>(~old) + value));
}
bool is_error(std::uint8_t type) {
    return type == unreachable || type == source_quench || type == redirect || type == time_exceeded ||
           type == parameter_problem;
}
} // namespace

std::uint16_t PacketHeader::half(std::size_t at) const {
    std::uint16_t value;
    std::memcpy(&value, packet_ + at, sizeof value);
    return value;
}

std::optional<PacketHeader> PacketHeader::parse(std::span<std::byte> packet, std::size_t total) {
    if (packet.size() < shortest_ip_header) { return {}; }
    PacketHeader header{packet.data()};
    std::size_t const header_bytes = (header.byte(0) & 15U) * 4U, length = swapped(header.half(2));
    if (header.byte(0) >> 4 != 4 || header_bytes < shortest_ip_header || header_bytes > packet.size() ||
        length < header_bytes || length > total) {
        return {};
    }
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at < header_bytes; at += 2) { sum += header.half(at); }
    if (folded(sum) != 0xffff) { return {}; }
    header.transport_ = header_bytes;
    std::memcpy(&header.tuple_.source, packet.data() + ip_source, 4);
    std::memcpy(&header.tuple_.destination, packet.data() + ip_destination, 4);
    header.tuple_.protocol = header.byte(9);
    auto const fragment = swapped(header.half(6));
    header.more_fragments_ = (fragment & 0x2000) != 0;
    header.later_fragment_ = (fragment & 0x1fff) != 0;
    if (header.later_fragment_) {
        bool const overwrites_flags = header.tuple_.protocol == ip_protocol::tcp && (fragment & 0x1fff) < 3;
        return overwrites_flags ? std::nullopt : std::optional{header};
    }
    if (!header.read_transport(std::min(packet.size(), length))) { return {}; }
    return header;
}

bool PacketHeader::read_transport(std::size_t present) {
    auto const available = present - transport_;
    switch (tuple_.protocol) {
    case ip_protocol::tcp:
        if (available < 20) { return false; }
        tcp_flags_ = byte(transport_ + 13);
        break;
    case ip_protocol::udp:
        if (available < 8) { return false; }
        break;
    case ip_protocol::icmp:
        if (available < 8) { return false; }
        icmp_type_ = byte(transport_);
        trackable_ = icmp_type_ == echo_request || icmp_type_ == echo_reply;
        if (icmp_type_ == echo_request) { tuple_.source_port = half(transport_ + icmp_identifier); }
        if (icmp_type_ == echo_reply) { tuple_.destination_port = half(transport_ + icmp_identifier); }
        if (is_error(icmp_type_) && !more_fragments_) { read_quoted(present); }
        return true;
    default: return true;
    }
    tuple_.source_port = half(transport_);
    tuple_.destination_port = half(transport_ + 2);
    return true;
}

void PacketHeader::read_quoted(std::size_t present) {
    auto const start = transport_ + icmp_quotes;
    if (present < start + shortest_ip_header) { return; }
    auto const header_bytes = (byte(start) & 15U) * 4U;
    if (byte(start) >> 4 != 4 || header_bytes < shortest_ip_header || present < start + header_bytes + 8 ||
        (swapped(half(start + 6)) & 0x1fff) != 0) {
        return;
    }
    Tuple quoted;
    std::memcpy(&quoted.source, packet_ + start + ip_source, 4);
    std::memcpy(&quoted.destination, packet_ + start + ip_destination, 4);
    quoted.protocol = byte(start + 9);
    auto const transport = start + header_bytes;
    if (quoted.protocol == ip_protocol::tcp || quoted.protocol == ip_protocol::udp) {
        quoted.source_port = half(transport);
        quoted.destination_port = half(transport + 2);
    } else if (quoted.protocol == ip_protocol::icmp) {
        auto const type = byte(transport);
        if (type == echo_request) {
            quoted.source_port = half(transport + icmp_identifier);
        } else if (type == echo_reply) {
            quoted.destination_port = half(transport + icmp_identifier);
        } else {
            return;
        }
    }
    quoted_ = quoted;
    quoted_packet_ = start;
    quoted_transport_ = transport;
}

void PacketHeader::set_ports(std::uint16_t source, std::uint16_t destination) {
    tuple_.source_port = source;
    tuple_.destination_port = destination;
}

void PacketHeader::store(std::size_t at, std::uint16_t value) {
    auto const old = half(at);
    std::memcpy(packet_ + at, &value, sizeof value);
    if (error_sum_ != none) {
        auto const sum = adjusted(half(error_sum_), old, value);
        std::memcpy(packet_ + error_sum_, &sum, sizeof sum);
    }
}

void PacketHeader::adjust(std::size_t sum, std::uint16_t old, std::uint16_t value) {
    if (sum != none) { store(sum, adjusted(half(sum), old, value)); }
}

void PacketHeader::change_port(std::size_t at, std::uint16_t value, std::size_t sum) {
    auto const old = half(at);
    store(at, value);
    adjust(sum, old, value);
}

void PacketHeader::change_address(std::size_t at, std::uint32_t value, std::size_t header_sum,
                                  std::size_t transport_sum) {
    for (std::size_t part = 0; part < 2; ++part) {
        auto const old = half(at + part * 2), changed = static_cast<std::uint16_t>(value >> (part * 16));
        store(at + part * 2, changed);
        adjust(header_sum, old, changed);
        adjust(transport_sum, old, changed);
    }
}

void PacketHeader::rewrite(Tuple const& to, bool sums) {
    std::size_t sum = none;
    bool const udp = tuple_.protocol == ip_protocol::udp;
    if (!later_fragment_ && sums && tuple_.protocol == ip_protocol::tcp) { sum = transport_ + tcp_sum; }
    if (!later_fragment_ && sums && udp && half(transport_ + udp_sum) != 0) { sum = transport_ + udp_sum; }
    change_address(ip_source, to.source, ip_sum, sum);
    change_address(ip_destination, to.destination, ip_sum, sum);
    if (!later_fragment_ && (udp || tuple_.protocol == ip_protocol::tcp)) {
        change_port(transport_, to.source_port, sum);
        change_port(transport_ + 2, to.destination_port, sum);
        if (udp && sum != none && half(sum) == 0) { store(sum, 0xffff); } // zero would say that there is none
    } else if (!later_fragment_ && tuple_.protocol == ip_protocol::icmp && trackable_) {
        change_port(transport_ + icmp_identifier, icmp_type_ == echo_request ? to.source_port : to.destination_port,
                    transport_ + icmp_sum);
    }
    tuple_ = to;
}

void PacketHeader::rewrite_quoted(Tuple const& to, std::uint32_t source, std::uint32_t destination) {
    error_sum_ = transport_ + icmp_sum;
    bool const udp = to.protocol == ip_protocol::udp;
    auto const sum = udp && half(quoted_transport_ + udp_sum) != 0 ? quoted_transport_ + udp_sum : none;
    change_address(quoted_packet_ + ip_source, to.source, quoted_packet_ + ip_sum, sum);
    change_address(quoted_packet_ + ip_destination, to.destination, quoted_packet_ + ip_sum, sum);
    if (udp || to.protocol == ip_protocol::tcp) {
        change_port(quoted_transport_, to.source_port, sum);
        change_port(quoted_transport_ + 2, to.destination_port, sum);
    } else if (to.protocol == ip_protocol::icmp) {
        bool const request = byte(quoted_transport_) == echo_request;
        change_port(quoted_transport_ + icmp_identifier, request ? to.source_port : to.destination_port,
                    quoted_transport_ + icmp_sum);
    }
    error_sum_ = none;
    change_address(ip_source, source, ip_sum, none);
    change_address(ip_destination, destination, ip_sum, none);
    quoted_ = to;
    tuple_.source = source;
    tuple_.destination = destination;
}

} // namespace netstack
