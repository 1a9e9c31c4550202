// /proc/net/{tcp,udp,raw} and their IPv6 forms as text (proc(5)).
#pragma once
#include "datagram_socket.hpp"
#include "proto/network.hpp"
#include <span>
#include <string>

namespace netstack {

/// Of the stack's own connections; of raw sockets lwIP tells nothing, they are given. Empty for tables that are not about sockets.
std::string socket_table(proto::NetworkTable table, std::span<RawSocket const* const> raw);

} // namespace netstack
