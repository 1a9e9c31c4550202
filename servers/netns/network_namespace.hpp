// The configuration of one network namespace: devices, addresses, routes, neighbours, settings (netdevice(7), rtnetlink(7)).
// Knows no kernel and no messages. A refusal has changed nothing. Its stack is told by whoever changes it: dirty().
#pragma once
#include "configuration6.hpp"
#include "ipc/error.hpp"
#include "proto/network_stack.hpp"
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace netns {

using ipc::Error;
using ipc::fail;
using ipc::Result;
using proto::stack::DeviceKind;
using HardwareAddress = std::array<std::uint8_t, 6>;
using Address4 = std::uint32_t; ///< network order

class NetworkNamespace;

/// Two virtual Ethernet devices that are each other's wire, perhaps in different namespaces.
struct VethPair {
    struct End {
        NetworkNamespace* space = nullptr;
        std::uint32_t index = 0;
    } ends[2];
    std::uint32_t ring = 0; ///< 1 + number of the shared ring pair; 0: both ends are in one stack
};

/// Counted without atomic operations: a server has one thread.
using VethPointer = std::__shared_ptr<VethPair, __gnu_cxx::_S_single>;

struct Link {
    std::uint32_t index = 0;
    std::string name;
    DeviceKind kind = DeviceKind::Dummy;
    HardwareAddress hardware_address{};
    std::uint32_t mtu = 1500, transmit_queue = 1000;
    bool up = false;
    std::uint32_t master = 0;
    VethPointer pair; ///< Veth
    std::uint8_t side = 0;
    std::uint32_t local_ring = 0;      ///< 1 + number of the ring pair in its stack's address space, 0: none
    std::uint32_t rate = 0, burst = 0; ///< as stack::DeviceRecord
    bool stp = false;                  ///< Bridge: asked for; there is no spanning tree
    [[nodiscard]] VethPair::End const* peer() const { return pair != nullptr ? &pair->ends[1 - side] : nullptr; }
};
struct LinkAddress {
    std::uint32_t device = 0;
    Address4 address = 0, broadcast = 0, peer = 0;
    std::uint8_t prefix = 32, scope = 0;
    std::string label;
};
struct RouteEntry {
    std::uint32_t device = 0;
    Address4 destination = 0, gateway = 0, source = 0;
    std::uint32_t metric = 0;
    std::uint8_t prefix = 0, protocol = 3, scope = 0; ///< rtnetlink(7): RTPROT_BOOT, RT_SCOPE_UNIVERSE
    bool operator==(RouteEntry const&) const = default;
};
struct NeighbourEntry {
    std::uint32_t device = 0;
    Address4 address = 0;
    HardwareAddress hardware_address{};
};

constexpr Address4 mask_of(std::uint8_t prefix) {
    return __builtin_bswap32(prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix));
}

class NetworkNamespace {
public:
    static constexpr std::size_t name_maximum = 15, links_maximum = 250, entries_maximum = 400;
    static constexpr std::uint8_t scope_universe = 0, scope_link = 253, scope_host = 254, protocol_kernel = 2;

    explicit NetworkNamespace(std::uint32_t seed = 1);
    NetworkNamespace(NetworkNamespace const&) = delete;
    NetworkNamespace& operator=(NetworkNamespace const&) = delete;

    [[nodiscard]] std::vector<Link> const& links() const { return links_; }
    [[nodiscard]] std::vector<LinkAddress> const& addresses() const { return addresses_; }
    [[nodiscard]] std::vector<RouteEntry> const& routes() const { return routes_; }
    [[nodiscard]] std::vector<NeighbourEntry> const& neighbours() const { return neighbours_; }
    [[nodiscard]] std::vector<proto::PacketRule> const& rules() const { return rules_; }
    [[nodiscard]] Configuration6 const& six() const { return six_; }
    [[nodiscard]] Configuration6& six() { return six_; }
    Link* find(std::uint32_t index);
    Link* find(std::string_view name);

    /// A new device of its own. Empty name: the kind's, with the first free number. Exists, Invalid (name), NoSpace (too many).
    Result<Link*> add_link(DeviceKind kind, std::string_view name, HardwareAddress const* address = nullptr);
    /// Both ends here.
    Result<Link*> add_veth(std::string_view name, std::string_view peer_name);
    /// With the other end of a pair, wherever it is. NotSupported: the loopback.
    Result<void> remove_link(std::uint32_t index);
    Result<void> set_up(Link& link, bool up);
    Result<void> rename(Link& link, std::string_view name);
    Result<void> set_mtu(Link& link, std::uint32_t mtu);
    Result<void> set_hardware_address(Link& link, HardwareAddress const& address);
    /// 0: of no bridge. Busy: it has one already; Loop, Invalid.
    Result<void> set_master(Link& link, std::uint32_t master);
    [[nodiscard]] bool carrier(Link const& link) const;

    /// Exists.
    Result<void> add_address(LinkAddress address);
    /// AddressNotAvailable.
    Result<void> remove_address(std::uint32_t device, Address4 address, std::uint8_t prefix, bool any_prefix = false);
    /// NetworkUnreachable (no way to the gateway), NetworkDown, Exists.
    Result<void> add_route(RouteEntry route, bool replace = false);
    /// NoProcess: there is no such route.
    Result<void> remove_route(RouteEntry const& route, bool any_gateway, bool any_device);
    Result<void> set_neighbour(NeighbourEntry const& entry);
    Result<void> remove_neighbour(std::uint32_t device, Address4 address);
    /// The route a packet there would take; null: none.
    [[nodiscard]] RouteEntry const* lookup(Address4 destination) const;

    /// The device leaves for another namespace: its addresses and routes are gone, its name is kept if it is free there.
    Result<void> move_link(std::uint32_t index, NetworkNamespace& target);

    /// The namespace ends: a real device goes to `target` whatever it is called there, under a name of its kind if its own is taken.
    void bring_home(std::uint32_t index, NetworkNamespace& target);
    /// All of them, in place of those there were. Invalid: one that cannot be.
    Result<void> set_rules(std::vector<proto::PacketRule> rules);

    [[nodiscard]] proto::SettingValues setting(proto::NetworkSetting which) const {
        return settings_[static_cast<std::size_t>(which)];
    }
    /// Invalid: out of range.
    Result<void> set_setting(proto::NetworkSetting which, proto::SettingValues values);

    /// Everything as records for the stack. False: more than the area holds.
    bool write(proto::stack::ConfigurationWriter& writer) const;
    /// A stack has something to do although nobody here has a socket and no other stack has a frame for it: a card is up.
    [[nodiscard]] bool needs_stack() const;
    /// Of one station, unlike that of any other of this namespace.
    HardwareAddress random_address();

    /// Whoever has the other end is told by which address the link can be reached (DeviceRecord::sleeper).
    static void note_sleeper(Link const& link) {
        if (auto const* const peer = link.peer(); peer != nullptr && peer->space != nullptr) {
            peer->space->dirty = true;
        }
    }

    bool dirty = false;      ///< changed since its stack was told
    std::uint32_t stack = 0; ///< number of its running stack, 0: none yet
    std::uint32_t wakes = 0; ///< StatusPage::wakes that have been seen to
    std::uint32_t id = 0;    ///< unique

private:
    [[nodiscard]] std::string free_name(DeviceKind kind, std::string_view taken = {}) const;
    static bool valid_name(std::string_view name);
    void forget_device(std::uint32_t index);
    /// The one address of a namespace that no frame for another needs to wake; 0: there is none such.
    [[nodiscard]] Address4 only_address(std::uint32_t device) const;
    void drop_link(std::uint32_t index);
    void add_connected_routes(Link const& link);
    std::uint32_t free_index() { return next_index_++; }

    std::vector<Link> links_;
    std::vector<LinkAddress> addresses_;
    std::vector<RouteEntry> routes_;
    std::vector<NeighbourEntry> neighbours_;
    std::vector<proto::PacketRule> rules_;
    Configuration6 six_{*this};
    std::array<proto::SettingValues, 8> settings_{};
    std::uint32_t next_index_ = 1, random_;
};

} // namespace netns
