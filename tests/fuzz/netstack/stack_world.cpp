#include "stack_world.hpp"
#include "../../../servers/netstack/lwip/hooks.h"
#include "lwip/ip4_frag.h"
#include "lwip/priv/tcp_priv.h"
#include <algorithm>
#include <cstdio>
#include <utility>

namespace fuzz {

namespace {
namespace stack = proto::stack;
constexpr std::uint32_t half = stack::ring_bytes / 2;
constexpr std::size_t ethernet_bytes = 14, ip_bytes = 20, ip6_bytes = 40, tcp_bytes = 20;
constexpr std::size_t ring_count = 3;
/// Kept from world to world: clearing them costs more than most inputs. Only what was written is cleared.
std::uint64_t ring_memory[ring_count][stack::ring_bytes / 8];
bool spoiled = true;
struct Count {
    ~Count() { std::fprintf(stderr, "frames: %llu\n", static_cast<unsigned long long>(StackWorld::frames)); }
} count;
void add_rules(stack::ConfigurationWriter& writer) {
    stack::RuleRecord masquerade{};
    masquerade.rule.action = proto::PacketAction::Masquerade;
    masquerade.rule.source[0] = 10;
    masquerade.rule.source[1] = 1;
    masquerade.rule.source_prefix = 24;
    masquerade.rule.not_out_device = 1;
    masquerade.out_device = 5;
    writer.add(masquerade);
    stack::RuleRecord publish{};
    publish.rule.action = proto::PacketAction::DestinationNat;
    publish.rule.first_port = publish.rule.last_port = 8080;
    constexpr std::uint8_t inside[] = {10, 1, 0, 2};
    std::memcpy(publish.rule.to_address, inside, sizeof inside);
    publish.rule.to_port = 80;
    for (std::uint8_t const protocol : {6, 17}) {
        publish.rule.protocol = protocol;
        writer.add(publish);
    }
    stack::RuleRecord filter{};
    filter.rule.action = proto::PacketAction::Drop;
    filter.rule.first_port = filter.rule.last_port = 9;
    filter.rule.protocol = 17;
    writer.add(filter);
    filter.rule.first_port = filter.rule.last_port = 0;
    filter.rule.protocol = 0;
    filter.in_device = 3; // one port of the bridge does not reach the other
    filter.out_device = 4;
    writer.add(filter);
    filter = {};
    filter.rule.action = proto::PacketAction::Drop;
    filter.rule.family = proto::PacketFamily::Six;
    filter.rule.destination[0] = 0xfd;
    filter.rule.destination_prefix = 64;
    filter.rule.protocol = 6;
    filter.rule.first_port = 53;
    filter.rule.last_port = 80;
    writer.add(filter);
}
} // namespace

void repair_headers(Frame& frame) {
    if (frame.size() < ethernet_bytes + ip_bytes) { return; }
    frame[12] = 8;
    frame[13] = 0;
    auto* const ip = frame.data() + ethernet_bytes;
    auto const total = frame.size() - ethernet_bytes;
    std::size_t header = (ip[0] & 15U) * 4U;
    if (header < ip_bytes || header > total) { header = ip_bytes; }
    ip[0] = static_cast<std::uint8_t>(0x40 | header / 4);
    ip[2] = static_cast<std::uint8_t>(total >> 8);
    ip[3] = static_cast<std::uint8_t>(total);
    ip[10] = ip[11] = 0;
    auto const sum = static_cast<std::uint16_t>(~cella_checksum(ip, static_cast<int>(header)));
    std::memcpy(ip + 10, &sum, sizeof sum);
}

void join_connection(Frame& frame, std::size_t which) {
    bool const six = frame.size() > ethernet_bytes && frame[12] == 0x86 && frame[13] == 0xdd;
    auto const start = ethernet_bytes + (six ? ip6_bytes : ip_bytes);
    tcp_pcb const* connection = nullptr;
    for (auto const* any = tcp_active_pcbs; any != nullptr; any = any->next) {
        if ((any->remote_ip.type == IPADDR_TYPE_V6) != six) { continue; }
        connection = any;
        if (which-- == 0) { break; }
    }
    if (connection == nullptr || frame.size() < start + tcp_bytes) { return; }
    auto* const ip = frame.data() + ethernet_bytes;
    if (six) {
        ip[6] = 6; // no extension header
        std::memcpy(ip + 8, ip_2_ip6(&connection->remote_ip)->addr, 16);
        std::memcpy(ip + 24, ip_2_ip6(&connection->local_ip)->addr, 16);
    } else {
        ip[0] = 0x45;
        ip[6] = ip[7] = 0; // no fragment
        ip[9] = 6;
        std::memcpy(ip + 12, &ip_2_ip4(&connection->remote_ip)->addr, 4);
        std::memcpy(ip + 16, &ip_2_ip4(&connection->local_ip)->addr, 4);
    }
    auto* const tcp = frame.data() + start;
    auto const put16 = [&](std::size_t where, std::uint16_t value) {
        tcp[where] = static_cast<std::uint8_t>(value >> 8);
        tcp[where + 1] = static_cast<std::uint8_t>(value);
    };
    auto const put32 = [&](std::size_t where, std::uint32_t value) {
        put16(where, static_cast<std::uint16_t>(value >> 16));
        put16(where + 2, static_cast<std::uint16_t>(value));
    };
    put16(0, connection->remote_port);
    put16(2, connection->local_port);
    put32(4, connection->rcv_nxt + static_cast<std::uint32_t>(static_cast<std::int8_t>(tcp[7])));
    put32(8, connection->snd_nxt + static_cast<std::uint32_t>(static_cast<std::int8_t>(tcp[11])));
}

StackWorld::StackWorld() : area_(stack::configuration_bytes) {
    for (std::size_t i = 0; i < ring_count; ++i) {
        if (spoiled) { std::memset(ring_memory[i], 0, sizeof ring_memory[i]); }
        std::memset(ring_memory[i], 0, sizeof(proto::PacketRingHeader));
        std::memset(reinterpret_cast<std::byte*>(ring_memory[i]) + half, 0, sizeof(proto::PacketRingHeader));
        host_.rings[i] = ring_memory[i];
    }
    spoiled = false;
    netstack::platform_instance = &host_;
    configure(0);
    server_ = std::make_unique<netstack::StackServer>(area_, *status_);
    number_ = world_.serve<proto::NetworkStack, proto::File, proto::Socket>(*server_);
    world_.as(number_, [] { static_cast<void>(ipc::bind_no_senders(stack::no_senders_bit)); });
    control_ = world_.client<proto::NetworkStack>(number_, netstack::control_badge);
    open_sockets();
    make_connections();
    make_connections6();
}

StackWorld::~StackWorld() {
    world_.as(number_, [&] {
        // What lwIP keeps for itself: pieces of datagrams, connections that nobody holds.
        for (int age = 0; age <= IP_REASS_MAXAGE; ++age) { ip_reass_tmr(); }
        server_.reset();
        while (tcp_active_pcbs != nullptr) { tcp_abort(tcp_active_pcbs); }
        while (tcp_tw_pcbs != nullptr) { tcp_abort(tcp_tw_pcbs); }
    });
}

void StackWorld::reconfigure(std::uint8_t features) {
    configure(features);
    notify(stack::configuration_bit);
}

void StackWorld::configure(std::uint8_t features) {
    auto const has = [&](std::uint8_t which) { return (features & which) != 0; };
    stack::ConfigurationWriter writer{area_.data(), static_cast<std::uint32_t>(area_.size())};
    auto const device = [&](std::uint32_t index, stack::DeviceKind kind, std::uint32_t ring, std::uint32_t master) {
        stack::DeviceRecord record{};
        record.index = index;
        record.mtu = 1500;
        record.kind = kind;
        record.ring = ring;
        record.master = master;
        record.up = record.carrier = 1;
        record.hardware_address[0] = 2;
        record.hardware_address[5] = static_cast<std::uint8_t>(index);
        record.name[0] = static_cast<char>('a' + index);
        if (index == 2 && has(feature::card)) {
            record.kind = stack::DeviceKind::Card;
            record.mtu = 576;
        }
        if (index == 2 && has(feature::wire_down)) { record.up = 0; }
        if (index != 5 && has(feature::rate)) {
            record.rate = 50000;
            record.burst = 3000;
        }
        writer.add(record);
    };
    device(1, stack::DeviceKind::Loopback, 0, 0);
    device(2, stack::DeviceKind::Veth, 1, 0);
    device(5, stack::DeviceKind::Bridge, 0, 0);
    device(3, stack::DeviceKind::Veth, 2, 5);
    if (!has(feature::no_second_port)) { device(4, stack::DeviceKind::Veth, 3, 5); }
    writer.add(stack::AddressRecord{{}, 1, {127, 0, 0, 1}, 8, {}});
    writer.add(stack::AddressRecord{{}, 2, {10, 0, 0, 1}, 24, {}});
    if (has(feature::second_address)) { writer.add(stack::AddressRecord{{}, 2, {10, 0, 0, 3}, 24, {}}); }
    if (!has(feature::no_bridge_address)) { writer.add(stack::AddressRecord{{}, 5, {10, 1, 0, 1}, 24, {}}); }
    for (int const net : {0, 1}) {
        stack::RouteRecord route{};
        route.device = net == 0 ? 2 : 5;
        route.prefix = 24;
        route.destination[0] = 10;
        route.destination[1] = static_cast<std::uint8_t>(net);
        writer.add(route);
    }
    if (has(feature::rules)) { add_rules(writer); }
    configure6(writer, features);
    writer.add(stack::SettingRecord{{}, proto::NetworkSetting::Forwarding, {has(feature::no_forwarding) ? 0 : 1, 0}});
    static_cast<void>(writer.finish());
}

void StackWorld::configure6(stack::ConfigurationWriter& writer, std::uint8_t features) {
    auto const has = [&](std::uint8_t which) { return (features & which) != 0; };
    auto const address = [&](std::uint32_t device, std::initializer_list<std::uint8_t> first, std::uint8_t middle,
                             std::uint8_t last, std::uint8_t prefix) {
        stack::AddressRecord6 record{};
        record.device = device;
        record.prefix = prefix;
        std::ranges::copy(first, record.address);
        record.address[11] = middle;
        record.address[12] = middle != 0 ? 0xfe : 0;
        record.address[15] = last;
        writer.add(record);
    };
    auto const route = [&](std::uint32_t device, std::uint8_t net, bool far) {
        stack::RouteRecord6 record{};
        record.device = device;
        record.destination[0] = record.gateway[0] = 0xfd;
        record.destination[1] = net;
        record.gateway[15] = 2;
        record.has_gateway = far ? 1 : 0;
        record.prefix = far ? 16 : 64;
        writer.add(record);
    };
    address(1, {}, 0, 1, 128);
    address(2, {0xfd}, 0, 1, 64);
    address(2, {0xfe, 0x80}, 0xff, 2, 64);
    route(2, 0, false);
    route(2, 2, true);
    if (has(feature::second_address)) { address(2, {0xfd}, 0, 3, 64); }
    if (!has(feature::no_bridge_address)) {
        address(5, {0xfd, 1}, 0, 1, 64);
        address(5, {0xfe, 0x80}, 0xff, 5, 64);
        route(5, 1, false);
    }
    stack::NeighbourRecord6 known{}; // the others are asked for
    known.device = 2;
    known.address[0] = 0xfd;
    known.address[15] = 2;
    known.hardware_address[0] = 2;
    known.hardware_address[5] = 9;
    writer.add(known);
    writer.add(stack::SettingRecord{{}, proto::NetworkSetting::Forwarding6, {has(feature::no_forwarding) ? 0 : 1, 0}});
}

void StackWorld::notify(abi::Word bit) {
    world_.as(number_, [&] {
        server_->on_notification(abi::Word{1} << bit);
        while (std::exchange(host_.again, false)) { server_->on_notification(abi::Word{1} << stack::ring_bit); }
    });
}

void StackWorld::address(Frame& frame, std::size_t device) {
    constexpr std::uint8_t own[] = {2, 0, 0, 0, 0};
    std::memcpy(frame.data(), own, sizeof own);
    frame[5] = device == 0 || device == 3 ? 2 : 5;
}

void StackWorld::inject(std::size_t device, Frame const& frame, std::uint32_t flags) {
    device %= host_.rings.size();
    proto::PacketRing ring{reinterpret_cast<std::byte*>(host_.rings[device]) + half, half};
    bool was_empty = false;
    bool const done = ring.put(static_cast<std::uint32_t>(frame.size()), flags, was_empty,
                               [&](auto put) { put(frame.data(), static_cast<std::uint32_t>(frame.size())); });
    if (done) { ++frames; }
    notify(stack::ring_bit);
    for (std::size_t i = 0; i < host_.rings.size(); ++i) { drain(i); }
}

void StackWorld::drain(std::size_t device) {
    proto::PacketRing sent{host_.rings[device], half};
    std::uint32_t length, flags;
    while (sent.next(length, flags)) { sent.pop(length); }
}

void StackWorld::pass(std::uint64_t milliseconds) {
    // As netns does: the stack is woken when something is due.
    for (constexpr std::uint64_t step = 100; milliseconds > 0; milliseconds -= std::min(milliseconds, step)) {
        host_.now += std::min(milliseconds, step) * 1000000;
        notify(stack::timer_bit);
    }
}

void StackWorld::spoil_ring(std::size_t device, std::size_t word, std::uint32_t value) {
    auto* const memory = reinterpret_cast<std::uint32_t*>(host_.rings[device % host_.rings.size()]);
    // Head and waiting flag of what the stack reads; tail of what it writes; and the data.
    auto* const theirs = memory + half / 4;
    switch (word % 4) {
    case 0: theirs[0] = value; break;
    case 1: memory[1] = value; break;
    case 2: theirs[2] = value; break;
    default: theirs[16 + word] = value; break;
    }
    spoiled = true;
    notify(stack::ring_bit);
}

} // namespace fuzz
