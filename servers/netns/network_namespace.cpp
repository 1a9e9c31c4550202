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

} // namespace netns
