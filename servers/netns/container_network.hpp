// Joining containers to a network: what protocol Network's operations for the container manager do to the configuration.
#pragma once
#include "network_namespace.hpp"

namespace netns {

/// A bridge that is up, with an address. On an error nothing is made.
Result<void> add_container_bridge(NetworkNamespace& space, proto::BridgeRequest const& request);
/// A veth pair from a bridge of `space` to `target`, addressed and up. On an error nothing is made. NoSuchDevice: no such bridge.
Result<void> connect_container(NetworkNamespace& space, NetworkNamespace& target, proto::ContainerLink const& request);

} // namespace netns
