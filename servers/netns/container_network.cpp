// The operations of protocol Network by which the container manager joins containers to a network.
#include "container_network.hpp"
#include "netns_server.hpp"
#include <algorithm>

namespace netns {

namespace {
constexpr unsigned capability_admin = 12;

std::string_view text_of(proto::DeviceName const& name) {
    std::string_view const all{name.data(), name.size()};
    return all.substr(0, all.find('\0'));
}
Address4 word_of(std::array<std::uint8_t, 4> const& bytes) { return std::bit_cast<Address4>(bytes); }
LinkAddress address_of(std::uint32_t device, std::array<std::uint8_t, 4> const& bytes, std::uint32_t prefix) {
    LinkAddress address;
    address.device = device;
    address.address = word_of(bytes);
    address.prefix = static_cast<std::uint8_t>(prefix);
    address.broadcast = address.address | ~mask_of(address.prefix);
    return address;
}
constexpr std::uint32_t longest_prefix = 32, longest_prefix6 = 128;
Result<void> add_second(NetworkNamespace& space, std::uint32_t device, proto::SecondAddress const& six) {
    if (six.prefix == 0) { return {}; }
    return space.six().add_address(device, six.address, static_cast<std::uint8_t>(six.prefix));
}
} // namespace

Result<void> add_container_bridge(NetworkNamespace& space, proto::BridgeRequest const& request) {
    if (request.prefix > longest_prefix || request.six.prefix > longest_prefix6) { return fail(Error::Invalid); }
    auto const made = space.add_link(DeviceKind::Bridge, text_of(request.name));
    if (!made) { return fail(made.error()); }
    auto const index = (*made)->index;
    auto status = space.set_up(**made, true);
    if (status) { status = space.add_address(address_of(index, request.address, request.prefix)); }
    if (status) { status = add_second(space, index, request.six); }
    if (!status) { static_cast<void>(space.remove_link(index)); }
    return status;
}

Result<void> connect_container(NetworkNamespace& space, NetworkNamespace& target, proto::ContainerLink const& request) {
    auto const outer = text_of(request.outer), inner = text_of(request.inner);
    auto const* const bridge = space.find(text_of(request.bridge));
    if (&space == &target || request.prefix > longest_prefix || request.six.prefix > longest_prefix6 || outer.empty() ||
        inner.empty()) {
        return fail(Error::Invalid);
    }
    if (bridge == nullptr || bridge->kind != DeviceKind::Bridge) { return fail(Error::NoSuchDevice); }
    if (target.find(inner) != nullptr) { return fail(Error::Exists); }
    auto const master = bridge->index;
    // The inner end is born under its name, in a namespace of its own, where no other device can have it.
    NetworkNamespace cradle;
    auto const born = cradle.add_veth("outer", "inner");
    if (!born) { return fail(born.error()); }
    auto const pair = (*born)->pair;
    auto status = cradle.rename(*cradle.find(pair->ends[0].index), outer);
    if (status) { status = cradle.rename(*cradle.find(pair->ends[1].index), inner); }
    for (auto const address : {&space, &target}) {
        // Addresses are random per namespace; the cradle's would be the same each time.
        auto& link = *cradle.find(pair->ends[address == &space ? 0 : 1].index);
        link.hardware_address = address->random_address();
        link.rate = request.rate;
        link.burst = request.burst;
    }
    if (status) { status = cradle.move_link(pair->ends[0].index, space); }
    if (!status) { return status; }
    bool const was_up = target.find("lo")->up;
    status = cradle.move_link(pair->ends[1].index, target);
    auto const outer_index = pair->ends[0].index;
    auto const fill = [&]() -> Result<void> {
        auto const inner_index = pair->ends[1].index;
        for (auto const& step :
             {space.set_master(*space.find(outer_index), master), space.set_up(*space.find(outer_index), true),
              target.set_up(*target.find("lo"), true), target.set_up(*target.find(inner_index), true),
              target.add_address(address_of(inner_index, request.address, request.prefix)),
              add_second(target, inner_index, request.six)}) {
            if (!step) { return step; }
        }
        RouteEntry route;
        route.gateway = word_of(request.gateway);
        Result<void> routed;
        if (route.gateway != 0) { routed = target.add_route(route); }
        RouteEntry6 route6;
        route6.gateway = request.gateway6;
        if (routed && route6.has_gateway()) { routed = target.six().add_route(route6); }
        return routed;
    };
    if (status) { status = fill(); }
    if (!status) {
        static_cast<void>(space.remove_link(outer_index));
        if (!was_up) { static_cast<void>(target.set_up(*target.find("lo"), false)); }
    }
    return status;
}

// --- protocol Network ---

Result<ipc::Unit> NetnsServer::on(proto::Network::AddBridge, ipc::Sender& sender, proto::BridgeRequest const& request) {
    auto* const space = administered(sender.badge, proto::Network::AddBridge::number);
    if (space == nullptr) { return fail(Error::NotPermitted); }
    if (auto made = add_container_bridge(*space, request); !made) { return fail(made.error()); }
    publish();
    return ipc::Unit{};
}

Result<ipc::Unit> NetnsServer::on(proto::Network::ConnectContainer, ipc::Sender& sender,
                                  proto::ContainerLink const& request, ipc::OptionalCap<proto::Namespace> target) {
    ipc::release_unused(target);
    auto* const space = administered(sender.badge, proto::Network::ConnectContainer::number);
    if (space == nullptr) { return fail(Error::NotPermitted); }
    if (!target.unwrapped) { return fail(Error::Invalid); }
    auto const to = opened(target.badge, true);
    auto* const other = to ? &to->state : state_of(target.badge, 0);
    if (other == nullptr) { return fail(Error::Invalid); }
    if (auto made = connect_container(*space, *other->space, request); !made) { return fail(made.error()); }
    wire(*space->find(text_of(request.outer))->pair);
    publish();
    return ipc::Unit{};
}

Result<ipc::Unit> NetnsServer::on(proto::Network::RemoveDevice, ipc::Sender& sender, proto::DeviceName const& name) {
    auto* const space = administered(sender.badge, proto::Network::RemoveDevice::number);
    if (space == nullptr) { return fail(Error::NotPermitted); }
    auto* const link = space->find(text_of(name));
    if (link == nullptr) { return fail(Error::NoSuchDevice); }
    unwire(*link);
    if (auto removed = space->remove_link(link->index); !removed) { return fail(removed.error()); }
    publish();
    return ipc::Unit{};
}

Result<ipc::Unit> NetnsServer::on(proto::Network::SetRules, ipc::Sender& sender, ipc::ReadBuffer source) {
    auto* const space = administered(sender.badge, proto::Network::SetRules::number);
    if (space == nullptr) { return fail(Error::NotPermitted); }
    if (source.length % sizeof(proto::PacketRule) != 0) { return fail(Error::Invalid); }
    auto const count = source.length / sizeof(proto::PacketRule);
    if (count > proto::packet_rules_maximum) { return fail(Error::NoSpace); }
    std::vector<proto::PacketRule> rules(count);
    if (sender.copy_in(0, std::as_writable_bytes(std::span{rules})).count < source.length) {
        return fail(Error::Fault);
    }
    if (auto set = space->set_rules(std::move(rules)); !set) { return fail(set.error()); }
    publish();
    return ipc::Unit{};
}

Result<ipc::Unit> NetnsServer::on(proto::Network::SetRate, ipc::Sender& sender, proto::DeviceName const& name,
                                  std::uint32_t bytes_per_second, std::uint32_t burst) {
    auto* const space = administered(sender.badge, proto::Network::SetRate::number);
    if (space == nullptr) { return fail(Error::NotPermitted); }
    auto* const link = space->find(text_of(name));
    if (link == nullptr) { return fail(Error::NoSuchDevice); }
    link->rate = bytes_per_second;
    link->burst = burst;
    space->dirty = true;
    publish();
    return ipc::Unit{};
}

NetworkNamespace* NetnsServer::administered(abi::Word badge, abi::Word operation) {
    if (badge >= stack_badge_base) { return nullptr; }
    // What programs hold of a namespace (a descriptor of /proc/PID/ns/net) does not allow to write.
    auto const name_space = opened(badge, true);
    if (name_space) { return name_space->state.space.get(); }
    return may(badge, capability_admin) ? space_of(badge, operation) : nullptr;
}

} // namespace netns
