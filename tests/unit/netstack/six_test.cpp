// IPv6: sockets on the loopback, both families at one listener, neighbours on a wire.
#include "fixture.hpp"
#include "lwip/priv/tcp_priv.h"

namespace {

using Bytes = std::array<std::uint8_t, 16>;
constexpr Bytes any6{}, loopback6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
    own6{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, near6{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2},
    far6{0xfd, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2},
    link6{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

proto::SocketAddress six(Bytes const& address, std::uint16_t port, std::uint32_t scope = 0) {
    netstack::InternetAddress6 result;
    result.port = netstack::swap16(port);
    result.address = address;
    result.scope = scope;
    return netstack::whole(result);
}
netstack::InternetAddress6 read(proto::SocketAddress const& address) {
    netstack::InternetAddress6 result;
    REQUIRE(address.length == sizeof result);
    std::memcpy(&result, address.data, sizeof result);
    return result;
}

/// The fixture's stack, with IPv6 on its loopback and its wire.
struct Six : Fixture {
    explicit Six(bool forwards = false) {
        stack::ConfigurationWriter writer{area.data(), static_cast<std::uint32_t>(area.size())};
        writer.add(records::device(1, "lo", stack::DeviceKind::Loopback));
        writer.add(records::device(2, "v0", stack::DeviceKind::Veth, 1));
        auto asleep = records::device(3, "v1", stack::DeviceKind::Veth);
        asleep.sleeper6_count = 1;
        std::memcpy(asleep.sleeper6[0], "\0\0\2", 3);
        writer.add(asleep);
        writer.add(stack::AddressRecord{{}, 1, {127, 0, 0, 1}, 8, {}});
        auto const address = [&](std::uint32_t index, Bytes const& bytes, std::uint8_t prefix) {
            stack::AddressRecord6 record{};
            record.device = index;
            record.prefix = prefix;
            std::ranges::copy(bytes, record.address);
            writer.add(record);
        };
        address(1, loopback6, 128);
        address(2, own6, 64);
        address(2, link6, 64);
        address(3, {0xfd, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 64);
        for (std::uint8_t const net : {0, 2}) {
            stack::RouteRecord6 route{};
            route.device = net == 0 ? 2 : 3;
            route.destination[0] = 0xfd;
            route.destination[1] = net;
            route.prefix = 64;
            writer.add(route);
        }
        stack::SettingRecord setting{};
        setting.setting = proto::NetworkSetting::Forwarding6;
        setting.values = {forwards ? 1 : 0, 0};
        writer.add(setting);
        REQUIRE(writer.finish());
        world.as(number, [&] { server->on_notification(1U << stack::configuration_bit); });
        drain();
    }
    ipc::Cap<proto::Socket> open6(std::uint32_t type, std::uint32_t protocol = 0) {
        auto const made = ipc::call<proto::NetworkStack::OpenSocket>(control, 10U, type | 0x800 | rights, protocol);
        REQUIRE(made);
        return made->as<proto::Socket>();
    }
    /// The frames that the stack has sent, each without the Ethernet header's addresses.
    std::vector<std::vector<std::uint8_t>> drain() {
        std::vector<std::vector<std::uint8_t>> frames;
        proto::PacketRing sent{platform.memory[0].data(), stack::ring_bytes / 2};
        std::uint32_t length, flags;
        while (sent.next(length, flags)) {
            frames.emplace_back(length);
            sent.read(0, frames.back().data(), length);
            sent.pop(length);
        }
        return frames;
    }
};

/// An IPv6 packet in its frame, from near6's station.
std::vector<std::byte> frame_of(Bytes const& from, Bytes const& to, std::uint8_t next, std::uint8_t hops,
                                std::vector<std::uint8_t> payload, char const* station = "\2\0\0\0\0\1") {
    if (std::size_t const sum_at = next == 58 ? 2 : 16; next == 58 || next == 6) {
        std::uint32_t sum = next + static_cast<std::uint32_t>(payload.size());
        for (auto const* bytes : {&from, &to}) {
            for (std::size_t i = 0; i < 16; i += 2) {
                sum += static_cast<std::uint32_t>((*bytes)[i] << 8 | (*bytes)[i + 1]);
            }
        }
        for (std::size_t i = 0; i < payload.size(); i += 2) {
            sum += static_cast<std::uint32_t>(payload[i] << 8 | (i + 1 < payload.size() ? payload[i + 1] : 0));
        }
        while (sum >> 16 != 0) { sum = (sum & 0xffff) + (sum >> 16); }
        payload[sum_at] = static_cast<std::uint8_t>(~sum >> 8);
        payload[sum_at + 1] = static_cast<std::uint8_t>(~sum);
    }
    std::vector<std::uint8_t> bytes(station, station + 6);
    for (auto const byte : {2, 0, 0, 0, 0, 2, 0x86, 0xdd, 0x60, 0, 0, 0}) {
        bytes.push_back(static_cast<std::uint8_t>(byte));
    }
    bytes.push_back(static_cast<std::uint8_t>(payload.size() >> 8));
    bytes.push_back(static_cast<std::uint8_t>(payload.size()));
    bytes.push_back(next);
    bytes.push_back(hops);
    bytes.insert(bytes.end(), from.begin(), from.end());
    bytes.insert(bytes.end(), to.begin(), to.end());
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    std::vector<std::byte> result(bytes.size());
    std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
}
constexpr std::size_t next_header = 14 + 6, icmp_type = 14 + 40;

} // namespace

TEST_CASE("a listener on :: hears both families, and knows IPv4 as mapped addresses; with IPV6_V6ONLY it hears one") {
    Six fixture;
    auto const listener = fixture.open6(stream);
    REQUIRE(ipc::call<proto::Socket::Bind>(listener, six(any6, 80)));
    REQUIRE(ipc::call<proto::Socket::Listen>(listener, 5U));
    CHECK(ipc::call<proto::Socket::Bind>(fixture.open(stream), internet(0, 80)).error() == Error::AddressInUse);
    auto const four = fixture.open(stream), other = fixture.open6(stream), mapped = fixture.open6(stream);
    CHECK(ipc::call<proto::Socket::Connect>(four, internet(loopback, 80)).error() == Error::InProgress);
    fixture.pass(100);
    auto accepted = ipc::call<proto::Socket::Accept>(listener, 0U);
    REQUIRE(accepted);
    CHECK(read(std::get<1>(*accepted)).address == netstack::mapped(netstack::loopback_address));
    CHECK(ipc::call<proto::Socket::Connect>(other, six(loopback6, 80)).error() == Error::InProgress);
    fixture.pass(100);
    accepted = ipc::call<proto::Socket::Accept>(listener, 0U);
    REQUIRE(accepted);
    CHECK(read(std::get<1>(*accepted)).address == loopback6);
    auto const peer = std::get<0>(*accepted).as<proto::Socket>();
    REQUIRE(send(other, "hello", 5));
    fixture.pass(50);
    char text[8]{};
    REQUIRE(receive(peer, text, sizeof text));
    CHECK(std::string_view{text, 5} == "hello");
    CHECK(ipc::call<proto::Socket::Connect>(mapped, six(netstack::mapped(netstack::loopback_address), 80)).error() ==
          Error::InProgress);
    fixture.pass(100);
    auto const name = ipc::call<proto::Socket::Name>(mapped, 0U);
    REQUIRE(name);
    CHECK(read(*name).address == netstack::mapped(netstack::loopback_address));
    auto const only = fixture.open6(stream);
    REQUIRE(ipc::call<proto::Socket::SetOption>(only, 41U, 26U, netstack::word_option(1)));
    REQUIRE(ipc::call<proto::Socket::Bind>(only, six(any6, 81)));
    CHECK(ipc::call<proto::Socket::SetOption>(only, 41U, 26U, netstack::word_option(0)).error() == Error::Invalid);
    REQUIRE(ipc::call<proto::Socket::Listen>(only, 5U));
    auto const beside = fixture.open(stream);
    REQUIRE(ipc::call<proto::Socket::Bind>(beside, internet(0, 81)));
    REQUIRE(ipc::call<proto::Socket::Listen>(beside, 5U));
    CHECK(ipc::call<proto::Socket::Connect>(only, six(netstack::mapped(0x0100007f), 80)).error() == Error::IsConnected);
}

TEST_CASE("addresses of a socket that cannot be are refused as Linux refuses them") {
    Six fixture;
    auto const tcp = fixture.open6(stream), udp = fixture.open6(datagram);
    CHECK(ipc::call<proto::Socket::Bind>(tcp, internet(loopback, 80)).error() == Error::Invalid); // too short
    CHECK(ipc::call<proto::Socket::Bind>(tcp, six(near6, 80)).error() == Error::AddressNotAvailable);
    CHECK(ipc::call<proto::Socket::Bind>(tcp, six(link6, 80)).error() == Error::Invalid); // on which wire?
    CHECK(ipc::call<proto::Socket::Bind>(tcp, six(link6, 80, 9)).error() == Error::NoSuchDevice);
    CHECK(ipc::call<proto::Socket::Connect>(tcp, six(far6, 80)).error() == Error::NetworkUnreachable);
    CHECK(ipc::call<proto::Socket::Connect>(tcp, six(link6, 80)).error() == Error::Invalid);
    REQUIRE(ipc::call<proto::Socket::Bind>(tcp, six(link6, 80, 2)));
    auto const name = ipc::call<proto::Socket::Name>(tcp, 0U);
    REQUIRE(name);
    CHECK(read(*name).scope == 2);
    CHECK(send(udp, "x", 1, six(far6, 9)).error() == Error::NetworkUnreachable);
    CHECK(ipc::call<proto::Socket::SetOption>(udp, 41U, 16U, netstack::word_option(256)).error() == Error::Invalid);
    CHECK(ipc::call<proto::Socket::SetOption>(fixture.open(datagram), 41U, 16U, netstack::word_option(5)).error() ==
          Error::NoProtocolOption);
}

TEST_CASE("datagrams of both families, with hops and address as control messages") {
    Six fixture;
    auto const receiver = fixture.open6(datagram), sender = fixture.open6(datagram);
    REQUIRE(ipc::call<proto::Socket::Bind>(receiver, six(any6, 53)));
    CHECK(ipc::call<proto::Socket::Bind>(fixture.open(datagram), internet(0, 53)).error() == Error::AddressInUse);
    for (auto const option : {49U, 51U}) {
        REQUIRE(ipc::call<proto::Socket::SetOption>(receiver, 41U, option, netstack::word_option(1)));
    }
    REQUIRE(ipc::call<proto::Socket::SetOption>(sender, 41U, 16U, netstack::word_option(9)));
    REQUIRE(send(sender, "six", 3, six(loopback6, 53)));
    REQUIRE(send(sender, "four", 4, six(netstack::mapped(netstack::loopback_address), 53)));
    char text[8]{};
    auto got =
        ipc::call<proto::Socket::Receive>(receiver, proto::message_flag::control, ipc::WriteBuffer{text, sizeof text});
    REQUIRE(got);
    auto const bytes = std::get<0>(*got).flags >> proto::message_flag::control_shift;
    auto const& name = std::get<1>(*got);
    REQUIRE(bytes == 32 + 16);
    REQUIRE(name.length == 28 + bytes);
    std::uint32_t hops[4];
    std::memcpy(hops, name.data + 28 + 32, sizeof hops);
    CHECK(hops[1] == 41);
    CHECK(hops[2] == 52);
    CHECK(hops[3] == 9);
    got = receive(receiver, text, sizeof text); // who does not ask gets none
    REQUIRE(got);
    CHECK(read(std::get<1>(*got)).address == netstack::mapped(netstack::loopback_address));
    CHECK(std::get<0>(*got).flags == 0);
}

TEST_CASE("a neighbour is asked for before it is sent to, answers are believed, and our own address is answered for") {
    Six fixture;
    auto const udp = fixture.open6(datagram);
    REQUIRE(send(udp, "x", 1, six(near6, 9)));
    auto frames = fixture.drain();
    REQUIRE(frames.size() == 1);
    CHECK(frames[0][0] == 0x33);
    CHECK(frames[0][icmp_type] == 135);
    std::vector<std::uint8_t> advertisement{136, 0, 0, 0, 0x60, 0, 0, 0};
    advertisement.insert(advertisement.end(), near6.begin(), near6.end());
    for (auto const byte : {2, 1, 2, 0, 0, 0, 0, 2}) { advertisement.push_back(static_cast<std::uint8_t>(byte)); }
    proto::PacketRing in{reinterpret_cast<std::byte*>(fixture.platform.memory[0].data()) + stack::ring_bytes / 2,
                         stack::ring_bytes / 2};
    auto const give = [&](std::vector<std::byte> const& frame) {
        bool empty = false;
        in.put(static_cast<std::uint32_t>(frame.size()), 0, empty,
               [&](auto put) { put(frame.data(), static_cast<std::uint32_t>(frame.size())); });
        fixture.world.as(fixture.number, [&] { fixture.server->on_notification(1U << stack::ring_bit); });
        return fixture.drain();
    };
    frames = give(frame_of(near6, own6, 58, 255, advertisement));
    REQUIRE(frames.size() == 1); // what has waited
    CHECK(frames[0][next_header] == 17);
    CHECK(frames[0][5] == 2);
    // An echo request to us, and one that a bridge has brought although it is for another station.
    std::vector<std::uint8_t> const echo{128, 0, 0, 0, 0, 1, 0, 1};
    frames = give(frame_of(near6, own6, 58, 64, echo));
    REQUIRE(frames.size() == 1);
    CHECK(frames[0][icmp_type] == 129);
    CHECK(give(frame_of(near6, own6, 58, 64, echo, "\2\0\0\0\0\7")).empty());
    // What routers say is not for lwIP: the routes are netns's.
    std::vector<std::uint8_t> advertised{134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0};
    CHECK(give(frame_of(link6, own6, 58, 255, advertised)).empty());
    CHECK(send(udp, "x", 1, six(far6, 9)).error() == Error::NetworkUnreachable);
}

TEST_CASE("an address that goes away takes its connections and what they asked for along") {
    Six fixture;
    auto const listener = fixture.open6(stream);
    REQUIRE(ipc::call<proto::Socket::Bind>(listener, six(any6, 80)));
    REQUIRE(ipc::call<proto::Socket::Listen>(listener, 5U));
    // A connection that is half open: its last word is a reset, which asks for the other end's station once more.
    fixture.inject(frame_of(near6, own6, 6, 64, {0, 9, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 32, 0, 0, 0, 0, 0}));
    fixture.pass(50);
    REQUIRE(tcp_active_pcbs != nullptr);
    CHECK(tcp_active_pcbs->remote_port == 9);
    CHECK(fixture.status.neighbour6_count == 1);
    stack::ConfigurationWriter writer{fixture.area.data(), static_cast<std::uint32_t>(fixture.area.size())};
    writer.add(records::device(1, "lo", stack::DeviceKind::Loopback));
    writer.add(records::device(2, "v0", stack::DeviceKind::Veth, 1));
    writer.add(stack::AddressRecord{{}, 1, {127, 0, 0, 1}, 8, {}});
    writer.add(stack::AddressRecord{{}, 2, {10, 0, 0, 1}, 24, {}});
    REQUIRE(writer.finish());
    fixture.world.as(fixture.number, [&] { fixture.server->on_notification(1U << stack::configuration_bit); });
    CHECK(fixture.status.neighbour6_count == 0);
    fixture.pass(3000);
    CHECK(fixture.status.neighbour6_count == 0);
}

TEST_CASE("packets of others are forwarded only if that is on") {
    constexpr Bytes beyond{0xfd, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
    for (bool const forwards : {false, true}) {
        Six fixture{forwards};
        auto const before = fixture.status.wakes;
        fixture.inject(frame_of(near6, beyond, 17, 64, {0, 9, 0, 9, 0, 8, 0, 0}));
        // The solicitation for `beyond` wakes the stack that sleeps there.
        CHECK((fixture.status.wakes != before) == forwards);
    }
}

TEST_CASE("who sleeps is woken by questions about his address, not by others'") {
    Six fixture;
    auto const udp = fixture.open6(datagram);
    auto const before = fixture.status.wakes;
    REQUIRE(send(udp, "x", 1, six({0xfd, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3}, 9)));
    CHECK(fixture.status.wakes == before);
    REQUIRE(send(udp, "x", 1, six({0xfd, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}, 9)));
    CHECK(fixture.status.wakes == before + 1);
}

TEST_CASE("tables: a socket of AF_INET6 is in the tables of IPv6, whatever it is bound to") {
    Six fixture;
    auto const text_of = [&](proto::NetworkTable table) {
        char text[2048];
        auto const got =
            ipc::call<proto::NetworkStack::Table>(fixture.control, table, 0U, ipc::WriteBuffer{text, sizeof text});
        REQUIRE(got);
        return std::string{text, got->count};
    };
    auto const udp = fixture.open6(datagram), raw6 = fixture.open6(raw, 58);
    REQUIRE(ipc::call<proto::Socket::Bind>(udp, six(netstack::mapped(netstack::loopback_address), 53)));
    CHECK(text_of(proto::NetworkTable::Udp6)
              .contains(" 0000000000000000FFFF00000100007F:0035 00000000000000000000000000000000:0000 07 "));
    CHECK_FALSE(text_of(proto::NetworkTable::Udp).contains(":0035"));
    CHECK(text_of(proto::NetworkTable::Raw6).contains(":003A "));
    CHECK_FALSE(text_of(proto::NetworkTable::Raw).contains(":003A "));
    fixture.close(raw6);
    CHECK_FALSE(text_of(proto::NetworkTable::Raw6).contains(":003A "));
}
