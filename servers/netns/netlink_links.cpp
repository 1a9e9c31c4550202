// rtnetlink(7): links.
#include "netlink_handler.hpp"

namespace netns {

namespace {
std::string_view kind_name(DeviceKind kind) {
    return kind == DeviceKind::Veth     ? "veth"
           : kind == DeviceKind::Bridge ? "bridge"
           : kind == DeviceKind::Dummy  ? "dummy"
                                        : std::string_view{};
}
} // namespace

void NetlinkHandler::put_link(Link const& link, bool dump, std::uint8_t family) {
    namespace at = link_attribute;
    bool const loopback = link.kind == DeviceKind::Loopback, carrier = space_.carrier(link);
    std::uint32_t flags = loopback ? link_flag::loopback : link_flag::broadcast | link_flag::multicast;
    if (link.kind == DeviceKind::Dummy) { flags |= link_flag::no_arp; }
    if (link.up) { flags |= link_flag::up; }
    if (carrier) { flags |= link_flag::running | link_flag::lower_up; }
    nl::Writer writer{target(dump)};
    writer.begin(nl::new_link, multi(dump), header_,
                 nl::LinkMessage{0, 0, static_cast<std::uint16_t>(loopback ? 772 : 1), link.index, flags, 0});
    writer.text(at::name, link.name);
    writer.attribute(at::queue, link.transmit_queue);
    // RFC 2863: 0 unknown, 2 down, 6 up
    writer.attribute(at::state, static_cast<std::uint8_t>(loopback || link.kind == DeviceKind::Dummy ? (link.up ? 0 : 2)
                                                          : carrier                                  ? 6
                                                                                                     : 2));
    writer.attribute(at::mode, std::uint8_t{0});
    writer.attribute(at::mtu, link.mtu);
    writer.attribute(at::group, std::uint32_t{0});
    writer.attribute(at::carrier, static_cast<std::uint8_t>(carrier ? 1 : 0));
    // Asked by IPv6, Linux tells what IPv6 knows of devices: not their queues.
    if (family != family_internet6) { writer.text(at::discipline, link.up ? "noqueue" : "noop"); }
    writer.attribute(at::address, link.hardware_address);
    HardwareAddress broadcast{};
    if (!loopback) { broadcast.fill(0xff); }
    writer.attribute(at::broadcast, broadcast);
    if (link.master != 0) { writer.attribute(at::master, link.master); }
    if (auto const* const peer = link.peer()) {
        writer.attribute(at::link, peer->index);
        if (peer->space != &space_) { writer.attribute(at::link_namespace, std::uint32_t{0}); }
    }
    std::array<std::uint64_t, 24> stats{};
    for (auto const& entry : counters_) {
        if (entry.index == link.index) {
            stats[0] = entry.received_packets;
            stats[1] = entry.sent_packets;
            stats[2] = entry.received_bytes;
            stats[3] = entry.sent_bytes;
            stats[6] = entry.received_dropped;
            stats[7] = entry.sent_dropped;
        }
    }
    std::array<std::uint32_t, 24> short_stats{};
    std::ranges::transform(stats, short_stats.begin(),
                           [](std::uint64_t value) { return static_cast<std::uint32_t>(value); });
    writer.attribute(at::stats, short_stats);
    writer.attribute(at::stats64, stats);
    if (auto const kind = kind_name(link.kind); !kind.empty()) {
        auto const info = writer.open(at::info);
        writer.text(at::info_kind, kind);
        writer.close(info);
    }
    writer.end();
}

Error NetlinkHandler::get_links(std::span<std::byte const> body, bool dump) {
    if (dump) {
        std::uint8_t const family = body.empty() ? 0 : static_cast<std::uint8_t>(body[0]);
        for (auto const& link : space_.links()) {
            if (family != family_bridge || link.master != 0) { put_link(link, true, family); }
        }
        finish_dump();
        return Error::None;
    }
    return with<nl::LinkMessage>(body, [&](auto const& message, Attributes const& attributes) {
        auto const* const link = link_of(message.index, attributes.text(link_attribute::name));
        if (link == nullptr) { return Error::NoSuchDevice; }
        put_link(*link, false);
        return Error::None;
    });
}

Error NetlinkHandler::create_link(nl::LinkMessage const& message, Attributes const& attributes, std::string_view name) {
    namespace at = link_attribute;
    auto const info = attributes.find(at::info);
    if (!info) { return Error::NoSuchDevice; }
    Attributes const inside{info->bytes};
    auto const kind = inside.text(at::info_kind);
    auto const hardware = attributes.get<HardwareAddress>(at::address);
    Result<Link*> made = fail(Error::NotSupported);
    if (kind == "veth") {
        std::string_view peer_name;
        if (auto const data = inside.find(at::info_data)) {
            if (auto const peer = Attributes{data->bytes}.find(at::veth_peer);
                peer && peer->bytes.size() >= sizeof(nl::LinkMessage)) {
                peer_name = Attributes{peer->bytes.subspan(sizeof(nl::LinkMessage))}.text(at::name);
            }
        }
        made = space_.add_veth(name, peer_name);
    } else if (kind == "bridge" || kind == "dummy") {
        made = space_.add_link(kind == "bridge" ? DeviceKind::Bridge : DeviceKind::Dummy, name,
                               hardware ? &*hardware : nullptr);
    }
    if (!made) { return made.error(); }
    if (auto const mtu = attributes.get<std::uint32_t>(at::mtu)) { static_cast<void>(space_.set_mtu(**made, *mtu)); }
    if (auto const queue = attributes.get<std::uint32_t>(at::queue)) { (*made)->transmit_queue = *queue; }
    if ((message.flags & link_flag::up) != 0) { static_cast<void>(space_.set_up(**made, true)); }
    return Error::None;
}

Error NetlinkHandler::new_link(nl::LinkMessage const& message, Attributes const& attributes) {
    namespace at = link_attribute;
    auto const name = attributes.text(at::name);
    auto const pid = attributes.get<std::uint32_t>(at::namespace_pid);
    auto const descriptor = attributes.get<std::uint32_t>(at::namespace_descriptor);
    // It is there already, and no longer here.
    if ((pid || descriptor) && moved_) { return *std::exchange(moved_, std::nullopt); }
    auto* const link = link_of(message.index, name);
    if (link == nullptr) {
        return message.index != 0 || (header_.flags & nl::flag::create) == 0 || header_.type == nl::set_link
                   ? Error::NoSuchDevice
                   : create_link(message, attributes, name);
    }
    if ((header_.flags & nl::flag::exclusive) != 0) { return Error::Exists; }
    if (pid || descriptor) {
        answer_.move = {link->index, descriptor ? 1U : 0U, descriptor ? *descriptor : *pid};
        return Error::Elsewhere;
    }
    Error error = Error::None;
    auto const step = [&](Result<void> const& result) {
        if (error == Error::None) { error = error_of(result); }
    };
    if (message.change != 0 && (message.change & link_flag::up) != 0 && (message.flags & link_flag::up) == 0) {
        step(space_.set_up(*link, false));
    }
    if (auto const mtu = attributes.get<std::uint32_t>(at::mtu)) { step(space_.set_mtu(*link, *mtu)); }
    if (auto const hardware = attributes.get<HardwareAddress>(at::address)) {
        step(space_.set_hardware_address(*link, *hardware));
    }
    if (message.index != 0 && !name.empty()) { step(space_.rename(*link, name)); }
    if (auto const queue = attributes.get<std::uint32_t>(at::queue)) { link->transmit_queue = *queue; }
    if (auto const master = attributes.get<std::uint32_t>(at::master)) { step(space_.set_master(*link, *master)); }
    if ((message.change == 0 || (message.change & link_flag::up) != 0) && (message.flags & link_flag::up) != 0) {
        step(space_.set_up(*link, true));
    }
    return error;
}

Error NetlinkHandler::delete_link(nl::LinkMessage const& message, Attributes const& attributes) {
    auto const* const link = link_of(message.index, attributes.text(link_attribute::name));
    return link == nullptr ? Error::NoSuchDevice : error_of(space_.remove_link(link->index));
}

} // namespace netns
