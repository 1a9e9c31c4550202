// What a network namespace knows of IPv6: addresses, routes, neighbours and settings of its devices. Like network_namespace.hpp it
// knows no kernel and no messages, and a refusal has changed nothing.
#pragma once
#include "ipc/error.hpp"
#include "proto/network_stack.hpp"
#include <array>
#include <unordered_map>
#include <vector>

namespace netns {

using ipc::Error;
using ipc::fail;
using ipc::Result;
using Address6 = std::array<std::uint8_t, 16>;

class NetworkNamespace;
struct Link;

struct LinkAddress6 {
    std::uint32_t device = 0;
    Address6 address{};
    std::uint8_t prefix = 128, scope = 0; ///< scope as rtnetlink(7): universe, site, link, host
};
struct RouteEntry6 {
    std::uint32_t device = 0;
    Address6 destination{}, gateway{}; ///< gateway ::, none
    std::uint32_t metric = 1024;
    std::uint8_t prefix = 0, protocol = 3;
    [[nodiscard]] bool has_gateway() const { return gateway != Address6{}; }
    bool operator==(RouteEntry6 const&) const = default;
};
/// A route that Linux has for its own use: to an address of this namespace, or to the groups of a device.
struct OwnRoute6 {
    RouteEntry6 route;
    bool group = false;
};
struct NeighbourEntry6 {
    std::uint32_t device = 0;
    Address6 address{};
    std::array<std::uint8_t, 6> hardware_address{};
};

/// Address and network agree in their first `prefix` bits.
bool in_network(Address6 const& address, Address6 const& network, std::uint8_t prefix);
/// The order in which Linux walks through a table of routes: by prefix, the longer of two that overlap first.
bool route_before(RouteEntry6 const& a, RouteEntry6 const& b);
/// Address of a device on its own wire, made of its hardware address (RFC 4291, EUI-64).
Address6 link_local(std::array<std::uint8_t, 6> const& hardware_address);

class Configuration6 {
public:
    static constexpr std::size_t entries_maximum = 400, device_addresses_maximum = 8, neighbours_maximum = 32;
    static constexpr std::uint8_t scope_universe = 0, scope_site = 200, scope_link = 253, scope_host = 254,
                                  protocol_kernel = 2;
    static constexpr std::uint32_t metric_kernel = 256, metric_user = 1024;
    static constexpr Address6 loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

    explicit Configuration6(NetworkNamespace& space) : space_{space} {}

    [[nodiscard]] std::vector<LinkAddress6> const& addresses() const { return addresses_; }
    [[nodiscard]] std::vector<RouteEntry6> const& routes() const { return routes_; }
    [[nodiscard]] std::vector<NeighbourEntry6> const& neighbours() const { return neighbours_; }
    [[nodiscard]] std::vector<OwnRoute6> own_routes() const;

    /// NoSuchDevice, Exists, Invalid (prefix), AddressNotAvailable (none that a device can have), Access (IPv6 is off there), NoSpace.
    Result<void> add_address(std::uint32_t device, Address6 const& address, std::uint8_t prefix);
    /// AddressNotAvailable.
    Result<void> remove_address(std::uint32_t device, Address6 const& address, std::uint8_t prefix);
    /// HostUnreachable (no way to the gateway), Invalid, NoSuchDevice, NetworkDown, Exists.
    Result<void> add_route(RouteEntry6 route, bool replace = false);
    /// NoProcess: there is no such route.
    Result<void> remove_route(RouteEntry6 const& route, bool any_metric);
    Result<void> set_neighbour(NeighbourEntry6 const& entry);
    Result<void> remove_neighbour(std::uint32_t device, Address6 const& address);
    /// The route a packet there would take; null: none. device: only over that one, 0: any.
    [[nodiscard]] RouteEntry6 const* lookup(Address6 const& destination, std::uint32_t device = 0) const;
    [[nodiscard]] bool is_own(Address6 const& address) const;
    /// What a packet over that route has as its source; ::, nothing fits.
    [[nodiscard]] Address6 source_for(RouteEntry6 const& route, Address6 const& destination) const;

    /// Devices that have become ready to be used get their addresses: after every change of links.
    void refresh();
    void link_down(std::uint32_t device);
    void forget_device(std::uint32_t device);

    /// Of a device, or setting_all, setting_default. Invalid: nothing of the kind.
    [[nodiscard]] Result<std::int32_t> setting(proto::NetworkSetting which, std::int32_t device) const;
    Result<void> set_setting(proto::NetworkSetting which, std::int32_t device, std::int32_t value);

    /// Appends the records for the stack.
    void write(proto::stack::ConfigurationWriter& writer) const;
    /// What a stack that does not run can be asked for on that device (DeviceRecord::sleeper6).
    void note_sleeper(proto::stack::DeviceRecord& record, Link const& link) const;

private:
    struct Settings {
        std::int32_t forwarding = 0, disabled = 0, accept_advertisements = 1;
    };
    static std::int32_t* member(Settings& settings, proto::NetworkSetting which);
    [[nodiscard]] Settings const& settings_of(std::uint32_t device) const;
    void insert(LinkAddress6 const& address);
    void add_prefix_route(LinkAddress6 const& address);
    /// False: it has some already.
    void give_addresses(Link const& link);
    void switched(std::uint32_t device, bool off);

    NetworkNamespace& space_;
    std::vector<LinkAddress6> addresses_; ///< of a device the wider scope first, then the newer, as Linux has them
    std::vector<RouteEntry6> routes_;
    std::vector<NeighbourEntry6> neighbours_;
    std::vector<std::uint32_t> ready_; ///< devices that got what they have of their own
    Settings all_, default_;
    std::unordered_map<std::uint32_t, Settings> settings_; ///< of devices that differ from the default
};

} // namespace netns
