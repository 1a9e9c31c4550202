// Addresses as programs (struct sockaddr) and as lwIP (ip_addr_t) have them.
#pragma once
#include "proto/socket.hpp"
#include <cstdint>
#include <cstring>
#include <optional>

namespace netstack {

inline constexpr std::uint16_t family_unspecified = 0, family_internet = 2;

/// struct sockaddr_in. Address and port in network order.
struct InternetAddress {
    std::uint16_t family = family_internet;
    std::uint16_t port = 0;
    std::uint32_t address = 0;
    std::uint8_t zero[8] = {};
};
static_assert(sizeof(InternetAddress) == 16);

inline std::uint16_t swap16(std::uint16_t value) { return static_cast<std::uint16_t>(value << 8 | value >> 8); }

inline std::uint16_t family_of(proto::SocketAddress const& address) {
    std::uint16_t family = family_unspecified;
    if (address.length >= sizeof family) { std::memcpy(&family, address.data, sizeof family); }
    return family;
}
/// Nothing if it is too short.
inline std::optional<InternetAddress> internet_address(proto::SocketAddress const& address) {
    InternetAddress result;
    if (address.length < 16) { return {}; }
    std::memcpy(&result, address.data, sizeof result);
    return result;
}
inline proto::SocketAddress socket_address(std::uint32_t address, std::uint16_t host_order_port) {
    InternetAddress const internet{family_internet, swap16(host_order_port), address, {}};
    proto::SocketAddress result;
    result.length = sizeof internet;
    std::memcpy(result.data, &internet, sizeof internet);
    return result;
}

} // namespace netstack
