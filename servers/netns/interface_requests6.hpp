// The requests of ioctl(2) that mean something else on an AF_INET6 socket: addresses and routes (ipv6(7), linux/ipv6_route.h).
#pragma once
#include "ipc/server.hpp"
#include "network_namespace.hpp"

namespace netns {

/// SIOCSIFADDR, SIOCDIFADDR, SIOCADDRT, SIOCDELRT.
bool is_request6(std::uint32_t request);

/// One of those; `caller`'s readable buffer is a struct in6_ifreq or in6_rtmsg, and the caller may change things. Errors as Configuration6's.
Result<std::uint32_t> interface_request6(NetworkNamespace& space, ipc::Pending const& caller, std::uint32_t request);

} // namespace netns
