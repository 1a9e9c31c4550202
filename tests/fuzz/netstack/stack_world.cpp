#include "stack_world.hpp"
#include "../../../servers/netstack/lwip/hooks.h"
#include "lwip/priv/tcp_priv.h"
#include <cstdio>

namespace fuzz {

namespace {
namespace stack = proto::stack;
constexpr std::uint32_t half = stack::ring_bytes / 2, stream = 1, datagram = 2, raw = 3, internet = 2, packet = 17, nonblock = 0x800;
constexpr std::size_t ethernet_bytes = 14, ip_bytes = 20;
proto::SocketAddress address_of(std::uint32_t host_order, std::uint16_t port) { return netstack::socket_address(__builtin_bswap32(host_order), port); }
constexpr std::uint32_t other = 0x0a000002;
struct Count {
    ~Count() { std::fprintf(stderr, "frames: %llu\n", static_cast<unsigned long long>(StackWorld::frames)); }
} count;
} // namespace

void repair_headers(std::vector<std::uint8_t>& frame) {
    if (frame.size() < ethernet_bytes + ip_bytes) { return; }
    frame[12] = 8;
    frame[13] = 0;
    auto* const ip = frame.data() + ethernet_bytes;
    auto const total = frame.size() - ethernet_bytes;
    std::size_t header = (ip[0] & 15U) * 4U;
    if (header < ip_bytes || header > total) { header = ip_bytes; }
    ip[0] = static_cast<std::uint8_t>(0x40 | header / 4);
    ip[2] = static_cast<std::uint8_t>(total >> 8);
    ip[3] = static_cast<std::uint8_t>(total);
    ip[10] = ip[11] = 0;
    auto const sum = static_cast<std::uint16_t>(~cella_checksum(ip, static_cast<int>(header)));
    std::memcpy(ip + 10, &sum, sizeof sum);
}

StackWorld::StackWorld() : area_(stack::configuration_bytes) {
    for (auto& ring : host_.rings) { ring.resize(stack::ring_bytes / 8); }
    netstack::platform_instance = &host_;
    configure();
    server_ = std::make_unique<netstack::StackServer>(area_, *status_);
    number_ = world_.serve<proto::NetworkStack, proto::File, proto::Socket>(*server_);
    world_.as(number_, [] { static_cast<void>(ipc::bind_no_senders(stack::no_senders_bit)); });
    control_ = world_.client<proto::NetworkStack>(number_, netstack::control_badge);
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
}

StackWorld::~StackWorld() {
    world_.as(number_, [&] {
        server_.reset();
        while (tcp_active_pcbs != nullptr) { tcp_abort(tcp_active_pcbs); }
        while (tcp_tw_pcbs != nullptr) { tcp_abort(tcp_tw_pcbs); }
    });
}

void StackWorld::configure() {
    stack::ConfigurationWriter writer{area_.data(), static_cast<std::uint32_t>(area_.size())};
    auto const device = [&](std::uint32_t index, stack::DeviceKind kind, std::uint32_t ring, std::uint32_t master) {
        stack::DeviceRecord record{};
        record.index = index;
        record.mtu = 1500;
        record.kind = kind;
        record.ring = ring;
        record.master = master;
        record.up = record.carrier = 1;
        record.hardware_address[0] = 2;
        record.hardware_address[5] = static_cast<std::uint8_t>(index);
        record.name[0] = static_cast<char>('a' + index);
        writer.add(record);
    };
    device(1, stack::DeviceKind::Loopback, 0, 0);
    device(2, stack::DeviceKind::Veth, 1, 0);
    device(5, stack::DeviceKind::Bridge, 0, 0);
    device(3, stack::DeviceKind::Veth, 2, 5);
    device(4, stack::DeviceKind::Veth, 3, 5);
    writer.add(stack::AddressRecord{{}, 1, {127, 0, 0, 1}, 8, {}});
    writer.add(stack::AddressRecord{{}, 2, {10, 0, 0, 1}, 24, {}});
    writer.add(stack::AddressRecord{{}, 5, {10, 1, 0, 1}, 24, {}});
    for (int const net : {0, 1}) {
        stack::RouteRecord route{};
        route.device = net == 0 ? 2 : 5;
        route.prefix = 24;
        route.destination[0] = 10;
        route.destination[1] = static_cast<std::uint8_t>(net);
        writer.add(route);
    }
    writer.add(stack::SettingRecord{{}, proto::NetworkSetting::Forwarding, {1, 0}});
    static_cast<void>(writer.finish());
}

void StackWorld::open(std::uint32_t domain, std::uint32_t type, std::uint32_t protocol) {
    auto const made = ipc::call<proto::NetworkStack::OpenSocket>(control_, domain, type | nonblock | stack::opener_binds_any_port, protocol);
    if (made) { sockets_.push_back(made->as<proto::Socket>()); }
}

void StackWorld::notify(abi::Word bit) {
    world_.as(number_, [&] { server_->on_notification(abi::Word{1} << bit); });
}

void StackWorld::address(std::vector<std::uint8_t>& frame, std::size_t device) const {
    constexpr std::uint8_t own[] = {2, 0, 0, 0, 0};
    std::memcpy(frame.data(), own, sizeof own);
    frame[5] = device == 0 || device == 3 ? 2 : 5;
}

void StackWorld::join_connection(std::vector<std::uint8_t>& frame) {
    auto const* const connection = tcp_active_pcbs;
    constexpr std::size_t tcp = ethernet_bytes + ip_bytes, tcp_bytes = 20;
    if (connection == nullptr || frame.size() < tcp + tcp_bytes) { return; }
    frame[ethernet_bytes] = 0x45;
    frame[ethernet_bytes + 6] = frame[ethernet_bytes + 7] = 0; // no fragment
    frame[ethernet_bytes + 9] = 6;
    auto const put16 = [&](std::size_t where, std::uint16_t value) {
        frame[where] = static_cast<std::uint8_t>(value >> 8);
        frame[where + 1] = static_cast<std::uint8_t>(value);
    };
    auto const put32 = [&](std::size_t where, std::uint32_t value) {
        put16(where, static_cast<std::uint16_t>(value >> 16));
        put16(where + 2, static_cast<std::uint16_t>(value));
    };
    std::memcpy(&frame[ethernet_bytes + 12], &connection->remote_ip.addr, 4);
    std::memcpy(&frame[ethernet_bytes + 16], &connection->local_ip.addr, 4);
    put16(tcp, connection->remote_port);
    put16(tcp + 2, connection->local_port);
    // The frame's own numbers are small differences.
    put32(tcp + 4, connection->rcv_nxt + static_cast<std::uint32_t>(static_cast<std::int8_t>(frame[tcp + 7])));
    put32(tcp + 8, connection->snd_nxt + static_cast<std::uint32_t>(static_cast<std::int8_t>(frame[tcp + 11])));
}

void StackWorld::inject(std::size_t device, std::vector<std::uint8_t> const& frame, std::uint32_t flags) {
    device %= host_.rings.size();
    proto::PacketRing ring{reinterpret_cast<std::byte*>(host_.rings[device].data()) + half, half};
    bool was_empty = false;
    ring.put(static_cast<std::uint32_t>(frame.size()), flags, was_empty, [&](auto put) { put(frame.data(), static_cast<std::uint32_t>(frame.size())); });
    ++frames;
    notify(stack::ring_bit);
    for (std::size_t i = 0; i < host_.rings.size(); ++i) { drain(i); }
}

void StackWorld::drain(std::size_t device) {
    proto::PacketRing sent{host_.rings[device].data(), half};
    std::uint32_t length, flags;
    while (sent.next(length, flags)) { sent.pop(length); }
}

void StackWorld::pass(std::uint64_t milliseconds) {
    host_.now += milliseconds * 1000000;
    notify(stack::timer_bit);
}

void StackWorld::use_socket(std::size_t which, unsigned operation, std::uint32_t argument) {
    auto& socket = sockets_[which % sockets_.size()];
    static std::byte buffer[4096];
    switch (operation) {
    case 0: case 1: static_cast<void>(ipc::call<proto::Socket::Receive>(socket, operation * 2, ipc::WriteBuffer{buffer, argument * 16})); break;
    case 2: case 3:
        static_cast<void>(ipc::call<proto::Socket::Send>(socket, 0U, operation == 2 ? proto::SocketAddress{} : address_of(argument < 128 ? other : 0x7f000001, 53),
                                                         ipc::ReadBuffer{buffer, argument * 16}));
        break;
    case 4:
        if (auto const accepted = ipc::call<proto::Socket::Accept>(socket, nonblock)) { sockets_.push_back(std::get<0>(*accepted).as<proto::Socket>()); }
        break;
    case 5: static_cast<void>(ipc::call<proto::Socket::Shutdown>(socket, argument % 3)); break;
    case 6: static_cast<void>(ipc::call<proto::Socket::Connect>(socket, address_of(argument < 128 ? other : 0x7f000001, 80))); break;
    case 7:
        ipc::release_slot(socket.slot);
        sockets_.erase(sockets_.begin() + static_cast<std::ptrdiff_t>(which % sockets_.size()));
        if (sockets_.empty()) { open(internet, stream, 0); }
        world_.pump();
        break;
    default: static_cast<void>(ipc::call<proto::File::Poll>(ipc::Cap<proto::File>{socket.slot}, 0xffffU)); break;
    }
}

void StackWorld::spoil_ring(std::size_t device, std::size_t word, std::uint32_t value) {
    auto* const memory = reinterpret_cast<std::uint32_t*>(host_.rings[device % host_.rings.size()].data());
    // Head and waiting flag of what the stack reads; tail of what it writes; and the data.
    auto* const theirs = memory + half / 4;
    switch (word % 4) {
    case 0: theirs[0] = value; break;
    case 1: memory[1] = value; break;
    case 2: theirs[2] = value; break;
    default: theirs[16 + word] = value; break;
    }
    notify(stack::ring_bit);
}

} // namespace fuzz
