// The machine and the configuration records of stacks under test.
#pragma once
#include "../../../servers/netstack/platform.hpp"
#include "proto/network_stack.hpp"
#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace records {

namespace stack = proto::stack;

/// A clock that stands until the test moves it, and memory for some ring pairs.
template <std::size_t rings>
struct FakePlatform final : netstack::Platform {
    std::uint64_t now = 1000000000;
    std::uint32_t seed = 1;
    std::array<std::vector<std::uint64_t>, rings> memory;
    int bells = 0, own_bells = 0, netns_bells = 0;
    FakePlatform() {
        for (auto& ring : memory) { ring.resize(stack::ring_bytes / 8); }
    }
    std::uint64_t nanoseconds() override { return now; }
    std::uint64_t stamp() override { return now; }
    std::uint64_t stamp_of(std::uint64_t nanoseconds) override { return nanoseconds; }
    std::uint32_t random() override { return seed = seed * 1664525 + 1013904223; }
    void* ring_memory(std::uint32_t number) override { return number < rings ? memory[number].data() : nullptr; }
    void ring_peer(std::uint32_t) override { ++bells; }
    void ring_self() override { ++own_bells; }
    void ring_netns() override { ++netns_bells; }
};

/// A device that is up: its station 02:00:00:00:00:STATION, the loopback with a packet limit as Linux has it.
inline stack::DeviceRecord device(std::uint32_t index, std::string_view name, stack::DeviceKind kind,
                                  std::uint32_t ring = 0, std::uint8_t station = 1) {
    stack::DeviceRecord record{};
    record.index = index;
    record.mtu = kind == stack::DeviceKind::Loopback ? 65536 : 1500;
    record.kind = kind;
    record.ring = ring;
    record.up = record.carrier = 1;
    std::ranges::copy(name, record.name);
    if (kind != stack::DeviceKind::Loopback) {
        record.hardware_address[0] = 2;
        record.hardware_address[5] = station;
    }
    return record;
}

} // namespace records
