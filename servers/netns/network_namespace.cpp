#include "network_namespace.hpp"
#include <algorithm>

namespace netns {

NetworkNamespace::NetworkNamespace(std::uint32_t seed) : random_{seed * 2654435761U + 12345} {
    auto const loopback = add_link(DeviceKind::Loopback, "lo");
    (*loopback)->mtu = 65536;
    settings_[static_cast<std::size_t>(proto::NetworkSetting::PingGroupRange)] = {1, 0};
    settings_[static_cast<std::size_t>(proto::NetworkSetting::FirstUnprivilegedPort)] = {1024, 0};
    settings_[static_cast<std::size_t>(proto::NetworkSetting::LocalPortRange)] = {32768, 60999};
    dirty = false;
}

Link* NetworkNamespace::find(std::uint32_t index) {
    auto const found = std::ranges::find(links_, index, &Link::index);
    return found != links_.end() ? &*found : nullptr;
}
Link* NetworkNamespace::find(std::string_view name) {
    auto const found = std::ranges::find(links_, name, &Link::name);
    return found != links_.end() ? &*found : nullptr;
}

bool NetworkNamespace::valid_name(std::string_view name) {
    if (name.empty() || name.size() > name_maximum || name == "." || name == "..") { return false; }
    return std::ranges::none_of(name,
                                [](char c) { return c == '/' || c == ':' || c == ' ' || (c >= '\t' && c <= '\r'); });
}

std::string NetworkNamespace::free_name(DeviceKind kind, std::string_view taken) const {
    std::string_view const stem = kind == DeviceKind::Veth     ? "veth"
                                  : kind == DeviceKind::Bridge ? "bridge"
                                  : kind == DeviceKind::Card   ? "eth"
                                                               : "dummy";
    for (std::uint32_t number = 0;; ++number) {
        auto const name = std::string{stem} + std::to_string(number);
        if (name != taken && std::ranges::find(links_, name, &Link::name) == links_.end()) { return name; }
    }
}

HardwareAddress NetworkNamespace::random_address() {
    HardwareAddress address;
    for (auto& byte : address) {
        random_ = random_ * 1664525 + 1013904223;
        byte = static_cast<std::uint8_t>(random_ >> 24);
    }
    address[0] = static_cast<std::uint8_t>((address[0] & 0xfe) | 2); // of one station, and of nobody's list
    return address;
}

Result<Link*> NetworkNamespace::add_link(DeviceKind kind, std::string_view name, HardwareAddress const* address) {
    if (links_.size() >= links_maximum) { return fail(Error::NoSpace); }
    if (!name.empty() && !valid_name(name)) { return fail(Error::Invalid); }
    if (!name.empty() && find(name) != nullptr) { return fail(Error::Exists); }
    Link link;
    link.name = name.empty() ? free_name(kind) : std::string{name};
    link.index = free_index();
    link.kind = kind;
    if (address != nullptr) {
        link.hardware_address = *address;
    } else if (kind != DeviceKind::Loopback) {
        link.hardware_address = random_address();
    }
    links_.push_back(std::move(link));
    dirty = true;
    return &links_.back();
}

Result<Link*> NetworkNamespace::add_veth(std::string_view name, std::string_view peer_name) {
    if (links_.size() + 2 > links_maximum) { return fail(Error::NoSpace); }
    if (!name.empty() && name == peer_name) { return fail(Error::Exists); }
    if ((!name.empty() && find(name) != nullptr) || (!peer_name.empty() && find(peer_name) != nullptr)) {
        return fail(Error::Exists);
    }
    if ((!name.empty() && !valid_name(name)) || (!peer_name.empty() && !valid_name(peer_name))) {
        return fail(Error::Invalid);
    }
    VethPointer const pair{new VethPair};
    auto const peer = peer_name.empty() ? free_name(DeviceKind::Veth, name) : std::string{peer_name};
    // As Linux: the peer comes first.
    for (std::uint8_t const side : {1, 0}) {
        auto const link = *add_link(DeviceKind::Veth, side == 0 ? name : peer);
        link->pair = pair;
        link->side = side;
        pair->ends[side] = {this, link->index};
    }
    return find(pair->ends[0].index);
}

void NetworkNamespace::forget_device(std::uint32_t index) {
    std::erase_if(addresses_, [&](auto const& entry) { return entry.device == index; });
    std::erase_if(routes_, [&](auto const& entry) { return entry.device == index; });
    std::erase_if(neighbours_, [&](auto const& entry) { return entry.device == index; });
    six_.forget_device(index);
    for (auto& link : links_) {
        if (link.master == index) { link.master = 0; }
    }
}

void NetworkNamespace::drop_link(std::uint32_t index) {
    forget_device(index);
    std::erase_if(links_, [&](Link const& link) { return link.index == index; });
    dirty = true;
}

Result<void> NetworkNamespace::remove_link(std::uint32_t index) {
    Link* const link = find(index);
    if (link == nullptr) { return fail(Error::NoSuchDevice); }
    if (link->kind == DeviceKind::Loopback || link->kind == DeviceKind::Card) { return fail(Error::NotSupported); }
    if (auto const pair = link->pair) {
        auto const other = pair->ends[1 - link->side];
        drop_link(index);
        if (other.space != nullptr) { other.space->drop_link(other.index); }
        return {};
    }
    drop_link(index);
    return {};
}

void NetworkNamespace::add_connected_routes(Link const& link) {
    for (auto const& address : addresses_) {
        if (address.device != link.index || address.prefix == 32 || link.kind == DeviceKind::Loopback) { continue; }
        RouteEntry const route{link.index,
                               address.address & mask_of(address.prefix),
                               0,
                               address.address,
                               0,
                               address.prefix,
                               protocol_kernel,
                               scope_link};
        if (std::ranges::find(routes_, route) == routes_.end()) { routes_.push_back(route); }
    }
}

Result<void> NetworkNamespace::set_up(Link& link, bool up) {
    if (link.up == up) { return {}; }
    link.up = up;
    dirty = true;
    if (auto const* const peer = link.peer(); peer != nullptr && peer->space != nullptr) {
        peer->space->dirty = true;
    } // its carrier
    if (!up) {
        auto const index = link.index;
        std::erase_if(routes_, [&](auto const& route) { return route.device == index; });
        six_.link_down(index);
        return {};
    }
    if (link.kind == DeviceKind::Loopback &&
        std::ranges::find(addresses_, link.index, &LinkAddress::device) == addresses_.end()) {
        addresses_.push_back({link.index, 0x0100007f, 0, 0, 8, scope_host, link.name});
    }
    add_connected_routes(link);
    six_.refresh();
    if (auto const* const peer = link.peer(); peer != nullptr && peer->space != nullptr && peer->space != this) {
        peer->space->six_.refresh();
    }
    return {};
}

Result<void> NetworkNamespace::rename(Link& link, std::string_view name) {
    if (link.name == name) { return {}; }
    if (!valid_name(name)) { return fail(Error::Invalid); }
    if (find(name) != nullptr) { return fail(Error::Exists); }
    if (link.up) { return fail(Error::Busy); }
    for (auto& address : addresses_) {
        if (address.device == link.index && address.label == link.name) { address.label = name; }
    }
    link.name = name;
    dirty = true;
    return {};
}

Result<void> NetworkNamespace::set_mtu(Link& link, std::uint32_t mtu) {
    std::uint32_t const highest = link.kind == DeviceKind::Card       ? 1500
                                  : link.kind == DeviceKind::Loopback ? 0x7fffffff
                                                                      : 65535;
    if (mtu < 68 || mtu > highest) { return fail(Error::Invalid); }
    link.mtu = mtu;
    dirty = true;
    return {};
}

Result<void> NetworkNamespace::set_hardware_address(Link& link, HardwareAddress const& address) {
    if (link.kind == DeviceKind::Loopback) { return fail(Error::NotSupported); }
    if ((address[0] & 1) != 0 || address == HardwareAddress{}) { return fail(Error::AddressNotAvailable); }
    link.hardware_address = address;
    dirty = true;
    return {};
}

Result<void> NetworkNamespace::set_master(Link& link, std::uint32_t master) {
    if (master == 0) {
        link.master = 0;
        dirty = true;
        return {};
    }
    auto* const bridge = find(master);
    if (bridge == nullptr) { return fail(Error::NoSuchDevice); }
    if (bridge->kind != DeviceKind::Bridge) { return fail(Error::NotSupported); }
    if (link.kind == DeviceKind::Bridge) { return fail(Error::Loop); }
    if (link.kind == DeviceKind::Loopback) { return fail(Error::Invalid); }
    link.master = master;
    six_.refresh(); // a bridge may have a carrier now
    dirty = true;
    return {};
}

bool NetworkNamespace::carrier(Link const& link) const {
    if (!link.up) { return false; }
    if (auto const* const peer = link.peer()) {
        auto const* const other = peer->space != nullptr ? peer->space->find(peer->index) : nullptr;
        return other != nullptr && other->up;
    }
    if (link.kind == DeviceKind::Bridge) {
        return std::ranges::any_of(links_,
                                   [&](Link const& port) { return port.master == link.index && carrier(port); });
    }
    return true;
}

Result<void> NetworkNamespace::add_address(LinkAddress address) {
    auto* const link = find(address.device);
    if (link == nullptr) { return fail(Error::NoSuchDevice); }
    if (address.prefix > 32 || addresses_.size() >= entries_maximum) {
        return fail(address.prefix > 32 ? Error::Invalid : Error::NoSpace);
    }
    for (auto const& other : addresses_) {
        if (other.device == address.device && other.address == address.address && other.prefix == address.prefix) {
            return fail(Error::Exists);
        }
    }
    if (address.label.empty()) { address.label = link->name; }
    addresses_.push_back(std::move(address));
    note_sleeper(*link);
    if (link->up) { add_connected_routes(*link); }
    dirty = true;
    return {};
}

Result<void> NetworkNamespace::remove_address(std::uint32_t device, Address4 address, std::uint8_t prefix,
                                              bool any_prefix) {
    auto const found = std::ranges::find_if(addresses_, [&](LinkAddress const& entry) {
        return entry.device == device && entry.address == address && (any_prefix || entry.prefix == prefix);
    });
    if (found == addresses_.end()) { return fail(Error::AddressNotAvailable); }
    auto const gone = *found;
    addresses_.erase(found);
    if (auto const* const link = find(device)) { note_sleeper(*link); }
    // Routes from that address go with it.
    std::erase_if(routes_,
                  [&](RouteEntry const& route) { return route.device == device && route.source == gone.address; });
    if (auto const* const link = find(device); link != nullptr && link->up) { add_connected_routes(*link); }
    dirty = true;
    return {};
}

RouteEntry const* NetworkNamespace::lookup(Address4 destination) const {
    RouteEntry const* best = nullptr;
    for (auto const& route : routes_) {
        if (((destination ^ route.destination) & mask_of(route.prefix)) != 0) { continue; }
        if (best == nullptr || route.prefix > best->prefix ||
            (route.prefix == best->prefix && route.metric < best->metric)) {
            best = &route;
        }
    }
    return best;
}

Result<void> NetworkNamespace::add_route(RouteEntry route, bool replace) {
    if (route.prefix > 32 || (route.destination & ~mask_of(route.prefix)) != 0) { return fail(Error::Invalid); }
    if (routes_.size() >= entries_maximum) { return fail(Error::NoSpace); }
    if (route.gateway != 0) {
        auto const* const near = lookup(route.gateway);
        if (near == nullptr || near->gateway != 0 || (route.device != 0 && route.device != near->device)) {
            return fail(Error::NetworkUnreachable);
        }
        route.device = near->device;
    }
    auto const* const link = find(route.device);
    if (link == nullptr) { return fail(Error::NoSuchDevice); }
    if (!link->up) { return fail(Error::NetworkDown); }
    for (auto& other : routes_) {
        if (other.destination == route.destination && other.prefix == route.prefix && other.metric == route.metric) {
            if (!replace) { return fail(Error::Exists); }
            other = route;
            dirty = true;
            return {};
        }
    }
    routes_.push_back(route);
    dirty = true;
    return {};
}

Result<void> NetworkNamespace::remove_route(RouteEntry const& route, bool any_gateway, bool any_device) {
    auto const found = std::ranges::find_if(routes_, [&](RouteEntry const& other) {
        return other.destination == route.destination && other.prefix == route.prefix &&
               (any_gateway || other.gateway == route.gateway) && (any_device || other.device == route.device) &&
               (route.metric == 0 || other.metric == route.metric);
    });
    if (found == routes_.end()) { return fail(Error::NoProcess); }
    routes_.erase(found);
    dirty = true;
    return {};
}

Result<void> NetworkNamespace::set_neighbour(NeighbourEntry const& entry) {
    if (find(entry.device) == nullptr) { return fail(Error::NoSuchDevice); }
    auto const found = std::ranges::find_if(
        neighbours_, [&](auto const& other) { return other.device == entry.device && other.address == entry.address; });
    if (found != neighbours_.end()) {
        *found = entry;
    } else if (neighbours_.size() >= 32) {
        return fail(Error::NoBufferSpace); // the stack's table has room for few that never go
    } else {
        neighbours_.push_back(entry);
    }
    dirty = true;
    return {};
}

Result<void> NetworkNamespace::remove_neighbour(std::uint32_t device, Address4 address) {
    if (std::erase_if(neighbours_,
                      [&](auto const& other) { return other.device == device && other.address == address; }) == 0) {
        return fail(Error::NoEntry);
    }
    dirty = true;
    return {};
}

Result<void> NetworkNamespace::move_link(std::uint32_t index, NetworkNamespace& target) {
    auto* const link = find(index);
    if (link == nullptr) { return fail(Error::NoSuchDevice); }
    if (&target == this) { return {}; }
    if (link->kind == DeviceKind::Loopback || link->kind == DeviceKind::Bridge) { return fail(Error::Invalid); }
    if (target.links_.size() >= links_maximum) { return fail(Error::NoSpace); }
    if (target.find(link->name) != nullptr) { return fail(Error::Exists); }
    Link moved = *link;
    drop_link(index);
    moved.master = 0;
    moved.up = false;
    moved.local_ring = 0;
    bool const index_taken = target.find(moved.index) != nullptr;
    if (index_taken) { moved.index = target.free_index(); }
    target.next_index_ = std::max(target.next_index_, moved.index + 1);
    if (moved.pair != nullptr) {
        moved.pair->ends[moved.side] = {&target, moved.index};
        if (auto const* const peer = moved.peer(); peer->space != nullptr) { peer->space->dirty = true; }
    }
    target.links_.push_back(std::move(moved));
    target.dirty = true;
    return {};
}

void NetworkNamespace::bring_home(std::uint32_t index, NetworkNamespace& target) {
    auto* const link = find(index);
    if (link == nullptr) { return; }
    if (target.find(link->name) != nullptr) { link->name = target.free_name(link->kind); }
    // More devices than there may be: it is lost until the next boot, but this namespace can end.
    if (!move_link(index, target)) { drop_link(index); }
}

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
        if (rule.source_prefix > 32 || rule.destination_prefix > 32 || rule.first_port > rule.last_port) {
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
