#include "network_devices.hpp"
#include "proto/network.hpp"
#include <charconv>
#include <optional>

namespace proc {

namespace {
/// Places of fields in a line.
enum Field : std::size_t {
    index,
    name,
    type,
    flags,
    address,
    broadcast,
    mtu,
    queue,
    carrier,
    state,
    master,
    rx_bytes,
    rx_packets,
    rx_dropped,
    tx_bytes,
    tx_packets,
    tx_dropped,
    peer,
    fields
};
static_assert(fields == std::size(NetworkDevice{}.fields));

/// In the order of the directories' entries (tree.cpp).
constexpr Field attributes[] = {address, broadcast, index, peer, type, flags, mtu, queue, carrier, state};
constexpr std::size_t statistic_count = 10;
constexpr std::optional<Field> statistics[statistic_count] = {rx_bytes,   rx_packets, {},         rx_dropped, tx_bytes,
                                                              tx_packets, {},         tx_dropped, {},         {}};

std::string field_of(Core& core, Process& process, std::uint32_t wanted, Field field) {
    auto const text = network_devices_text(core, process);
    std::string_view rest{text};
    for (NetworkDevice device; next_network_device(rest, device);) {
        if (device.index == wanted) return std::string{device.fields[field]} + '\n';
    }
    return {};
}
} // namespace

std::string network_devices_text(Core& core, Process& process) {
    return process.alive() ? core.network_table(process, static_cast<std::uint32_t>(proto::NetworkTable::Interfaces))
                           : std::string{};
}

bool next_network_device(std::string_view& text, NetworkDevice& device) {
    if (text.empty()) return false;
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    for (auto& field : device.fields) {
        field = line.substr(0, line.find(' '));
        line.remove_prefix(std::min(line.size(), field.size() + 1));
    }
    device.index = 0;
    device.name = device.fields[name];
    auto const& number = device.fields[index];
    std::from_chars(number.data(), number.data() + number.size(), device.index);
    return device.index != 0;
}

std::string network_attribute(Core& core, Process& process, std::uint32_t device, std::uint32_t attribute) {
    return attribute < std::size(attributes) ? field_of(core, process, device, attributes[attribute]) : std::string{};
}

std::string network_statistic(Core& core, Process& process, std::uint32_t device, std::uint32_t statistic) {
    if (statistic >= statistic_count) return {};
    // What no device here ever counts.
    return statistics[statistic] ? field_of(core, process, device, *statistics[statistic]) : std::string{"0\n"};
}

} // namespace proc
