// Packets for tests: made whole, with right sums, and looked at again.
#pragma once
#include "../../../servers/netstack/packet_header.hpp"
#include <cstring>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace packets {

using Bytes = std::vector<std::byte>;

constexpr std::uint32_t address(unsigned a, unsigned b, unsigned c, unsigned d) {
    return a | b << 8 | c << 16 | d << 24;
}
constexpr std::uint16_t port(unsigned number) { return static_cast<std::uint16_t>(number << 8 | number >> 8); }

inline std::uint32_t sum_of(std::byte const* bytes, std::size_t count, std::uint32_t sum = 0) {
    for (std::size_t i = 0; i < count; ++i) { sum += static_cast<std::uint32_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0); }
    while (sum >> 16 != 0) { sum = (sum & 0xffff) + (sum >> 16); }
    return sum;
}
inline void put16(Bytes& bytes, std::size_t at, std::uint32_t value) {
    bytes[at] = static_cast<std::byte>(value >> 8);
    bytes[at + 1] = static_cast<std::byte>(value);
}
inline std::uint32_t get16(Bytes const& bytes, std::size_t at) {
    return static_cast<std::uint32_t>(bytes[at]) << 8 | static_cast<std::uint32_t>(bytes[at + 1]);
}
inline std::uint32_t get32(Bytes const& bytes, std::size_t at) {
    std::uint32_t value;
    std::memcpy(&value, &bytes[at], sizeof value);
    return value;
}
inline std::size_t header_bytes(Bytes const& packet) { return (static_cast<std::size_t>(packet[0]) & 15U) * 4; }
inline std::size_t sum_offset(std::uint8_t protocol) { return protocol == 6 ? 16U : protocol == 17 ? 6U : 2U; }
/// Sum over the transport's header and data, with its pseudo header: 0xffff if its checksum is right.
inline std::uint32_t transport_sum(Bytes const& packet) {
    auto const start = header_bytes(packet);
    auto const protocol = static_cast<std::uint8_t>(packet[9]);
    std::uint32_t sum = 0;
    if (protocol != 1) { sum = sum_of(&packet[12], 8) + protocol + static_cast<std::uint32_t>(packet.size() - start); }
    return sum_of(&packet[start], packet.size() - start, sum);
}
inline bool header_right(Bytes const& packet) { return sum_of(packet.data(), header_bytes(packet)) == 0xffff; }
inline bool sums_right(Bytes const& packet) { return header_right(packet) && transport_sum(packet) == 0xffff; }
inline void finish(Bytes& packet) {
    put16(packet, 2, static_cast<std::uint32_t>(packet.size()));
    put16(packet, 10, 0);
    put16(packet, 10, ~sum_of(packet.data(), header_bytes(packet)));
}

struct Made {
    std::uint8_t ttl = 64, flags = 0x10, icmp_type = 8;
    std::uint16_t identification = 1;
    std::string_view data = "some data of odd length";
};
/// `from` and `to` in network order as in a tuple; of an echo the source port (reply: the destination's) is the identifier.
inline Bytes make(netstack::Tuple const& tuple, Made made = {}) {
    std::size_t const transport = tuple.protocol == 6 ? 20 : 8;
    Bytes packet(20 + transport + made.data.size());
    packet[0] = std::byte{0x45};
    put16(packet, 4, made.identification);
    packet[8] = static_cast<std::byte>(made.ttl);
    packet[9] = static_cast<std::byte>(tuple.protocol);
    std::memcpy(&packet[12], &tuple.source, 4);
    std::memcpy(&packet[16], &tuple.destination, 4);
    if (tuple.protocol == 1) {
        packet[20] = static_cast<std::byte>(made.icmp_type);
        std::memcpy(&packet[24], made.icmp_type == 0 ? &tuple.destination_port : &tuple.source_port, 2);
        put16(packet, 26, 7);
    } else {
        std::memcpy(&packet[20], &tuple.source_port, 2);
        std::memcpy(&packet[22], &tuple.destination_port, 2);
    }
    if (tuple.protocol == 6) {
        packet[32] = std::byte{0x50};
        packet[33] = static_cast<std::byte>(made.flags);
    }
    if (tuple.protocol == 17) { put16(packet, 24, static_cast<std::uint32_t>(8 + made.data.size())); }
    std::memcpy(&packet[20 + transport], made.data.data(), made.data.size());
    put16(packet, 20 + sum_offset(tuple.protocol), ~transport_sum(packet));
    finish(packet);
    return packet;
}
/// An ICMP error about a packet: header and eight bytes of it.
inline Bytes error(std::uint32_t source, std::uint32_t destination, std::uint8_t type, Bytes const& about) {
    auto const quoted = std::min(about.size(), header_bytes(about) + 8);
    auto packet = make({source, destination, 0, 0, 1},
                       {.icmp_type = type, .data = {reinterpret_cast<char const*>(about.data()), quoted}});
    put16(packet, 22, 0);
    put16(packet, 24, 0);
    put16(packet, 26, 0);
    put16(packet, 22, ~transport_sum(packet));
    return packet;
}
/// What an ICMP error quotes.
inline Bytes quoted(Bytes const& error_packet) { return {error_packet.begin() + 28, error_packet.end()}; }
/// The pieces of a packet; `each`: data bytes in all but the last, a multiple of 8.
inline std::vector<Bytes> fragments(Bytes const& packet, std::size_t each) {
    std::vector<Bytes> result;
    for (std::size_t at = 20; at < packet.size(); at += each) {
        Bytes piece{packet.begin(), packet.begin() + 20};
        auto const end = std::min(packet.size(), at + each);
        piece.insert(piece.end(), packet.begin() + static_cast<std::ptrdiff_t>(at),
                     packet.begin() + static_cast<std::ptrdiff_t>(end));
        put16(piece, 6, (end < packet.size() ? 0x2000U : 0U) | static_cast<std::uint32_t>((at - 20) / 8));
        finish(piece);
        result.push_back(piece);
    }
    return result;
}
inline netstack::Tuple tuple_of(Bytes packet) {
    auto const header = netstack::PacketHeader::parse(packet, packet.size());
    return header ? header->tuple() : netstack::Tuple{};
}

} // namespace packets
