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

} // namespace container
