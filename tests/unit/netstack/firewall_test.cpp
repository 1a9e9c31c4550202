// The filter, and connections whose rules change.
#include "firewall_fixture.hpp"
#include <doctest/doctest.h>
#include <string>

using namespace firewall_fixture;

TEST_CASE(
    "a published range maps port by port; a port published to this namespace itself is answered under its own number") {
    Fixture f;
    auto range = publish(8000, container, 9000);
    range.rule.last_port = 8009;
    f.rules({range, publish(2222, host, 22)});
    auto packet = make({outside, host, port(4000), port(8004), tcp});
    CHECK(f.pass(packet, {wire, 0}) == Verdict::Pass);
    CHECK(tuple_of(packet).destination_port == port(9004));
    Tuple const request{outside, host, port(4001), port(2222), tcp};
    auto local = make(request, {.flags = 2});
    CHECK(f.pass(local, {wire, 0}) == Verdict::Pass);
    CHECK(tuple_of(local).destination_port == port(22));
    auto answer = make(tuple_of(local).inverse(), {.flags = 0x12});
    Firewall::Packet const view{answer, answer.size(), {}, false, true};
    CHECK(f.firewall.must_rewrite(view, f.now));
    f.firewall.leave(view, f.now);
    CHECK(tuple_of(answer) == request.inverse());
    CHECK(sums_right(answer));
    auto unrelated = make({host, outside, port(22), port(4002), tcp});
    CHECK_FALSE(f.firewall.must_rewrite({unrelated, unrelated.size(), {}, false, true}, f.now));
}

TEST_CASE("the filter: the first rule that matches decides, and answers of what was let through pass") {
    Fixture f;
    auto accept = rule(PacketAction::Accept, 0, bridge);
    accept.rule.protocol = tcp;
    accept.rule.first_port = accept.rule.last_port = 80;
    f.rules({accept, rule(PacketAction::Drop, 0, bridge)});
    CHECK(netstack::firewall_filters);
    auto allowed = make({outside, container, port(4000), port(80), tcp}, {.flags = 2}),
         denied = make({outside, container, port(4000), port(81), tcp}, {.flags = 2}),
         datagram = make({outside, container, port(4000), port(80), udp});
    CHECK(f.pass(allowed, {wire, 0}) == Verdict::Pass);
    CHECK(f.pass(denied, {wire, 0}) == Verdict::Drop);
    CHECK(f.pass(datagram, {wire, 0}) == Verdict::Drop);
    auto outward = make({container, outside, port(50000), port(443), tcp}, {.flags = 2});
    CHECK(f.pass(outward, {bridge, port_a}) == Verdict::Pass);
    auto answer = make({outside, container, port(443), port(50000), tcp}, {.flags = 0x12});
    CHECK(f.pass(answer, {wire, 0}) == Verdict::Pass);
    auto related =
        error(address(198, 51, 100, 1), container, 3, make({container, outside, port(50000), port(443), tcp}));
    CHECK(f.pass(related, {wire, 0}) == Verdict::Pass);
    auto unrelated =
        error(address(198, 51, 100, 1), container, 3, make({container, outside, port(50001), port(443), tcp}));
    CHECK(f.pass(unrelated, {wire, 0}) == Verdict::Drop);
    // New rules hold for new connections.
    f.rules({rule(PacketAction::Drop)});
    auto more = make({outside, container, port(443), port(50000), tcp});
    CHECK(f.pass(more, {wire, 0}) == Verdict::Pass);
    auto late = make({outside, container, port(4001), port(80), tcp}, {.flags = 2});
    CHECK(f.pass(late, {wire, 0}) == Verdict::Drop);
    auto cut = make({outside, container, port(4000), port(80), tcp});
    cut.resize(30);
    finish(cut);
    CHECK(f.pass(cut, {wire, 0}) == Verdict::Drop);
}

TEST_CASE("between the ports of a bridge: by port, one direction only, and pieces of datagrams like the whole") {
    Fixture f;
    auto drop = rule(PacketAction::Drop, port_a, port_b);
    f.rules({drop});
    auto const from_a = make({container, other, port(50000), port(80), tcp}, {.flags = 2}),
               from_b = make({other, container, port(50000), port(80), tcp}, {.flags = 2});
    CHECK_FALSE(f.bridged(from_a, port_a, port_b));
    CHECK(f.bridged(from_b, port_b, port_a));
    CHECK(f.bridged(make({container, other, port(80), port(50000), tcp}, {.flags = 0x12}), port_a, port_b));
    // While nobody knows where a station is, its packets begin nothing.
    CHECK(f.bridged(make({container, other, port(50001), port(80), tcp}, {.flags = 2}), port_a, 9, false));
    CHECK_FALSE(f.bridged(make({container, other, port(50001), port(80), tcp}, {.flags = 2}), port_a, port_b, false));
    CHECK_FALSE(f.firewall.bridged_foreign({bridge, port_a}, {bridge, port_b}));
    CHECK(f.firewall.bridged_foreign({bridge, port_b}, {bridge, port_a}));
    // The bridge's name means all of its ports.
    auto udp_53 = rule(PacketAction::Drop, bridge, bridge);
    udp_53.rule.protocol = udp;
    udp_53.rule.first_port = udp_53.rule.last_port = 53;
    f.rules({udp_53});
    std::string const long_data(100, 'x');
    auto const denied = fragments(
                   make({container, other, port(4000), port(53), udp}, {.identification = 5, .data = long_data}), 40),
               allowed = fragments(
                   make({container, other, port(4000), port(54), udp}, {.identification = 6, .data = long_data}), 40);
    CHECK_FALSE(f.bridged(allowed[1], port_a, port_b)); // nobody knows yet what it belongs to
    for (auto const& piece : denied) { CHECK_FALSE(f.bridged(piece, port_a, port_b)); }
    for (auto const& piece : allowed) { CHECK(f.bridged(piece, port_a, port_b)); }
    // A header spread over pieces hides what it is.
    for (auto const& piece : fragments(make({container, other, port(4000), port(54), tcp}, {.identification = 7}), 8)) {
        CHECK_FALSE(f.bridged(piece, port_a, port_b));
    }
}

TEST_CASE("connections outlive their rules, and end by themselves") {
    Fixture f;
    f.rules({publish(8080, container, 80), rule(PacketAction::Drop, wire)});
    Tuple const request{container, outside, port(50000), port(80), tcp};
    auto plain = make(request, {.flags = 2});
    REQUIRE(f.pass(plain, {bridge, port_a}) == Verdict::Pass);
    CHECK(f.firewall.connection_count() == 1);
    f.rules({}); // nothing is to be done to its packets
    CHECK(f.firewall.connection_count() == 0);
    CHECK_FALSE(netstack::firewall_active);
    f.rules({masquerade()});
    auto packet = make(request, {.flags = 2});
    REQUIRE(f.pass(packet, {bridge, port_a}) == Verdict::Pass);
    auto const seen = tuple_of(packet);
    f.rules({});
    CHECK(netstack::firewall_active);
    auto answer = make(seen.inverse(), {.flags = 0x12});
    CHECK(f.pass(answer, {wire, 0}) == Verdict::Pass);
    CHECK(tuple_of(answer) == request.inverse());
    auto const due = f.firewall.expire(f.now);
    CHECK(due == f.now + netstack::ConnectionTable::tcp_replied);
    f.now = due;
    CHECK(f.firewall.expire(f.now) == 0);
    CHECK_FALSE(netstack::firewall_active);
}

TEST_CASE("packets of any content break nothing, and what is rewritten stays within its packet") {
    Fixture f;
    f.rules({masquerade(), publish(8080, container, 80), publish(53, container, 53, udp),
             rule(PacketAction::Drop, port_a, port_b)});
    std::uint32_t random = 4711;
    auto const next = [&] { return random = random * 1664525 + 1013904223, random >> 8; };
    constexpr std::uint32_t addresses[] = {outside, host, container, other, loopback, gateway};
    constexpr std::uint32_t ports[] = {8080, 53, 80, 50000};
    for (int round = 0; round < 200000; ++round) {
        constexpr std::uint8_t protocols[] = {icmp, tcp, udp, 47};
        Tuple const tuple{addresses[next() % 6], addresses[next() % 6], port(ports[next() % 4]),
                          port(ports[next() % 4]), protocols[next() % 4]};
        auto packet = tuple.protocol == icmp && next() % 2 == 0
                          ? error(tuple.source, tuple.destination, 3,
                                  make({addresses[next() % 6], addresses[next() % 6], port(80), port(50000),
                                        protocols[next() % 3]}))
                          : make(tuple, {.ttl = static_cast<std::uint8_t>(next() % 3),
                                         .flags = static_cast<std::uint8_t>(next()),
                                         .icmp_type = static_cast<std::uint8_t>(next() % 16)});
        for (unsigned i = next() % 4; i > 0; --i) { packet[next() % packet.size()] = static_cast<std::byte>(next()); }
        if (next() % 4 == 0) { packet.resize(next() % packet.size()); }
        if (packet.size() > 20 && next() % 2 == 0) {
            packet[0] = std::byte{0x45};
            finish(packet);
        }
        f.own = next() % 8 == 0;
        f.sums = next() % 2 == 0;
        static_cast<void>(f.pass(packet, {next() % 2 == 0 ? wire : bridge, 0}));
        static_cast<void>(f.bridged(packet, port_a, port_b));
        if (f.firewall.must_rewrite({packet, packet.size(), {}, false, true}, f.now)) {
            f.firewall.leave({packet, packet.size(), {}, false, true}, f.now);
        }
        f.now += next() % 100;
    }
    f.now += netstack::ConnectionTable::tcp_established + 1;
    CHECK(f.firewall.expire(f.now) == 0);
}
