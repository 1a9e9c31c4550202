// What programs do with their sockets while frames come in, and the connections that they have.
#include "stack_world.hpp"

namespace fuzz {

namespace {
namespace stack = proto::stack;
constexpr std::uint32_t stream = 1, datagram = 2, raw = 3, internet = 2, internet6 = 10, packet = 17, nonblock = 0x800;
constexpr std::size_t ethernet_bytes = 14, ip_bytes = 20, ip6_bytes = 40, tcp_bytes = 20, sockets_at_most = 64,
                      waiting_at_most = 16;
constexpr std::uint8_t finish = 1, syn = 2, acknowledge = 16;
constexpr std::uint16_t first_caller = 1000, callers = 4, listener6 = 81;
constexpr std::uint32_t other = 0x0a000002, own_loopback = 0x7f000001;

proto::SocketAddress address_of(std::uint32_t host_order, std::uint16_t port) {
    return netstack::socket_address(__builtin_bswap32(host_order), port);
}
/// fd00::LAST, or with `loopback` ::LAST.
proto::SocketAddress address6_of(std::uint8_t last, std::uint16_t port, bool loopback = false) {
    netstack::InternetAddress6 result;
    result.port = netstack::swap16(port);
    result.address[0] = last == 0 || loopback ? 0 : 0xfd;
    result.address[15] = last;
    return netstack::whole(result);
}
proto::SocketAddress peer_of(std::uint32_t argument, std::uint16_t port) {
    if (argument % 4 == 3) { return address6_of(argument < 128 ? 2 : 1, port, argument >= 192); }
    return address_of(argument < 128 ? other : own_loopback, port);
}

/// Level and number of options that change how what comes in is taken.
constexpr std::uint32_t options[][2] = {{1, 2},   {1, 6},   {1, 7},   {1, 8},   {1, 9},  {1, 13}, {1, 25},  {0, 2},
                                        {0, 8},   {0, 12},  {0, 3},   {6, 1},   {6, 2},  {6, 4},  {6, 5},   {6, 6},
                                        {255, 1}, {263, 1}, {1, 4},   {1, 3},   {1, 30}, {6, 11}, {41, 26}, {41, 16},
                                        {41, 18}, {41, 49}, {41, 51}, {41, 66}, {41, 7}, {58, 1}};
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

void StackWorld::open_sockets6() {
    open(internet6, stream, 0);
    static_cast<void>(ipc::call<proto::Socket::Bind>(sockets_.back(), address6_of(0, listener6)));
    static_cast<void>(ipc::call<proto::Socket::Listen>(sockets_.back(), 4U));
    open(internet6, datagram, 0);
    static_cast<void>(ipc::call<proto::Socket::Bind>(sockets_.back(), address6_of(0, 5353)));
    open(internet6, raw, 58);
    open(internet6, datagram, 58);
    open(internet6, stream, 0);
    static_cast<void>(ipc::call<proto::Socket::Connect>(sockets_.back(), address6_of(2, 8080)));
    open(internet6, datagram, 0);
    static_cast<void>(ipc::call<proto::Socket::Connect>(sockets_.back(), address6_of(2, 53)));
}

namespace {
/// A segment from fd00::2 to fd00::1, without data.
Frame segment_frame6(std::uint16_t from, std::uint16_t to, std::uint8_t flags) {
    Frame frame(ethernet_bytes + ip6_bytes + tcp_bytes);
    StackWorld::address(frame, 0);
    frame[6] = 2;
    frame[11] = 9;
    frame[12] = 0x86;
    frame[13] = 0xdd;
    auto* const ip = frame.data() + ethernet_bytes;
    ip[0] = 0x60;
    ip[5] = tcp_bytes;
    ip[6] = 6;
    ip[7] = 64;
    ip[8] = ip[24] = 0xfd;
    ip[23] = 2;
    ip[39] = 1;
    auto* const tcp = ip + ip6_bytes;
    tcp[0] = static_cast<std::uint8_t>(from >> 8);
    tcp[1] = static_cast<std::uint8_t>(from);
    tcp[2] = static_cast<std::uint8_t>(to >> 8);
    tcp[3] = static_cast<std::uint8_t>(to);
    tcp[12] = 0x50;
    tcp[13] = flags;
    tcp[14] = 0x40;
    return frame;
}
} // namespace

void StackWorld::segment6(std::size_t which, std::uint8_t flags) {
    auto frame = segment_frame6(0, 0, flags);
    join_connection(frame, which);
    inject(0, frame, 1);
}

void StackWorld::call_in6(std::uint16_t port) { inject(0, segment_frame6(port, listener6, syn), 1); }

void StackWorld::make_connections6() {
    auto const before = frames;
    open_sockets6();
    auto const listener = sockets_[sockets_.size() - 6];
    segment6(0, syn | acknowledge);
    for (std::uint16_t i = 0; i < 2; ++i) {
        call_in6(static_cast<std::uint16_t>(first_caller + i));
        if (i == 1) { break; } // the last one stays half open
        segment6(0, acknowledge);
        if (auto const accepted = ipc::call<proto::Socket::Accept>(listener, nonblock)) {
            sockets_.push_back(std::get<0>(*accepted).as<proto::Socket>());
        }
    }
    frames = before;
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
            bool const six = argument / 8 % 2 != 0;
            auto const port = static_cast<std::uint16_t>(1000 + argument);
            open(six ? internet6 : internet, type, six && protocol == 1 ? 58 : protocol);
            static_cast<void>(
                ipc::call<proto::Socket::Bind>(sockets_.back(), six ? address6_of(0, port) : address_of(0, port)));
            if (type == stream && argument >= 128) {
                static_cast<void>(ipc::call<proto::Socket::Listen>(sockets_.back(), 2U));
            }
        }
        break;
    }
}

} // namespace fuzz
