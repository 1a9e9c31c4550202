#include "configuration6.hpp"
#include "network_namespace.hpp"
#include <algorithm>

namespace netns {

using proto::NetworkSetting;

namespace {
bool is_group(Address6 const& address) { return address[0] == 0xff; }
bool is_link_local(Address6 const& address) { return address[0] == 0xfe && (address[1] & 0xc0) == 0x80; }
bool is_mapped(Address6 const& address) {
    return std::all_of(address.begin(), address.begin() + 10, [](std::uint8_t byte) { return byte == 0; }) &&
           address[10] == 0xff && address[11] == 0xff;
}
std::uint8_t scope_of(Address6 const& address) {
    if (address == Configuration6::loopback) { return Configuration6::scope_host; }
    if (is_link_local(address)) { return Configuration6::scope_link; }
    return address[0] == 0xfe && (address[1] & 0xc0) == 0xc0 ? Configuration6::scope_site
                                                             : Configuration6::scope_universe;
}
/// In the order of RFC 4291: the wider the larger.
int reach(std::uint8_t scope) { return 255 - scope; }
Address6 network_of(Address6 address, std::uint8_t prefix) {
    for (unsigned byte = 0; byte < address.size(); ++byte) {
        unsigned const bits = prefix > byte * 8 ? std::min(prefix - byte * 8, 8U) : 0;
        address[byte] = static_cast<std::uint8_t>(address[byte] & (0xff00U >> bits));
    }
    return address;
}
/// Addresses whose network is a single one have no route for it, as those of the loopback.
bool has_network(LinkAddress6 const& address) { return address.prefix != 128; }
} // namespace

bool in_network(Address6 const& address, Address6 const& network, std::uint8_t prefix) {
    return network_of(address, prefix) == network_of(network, prefix);
}

bool route_before(RouteEntry6 const& a, RouteEntry6 const& b) {
    auto const common = std::min(a.prefix, b.prefix);
    if (!in_network(a.destination, b.destination, common)) { return a.destination < b.destination; }
    return a.prefix != b.prefix ? a.prefix > b.prefix : a.metric < b.metric;
}

Address6 link_local(std::array<std::uint8_t, 6> const& hardware) {
    return {0xfe,        0x80,        0,
            0,           0,           0,
            0,           0,           static_cast<std::uint8_t>(hardware[0] ^ 2),
            hardware[1], hardware[2], 0xff,
            0xfe,        hardware[3], hardware[4],
            hardware[5]};
}

void Configuration6::insert(LinkAddress6 const& address) {
    auto const place = std::ranges::find_if(addresses_, [&](auto const& other) {
        return other.device == address.device && reach(other.scope) <= reach(address.scope);
    });
    addresses_.insert(place, address);
}

void Configuration6::add_prefix_route(LinkAddress6 const& address) {
    if (!has_network(address)) { return; }
    RouteEntry6 const route{
        address.device, network_of(address.address, address.prefix), {}, metric_kernel, address.prefix,
        protocol_kernel};
    if (std::ranges::find(routes_, route) == routes_.end()) { routes_.push_back(route); }
}

Configuration6::Settings const& Configuration6::settings_of(std::uint32_t device) const {
    auto const found = settings_.find(device);
    return found != settings_.end() ? found->second : default_;
}

void Configuration6::give_addresses(Link const& link) {
    bool const local = link.kind == DeviceKind::Loopback;
    LinkAddress6 const own{link.index, local ? loopback : link_local(link.hardware_address),
                           static_cast<std::uint8_t>(local ? 128 : 64), local ? scope_host : scope_link};
    bool const there = std::ranges::any_of(
        addresses_, [&](auto const& other) { return other.device == own.device && other.address == own.address; });
    if (!there) { insert(own); }
    for (auto const& address : addresses_) {
        if (address.device == link.index) { add_prefix_route(address); }
    }
    space_.dirty = true;
    space_.note_sleeper(link);
}

void Configuration6::refresh() {
    for (auto const& link : space_.links()) {
        if (!link.up || std::ranges::find(ready_, link.index) != ready_.end()) { continue; }
        if (settings_of(link.index).disabled != 0 || !space_.carrier(link)) { continue; }
        ready_.push_back(link.index);
        give_addresses(link);
    }
}

void Configuration6::link_down(std::uint32_t device) {
    std::erase_if(addresses_, [&](auto const& entry) { return entry.device == device; });
    std::erase_if(routes_, [&](auto const& entry) { return entry.device == device; });
    std::erase(ready_, device);
    space_.dirty = true;
}

void Configuration6::forget_device(std::uint32_t device) {
    link_down(device);
    std::erase_if(neighbours_, [&](auto const& entry) { return entry.device == device; });
    settings_.erase(device);
}

Result<void> Configuration6::add_address(std::uint32_t device, Address6 const& address, std::uint8_t prefix) {
    auto const* const link = space_.find(device);
    if (link == nullptr) { return fail(Error::NoSuchDevice); }
    if (prefix > 128) { return fail(Error::Invalid); }
    bool const loopback_elsewhere = address == loopback && link->kind != DeviceKind::Loopback;
    if (address == Address6{} || is_group(address) || is_mapped(address) || loopback_elsewhere) {
        return fail(Error::AddressNotAvailable);
    }
    if (settings_of(device).disabled != 0) { return fail(Error::Access); }
    std::size_t count = 0;
    for (auto const& other : addresses_) {
        if (other.device != device) { continue; }
        if (other.address == address) { return fail(Error::Exists); }
        ++count;
    }
    if (count >= device_addresses_maximum || addresses_.size() >= entries_maximum) { return fail(Error::NoSpace); }
    LinkAddress6 const entry{device, address, prefix, scope_of(address)};
    insert(entry);
    if (link->up) { add_prefix_route(entry); }
    space_.dirty = true;
    space_.note_sleeper(*link);
    return {};
}

Result<void> Configuration6::remove_address(std::uint32_t device, Address6 const& address, std::uint8_t prefix) {
    auto const found = std::ranges::find_if(addresses_, [&](auto const& entry) {
        return entry.device == device && entry.address == address && entry.prefix == prefix;
    });
    if (found == addresses_.end()) { return fail(Error::AddressNotAvailable); }
    auto const gone = *found;
    addresses_.erase(found);
    bool const shared = std::ranges::any_of(addresses_, [&](auto const& other) {
        return other.device == device && other.prefix == prefix && in_network(other.address, address, prefix);
    });
    if (!shared && has_network(gone)) {
        std::erase_if(routes_, [&](auto const& route) {
            return route.device == device && route.protocol == protocol_kernel && route.prefix == prefix &&
                   in_network(address, route.destination, prefix);
        });
    }
    space_.dirty = true;
    if (auto const* const link = space_.find(device)) { space_.note_sleeper(*link); }
    return {};
}

bool Configuration6::is_own(Address6 const& address) const {
    return std::ranges::find(addresses_, address, &LinkAddress6::address) != addresses_.end();
}

RouteEntry6 const* Configuration6::lookup(Address6 const& destination, std::uint32_t device) const {
    RouteEntry6 const* best = nullptr;
    for (auto const& route : routes_) {
        if ((device != 0 && route.device != device) || !in_network(destination, route.destination, route.prefix)) {
            continue;
        }
        if (best == nullptr || route.prefix > best->prefix ||
            (route.prefix == best->prefix && route.metric < best->metric)) {
            best = &route;
        }
    }
    return best;
}

Address6 Configuration6::source_for(RouteEntry6 const& route, Address6 const& destination) const {
    Address6 source{};
    auto const wanted = scope_of(destination);
    for (auto const& address : addresses_) {
        if (address.device != route.device) { continue; }
        if (address.scope == wanted && in_network(address.address, destination, address.prefix)) {
            return address.address;
        }
        if (source == Address6{} && (reach(address.scope) >= reach(wanted))) { source = address.address; }
    }
    return source;
}

Result<void> Configuration6::add_route(RouteEntry6 route, bool replace) {
    if (route.prefix > 128) { return fail(Error::Invalid); }
    route.destination = network_of(route.destination, route.prefix);
    if (routes_.size() >= entries_maximum) { return fail(Error::NoSpace); }
    if (route.metric == 0) { route.metric = metric_user; }
    if (route.has_gateway()) {
        if (is_group(route.gateway) || is_own(route.gateway)) { return fail(Error::Invalid); }
        if (is_link_local(route.gateway)) {
            if (route.device == 0) { return fail(Error::Invalid); }
        } else {
            auto const* const near = lookup(route.gateway, route.device);
            if (near == nullptr || near->has_gateway()) { return fail(Error::HostUnreachable); }
            route.device = near->device;
        }
    }
    auto const* const link = space_.find(route.device);
    if (link == nullptr) { return fail(Error::NoSuchDevice); }
    if (settings_of(route.device).disabled != 0) { return fail(Error::Access); }
    if (!link->up) { return fail(Error::NetworkDown); }
    for (auto& other : routes_) {
        if (other.destination != route.destination || other.prefix != route.prefix || other.metric != route.metric) {
            continue;
        }
        if (!replace && other.device != route.device) { continue; }
        if (!replace) { return fail(Error::Exists); }
        other = route;
        space_.dirty = true;
        return {};
    }
    routes_.push_back(route);
    space_.dirty = true;
    return {};
}

Result<void> Configuration6::remove_route(RouteEntry6 const& route, bool any_metric) {
    auto const found = std::ranges::find_if(routes_, [&](auto const& other) {
        return other.prefix == route.prefix && in_network(route.destination, other.destination, other.prefix) &&
               (!route.has_gateway() || other.gateway == route.gateway) &&
               (route.device == 0 || other.device == route.device) && (any_metric || other.metric == route.metric);
    });
    if (found == routes_.end()) { return fail(Error::NoProcess); }
    routes_.erase(found);
    space_.dirty = true;
    return {};
}

Result<void> Configuration6::set_neighbour(NeighbourEntry6 const& entry) {
    if (space_.find(entry.device) == nullptr) { return fail(Error::NoSuchDevice); }
    if (is_group(entry.address)) { return fail(Error::Invalid); }
    auto const found = std::ranges::find_if(
        neighbours_, [&](auto const& other) { return other.device == entry.device && other.address == entry.address; });
    if (found != neighbours_.end()) {
        *found = entry;
    } else if (neighbours_.size() >= neighbours_maximum) {
        return fail(Error::NoBufferSpace);
    } else {
        neighbours_.push_back(entry);
    }
    space_.dirty = true;
    return {};
}

Result<void> Configuration6::remove_neighbour(std::uint32_t device, Address6 const& address) {
    if (std::erase_if(neighbours_,
                      [&](auto const& other) { return other.device == device && other.address == address; }) == 0) {
        return fail(Error::NoEntry);
    }
    space_.dirty = true;
    return {};
}

std::vector<OwnRoute6> Configuration6::own_routes() const {
    std::vector<OwnRoute6> routes;
    for (auto const& address : addresses_) {
        auto const* const link = space_.find(address.device);
        if (link != nullptr && link->up) {
            routes.push_back({{address.device, address.address, {}, 0, 128, protocol_kernel}, false});
        }
    }
    for (auto const device : ready_) {
        auto const* const link = space_.find(device);
        if (link != nullptr && link->kind != DeviceKind::Loopback) {
            routes.push_back({{device, {0xff}, {}, metric_kernel, 8, protocol_kernel}, true});
        }
    }
    std::ranges::stable_sort(routes, [](auto const& a, auto const& b) { return route_before(a.route, b.route); });
    return routes;
}

std::int32_t* Configuration6::member(Settings& settings, NetworkSetting which) {
    switch (which) {
    case NetworkSetting::Forwarding6: return &settings.forwarding;
    case NetworkSetting::Disable6: return &settings.disabled;
    case NetworkSetting::AcceptAdvertisements6: return &settings.accept_advertisements;
    default: return nullptr;
    }
}

Result<std::int32_t> Configuration6::setting(NetworkSetting which, std::int32_t device) const {
    auto settings = device == proto::setting_all       ? all_
                    : device == proto::setting_default ? default_
                                                       : settings_of(static_cast<std::uint32_t>(device));
    if (device > 0 && space_.find(static_cast<std::uint32_t>(device)) == nullptr) { return fail(Error::Invalid); }
    auto const* const value = member(settings, which);
    if (value == nullptr) { return fail(Error::Invalid); }
    return *value;
}

void Configuration6::switched(std::uint32_t device, bool off) {
    if (off) { link_down(device); }
}

Result<void> Configuration6::set_setting(NetworkSetting which, std::int32_t device, std::int32_t value) {
    if (auto const before = setting(which, device); !before) { return fail(before.error()); }
    auto const change = [&](std::uint32_t index) {
        auto& own = settings_.try_emplace(index, default_).first->second;
        *member(own, which) = value;
        if (which == NetworkSetting::Disable6) { switched(index, value != 0); }
    };
    if (device > 0) {
        change(static_cast<std::uint32_t>(device));
    } else {
        // Of all devices: those there are, and those to come. accept_ra of `all` changes nothing else.
        bool const every = device == proto::setting_all && which != NetworkSetting::AcceptAdvertisements6;
        for (auto const& link : space_.links()) {
            settings_.try_emplace(link.index, default_); // keeps what it has
        }
        if (device == proto::setting_all) { *member(all_, which) = value; }
        if (device == proto::setting_default || every) { *member(default_, which) = value; }
        if (every) {
            for (auto const& link : space_.links()) { change(link.index); }
        }
    }
    refresh();
    space_.dirty = true;
    return {};
}

void Configuration6::write(proto::stack::ConfigurationWriter& writer) const {
    for (auto const& address : addresses_) {
        // A bridge's port takes part in nothing: what comes in there is the bridge's.
        auto const* const link = space_.find(address.device);
        if (link == nullptr || !link->up || link->master != 0) { continue; }
        proto::stack::AddressRecord6 record{};
        record.device = address.device;
        record.prefix = address.prefix;
        std::ranges::copy(address.address, record.address);
        writer.add(record);
    }
    for (auto const& route : routes_) {
        if (route.prefix == 64 && is_link_local(route.destination) && !route.has_gateway()) {
            continue;
        } // every device has that one
        proto::stack::RouteRecord6 record{};
        record.device = route.device;
        record.metric = route.metric;
        record.prefix = route.prefix;
        record.has_gateway = route.has_gateway() ? 1 : 0;
        std::ranges::copy(route.destination, record.destination);
        std::ranges::copy(route.gateway, record.gateway);
        writer.add(record);
    }
    for (auto const& neighbour : neighbours_) {
        proto::stack::NeighbourRecord6 record{};
        record.device = neighbour.device;
        std::ranges::copy(neighbour.address, record.address);
        std::ranges::copy(neighbour.hardware_address, record.hardware_address);
        writer.add(record);
    }
    bool const forwards = all_.forwarding != 0 || std::ranges::any_of(settings_, [](auto const& entry) {
                              return entry.second.forwarding != 0;
                          });
    proto::stack::SettingRecord record{};
    record.setting = NetworkSetting::Forwarding6;
    record.values = {forwards ? 1 : 0, 0};
    writer.add(record);
}

void Configuration6::note_sleeper(proto::stack::DeviceRecord& record, Link const& link) const {
    constexpr std::size_t room = std::size(decltype(record.sleeper6){});
    bool const any = link.master != 0 || all_.forwarding != 0;
    for (auto const& address : addresses_) {
        if (address.device != link.index) { continue; }
        if (record.sleeper6_count < room) {
            std::copy(address.address.end() - 3, address.address.end(), record.sleeper6[record.sleeper6_count]);
        }
        if (record.sleeper6_count <= room) { ++record.sleeper6_count; }
    }
    if (any) { record.sleeper6_count = room + 1; }
}

} // namespace netns
