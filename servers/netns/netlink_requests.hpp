// rtnetlink(7): a datagram of requests on one namespace's configuration, and the datagrams that answer it.
#pragma once
#include "network_namespace.hpp"
#include <optional>
#include <span>

namespace netns {

/// A request wants to move a device to the namespace of a process (by PID) or behind a descriptor: only the caller's own side can
/// say which that is.
struct WantedMove {
    std::uint32_t device = 0; ///< 0: nothing of that kind
    std::uint32_t by_descriptor = 0, number = 0;
};

struct NetlinkAnswer {
    std::vector<std::vector<std::byte>> datagrams;
    WantedMove move; ///< if set, nothing was done and there is no answer
};

/// Carries the requests out. `moved`: the outcome of the move that an earlier attempt asked for (None: it went well); nothing: there was
/// none. may_change: the caller may configure the network (CAP_NET_ADMIN). `counters` and neighbours: of the stack.
NetlinkAnswer handle_netlink(NetworkNamespace& space, std::span<std::byte const> requests, std::uint32_t port,
                             bool may_change, std::optional<Error> moved,
                             std::span<proto::stack::DeviceStatus const> counters,
                             std::span<proto::stack::NeighbourStatus const> neighbours,
                             std::span<proto::stack::NeighbourStatus6 const> neighbours6);

} // namespace netns
