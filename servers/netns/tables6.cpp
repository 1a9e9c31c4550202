// /proc/net/{if_inet6,ipv6_route}.
#include "tables.hpp"
#include <algorithm>

namespace netns {

namespace {
void append_hex(std::string& text, std::uint32_t value, int digits) {
    constexpr char figures[] = "0123456789abcdef";
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) { text += figures[value >> shift & 15]; }
}
void append_address(std::string& text, Address6 const& address) {
    for (auto const byte : address) { append_hex(text, byte, 2); }
}
void append_device(std::string& text, NetworkNamespace const& space, std::uint32_t index) {
    auto const found = std::ranges::find(space.links(), index, &Link::index);
    std::string_view const name = found != space.links().end() ? std::string_view{found->name} : std::string_view{};
    text += ' ';
    text.append(name.size() < 8 ? 8 - name.size() : 0, ' ');
    text += name;
    text += '\n';
}
struct RouteLine {
    RouteEntry6 route;
    std::uint32_t references, flags;
};
void append_route(std::string& text, NetworkNamespace const& space, RouteLine const& line) {
    append_address(text, line.route.destination);
    text += ' ';
    append_hex(text, line.route.prefix, 2);
    text += ' ';
    append_address(text, {});
    text += " 00 ";
    append_address(text, line.route.gateway);
    for (auto const number : {line.route.metric, line.references, std::uint32_t{0}, line.flags}) {
        text += ' ';
        append_hex(text, number, 8);
    }
    append_device(text, space, line.route.device);
}
} // namespace

std::string interface6_table(NetworkNamespace const& space) {
    constexpr std::uint32_t permanent = 0x80;
    std::string text;
    for (auto const& link : space.links()) {
        for (auto const& address : space.six().addresses()) {
            if (address.device != link.index) { continue; }
            append_address(text, address.address);
            // IPV6_ADDR_LOOPBACK, _LINKLOCAL, _SITELOCAL
            std::uint32_t const scope = address.scope == Configuration6::scope_host   ? 0x10
                                        : address.scope == Configuration6::scope_link ? 0x20
                                        : address.scope == Configuration6::scope_site ? 0x40
                                                                                      : 0;
            for (auto const number : {address.device, std::uint32_t{address.prefix}, scope, permanent}) {
                text += ' ';
                append_hex(text, number, number > 0xff ? 3 : 2);
            }
            append_device(text, space, address.device);
        }
    }
    return text;
}

std::string route6_table(NetworkNamespace const& space) {
    constexpr std::uint32_t up = 1, gateway = 2, host = 4, null_route = 0x00200200, local = 0x80200001,
                            null_metric = 0xffffffff;
    std::string text;
    auto routes = space.six().routes();
    std::ranges::stable_sort(routes, route_before);
    for (auto const& route : routes) {
        append_route(text, space,
                     {route, 1, up | (route.has_gateway() ? gateway : 0) | (route.prefix == 128 ? host : 0)});
    }
    RouteLine const nothing{{1, {}, {}, null_metric, 0, 0}, 1, null_route};
    // As Linux's tree prints it: where nothing else is at the root.
    if (std::ranges::find(routes, 0, &RouteEntry6::prefix) == routes.end()) { append_route(text, space, nothing); }
    auto const own = space.six().own_routes();
    for (auto const& entry : own) { append_route(text, space, {entry.route, 1, entry.group ? up : local}); }
    append_route(text, space, nothing);
    return text;
}

} // namespace netns
