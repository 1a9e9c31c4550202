// Address translation, connection tracking and the filter, without a stack around them.
#include "../../../servers/netstack/firewall.hpp"
#include "packets.hpp"
#include <doctest/doctest.h>
#include <set>
#include <string>

namespace {

using namespace packets;
using netstack::Firewall;
using netstack::PacketSide;
using netstack::Tuple;
using Verdict = Firewall::Verdict;
using proto::PacketAction;

constexpr std::uint8_t icmp = 1, tcp = 6, udp = 17;
constexpr std::uint32_t wire = 2, bridge = 3, port_a = 4, port_b = 5;
constexpr auto outside = address(192, 0, 2, 7), host = address(10, 0, 2, 15), gateway = address(172, 17, 0, 1), container = address(172, 17, 0, 2), other = address(172, 17, 0, 3),
               loopback = address(127, 0, 0, 1);

/// A host with a wire to the outside and a bridge with containers.
struct Stack final : netstack::StackView {
    std::set<std::uint16_t> ports;
    std::set<std::uint16_t> connected; ///< local ports of connections with anybody
    bool is_local(std::uint32_t address) override { return address == host || address == gateway || (address & 0xff) == 127; }
    std::optional<Exit> exit(std::uint32_t destination) override {
        if ((destination & 0xffff) == (container & 0xffff)) { return Exit{{bridge, 0}, gateway}; }
        return Exit{{wire, 0}, host};
    }
    bool has_connection(Tuple const& incoming) override { return connected.contains(incoming.destination_port); }
    bool port_in_use(std::uint8_t, std::uint16_t port) override { return ports.contains(port); }
};

proto::stack::RuleRecord rule(PacketAction action, std::uint32_t in = 0, std::uint32_t out = 0) {
    proto::stack::RuleRecord record{};
    record.rule.action = action;
    record.in_device = in;
    record.out_device = out;
    return record;
}
proto::stack::RuleRecord masquerade() {
    auto record = rule(PacketAction::Masquerade, 0, bridge);
    record.rule.not_out_device = 1;
    record.rule.source_prefix = 24;
    std::memcpy(record.rule.source, &container, 4);
    return record;
}
proto::stack::RuleRecord publish(std::uint16_t from, std::uint32_t to, std::uint16_t to_port, std::uint8_t protocol = tcp) {
    auto record = rule(PacketAction::DestinationNat);
    record.rule.protocol = protocol;
    record.rule.first_port = record.rule.last_port = from;
    std::memcpy(record.rule.to_address, &to, 4);
    record.rule.to_port = to_port;
    return record;
}

struct Fixture {
    Stack stack;
    Firewall firewall{stack, 12345};
    std::uint64_t now = 1000000;
    bool own = false, sums = true;

    void rules(std::initializer_list<proto::stack::RuleRecord> records) {
        netstack::RuleSet set;
        for (auto const& record : records) { set.add(record); }
        firewall.assign(set);
    }
    Verdict arrive(Bytes& packet, PacketSide in) { return firewall.arrive({packet, packet.size(), in, own, sums}, now); }
    /// As a stack would: comes in, and is forwarded unless it is the stack's own.
    Verdict pass(Bytes& packet, PacketSide in) {
        auto const verdict = arrive(packet, in);
        std::uint32_t const destination = get32(packet, 16);
        if (verdict != Verdict::Pass || stack.is_local(destination)) { return verdict; }
        return firewall.forward({packet, packet.size(), in, own, sums}, now);
    }
    bool bridged(Bytes packet, std::uint32_t from, std::uint32_t to, bool settled = true) {
        return firewall.bridged({packet, packet.size(), {bridge, from}, false, true}, {bridge, to}, settled, now);
    }
};

} // namespace

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
    auto first = make({container, outside, port(5000), port(80), tcp}), second = make({other, outside, port(5000), port(80), tcp});
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

TEST_CASE("a published range maps port by port; a port published to this namespace itself is answered under its own number") {
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

TEST_CASE("the filter: the first rule that matches decides, and answers of what was let through pass") {
    Fixture f;
    auto accept = rule(PacketAction::Accept, 0, bridge);
    accept.rule.protocol = tcp;
    accept.rule.first_port = accept.rule.last_port = 80;
    f.rules({accept, rule(PacketAction::Drop, 0, bridge)});
    CHECK(netstack::firewall_filters);
    auto allowed = make({outside, container, port(4000), port(80), tcp}, {.flags = 2}), denied = make({outside, container, port(4000), port(81), tcp}, {.flags = 2}),
         datagram = make({outside, container, port(4000), port(80), udp});
    CHECK(f.pass(allowed, {wire, 0}) == Verdict::Pass);
    CHECK(f.pass(denied, {wire, 0}) == Verdict::Drop);
    CHECK(f.pass(datagram, {wire, 0}) == Verdict::Drop);
    auto outward = make({container, outside, port(50000), port(443), tcp}, {.flags = 2});
    CHECK(f.pass(outward, {bridge, port_a}) == Verdict::Pass);
    auto answer = make({outside, container, port(443), port(50000), tcp}, {.flags = 0x12});
    CHECK(f.pass(answer, {wire, 0}) == Verdict::Pass);
    auto related = error(address(198, 51, 100, 1), container, 3, make({container, outside, port(50000), port(443), tcp}));
    CHECK(f.pass(related, {wire, 0}) == Verdict::Pass);
    auto unrelated = error(address(198, 51, 100, 1), container, 3, make({container, outside, port(50001), port(443), tcp}));
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
    auto const from_a = make({container, other, port(50000), port(80), tcp}, {.flags = 2}), from_b = make({other, container, port(50000), port(80), tcp}, {.flags = 2});
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
    auto const denied = fragments(make({container, other, port(4000), port(53), udp}, {.identification = 5, .data = long_data}), 40),
               allowed = fragments(make({container, other, port(4000), port(54), udp}, {.identification = 6, .data = long_data}), 40);
    CHECK_FALSE(f.bridged(allowed[1], port_a, port_b)); // nobody knows yet what it belongs to
    for (auto const& piece : denied) { CHECK_FALSE(f.bridged(piece, port_a, port_b)); }
    for (auto const& piece : allowed) { CHECK(f.bridged(piece, port_a, port_b)); }
    // A header spread over pieces hides what it is.
    for (auto const& piece : fragments(make({container, other, port(4000), port(54), tcp}, {.identification = 7}), 8)) { CHECK_FALSE(f.bridged(piece, port_a, port_b)); }
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

TEST_CASE("the connection table: TCP's states decide how long, and a flood does not push out what is established") {
    using Table = netstack::ConnectionTable;
    Table table{99};
    Tuple const established{container, outside, port(1), port(80), tcp};
    auto* connection = table.insert(established, established.inverse(), 1000);
    REQUIRE(connection != nullptr);
    table.seen(*connection, false, 2, 1000);
    CHECK(connection->expires == 1000 + Table::tcp_opening);
    table.seen(*connection, true, 0x12, 1000);
    CHECK(connection->expires == 1000 + Table::tcp_replied);
    table.seen(*connection, false, 0x10, 1000);
    CHECK(connection->expires == 1000 + Table::tcp_established);
    for (unsigned i = 0; i < 10000; ++i) {
        Tuple const flood{i, outside, port(2), port(80), i % 2 == 0 ? udp : tcp};
        REQUIRE(table.insert(flood, flood.inverse(), 2000) != nullptr);
    }
    CHECK(table.size() == Table::maximum);
    CHECK(table.find(established, 2000));
    CHECK(table.find(established.inverse(), 2000).reply);
    CHECK_FALSE(table.find({5, outside, port(2), port(80), tcp}, 2000)); // the oldest had to go
    CHECK(table.find({9999, outside, port(2), port(80), tcp}, 2000));
    CHECK_FALSE(table.find({9998, outside, port(2), port(80), udp}, 2000 + Table::udp_opening));
    table.expire(2000 + Table::tcp_opening);
    CHECK(table.size() == 1);
    connection = table.find(established, 300000).connection;
    REQUIRE(connection != nullptr);
    table.seen(*connection, false, 0x11, 300000);
    CHECK(connection->expires == 300000 + Table::tcp_closing);
    table.seen(*connection, true, 0x11, 300000);
    CHECK(connection->state == netstack::ConnectionState::TimeWait);
    table.seen(*connection, false, 2, 300000); // the same ports again
    CHECK(connection->state == netstack::ConnectionState::Opening);
    table.seen(*connection, true, 0x14, 300000);
    CHECK(connection->expires == 300000 + Table::tcp_closed);
    CHECK(table.expire(300000 + Table::tcp_closed) == 0);
    CHECK(table.size() == 0);
}

TEST_CASE("a table full of established connections takes no more") {
    using Table = netstack::ConnectionTable;
    Table table;
    for (unsigned i = 0; i < Table::maximum; ++i) {
        Tuple const tuple{i, outside, port(2), port(80), tcp};
        auto* const connection = table.insert(tuple, tuple.inverse(), 0);
        REQUIRE(connection != nullptr);
        table.seen(*connection, true, 0x10, 0);
    }
    Tuple const one_more{0x7fffffff, outside, port(2), port(80), tcp};
    CHECK(table.insert(one_more, one_more.inverse(), 0) == nullptr);
    CHECK(table.expire(Table::tcp_established) == 0);
    CHECK(table.insert(one_more, one_more.inverse(), 0) != nullptr);
}

TEST_CASE("packets of any content break nothing, and what is rewritten stays within its packet") {
    Fixture f;
    f.rules({masquerade(), publish(8080, container, 80), publish(53, container, 53, udp), rule(PacketAction::Drop, port_a, port_b)});
    std::uint32_t random = 4711;
    auto const next = [&] { return random = random * 1664525 + 1013904223, random >> 8; };
    constexpr std::uint32_t addresses[] = {outside, host, container, other, loopback, gateway};
    constexpr std::uint32_t ports[] = {8080, 53, 80, 50000};
    for (int round = 0; round < 200000; ++round) {
        constexpr std::uint8_t protocols[] = {icmp, tcp, udp, 47};
        Tuple const tuple{addresses[next() % 6], addresses[next() % 6], port(ports[next() % 4]), port(ports[next() % 4]), protocols[next() % 4]};
        auto packet = tuple.protocol == icmp && next() % 2 == 0 ? error(tuple.source, tuple.destination, 3, make({addresses[next() % 6], addresses[next() % 6], port(80), port(50000), protocols[next() % 3]}))
                                                                : make(tuple, {.ttl = static_cast<std::uint8_t>(next() % 3), .flags = static_cast<std::uint8_t>(next()), .icmp_type = static_cast<std::uint8_t>(next() % 16)});
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
        if (f.firewall.must_rewrite({packet, packet.size(), {}, false, true}, f.now)) { f.firewall.leave({packet, packet.size(), {}, false, true}, f.now); }
        f.now += next() % 100;
    }
    f.now += netstack::ConnectionTable::tcp_established + 1;
    CHECK(f.firewall.expire(f.now) == 0);
}
