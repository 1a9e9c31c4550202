#include "interface_requests.hpp"
#include "interface_requests6.hpp"
#include <algorithm>
#include <cstring>

namespace netns {

namespace {

namespace request {
constexpr std::uint32_t add_route = 0x890b, remove_route = 0x890c, name = 0x8910, list = 0x8912, flags = 0x8913,
                        set_flags = 0x8914, address = 0x8915, set_address = 0x8916, peer = 0x8917, set_peer = 0x8918,
                        broadcast = 0x8919, set_broadcast = 0x891a, netmask = 0x891b, set_netmask = 0x891c,
                        metric = 0x891d, set_metric = 0x891e, mtu = 0x8921, set_mtu = 0x8922, set_name = 0x8923,
                        set_hardware = 0x8924, hardware = 0x8927, add_multicast = 0x8931, remove_multicast = 0x8932,
                        index = 0x8933, queue = 0x8942, set_queue = 0x8943, remove_neighbour = 0x8953,
                        get_neighbour = 0x8954, set_neighbour = 0x8955, map = 0x8970, add_bridge = 0x89a0,
                        remove_bridge = 0x89a1, add_port = 0x89a2, remove_port = 0x89a3;
} // namespace request
namespace flag {
constexpr std::uint32_t up = 1, broadcast = 2, loopback = 8, running = 0x40, no_arp = 0x80, multicast = 0x1000;
} // namespace flag

/// struct sockaddr_in.
struct SocketAddress4 {
    std::uint16_t family, port;
    Address4 address;
    std::uint8_t zero[8];
};
/// struct sockaddr with a hardware address.
struct SocketAddressHardware {
    std::uint16_t family;
    std::uint8_t bytes[14];
};
/// struct ifreq.
struct InterfaceRequest {
    char name[16];
    union {
        SocketAddress4 socket;
        SocketAddressHardware hardware;
        std::int16_t flags;
        std::int32_t number;
        char new_name[16];
        std::uint8_t raw[16];
    };
};
static_assert(sizeof(InterfaceRequest) == 32);
/// struct rtentry of i386, and the name that its rt_dev points to.
struct RouteRequest {
    std::uint32_t pad1;
    SocketAddress4 destination, gateway, netmask;
    std::uint16_t flags, pad2;
    std::uint32_t pad3, pad4;
    std::int16_t metric, pad5;
    std::uint32_t device_pointer, mtu, window;
    std::uint16_t round_trip, pad6;
    char device[16];
};
static_assert(sizeof(RouteRequest) == 84 + 16);
/// struct arpreq.
struct NeighbourRequest {
    SocketAddress4 protocol;
    SocketAddressHardware hardware;
    std::int32_t flags;
    std::uint8_t netmask[16];
    char device[16];
};

std::string_view text_of(char const (&text)[16]) {
    std::string_view const all{text, sizeof text};
    return all.substr(0, all.find('\0'));
}

std::uint8_t prefix_of(Address4 mask) { return static_cast<std::uint8_t>(std::popcount(mask)); }
bool valid_mask(Address4 mask) { return mask == mask_of(prefix_of(mask)); }

std::uint32_t flags_of(NetworkNamespace const& space, Link const& link) {
    std::uint32_t flags = link.kind == DeviceKind::Loopback ? flag::loopback : flag::broadcast | flag::multicast;
    if (link.kind == DeviceKind::Dummy) { flags |= flag::no_arp; }
    if (link.up) { flags |= flag::up; }
    if (space.carrier(link)) { flags |= flag::running; }
    return flags;
}

LinkAddress const* first_address(NetworkNamespace const& space, std::uint32_t device, std::string_view label) {
    LinkAddress const* first = nullptr;
    for (auto const& address : space.addresses()) {
        if (address.device == device && (address.label == label || label.empty()) && first == nullptr) {
            first = &address;
        }
    }
    return first;
}

/// The class that an address without mask belongs to.
std::uint8_t class_prefix(Address4 address) {
    auto const first = address & 0xff;
    return first < 128 ? 8 : first < 192 ? 16 : first < 224 ? 24 : 32;
}

Result<std::uint32_t> route_request(NetworkNamespace& space, ipc::Pending const& caller, bool add) {
    RouteRequest wanted{};
    if (ipc::copy_in(caller, 0, std::as_writable_bytes(std::span{&wanted, 1})).count < 84) {
        return fail(Error::Fault);
    }
    wanted.device[15] = '\0';
    constexpr std::uint16_t host = 4, gateway = 2;
    RouteEntry route;
    auto const mask = (wanted.flags & host) != 0 ? 0xffffffff : wanted.netmask.address;
    if (!valid_mask(mask)) { return fail(Error::Invalid); }
    route.prefix = prefix_of(mask);
    route.destination = wanted.destination.address;
    route.metric = wanted.metric > 0 ? static_cast<std::uint32_t>(wanted.metric) - 1 : 0;
    if ((wanted.flags & gateway) != 0) { route.gateway = wanted.gateway.address; }
    auto const name = text_of(wanted.device);
    auto const* const link = name.empty() ? nullptr : space.find(name);
    if (!name.empty() && link == nullptr) { return fail(Error::NoSuchDevice); }
    route.device = link != nullptr ? link->index : 0;
    if (add) {
        if (route.gateway == 0 && link == nullptr) { return fail(Error::NoSuchDevice); }
        route.scope = route.gateway == 0 ? NetworkNamespace::scope_link : NetworkNamespace::scope_universe;
        if (auto done = space.add_route(route); !done) { return fail(done.error()); }
        return 0;
    }
    if (auto done = space.remove_route(route, route.gateway == 0, link == nullptr); !done) {
        return fail(done.error());
    }
    return 0;
}

Result<std::uint32_t> neighbour_request(NetworkNamespace& space, ipc::Pending const& caller, std::uint32_t which) {
    NeighbourRequest wanted{};
    if (ipc::copy_in(caller, 0, std::as_writable_bytes(std::span{&wanted, 1})).count < 52) {
        return fail(Error::Fault);
    }
    wanted.device[15] = '\0';
    auto const* link = space.find(text_of(wanted.device));
    if (link == nullptr) {
        auto const* const route = space.lookup(wanted.protocol.address);
        link = route != nullptr ? space.find(route->device) : nullptr;
    }
    if (link == nullptr) { return fail(Error::NoSuchDevice); }
    if (which == request::remove_neighbour) {
        if (auto done = space.remove_neighbour(link->index, wanted.protocol.address); !done) {
            return fail(Error::NoDevice);
        }
        return 0;
    }
    NeighbourEntry entry{link->index, wanted.protocol.address, {}};
    std::copy_n(wanted.hardware.bytes, entry.hardware_address.size(), entry.hardware_address.begin());
    if (auto done = space.set_neighbour(entry); !done) { return fail(done.error()); }
    return 0;
}

Result<std::uint32_t> list_request(NetworkNamespace const& space, ipc::Pending const& caller) {
    std::uint32_t done = 0;
    for (auto const& address : space.addresses()) {
        InterfaceRequest record{};
        std::copy_n(address.label.data(), std::min<std::size_t>(address.label.size(), 15), record.name);
        record.socket.family = 2;
        record.socket.address = address.address;
        if (caller.write_length != 0) {
            if (done + sizeof record > caller.write_length) { break; }
            if (ipc::copy_out(caller, done, std::as_bytes(std::span{&record, 1})).count < sizeof record) {
                return fail(Error::Fault);
            }
        }
        done += sizeof record;
    }
    return done;
}

Result<void> set_address(NetworkNamespace& space, Link const& link, std::string_view label, Address4 address) {
    auto const* const old = first_address(space, link.index, label);
    if (old != nullptr) {
        auto const gone = *old;
        static_cast<void>(space.remove_address(link.index, gone.address, gone.prefix));
    }
    if (address == 0) { return {}; }
    LinkAddress entry{link.index,
                      address,
                      0,
                      0,
                      class_prefix(address),
                      link.kind == DeviceKind::Loopback ? NetworkNamespace::scope_host
                                                        : NetworkNamespace::scope_universe,
                      std::string{label}};
    if (entry.prefix < 31) { entry.broadcast = address | ~mask_of(entry.prefix); }
    return space.add_address(entry);
}

/// Changes the first address: taken out and put back.
template <class Change>
Result<void> change_address(NetworkNamespace& space, Link const& link, std::string_view label, Change change) {
    auto const* const old = first_address(space, link.index, label);
    if (old == nullptr) { return fail(Error::AddressNotAvailable); }
    auto entry = *old;
    static_cast<void>(space.remove_address(link.index, entry.address, entry.prefix));
    change(entry);
    return space.add_address(entry);
}

Result<void> bridge_request(NetworkNamespace& space, std::uint32_t which, InterfaceRequest const& wanted,
                            std::string_view name) {
    if (which == request::add_bridge) {
        auto const made = space.add_link(DeviceKind::Bridge, name);
        return made ? Result<void>{} : fail(made.error());
    }
    auto* const bridge = space.find(name);
    if (bridge == nullptr) { return fail(which == request::remove_bridge ? Error::NoDevice : Error::NoSuchDevice); }
    if (bridge->kind != DeviceKind::Bridge) {
        return fail(which == request::remove_bridge ? Error::NotPermitted : Error::NotSupported);
    }
    if (which == request::remove_bridge) {
        return bridge->up ? Result<void>{fail(Error::Busy)} : space.remove_link(bridge->index);
    }
    auto* const port = space.find(static_cast<std::uint32_t>(wanted.number));
    if (port == nullptr) { return fail(Error::Invalid); }
    if (which == request::add_port) {
        return port->master != 0 ? Result<void>{fail(Error::Busy)} : space.set_master(*port, bridge->index);
    }
    return port->master != bridge->index ? Result<void>{fail(Error::Invalid)} : space.set_master(*port, 0);
}

/// Asks: fills `wanted` in. False: it is no question.
Result<bool> query(NetworkNamespace const& space, Link const& link, std::string_view label, std::uint32_t which,
                   InterfaceRequest& wanted) {
    auto const* const address = first_address(space, link.index, label == link.name ? std::string_view{} : label);
    auto const give = [&](Address4 value) -> Result<bool> {
        if (address == nullptr) { return fail(Error::AddressNotAvailable); }
        std::memset(wanted.raw, 0, sizeof wanted.raw);
        wanted.socket.family = 2;
        wanted.socket.address = value;
        return true;
    };
    switch (which) {
    case request::flags: wanted.flags = static_cast<std::int16_t>(flags_of(space, link)); return true;
    case request::address: return give(address != nullptr ? address->address : 0);
    case request::peer: return give(address == nullptr ? 0 : address->peer != 0 ? address->peer : address->address);
    case request::broadcast: return give(address != nullptr ? address->broadcast : 0);
    case request::netmask: return give(address != nullptr ? mask_of(address->prefix) : 0);
    case request::metric: wanted.number = 0; return true;
    case request::mtu: wanted.number = static_cast<std::int32_t>(link.mtu); return true;
    case request::index: wanted.number = static_cast<std::int32_t>(link.index); return true;
    case request::queue: wanted.number = static_cast<std::int32_t>(link.transmit_queue); return true;
    case request::map: std::memset(wanted.raw, 0, sizeof wanted.raw); return true;
    case request::hardware:
        std::memset(wanted.raw, 0, sizeof wanted.raw);
        wanted.hardware.family = link.kind == DeviceKind::Loopback ? 772 : 1;
        std::ranges::copy(link.hardware_address, wanted.hardware.bytes);
        return true;
    default: return false;
    }
}

Result<void> change(NetworkNamespace& space, Link& link, std::string_view label, std::uint32_t which,
                    InterfaceRequest& wanted) {
    switch (which) {
    case request::set_flags: return space.set_up(link, (static_cast<std::uint16_t>(wanted.flags) & flag::up) != 0);
    case request::set_address: return set_address(space, link, label, wanted.socket.address);
    case request::set_netmask:
        if (!valid_mask(wanted.socket.address)) { return fail(Error::Invalid); }
        return change_address(space, link, label, [&](LinkAddress& entry) {
            entry.prefix = prefix_of(wanted.socket.address);
            entry.broadcast = entry.prefix < 31 ? entry.address | ~mask_of(entry.prefix) : 0;
        });
    case request::set_broadcast:
        return change_address(space, link, label, [&](LinkAddress& entry) { entry.broadcast = wanted.socket.address; });
    case request::set_peer:
        return change_address(space, link, label, [&](LinkAddress& entry) { entry.peer = wanted.socket.address; });
    case request::set_metric: return wanted.number == 0 ? Result<void>{} : fail(Error::NotSupported);
    case request::set_mtu: return space.set_mtu(link, static_cast<std::uint32_t>(wanted.number));
    case request::set_queue: link.transmit_queue = static_cast<std::uint32_t>(wanted.number); return {};
    case request::set_name: wanted.new_name[15] = '\0'; return space.rename(link, text_of(wanted.new_name));
    case request::set_hardware: {
        HardwareAddress address;
        std::copy_n(wanted.hardware.bytes, address.size(), address.begin());
        return space.set_hardware_address(link, address);
    }
    case request::add_multicast:
    case request::remove_multicast: return {};
    default: return fail(Error::NotTerminal);
    }
}

} // namespace

Result<std::uint32_t> interface_request(NetworkNamespace& space, ipc::Pending const& caller, std::uint32_t which,
                                        Asker const& asker) {
    bool const may_change = asker.may_change;
    if (asker.six && is_request6(which)) {
        return may_change ? interface_request6(space, caller, which) : fail(Error::NotPermitted);
    }
    bool const asks = which == request::name || which == request::list || which == request::get_neighbour;
    bool const by_name = which >= request::flags && which <= request::map;
    if (!may_change && !asks && !by_name) { return fail(Error::NotPermitted); }
    if (!may_change && (which == request::set_neighbour || which == request::remove_neighbour)) {
        return fail(Error::NotPermitted);
    }
    if (which == request::add_route || which == request::remove_route) {
        return route_request(space, caller, which == request::add_route);
    }
    if (which == request::list) { return list_request(space, caller); }
    if (which == request::set_neighbour || which == request::remove_neighbour) {
        return neighbour_request(space, caller, which);
    }
    InterfaceRequest wanted{};
    if (ipc::copy_in(caller, 0, std::as_writable_bytes(std::span{&wanted, 1})).count < 16) {
        return fail(Error::Fault);
    }
    if (which == request::name) {
        auto const* const link = space.find(static_cast<std::uint32_t>(wanted.number));
        if (link == nullptr) { return fail(Error::NoSuchDevice); }
        std::memset(wanted.name, 0, sizeof wanted.name);
        std::copy_n(link->name.data(), std::min<std::size_t>(link->name.size(), 15), wanted.name);
        return ipc::copy_out(caller, 0, std::as_bytes(std::span{&wanted, 1})).count == sizeof wanted
                   ? Result<std::uint32_t>{0}
                   : fail(Error::Fault);
    }
    wanted.name[15] = '\0';
    auto const label = text_of(wanted.name);
    if (which >= request::add_bridge && which <= request::remove_port) {
        auto const done = bridge_request(space, which, wanted, label);
        return done ? Result<std::uint32_t>{0} : fail(done.error());
    }
    auto* const link = space.find(label.substr(0, label.find(':'))); // eth0:1 is an address with that label
    if (link == nullptr) { return fail(Error::NoSuchDevice); }
    auto const asked = query(space, *link, label, which, wanted);
    if (!asked) { return fail(asked.error()); }
    if (*asked) {
        return ipc::copy_out(caller, 0, std::as_bytes(std::span{&wanted, 1})).count == sizeof wanted
                   ? Result<std::uint32_t>{0}
                   : fail(Error::Fault);
    }
    if (!may_change) { return fail(Error::NotPermitted); }
    auto const done = change(space, *link, label, which, wanted);
    return done ? Result<std::uint32_t>{0} : fail(done.error());
}

} // namespace netns
