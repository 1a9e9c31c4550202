#include "packet_header6.hpp"
#include <algorithm>
#include <cstring>

namespace netstack {

namespace {
constexpr std::size_t header_bytes = 40, extensions_maximum = 8;
namespace next {
constexpr std::uint8_t hop_by_hop = 0, routing = 43, fragment = 44, authentication = 51, icmp6 = 58, options = 60;
} // namespace next
constexpr std::uint8_t parameter_problem = 4, echo_request = 128, echo_reply = 129, solicitation = 135,
                       advertisement = 136;

std::uint8_t byte(std::span<std::byte const> bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }
std::uint16_t half(std::span<std::byte const> bytes, std::size_t at) {
    std::uint16_t value;
    std::memcpy(&value, &bytes[at], sizeof value);
    return value;
}
std::uint16_t host_half(std::span<std::byte const> bytes, std::size_t at) {
    return static_cast<std::uint16_t>(byte(bytes, at) << 8 | byte(bytes, at + 1));
}
bool is_extension(std::uint8_t protocol) {
    return protocol == next::hop_by_hop || protocol == next::routing || protocol == next::fragment ||
           protocol == next::authentication || protocol == next::options;
}
} // namespace

std::optional<PacketHeader6> PacketHeader6::parse(std::span<std::byte const> packet, std::size_t total) {
    if (packet.size() < header_bytes || byte(packet, 0) >> 4 != 6) { return {}; }
    std::size_t const length = header_bytes + host_half(packet, 4);
    if (length > total) { return {}; }
    PacketHeader6 header;
    if (!header.read(packet.first(std::min(packet.size(), length)), false)) { return {}; }
    return header;
}

bool PacketHeader6::read(std::span<std::byte const> packet, bool quoted) {
    std::memcpy(tuple_.source.data(), &packet[8], tuple_.source.size());
    std::memcpy(tuple_.destination.data(), &packet[24], tuple_.destination.size());
    auto protocol = byte(packet, 6);
    auto rest = packet.subspan(header_bytes);
    for (std::size_t count = 0; is_extension(protocol); ++count) {
        if (count == extensions_maximum || rest.size() < 8) { return false; }
        auto const following = byte(rest, 0);
        std::size_t bytes = (byte(rest, 1) + std::size_t{1}) * 8;
        if (protocol == next::authentication) { bytes = (byte(rest, 1) + std::size_t{2}) * 4; }
        if (protocol == next::fragment) {
            bytes = 8;
            auto const place = host_half(rest, 2);
            more_fragments_ = (place & 1) != 0;
            later_fragment_ = place >> 3 != 0;
            std::memcpy(&identification_, &rest[4], sizeof identification_);
            // One that begins within TCP's header would put other flags there.
            if (later_fragment_ && following == ip_protocol::tcp && place >> 3 < 3) { return false; }
        }
        if (bytes > rest.size()) { return false; }
        protocol = following;
        rest = rest.subspan(bytes);
        if (later_fragment_) { break; }
    }
    tuple_.protocol = protocol == next::icmp6 ? ip_protocol::icmp : protocol;
    return later_fragment_ ? !quoted : read_transport(rest, quoted);
}

bool PacketHeader6::read_transport(std::span<std::byte const> transport, bool quoted) {
    std::size_t const wanted = tuple_.protocol == ip_protocol::tcp && !quoted ? 20
                               : tuple_.protocol == ip_protocol::tcp || tuple_.protocol == ip_protocol::udp ||
                                       tuple_.protocol == ip_protocol::icmp
                                   ? 8
                                   : 0;
    if (transport.size() < wanted) { return false; }
    if (tuple_.protocol == ip_protocol::icmp) {
        constexpr std::size_t identifier = 4, about = 8;
        auto const type = byte(transport, 0);
        trackable_ = type == echo_request || type == echo_reply;
        asks_for_neighbour_ = type == solicitation || type == advertisement;
        if (type == echo_request) { tuple_.source_port = half(transport, identifier); }
        if (type == echo_reply) { tuple_.destination_port = half(transport, identifier); }
        bool const error = type >= 1 && type <= parameter_problem;
        if (!error || quoted || more_fragments_ || transport.size() < about + header_bytes ||
            byte(transport, about) >> 4 != 6) {
            return true;
        }
        PacketHeader6 inside;
        if (inside.read(transport.subspan(about), true) && inside.trackable_) { quoted_ = inside.tuple_; }
        return true;
    }
    if (wanted == 0) { return true; }
    if (wanted == 20) { tcp_flags_ = byte(transport, 13); }
    tuple_.source_port = half(transport, 0);
    tuple_.destination_port = half(transport, 2);
    return true;
}

} // namespace netstack
