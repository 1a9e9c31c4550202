// ioctl(2) requests about devices, addresses, routes, neighbours and bridges (netdevice(7), arp(7)), as busybox makes them.
#pragma once
#include "ipc/server.hpp"
#include "network_namespace.hpp"

namespace netns {

/// Who asks.
struct Asker {
    bool may_change; ///< has CAP_NET_ADMIN; without it, NotPermitted to all but questions
    bool six;        ///< on an AF_INET6 socket: requests about addresses and routes are about IPv6's
};

/// `caller`'s buffers hold the request's structure. Requests with a pointer in their structure come flattened by the vDSO: SIOCADDRT
/// and SIOCDELRT with the device's name behind the structure, SIOCGIFCONF with the records as the writable buffer (returns bytes).
Result<std::uint32_t> interface_request(NetworkNamespace& space, ipc::Pending const& caller, std::uint32_t request,
                                        Asker const& asker);

} // namespace netns
