#include "address6.hpp"
#include <algorithm>

namespace container {

namespace {
/// Up to four hexadecimal digits, taken off; nothing: there is none, or one more.
std::optional<std::uint16_t> take_group(std::string_view& text) {
    std::uint32_t value = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && digits < 5; ++digits) {
        char const c = text[digits];
        int const digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) { break; }
        value = value << 4 | static_cast<std::uint32_t>(digit);
    }
    if (digits == 0 || digits > 4) { return {}; }
    text.remove_prefix(digits);
    return static_cast<std::uint16_t>(value);
}
} // namespace

std::optional<Address6> take_address6(std::string_view& text) {
    constexpr std::size_t groups_whole = 8;
    std::array<std::uint16_t, groups_whole> groups{};
    std::size_t count = 0, gap = groups_whole; // `gap`: the group that :: stands before
    bool any_gap = false;
    auto rest = text;
    if (rest.starts_with("::")) {
        rest.remove_prefix(2);
        any_gap = true;
        gap = 0;
    }
    while (count < groups_whole) {
        auto after = rest;
        if (count != 0 && !(any_gap && gap == count)) {
            if (!after.starts_with(':')) { break; }
            after.remove_prefix(1);
            if (after.starts_with(':') && !any_gap) {
                rest = after.substr(1);
                any_gap = true;
                gap = count;
                continue;
            }
        }
        auto const group = take_group(after);
        if (!group) { break; }
        groups[count++] = *group;
        rest = after;
    }
    // Without a gap all eight are there; with one at least one is not.
    if (any_gap ? count == groups_whole : count != groups_whole) { return {}; }
    std::rotate(groups.begin() + static_cast<std::ptrdiff_t>(std::min(gap, count)),
                groups.begin() + static_cast<std::ptrdiff_t>(count), groups.end());
    Address6 address;
    for (std::size_t i = 0; i < groups_whole; ++i) {
        address[i * 2] = static_cast<std::uint8_t>(groups[i] >> 8);
        address[i * 2 + 1] = static_cast<std::uint8_t>(groups[i]);
    }
    text = rest;
    return address;
}

} // namespace container
