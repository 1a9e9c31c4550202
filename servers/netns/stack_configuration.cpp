// A network namespace's settings and rules, and everything that its stack is told.
#include "network_namespace.hpp"
#include <algorithm>

namespace netns {

Address4 NetworkNamespace::only_address(std::uint32_t device) const {
    auto const* const link = const_cast<NetworkNamespace*>(this)->find(device);
    if (link == nullptr || link->master != 0 || setting(proto::NetworkSetting::Forwarding)[0] != 0) { return 0; }
    Address4 only = 0;
    for (auto const& address : addresses_) {
        if (address.scope == scope_host) { continue; }
        if (only != 0) { return 0; }
        only = address.address;
    }
    return only;
}

Result<void> NetworkNamespace::set_rules(std::vector<proto::PacketRule> rules) {
    constexpr std::uint8_t icmp = 1, tcp = 6, udp = 17;
    for (auto& rule : rules) {
        bool const known =
            rule.action >= proto::PacketAction::Accept && rule.action <= proto::PacketAction::DestinationNat;
        bool const ports = rule.first_port != 0 || rule.last_port != 0 || rule.to_port != 0;
        bool const has_ports = rule.protocol == tcp || rule.protocol == udp;
        if (!known || (rule.protocol != 0 && rule.protocol != icmp && !has_ports) || (ports && !has_ports)) {
            return fail(Error::Invalid);
        }
        bool const six = rule.family == proto::PacketFamily::Six;
        bool const filters = rule.action == proto::PacketAction::Accept || rule.action == proto::PacketAction::Drop;
        int const longest = six ? 128 : 32;
        if ((six ? !filters : rule.family != proto::PacketFamily::Any) || rule.source_prefix > longest ||
            rule.destination_prefix > longest || rule.first_port > rule.last_port) {
            return fail(Error::Invalid);
        }
        rule.in_device[name_maximum] = rule.out_device[name_maximum] = '\0';
    }
    if (rules.size() > proto::packet_rules_maximum) { return fail(Error::NoSpace); }
    if (rules != rules_) { dirty = true; }
    rules_ = std::move(rules);
    return {};
}

Result<void> NetworkNamespace::set_setting(proto::NetworkSetting which, proto::SettingValues values) {
    auto const number = static_cast<std::size_t>(which);
    switch (which) {
    case proto::NetworkSetting::Forwarding: break;
    case proto::NetworkSetting::PingGroupRange: break;
    case proto::NetworkSetting::FirstUnprivilegedPort:
        if (values[0] < 0 || values[0] > 65535) { return fail(Error::Invalid); }
        break;
    case proto::NetworkSetting::LocalPortRange:
        if (values[0] < 1 || values[1] > 65535 || values[0] > values[1]) { return fail(Error::Invalid); }
        break;
    default: return fail(Error::Invalid);
    }
    settings_[number] = values;
    dirty = true;
    return {};
}

bool NetworkNamespace::needs_stack() const {
    return std::ranges::any_of(links_, [](Link const& link) { return link.up && link.kind == DeviceKind::Card; });
}

bool NetworkNamespace::write(proto::stack::ConfigurationWriter& writer) const {
    auto const bytes_of = [](auto& target, Address4 address) { std::memcpy(target, &address, sizeof target); };
    for (auto const& link : links_) {
        proto::stack::DeviceRecord record{};
        record.index = link.index;
        record.mtu = link.mtu;
        record.master = link.master;
        record.ring = link.local_ring;
        record.side = link.side;
        record.kind = link.kind;
        record.up = link.up ? 1 : 0;
        record.carrier = carrier(link) ? 1 : 0;
        record.rate = link.rate;
        record.burst = link.burst;
        if (auto const* const peer = link.peer(); peer != nullptr && peer->space == this) { record.peer = peer->index; }
        if (auto const* const peer = link.peer();
            peer != nullptr && peer->space != nullptr && peer->space->stack == 0) {
            bytes_of(record.sleeper, peer->space->only_address(peer->index));
            peer->space->six_.note_sleeper(record, *peer->space->find(peer->index));
        }
        std::ranges::copy(link.hardware_address, record.hardware_address);
        std::copy_n(link.name.data(), std::min<std::size_t>(link.name.size(), sizeof record.name - 1), record.name);
        writer.add(record);
    }
    for (auto const& address : addresses_) {
        proto::stack::AddressRecord record{};
        record.device = address.device;
        bytes_of(record.address, address.address);
        record.prefix = address.prefix;
        writer.add(record);
    }
    for (auto const& route : routes_) {
        proto::stack::RouteRecord record{};
        record.device = route.device;
        bytes_of(record.destination, route.destination);
        bytes_of(record.gateway, route.gateway);
        bytes_of(record.source, route.source);
        record.metric = route.metric;
        record.prefix = route.prefix;
        record.has_gateway = route.gateway != 0 ? 1 : 0;
        writer.add(record);
    }
    for (auto const& neighbour : neighbours_) {
        proto::stack::NeighbourRecord record{};
        record.device = neighbour.device;
        bytes_of(record.address, neighbour.address);
        std::ranges::copy(neighbour.hardware_address, record.hardware_address);
        writer.add(record);
    }
    six_.write(writer);
    for (auto const& rule : rules_) {
        proto::stack::RuleRecord record{};
        record.rule = rule;
        auto const index_of = [&](char const(&name)[16], std::uint32_t& index) {
            std::string_view text{name, sizeof name};
            text = text.substr(0, text.find('\0'));
            auto const found = std::ranges::find(links_, text, &Link::name);
            if (found != links_.end()) { index = found->index; }
            return text.empty() || found != links_.end();
        };
        if (index_of(rule.in_device, record.in_device) && index_of(rule.out_device, record.out_device)) {
            writer.add(record);
        }
    }
    for (std::uint32_t number = 1; number <= static_cast<std::uint32_t>(proto::NetworkSetting::LocalPortRange);
         ++number) {
        proto::stack::SettingRecord record{};
        record.setting = static_cast<proto::NetworkSetting>(number);
        record.values = settings_[number];
        writer.add(record);
    }
    return true;
}

} // namespace netns
