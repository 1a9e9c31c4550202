// The devices of one stack and what is behind them: loopback, virtual Ethernet, bridges, a card's rings.
//
// A device with IPv4 addresses has one lwIP netif per address (lwIP knows one address each). Their netmask is 32 bits long, so
// that lwIP's own idea of what is near never applies: cella_route and cella_next_hop answer from our route table. Its IPv6
// addresses (at most LWIP_IPV6_NUM_ADDRESSES) share one netif of their own, which is their zone, too.
#pragma once
#include "forwarding_table.hpp"
#include "lwip/etharp.h"
#include "lwip/netif.h"
#include "proto/network_stack.hpp"
#include "proto/packet_ring.hpp"
#include "route_table.hpp"
#include "shaper.hpp"
#include <deque>
#include <memory>
#include <string_view>
#include <utility>

namespace netstack {

struct Device;
class PacketPath;

/// An IPv4 address of a device, or all its IPv6 addresses.
struct Interface {
    netif lwip{}; ///< first: lwIP's pointer is ours
    Device* device = nullptr;
    std::uint8_t prefix = 32;
    [[nodiscard]] std::uint32_t address() const { return netif_ip4_addr(&lwip)->addr; } ///< network order
};

struct Device {
    proto::stack::DeviceRecord record{};
    proto::stack::DeviceStatus* counters = nullptr; ///< in the status page, or `uncounted` if it is full
    proto::PacketRing send, receive;
    std::deque<pbuf*> backlog; ///< frames that wait for room in the ring, or for the other end's stack to start
    bool asked = false;        ///< for that stack
    std::vector<std::unique_ptr<Interface>> interfaces; ///< IPv4
    std::unique_ptr<Interface> six;                     ///< while it has an IPv6 address
    ForwardingTable stations;                           ///< Bridge
    std::unique_ptr<Shaper> shaper;                     ///< once it had a rate and something to send
    bool wanted = false;                                ///< apply: it is in the new configuration

    [[nodiscard]] std::uint32_t index() const { return record.index; }
    [[nodiscard]] bool up() const { return record.up != 0; }
    [[nodiscard]] bool is(proto::stack::DeviceKind kind) const { return record.kind == kind; }
    [[nodiscard]] std::string_view name() const {
        std::string_view const all{record.name, sizeof record.name};
        return all.substr(0, all.find('\0'));
    }
};

/// The longest packet that lwIP makes for the device: on this machine's own wires far longer than what the device says.
std::uint16_t packet_limit(Device const& device);

/// Sees every frame of every device (packet sockets). The frame begins with ETH_PAD_SIZE bytes of nothing and stays the caller's.
struct FrameListener {
    virtual void on_frame(Device const& device, pbuf const* frame, bool outgoing) = 0;

protected:
    ~FrameListener() = default;
};

class Devices {
public:
    /// Frames that wait for a slow reader, and those under way inside this stack; beyond it they are dropped, as a full queue does.
    static constexpr std::size_t backlog_maximum = 128, queue_maximum = 1024;
    /// Frames between stacks on this machine may be this long: one copy of many bytes, in place of many of few.
    static constexpr std::uint32_t large_frame = 32768 + 100;

    explicit Devices(proto::stack::StatusPage& status);
    Devices(Devices const&) = delete;
    Devices& operator=(Devices const&) = delete;
    ~Devices();

    /// Makes what is there like the configuration area says. False: it is no configuration; nothing changed.
    bool apply(std::span<std::byte const> area);
    /// Frames from the rings, and those that waited for room in one. Long ones stay in the ring's memory until release_rings().
    void poll_rings();
    /// When everything that arrived was looked at: gives the rings' memory back. True: there are more frames, which nobody signals.
    bool release_rings();
    /// Delivers what is under way inside the stack until nothing is.
    void run();
    [[nodiscard]] bool idle() const { return queue_.empty(); }

    Device* find(std::uint32_t index);
    Device* find(std::string_view name);
    [[nodiscard]] bool is_local(std::uint32_t network_order_address) const;
    [[nodiscard]] bool needs_neighbours() const;
    /// Some IPv6 neighbour is known or looked for.
    [[nodiscard]] static bool knows_neighbours6();
    [[nodiscard]] bool is_local(ip6_addr_t const& address) const;
    /// What a device has for IPv6; null: nothing.
    Interface* interface6(std::uint32_t device);
    /// Of the first device with a wire; then of the loopback; null: there is none.
    Interface* first_interface6();
    /// The device that a zone of lwIP's is; 0: none.
    [[nodiscard]] std::uint32_t device_of_zone(std::uint8_t zone) const;
    /// The interface and next hop for an IPv6 destination; null: no route.
    Interface* route6(ip6_addr_t const& destination, ip6_addr_t& next_hop);
    /// Routes for either family; false: there is none.
    [[nodiscard]] bool has_route(ip_addr_t const& destination);
    [[nodiscard]] bool forwards6() const { return setting(proto::NetworkSetting::Forwarding6)[0] != 0; }
    /// An IPv6 packet may go on to lwIP: it is for this stack, or may be forwarded.
    bool may_enter6(pbuf* packet, Interface const& from);
    /// The interface and next hop (network order) for a destination; null: no route.
    Interface* route(std::uint32_t destination, std::uint32_t& next_hop);
    [[nodiscard]] proto::SettingValues setting(proto::NetworkSetting setting) const {
        return settings_[static_cast<std::size_t>(setting)];
    }
    /// What the status page says of neighbours; the counters of devices are kept there anyway.
    void write_neighbours() const;
    void listen(FrameListener& listener) { listeners_.push_back(&listener); }
    void unlisten(FrameListener& listener) { std::erase(listeners_, &listener); }
    /// The broadcast address of a device's network, or everybody's.
    [[nodiscard]] bool is_broadcast(std::uint32_t network_order_address) const;
    /// For sending out of the stack on a device, whatever the routes say (packet sockets).
    void transmit(Device& device, pbuf* frame);
    /// Frames that a device's rate held back, and whose time has come.
    void release_shaped();
    /// When release_shaped() is wanted, in milliseconds; 0: nothing waits.
    [[nodiscard]] std::uint64_t release_due() const { return release_due_; }
    [[nodiscard]] PacketPath& path() { return *path_; }
    template <class Predicate>
    [[nodiscard]] bool any_of(Predicate predicate) const {
        for (auto const& device : devices_) {
            if (predicate(*device)) { return true; }
        }
        return false;
    }

    /// In pbuf::flags, where lwIP leaves them free: the frame has no checksum; it is a packet of this stack to itself.
    static constexpr std::uint8_t no_checksum_flag = 0x80, own_flag = 0x40;
    /// How many bridges have passed a frame on is in pbuf::if_idx, which lwIP does not use before a packet is delivered to it.
    static std::uint8_t& bridges_of(pbuf& frame) { return frame.if_idx; }

private:
    friend class RouteVia;
    friend err_t transmit_frame(netif* netif, pbuf* frame);
    friend err_t output_packet(netif* netif, pbuf* packet, ip4_addr_t const* destination);
    friend err_t output_packet6(netif* netif, pbuf* packet, ip6_addr_t const* destination);
    /// A frame on its way to a device of this stack, or (device null) a packet to its own addresses.
    struct Travelling {
        std::uint32_t device;
        Interface* interface;
        pbuf* frame;
    };
    void configure(proto::stack::DeviceRecord const& record);
    void add_address(proto::stack::AddressRecord const& record);
    void remove_unwanted(std::vector<proto::stack::AddressRecord> const& addresses);
    void remove_interface(Interface& interface);
    bool add_netif(Device& device, Interface& interface, std::uint32_t address);
    /// Makes a device's IPv6 addresses those.
    void set_addresses6(Device& device, std::vector<proto::stack::AddressRecord6> const& addresses);
    void set_neighbours6(std::vector<proto::stack::NeighbourRecord6> const& neighbours);
    void write_neighbours6() const;
    /// To this stack itself.
    err_t send_to_self(Interface& interface, pbuf* packet);
    static bool wakes6(Device const& device, pbuf const* frame);
    void set_neighbours(std::vector<proto::stack::NeighbourRecord> const& neighbours);
    void queue(std::uint32_t device, Interface* interface, pbuf* frame);
    bool held_back(Device& device, pbuf* frame);
    bool put_in_ring(Device& device, pbuf* frame);
    /// A frame for a veth whose other end is in a stack that does not run.
    void wake(Device& device, pbuf* frame);
    void flush(Device& device);
    void receive(Device& device, pbuf* frame);
    void deliver(Device& device, pbuf* frame);
    void bridge(Device& bridge, Device* from, pbuf* frame);
    /// The frame in front of a port's ring, to the only port that wants it, from ring to ring. False: it has to be looked at more closely.
    bool bridge_across(Device& from, std::uint32_t length, std::uint32_t flags);
    static void set_checksums(Interface& interface);

    void show(Device const& device, pbuf const* frame, bool outgoing) {
        for (auto* const listener : listeners_) { listener->on_frame(device, frame, outgoing); }
    }
    proto::stack::DeviceStatus* counters_for(std::uint32_t index);

    proto::stack::StatusPage& status_;
    proto::stack::DeviceStatus uncounted_{};
    std::vector<std::unique_ptr<Device>> devices_;
    std::deque<Travelling> queue_;
    RouteTable routes_;
    RouteTable6 routes6_;
    std::vector<FrameListener*> listeners_;
    std::uint32_t only_device_ = 0; ///< routes lead over this device; 0: any
    std::vector<proto::stack::NeighbourRecord> permanent_;
    std::array<proto::SettingValues, 8> settings_{};
    std::unique_ptr<PacketPath> path_;
    bool taken_ = false; ///< frames of some ring, and not released
    std::uint64_t release_due_ = 0;
    Device const* releasing_ = nullptr; ///< what it sends has waited
};

/// The one of this stack: lwIP's hooks find it here.
inline Devices* devices_instance = nullptr;

/// While it lives, routes lead over one device (SO_BINDTODEVICE); 0: any.
class RouteVia {
public:
    explicit RouteVia(std::uint32_t device) : before_{std::exchange(devices_instance->only_device_, device)} {}
    RouteVia(RouteVia const&) = delete;
    RouteVia& operator=(RouteVia const&) = delete;
    ~RouteVia() { devices_instance->only_device_ = before_; }

private:
    std::uint32_t before_;
};

} // namespace netstack
