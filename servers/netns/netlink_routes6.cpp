// rtnetlink(7): IPv6 addresses, routes, neighbours.
#include "netlink_handler.hpp"

namespace netns {

namespace {
constexpr std::uint8_t route_local = 2, route_group = 5;
constexpr std::uint32_t forever = 0xffffffff;
} // namespace

void NetlinkHandler::dump_addresses6() {
    namespace at = address_attribute;
    constexpr std::uint8_t permanent = 0x80;
    for (auto const& link : space_.links()) {
        for (auto const& address : space_.six().addresses()) {
            if (address.device != link.index) { continue; }
            nl::Writer writer{target(true)};
            writer.begin(
                nl::new_address, nl::flag::multi, header_,
                nl::AddressMessage{family_internet6, address.prefix, permanent, address.scope, address.device});
            writer.attribute(at::address, address.address);
            writer.attribute(at::cache, std::array<std::uint32_t, 4>{forever, forever, 0, 0});
            writer.attribute(at::flags, std::uint32_t{permanent});
            writer.end();
        }
    }
}

Error NetlinkHandler::new_address6(nl::AddressMessage const& message, Attributes const& attributes) {
    auto const address = address_in<Address6>(attributes);
    if (!address) { return Error::Invalid; }
    auto const done = space_.six().add_address(message.index, *address, message.prefix);
    bool const replaces = !done && done.error() == Error::Exists && (header_.flags & nl::flag::replace) != 0;
    return replaces ? Error::None : error_of(done);
}

Error NetlinkHandler::delete_address6(nl::AddressMessage const& message, Attributes const& attributes) {
    auto const address = address_in<Address6>(attributes);
    if (!address) { return Error::Invalid; }
    return error_of(space_.six().remove_address(message.index, *address, message.prefix));
}

void NetlinkHandler::put_route6(RouteEntry6 const& route, bool dump, RouteKind6 const& kind) {
    namespace at = route_attribute;
    nl::Writer writer{target(dump)};
    auto const source_prefix = static_cast<std::uint8_t>(dump ? 0 : 128);
    writer.begin(nl::new_route, multi(dump), header_,
                 nl::RouteMessage{family_internet6, dump ? route.prefix : std::uint8_t{128}, source_prefix, 0,
                                  kind.table, route.protocol, 0, kind.type, 0});
    writer.attribute(at::table, std::uint32_t{kind.table});
    if (!dump) {
        writer.attribute(at::destination, kind.destination);
        writer.attribute(at::from, Address6{});
    } else if (route.prefix != 0) {
        writer.attribute(at::destination, route.destination);
    }
    if (kind.source != Address6{}) { writer.attribute(at::source, kind.source); }
    if (route.has_gateway()) { writer.attribute(at::gateway, route.gateway); }
    writer.attribute(at::interface, route.device);
    writer.attribute(at::priority, route.metric);
    writer.attribute(at::cache, std::array<std::uint32_t, 8>{});
    writer.attribute(at::preference, std::uint8_t{0});
    writer.end();
}

void NetlinkHandler::dump_routes6() {
    auto routes = space_.six().routes();
    std::ranges::stable_sort(routes, route_before);
    for (auto const& own : space_.six().own_routes()) {
        if (!own.group) { put_route6(own.route, true, {table_local, route_local}); }
    }
    for (auto const& route : routes) { put_route6(route, true, {table_main, route_unicast}); }
    for (auto const& own : space_.six().own_routes()) {
        if (own.group) { put_route6(own.route, true, {table_local, route_group}); }
    }
}

Error NetlinkHandler::get_route6(Attributes const& attributes) {
    auto const destination = attributes.get<Address6>(route_attribute::destination);
    if (!destination) { return Error::Invalid; }
    auto const& six = space_.six();
    if (six.is_own(*destination)) {
        put_route6({1, *destination, {}, 0, 128, Configuration6::protocol_kernel}, false,
                   {table_local, route_local, *destination, *destination});
        return Error::None;
    }
    auto const device = attributes.get<std::uint32_t>(route_attribute::interface).value_or(0);
    auto const* const route = six.lookup(*destination, device);
    if (route == nullptr) { return Error::NetworkUnreachable; }
    put_route6(*route, false, {table_main, route_unicast, *destination, six.source_for(*route, *destination)});
    return Error::None;
}

Error NetlinkHandler::new_route6(nl::RouteMessage const& message, Attributes const& attributes) {
    if (message.type != route_unicast && message.type != 0) { return Error::NotSupported; }
    auto const route = route_in<RouteEntry6>(message, attributes);
    if (route.device == 0 && !route.has_gateway()) { return Error::NoSuchDevice; }
    return error_of(space_.six().add_route(route, (header_.flags & nl::flag::replace) != 0));
}

Error NetlinkHandler::delete_route6(nl::RouteMessage const& message, Attributes const& attributes) {
    auto const route = route_in<RouteEntry6>(message, attributes);
    return error_of(space_.six().remove_route(route, route.metric == 0));
}

void NetlinkHandler::dump_neighbours6() {
    auto const put = [&](std::uint32_t device, Address6 const& address, HardwareAddress const* hardware,
                         std::uint16_t state) {
        nl::Writer writer{target(true)};
        writer.begin(nl::new_neighbour, nl::flag::multi, header_,
                     nl::NeighbourMessage{family_internet6, 0, 0, device, state, 0, route_unicast});
        writer.attribute(neighbour_attribute::destination, address);
        if (hardware != nullptr) { writer.attribute(neighbour_attribute::hardware, *hardware); }
        writer.end();
    };
    for (auto const& entry : space_.six().neighbours()) {
        put(entry.device, entry.address, &entry.hardware_address, state_permanent);
    }
    for (auto const& entry : neighbours6_) {
        if (entry.state == state_permanent) { continue; }
        Address6 address;
        HardwareAddress hardware;
        std::ranges::copy(entry.address, address.begin());
        std::ranges::copy(entry.hardware_address, hardware.begin());
        constexpr std::uint16_t state_incomplete = 1;
        put(entry.device, address, entry.state != state_incomplete ? &hardware : nullptr, entry.state);
    }
}

Error NetlinkHandler::change_neighbour6(nl::NeighbourMessage const& message, Attributes const& attributes, bool add) {
    auto const address = attributes.get<Address6>(neighbour_attribute::destination);
    auto const hardware = attributes.get<HardwareAddress>(neighbour_attribute::hardware);
    if (!address || (add && !hardware)) { return Error::Invalid; }
    if (!add) { return error_of(space_.six().remove_neighbour(message.index, *address)); }
    return error_of(space_.six().set_neighbour({message.index, *address, *hardware}));
}

} // namespace netns
