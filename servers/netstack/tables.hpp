// /proc/net/{tcp,udp,raw} as text (proc(5)).
#pragma once
#include "proto/network.hpp"
#include <string>

namespace netstack {

/// Of the stack's own connections. Empty for tables that are not about sockets.
std::string socket_table(proto::NetworkTable table);

} // namespace netstack
