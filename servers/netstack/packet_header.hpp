// The headers of an IPv4 packet, as address translation and the filter see them: read once, rewritten in place.
//
// Whatever is rewritten keeps the checksums right incrementally (RFC 1624), so that a sum that was wrong stays wrong and one
// that the sender left out (packet_flag::no_checksum, UDP's zero) stays left out.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace netstack {

/// Who talks to whom, as one direction's packets name them. Addresses and ports in network order. An ICMP echo request
/// has its identifier as the source's port, a reply as the destination's: so the answer's tuple is the inverse here, too.
struct Tuple {
    std::uint32_t source = 0, destination = 0;
    std::uint16_t source_port = 0, destination_port = 0;
    std::uint8_t protocol = 0;
    bool operator==(Tuple const&) const = default;
    /// Of the packets that answer.
    [[nodiscard]] Tuple inverse() const { return {destination, source, destination_port, source_port, protocol}; }
    /// Calls visitor with every part, as numbers of 32 bits.
    template <class Visitor>
    void each_word(Visitor visitor) const {
        visitor(source);
        visitor(destination);
        visitor(std::uint32_t{source_port} << 16 | destination_port);
        visitor(std::uint32_t{protocol});
    }
};

namespace ip_protocol {
inline constexpr std::uint8_t icmp = 1, tcp = 6, udp = 17;
} // namespace ip_protocol
namespace tcp_flag {
inline constexpr std::uint8_t fin = 1, syn = 2, reset = 4, acknowledge = 16;
} // namespace tcp_flag

class PacketHeader {
public:
    /// `packet` starts with the IP header and holds at least what is in one piece; `total`: bytes of the whole packet.
    /// Nothing: it is no IPv4 packet, is shorter than it says, its own sum is wrong, or its transport header is cut off (also
    /// by fragmenting, or overwritten by a fragment that starts within it: RFC 1858). The packet must outlive the header.
    static std::optional<PacketHeader> parse(std::span<std::byte> packet, std::size_t total);

    [[nodiscard]] Tuple const& tuple() const { return tuple_; }
    [[nodiscard]] std::uint8_t time_to_live() const { return byte(8); }
    [[nodiscard]] std::uint16_t identification() const { return half(4); }
    [[nodiscard]] std::uint8_t tcp_flags() const { return tcp_flags_; }
    /// A fragment; one without the transport header, whose tuple has no ports until set_ports.
    [[nodiscard]] bool first_fragment() const { return more_fragments_ && !later_fragment_; }
    [[nodiscard]] bool later_fragment() const { return later_fragment_; }
    /// Ports of the datagram that a later fragment belongs to, network order.
    void set_ports(std::uint16_t source, std::uint16_t destination);
    /// An ICMP error about this packet.
    [[nodiscard]] std::optional<Tuple> const& quoted() const { return quoted_; }
    /// It belongs to a connection: of ICMP only the echo does.
    [[nodiscard]] bool trackable() const { return trackable_; }

    /// Gives the packet other ends. `sums`: TCP's and UDP's checksum is there (ICMP's always is).
    void rewrite(Tuple const& to, bool sums);
    /// An ICMP error: gives the packet that it quotes other ends, and the error itself other addresses.
    void rewrite_quoted(Tuple const& to, std::uint32_t source, std::uint32_t destination);

private:
    explicit PacketHeader(std::byte* packet) : packet_{packet} {}
    [[nodiscard]] std::uint8_t byte(std::size_t at) const { return static_cast<std::uint8_t>(packet_[at]); }
    [[nodiscard]] std::uint16_t half(std::size_t at) const;
    bool read_transport(std::size_t present);
    void read_quoted(std::size_t present);
    /// Puts a half word in its place, for whatever sum of an ICMP error lies over it.
    void store(std::size_t at, std::uint16_t value);
    void adjust(std::size_t sum, std::uint16_t old, std::uint16_t value);
    void change_port(std::size_t at, std::uint16_t value, std::size_t sum);
    void change_address(std::size_t at, std::uint32_t value, std::size_t header_sum, std::size_t transport_sum);

    std::byte* packet_;
    Tuple tuple_{};
    std::optional<Tuple> quoted_;
    std::size_t transport_ = 0;                            ///< offset of the transport header
    std::size_t quoted_packet_ = 0, quoted_transport_ = 0; ///< offsets of what an ICMP error quotes
    std::size_t error_sum_ = 0;                            ///< of the ICMP error, while what it quotes is rewritten
    std::uint8_t tcp_flags_ = 0, icmp_type_ = 0;
    bool later_fragment_ = false, more_fragments_ = false, trackable_ = true;
};

} // namespace netstack
