// Address translation.
#include "firewall_fixture.hpp"
#include <doctest/doctest.h>
#include <string>

using namespace firewall_fixture;

TEST_CASE("masquerade: the outside sees the host's address, and answers come back; sums stay right") {
    Fixture f;
    f.rules({masquerade()});
    CHECK(netstack::firewall_active);
    CHECK_FALSE(netstack::firewall_filters);
    for (auto const protocol : {tcp, udp, icmp}) {
        CAPTURE(int{protocol});
        Tuple const request{container, outside, port(50000), protocol == icmp ? std::uint16_t{} : port(80), protocol};
        auto packet = make(request);
        CHECK(f.pass(packet, {bridge, port_a}) == Verdict::Pass);
        auto const seen = tuple_of(packet);
        CHECK(seen.source == host);
        CHECK(seen.destination == outside);
        CHECK(sums_right(packet));
        auto answer = make(seen.inverse(), {.icmp_type = 0});
        CHECK(f.pass(answer, {wire, 0}) == Verdict::Pass);
        CHECK(tuple_of(answer) == request.inverse());
        CHECK(sums_right(answer));
        auto again = make(request);
        CHECK(f.pass(again, {bridge, port_a}) == Verdict::Pass);
        CHECK(tuple_of(again) == seen);
    }
    CHECK(f.firewall.connection_count() == 3);
    // Nobody else's packet is taken for an answer, and the way inside is not translated.
    auto stranger = make({outside, host, port(81), port(50000), tcp});
    CHECK(f.pass(stranger, {wire, 0}) == Verdict::Pass);
    CHECK(tuple_of(stranger).destination == host);
    auto near = make({container, other, port(50000), port(80), tcp});
    CHECK(f.pass(near, {bridge, port_a}) == Verdict::Pass);
    CHECK(tuple_of(near).source == container);
}

TEST_CASE("ports of translated connections are distinct, in their range, and nobody else's") {
    Fixture f;
    f.rules({masquerade()});
    std::set<std::uint16_t> used;
    for (unsigned i = 0; i < 1000; ++i) {
        auto packet = make({i % 2 == 0 ? container : other, outside, port(50000 + i / 2), port(80), udp});
        if (i == 500) { f.stack.ports.insert(used.begin(), used.end()); }
        REQUIRE(f.pass(packet, {bridge, port_a}) == Verdict::Pass);
        auto const source = tuple_of(packet).source_port;
        unsigned const number = static_cast<unsigned>(source >> 8 | (source & 0xff) << 8);
        CHECK(number >= 32768);
        CHECK(number <= 60999);
        CHECK(used.insert(source).second);
    }
    // An unprivileged port that is free is kept, one that is taken is not.
    auto first = make({container, outside, port(5000), port(80), tcp}),
         second = make({other, outside, port(5000), port(80), tcp});
    REQUIRE(f.pass(first, {bridge, port_a}) == Verdict::Pass);
    REQUIRE(f.pass(second, {bridge, port_a}) == Verdict::Pass);
    CHECK(tuple_of(first).source_port == port(5000));
    CHECK(tuple_of(second).source_port != port(5000));
}

TEST_CASE("sums that the sender left out stay left out") {
    Fixture f;
    f.rules({masquerade(), publish(53, container, 5353, udp)});
    f.sums = false;
    auto packet = make({container, outside, port(50000), port(80), tcp});
    put16(packet, 36, 0x1234); // not a sum of anything
    CHECK(f.pass(packet, {bridge, port_a}) == Verdict::Pass);
    CHECK(tuple_of(packet).source == host);
    CHECK(get16(packet, 36) == 0x1234);
    CHECK(header_right(packet));
    // UDP's own "none" is one, wherever it comes from.
    f.sums = true;
    auto datagram = make({outside, host, port(4000), port(53), udp});
    put16(datagram, 26, 0);
    CHECK(f.pass(datagram, {wire, 0}) == Verdict::Pass);
    CHECK(tuple_of(datagram) == Tuple{outside, container, port(4000), port(5353), udp});
    CHECK(get16(datagram, 26) == 0);
    // A wrong sum stays wrong: nothing repairs what was damaged on its way.
    auto damaged = make({outside, host, port(4001), port(53), udp});
    put16(damaged, 26, get16(damaged, 26) ^ 0x40);
    CHECK(f.pass(damaged, {wire, 0}) == Verdict::Pass);
    CHECK(transport_sum(damaged) != 0xffff);
}

TEST_CASE("a published port: from outside, from the host itself, and from a container on the same bridge") {
    Fixture f;
    f.rules({publish(8080, container, 80), masquerade()});
    Tuple const request{outside, host, port(4000), port(8080), tcp};
    auto packet = make(request, {.flags = 2});
    CHECK(f.pass(packet, {wire, 0}) == Verdict::Pass);
    CHECK(tuple_of(packet) == Tuple{outside, container, port(4000), port(80), tcp});
    CHECK(sums_right(packet));
    auto answer = make(tuple_of(packet).inverse(), {.flags = 0x12});
    CHECK(f.pass(answer, {bridge, port_a}) == Verdict::Pass);
    CHECK(tuple_of(answer) == request.inverse());
    CHECK(sums_right(answer));

    // The host's own, to 127.0.0.1: the container sees the bridge's address; the answer belongs to the loopback.
    f.own = true;
    Tuple const local{loopback, loopback, port(50001), port(8080), tcp};
    auto own = make(local, {.flags = 2});
    CHECK(f.pass(own, {1, 0}) == Verdict::PassAlways);
    auto const seen = tuple_of(own);
    CHECK(seen.source == gateway);
    CHECK(seen.destination == container);
    f.own = false;
    auto back = make(seen.inverse(), {.flags = 0x12});
    CHECK(f.pass(back, {bridge, port_a}) == Verdict::Loopback);
    CHECK(tuple_of(back) == local.inverse());

    // From a container by the host's address: what answers must come by the host, too.
    Tuple const hairpin{other, host, port(50002), port(8080), tcp};
    auto bent = make(hairpin, {.flags = 2});
    CHECK(f.pass(bent, {bridge, port_b}) == Verdict::Pass);
    CHECK(tuple_of(bent).source == gateway);
    CHECK(tuple_of(bent).destination == container);
    auto bent_back = make(tuple_of(bent).inverse(), {.flags = 0x12});
    CHECK(f.pass(bent_back, {bridge, port_a}) == Verdict::Pass);
    CHECK(tuple_of(bent_back) == hairpin.inverse());

    // Other ports and other hosts' ports are left alone, and so is what one of the host's own connections receives.
    auto elsewhere = make({container, outside, port(50003), port(8080), tcp}, {.flags = 2});
    CHECK(f.pass(elsewhere, {bridge, port_a}) == Verdict::Pass);
    CHECK(tuple_of(elsewhere).destination == outside);
    f.stack.connected.insert(port(8080));
    auto received = make({outside, host, port(443), port(8080), tcp});
    CHECK(f.pass(received, {wire, 0}) == Verdict::Pass);
    CHECK(tuple_of(received).destination == host);
}

TEST_CASE("ICMP errors reach who sent what they are about, and quote what it sent") {
    Fixture f;
    f.rules({masquerade(), publish(53, container, 53, udp)});
    constexpr auto router = address(198, 51, 100, 1);
    for (auto const protocol : {tcp, udp, icmp}) {
        CAPTURE(int{protocol});
        Tuple const request{container, outside, port(50000), protocol == icmp ? std::uint16_t{} : port(80), protocol};
        auto packet = make(request);
        REQUIRE(f.pass(packet, {bridge, port_a}) == Verdict::Pass);
        auto unreachable = error(router, host, 11, packet);
        REQUIRE(sums_right(unreachable));
        CHECK(f.pass(unreachable, {wire, 0}) == Verdict::Pass);
        CHECK(get32(unreachable, 12) == router);
        CHECK(get32(unreachable, 16) == container);
        CHECK(sums_right(unreachable));
        auto const about = quoted(unreachable);
        CHECK(header_right(about));
        auto const original = make(request);
        CHECK(std::equal(about.begin() + 12, about.end(), original.begin() + 12));
    }
    // One that the container itself sends comes from the address that the client knows.
    Tuple const request{outside, host, port(4000), port(53), udp};
    auto packet = make(request);
    REQUIRE(f.pass(packet, {wire, 0}) == Verdict::Pass);
    auto refused = error(container, outside, 3, packet);
    CHECK(f.pass(refused, {bridge, port_a}) == Verdict::Pass);
    CHECK(get32(refused, 12) == host);
    CHECK(get32(quoted(refused), 16) == host);
    CHECK(sums_right(refused));
    CHECK(header_right(quoted(refused)));
}

TEST_CASE("pieces of a translated datagram go where the first goes") {
    Fixture f;
    f.rules({masquerade()});
    std::string const data(3000, 'y');
    Tuple const request{container, outside, port(50000), port(9), udp};
    auto const whole = make(request, {.data = data});
    Bytes together;
    for (auto piece : fragments(whole, 1480)) {
        REQUIRE(f.pass(piece, {bridge, port_a}) == Verdict::Pass);
        CHECK(get32(piece, 12) == host);
        CHECK(header_right(piece));
        if (together.empty()) { together.assign(piece.begin(), piece.begin() + 20); }
        together.insert(together.end(), piece.begin() + 20, piece.end());
    }
    put16(together, 6, 0);
    finish(together);
    CHECK(sums_right(together));
    auto lost = fragments(make(request, {.identification = 77, .data = data}), 1480)[1];
    CHECK(f.pass(lost, {bridge, port_a}) == Verdict::Drop);
}

TEST_CASE("an expired packet is answered as it came, before anything is changed") {
    Fixture f;
    f.rules({masquerade(), publish(8080, container, 80)});
    auto packet = make({outside, host, port(4000), port(8080), tcp}, {.ttl = 1});
    auto const before = packet;
    CHECK(f.pass(packet, {wire, 0}) == Verdict::TimeExceeded);
    CHECK(packet == before);
}
