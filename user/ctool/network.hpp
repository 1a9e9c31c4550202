// `ctool network`: networks of containers.
#pragma once
#include "device.hpp"

namespace ctool {

/// Sends; a refusal ends the program with its message.
Reply ask(Device& device, Request const& request);
Reply ask(Request const& request);

/// Bytes a second of "1mbit", "500kbit", "2mbps", as tc(8) has them.
std::uint64_t rate_of(std::string const& text);
/// The words behind `ctool network`; the exit status.
int network(char** words);

} // namespace ctool
