// Network namespaces (network_namespaces(7)): each has its own devices, of which there is so far its loopback, and no protocol
// stack: sockets are refused as Linux refuses a family it was built without (socket(2)).
#pragma once
#include "ipc/namespace_server.hpp"
#include "proto/network.hpp"
#include <array>
#include <string>
#include <vector>

namespace netns {

struct DeviceCounters {
    std::uint64_t bytes = 0, packets = 0, errors = 0, dropped = 0;
};
struct Device {
    std::string name;
    DeviceCounters received, sent;
};
struct Network {
    std::vector<Device> devices{{"lo", {}, {}}};
};
/// A new namespace begins with a loopback device and nothing else.
inline Network inherit(Network const&) { return {}; }

/// Text of /proc/net/dev (proc(5)), byte for byte as Linux lays it out.
std::string device_table(Network const& network);

class NetnsServer : public ipc::NamespaceServer<Network, proto::NamespaceKind::Network> {
public:
    NetnsServer() : NamespaceServer{Network{}} {}
    using NamespaceServer::on;
    ipc::Result<ipc::Cap<proto::File>> on(proto::Network::Socket, ipc::Sender&, std::uint32_t domain,
                                          std::uint32_t type, std::uint32_t protocol);
    ipc::Result<proto::Transfer> on(proto::Network::DeviceTable, ipc::Sender&, std::uint32_t offset, ipc::WriteBuffer);
};

} // namespace netns
