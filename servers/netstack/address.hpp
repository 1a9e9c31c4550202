// Addresses as programs (struct sockaddr) and as lwIP (ip_addr_t) have them.
#pragma once
#include "lwip/ip_addr.h"
#include "proto/socket.hpp"
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>

namespace netstack {

inline constexpr std::uint16_t family_unspecified = 0, family_internet = 2, family_internet6 = 10;

/// struct sockaddr_in. Address and port in network order.
struct InternetAddress {
    std::uint16_t family = family_internet;
    std::uint16_t port = 0;
    std::uint32_t address = 0;
    std::uint8_t zero[8] = {};
};
static_assert(sizeof(InternetAddress) == 16);
/// struct sockaddr_in6. Port in network order; scope: index of the device that a link-local address is about.
struct InternetAddress6 {
    std::uint16_t family = family_internet6;
    std::uint16_t port = 0;
    std::uint32_t flow = 0;
    std::array<std::uint8_t, 16> address{};
    std::uint32_t scope = 0;
};
static_assert(sizeof(InternetAddress6) == 28);

/// An address and a port as lwIP wants them: IPv4 or IPv6, the port in host order.
struct Endpoint {
    ip_addr_t address{};
    std::uint16_t port = 0;
};

constexpr std::uint32_t loopback_address = 0x0100007f; ///< 127.0.0.1, network order

inline std::uint16_t swap16(std::uint16_t value) { return static_cast<std::uint16_t>(value << 8 | value >> 8); }

inline ip_addr_t address4(std::uint32_t network_order) {
    ip_addr_t result{};
    ip_2_ip4(&result)->addr = network_order;
    result.type = IPADDR_TYPE_V4;
    return result;
}
/// Without a zone.
inline ip_addr_t address6(std::uint8_t const* bytes) {
    ip_addr_t result{};
    std::memcpy(ip_2_ip6(&result)->addr, bytes, 16);
    result.type = IPADDR_TYPE_V6;
    return result;
}
/// Of an address that is none of IPv6: garbage.
inline std::uint32_t word_of(ip_addr_t const& address) { return ip_2_ip4(&address)->addr; }
inline std::array<std::uint8_t, 16> bytes_of(ip6_addr_t const& address) {
    std::array<std::uint8_t, 16> result;
    std::memcpy(result.data(), address.addr, result.size());
    return result;
}
inline std::array<std::uint8_t, 16> mapped(std::uint32_t network_order) {
    std::array<std::uint8_t, 16> result{};
    result[10] = result[11] = 0xff;
    std::memcpy(result.data() + 12, &network_order, sizeof network_order);
    return result;
}
/// Of any family.
inline bool is_any(ip_addr_t const& address) { return ip_addr_isany_val(address) != 0; }

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
template <class Address>
proto::SocketAddress whole(Address const& address) {
    proto::SocketAddress result;
    result.length = sizeof address;
    std::memcpy(result.data, &address, sizeof address);
    return result;
}
inline proto::SocketAddress socket_address(std::uint32_t address, std::uint16_t host_order_port) {
    return whole(InternetAddress{family_internet, swap16(host_order_port), address, {}});
}

} // namespace netstack
