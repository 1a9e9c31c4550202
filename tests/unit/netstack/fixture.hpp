// One stack under test: a platform of its own, a wire whose other end the test holds, and sockets of programs.
#pragma once
#include "../../../servers/netstack/stack_server.hpp"
#include "host/world.hpp"
#include "proto/packet_ring.hpp"
#include "records.hpp"
#include <doctest/doctest.h>

namespace {

namespace stack = proto::stack;
using ipc::Error;

using FakePlatform = records::FakePlatform<1>;

/// One stack: a loopback that is up, and 10.0.0.1/24 on a device whose other end the test holds.
struct Fixture {
    FakePlatform platform;
    std::vector<std::byte> area = std::vector<std::byte>(stack::configuration_bytes);
    stack::StatusPage status{};
    ipc::host::World world;
    std::unique_ptr<netstack::StackServer> server;
    std::size_t number = 0;
    ipc::Cap<proto::NetworkStack> control;
    std::uint32_t rights = stack::opener_binds_any_port;

    Fixture() {
        netstack::platform_instance = &platform;
        stack::ConfigurationWriter writer{area.data(), static_cast<std::uint32_t>(area.size())};
        writer.add(records::device(1, "lo", stack::DeviceKind::Loopback));
        writer.add(records::device(2, "v0", stack::DeviceKind::Veth, 1));
        writer.add(stack::AddressRecord{{}, 1, {127, 0, 0, 1}, 8, {}});
        writer.add(stack::AddressRecord{{}, 2, {10, 0, 0, 1}, 24, {}});
        stack::RouteRecord route{};
        route.device = 2;
        route.prefix = 24;
        route.destination[0] = 10;
        writer.add(route);
        auto asleep = records::device(3, "v1", stack::DeviceKind::Veth);
        std::memcpy(asleep.sleeper, "\12\1\0\2", 4);
        writer.add(asleep);
        writer.add(stack::AddressRecord{{}, 3, {10, 1, 0, 1}, 24, {}});
        route.device = 3;
        route.destination[1] = 1;
        writer.add(route);
        REQUIRE(writer.finish());
        server = std::make_unique<netstack::StackServer>(area, status);
        number = world.serve<proto::NetworkStack, proto::File, proto::Socket>(*server);
        world.as(number, [] { static_cast<void>(ipc::bind_no_senders(stack::no_senders_bit)); });
        control = world.client<proto::NetworkStack>(number, netstack::control_badge);
    }
    ~Fixture() {
        world.as(number, [&] { server.reset(); });
    }
    ipc::Cap<proto::Socket> open(std::uint32_t type, std::uint32_t protocol = 0) {
        auto const made = ipc::call<proto::NetworkStack::OpenSocket>(control, 2U, type | 0x800 | rights, protocol);
        REQUIRE(made);
        return made->as<proto::Socket>();
    }
    void close(ipc::Cap<proto::Socket> socket) {
        ipc::release_slot(socket.slot);
        world.pump();
    }
    void pass(std::uint64_t milliseconds) {
        for (; milliseconds > 0; milliseconds -= std::min<std::uint64_t>(milliseconds, 50)) {
            platform.now += 50000000;
            world.as(number, [&] { server->on_notification(1U << stack::timer_bit); });
        }
    }
    /// A frame from the other end of the wire.
    void inject(std::span<std::byte const> frame) {
        constexpr auto half = stack::ring_bytes / 2;
        proto::PacketRing ring{reinterpret_cast<std::byte*>(platform.memory[0].data()) + half, half};
        bool empty = false;
        ring.put(static_cast<std::uint32_t>(frame.size()), 0, empty,
                 [&](auto put) { put(frame.data(), static_cast<std::uint32_t>(frame.size())); });
        world.as(number, [&] { server->on_notification(1U << stack::ring_bit); });
        proto::PacketRing sent{platform.memory[0].data(), half};
        std::uint32_t length, flags;
        while (sent.next(length, flags)) { sent.pop(length); }
    }
};

inline proto::SocketAddress internet(std::uint32_t address, std::uint16_t port) {
    return netstack::socket_address(__builtin_bswap32(address), port);
}
constexpr std::uint32_t stream = 1, datagram = 2, raw = 3, loopback = 0x7f000001;

inline ipc::Result<proto::Transfer> send(ipc::Cap<proto::Socket> socket, void const* bytes, std::size_t count,
                                         proto::SocketAddress const& to = {}) {
    return ipc::call<proto::Socket::Send>(socket, 0U, to, ipc::ReadBuffer{bytes, count});
}
inline ipc::Result<std::tuple<proto::ReceivedDatagram, proto::SocketAddress>> receive(ipc::Cap<proto::Socket> socket,
                                                                                      void* bytes, std::size_t count) {
    return ipc::call<proto::Socket::Receive>(socket, 0U, ipc::WriteBuffer{bytes, count});
}

} // namespace
