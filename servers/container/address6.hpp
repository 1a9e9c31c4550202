// IPv6 addresses as people write them (RFC 4291, 2.2).
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace container {

using Address6 = std::array<std::uint8_t, 16>; ///< network order

/// The address at the beginning of `text`, which is taken off it; nothing, and `text` as it was: there is none.
std::optional<Address6> take_address6(std::string_view& text);

/// As RFC 5952 has it: lower case, no leading zeros, the longest run of zeros as ::.
std::string address6_text(Address6 const& address);

/// A network's IPv6 addresses, beside those of IPv4.
struct Subnet6 {
    Address6 address{}; ///< of the network itself: the bits behind the prefix are zero
    std::uint8_t prefix = 64;
    /// "fd00:5::/64". nullopt: not so; loopback, groups or link-local addresses; a prefix under 8, or over 96, which leaves less room than
    /// IPv4 has.
    static std::optional<Subnet6> parse(std::string_view text);
    /// The address of the host with that number: in its IPv4 subnet, and so here.
    [[nodiscard]] Address6 host(std::uint32_t number) const;
    [[nodiscard]] bool overlaps(Subnet6 const& other) const;
    [[nodiscard]] std::string text() const;
};

} // namespace container
