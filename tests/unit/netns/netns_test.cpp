#include "fixture.hpp"

namespace {

std::vector<std::byte> new_veth(std::string_view name) {
    std::vector<std::byte> message;
    nl::Writer writer{message};
    writer.begin(nl::new_link, nl::flag::request | nl::flag::acknowledge | nl::flag::create | nl::flag::exclusive,
                 nl::Header{0, 0, 0, 7, 0}, nl::LinkMessage{});
    writer.text(3, name);
    auto const info = writer.open(18);
    writer.text(1, "veth");
    writer.close(info);
    writer.end();
    return message;
}

/// SIOCSIFFLAGS with IFF_UP.
auto up(ipc::Cap<proto::Network> network, char const* name) {
    struct {
        char name[16];
        std::int16_t flags;
        char rest[14];
    } request{};
    std::strcpy(request.name, name);
    request.flags = 1;
    return ipc::call<proto::Network::Configure>(network, 0x8914U, 0U, ipc::ReadBuffer{&request, sizeof request},
                                                ipc::WriteBuffer{&request, sizeof request});
}

} // namespace

TEST_CASE("a new network namespace has its own loopback and nothing else") {
    Fixture fixture;
    auto const network = fixture.enter(fixture.create());
    // As Linux 6.1 prints it.
    CHECK(fixture.table(network, proto::NetworkTable::Devices) ==
          "Inter-|   Receive                                                |  Transmit\n"
          " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo "
          "colls carrier compressed\n"
          "    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0   "
          "  0       0          0\n");
    char tail[16];
    auto const whole = fixture.table(network, proto::NetworkTable::Devices);
    auto const rest = ipc::call<proto::Network::DeviceTable>(network, static_cast<std::uint32_t>(whole.size() - 4),
                                                             ipc::WriteBuffer{tail, sizeof tail});
    REQUIRE(rest);
    CHECK(std::string_view{tail, rest->count} == "  0\n");
}

TEST_CASE("sockets are refused with the errno of a system without the family") {
    Fixture fixture;
    auto const network = fixture.enter(fixture.first);
    auto const socket = [&](std::uint32_t family, std::uint32_t type) {
        return ipc::call<proto::Network::Socket>(network, family, type, 0U).error();
    };
    CHECK(socket(99, 1) == ipc::Error::AddressFamilyNotSupported);
    CHECK(socket(2, 15) == ipc::Error::Invalid);
    CHECK(ipc::call<proto::Network::Socket>(fixture.first.as<proto::Network>(), 2U, 1U, 0U).error() ==
          ipc::Error::NotPermitted);
    fixture.stacks.memory = false;
    CHECK(socket(2, 1) == ipc::Error::NoMemory);
}

TEST_CASE("netlink makes a veth pair; moved to another namespace it gets a shared ring when both stacks run") {
    Fixture fixture;
    auto const here = fixture.enter(fixture.first);
    auto const there_space = fixture.create();
    auto const there = fixture.enter(there_space);
    auto const socket = fixture.netlink(here);
    CHECK(fixture.request(socket, new_veth("left")) == 0);
    CHECK(fixture.request(socket, new_veth("left")) == static_cast<int>(ipc::Error::Exists));
    CHECK(fixture.table(here, proto::NetworkTable::Devices).contains("left:"));
    CHECK(fixture.table(here, proto::NetworkTable::Devices).contains("veth0:"));
    // lo is 1, the peer comes first
    CHECK(ipc::call<proto::Network::MoveDevice>(here, 2U, ipc::OptionalCap<proto::Namespace>{there_space}));
    CHECK_FALSE(fixture.table(here, proto::NetworkTable::Devices).contains("veth0:"));
    CHECK(fixture.table(there, proto::NetworkTable::Devices).contains("veth0:"));
    CHECK(ipc::call<proto::Network::MoveDevice>(here, 1U, ipc::OptionalCap<proto::Namespace>{there_space}).error() ==
          ipc::Error::Invalid);
    CHECK(ipc::call<proto::Network::MoveDevice>(here, 99U, ipc::OptionalCap<proto::Namespace>{there_space}).error() ==
          ipc::Error::NoSuchDevice);
    CHECK(fixture.stacks.stacks.size() == 1); // nothing is up: no stack runs
    CHECK(up(here, "left"));
    CHECK(up(there, "veth0"));
    CHECK(up(there, "left").error() == ipc::Error::NoSuchDevice);
    CHECK(fixture.stacks.stacks.size() == 1); // until somebody has a socket
    static_cast<void>(ipc::call<proto::Network::Socket>(here, 2U, 1U, 0U));
    CHECK(fixture.stacks.stacks.size() == 2);
    CHECK(fixture.stacks.attached.empty());
    // A frame for the other end starts the stack there.
    auto& status = fixture.stacks.stacks[1]->status;
    status.wake_devices[0] = 3; // left
    status.wakes = 1;
    static_cast<void>(fixture.server.run_timers(1));
    CHECK(fixture.stacks.stacks.size() == 3);
    CHECK(fixture.stacks.attached.size() == 2);
    CHECK(fixture.stacks.rings == 1);
    int devices = 0;
    auto const visit = [&]<class Record>(Record const& record) {
        if constexpr (std::is_same_v<Record, proto::stack::DeviceRecord>) {
            devices += record.ring == 1 && record.up == 1 ? 1 : 0;
        }
    };
    CHECK(proto::stack::read_configuration(fixture.stacks.stacks[2]->configuration, visit));
    CHECK(devices == 1);
    // The namespace ends: the pair with it, and the ring, and its stack.
    ipc::release_slot(there.slot);
    ipc::release_slot(there_space.slot);
    fixture.world.pump();
    CHECK_FALSE(fixture.table(here, proto::NetworkTable::Devices).contains("left:"));
    CHECK(fixture.stacks.rings == 0);
}

TEST_CASE("what does not decode as netlink gets no answer and changes nothing") {
    Fixture fixture;
    auto const here = fixture.enter(fixture.first);
    auto const socket = fixture.netlink(here);
    auto const before = fixture.table(here, proto::NetworkTable::Devices);
    std::uint32_t random = 1;
    for (int round = 0; round < 2000; ++round) {
        auto message = new_veth("x");
        for (int change = 0; change < 3; ++change) {
            random = random * 1664525 + 1013904223;
            message[(random >> 8) % message.size()] = static_cast<std::byte>(random >> 24);
        }
        auto const length = message.size() - (random >> 4) % 8;
        auto const sent =
            ipc::call<proto::Socket::Send>(socket, 0U, proto::SocketAddress{}, ipc::ReadBuffer{message.data(), length});
        CHECK((sent || sent.error() == ipc::Error::Elsewhere));
    }
    std::vector<std::byte> answer(8192);
    while (ipc::call<proto::Socket::Receive>(socket, proto::message_flag::dont_wait,
                                             ipc::WriteBuffer{answer.data(), answer.size()})) {}
    CHECK(ipc::call<proto::Socket::Receive>(socket, proto::message_flag::dont_wait,
                                            ipc::WriteBuffer{answer.data(), answer.size()})
              .error() == ipc::Error::Again);
}

TEST_CASE("the card is the first namespace's; it moves to one other at a time, and comes home when that ends") {
    Fixture fixture{true};
    auto const here = fixture.enter(fixture.first);
    CHECK(fixture.table(here, proto::NetworkTable::Devices).contains("eth0:"));
    CHECK(fixture.stacks.attached.empty()); // nobody wants it: no stack runs, the driver is left alone
    CHECK(up(here, "eth0"));
    auto const card = netns::Stacks::card_ring;
    CHECK(fixture.stacks.attached == std::vector{std::tuple{card, 1U, 0U}});

    auto const there_space = fixture.create();
    auto const there = fixture.enter(there_space);
    // As the caller's side does it for `ip link set eth0 netns 7`: the message, the move, the message again with the outcome.
    auto const socket = fixture.netlink(here);
    std::vector<std::byte> message;
    nl::Writer writer{message};
    writer.begin(nl::new_link, nl::flag::request | nl::flag::acknowledge, nl::Header{0, 0, 0, 7, 0}, nl::LinkMessage{});
    writer.text(3, "eth0");
    writer.attribute(19, 7U);
    writer.end();
    CHECK(ipc::call<proto::Socket::Send>(socket, 0U, proto::SocketAddress{},
                                         ipc::ReadBuffer{message.data(), message.size()})
              .error() == ipc::Error::Elsewhere);
    CHECK(ipc::call<proto::Network::MoveDevice>(here, 2U, ipc::OptionalCap<proto::Namespace>{there_space}));
    CHECK(fixture.request(socket, message, proto::message_flag::moved) == 0);
    CHECK(fixture.stacks.attached.empty()); // it is down there
    CHECK_FALSE(fixture.table(here, proto::NetworkTable::Devices).contains("eth0:"));
    CHECK(up(here, "eth0").error() == ipc::Error::NoSuchDevice);
    CHECK(up(there, "eth0"));
    CHECK(fixture.stacks.attached == std::vector{std::tuple{card, 2U, 0U}});
    int cards = 0;
    auto const visit = [&]<class Record>(Record const& record) {
        if constexpr (std::is_same_v<Record, proto::stack::DeviceRecord>) {
            cards += record.kind == proto::stack::DeviceKind::Card && record.ring == 1 ? 1 : 0;
        }
    };
    CHECK(proto::stack::read_configuration(fixture.stacks.stacks[2]->configuration, visit));
    CHECK(cards == 1);

    ipc::release_slot(there.slot);
    ipc::release_slot(there_space.slot);
    fixture.world.pump();
    CHECK(fixture.stacks.attached.empty());
    CHECK(fixture.table(here, proto::NetworkTable::Devices).contains("eth0:"));
    CHECK(up(here, "eth0"));
    CHECK(fixture.stacks.attached == std::vector{std::tuple{card, 1U, 0U}});
}

TEST_CASE(
    "who may only look at a namespace cannot connect containers to it, nor what he may only look at to one of his") {
    Fixture fixture;
    auto const target = fixture.create();
    auto const looks = [&](ipc::Cap<proto::Namespace> space) {
        return *ipc::call<proto::Namespace::Attenuate>(space, proto::Namespace::program_operations);
    };
    proto::BridgeRequest bridge{};
    bridge.name = {'n', 'e', 't', '0'};
    bridge.address = {10, 9, 0, 1};
    bridge.prefix = 24;
    proto::ContainerLink link{};
    link.bridge = bridge.name;
    link.outer = {'o', 'u', 't'};
    link.inner = {'e', 't', 'h', '0'};
    link.address = {10, 9, 0, 2};
    link.prefix = 24;
    auto const network = [](ipc::Cap<proto::Namespace> space) { return space.as<proto::Network>(); };
    CHECK(ipc::call<proto::Network::AddBridge>(network(looks(fixture.first)), bridge).error() ==
          ipc::Error::NotPermitted);
    CHECK(ipc::call<proto::Network::AddBridge>(network(fixture.first), bridge));
    CHECK(ipc::call<proto::Network::ConnectContainer>(network(looks(fixture.first)), link,
                                                      ipc::OptionalCap<proto::Namespace>{target})
              .error() == ipc::Error::NotPermitted);
    CHECK(ipc::call<proto::Network::ConnectContainer>(network(fixture.first), link,
                                                      ipc::OptionalCap<proto::Namespace>{looks(target)})
              .error() == ipc::Error::Invalid);
    CHECK(
        ipc::call<proto::Network::ConnectContainer>(network(fixture.first), link, ipc::OptionalCap<proto::Namespace>{})
            .error() == ipc::Error::Invalid);
    CHECK(ipc::call<proto::Network::ConnectContainer>(network(fixture.first), link,
                                                      ipc::OptionalCap<proto::Namespace>{target}));
    CHECK(fixture.table(fixture.enter(target), proto::NetworkTable::Devices).contains("eth0:"));
    CHECK(fixture.stacks.stacks.size() == 1);
    CHECK(ipc::call<proto::Network::SetRate>(network(fixture.first), link.outer, 1000U, 0U));
    CHECK(ipc::call<proto::Network::SetRate>(network(fixture.first), link.inner, 1000U, 0U).error() ==
          ipc::Error::NoSuchDevice);
    CHECK(ipc::call<proto::Network::RemoveDevice>(network(looks(fixture.first)), link.outer).error() ==
          ipc::Error::NotPermitted);
    CHECK(ipc::call<proto::Network::RemoveDevice>(network(fixture.first), link.outer));
    CHECK_FALSE(fixture.table(fixture.enter(target), proto::NetworkTable::Devices).contains("eth0:"));
    proto::PacketRule rule{};
    rule.action = proto::PacketAction::Drop;
    CHECK(ipc::call<proto::Network::SetRules>(network(fixture.first), ipc::ReadBuffer{&rule, sizeof rule}));
    CHECK(
        ipc::call<proto::Network::SetRules>(network(fixture.first), ipc::ReadBuffer{&rule, sizeof rule - 1}).error() ==
        ipc::Error::Invalid);
    CHECK(ipc::call<proto::Network::SetRules>(network(looks(fixture.first)), ipc::ReadBuffer{&rule, sizeof rule})
              .error() == ipc::Error::NotPermitted);
}
