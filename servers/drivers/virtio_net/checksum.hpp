// TCP's and UDP's checksum, for frames whose sender left it out because the other end was to be in this machine's memory.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace virtio_net {

namespace detail {
inline std::uint32_t sum_of(std::span<std::uint8_t const> bytes, std::uint32_t sum) {
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
        sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
    }
    if (bytes.size() % 2 != 0) { sum += static_cast<std::uint32_t>(bytes.back() << 8); }
    while (sum >> 16 != 0) { sum = (sum & 0xFFFF) + (sum >> 16); }
    return sum;
}
} // namespace detail

/// Fills the checksum of the TCP or UDP segment in an Ethernet frame with IPv4 (RFC 9293, RFC 768). Anything else, and fragments, stay
/// as they are: a frame from a stack is not to be trusted to be well formed.
inline void fill_checksum(std::span<std::uint8_t> frame) {
    constexpr std::size_t ethernet = 14, shortest = 20;
    if (frame.size() < ethernet + shortest || frame[12] != 0x08 || frame[13] != 0x00) { return; }
    auto const packet = frame.subspan(ethernet);
    std::size_t const header = (packet[0] & 15u) * 4u, total = static_cast<std::size_t>(packet[2] << 8 | packet[3]);
    bool const fragment = ((packet[6] & 0x3F) | packet[7]) != 0;
    if (packet[0] >> 4 != 4 || header < shortest || total < header || total > packet.size() || fragment) { return; }
    auto const segment = packet.subspan(header, total - header);
    std::uint8_t const protocol = packet[9];
    std::size_t const at = protocol == 6 ? 16 : protocol == 17 ? 6 : 0;
    if (at == 0 || segment.size() < (protocol == 6 ? 20u : 8u)) { return; }
    segment[at] = segment[at + 1] = 0;
    std::uint32_t sum = detail::sum_of(packet.subspan(12, 8), protocol + static_cast<std::uint32_t>(segment.size()));
    sum = ~detail::sum_of(segment, sum) & 0xFFFF;
    if (sum == 0 && protocol == 17) { sum = 0xFFFF; } // 0 says: none
    segment[at] = static_cast<std::uint8_t>(sum >> 8);
    segment[at + 1] = static_cast<std::uint8_t>(sum);
}

} // namespace virtio_net
