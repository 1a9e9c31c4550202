// What programs do with their sockets while frames come in, and the connections that they have.
#include "stack_world.hpp"

namespace fuzz {

namespace {
namespace stack = proto::stack;
constexpr std::uint32_t stream = 1, datagram = 2, raw = 3, internet = 2, packet = 17, nonblock = 0x800;
constexpr std::size_t ethernet_bytes = 14, ip_bytes = 20, tcp_bytes = 20, sockets_at_most = 64, waiting_at_most = 16;
constexpr std::uint8_t finish = 1, syn = 2, acknowledge = 16;
constexpr std::uint16_t first_caller = 1000, callers = 4;
constexpr std::uint32_t other = 0x0a000002, own_loopback = 0x7f000001;

proto::SocketAddress address_of(std::uint32_t host_order, std::uint16_t port) {
    return netstack::socket_address(__builtin_bswap32(host_order), port);
}
proto::SocketAddress peer_of(std::uint32_t argument, std::uint16_t port) {
    return address_of(argument < 128 ? other : own_loopback, port);
}

/// Level and number of options that change how what comes in is taken.
constexpr std::uint32_t options[][2] = {{1, 2},   {1, 6},   {1, 7}, {1, 8}, {1, 9},  {1, 13}, {1, 25}, {0, 2},
                                        {0, 8},   {0, 12},  {0, 3}, {6, 1}, {6, 2},  {6, 4},  {6, 5},  {6, 6},
                                        {255, 1}, {263, 1}, {1, 4}, {1, 3}, {1, 30}, {6, 11}};
} // namespace

void StackWorld::open_sockets() {
    open(internet, stream, 0);
    static_cast<void>(ipc::call<proto::Socket::Bind>(sockets_.back(), address_of(0, 80)));
    static_cast<void>(ipc::call<proto::Socket::Listen>(sockets_.back(), 4U));
    open(internet, datagram, 0);
    static_cast<void>(ipc::call<proto::Socket::Bind>(sockets_.back(), address_of(0, 53)));
    open(internet, raw, 1);
    open(internet, datagram, 1);
    open(internet, raw, 6);
    open(packet, raw, 0x0300); // every protocol
    open(internet, stream, 0);
    static_cast<void>(ipc::call<proto::Socket::Connect>(sockets_.back(), address_of(other, 8080)));
    open(internet, datagram, 0);
    static_cast<void>(ipc::call<proto::Socket::Connect>(sockets_.back(), address_of(other, 53)));
}

void StackWorld::segment(std::size_t which, std::uint8_t flags) {
    Frame frame(ethernet_bytes + ip_bytes + tcp_bytes);
    address(frame, 0);
    frame[6] = 2;
    frame[11] = 9;
    frame[ethernet_bytes + 8] = 64;
    frame[ethernet_bytes + ip_bytes + 12] = 0x50;
    frame[ethernet_bytes + ip_bytes + 13] = flags;
    frame[ethernet_bytes + ip_bytes + 14] = 0x40;
    join_connection(frame, which);
    repair_headers(frame);
    inject(0, frame, 1);
}

void StackWorld::call_in(std::uint16_t port) {
    Frame frame(ethernet_bytes + ip_bytes + tcp_bytes);
    address(frame, 0);
    frame[6] = 2;
    frame[11] = 9;
    auto* const ip = frame.data() + ethernet_bytes;
    ip[0] = 0x45;
    ip[8] = 64;
    ip[9] = 6;
    constexpr std::uint8_t from_to[] = {10, 0, 0, 2, 10, 0, 0, 1};
    std::memcpy(ip + 12, from_to, sizeof from_to);
    auto* const tcp = ip + ip_bytes;
    tcp[0] = static_cast<std::uint8_t>(port >> 8);
    tcp[1] = static_cast<std::uint8_t>(port);
    tcp[3] = 80;
    tcp[12] = 0x50;
    tcp[13] = syn;
    tcp[14] = 0x40;
    repair_headers(frame);
    inject(0, frame, 1);
}

void StackWorld::make_connections() {
    auto const before = frames;
    // The other end's hardware address, as its answer to the stack's question says.
    Frame arp{2, 0, 0, 0, 0, 2, 2, 0,  0, 0, 0, 9, 8, 6, 0, 1, 8, 0,  6, 4, 0,
              2, 2, 0, 0, 0, 0, 9, 10, 0, 0, 2, 2, 0, 0, 0, 0, 2, 10, 0, 0, 1};
    inject(0, arp, 0);
    segment(0, syn | acknowledge); // the connection of open_sockets
    auto const listener = sockets_.front();
    for (std::uint16_t i = 0; i < callers; ++i) {
        call_in(static_cast<std::uint16_t>(first_caller + i));
        if (i + 1 == callers) { break; } // the last one stays half open
        segment(0, acknowledge);
        if (auto const accepted = ipc::call<proto::Socket::Accept>(listener, nonblock)) {
            sockets_.push_back(std::get<0>(*accepted).as<proto::Socket>());
        }
        if (i == 0) { segment(0, finish | acknowledge); } // its end has said all: CLOSE_WAIT
        if (i == 1) { static_cast<void>(ipc::call<proto::Socket::Shutdown>(sockets_.back(), 1U)); } // FIN_WAIT_1
    }
    open(internet, stream, 0);
    static_cast<void>(ipc::call<proto::Socket::Connect>(sockets_.back(), address_of(other, 8081))); // SYN_SENT
    frames = before;
}

void StackWorld::open(std::uint32_t domain, std::uint32_t type, std::uint32_t protocol) {
    auto const made = ipc::call<proto::NetworkStack::OpenSocket>(
        control_, domain, type | nonblock | stack::opener_binds_any_port, protocol);
    if (made) { sockets_.push_back(made->as<proto::Socket>()); }
}

void StackWorld::set_blocking(std::size_t which, bool blocking) {
    static_cast<void>(
        ipc::call<proto::File::SetFlags>(ipc::Cap<proto::File>{sockets_[which].slot}, blocking ? 0U : nonblock));
}

void StackWorld::use_socket(std::size_t which, unsigned operation, std::uint32_t argument) {
    which %= sockets_.size();
    auto const socket = sockets_[which];
    ipc::Cap<proto::File> const file{socket.slot};
    auto const [level, option] = options[argument % std::size(options)];
    static std::byte buffer[4096];
    switch (operation) {
    case 0:
    case 1:
        static_cast<void>(
            ipc::call<proto::Socket::Receive>(socket, operation * 2, ipc::WriteBuffer{buffer, argument * 16}));
        break;
    case 2:
    case 3:
        static_cast<void>(
            ipc::call<proto::Socket::Send>(socket, 0U, operation == 2 ? proto::SocketAddress{} : peer_of(argument, 53),
                                           ipc::ReadBuffer{buffer, argument * 16}));
        break;
    case 4:
        if (auto const accepted = ipc::call<proto::Socket::Accept>(socket, nonblock);
            accepted && sockets_.size() < sockets_at_most) {
            sockets_.push_back(std::get<0>(*accepted).as<proto::Socket>());
        } else if (accepted) {
            ipc::release_slot(std::get<0>(*accepted).slot);
        }
        break;
    case 5: static_cast<void>(ipc::call<proto::Socket::Shutdown>(socket, argument % 3)); break;
    case 6:
        static_cast<void>(ipc::call<proto::Socket::Connect>(socket, peer_of(argument, argument % 2 == 0 ? 80 : 53)));
        break;
    case 7:
        ipc::release_slot(socket.slot);
        sockets_.erase(sockets_.begin() + static_cast<std::ptrdiff_t>(which));
        if (sockets_.empty()) { open(internet, stream, 0); }
        world_.pump();
        break;
    case 8: static_cast<void>(ipc::call<proto::File::Poll>(file, 0xffffU)); break;
    case 9: // a caller who waits, until a frame brings what it waits for or it gives up
        if (waiting_++ < waiting_at_most) {
            set_blocking(which, true);
            if (argument % 3 == 0) {
                static_cast<void>(ipc::call<proto::Socket::Accept>(socket, nonblock));
            } else if (argument % 3 == 1) {
                static_cast<void>(ipc::call<proto::File::Read>(file, 0U, ipc::WriteBuffer{buffer, sizeof buffer}));
            } else {
                static_cast<void>(ipc::call<proto::Socket::Receive>(socket, 0U, ipc::WriteBuffer{buffer, argument}));
            }
            set_blocking(which, false);
        }
        break;
    case 10: world_.abandon_deferred(); break;
    case 11:
        if (waiting_++ < waiting_at_most) {
            ipc::Cap<ipc::Notification> const notification{world_.add(std::make_shared<ipc::host::HostNotification>())};
            static_cast<void>(ipc::call<proto::File::PollArm>(file, argument, argument % 4, notification));
        } else {
            static_cast<void>(ipc::call<proto::File::PollDisarm>(file, argument % 4));
        }
        break;
    case 12:
        static_cast<void>(
            ipc::call<proto::Socket::SetOption>(socket, level, option, netstack::word_option(argument / 16 % 8)));
        break;
    case 13: static_cast<void>(ipc::call<proto::Socket::GetOption>(socket, level, option)); break;
    case 14: static_cast<void>(ipc::call<proto::Socket::Name>(socket, argument % 2)); break;
    default:
        if (sockets_.size() < sockets_at_most) {
            constexpr std::uint32_t kinds[][2] = {{stream, 0}, {datagram, 0}, {raw, 1},
                                                  {raw, 17},   {datagram, 1}, {raw, 255}};
            auto const [type, protocol] = kinds[argument % std::size(kinds)];
            open(internet, type, protocol);
            static_cast<void>(ipc::call<proto::Socket::Bind>(
                sockets_.back(), address_of(0, static_cast<std::uint16_t>(1000 + argument))));
            if (type == stream && argument >= 128) {
                static_cast<void>(ipc::call<proto::Socket::Listen>(sockets_.back(), 2U));
            }
        }
        break;
    }
}

} // namespace fuzz
