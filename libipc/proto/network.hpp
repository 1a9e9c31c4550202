// Protocol Network: sessions of a network namespace, owned by netns.
#pragma once
#include "namespace.hpp"
#include "packet_rules.hpp"
#include "socket.hpp"

namespace proto {

/// Files below /proc/net (proc(5)).
enum class NetworkTable : std::uint32_t {
    Devices = 1,
    Routes,
    Tcp,
    Udp,
    Raw,
    Arp,
    InterfacesIpv6,
    Unix,
    Tcp6,
    Udp6,
    /// What /sys/class/net is made of, a line for each device: index, name, ARPHRD type, flags, hardware address, its broadcast address,
    /// MTU, queue length, carrier, operational state, index of its bridge, bytes, packets and drops received, the same sent, index of its peer.
    Interfaces,
    Raw6,
    Routes6,
};
/// Files below /proc/sys/net/ipv4: one or two numbers each. From Forwarding6 on: below /proc/sys/net/ipv6/conf, the second number says
/// of which device, by its index; setting_all, setting_default.
enum class NetworkSetting : std::uint32_t {
    Forwarding = 1,
    PingGroupRange,
    FirstUnprivilegedPort,
    LocalPortRange,
    Forwarding6,
    Disable6,
    AcceptAdvertisements6
};
inline constexpr std::int32_t setting_all = 0, setting_default = -1;
using SettingValues = std::array<std::int32_t, 2>;

/// Of a device, ended by a zero unless it is 15 long.
using DeviceName = std::array<char, 16>;

/// An IPv6 address beside the one of IPv4; prefix 0: none.
struct SecondAddress {
    std::array<std::uint8_t, 16> address;
    std::uint32_t prefix;
};
/// Addresses in network order.
struct BridgeRequest {
    DeviceName name;
    std::array<std::uint8_t, 4> address;
    std::uint32_t prefix;
    SecondAddress six;
};
struct ContainerLink {
    DeviceName bridge;                            ///< in this namespace; must exist
    DeviceName outer;                             ///< name of the end in this namespace
    DeviceName inner;                             ///< name of the end in the container, `eth0`
    std::array<std::uint8_t, 4> address, gateway; ///< gateway 0.0.0.0: no default route
    std::uint32_t prefix;
    std::uint32_t rate, burst; ///< of both ends, as SetRate
    SecondAddress six;
    std::array<std::uint8_t, 16> gateway6; ///< ::, no default route of IPv6
};

struct Network {
    static constexpr abi::Word number = 12;
    /// socket(2). Errors: AddressFamilyNotSupported, ProtocolNotSupported, SocketTypeNotSupported, NotPermitted.
    using Socket =
        ipc::Method<Network, 1, ipc::Cap<File>(std::uint32_t domain, std::uint32_t type, std::uint32_t protocol)>;
    /// Text of /proc/net/dev from `offset`.
    using DeviceTable = ipc::Method<Network, 2, Transfer(std::uint32_t offset, ipc::WriteBuffer)>;
    /// Text of a table from `offset`; count 0 at its end. Invalid: no such table.
    using Table = ipc::Method<Network, 3, Transfer(NetworkTable table, std::uint32_t offset, ipc::WriteBuffer)>;
    /// A setting's values; change 1 sets them first (Invalid: out of range). A setting of one number has it first.
    using Setting = ipc::Method<Network, 4, SettingValues(NetworkSetting setting, std::uint32_t change, SettingValues)>;
    /// ioctl(2) of netdevice(7) on any socket of the namespace: a socket's server forwards it here.
    using Configure =
        ipc::Method<Network, 5,
                    std::uint32_t(std::uint32_t request, std::uint32_t argument, ipc::ReadBuffer, ipc::WriteBuffer)>;
    /// Moves the device with that index of the caller's namespace to `target` (a namespace, or a session in it, of the same server).
    using MoveDevice = ipc::Method<Network, 6, ipc::Unit(std::uint32_t index, ipc::OptionalCap<Namespace> target)>;
    // What the container manager wants of the namespace through which it connects containers. On a namespace, or on a session that nobody
    // has vouched for or that has CAP_NET_ADMIN; otherwise NotPermitted.
    /// A bridge of that name, up, with that address and the route to its subnet. Errors as netlink's; on an error nothing is made.
    using AddBridge = ipc::Method<Network, 7, ipc::Unit(BridgeRequest)>;
    /// A veth pair: one end is a port of a bridge of this namespace, the other is in `target` (Namespace or session), up, with an address
    /// and a default route through the gateway; lo of the target is up too. On an error nothing is made.
    using ConnectContainer = ipc::Method<Network, 8, ipc::Unit(ContainerLink, ipc::OptionalCap<Namespace> target)>;
    /// Removes a device (of a pair: both ends) by name. NoDevice.
    using RemoveDevice = ipc::Method<Network, 9, ipc::Unit(DeviceName)>;
    /// All rules of the namespace, in order, in place of those it had: PacketRule records. A rule's device need not exist yet: until then
    /// the rule matches nothing. Errors: Invalid (a record that cannot be), NoSpace (more than packet_rules_maximum).
    using SetRules = ipc::Method<Network, 10, ipc::Unit(ipc::ReadBuffer)>;
    /// What a device may send: bytes a second, 0: no limit. burst: bytes at once, 0: a tenth of a second's worth. NoDevice.
    using SetRate =
        ipc::Method<Network, 11, ipc::Unit(DeviceName, std::uint32_t bytes_per_second, std::uint32_t burst)>;
    using methods = ipc::Methods<Socket, DeviceTable, Table, Setting, Configure, MoveDevice, AddBridge,
                                 ConnectContainer, RemoveDevice, SetRules, SetRate>;
};
} // namespace proto
