// Protocol Network: sessions of a network namespace, owned by netns.
#pragma once
#include "namespace.hpp"
#include "socket.hpp"

namespace proto {

/// Files below /proc/net (proc(5)).
enum class NetworkTable : std::uint32_t { Devices = 1, Routes, Tcp, Udp, Raw, Arp, InterfacesIpv6, Unix, Tcp6, Udp6 };
/// Files below /proc/sys/net/ipv4: one or two numbers each.
enum class NetworkSetting : std::uint32_t { Forwarding = 1, PingGroupRange, FirstUnprivilegedPort, LocalPortRange };
using SettingValues = std::array<std::int32_t, 2>;

struct Network {
    static constexpr abi::Word number = 12;
    /// socket(2). Errors: AddressFamilyNotSupported, ProtocolNotSupported, SocketTypeNotSupported, NotPermitted.
    using Socket = ipc::Method<Network, 1, ipc::Cap<File>(std::uint32_t domain, std::uint32_t type, std::uint32_t protocol)>;
    /// Text of /proc/net/dev from `offset`.
    using DeviceTable = ipc::Method<Network, 2, Transfer(std::uint32_t offset, ipc::WriteBuffer)>;
    /// Text of a table from `offset`; count 0 at its end. Invalid: no such table.
    using Table = ipc::Method<Network, 3, Transfer(NetworkTable table, std::uint32_t offset, ipc::WriteBuffer)>;
    /// A setting's values; change 1 sets them first (Invalid: out of range). A setting of one number has it first.
    using Setting = ipc::Method<Network, 4, SettingValues(NetworkSetting setting, std::uint32_t change, SettingValues)>;
    /// ioctl(2) of netdevice(7) on any socket of the namespace: a socket's server forwards it here.
    using Configure = ipc::Method<Network, 5, std::uint32_t(std::uint32_t request, std::uint32_t argument, ipc::ReadBuffer, ipc::WriteBuffer)>;
    /// Moves the device with that index of the caller's namespace to `target` (a namespace, or a session in it, of the same server).
    using MoveDevice = ipc::Method<Network, 6, ipc::Unit(std::uint32_t index, ipc::OptionalCap<Namespace> target)>;
    using methods = ipc::Methods<Socket, DeviceTable, Table, Setting, Configure, MoveDevice>;
};
} // namespace proto
