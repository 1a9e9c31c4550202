// The headers of an IPv6 packet as the filter sees them; nothing is ever rewritten.
#pragma once
#include "packet_header.hpp"
#include <array>
#include <cstring>

namespace netstack {

/// As Tuple; ICMPv6 is ip_protocol::icmp here, so that a rule about ICMP means either.
struct Tuple6 {
    using Address = std::array<std::uint8_t, 16>;
    Address source{}, destination{};
    std::uint16_t source_port = 0, destination_port = 0;
    std::uint8_t protocol = 0;
    bool operator==(Tuple6 const&) const = default;
    [[nodiscard]] Tuple6 inverse() const { return {destination, source, destination_port, source_port, protocol}; }
    /// Calls visitor with every part, as numbers of 32 bits.
    template <class Visitor>
    void each_word(Visitor visitor) const {
        for (auto const* const address : {&source, &destination}) {
            for (std::size_t at = 0; at < address->size(); at += 4) {
                std::uint32_t word;
                std::memcpy(&word, address->data() + at, sizeof word);
                visitor(word);
            }
        }
        visitor(std::uint32_t{source_port} << 16 | destination_port);
        visitor(std::uint32_t{protocol});
    }
};

class PacketHeader6 {
public:
    /// As PacketHeader::parse. Nothing: it is no IPv6 packet, is shorter than it says, or its headers are not all in the first piece
    /// (RFC 7112), or more than a sender has reason for.
    static std::optional<PacketHeader6> parse(std::span<std::byte const> packet, std::size_t total);

    [[nodiscard]] Tuple6 const& tuple() const { return tuple_; }
    [[nodiscard]] std::uint32_t identification() const { return identification_; }
    [[nodiscard]] std::uint8_t tcp_flags() const { return tcp_flags_; }
    [[nodiscard]] bool first_fragment() const { return more_fragments_ && !later_fragment_; }
    [[nodiscard]] bool later_fragment() const { return later_fragment_; }
    void set_ports(std::uint16_t source, std::uint16_t destination) {
        tuple_.source_port = source;
        tuple_.destination_port = destination;
    }
    /// An ICMPv6 error about this packet.
    [[nodiscard]] std::optional<Tuple6> const& quoted() const { return quoted_; }
    [[nodiscard]] bool trackable() const { return trackable_; }
    /// A question for a neighbour's hardware address, or the answer: what ARP is to IPv4.
    [[nodiscard]] bool asks_for_neighbour() const { return asks_for_neighbour_; }

private:
    /// Reads the header and those behind it; there is one. `quoted`: an error's quotation, which may be cut off behind the ports.
    bool read(std::span<std::byte const> packet, bool quoted);
    bool read_transport(std::span<std::byte const> transport, bool quoted);

    Tuple6 tuple_{};
    std::optional<Tuple6> quoted_;
    std::uint32_t identification_ = 0;
    std::uint8_t tcp_flags_ = 0;
    bool later_fragment_ = false, more_fragments_ = false, trackable_ = true, asks_for_neighbour_ = false;
};

} // namespace netstack
