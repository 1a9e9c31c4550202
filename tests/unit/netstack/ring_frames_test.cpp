// Long frames that lwIP reads where they lie in a ring.
#include "fixture.hpp"
#include "packets.hpp"

namespace {

using packets::Bytes;

/// A datagram for port 53 in its frame.
Bytes frame_of(std::string const& data) {
    auto const packet = packets::make(
        {packets::address(10, 0, 0, 2), packets::address(10, 0, 0, 1), packets::port(9), packets::port(53), 17},
        {.data = data});
    Bytes frame(14);
    std::memcpy(frame.data(), "\2\0\0\0\0\1\2\0\0\0\0\2\x08\0", 14);
    frame.insert(frame.end(), packet.begin(), packet.end());
    return frame;
}
std::string text_of(std::size_t bytes, unsigned seed) {
    std::string text(bytes, '\0');
    for (auto& letter : text) { letter = static_cast<char>('a' + (seed = seed * 1664525 + 1013904223) % 26); }
    return text;
}

struct Receiver : Fixture {
    ipc::Cap<proto::Socket> socket = open(datagram);
    Receiver() { REQUIRE(ipc::call<proto::Socket::Bind>(socket, internet(0x0a000001, 53))); }
    ~Receiver() { close(socket); }
    proto::PacketRing incoming() {
        constexpr auto half = stack::ring_bytes / 2;
        return {reinterpret_cast<std::byte*>(platform.memory[0].data()) + half, half};
    }
    /// What the other side writes there after the event that brought a frame.
    void scribble() {
        auto* const bytes = reinterpret_cast<std::byte*>(platform.memory[0].data());
        std::fill(bytes + stack::ring_bytes / 2 + sizeof(proto::PacketRingHeader), bytes + stack::ring_bytes,
                  std::byte{0xee});
    }
    std::string received() {
        std::string text(20000, '\0');
        auto const got = receive(socket, text.data(), text.size());
        REQUIRE(got);
        text.resize(std::get<0>(*got).transfer.count);
        return text;
    }
};

} // namespace

TEST_CASE("what nobody has read when the event is over does not change with the ring's memory") {
    Receiver receiver;
    for (unsigned round = 0; round < 40; ++round) { // over the ring's end several times
        auto const first = text_of(2047 + round * 300, round), second = text_of(9000, round + 1000);
        receiver.inject(frame_of(first));
        receiver.inject(frame_of(second));
        receiver.scribble();
        CHECK(receiver.received() == first);
        CHECK(receiver.received() == second);
    }
}

TEST_CASE("a ring's place is free again after the event, read or not") {
    Receiver receiver;
    auto ring = receiver.incoming();
    for (int round = 0; round < 100; ++round) {
        receiver.inject(frame_of(text_of(16000, 1)));
        REQUIRE(ring.has_room(stack::ring_bytes / 2 - sizeof(proto::PacketRingHeader) - 4));
    }
}

TEST_CASE("a producer that waits for room is told when the event is over") {
    Receiver receiver;
    receiver.incoming().ask_for_room();
    auto const before = receiver.platform.bells;
    receiver.inject(frame_of(text_of(5000, 1)));
    CHECK(receiver.platform.bells > before);
}

TEST_CASE("of more frames than one event looks at, the rest are looked at by the next one") {
    Receiver receiver;
    auto ring = receiver.incoming();
    Bytes const junk(14);
    bool was_empty = false;
    std::uint32_t frames = 0;
    while (ring.put(14, 0, was_empty, [&](auto put) { put(junk.data(), 14); })) { ++frames; }
    REQUIRE(frames > 4 * 256);
    auto const notify = [&] {
        receiver.world.as(receiver.number, [&] { receiver.server->on_notification(1U << stack::ring_bit); });
    };
    auto const packets = [&] { return receiver.status.devices[1].received_packets; };
    auto const before = packets();
    notify();
    CHECK(packets() < before + frames);
    CHECK(receiver.platform.own_bells == 1);
    for (int i = 0; i < 20 && packets() < before + frames; ++i) { notify(); }
    CHECK(packets() == before + frames);
    auto const rung = receiver.platform.own_bells;
    notify();
    CHECK(receiver.platform.own_bells == rung);
}
