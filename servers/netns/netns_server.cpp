#include "netns_server.hpp"
#include "interface_requests.hpp"
#include "ipc/log.hpp"
#include "tables.hpp"
#include <algorithm>

namespace netns {

namespace {
constexpr std::uint32_t family_unix = 1, family_internet = 2, family_internet6 = 10, family_netlink = 16,
                        family_packet = 17, families = 46;
constexpr std::uint32_t icmp = 1, icmp6 = 58;
constexpr std::uint32_t type_mask = 0xf, highest_type = 10;
constexpr unsigned capability_bind = 10, capability_admin = 12, capability_raw = 13;
std::uint32_t next_id = 1;

Network make_network() {
    Network network{std::make_unique<NetworkNamespace>(next_id)};
    network.space->id = next_id++;
    return network;
}
Network make_first() {
    auto network = make_network();
    static_cast<void>(network.space->set_up(*network.space->find("lo"), true));
    return network;
}
std::vector<NetworkNamespace*>* registry = nullptr; ///< where inherit() notes what it makes
} // namespace

Network inherit(Network const&) {
    auto network = make_network();
    if (registry != nullptr) { registry->push_back(network.space.get()); }
    return network;
}

NetnsServer::NetnsServer(Stacks& stacks) : NamespaceServer{make_first()}, stacks_{stacks} {
    registry = &all_;
    first_ = opened(ipc::first_namespace_badge, false)->state.space.get();
    all_.push_back(first_);
    if (auto const address = stacks_.find_card()) {
        static_cast<void>(first_->add_link(DeviceKind::Card, {}, &*address));
    }
}

NetworkNamespace* NetnsServer::space_of(abi::Word badge, abi::Word operation) {
    if (badge >= stack_badge_base) {
        auto const found = std::ranges::find(all_, badge - stack_badge_base, &NetworkNamespace::id);
        return found != all_.end() ? *found : nullptr;
    }
    auto* const network = state_of(badge, operation);
    return network != nullptr ? network->space.get() : nullptr;
}

// --- stacks ---

ipc::Result<void> NetnsServer::need_stack(NetworkNamespace& space) {
    if (space.stack != 0) { return {}; }
    auto const started = stacks_.start(stack_badge_base + space.id, &space == first_);
    if (!started) {
        ipc::log("netns: no memory for another network stack (256 KiB each)");
        return fail(started.error());
    }
    space.stack = *started;
    space.wakes = 0;
    space.dirty = true;
    for (auto const& link : space.links()) {
        if (link.pair != nullptr) { wire(*link.pair); }
    }
    wire_card(space);
    for (auto* const other : all_) {
        if (other->dirty && other->stack != 0) { write_configuration(*other); }
    }
    return {};
}

void NetnsServer::wake_peers(NetworkNamespace& space) {
    constexpr auto slots = proto::stack::StatusPage::wake_slots;
    auto const& status = stacks_.status(space.stack);
    auto const wakes = __atomic_load_n(&status.wakes, __ATOMIC_ACQUIRE);
    // More than it has room to name: whoever sleeps at any of its devices.
    bool const any = wakes - space.wakes > slots;
    std::vector<std::uint32_t> devices;
    for (auto number = any ? wakes : space.wakes; number != wakes; ++number) {
        devices.push_back(status.wake_devices[number % slots]);
    }
    if (any) {
        for (auto const& link : space.links()) { devices.push_back(link.index); }
    }
    space.wakes = wakes;
    for (auto const index : devices) {
        auto const* const link = space.find(index);
        auto const* const peer = link != nullptr && link->up ? link->peer() : nullptr;
        if (peer == nullptr || peer->space == nullptr || peer->space == &space || peer->space->stack != 0) { continue; }
        auto const* const other = peer->space->find(peer->index);
        if (other != nullptr && other->up) { static_cast<void>(need_stack(*peer->space)); }
    }
}

void NetnsServer::write_configuration(NetworkNamespace& space) {
    auto const area = stacks_.configuration(space.stack);
    proto::stack::ConfigurationWriter writer{area.data(), static_cast<std::uint32_t>(area.size())};
    space.write(writer);
    if (!writer.finish()) {
        ipc::log("netns: more devices, addresses and routes than a stack's configuration area holds");
    }
    space.dirty = false;
    stacks_.signal(space.stack, proto::stack::configuration_bit);
}

void NetnsServer::drop_ring(VethPair& pair) {
    if (pair.ring == 0) { return; }
    for (auto const& end : pair.ends) {
        auto* const link = end.space != nullptr ? end.space->find(end.index) : nullptr;
        if (link == nullptr || link->local_ring == 0) { continue; }
        stacks_.detach(end.space->stack, link->local_ring - 1);
        link->local_ring = 0;
        end.space->dirty = true;
    }
    stacks_.remove_ring(pair.ring);
    pair.ring = 0;
}
void NetnsServer::unwire(Link& link) {
    if (link.pair != nullptr) { drop_ring(*link.pair); }
}

void NetnsServer::wire(VethPair& pair) {
    auto& a = pair.ends[0];
    auto& b = pair.ends[1];
    if (a.space == nullptr || b.space == nullptr) { return; }
    bool const apart = a.space != b.space && a.space->stack != 0 && b.space->stack != 0;
    if (!apart) {
        drop_ring(pair);
        return;
    }
    if (pair.ring == 0) {
        auto const ring = stacks_.make_ring();
        if (!ring) {
            ipc::log("netns: no memory for a veth pair between two stacks");
            return;
        }
        pair.ring = *ring;
    }
    for (std::size_t i = 0; i < 2; ++i) {
        auto const& end = pair.ends[i];
        auto* const link = end.space->find(end.index);
        if (link == nullptr || link->local_ring != 0) { continue; }
        auto const local = stacks_.attach(pair.ring, end.space->stack, pair.ends[1 - i].space->stack);
        if (local) { link->local_ring = *local + 1; }
        end.space->dirty = true;
    }
}

void NetnsServer::wire_card(NetworkNamespace& space) {
    for (auto const& link : space.links()) {
        if (link.kind != DeviceKind::Card || link.local_ring != 0 || !link.up || space.stack == 0) { continue; }
        auto const local = stacks_.attach(Stacks::card_ring, space.stack, 0);
        if (local) { space.find(link.index)->local_ring = *local + 1; }
        space.dirty = true;
    }
}

void NetnsServer::publish() {
    for (auto* const space : all_) {
        if (space->dirty && space->stack == 0 && space->needs_stack()) { static_cast<void>(need_stack(*space)); }
    }
    for (auto* const space : all_) {
        if (space->dirty && space->stack != 0) {
            wire_card(*space);
            write_configuration(*space);
        }
        space->dirty = false;
    }
}

void NetnsServer::namespace_ended(Network& network) {
    auto& space = *network.space;
    // Virtual devices end with the namespace, real ones go home (network_namespaces(7)).
    while (true) {
        auto const link =
            std::ranges::find_if(space.links(), [](Link const& entry) { return entry.kind != DeviceKind::Loopback; });
        if (link == space.links().end()) { break; }
        auto const index = link->index;
        if (link->kind == DeviceKind::Card) {
            if (link->local_ring != 0) { stacks_.detach(space.stack, link->local_ring - 1); }
            space.bring_home(index, *first_);
            continue;
        }
        unwire(*space.find(index));
        static_cast<void>(space.remove_link(index));
    }
    if (space.stack != 0) { stacks_.stop(space.stack); }
    std::erase(all_, &space);
    deaths_.erase(space.id);
    for (auto& [badge, socket] : netlink_) {
        if (socket->space == &space) { socket->space = nullptr; }
    }
    publish();
}

std::uint64_t NetnsServer::run_timers(std::uint64_t now) {
    std::uint64_t next = 0;
    for (auto* const space : all_) {
        if (space->stack == 0) { continue; }
        auto const& status = stacks_.status(space->stack);
        if (__atomic_load_n(&status.wakes, __ATOMIC_RELAXED) != space->wakes) { wake_peers(*space); }
        auto const deadline = static_cast<std::uint64_t>(status.deadline_high) << 32 | status.deadline_low;
        if (deadline == 0) { continue; }
        if (deadline <= now) {
            stacks_.signal(space->stack, proto::stack::timer_bit);
            continue; // it says when it wants to be called again
        }
        if (next == 0 || deadline < next) { next = deadline; }
    }
    return next;
}

// --- protocol Network ---

Error NetnsServer::refused(NetworkNamespace const& space, abi::Word badge, std::uint32_t type,
                           std::uint32_t protocol) const {
    constexpr std::uint32_t datagram = 2, raw = 3;
    if ((type & type_mask) == raw && !may(badge, capability_raw)) { return Error::NotPermitted; }
    auto const who = credentials_.find(badge);
    if ((type & type_mask) == datagram && protocol == icmp && who != credentials_.end()) {
        // Ping sockets are for the groups of ping_group_range (icmp(7)).
        auto const range = space.setting(proto::NetworkSetting::PingGroupRange);
        auto const group = static_cast<std::int64_t>(who->second.group);
        if (group < range[0] || group > range[1]) { return Error::Access; }
    }
    return Error::None;
}

Result<ipc::Cap<proto::File>> NetnsServer::on(proto::Network::Socket, ipc::Sender& sender, std::uint32_t domain,
                                              std::uint32_t type, std::uint32_t protocol) {
    auto* const space = space_of(sender.badge, proto::Network::Socket::number);
    if (space == nullptr) { return fail(Error::NotPermitted); }
    if (domain == 0 || domain >= families) { return fail(Error::AddressFamilyNotSupported); }
    if ((type & type_mask) == 0 || (type & type_mask) > highest_type) { return fail(Error::Invalid); }
    if (domain == family_netlink) { return open_netlink(*space, type, protocol, may(sender.badge, capability_admin)); }
    if (domain != family_internet && domain != family_internet6 && domain != family_packet) {
        return fail(Error::AddressFamilyNotSupported);
    }
    if (domain == family_packet && !may(sender.badge, capability_raw)) { return fail(Error::NotPermitted); }
    if (auto const error =
            refused(*space, sender.badge, type, domain == family_internet6 && protocol == icmp6 ? icmp : protocol);
        error != Error::None) {
        return fail(error);
    }
    if (auto ready = need_stack(*space); !ready) { return fail(ready.error()); }
    type &= ~(proto::stack::opener_is_admin | proto::stack::opener_binds_any_port);
    if (may(sender.badge, capability_admin)) { type |= proto::stack::opener_is_admin; }
    if (may(sender.badge, capability_bind)) { type |= proto::stack::opener_binds_any_port; }
    auto const forwarded =
        sender.forward<proto::NetworkStack::OpenSocket>(stacks_.control(space->stack), domain, type, protocol);
    return fail(forwarded ? Error::Deferred : Error::NetworkDown);
}

Result<proto::Transfer> NetnsServer::on(proto::Network::DeviceTable, ipc::Sender& sender, std::uint32_t offset,
                                        ipc::WriteBuffer target) {
    return on(proto::Network::Table{}, sender, proto::NetworkTable::Devices, offset, target);
}

Result<proto::Transfer> NetnsServer::on(proto::Network::Table, ipc::Sender& sender, proto::NetworkTable table,
                                        std::uint32_t offset, ipc::WriteBuffer) {
    auto* const space = space_of(sender.badge, proto::Network::Table::number);
    if (space == nullptr) { return fail(Error::NotPermitted); }
    switch (table) {
    case proto::NetworkTable::Devices: return give_text(sender, device_table(*space, counters(*space)), offset);
    case proto::NetworkTable::Interfaces: return give_text(sender, interface_table(*space, counters(*space)), offset);
    case proto::NetworkTable::Routes: return give_text(sender, route_table(*space), offset);
    case proto::NetworkTable::Arp: return give_text(sender, neighbour_table(*space, neighbours(*space)), offset);
    case proto::NetworkTable::InterfacesIpv6: return give_text(sender, interface6_table(*space), offset);
    case proto::NetworkTable::Routes6: return give_text(sender, route6_table(*space), offset);
    case proto::NetworkTable::Tcp:
    case proto::NetworkTable::Udp:
    case proto::NetworkTable::Raw:
    case proto::NetworkTable::Tcp6:
    case proto::NetworkTable::Udp6:
    case proto::NetworkTable::Raw6:
        if (space->stack == 0) { return give_text(sender, socket_table_heading(table), offset); }
        if (sender.forward<proto::NetworkStack::Table>(stacks_.control(space->stack), table, offset,
                                                       ipc::WriteBuffer{})) {
            return fail(Error::Deferred);
        }
        return fail(Error::InputOutput);
    case proto::NetworkTable::Unix: return give_text(sender, socket_table_heading(table), offset);
    default: return fail(Error::Invalid);
    }
}

Result<proto::SettingValues> NetnsServer::on(proto::Network::Setting, ipc::Sender& sender,
                                             proto::NetworkSetting setting, std::uint32_t change,
                                             proto::SettingValues values) {
    auto* const space = space_of(sender.badge, proto::Network::Setting::number);
    if (space == nullptr) { return fail(Error::NotPermitted); }
    if (static_cast<std::uint32_t>(setting) < 1 || setting > proto::NetworkSetting::AcceptAdvertisements6) {
        return fail(Error::Invalid);
    }
    if (setting > proto::NetworkSetting::LocalPortRange) {
        return setting6(*space, sender.badge, setting, change != 0, values);
    }
    if (change != 0) {
        if (!may(sender.badge, capability_admin)) { return fail(Error::NotPermitted); }
        if (auto set = space->set_setting(setting, values); !set) { return fail(set.error()); }
        publish();
    }
    return space->setting(setting);
}

Result<proto::SettingValues> NetnsServer::setting6(NetworkNamespace& space, abi::Word badge,
                                                   proto::NetworkSetting setting, bool change,
                                                   proto::SettingValues values) {
    if (change) {
        if (!may(badge, capability_admin)) { return fail(Error::NotPermitted); }
        if (auto set = space.six().set_setting(setting, values[1], values[0]); !set) { return fail(set.error()); }
        publish();
    }
    auto const value = space.six().setting(setting, values[1]);
    if (!value) { return fail(value.error()); }
    return proto::SettingValues{*value, values[1]};
}

Result<std::uint32_t> NetnsServer::on(proto::Network::Configure, ipc::Sender& sender, std::uint32_t request,
                                      std::uint32_t argument, ipc::ReadBuffer, ipc::WriteBuffer) {
    auto* const space = space_of(sender.badge, proto::Network::Configure::number);
    if (space == nullptr) { return fail(Error::NotPermitted); }
    // A stack says what its socket's opener may.
    bool const by_stack = sender.badge >= stack_badge_base;
    Asker const asker{by_stack ? (argument & proto::stack::opener_is_admin) != 0 : may(sender.badge, capability_admin),
                      by_stack && (argument & proto::stack::socket_is_six) != 0};
    if (request == kill_request) { return kill_stack(*space, asker.may_change); }
    auto const result = interface_request(*space, sender.view(), request, asker);
    publish();
    return result;
}

Result<ipc::Unit> NetnsServer::on(proto::Network::MoveDevice, ipc::Sender& sender, std::uint32_t index,
                                  ipc::OptionalCap<proto::Namespace> target) {
    ipc::release_unused(target);
    auto* const space = space_of(sender.badge, proto::Network::MoveDevice::number);
    if (space == nullptr) { return fail(Error::NotPermitted); }
    if (!target.unwrapped) { return fail(Error::Invalid); }
    if (!may(sender.badge, capability_admin)) { return fail(Error::NotPermitted); }
    auto const to = opened(target.badge, false);
    auto* const session = to ? &to->state : state_of(target.badge, 0);
    if (session == nullptr) { return fail(Error::Invalid); }
    auto* const link = space->find(index);
    if (link == nullptr) { return fail(Error::NoSuchDevice); }
    auto const pair = link->pair;
    auto const local_ring = link->local_ring;
    if (auto moved = space->move_link(index, *session->space); !moved) { return fail(moved.error()); }
    if (local_ring != 0) { stacks_.detach(space->stack, local_ring - 1); }
    if (pair != nullptr) {
        wire(*pair);
        for (auto const& end : pair->ends) { end.space->dirty = true; }
    }
    publish();
    return ipc::Unit{};
}

std::vector<proto::stack::DeviceStatus> NetnsServer::counters(NetworkNamespace const& space) {
    if (space.stack == 0) { return {}; }
    // The stack writes its page when it is told something; this asks for it.
    stacks_.signal(space.stack, proto::stack::configuration_bit);
    auto const& status = stacks_.status(space.stack);
    auto const count = std::min<std::uint32_t>(status.device_count, proto::stack::StatusPage::devices_maximum);
    return {status.devices, status.devices + count};
}

std::vector<proto::stack::NeighbourStatus> NetnsServer::neighbours(NetworkNamespace const& space) {
    if (space.stack == 0) { return {}; }
    stacks_.signal(space.stack, proto::stack::configuration_bit);
    auto const& status = stacks_.status(space.stack);
    auto const count = std::min<std::uint32_t>(status.neighbour_count, proto::stack::StatusPage::neighbours_maximum);
    return {status.neighbours, status.neighbours + count};
}

std::vector<proto::stack::NeighbourStatus6> NetnsServer::neighbours6(NetworkNamespace const& space) {
    if (space.stack == 0) { return {}; }
    auto const& status = stacks_.status(space.stack);
    auto const count = std::min<std::uint32_t>(status.neighbour6_count, proto::stack::StatusPage::neighbours6_maximum);
    return {status.neighbours6, status.neighbours6 + count};
}

} // namespace netns
