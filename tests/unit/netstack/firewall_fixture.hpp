// A host with a wire to the outside and a bridge with containers, for tests of its firewall without a stack around it.
#pragma once
#include "../../../servers/netstack/firewall.hpp"
#include "packets.hpp"
#include <set>
#include <string>

namespace firewall_fixture {

using namespace packets;
using netstack::Firewall;
using netstack::PacketSide;
using netstack::Tuple;
using Verdict = Firewall::Verdict;
using proto::PacketAction;

constexpr std::uint8_t icmp = 1, tcp = 6, udp = 17;
constexpr std::uint32_t wire = 2, bridge = 3, port_a = 4, port_b = 5;
constexpr auto outside = address(192, 0, 2, 7), host = address(10, 0, 2, 15), gateway = address(172, 17, 0, 1),
               container = address(172, 17, 0, 2), other = address(172, 17, 0, 3), loopback = address(127, 0, 0, 1);

struct Stack final : netstack::StackView {
    std::set<std::uint16_t> ports;
    std::set<std::uint16_t> connected; ///< local ports of connections with anybody
    bool is_local(std::uint32_t address) override {
        return address == host || address == gateway || (address & 0xff) == 127;
    }
    std::optional<Exit> exit(std::uint32_t destination) override {
        if ((destination & 0xffff) == (container & 0xffff)) { return Exit{{bridge, 0}, gateway}; }
        return Exit{{wire, 0}, host};
    }
    bool has_connection(Tuple const& incoming) override { return connected.contains(incoming.destination_port); }
    bool port_in_use(std::uint8_t, std::uint16_t port) override { return ports.contains(port); }
};

inline proto::stack::RuleRecord rule(PacketAction action, std::uint32_t in = 0, std::uint32_t out = 0) {
    proto::stack::RuleRecord record{};
    record.rule.action = action;
    record.in_device = in;
    record.out_device = out;
    return record;
}
inline proto::stack::RuleRecord masquerade() {
    auto record = rule(PacketAction::Masquerade, 0, bridge);
    record.rule.not_out_device = 1;
    record.rule.source_prefix = 24;
    std::memcpy(record.rule.source, &container, 4);
    return record;
}
inline proto::stack::RuleRecord publish(std::uint16_t from, std::uint32_t to, std::uint16_t to_port,
                                        std::uint8_t protocol = tcp) {
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
    Verdict arrive(Bytes& packet, PacketSide in) {
        return firewall.arrive({packet, packet.size(), in, own, sums}, now);
    }
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

} // namespace firewall_fixture
