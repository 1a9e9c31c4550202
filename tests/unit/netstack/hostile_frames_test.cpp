// Frames that the fuzz target found to be too much for somebody, one by one.
#include "fixture.hpp"

TEST_CASE("an ARP frame that ends within its header is dropped: lwIP would read on") {
    Fixture fixture;
    std::byte whole[42]{};
    std::memcpy(
        whole,
        "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\2\x08\x06\0\1\x08\0\6\4\0\1\2\0\0\0\0\2\12\0\0\2\0\0\0\0\0\0\12\0\0\1",
        sizeof whole);
    auto const dropped = [&] { return fixture.status.devices[1].received_dropped; };
    auto const before = dropped();
    for (std::size_t length = 14; length < sizeof whole; ++length) { fixture.inject(std::span{whole}.first(length)); }
    CHECK(dropped() == before + sizeof whole - 14);
    auto const sent = fixture.status.devices[1].sent_packets;
    fixture.inject(whole);
    CHECK(dropped() == before + sizeof whole - 14);
    CHECK(fixture.status.devices[1].sent_packets == sent + 1); // the answer
}
