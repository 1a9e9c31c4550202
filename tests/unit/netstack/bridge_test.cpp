// Bridges that frames go round between: two in one stack, and as a part of a circle of several stacks.
#include "../../../servers/netstack/stack_server.hpp"
#include "host/world.hpp"
#include "proto/packet_ring.hpp"
#include "records.hpp"
#include <doctest/doctest.h>

namespace {

namespace stack = proto::stack;
using proto::packet_flag::bridges_maximum;
using proto::packet_flag::bridges_shift;

using Station = std::array<std::uint8_t, 6>;
constexpr Station everybody{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, left{2, 0, 0, 0, 9, 1}, right{2, 0, 0, 0, 9, 2};

/// A stack with a bridge that has two ports to others, and perhaps two pairs to a second bridge of its own.
struct Bridges {
    records::FakePlatform<2> platform;
    std::vector<std::byte> area = std::vector<std::byte>(stack::configuration_bytes);
    stack::StatusPage status{};
    ipc::host::World world;
    std::unique_ptr<netstack::StackServer> server;
    std::size_t number = 0;

    explicit Bridges(bool circle) {
        netstack::platform_instance = &platform;
        stack::ConfigurationWriter writer{area.data(), static_cast<std::uint32_t>(area.size())};
        auto const port = [&](std::uint32_t index, std::uint32_t ring, std::uint32_t master, std::uint32_t peer) {
            auto record = records::device(index, "p", stack::DeviceKind::Veth, ring, static_cast<std::uint8_t>(index));
            record.master = master;
            record.peer = peer;
            writer.add(record);
        };
        writer.add(records::device(10, "x", stack::DeviceKind::Bridge, 0, 10));
        writer.add(records::device(20, "y", stack::DeviceKind::Bridge, 0, 20));
        port(1, 1, 10, 0);
        port(2, 2, 10, 0);
        if (circle) {
            port(11, 0, 10, 21);
            port(21, 0, 20, 11);
            port(12, 0, 10, 22);
            port(22, 0, 20, 12);
        }
        REQUIRE(writer.finish());
        server = std::make_unique<netstack::StackServer>(area, status);
        number = world.serve<proto::NetworkStack, proto::File, proto::Socket>(*server);
    }
    ~Bridges() {
        world.as(number, [&] { server.reset(); });
    }
    void inject(std::uint32_t ring, Station const& to, Station const& from, std::uint32_t flags) {
        std::array<std::uint8_t, 60> frame{};
        std::ranges::copy(to, frame.begin());
        std::ranges::copy(from, frame.begin() + 6);
        frame[12] = 0x88; // of nobody's protocol
        constexpr auto half = stack::ring_bytes / 2;
        proto::PacketRing in{reinterpret_cast<std::byte*>(platform.memory[ring].data()) + half, half};
        bool empty = false;
        REQUIRE(in.put(frame.size(), flags, empty, [&](auto put) { put(frame.data(), frame.size()); }));
        world.as(number, [&] { server->on_notification(1U << stack::ring_bit); });
    }
    /// The flags of the frames that came out there.
    std::vector<std::uint32_t> taken(std::uint32_t ring) {
        std::vector<std::uint32_t> result;
        proto::PacketRing sent{platform.memory[ring].data(), stack::ring_bytes / 2};
        std::uint32_t length, flags;
        while (sent.next(length, flags)) {
            sent.pop(length);
            result.push_back(flags);
        }
        return result;
    }
};

} // namespace

TEST_CASE("a broadcast between two bridges that are joined twice goes round for a while, and ends") {
    Bridges bridges{true};
    bridges.inject(0, everybody, left, 0);
    auto const out = bridges.taken(1);
    // Both ways round, at every second bridge; whoever is behind the other port sees no more than that.
    CHECK(out.size() > 1);
    CHECK(out.size() <= 2 * bridges_maximum);
    for (auto const flags : out) { CHECK((flags >> bridges_shift) <= bridges_maximum); }
    bridges.taken(0);
    bridges.inject(0, right, left, 0); // nobody has heard of `right`: it goes everywhere
    CHECK(bridges.taken(1).size() <= 2 * bridges_maximum);
}

TEST_CASE("a frame that many bridges have passed on is passed on no more, on the short way as on the long one") {
    Bridges bridges{false};
    bridges.inject(1, everybody, right, 0); // now the bridge knows where `right` is
    CHECK(bridges.taken(0) == std::vector<std::uint32_t>{1U << bridges_shift});
    for (auto const& to : {right, everybody}) {
        for (std::uint32_t passed = 0; passed < bridges_maximum; ++passed) {
            bridges.inject(0, to, left, passed << bridges_shift | proto::packet_flag::no_checksum);
            CHECK(bridges.taken(1) ==
                  std::vector<std::uint32_t>{(passed + 1) << bridges_shift | proto::packet_flag::no_checksum});
        }
        auto const dropped = bridges.status.devices[2].received_dropped;
        bridges.inject(0, to, left, bridges_maximum << bridges_shift);
        bridges.inject(0, to, left, 127U << bridges_shift);
        CHECK(bridges.taken(1).empty());
        CHECK(bridges.status.devices[2].received_dropped == dropped + 2);
    }
}
