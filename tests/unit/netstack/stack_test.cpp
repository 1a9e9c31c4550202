#include "fixture.hpp"

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
            for (std::size_t i = 14; i + 1 < 34; i += 2) {
                sum += static_cast<std::uint32_t>(frame[i]) << 8 | static_cast<std::uint32_t>(frame[i + 1]);
            }
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
    while (auto const accepted = ipc::call<proto::Socket::Accept>(listener, 0U)) {
        fixture.close(std::get<0>(*accepted).as<proto::Socket>());
    }
    fixture.pass(20000);
    // It is still there.
    CHECK(send(udp, "x", 1, internet(loopback, 53)));
    CHECK(receive(udp, text.data(), text.size()));
    for (auto const socket : {listener, udp, icmp}) { fixture.close(socket); }
}

TEST_CASE("a frame for a stack that sleeps wakes it once; asking for another's address, or announcing one's own, wakes "
          "nobody") {
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
