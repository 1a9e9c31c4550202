#include "tables.hpp"
#include <algorithm>
#include <charconv>

namespace netns {

namespace {
void append_right(std::string& text, std::uint64_t number, std::size_t width) {
    char digits[20];
    auto const [end, error] = std::to_chars(digits, digits + sizeof digits, number);
    auto const count = static_cast<std::size_t>(end - digits);
    text.append(count < width ? width - count : 0, ' ');
    text.append(digits, count);
}
void append_left(std::string& text, std::string_view word, std::size_t width) {
    text += word;
    text.append(word.size() < width ? width - word.size() : 0, ' ');
}
void append_hex(std::string& text, std::uint32_t value, int digits) {
    constexpr char figures[] = "0123456789ABCDEF";
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) { text += figures[value >> shift & 15]; }
}
std::string dotted(std::uint8_t const (&address)[4]) {
    return std::to_string(address[0]) + "." + std::to_string(address[1]) + "." + std::to_string(address[2]) + "." +
           std::to_string(address[3]);
}
std::string_view device_name(NetworkNamespace const& space, std::uint32_t index) {
    auto const found = std::ranges::find(space.links(), index, &Link::index);
    return found != space.links().end() ? std::string_view{found->name} : std::string_view{"*"};
}
} // namespace

std::string device_table(NetworkNamespace const& space, std::span<proto::stack::DeviceStatus const> counters) {
    std::string text = "Inter-|   Receive                                                |  Transmit\n"
                       " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop "
                       "fifo colls carrier compressed\n";
    for (auto const& link : space.links()) {
        proto::stack::DeviceStatus status{};
        for (auto const& entry : counters) {
            if (entry.index == link.index) { status = entry; }
        }
        text.append(link.name.size() < 6 ? 6 - link.name.size() : 0, ' ');
        text += link.name;
        text += ':';
        auto const columns = [&](std::uint64_t bytes, std::uint64_t packets, std::uint64_t dropped,
                                 std::initializer_list<std::size_t> zero_widths) {
            text += ' ';
            append_right(text, bytes, 7);
            text += ' ';
            append_right(text, packets, 7);
            text += ' ';
            append_right(text, 0, 4);
            text += ' ';
            append_right(text, dropped, 4);
            for (auto const width : zero_widths) {
                text += ' ';
                append_right(text, 0, width);
            }
        };
        columns(status.received_bytes, status.received_packets, status.received_dropped, {4, 5, 10, 9});
        text += ' ';
        columns(status.sent_bytes, status.sent_packets, status.sent_dropped, {4, 5, 7, 10});
        text += '\n';
    }
    return text;
}

std::string interface_table(NetworkNamespace const& space, std::span<proto::stack::DeviceStatus const> counters) {
    constexpr std::uint32_t up = 1, broadcast = 2, loopback = 8, multicast = 0x1000;
    std::string text;
    auto const number = [&](std::uint64_t value) {
        text += std::to_string(value);
        text += ' ';
    };
    auto const hardware = [&](HardwareAddress const& address) {
        constexpr char figures[] = "0123456789abcdef";
        for (auto const byte : address) {
            text += figures[byte >> 4];
            text += figures[byte & 15];
            text += ':';
        }
        text.back() = ' ';
    };
    for (auto const& link : space.links()) {
        bool const local = link.kind == DeviceKind::Loopback, carrier = space.carrier(link);
        proto::stack::DeviceStatus status{};
        for (auto const& entry : counters) {
            if (entry.index == link.index) { status = entry; }
        }
        number(link.index);
        text += link.name;
        text += ' ';
        number(local ? 772 : 1);
        text += "0x";
        append_hex(text, (link.up ? up : 0) | (local ? loopback : broadcast | multicast), 4);
        text += ' ';
        hardware(link.hardware_address);
        hardware(local ? HardwareAddress{} : HardwareAddress{0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
        number(link.mtu);
        number(link.transmit_queue);
        number(carrier ? 1 : 0);
        // Loopback and dummy devices say nothing about what is below them.
        text += !link.up                                  ? "down "
                : local || link.kind == DeviceKind::Dummy ? "unknown "
                : carrier                                 ? "up "
                                                          : "lowerlayerdown ";
        number(link.master);
        for (auto const count : {status.received_bytes, status.received_packets, status.received_dropped,
                                 status.sent_bytes, status.sent_packets, status.sent_dropped}) {
            number(count);
        }
        number(link.peer() != nullptr ? link.peer()->index : link.index);
        text.back() = '\n';
    }
    return text;
}

std::string route_table(NetworkNamespace const& space) {
    std::string text;
    auto const finish_line = [&](std::size_t start) {
        text.append(127 - std::min<std::size_t>(text.size() - start, 127), ' ');
        text += '\n';
    };
    text += "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
    finish_line(0);
    for (auto const& route : space.routes()) {
        constexpr std::uint32_t up = 1, gateway = 2, host = 4;
        auto const start = text.size();
        text += device_name(space, route.device);
        text += '\t';
        append_hex(text, route.destination, 8);
        text += '\t';
        append_hex(text, route.gateway, 8);
        text += '\t';
        append_hex(text, up | (route.gateway != 0 ? gateway : 0) | (route.prefix == 32 ? host : 0), 4);
        text += "\t0\t0\t" + std::to_string(route.metric) + "\t";
        append_hex(text, mask_of(route.prefix), 8);
        text += "\t0\t0\t0";
        finish_line(start);
    }
    return text;
}

std::string neighbour_table(NetworkNamespace const& space, std::span<proto::stack::NeighbourStatus const> neighbours) {
    std::string text = "IP address       HW type     Flags       HW address            Mask     Device\n";
    for (auto const& entry : neighbours) {
        append_left(text, dotted(entry.address), 17);
        append_left(text, "0x1", 12);
        append_left(text, entry.permanent != 0 ? "0x6" : "0x2", 12);
        std::string hardware;
        for (auto const byte : entry.hardware_address) {
            if (!hardware.empty()) { hardware += ':'; }
            constexpr char figures[] = "0123456789abcdef";
            hardware += figures[byte >> 4];
            hardware += figures[byte & 15];
        }
        append_left(text, hardware, 22);
        append_left(text, "*", 9);
        text += device_name(space, entry.device);
        text += '\n';
    }
    return text;
}

std::string socket_table_heading(proto::NetworkTable table) {
    switch (table) {
    case proto::NetworkTable::Tcp: {
        std::string text =
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        text.append(149 - text.size(), ' ');
        return text + "\n";
    }
    case proto::NetworkTable::Udp:
        return "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref "
               "pointer drops            \n";
    case proto::NetworkTable::Raw:
        return "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref "
               "pointer drops\n";
    case proto::NetworkTable::Tcp6:
        return "  sl  local_address                         remote_address                        st tx_queue rx_queue "
               "tr tm->when retrnsmt   uid  timeout inode\n";
    case proto::NetworkTable::Udp6:
    case proto::NetworkTable::Raw6:
        return "  sl  local_address                         remote_address                        st tx_queue rx_queue "
               "tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";
    case proto::NetworkTable::Unix: return "Num       RefCount Protocol Flags    Type St Inode Path\n";
    default: return {};
    }
}

} // namespace netns
