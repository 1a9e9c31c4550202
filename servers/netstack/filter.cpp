#include "filter.hpp"
#include <algorithm>
#include <array>
#include <bit>
#include <span>

namespace netstack {

using proto::PacketAction;
using proto::PacketRule;

namespace {
std::uint16_t host_order(std::uint16_t value) { return static_cast<std::uint16_t>(value << 8 | value >> 8); }

bool same_network(std::span<std::uint8_t const> address, std::uint8_t const (&network)[16], std::uint8_t prefix) {
    for (std::size_t at = 0; at < address.size() && prefix > at * 8; ++at) {
        auto const bits = std::min<std::size_t>(prefix - at * 8, 8);
        if (((address[at] ^ network[at]) & (0xff00U >> bits)) != 0) { return false; }
    }
    return true;
}
bool names_addresses(PacketRule const& rule) { return rule.source_prefix != 0 || rule.destination_prefix != 0; }
bool same_addresses(PacketRule const& rule, Tuple const& tuple) {
    auto const source = std::bit_cast<std::array<std::uint8_t, 4>>(tuple.source),
               destination = std::bit_cast<std::array<std::uint8_t, 4>>(tuple.destination);
    return rule.family != proto::PacketFamily::Six && same_network(source, rule.source, rule.source_prefix) &&
           same_network(destination, rule.destination, rule.destination_prefix);
}
bool same_addresses(PacketRule const& rule, Tuple6 const& tuple) {
    if (rule.family != proto::PacketFamily::Six) {
        return rule.family == proto::PacketFamily::Any && !names_addresses(rule);
    }
    return same_network(tuple.source, rule.source, rule.source_prefix) &&
           same_network(tuple.destination, rule.destination, rule.destination_prefix);
}
/// `index`: of the device of that name, 0 while there is none.
bool same_device(char const* name, std::uint32_t index, bool negated, PacketSide side) {
    if (*name == '\0' && index == 0) { return true; }
    bool const same = index != 0 && (index == side.device || index == side.port);
    return same != negated;
}
bool same_devices(RuleList::Record const& record, PacketSide in, PacketSide out) {
    auto const& rule = record.rule;
    return same_device(rule.in_device, record.in_device, rule.not_in_device != 0, in) &&
           same_device(rule.out_device, record.out_device, rule.not_out_device != 0, out);
}
bool any_port(PacketRule const& rule) { return rule.first_port == 0 && rule.last_port == 0; }
template <class Ends>
bool same_port(PacketRule const& rule, Ends const& tuple) {
    if (any_port(rule)) { return true; }
    if (tuple.protocol != ip_protocol::tcp && tuple.protocol != ip_protocol::udp) { return false; }
    auto const port = host_order(tuple.destination_port);
    return port >= rule.first_port && port <= std::max(rule.first_port, rule.last_port);
}
template <class Ends>
bool matches(RuleList::Record const& record, Ends const& tuple, PacketSide in, PacketSide out) {
    auto const& rule = record.rule;
    return (rule.protocol == 0 || rule.protocol == tuple.protocol) && same_addresses(rule, tuple) &&
           same_port(rule, tuple) && same_devices(record, in, out);
}
} // namespace

RuleList::Record const* RuleList::match(Tuple const& tuple, PacketSide in, PacketSide out, bool own_destination) const {
    for (auto const& record : rules_) {
        bool const own_only = record.rule.action == PacketAction::DestinationNat && record.rule.destination_prefix == 0;
        if ((!own_only || own_destination) && matches(record, tuple, in, out)) { return &record; }
    }
    return nullptr;
}

RuleList::Record const* RuleList::match(Tuple6 const& tuple, PacketSide in, PacketSide out) const {
    auto const found =
        std::ranges::find_if(rules_, [&](Record const& record) { return matches(record, tuple, in, out); });
    return found != rules_.end() ? &*found : nullptr;
}

RuleList::Record const* RuleList::match_foreign(PacketSide in, PacketSide out) const {
    for (auto const& record : rules_) {
        auto const& rule = record.rule;
        if (rule.protocol == 0 && rule.family == proto::PacketFamily::Any && !names_addresses(rule) && any_port(rule) &&
            same_devices(record, in, out)) {
            return &record;
        }
    }
    return nullptr;
}

bool RuleList::names_out_device(std::uint32_t device) const {
    return std::ranges::any_of(rules_, [&](Record const& record) { return record.out_device == device; });
}

void RuleSet::clear() {
    filter.clear();
    destination.clear();
    source.clear();
}

void RuleSet::add(RuleList::Record const& record) {
    switch (record.rule.action) {
    case PacketAction::Accept:
    case PacketAction::Drop: filter.add(record); break;
    case PacketAction::DestinationNat: destination.add(record); break;
    case PacketAction::SourceNat:
    case PacketAction::Masquerade: source.add(record); break;
    default: break; // of a later version: not for this stack
    }
}

} // namespace netstack
