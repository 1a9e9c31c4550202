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
        ring.put(static_cast<std::uint32_t>(frame.size()), 0, empty, [&](auto put) { put(frame.data(), static_cast<std::uint32_t>(frame.size())); });
        world.as(number, [&] { server->on_notification(1U << stack::ring_bit); });
        proto::PacketRing sent{platform.ring.data(), half};
        std::uint32_t length, flags;
        while (sent.next(length, flags)) { sent.pop(length); }
    }
};

proto::SocketAddress internet(std::uint32_t address, std::uint16_t port) { return netstack::socket_address(__builtin_bswap32(address), port); }
constexpr std::uint32_t stream = 1, datagram = 2, raw = 3, loopback = 0x7f000001;

ipc::Result<proto::Transfer> send(ipc::Cap<proto::Socket> socket, void const* bytes, std::size_t count, proto::SocketAddress const& to = {}) {
    return ipc::call<proto::Socket::Send>(socket, 0U, to, ipc::ReadBuffer{bytes, count});
}
ipc::Result<std::tuple<proto::ReceivedDatagram, proto::SocketAddress>> receive(ipc::Cap<proto::Socket> socket, void* bytes, std::size_t count) {
    return ipc::call<proto::Socket::Receive>(socket, 0U, ipc::WriteBuffer{bytes, count});
}

} // namespace

TEST_CASE("TCP over the loopback: everything arrives as it was sent, large and small, and the end is seen") {
    Fixture fixture;
    auto const listener = fixture.open(stream), client = fixture.open(stream), second = fixture.open(stream);
    CHECK(ipc::call<proto::Socket::Connect>(client, internet(loopback, 80)).error() == Error::InProgress);
    CHECK(ipc::call<proto::Socket::Connect>(client, internet(loopback, 80)).error() == Error::ConnectionRefused);
    REQUIRE(ipc::call<proto::Socket::Bind>(listener, internet(0, 80)));
    REQUIRE(ipc::call<proto::Socket::Listen>(listener, 5U));
    CHECK(ipc::call<proto::Socket::Bind>(second, internet(0, 80)).error() == Error::AddressInUse);
    CHECK(ipc::call<proto::Socket::Bind>(second, internet(0x01020304, 80)).error() == Error::AddressNotAvailable);
    CHECK(ipc::call<proto::Socket::Accept>(listener, 0U).error() == Error::Again);
    CHECK(ipc::call<proto::Socket::Connect>(client, internet(loopback, 80)).error() == Error::InProgress);
    CHECK(ipc::call<proto::Socket::Connect>(client, internet(loopback, 80)));
    CHECK(ipc::call<proto::Socket::Connect>(client, internet(loopback, 80)).error() == Error::IsConnected);
    auto const accepted = ipc::call<proto::Socket::Accept>(listener, 0x800U);
    REQUIRE(accepted);
    auto const server = std::get<0>(*accepted).as<proto::Socket>();
    std::vector<std::uint8_t> out(700000), in;
    for (std::size_t i = 0; i < out.size(); ++i) { out[i] = static_cast<std::uint8_t>(i * i >> 7); }
    std::size_t sent = 0;
    std::vector<std::uint8_t> part(50000);
    for (int round = 0; in.size() < out.size() && round < 10000; ++round) {
        auto const want = std::min<std::size_t>(round % 3 == 0 ? 100 : 90000, out.size() - sent);
        if (want != 0) {
            if (auto const done = send(client, out.data() + sent, want)) { sent += done->count; }
        }
        auto const got = receive(server, part.data(), round % 5 == 0 ? 7 : part.size());
        if (got) {
            in.insert(in.end(), part.begin(), part.begin() + std::get<0>(*got).transfer.count);
        } else {
            CHECK(got.error() == Error::Again);
            fixture.pass(50);
        }
        if (sent == out.size() && round % 2 == 0 && in.size() < out.size() / 2) { fixture.pass(50); }
    }
    CHECK(in == out);
    REQUIRE(send(client, "last words", 10)); // sent by a socket that is gone when they are read
    fixture.close(client);
    auto const words = receive(server, part.data(), part.size());
    REQUIRE(words);
    CHECK(std::string_view{reinterpret_cast<char*>(part.data()), std::get<0>(*words).transfer.count} == "last words");
    auto const end = receive(server, part.data(), part.size());
    REQUIRE(end);
    CHECK(std::get<0>(*end).transfer.count == 0);
    CHECK(send(server, "?", 1));
    fixture.pass(500);
    CHECK_FALSE(send(server, "?", 1));
    fixture.close(server);
    fixture.close(listener);
    fixture.close(second);
    CHECK(fixture.server->socket_count() == 0);
}

TEST_CASE("a sender that closes with much unread leaves everything it sent to be read") {
    Fixture fixture;
    auto const listener = fixture.open(stream), client = fixture.open(stream);
    REQUIRE(ipc::call<proto::Socket::Bind>(listener, internet(0, 81)));
    REQUIRE(ipc::call<proto::Socket::Listen>(listener, 5U));
    static_cast<void>(ipc::call<proto::Socket::Connect>(client, internet(loopback, 81)));
    auto const accepted = ipc::call<proto::Socket::Accept>(listener, 0x800U);
    REQUIRE(accepted);
    auto const server = std::get<0>(*accepted).as<proto::Socket>();
    std::vector<std::uint8_t> out(120000, 7), in(200000);
    auto const sent = send(client, out.data(), out.size());
    REQUIRE(sent);
    fixture.close(client);
    std::size_t got = 0;
    for (int round = 0; round < 200; ++round) {
        auto const part = receive(server, in.data(), 10000);
        if (part && std::get<0>(*part).transfer.count == 0) { break; }
        if (part) { got += std::get<0>(*part).transfer.count; }
        fixture.pass(50);
    }
    CHECK(got == sent->count);
    fixture.close(server);
    fixture.close(listener);
}

TEST_CASE("datagrams keep their bounds and their senders; errors are Linux's") {
    Fixture fixture;
    auto const a = fixture.open(datagram), b = fixture.open(datagram);
    REQUIRE(ipc::call<proto::Socket::Bind>(a, internet(0, 53)));
    CHECK(ipc::call<proto::Socket::Bind>(b, internet(0, 53)).error() == Error::AddressInUse);
    char text[100];
    CHECK(receive(a, text, sizeof text).error() == Error::Again);
    CHECK(send(b, "x", 1).error() == Error::DestinationRequired);
    CHECK(send(b, "x", 1, internet(0x08080808, 53)).error() == Error::NetworkUnreachable);
    std::vector<char> const large(70000);
    CHECK(send(b, large.data(), large.size(), internet(loopback, 53)).error() == Error::MessageTooLong);
    CHECK(send(b, "one", 3, internet(loopback, 53))->count == 3);
    CHECK(send(b, "second", 6, internet(loopback, 53))->count == 6);
    auto const first = receive(a, text, 2); // the rest of it is lost
    REQUIRE(first);
    CHECK(std::get<0>(*first).transfer.count == 2);
    CHECK(std::get<0>(*first).flags == proto::message_flag::truncate);
    auto const second = receive(a, text, sizeof text);
    REQUIRE(second);
    CHECK(std::string_view{text, std::get<0>(*second).transfer.count} == "second");
    CHECK(netstack::internet_address(std::get<1>(*second))->address == 0x0100007f);
    CHECK(ipc::call<proto::Socket::Name>(b, 1U).error() == Error::NotConnected);
    fixture.rights = 0;
    auto const humble = fixture.open(datagram);
    CHECK(ipc::call<proto::Socket::Bind>(humble, internet(0, 54)).error() == Error::Access);
    CHECK(ipc::call<proto::Socket::Bind>(humble, internet(0, 5400)));
    fixture.close(humble);
    fixture.close(a);
    fixture.close(b);
}

TEST_CASE("an echo request comes back to a raw socket and a ping socket") {
    Fixture fixture;
    auto const ping = fixture.open(datagram, 1), all = fixture.open(raw, 1);
    unsigned char request[16] = {8, 0, 0, 0, 0, 0, 0, 1, 'h', 'i'};
    REQUIRE(send(ping, request, sizeof request, internet(loopback, 0)));
    unsigned char answer[100];
    auto const got = receive(ping, answer, sizeof answer);
    REQUIRE(got);
    CHECK(std::get<0>(*got).transfer.count == sizeof request);
    CHECK(answer[0] == 0);
    CHECK(answer[8] == 'h');
    auto const heard = receive(all, answer, sizeof answer);
    REQUIRE(heard);
    CHECK(std::get<0>(*heard).transfer.count == sizeof request + 20);
    CHECK(answer[0] == 0x45);
    fixture.close(ping);
    fixture.close(all);
}

TEST_CASE("frames of any content break nothing") {
    Fixture fixture;
    auto const listener = fixture.open(stream), udp = fixture.open(datagram), icmp = fixture.open(raw, 1);
    REQUIRE(ipc::call<proto::Socket::Bind>(listener, internet(0, 80)));
    REQUIRE(ipc::call<proto::Socket::Listen>(listener, 5U));
    REQUIRE(ipc::call<proto::Socket::Bind>(udp, internet(0, 53)));
    std::uint32_t random = 12345;
    auto const next = [&] { return random = random * 1664525 + 1013904223; };
    for (int round = 0; round < 20000; ++round) {
        std::vector<std::byte> frame(14 + next() % 200);
        for (auto& byte : frame) { byte = static_cast<std::byte>(next() >> 24); }
        std::memcpy(frame.data(), "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
        bool const arp = next() % 8 < 2;
        frame[12] = std::byte{8};
        frame[13] = arp ? std::byte{6} : std::byte{0};
        if (!arp && frame.size() >= 34) {
            // A header that is nearly right, so that what is behind it is looked at.
            constexpr std::uint8_t protocols[] = {1, 6, 17, 2};
            frame[14] = static_cast<std::byte>(0x45 + (next() % 16 == 0 ? next() % 11 : 0));
            auto const length = static_cast<std::uint16_t>(frame.size() - 14 - (next() % 16 == 0 ? next() % 30 : 0));
            frame[16] = static_cast<std::byte>(length >> 8);
            frame[17] = static_cast<std::byte>(length);
            if (next() % 4 != 0) { frame[20] = frame[21] = std::byte{}; }
            frame[22] = std::byte{64};
            frame[23] = static_cast<std::byte>(protocols[next() % 4]);
            std::memcpy(&frame[26], "\12\0\0\2\12\0\0\1", 8);
            if (frame.size() > 38 && next() % 2 == 0) {
                frame[36] = std::byte{};
                frame[37] = next() % 2 == 0 ? std::byte{80} : std::byte{53};
            }
            std::uint32_t sum = 0;
            frame[24] = frame[25] = std::byte{};
            for (std::size_t i = 14; i + 1 < 34; i += 2) { sum += static_cast<std::uint32_t>(frame[i]) << 8 | static_cast<std::uint32_t>(frame[i + 1]); }
            while (sum >> 16 != 0) { sum = (sum & 0xffff) + (sum >> 16); }
            frame[24] = static_cast<std::byte>(~sum >> 8);
            frame[25] = static_cast<std::byte>(~sum);
        }
        fixture.inject(frame);
        if (round % 500 == 0) { fixture.pass(100); }
    }
    std::vector<char> text(2000);
    while (receive(udp, text.data(), text.size())) {}
    while (receive(icmp, text.data(), text.size())) {}
    while (auto const accepted = ipc::call<proto::Socket::Accept>(listener, 0U)) { fixture.close(std::get<0>(*accepted).as<proto::Socket>()); }
    fixture.pass(20000);
    // It is still there.
    CHECK(send(udp, "x", 1, internet(loopback, 53)));
    CHECK(receive(udp, text.data(), text.size()));
    for (auto const socket : {listener, udp, icmp}) { fixture.close(socket); }
}

TEST_CASE("a frame for a stack that sleeps wakes it once; asking for another's address, or announcing one's own, wakes nobody") {
    Fixture fixture;
    auto const socket = fixture.open(datagram);
    CHECK(fixture.status.wakes == 0);
    REQUIRE(send(socket, "hello", 5, internet(0x0a010009, 9)));
    CHECK(fixture.status.wakes == 0);
    REQUIRE(send(socket, "hello", 5, internet(0x0a010002, 9)));
    CHECK(fixture.status.wakes == 1);
    CHECK(fixture.status.wake_devices[0] == 3);
    CHECK(fixture.platform.netns_bells > 0);
    fixture.pass(3000); // asks again
    CHECK(fixture.status.wakes == 1);
    fixture.close(socket);
}
