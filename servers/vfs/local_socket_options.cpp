// getsockopt(2) and setsockopt(2) on AF_UNIX sockets, and /proc/net/unix.
#include "vfs.hpp"
#include <algorithm>
#include <cstring>

namespace vfs {
namespace {
constexpr std::uint32_t socket_level = 1;
enum Option : std::uint32_t {
    debug = 1,
    reuse_address,
    type_option,
    error_option,
    do_not_route,
    broadcast,
    send_buffer,
    receive_buffer,
    keep_alive,
    out_of_band_inline,
    linger = 13,
    reuse_port = 15,
    pass_credentials = 16,
    peer_credentials = 17,
    receive_low_water = 18,
    send_low_water = 19,
    time_stamp = 29,
    accepts_connections = 30,
    send_buffer_force = 32,
    receive_buffer_force = 33,
    protocol_option = 38,
    domain_option = 39,
};

proto::SocketOption bytes_of(void const* data, std::size_t length) {
    proto::SocketOption value;
    value.length = static_cast<std::uint16_t>(length);
    std::memcpy(value.data, data, length);
    return value;
}
proto::SocketOption number(std::uint32_t value) { return bytes_of(&value, sizeof value); }

/// Flags that may be set and stay off: there is nothing to route, to keep alive or to reuse.
bool is_flag_without_effect(std::uint32_t option) {
    switch (option) {
    case debug:
    case reuse_address:
    case do_not_route:
    case broadcast:
    case keep_alive:
    case out_of_band_inline:
    case reuse_port:
    case time_stamp: return true;
    default: return false;
    }
}
} // namespace

Result<proto::SocketOption> Vfs::socket_option(LocalSocket& socket, std::uint32_t level, std::uint32_t option) {
    if (level != socket_level) { return fail(Error::NotSupported); }
    if (proto::SocketTimes::is_one(option)) { return socket.times.get(option); }
    if (is_flag_without_effect(option)) { return number(0); }
    switch (option) {
    case protocol_option: return number(0);
    case send_low_water:
    case receive_low_water: return number(1);
    case type_option: return number(static_cast<std::uint32_t>(socket.type));
    case error_option: return number(static_cast<std::uint32_t>(socket.take_error()));
    case send_buffer:
    case receive_buffer: return number(LocalSocket::Ring::capacity);
    case accepts_connections: return number(socket.state == LocalSocket::State::Listening ? 1 : 0);
    case domain_option: return number(1);
    case pass_credentials: return number(socket.passes_credentials ? 1 : 0);
    case linger: {
        constexpr std::uint32_t none[2] = {};
        return bytes_of(none, sizeof none);
    }
    case peer_credentials: {
        Identity const& peer = socket.peer_credentials;
        Credentials const& viewer = socket.file->opener;
        std::uint32_t const all = ~0u;
        proto::MessageCredentials const told{static_cast<std::int32_t>(peer.process),
                                             peer.user == all ? all : viewer.shown_user(peer.user),
                                             peer.group == all ? all : viewer.shown_group(peer.group)};
        return bytes_of(&told, sizeof told);
    }
    default: return fail(Error::NoProtocolOption);
    }
}

Error Vfs::set_socket_option(LocalSocket& socket, std::uint32_t level, std::uint32_t option,
                             proto::SocketOption const& value) {
    if (level != socket_level) { return Error::NotSupported; }
    if (proto::SocketTimes::is_one(option)) { return socket.times.set(option, value); }
    std::uint32_t given = 0;
    if (value.length < sizeof given) { return Error::Invalid; }
    std::memcpy(&given, value.data, sizeof given);
    if (is_flag_without_effect(option)) { return Error::None; }
    switch (option) {
    case pass_credentials: socket.passes_credentials = given != 0; return Error::None;
    // Taken, and without effect: nothing is left to be sent when it is closed, and buffers have one size.
    case linger:
    case send_buffer:
    case receive_buffer:
    case send_buffer_force:
    case receive_buffer_force:
    case receive_low_water: return Error::None;
    default: return Error::NoProtocolOption;
    }
}

std::string Vfs::socket_table(std::uint32_t network) const {
    std::string text = "Num       RefCount Protocol Flags    Type St Inode Path\n";
    auto const hexadecimal = [&](std::uint32_t value, int digits) {
        for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) { text += "0123456789ABCDEF"[value >> shift & 15]; }
    };
    // The first is the oldest, as its neighbours are in /proc.
    for (LocalSocket const* socket = sockets_; socket != nullptr; socket = socket->next) {
        if (socket->home != network) { continue; }
        bool const listens = socket->state == LocalSocket::State::Listening,
                   connected = socket->state == LocalSocket::State::Connected;
        text += "00000000: ";
        hexadecimal(connected && socket->peer() != nullptr ? 3 : 2, 8);
        text += " 00000000 ";
        hexadecimal(listens ? 0x10000 : 0, 8);
        text += ' ';
        hexadecimal(static_cast<std::uint32_t>(socket->type), 4);
        text += ' ';
        hexadecimal(socket->file == nullptr ? 2 : connected ? 3 : 1, 2);
        std::string const inode = std::to_string(socket->file != nullptr ? socket->file->inode->number : 0);
        text += ' ';
        text.append(inode.size() < 5 ? 5 - inode.size() : 0, ' ').append(inode);
        if (!socket->name.empty()) {
            std::string path = socket->name.substr(2);
            if (!path.empty() && path.back() == '\0' && path[0] != '\0') { path.pop_back(); }
            std::replace(path.begin(), path.end(), '\0', '@');
            text.append(" ").append(path);
        }
        text += '\n';
    }
    return text;
}

} // namespace vfs
