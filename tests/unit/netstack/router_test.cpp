// A whole stack as a host's: a card to the outside, a bridge with two containers, rules and rates. The test is everybody else.
#include "../../../servers/netstack/stack_server.hpp"
#include "host/world.hpp"
#include "packets.hpp"
#include "proto/packet_ring.hpp"
#include "records.hpp"
#include <doctest/doctest.h>
#include <string>

namespace {

namespace stack = proto::stack;
using namespace packets;
using netstack::Tuple;
using proto::PacketAction;

constexpr std::uint8_t icmp = 1, tcp = 6, udp = 17;
constexpr auto outside = address(192, 0, 2, 7), host = address(10, 0, 2, 15), next_hop = address(10, 0, 2, 2),
               gateway = address(172, 17, 0, 1), container = address(172, 17, 0, 2), other = address(172, 17, 0, 3),
               loopback = address(127, 0, 0, 1);
constexpr std::uint32_t eth0 = 2, br0 = 3, va = 4, vb = 5, rings = 3;

using FakePlatform = records::FakePlatform<rings>;

struct Frame {
    Bytes packet; ///< without the Ethernet header
    std::uint32_t flags;
};

struct Router {
    FakePlatform platform;
    std::vector<std::byte> area = std::vector<std::byte>(stack::configuration_bytes);
    stack::StatusPage status{};
    ipc::host::World world;
    std::unique_ptr<netstack::StackServer> server;
    std::size_t number = 0;
    ipc::Cap<proto::NetworkStack> control;
    std::vector<stack::RuleRecord> rules;
    std::uint32_t rate = 0; ///< of va

    Router() {
        netstack::platform_instance = &platform;
        configure();
        server = std::make_unique<netstack::StackServer>(area, status);
        number = world.serve<proto::NetworkStack, proto::File, proto::Socket>(*server);
        world.as(number, [] { static_cast<void>(ipc::bind_no_senders(stack::no_senders_bit)); });
        control = world.client<proto::NetworkStack>(number, netstack::control_badge);
    }
    ~Router() {
        world.as(number, [&] { server.reset(); });
    }
    void configure() {
        stack::ConfigurationWriter writer{area.data(), static_cast<std::uint32_t>(area.size())};
        auto const device = [&](std::uint32_t index, char const* name, stack::DeviceKind kind, std::uint32_t ring) {
            auto record = records::device(index, name, kind, ring, static_cast<std::uint8_t>(index));
            record.master = index == va || index == vb ? br0 : 0;
            record.rate = index == va ? rate : 0;
            writer.add(record);
        };
        device(1, "lo", stack::DeviceKind::Loopback, 0);
        device(eth0, "eth0", stack::DeviceKind::Card, 1);
        device(br0, "br0", stack::DeviceKind::Bridge, 0);
        device(va, "va", stack::DeviceKind::Veth, 2);
        device(vb, "vb", stack::DeviceKind::Veth, 3);
        writer.add(stack::AddressRecord{{}, 1, {127, 0, 0, 1}, 8, {}});
        writer.add(stack::AddressRecord{{}, eth0, {10, 0, 2, 15}, 24, {}});
        writer.add(stack::AddressRecord{{}, br0, {172, 17, 0, 1}, 24, {}});
        writer.add(stack::RouteRecord{{}, br0, {172, 17, 0, 0}, {}, {}, 0, 24, 0, {}});
        writer.add(stack::RouteRecord{{}, eth0, {10, 0, 2, 0}, {}, {}, 0, 24, 0, {}});
        writer.add(stack::RouteRecord{{}, eth0, {192, 0, 0, 0}, {10, 0, 2, 2}, {}, 0, 8, 1, {}});
        writer.add(stack::NeighbourRecord{{}, eth0, {10, 0, 2, 2}, {2, 0, 0, 0, 1, 1}, {}});
        writer.add(stack::NeighbourRecord{{}, br0, {172, 17, 0, 2}, {2, 0, 0, 0, 1, 2}, {}});
        writer.add(stack::NeighbourRecord{{}, br0, {172, 17, 0, 3}, {2, 0, 0, 0, 1, 3}, {}});
        writer.add(stack::SettingRecord{{}, proto::NetworkSetting::Forwarding, {1, 0}});
        for (auto const& rule : rules) { writer.add(rule); }
        REQUIRE(writer.finish());
        if (server != nullptr) { notify(stack::configuration_bit); }
    }
    void notify(abi::Word bit) {
        world.as(number, [&] { server->on_notification(abi::Word{1} << bit); });
    }
    void pass(std::uint64_t milliseconds) {
        platform.now += milliseconds * 1000000;
        notify(stack::timer_bit);
    }
    /// From the neighbour at ring 0 (outside), 1 (container) or 2 (other), to the stack or to another neighbour of the bridge.
    void inject(std::uint32_t ring, Bytes const& packet, std::uint32_t flags = 0, std::uint8_t to_neighbour = 0) {
        Bytes frame(14);
        std::uint8_t const to[6] = {2,
                                    0,
                                    0,
                                    0,
                                    static_cast<std::uint8_t>(to_neighbour != 0 ? 1 : 0),
                                    to_neighbour != 0 ? to_neighbour
                                                      : static_cast<std::uint8_t>(ring == 0 ? eth0 : br0)};
        std::uint8_t const from[6] = {2, 0, 0, 0, 1, static_cast<std::uint8_t>(ring + 1)};
        std::memcpy(&frame[0], to, 6);
        std::memcpy(&frame[6], from, 6);
        put16(frame, 12, 0x0800);
        frame.insert(frame.end(), packet.begin(), packet.end());
        constexpr auto half = stack::ring_bytes / 2;
        proto::PacketRing in{reinterpret_cast<std::byte*>(platform.memory[ring].data()) + half, half};
        bool empty = false;
        REQUIRE(in.put(static_cast<std::uint32_t>(frame.size()), flags, empty,
                       [&](auto put) { put(frame.data(), static_cast<std::uint32_t>(frame.size())); }));
        notify(stack::ring_bit);
    }
    /// IP packets that came out there.
    std::vector<Frame> taken(std::uint32_t ring) {
        std::vector<Frame> result;
        proto::PacketRing sent{platform.memory[ring].data(), stack::ring_bytes / 2};
        std::uint32_t length, flags;
        while (sent.next(length, flags)) {
            Bytes frame(length);
            sent.read(0, frame.data(), length);
            sent.pop(length);
            if (get16(frame, 12) == 0x0800) { result.push_back({{frame.begin() + 14, frame.end()}, flags}); }
        }
        return result;
    }
    Frame one(std::uint32_t ring) {
        auto const all = taken(ring);
        REQUIRE(all.size() == 1);
        return all[0];
    }
    ipc::Cap<proto::Socket> open(std::uint32_t type) {
        auto const made =
            ipc::call<proto::NetworkStack::OpenSocket>(control, 2U, type | 0x800 | stack::opener_binds_any_port, 0U);
        REQUIRE(made);
        return made->as<proto::Socket>();
    }
    void close(ipc::Cap<proto::Socket> socket) {
        ipc::release_slot(socket.slot);
        world.pump();
    }
    void masquerade() {
        stack::RuleRecord record{};
        record.rule.action = PacketAction::Masquerade;
        record.out_device = eth0;
        rules.push_back(record);
    }
    void publish(std::uint16_t from, std::uint32_t to, std::uint16_t to_port) {
        stack::RuleRecord record{};
        record.rule.action = PacketAction::DestinationNat;
        record.rule.protocol = tcp;
        record.rule.first_port = record.rule.last_port = from;
        std::memcpy(record.rule.to_address, &to, 4);
        record.rule.to_port = to_port;
        rules.push_back(record);
    }
    void drop(std::uint32_t in, std::uint32_t out) {
        stack::RuleRecord record{};
        record.rule.action = PacketAction::Drop;
        record.in_device = in;
        record.out_device = out;
        rules.push_back(record);
    }
};

proto::SocketAddress internet(std::uint32_t address, std::uint16_t port) {
    return netstack::socket_address(address, port);
}
constexpr std::uint32_t stream = 1;
constexpr std::uint32_t no_checksum = proto::packet_flag::no_checksum;

} // namespace

TEST_CASE("a router: a container's packets go out under the host's address, and answers find it") {
    Router router;
    router.masquerade();
    router.configure();
    Tuple const request{container, outside, port(50000), port(53), udp};
    router.inject(1, make(request));
    auto const sent = router.one(0);
    CHECK(tuple_of(sent.packet).source == host);
    CHECK(static_cast<int>(sent.packet[8]) == 63);
    CHECK(sums_right(sent.packet));
    router.inject(0, make(tuple_of(sent.packet).inverse()));
    auto const answer = router.one(1);
    CHECK(tuple_of(answer.packet) == request.inverse());
    CHECK(sums_right(answer.packet));
    // A checksum that was left out is still left out, and says so.
    auto bare = make({container, outside, port(50001), port(80), tcp});
    put16(bare, 36, 0);
    router.inject(1, bare, no_checksum);
    auto const still_bare = router.one(0);
    CHECK(still_bare.flags == no_checksum);
    CHECK(get16(still_bare.packet, 36) == 0);
    // If it has to be cut into pieces, they have it.
    auto long_one = make({container, outside, port(50002), port(80), tcp}, {.data = std::string(4000, 'z')});
    put16(long_one, 36, 0);
    router.inject(1, long_one, no_checksum);
    auto const pieces = router.taken(0);
    CHECK(pieces.size() == 3);
    Bytes together;
    for (auto const& piece : pieces) {
        if (together.empty()) { together.assign(piece.packet.begin(), piece.packet.begin() + 20); }
        together.insert(together.end(), piece.packet.begin() + 20, piece.packet.end());
        CHECK(piece.flags == 0);
    }
    put16(together, 6, 0);
    finish(together);
    CHECK(sums_right(together));
}

TEST_CASE("a published port is reached from outside and by the host's own programs") {
    Router router;
    router.publish(8080, container, 80);
    router.configure();
    Tuple const request{outside, host, port(4000), port(8080), tcp};
    router.inject(0, make(request, {.flags = 2}));
    auto const arrived = router.one(1);
    CHECK(tuple_of(arrived.packet) == Tuple{outside, container, port(4000), port(80), tcp});
    router.inject(1, make(tuple_of(arrived.packet).inverse(), {.flags = 0x12}));
    CHECK(tuple_of(router.one(0).packet) == request.inverse());
    for (auto const own : {loopback, host, gateway}) {
        CAPTURE(own);
        auto const client = router.open(stream);
        CHECK(ipc::call<proto::Socket::Connect>(client, internet(own, 8080)).error() == ipc::Error::InProgress);
        auto const begin = router.one(1);
        auto const seen = tuple_of(begin.packet);
        CHECK(seen.source == gateway);
        CHECK(seen.destination == container);
        CHECK(seen.destination_port == port(80));
        auto answer = make(seen.inverse(), {.flags = 0x12, .data = ""});
        auto const sequence = __builtin_bswap32(__builtin_bswap32(get32(begin.packet, 24)) + 1);
        std::memcpy(&answer[28], &sequence, 4);
        put16(answer, 34, 1000); // window
        router.inject(1, answer, no_checksum);
        auto const acknowledged = router.one(1);
        CHECK(tuple_of(acknowledged.packet) == seen);
        CHECK(static_cast<int>(acknowledged.packet[33]) == 0x10);
        CHECK(ipc::call<proto::Socket::Connect>(client, internet(own, 8080)));
        router.close(client);
        router.taken(1);
    }
}

TEST_CASE("a port published to a program of this namespace: it answers under the published number, again and again") {
    Router router;
    router.publish(2222, host, 22);
    router.configure();
    auto const listener = router.open(stream);
    REQUIRE(ipc::call<proto::Socket::Bind>(listener, internet(0, 22)));
    REQUIRE(ipc::call<proto::Socket::Listen>(listener, 5U));
    Tuple const request{outside, host, port(4000), port(2222), tcp};
    router.inject(0, make(request, {.flags = 2, .data = ""}));
    auto const answer = router.one(0);
    CHECK(tuple_of(answer.packet) == request.inverse());
    CHECK(sums_right(answer.packet));
    for (int step = 0; step < 20; ++step) { router.pass(250); }
    auto const repeated = router.taken(0);
    REQUIRE(!repeated.empty());
    CHECK(tuple_of(repeated[0].packet) == request.inverse());
    CHECK(sums_right(repeated[0].packet));
    router.close(listener);
}

TEST_CASE("what cannot be forwarded is told: expired (also echo requests), no route; never about errors") {
    for (bool const rules : {false, true}) {
        CAPTURE(rules);
        Router router;
        if (rules) {
            router.masquerade();
            router.publish(8080, container, 80);
            router.configure();
        }
        for (auto const protocol : {udp, icmp, tcp}) {
            CAPTURE(int{protocol});
            auto const packet =
                make({container, outside, port(50000), protocol == icmp ? std::uint16_t{} : port(33434), protocol},
                     {.ttl = 1});
            router.inject(1, packet);
            auto const told = router.one(1);
            CHECK(get32(told.packet, 12) == gateway);
            CHECK(get32(told.packet, 16) == container);
            CHECK(static_cast<int>(told.packet[20]) == 11);
            CHECK(sums_right(told.packet));
            CHECK(std::equal(packet.begin() + 12, packet.begin() + 28, told.packet.begin() + 40));
        }
        router.inject(1, make({container, address(8, 8, 8, 8), port(50000), port(53), udp}));
        auto const told = router.one(1);
        CHECK(static_cast<int>(told.packet[20]) == 3);
        CHECK(static_cast<int>(told.packet[21]) == 0);
        auto about = error(container, outside, 3, make({outside, container, port(1), port(2), udp}));
        about[8] = std::byte{1};
        finish(about);
        router.inject(1, about);
        CHECK(router.taken(1).empty());
        CHECK(router.taken(0).empty());
    }
}

TEST_CASE("a bridge asks its rules by port, for packets between containers and for those that are routed") {
    Router router;
    auto const between = make({container, other, port(50000), port(80), udp});
    auto const back = make({other, container, port(50001), port(81), udp});
    router.inject(2, back, 0, 2); // now the bridge knows where they are
    router.inject(1, between, 0, 3);
    CHECK(router.taken(1).size() == 1);
    CHECK(router.taken(2).size() == 1);
    router.drop(va, vb);
    router.configure();
    router.inject(1, between, 0, 3);
    CHECK(router.taken(2).empty());
    router.inject(2, back, 0, 2);
    CHECK(router.taken(1).size() == 1);
    router.inject(1, make(tuple_of(back).inverse()), 0, 3); // an answer
    CHECK(router.taken(2).size() == 1);
    router.inject(1, make({container, outside, port(1), port(2), udp}));
    CHECK(router.taken(0).size() == 1);
    router.rules.clear();
    router.drop(eth0, vb);
    router.configure();
    router.inject(0, make({outside, other, port(1), port(2), udp}));
    CHECK(router.taken(2).empty());
    router.inject(0, make({outside, container, port(1), port(2), udp}));
    CHECK(router.taken(1).size() == 1);
}

TEST_CASE(
    "a device's rate: what is beyond it waits, then is lost; nobody else waits; without a rate all goes at once") {
    Router router;
    router.rate = 100000;
    router.configure();
    std::string const data(972, 'r'); // frames of 1016 bytes with the two that align
    auto const send = [&](unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            router.inject(0, make({outside, container, port(1), port(2), udp}, {.data = data}));
        }
    };
    // The bridge learns where they are.
    router.inject(1, make({container, gateway, port(1), port(2), tcp}, {.flags = 4}));
    router.inject(2, make({other, gateway, port(1), port(2), tcp}, {.flags = 4}));
    send(30);
    auto const first = router.taken(1).size();
    CHECK(first == 19); // its burst of 20000
    router.inject(0, make({outside, other, port(1), port(2), udp}, {.data = data}));
    CHECK(router.taken(2).size() == 1);
    CHECK(router.status.deadline_low != 0);
    std::size_t later = 0;
    for (int step = 0; step < 20; ++step) {
        router.pass(5);
        later += router.taken(1).size();
    }
    CHECK(later >= 9);
    CHECK(later <= 11);
    send(1000);
    std::size_t rest = router.taken(1).size();
    for (int step = 0; step < 1000; ++step) {
        router.pass(100);
        rest += router.taken(1).size();
    }
    CHECK(rest >= 256);
    CHECK(rest <= 260);
    send(70);
    CHECK(router.taken(1).size() == 19);
    router.rate = 0;
    router.configure();
    CHECK(router.taken(1).size() == 51);
    send(60);
    CHECK(router.taken(1).size() == 60);
}
