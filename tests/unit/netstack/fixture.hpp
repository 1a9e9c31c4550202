// One stack under test: a platform of its own, a wire whose other end the test holds, and sockets of programs.
#pragma once
#include "../../../servers/netstack/platform.hpp"
#include "../../../servers/netstack/stack_server.hpp"
#include "host/world.hpp"
#include "proto/packet_ring.hpp"
#include <doctest/doctest.h>

namespace {

namespace stack = proto::stack;
using ipc::Error;

struct FakePlatform final : netstack::Platform {
    std::uint64_t now = 1000000000;
    std::uint32_t seed = 1;
    std::vector<std::uint64_t> ring = std::vector<std::uint64_t>(stack::ring_bytes / 8);
    int bells = 0;
    std::uint64_t nanoseconds() override { return now; }
    std::uint64_t stamp() override { return now; }
    std::uint64_t stamp_of(std::uint64_t nanoseconds) override { return nanoseconds; }
    std::uint32_t random() override { return seed = seed * 1664525 + 1013904223; }
    void* ring_memory(std::uint32_t number) override { return number == 0 ? ring.data() : nullptr; }
    void ring_peer(std::uint32_t) override { ++bells; }
    int netns_bells = 0;
    void ring_netns() override { ++netns_bells; }
};

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
        stack::DeviceRecord loopback{};
        loopback.index = 1;
        loopback.mtu = 65536;
        loopback.kind = stack::DeviceKind::Loopback;
        loopback.up = loopback.carrier = 1;
        std::memcpy(loopback.name, "lo", 3);
        writer.add(loopback);
        auto wire = loopback;
        wire.index = 2;
        wire.mtu = 1500;
        wire.kind = stack::DeviceKind::Veth;
        wire.ring = 1;
        std::memcpy(wire.name, "v0", 3);
        std::memcpy(wire.hardware_address, "\2\0\0\0\0\1", 6);
        writer.add(wire);
        writer.add(stack::AddressRecord{{}, 1, {127, 0, 0, 1}, 8, {}});
        writer.add(stack::AddressRecord{{}, 2, {10, 0, 0, 1}, 24, {}});
        stack::RouteRecord route{};
        route.device = 2;
        route.prefix = 24;
        route.destination[0] = 10;
        writer.add(route);
        auto asleep = wire;
        asleep.index = 3;
        asleep.ring = 0;
        std::memcpy(asleep.name, "v1", 3);
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
        proto::PacketRing ring{reinterpret_cast<std::byte*>(platform.ring.data()) + half, half};
        bool empty = false;
        ring.put(static_cast<std::uint32_t>(frame.size()), 0, empty,
                 [&](auto put) { put(frame.data(), static_cast<std::uint32_t>(frame.size())); });
        world.as(number, [&] { server->on_notification(1U << stack::ring_bit); });
        proto::PacketRing sent{platform.ring.data(), half};
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
