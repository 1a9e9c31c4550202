// Frames that the fuzz target found to be too much for somebody, one by one.
#include "fixture.hpp"
#include "lwip/ip4_frag.h"
#include "lwip/ip6_frag.h"
#include "lwip/priv/tcp_priv.h"

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

TEST_CASE("a TCP header whose last byte begins an option, at the end of its packet, is within its memory") {
    Fixture fixture;
    auto const listener = fixture.open(stream);
    REQUIRE(ipc::call<proto::Socket::Bind>(listener, internet(0x0a000001, 80)));
    REQUIRE(ipc::call<proto::Socket::Listen>(listener, 4U));
    for (unsigned option = 0; option < 256; ++option) {
        std::byte frame[58]{};
        std::memcpy(frame, "\2\0\0\0\0\1\2\0\0\0\0\2\x08\0\x45\0\0\x2c\0\1\0\0\x40\6\0\0\12\0\0\2\12\0\0\1", 34);
        frame[34] = std::byte{4};
        frame[35] = static_cast<std::byte>(option);
        frame[37] = std::byte{80};
        frame[46] = std::byte{0x60}; // one word of options
        frame[47] = std::byte{2};    // SYN
        frame[48] = std::byte{0x20};
        frame[54] = frame[55] = frame[56] = std::byte{1}; // no operation
        frame[57] = static_cast<std::byte>(option);
        auto const finish = [&](std::size_t at, std::size_t from, std::size_t to, std::uint32_t sum) {
            for (auto i = from; i < to; i += 2) {
                sum += static_cast<std::uint32_t>(frame[i]) << 8 | static_cast<std::uint32_t>(frame[i + 1]);
            }
            while (sum >> 16 != 0) { sum = (sum & 0xffff) + (sum >> 16); }
            frame[at] = static_cast<std::byte>(~sum >> 8);
            frame[at + 1] = static_cast<std::byte>(~sum);
        };
        finish(24, 14, 34, 0);
        finish(50, 26, 58, 6 + 24);
        fixture.inject(frame);
    }
    int half_open = 0; // it was read as far as its options: most made a connection begin
    for (auto const* connection = tcp_active_pcbs; connection != nullptr; connection = connection->next) {
        ++half_open;
    }
    CHECK(half_open > 4);
    fixture.close(listener);
}

TEST_CASE("a packet that is cut into pieces is whole afterwards: a TCP segment may be sent again") {
    Fixture fixture;
    netif* wire = nullptr;
    netif* any;
    NETIF_FOREACH(any) {
        if (any->hwaddr_len == 6 && any->hwaddr[5] == 1 && ip4_addr_get_byte(netif_ip4_addr(any), 1) == 0) {
            wire = any;
        }
    }
    REQUIRE(wire != nullptr);
    wire->mtu = 1280;
    ip4_addr_t four;
    IP4_ADDR(&four, 10, 0, 0, 255);
    ip6_addr_t six{};
    IP6_ADDR(&six, lwip_htonl(0xff020000), 0, 0, lwip_htonl(1));
    for (bool const version6 : {false, true}) {
        pbuf* const packet = pbuf_alloc(PBUF_LINK, version6 ? 60 : 40, PBUF_RAM);
        pbuf* const data = pbuf_alloc(PBUF_RAW, 4000, PBUF_RAM);
        REQUIRE(packet != nullptr);
        REQUIRE(data != nullptr);
        std::memset(packet->payload, 0, packet->len);
        *static_cast<std::uint8_t*>(packet->payload) = version6 ? 0x60 : 0x45;
        pbuf_cat(packet, data);
        auto const bytes = packet->tot_len, headers = packet->len;
        auto* const start = packet->payload;
        auto* const data_start = data->payload;
        for (int again = 0; again < 2; ++again) {
            auto const sent = fixture.status.devices[1].sent_packets;
            fixture.world.as(fixture.number, [&] {
                CHECK((version6 ? ip6_frag(packet, wire, &six) : ip4_frag(packet, wire, &four)) == ERR_OK);
            });
            if (!version6) { CHECK(fixture.status.devices[1].sent_packets == sent + 4); }
            CHECK(packet->tot_len == bytes);
            CHECK(packet->len == headers);
            CHECK(packet->payload == start);
            CHECK(data->len == 4000);
            CHECK(data->payload == data_start);
        }
        pbuf_free(packet);
    }
}
