// Files below /proc/net as text, byte for byte as Linux lays them out (proc(5)).
#pragma once
#include "network_namespace.hpp"
#include <span>

namespace netns {

std::string device_table(NetworkNamespace const& space, std::span<proto::stack::DeviceStatus const> counters);
/// proto::NetworkTable::Interfaces.
std::string interface_table(NetworkNamespace const& space, std::span<proto::stack::DeviceStatus const> counters);
std::string route_table(NetworkNamespace const& space);
std::string interface6_table(NetworkNamespace const& space);
std::string route6_table(NetworkNamespace const& space);
std::string neighbour_table(NetworkNamespace const& space, std::span<proto::stack::NeighbourStatus const> neighbours);
/// Of a table that has no entries (no stack runs, or nothing of the kind exists here).
std::string socket_table_heading(proto::NetworkTable table);

} // namespace netns
