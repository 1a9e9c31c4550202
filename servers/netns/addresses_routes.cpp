// IPv4 addresses, routes and neighbours of a network namespace.
#include "network_namespace.hpp"
#include <algorithm>

namespace netns {

void NetworkNamespace::add_connected_routes(Link const& link) {
    for (auto const& address : addresses_) {
        if (address.device != link.index || address.prefix == 32 || link.kind == DeviceKind::Loopback) { continue; }
        RouteEntry const route{link.index,
                               address.address & mask_of(address.prefix),
                               0,
                               address.address,
                               0,
                               address.prefix,
                               protocol_kernel,
                               scope_link};
        if (std::ranges::find(routes_, route) == routes_.end()) { routes_.push_back(route); }
    }
}

Result<void> NetworkNamespace::add_address(LinkAddress address) {
    auto* const link = find(address.device);
    if (link == nullptr) { return fail(Error::NoSuchDevice); }
    if (address.prefix > 32 || addresses_.size() >= entries_maximum) {
        return fail(address.prefix > 32 ? Error::Invalid : Error::NoSpace);
    }
    for (auto const& other : addresses_) {
        if (other.device == address.device && other.address == address.address && other.prefix == address.prefix) {
            return fail(Error::Exists);
        }
    }
    if (address.label.empty()) { address.label = link->name; }
    addresses_.push_back(std::move(address));
    note_sleeper(*link);
    if (link->up) { add_connected_routes(*link); }
    dirty = true;
    return {};
}

Result<void> NetworkNamespace::remove_address(std::uint32_t device, Address4 address, std::uint8_t prefix,
                                              bool any_prefix) {
    auto const found = std::ranges::find_if(addresses_, [&](LinkAddress const& entry) {
        return entry.device == device && entry.address == address && (any_prefix || entry.prefix == prefix);
    });
    if (found == addresses_.end()) { return fail(Error::AddressNotAvailable); }
    auto const gone = *found;
    addresses_.erase(found);
    if (auto const* const link = find(device)) { note_sleeper(*link); }
    // Routes from that address go with it.
    std::erase_if(routes_,
                  [&](RouteEntry const& route) { return route.device == device && route.source == gone.address; });
    if (auto const* const link = find(device); link != nullptr && link->up) { add_connected_routes(*link); }
    dirty = true;
    return {};
}

RouteEntry const* NetworkNamespace::lookup(Address4 destination) const {
    RouteEntry const* best = nullptr;
    for (auto const& route : routes_) {
        if (((destination ^ route.destination) & mask_of(route.prefix)) != 0) { continue; }
        if (best == nullptr || route.prefix > best->prefix ||
            (route.prefix == best->prefix && route.metric < best->metric)) {
            best = &route;
        }
    }
    return best;
}

Result<void> NetworkNamespace::add_route(RouteEntry route, bool replace) {
    if (route.prefix > 32 || (route.destination & ~mask_of(route.prefix)) != 0) { return fail(Error::Invalid); }
    if (routes_.size() >= entries_maximum) { return fail(Error::NoSpace); }
    if (route.gateway != 0) {
        auto const* const near = lookup(route.gateway);
        if (near == nullptr || near->gateway != 0 || (route.device != 0 && route.device != near->device)) {
            return fail(Error::NetworkUnreachable);
        }
        route.device = near->device;
    }
    auto const* const link = find(route.device);
    if (link == nullptr) { return fail(Error::NoSuchDevice); }
    if (!link->up) { return fail(Error::NetworkDown); }
    for (auto& other : routes_) {
        if (other.destination == route.destination && other.prefix == route.prefix && other.metric == route.metric) {
            if (!replace) { return fail(Error::Exists); }
            other = route;
            dirty = true;
            return {};
        }
    }
    routes_.push_back(route);
    dirty = true;
    return {};
}

Result<void> NetworkNamespace::remove_route(RouteEntry const& route, bool any_gateway, bool any_device) {
    auto const found = std::ranges::find_if(routes_, [&](RouteEntry const& other) {
        return other.destination == route.destination && other.prefix == route.prefix &&
               (any_gateway || other.gateway == route.gateway) && (any_device || other.device == route.device) &&
               (route.metric == 0 || other.metric == route.metric);
    });
    if (found == routes_.end()) { return fail(Error::NoProcess); }
    routes_.erase(found);
    dirty = true;
    return {};
}

Result<void> NetworkNamespace::set_neighbour(NeighbourEntry const& entry) {
    if (find(entry.device) == nullptr) { return fail(Error::NoSuchDevice); }
    auto const found = std::ranges::find_if(
        neighbours_, [&](auto const& other) { return other.device == entry.device && other.address == entry.address; });
    if (found != neighbours_.end()) {
        *found = entry;
    } else if (neighbours_.size() >= 32) {
        return fail(Error::NoBufferSpace); // the stack's table has room for few that never go
    } else {
        neighbours_.push_back(entry);
    }
    dirty = true;
    return {};
}

Result<void> NetworkNamespace::remove_neighbour(std::uint32_t device, Address4 address) {
    if (std::erase_if(neighbours_,
                      [&](auto const& other) { return other.device == device && other.address == address; }) == 0) {
        return fail(Error::NoEntry);
    }
    dirty = true;
    return {};
}

} // namespace netns
