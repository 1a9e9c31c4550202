#include "address6.hpp"
#include "text.hpp"
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

std::string address6_text(Address6 const& address) {
    constexpr std::size_t groups = 8;
    auto const group = [&](std::size_t i) { return static_cast<unsigned>(address[i * 2] << 8 | address[i * 2 + 1]); };
    std::size_t best = groups, longest = 1; // a single zero is written
    for (std::size_t start = 0; start < groups; ++start) {
        std::size_t end = start;
        while (end < groups && group(end) == 0) { ++end; }
        if (end - start > longest) {
            best = start;
            longest = end - start;
        }
    }
    std::string text;
    for (std::size_t i = 0; i < groups; ++i) {
        if (i == best) {
            text += "::";
            i += longest - 1;
            continue;
        }
        if (!text.empty() && !text.ends_with(':')) { text += ':'; }
        bool written = false;
        for (int shift = 12; shift >= 0; shift -= 4) {
            auto const digit = group(i) >> shift & 15;
            written = written || digit != 0 || shift == 0;
            if (written) { text += "0123456789abcdef"[digit]; }
        }
    }
    return text;
}

namespace {
Address6 masked(Address6 address, std::uint8_t prefix) {
    for (unsigned at = 0; at < address.size(); ++at) {
        auto const bits = prefix > at * 8 ? std::min(prefix - at * 8, 8U) : 0;
        address[at] = static_cast<std::uint8_t>(address[at] & (0xff00U >> bits));
    }
    return address;
}
} // namespace

std::optional<Subnet6> Subnet6::parse(std::string_view text) {
    constexpr std::uint8_t shortest = 8, longest = 96;
    auto const address = take_address6(text);
    if (!address || !text.starts_with('/') || text.size() < 2 || text.size() > 3) { return {}; }
    unsigned prefix = 0;
    for (char const c : text.substr(1)) {
        if (c < '0' || c > '9') { return {}; }
        prefix = prefix * 10 + static_cast<unsigned>(c - '0');
    }
    if (prefix < shortest || prefix > longest) { return {}; }
    Subnet6 const subnet{masked(*address, static_cast<std::uint8_t>(prefix)), static_cast<std::uint8_t>(prefix)};
    auto const first = subnet.address[0];
    bool const link_local = first == 0xfe && (subnet.address[1] & 0xc0) == 0x80;
    if (first == 0 || first == 0xff || link_local) { return {}; }
    return subnet;
}

Address6 Subnet6::host(std::uint32_t number) const {
    auto result = address;
    for (std::size_t i = 0; i < sizeof number; ++i) {
        result[result.size() - 1 - i] |= static_cast<std::uint8_t>(number >> (i * 8));
    }
    return result;
}

bool Subnet6::overlaps(Subnet6 const& other) const {
    auto const common = std::min(prefix, other.prefix);
    return masked(address, common) == masked(other.address, common);
}

std::string Subnet6::text() const { return address6_text(address) + "/" + number_text(prefix); }

} // namespace container
