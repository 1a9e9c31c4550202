#include "../../../servers/netstack/packet_socket.hpp"
#include "fixture.hpp"

TEST_CASE("packet sockets see frames of their type and device, and send what they are given") {
    Fixture fixture;
    auto const open = [&](std::uint32_t type, std::uint16_t protocol) {
        auto const made = ipc::call<proto::NetworkStack::OpenSocket>(
            fixture.control, 17U, type | 0x800, static_cast<std::uint32_t>(netstack::swap16(protocol)));
        REQUIRE(made);
        return made->as<proto::Socket>();
    };
    auto const on = [](std::uint32_t device, std::uint16_t protocol) {
        netstack::LinkAddress address;
        address.device = device;
        address.protocol = netstack::swap16(protocol);
        address.address_length = 6;
        std::memcpy(address.address, "\xff\xff\xff\xff\xff\xff", 6);
        return netstack::MessageSource{address}.whole();
    };
    CHECK(ipc::call<proto::NetworkStack::OpenSocket>(fixture.control, 17U, 1U, 0U).error() ==
          Error::SocketTypeNotSupported);
    auto const own = open(datagram, 0x88b5), all = open(raw, 3), other = open(datagram, 0x0800);
    CHECK(ipc::call<proto::Socket::Bind>(own, on(7, 0x88b5)).error() == Error::NoSuchDevice);
    REQUIRE(ipc::call<proto::Socket::Bind>(own, on(2, 0x88b5)));
    auto const name = ipc::call<proto::Socket::Name>(own, 0U);
    REQUIRE(name);
    CHECK(name->length == 20);
    CHECK(std::memcmp(name->data + 12, "\2\0\0\0\0\1", 6) == 0); // arping wants the device's own address
    std::byte frame[60]{};
    std::memcpy(frame, "\2\0\0\0\0\1\2\0\0\0\0\2\x88\xb5hello", 19);
    fixture.inject(frame);
    char text[100]{};
    CHECK(receive(other, text, sizeof text).error() == Error::Again);
    auto const got = receive(own, text, sizeof text);
    REQUIRE(got);
    CHECK(std::get<0>(*got).transfer.count == 46);
    CHECK(std::string_view{text, 5} == "hello");
    netstack::LinkAddress from;
    std::memcpy(&from, std::get<1>(*got).data, sizeof from);
    CHECK(from.family == 17);
    CHECK(from.device == 2);
    CHECK(from.packet_type == 0);
    CHECK(from.address[5] == 2);
    auto const whole = receive(all, text, sizeof text);
    REQUIRE(whole);
    CHECK(std::get<0>(*whole).transfer.count == 60);

    CHECK(send(own, "there", 5).error() == Error::DestinationRequired);
    CHECK(send(own, "there", 5, on(9, 0x88b5)).error() == Error::NoDevice);
    CHECK(send(own, frame, 1501, on(2, 0x88b5)).error() == Error::MessageTooLong);
    REQUIRE(send(own, "there", 5, on(2, 0x88b5)));
    proto::PacketRing sent{fixture.platform.memory[0].data(), stack::ring_bytes / 2};
    std::uint32_t length, flags;
    REQUIRE(sent.next(length, flags));
    CHECK(length == 19);
    char out[19];
    sent.read(0, out, sizeof out);
    CHECK(std::string_view{out, 19} == std::string_view{"\xff\xff\xff\xff\xff\xff\2\0\0\0\0\1\x88\xb5there", 19});
    CHECK(receive(own, text, sizeof text).error() ==
          Error::Again); // its own frame, and of its type: it is on its way out
    REQUIRE(receive(all, text, sizeof text));
    for (auto const socket : {own, all, other}) { fixture.close(socket); }
}

TEST_CASE("broadcasts need SO_BROADCAST; SO_BINDTODEVICE hears one device only") {
    Fixture fixture;
    auto const udp = fixture.open(datagram);
    CHECK(send(udp, "x", 1, internet(0x0a0000ff, 9)).error() == Error::Access);
    proto::SocketOption const on = netstack::word_option(1);
    REQUIRE(ipc::call<proto::Socket::SetOption>(udp, 1U, 6U, on));
    CHECK(send(udp, "x", 1, internet(0xffffffff, 9)).error() == Error::NetworkUnreachable);
    REQUIRE(send(udp, "x", 1, internet(0x0a0000ff, 9)));
    proto::PacketRing sent{fixture.platform.memory[0].data(), stack::ring_bytes / 2};
    std::uint32_t length, flags;
    char frame[64]{};
    REQUIRE(sent.next(length, flags));
    while (sent.next(length, flags)) { // what the device said when it came up is before it
        sent.read(0, frame, std::min<std::uint32_t>(length, sizeof frame));
        sent.pop(length);
    }
    CHECK(std::string_view{frame, 6} == "\xff\xff\xff\xff\xff\xff");
    CHECK(frame[12] == 8);
    CHECK(frame[13] == 0);
    auto const named = [](std::string_view name) {
        proto::SocketOption option{};
        option.length = static_cast<std::uint16_t>(name.size());
        std::memcpy(option.data, name.data(), name.size());
        return option;
    };
    CHECK(ipc::call<proto::Socket::SetOption>(udp, 1U, 25U, named("v9")).error() == Error::NoSuchDevice);
    REQUIRE(ipc::call<proto::Socket::SetOption>(udp, 1U, 25U, named("v0")));
    REQUIRE(send(udp, "x", 1, internet(0xffffffff, 9))); // there is no route, but a device
    auto const listener = fixture.open(datagram), sender = fixture.open(datagram);
    REQUIRE(ipc::call<proto::Socket::Bind>(listener, internet(0, 53)));
    REQUIRE(ipc::call<proto::Socket::SetOption>(listener, 1U, 25U, named("v0")));
    REQUIRE(send(sender, "x", 1, internet(loopback, 53)));
    char text[8];
    CHECK(receive(listener, text, sizeof text).error() == Error::Again);
    REQUIRE(ipc::call<proto::Socket::SetOption>(listener, 1U, 25U, named("")));
    REQUIRE(send(sender, "x", 1, internet(loopback, 53)));
    CHECK(receive(listener, text, sizeof text));
    for (auto const socket : {udp, listener, sender}) { fixture.close(socket); }
}
