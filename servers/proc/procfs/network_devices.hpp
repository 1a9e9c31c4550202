// /proc/PID/net/class: a directory for each network device of the process's network namespace. /sys/class/net leads here.
#pragma once
#include "../process/core.hpp"
#include <string>

namespace proc {

/// One device, as netns describes it (proto::NetworkTable::Interfaces).
struct NetworkDevice {
    std::uint32_t index = 0;
    std::string_view name;
    std::string_view fields[18]; ///< all of the line, `index` and `name` included
};

/// netns's text about a process's devices; the devices found in it point into it.
std::string network_devices_text(Core& core, Process& process);
/// The next device of that text, which loses its line. False: there is none.
bool next_network_device(std::string_view& text, NetworkDevice& device);

/// Files of a device's directory and of its statistics, by their place there. With the end of line.
std::string network_attribute(Core& core, Process& process, std::uint32_t device, std::uint32_t attribute);
std::string network_statistic(Core& core, Process& process, std::uint32_t device, std::uint32_t statistic);

} // namespace proc
