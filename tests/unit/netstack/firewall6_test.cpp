// The filter on packets of IPv6.
#include "firewall_fixture.hpp"
#include <doctest/doctest.h>

namespace {

using namespace firewall_fixture;
using netstack::PacketHeader6;
using netstack::Tuple6;

constexpr std::uint8_t icmp6 = 58, fragment_header = 44, hop_by_hop = 0;

Tuple6::Address unique(std::uint8_t net, std::uint8_t end) {
    return {0xfd, 0, 0, net, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, end};
}
auto const inside = unique(1, 2), neighbour = unique(1, 3), far = unique(2, 9);

struct Made6 {
    std::uint8_t next = tcp, flags = 2, type = 128;
    unsigned source_port = 50000, destination_port = 80, identifier = 7;
    std::size_t data = 20;
};
Bytes headed(Tuple6::Address const& from, Tuple6::Address const& to, std::uint8_t next, Bytes const& payload) {
    Bytes packet(40);
    packet[0] = std::byte{0x60};
    put16(packet, 4, static_cast<std::uint32_t>(payload.size()));
    packet[6] = static_cast<std::byte>(next);
    packet[7] = std::byte{64};
    std::memcpy(&packet[8], from.data(), from.size());
    std::memcpy(&packet[24], to.data(), to.size());
    packet.insert(packet.end(), payload.begin(), payload.end());
    return packet;
}
Bytes transport(Made6 made) {
    Bytes bytes((made.next == tcp ? 20 : 8) + made.data);
    if (made.next == icmp6) {
        bytes[0] = static_cast<std::byte>(made.type);
        put16(bytes, 4, made.identifier);
        return bytes;
    }
    put16(bytes, 0, made.source_port);
    put16(bytes, 2, made.destination_port);
    if (made.next == tcp) { bytes[13] = static_cast<std::byte>(made.flags); }
    return bytes;
}
Bytes packet(Tuple6::Address const& from, Tuple6::Address const& to, Made6 made = {}) {
    return headed(from, to, made.next, transport(made));
}
/// Behind an extension header of 8 bytes.
Bytes extended(Tuple6::Address const& from, Tuple6::Address const& to, std::uint8_t extension, std::uint8_t next,
               std::uint16_t place, Bytes const& rest) {
    Bytes payload(8);
    payload[0] = static_cast<std::byte>(next);
    put16(payload, 2, place);
    put16(payload, 6, 77);
    payload.insert(payload.end(), rest.begin(), rest.end());
    return headed(from, to, extension, payload);
}

struct Six : Fixture {
    bool passes(Bytes bytes, std::uint32_t from = port_a, std::uint32_t to = port_b, bool settled = true) {
        return firewall.passes6({bytes, bytes.size(), {bridge, from}, false, true}, {bridge, to}, settled, now);
    }
};

proto::stack::RuleRecord about(PacketAction action, Tuple6::Address const& to, std::uint8_t prefix) {
    auto record = rule(action);
    record.rule.family = proto::PacketFamily::Six;
    record.rule.destination_prefix = prefix;
    std::ranges::copy(to, record.rule.destination);
    return record;
}

} // namespace

TEST_CASE("IPv6 through the filter: addresses, prefixes and ports; answers of what was let through pass") {
    Six f;
    auto accept = about(PacketAction::Accept, unique(1, 0), 64);
    accept.rule.protocol = tcp;
    accept.rule.first_port = accept.rule.last_port = 80;
    f.rules({accept, about(PacketAction::Drop, unique(1, 0), 28)});
    CHECK_FALSE(f.passes(packet(neighbour, inside, {.destination_port = 81})));
    CHECK_FALSE(f.passes(packet(neighbour, inside, {.next = udp})));
    CHECK(f.passes(packet(neighbour, unique(0x21, 1), {.next = udp})));       // outside of the prefix
    CHECK_FALSE(f.passes(packet(neighbour, unique(0x0f, 1), {.next = udp}))); // in the wider, not the narrower
    CHECK_FALSE(f.passes(packet(inside, neighbour, {.flags = 0x12, .source_port = 80, .destination_port = 50000})));
    CHECK(f.passes(packet(neighbour, inside)));
    CHECK(f.passes(packet(inside, neighbour, {.flags = 0x12, .source_port = 80, .destination_port = 50000})));
    CHECK(f.firewall.connection_count() == 2);
    CHECK(f.firewall.expire(f.now) > f.now);
    f.now += netstack::ConnectionTable::tcp_replied + 1;
    CHECK(f.firewall.expire(f.now) == 0);
    CHECK_FALSE(f.passes(packet(inside, neighbour, {.flags = 0x12, .source_port = 80, .destination_port = 50000})));
    // A rule with an address of one family says nothing about the other.
    CHECK(f.bridged(make({container, other, port(4000), port(81), tcp}, {.flags = 2}), port_a, port_b));
    auto four = rule(PacketAction::Drop);
    four.rule.destination_prefix = 1;
    f.rules({four});
    CHECK(f.passes(packet(neighbour, inside, {.destination_port = 99})));
}

TEST_CASE("rules without an address hold for both families") {
    Six f;
    auto ping = rule(PacketAction::Drop, port_a, port_b);
    ping.rule.protocol = icmp;
    auto web = rule(PacketAction::Drop);
    web.rule.protocol = tcp;
    web.rule.first_port = 80;
    web.rule.last_port = 89;
    f.rules({ping, web});
    CHECK_FALSE(f.passes(packet(neighbour, inside, {.next = icmp6})));
    CHECK_FALSE(f.bridged(make({container, other, 0, 0, icmp}), port_a, port_b));
    CHECK(f.passes(packet(inside, neighbour, {.next = icmp6}), port_b, port_a));
    CHECK(f.passes(packet(neighbour, inside, {.next = icmp6, .type = 129}))); // answers that
    CHECK_FALSE(f.passes(packet(neighbour, inside, {.next = icmp6, .type = 129, .identifier = 8})));
    CHECK_FALSE(f.passes(packet(neighbour, inside, {.destination_port = 89})));
    CHECK(f.passes(packet(neighbour, inside, {.destination_port = 90})));
    f.rules({rule(PacketAction::Drop)});
    for (std::uint8_t const type : {135, 136}) {
        CHECK(f.passes(packet(neighbour, inside, {.next = icmp6, .type = type})));
    }
    // A router that nobody asked for, and who listens to what, are no questions for neighbours.
    for (std::uint8_t const type : {130, 134, 137, 143}) {
        CHECK_FALSE(f.passes(packet(neighbour, inside, {.next = icmp6, .type = type})));
    }
}

TEST_CASE("errors of IPv6 belong to the connection that they quote") {
    Six f;
    f.rules({rule(PacketAction::Drop, port_b, port_a)});
    CHECK(f.passes(packet(inside, far, {.next = udp})));
    auto const error_about = [&](Bytes const& quoted) {
        Bytes payload(8);
        payload[0] = std::byte{1};
        payload.insert(payload.end(), quoted.begin(), quoted.end());
        return headed(unique(2, 1), inside, icmp6, payload);
    };
    auto about_it = packet(inside, far, {.next = udp});
    about_it.resize(48);
    CHECK(f.passes(error_about(about_it), port_b, port_a));
    auto other_port = packet(inside, far, {.next = udp, .destination_port = 81});
    CHECK_FALSE(f.passes(error_about(other_port), port_b, port_a));
    about_it.resize(47);
    CHECK_FALSE(f.passes(error_about(about_it), port_b, port_a));
}

TEST_CASE("what is behind extension headers and in pieces is treated as the whole is") {
    Six f;
    auto dns = rule(PacketAction::Drop);
    dns.rule.protocol = udp;
    dns.rule.first_port = dns.rule.last_port = 53;
    f.rules({dns});
    auto const denied = transport({.next = udp, .destination_port = 53, .data = 32}),
               allowed = transport({.next = udp, .destination_port = 54, .data = 32});
    CHECK_FALSE(f.passes(extended(neighbour, inside, hop_by_hop, udp, 0, denied)));
    CHECK(f.passes(extended(neighbour, inside, hop_by_hop, udp, 0, allowed)));
    auto const piece = [&](Bytes const& whole, bool later) {
        return extended(neighbour, inside, fragment_header, udp, later ? 16 : 1,
                        later ? Bytes{whole.begin() + 16, whole.end()} : Bytes{whole.begin(), whole.begin() + 16});
    };
    CHECK_FALSE(f.passes(piece(allowed, true))); // nobody knows yet what it belongs to
    CHECK_FALSE(f.passes(piece(denied, false)));
    CHECK_FALSE(f.passes(piece(denied, true)));
    CHECK(f.passes(piece(allowed, false)));
    CHECK(f.passes(piece(allowed, true)));
    // Headers that are cut off, hidden, or overwritten by the next piece.
    CHECK_FALSE(f.passes(extended(neighbour, inside, fragment_header, tcp, 1, Bytes(8))));
    CHECK_FALSE(f.passes(extended(neighbour, inside, fragment_header, tcp, 8, Bytes(32))));
    auto many = allowed;
    std::uint8_t next = udp;
    for (int i = 0; i < 9; ++i) {
        Bytes options(8);
        options[0] = static_cast<std::byte>(std::exchange(next, std::uint8_t{60}));
        many.insert(many.begin(), options.begin(), options.end());
    }
    CHECK_FALSE(f.passes(headed(neighbour, inside, next, many)));
    auto cut = packet(neighbour, inside);
    cut.resize(59);
    CHECK_FALSE(f.passes(cut));
    put16(cut, 4, 19);
    CHECK_FALSE(f.passes(cut));
    cut[0] = std::byte{0x45};
    CHECK_FALSE(f.passes(cut));
}
