// rtnetlink(7): addresses, routes, neighbours.
#include "netlink_handler.hpp"

namespace netns {

Error NetlinkHandler::get_addresses(std::span<std::byte const> body, bool dump) {
    namespace at = address_attribute;
    if (!dump) { return Error::NotSupported; }
    std::uint8_t const family = body.empty() ? 0 : static_cast<std::uint8_t>(body[0]);
    for (auto const& address : space_.addresses()) {
        if (family != 0 && family != family_internet) { break; }
        constexpr std::uint8_t permanent = 0x80;
        nl::Writer writer{target(true)};
        writer.begin(nl::new_address, nl::flag::multi, header_,
                     nl::AddressMessage{family_internet, address.prefix, permanent, address.scope, address.device});
        writer.attribute(at::address, address.peer != 0 ? address.peer : address.address);
        writer.attribute(at::local, address.address);
        if (address.broadcast != 0) { writer.attribute(at::broadcast, address.broadcast); }
        writer.text(at::label, address.label);
        writer.attribute(at::flags, std::uint32_t{permanent});
        writer.attribute(at::cache, std::array<std::uint32_t, 4>{0xffffffff, 0xffffffff, 0, 0});
        writer.end();
    }
    if (family == 0 || family == family_internet6) { dump_addresses6(); }
    finish_dump();
    return Error::None;
}

Error NetlinkHandler::new_address(nl::AddressMessage const& message, Attributes const& attributes) {
    namespace at = address_attribute;
    if (message.family == family_internet6) { return new_address6(message, attributes); }
    if (message.family != family_internet) { return Error::NotSupported; }
    auto const local = attributes.get<Address4>(at::local), address = attributes.get<Address4>(at::address);
    if (!local && !address) { return Error::Invalid; }
    LinkAddress entry{message.index,
                      local ? *local : *address,
                      attributes.get<Address4>(at::broadcast).value_or(0),
                      0,
                      message.prefix,
                      message.scope,
                      std::string{attributes.text(at::label)}};
    if (local && address && *local != *address) { entry.peer = *address; }
    return error_of(space_.add_address(std::move(entry)));
}

Error NetlinkHandler::delete_address(nl::AddressMessage const& message, Attributes const& attributes) {
    if (message.family == family_internet6) { return delete_address6(message, attributes); }
    if (message.family != family_internet) { return Error::NotSupported; }
    auto const address = address_in<Address4>(attributes);
    if (!address) { return Error::Invalid; }
    return error_of(space_.remove_address(message.index, *address, message.prefix));
}

void NetlinkHandler::put_route(RouteEntry const& route, bool dump, Address4 const* exact, std::uint8_t table,
                               std::uint8_t type) {
    namespace at = route_attribute;
    nl::Writer writer{target(dump)};
    auto const prefix = exact != nullptr ? std::uint8_t{32} : route.prefix;
    writer.begin(nl::new_route, multi(dump), header_,
                 nl::RouteMessage{family_internet, prefix, 0, 0, table, route.protocol, route.scope, type, 0});
    writer.attribute(at::table, std::uint32_t{table});
    if (exact != nullptr) {
        writer.attribute(at::destination, *exact);
    } else if (route.prefix != 0) {
        writer.attribute(at::destination, route.destination);
    }
    if (route.metric != 0) { writer.attribute(at::priority, route.metric); }
    if (route.source != 0) { writer.attribute(at::source, route.source); }
    if (route.gateway != 0) { writer.attribute(at::gateway, route.gateway); }
    writer.attribute(at::interface, route.device);
    writer.end();
}

Error NetlinkHandler::get_routes(std::span<std::byte const> body, bool dump) {
    if (dump) {
        std::uint8_t const family = body.empty() ? 0 : static_cast<std::uint8_t>(body[0]);
        for (auto const& route : space_.routes()) {
            if (family == 0 || family == family_internet) { put_route(route, true); }
        }
        if (family == 0 || family == family_internet6) { dump_routes6(); }
        finish_dump();
        return Error::None;
    }
    return with<nl::RouteMessage>(body, [&](auto const& message, Attributes const& attributes) {
        if (message.family == family_internet6) { return get_route6(attributes); }
        auto const destination = attributes.get<Address4>(route_attribute::destination);
        if (!destination) { return Error::Invalid; }
        for (auto const& address : space_.addresses()) {
            if (address.address == *destination) {
                RouteEntry const own{1, *destination, 0, *destination, 0, 32, 2, NetworkNamespace::scope_host};
                constexpr std::uint8_t route_local = 2;
                put_route(own, false, &*destination, table_local, route_local);
                return Error::None;
            }
        }
        auto const* const route = space_.lookup(*destination);
        if (route == nullptr) { return Error::NetworkUnreachable; }
        auto copy = *route;
        for (auto const& address : space_.addresses()) {
            if (copy.source == 0 && address.device == copy.device) { copy.source = address.address; }
        }
        put_route(copy, false, &*destination);
        return Error::None;
    });
}

RouteEntry NetlinkHandler::route_of(nl::RouteMessage const& message, Attributes const& attributes) {
    auto route = route_in<RouteEntry>(message, attributes);
    route.source = attributes.get<Address4>(route_attribute::source).value_or(0);
    route.scope = message.scope;
    return route;
}

Error NetlinkHandler::new_route(nl::RouteMessage const& message, Attributes const& attributes) {
    if (message.family == family_internet6) { return new_route6(message, attributes); }
    if (message.family != family_internet) { return Error::NotSupported; }
    if (message.type != route_unicast && message.type != 0) { return Error::NotSupported; }
    auto const route = route_of(message, attributes);
    if (route.device == 0 && route.gateway == 0) { return Error::NoSuchDevice; }
    return error_of(space_.add_route(route, (header_.flags & nl::flag::replace) != 0));
}

Error NetlinkHandler::delete_route(nl::RouteMessage const& message, Attributes const& attributes) {
    if (message.family == family_internet6) { return delete_route6(message, attributes); }
    if (message.family != family_internet) { return Error::NotSupported; }
    auto const route = route_of(message, attributes);
    return error_of(space_.remove_route(route, route.gateway == 0, route.device == 0));
}

Error NetlinkHandler::get_neighbours(std::span<std::byte const> body, bool dump) {
    if (!dump) { return Error::NotSupported; }
    std::uint8_t const family = body.empty() ? 0 : static_cast<std::uint8_t>(body[0]);
    bool const four = family == 0 || family == family_internet;
    auto const put = [&](std::uint32_t device, Address4 address, HardwareAddress const& hardware, std::uint16_t state) {
        nl::Writer writer{target(true)};
        writer.begin(nl::new_neighbour, nl::flag::multi, header_,
                     nl::NeighbourMessage{family_internet, 0, 0, device, state, 0, route_unicast});
        writer.attribute(neighbour_attribute::destination, address);
        writer.attribute(neighbour_attribute::hardware, hardware);
        writer.end();
    };
    for (auto const& entry : space_.neighbours()) {
        if (!four) { break; }
        put(entry.device, entry.address, entry.hardware_address, state_permanent);
    }
    for (auto const& entry : neighbours_) {
        if (entry.permanent != 0 || !four) { continue; }
        Address4 address;
        HardwareAddress hardware;
        std::memcpy(&address, entry.address, sizeof address);
        std::ranges::copy(entry.hardware_address, hardware.begin());
        put(entry.device, address, hardware, state_reachable);
    }
    if (family == 0 || family == family_internet6) { dump_neighbours6(); }
    finish_dump();
    return Error::None;
}

Error NetlinkHandler::new_neighbour(nl::NeighbourMessage const& message, Attributes const& attributes) {
    if (message.family == family_internet6) { return change_neighbour6(message, attributes, true); }
    auto const address = attributes.get<Address4>(neighbour_attribute::destination);
    auto const hardware = attributes.get<HardwareAddress>(neighbour_attribute::hardware);
    if (message.family != family_internet) { return Error::NotSupported; }
    if (!address || !hardware) { return Error::Invalid; }
    return error_of(space_.set_neighbour({message.index, *address, *hardware}));
}

Error NetlinkHandler::delete_neighbour(nl::NeighbourMessage const& message, Attributes const& attributes) {
    if (message.family == family_internet6) { return change_neighbour6(message, attributes, false); }
    auto const address = attributes.get<Address4>(neighbour_attribute::destination);
    if (!address) { return Error::Invalid; }
    return error_of(space_.remove_neighbour(message.index, *address));
}

} // namespace netns
