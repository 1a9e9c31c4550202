#include "../../../servers/netstack/forwarding_table.hpp"
#include "../../../servers/netstack/lwip/hooks.h"
#include "../../../servers/netstack/route_table.hpp"
#include "proto/packet_ring.hpp"
#include <doctest/doctest.h>
#include <vector>

using netstack::ForwardingTable;

TEST_CASE("a bridge learns stations, forgets them with time and with their port, and never more than it has room for") {
    ForwardingTable table;
    netstack::HardwareAddress const a{2, 0, 0, 0, 0, 1}, b{2, 0, 0, 0, 0, 2}, group{1, 0, 0, 0, 0, 3};
    table.learn(a, 7, 1000);
    table.learn(b, 8, 1000);
    table.learn(group, 9, 1000);
    CHECK(table.find(a, 1000) == 7);
    CHECK(table.find(group, 1000) == 0);
    table.learn(a, 8, 2000); // it has moved
    CHECK(table.find(a, 2000) == 8);
    CHECK(table.find(b, 1000 + ForwardingTable::ageing_milliseconds) == 0);
    table.forget_port(8);
    CHECK(table.size() == 0);
    for (std::uint32_t i = 0; i < 5000; ++i) {
        table.learn({2, 1, 0, 0, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)}, 1, 5000);
    }
    CHECK(table.size() == ForwardingTable::maximum);
}

TEST_CASE("routes: the longest prefix, then the lowest metric, of those that can be used") {
    netstack::RouteTable table;
    table.assign(
        {{0, 1, 0, 0, 1, 0}, {0x0a000000, 0, 0, 20, 2, 8}, {0x0a000000, 0, 0, 10, 3, 8}, {0x0a010000, 0, 0, 0, 4, 16}});
    auto const all = [](auto const&) { return true; };
    CHECK(table.find(0x0a010203, all)->device == 4);
    CHECK(table.find(0x0a020203, all)->device == 3);
    CHECK(table.find(0x0b000000, all)->device == 1);
    CHECK(table.find(0x0a010203, [](auto const& route) { return route.device != 4; })->device == 3);
    CHECK(table.find(0x0a010203, [](auto const&) { return false; }) == nullptr);
}

TEST_CASE("a ring gives frames back as they were put in, over its end and until it is full") {
    std::vector<std::uint64_t> area(512 / 8 + 64 / 8);
    proto::PacketRing producer{area.data(), 512 + 64}, consumer{area.data(), 512 + 64};
    std::uint32_t length, flags;
    CHECK_FALSE(consumer.next(length, flags));
    std::uint32_t sent = 0, got = 0;
    for (int round = 0; round < 200; ++round) {
        bool was_empty = false;
        while (true) {
            std::vector<std::uint8_t> const frame(sent % 97 + 1, static_cast<std::uint8_t>(sent));
            if (!producer.put(static_cast<std::uint32_t>(frame.size()), sent % 2, was_empty,
                              [&](auto put) { put(frame.data(), static_cast<std::uint32_t>(frame.size())); })) {
                break;
            }
            ++sent;
        }
        for (int count = 0; count < 3 && consumer.next(length, flags); ++count, ++got) {
            CHECK(length == got % 97 + 1);
            CHECK(flags == got % 2);
            std::vector<std::uint8_t> frame(length);
            consumer.read(0, frame.data(), length);
            CHECK(frame == std::vector<std::uint8_t>(length, static_cast<std::uint8_t>(got)));
            consumer.pop(length);
        }
    }
    CHECK(got > 300);
}

TEST_CASE("a ring whose other side writes nonsense is empty, and goes on") {
    std::vector<std::uint64_t> area(512 / 8 + 64 / 8);
    proto::PacketRing producer{area.data(), 512 + 64}, consumer{area.data(), 512 + 64};
    auto* const header = reinterpret_cast<proto::PacketRingHeader*>(area.data());
    std::uint32_t length, flags, random = 7;
    for (int round = 0; round < 10000; ++round) {
        random = random * 1664525 + 1013904223;
        header->head = random;
        reinterpret_cast<std::uint32_t*>(header + 1)[random % 128] = random * 3;
        int frames = 0;
        while (consumer.next(length, flags) && frames < 1000) {
            std::vector<std::uint8_t> frame(std::min<std::uint32_t>(length, 512));
            consumer.read(0, frame.data(), static_cast<std::uint32_t>(frame.size()));
            consumer.pop(length);
            ++frames;
        }
        CHECK(frames < 1000);
    }
    bool was_empty = false;
    CHECK(producer.put(3, 0, was_empty, [](auto put) { put("abc", 3); }));
    CHECK(was_empty);
}

TEST_CASE("a ring whose memory is another's in the middle of a frame carries the next ones") {
    std::vector<std::uint64_t> area(512 / 8 + 64 / 8);
    proto::PacketRing producer{area.data(), 512 + 64}, consumer{area.data(), 512 + 64};
    std::uint32_t length, flags;
    bool was_empty = false;
    for (int round = 0; round < 100; ++round) {
        REQUIRE(producer.put(40, 0, was_empty, [](auto) {}));
        REQUIRE(consumer.next(length, flags));
        consumer.pop(length);
    }
    CHECK(producer.put(40, 0, was_empty, [&](auto) { std::ranges::fill(area, 0); }));
    CHECK(producer.put(3, 0, was_empty, [](auto put) { put("abc", 3); }));
    CHECK(was_empty); // the reader is woken
    REQUIRE(consumer.next(length, flags));
    CHECK(length == 3);
}

TEST_CASE("the Internet checksum is that of the definition, at any length and place") {
    std::vector<std::uint8_t> bytes(300);
    for (std::size_t i = 0; i < bytes.size(); ++i) { bytes[i] = static_cast<std::uint8_t>(i < 100 ? 0xff : i * 37); }
    for (std::size_t start = 0; start < 5; ++start) {
        for (std::size_t length = 0; length + start <= bytes.size(); ++length) {
            std::uint32_t sum = 0;
            for (std::size_t i = 0; i < length; ++i) { sum += std::uint32_t{bytes[start + i]} << (i % 2 * 8); }
            while (sum > 0xffff) { sum = (sum & 0xffff) + (sum >> 16); }
            REQUIRE(cella_checksum(bytes.data() + start, static_cast<int>(length)) == sum);
        }
    }
}
