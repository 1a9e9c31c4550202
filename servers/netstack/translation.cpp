#include "translation.hpp"
#include <cstring>

namespace netstack {

namespace {
std::uint16_t swapped(std::uint16_t value) { return static_cast<std::uint16_t>(value << 8 | value >> 8); }
} // namespace

Tuple with_destination(Tuple tuple, proto::PacketRule const& rule) {
    std::memcpy(&tuple.destination, rule.to_address, sizeof tuple.destination);
    bool const ports = tuple.protocol == ip_protocol::tcp || tuple.protocol == ip_protocol::udp;
    if (rule.to_port != 0 && ports) {
        auto const offset = rule.first_port != 0 ? swapped(tuple.destination_port) - rule.first_port : 0;
        tuple.destination_port = swapped(static_cast<std::uint16_t>(rule.to_port + offset));
    }
    return tuple;
}

bool choose_source_port(Tuple& leaving, Tuple const& original, ConnectionTable& connections, StackView& stack,
                        std::uint64_t now) {
    bool const ports = leaving.protocol == ip_protocol::tcp || leaving.protocol == ip_protocol::udp;
    bool const echo = leaving.protocol == ip_protocol::icmp && leaving.source_port != 0;
    bool const renamed = leaving.source != original.source; // it shares the address's ports with others now
    auto const usable = [&](bool ask_sockets) {
        if (connections.find(leaving.inverse(), now)) { return false; }
        return !ask_sockets || !ports || !stack.port_in_use(leaving.protocol, leaving.source_port);
    };
    auto const port = swapped(leaving.source_port);
    constexpr std::uint16_t first_unprivileged = 1024;
    bool const keeps = !renamed || (port >= first_unprivileged && port <= last_translated_port) || (!ports && !echo);
    if (keeps && usable(renamed)) { return true; }
    if (!ports && !echo) { return false; }
    constexpr std::uint32_t range = last_translated_port - first_translated_port + 1;
    std::uint32_t const start =
        (original.source ^ std::uint32_t{original.source_port} << 16 ^ original.destination) * 0x9e3779b1U >> 16;
    for (std::uint32_t attempt = 0; attempt < range; ++attempt) {
        leaving.source_port = swapped(static_cast<std::uint16_t>(first_translated_port + (start + attempt) % range));
        if (usable(true)) { return true; }
    }
    return false;
}

} // namespace netstack
