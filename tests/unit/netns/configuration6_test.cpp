#include "../../../servers/netns/netlink_message.hpp"
#include "../../../servers/netns/netlink_requests.hpp"
#include "../../../servers/netns/tables.hpp"
#include <doctest/doctest.h>

using ipc::Error;
using netns::Address6;
using netns::Configuration6;
using netns::NetworkNamespace;
using proto::NetworkSetting;
using proto::stack::DeviceKind;

namespace {
/// fd00:net::end
Address6 unique(std::uint8_t net, std::uint8_t end) { return {0xfd, 0, 0, net, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, end}; }
Address6 network(std::uint8_t net) { return unique(net, 0); }

/// What of a configuration is about IPv6.
struct Seen {
    int addresses = 0, routes = 0, neighbours = 0;
    proto::stack::DeviceRecord device{};
    void operator()(proto::stack::AddressRecord6 const&) { ++addresses; }
    void operator()(proto::stack::RouteRecord6 const&) { ++routes; }
    void operator()(proto::stack::NeighbourRecord6 const&) { ++neighbours; }
    void operator()(proto::stack::DeviceRecord const& record) {
        if (record.kind == DeviceKind::Veth) { device = record; }
    }
    template <class Record>
    void operator()(Record const&) {}
};

struct World {
    NetworkNamespace space, other{2};
    std::uint32_t index = (*space.add_veth("a", "b"))->index;
    World() { REQUIRE(space.move_link(space.find("b")->index, other)); }
    void up() {
        REQUIRE(space.set_up(*space.find("a"), true));
        REQUIRE(other.set_up(*other.find("b"), true));
    }
};
} // namespace

TEST_CASE("a device has its address on the wire once somebody is at the other end, and none when it is down") {
    World world;
    auto& six = world.space.six();
    REQUIRE(world.space.set_hardware_address(*world.space.find("a"), {2, 0, 0, 0, 0, 0x0a}));
    REQUIRE(world.space.set_up(*world.space.find("a"), true));
    CHECK(six.addresses().empty());
    REQUIRE(world.other.set_up(*world.other.find("b"), true));
    REQUIRE(six.addresses().size() == 1);
    CHECK(six.addresses()[0].address == Address6{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, 0x0a});
    CHECK(six.addresses()[0].scope == Configuration6::scope_link);
    REQUIRE(six.add_address(world.index, unique(1, 1), 64));
    REQUIRE(six.add_address(world.index, unique(1, 2), 64));
    CHECK(six.addresses()[0].address == unique(1, 2)); // the wider scope first, of that the newer
    CHECK(six.addresses()[2].scope == Configuration6::scope_link);
    CHECK(six.routes().size() == 2); // both networks, one for two addresses
    REQUIRE(six.remove_address(world.index, unique(1, 1), 64));
    CHECK(six.routes().size() == 2);
    REQUIRE(six.remove_address(world.index, unique(1, 2), 64));
    CHECK(six.routes().size() == 1);
    REQUIRE(six.add_address(world.index, unique(1, 1), 64));
    REQUIRE(world.space.set_up(*world.space.find("a"), false));
    CHECK(six.addresses().empty());
    CHECK(six.routes().empty());
    REQUIRE(world.space.set_up(*world.space.find("a"), true));
    CHECK(six.addresses().size() == 1);
}

TEST_CASE("what cannot be an address is refused") {
    World world;
    world.up();
    auto& six = world.space.six();
    auto const add = [&](Address6 const& address, std::uint8_t prefix) {
        return six.add_address(world.index, address, prefix).error();
    };
    REQUIRE(six.add_address(world.index, unique(1, 1), 64));
    CHECK(add(unique(1, 1), 64) == Error::Exists);
    CHECK(add({0xff, 2}, 64) == Error::AddressNotAvailable);
    CHECK(add({}, 64) == Error::AddressNotAvailable);
    CHECK(add(Configuration6::loopback, 128) == Error::AddressNotAvailable);
    CHECK(add(unique(1, 2), 129) == Error::Invalid);
    CHECK(six.add_address(77, unique(1, 2), 64).error() == Error::NoSuchDevice);
    CHECK(six.remove_address(world.index, unique(9, 9), 64).error() == Error::AddressNotAvailable);
    for (std::uint8_t end = 2; end <= 7; ++end) { REQUIRE(six.add_address(world.index, unique(1, end), 64)); }
    CHECK(add(unique(1, 99), 64) == Error::NoSpace);
}

TEST_CASE("routes: the longest prefix, a gateway that can be reached") {
    World world;
    world.up();
    auto& six = world.space.six();
    REQUIRE(six.add_address(world.index, unique(1, 1), 64));
    CHECK(six.add_route({0, network(2), unique(3, 1), 0, 64}).error() == Error::HostUnreachable);
    CHECK(six.add_route({0, network(2), unique(1, 1), 0, 64}).error() == Error::Invalid);    // its own
    CHECK(six.add_route({0, network(2), {0xfe, 0x80, 1}, 0, 64}).error() == Error::Invalid); // on which wire?
    CHECK(six.add_route({99, network(2), {}, 0, 64}).error() == Error::NoSuchDevice);
    REQUIRE(six.add_route({0, network(2), unique(1, 9), 0, 64}));
    CHECK(six.add_route({0, network(2), unique(1, 9), 0, 64}).error() == Error::Exists);
    REQUIRE(six.add_route({0, {}, unique(1, 8), 0, 0}));
    CHECK(six.lookup(unique(2, 5))->gateway == unique(1, 9));
    CHECK(six.lookup(unique(7, 5))->gateway == unique(1, 8));
    CHECK_FALSE(six.lookup(unique(1, 5))->has_gateway());
    CHECK(six.source_for(*six.lookup(unique(7, 5)), unique(7, 5)) == unique(1, 1));
    REQUIRE(six.remove_route({0, network(2), {}, 0, 64}, true));
    CHECK(six.remove_route({0, network(2), {}, 0, 64}, true).error() == Error::NoProcess);
    CHECK(six.lookup(unique(2, 5))->gateway == unique(1, 8));
    // As Linux walks through them: a longer prefix before the one around it.
    CHECK(netns::route_before({0, network(1), {}, 1, 64}, {0, {}, {}, 1, 0}));
    CHECK(netns::route_before({0, network(1), {}, 1, 64}, {0, network(2), {}, 1, 32}));
    CHECK_FALSE(netns::route_before({0, network(2), {}, 1, 64}, {0, network(1), {}, 1, 64}));
}

TEST_CASE("settings are of a device, of all, and of those to come") {
    World world;
    world.up();
    auto& six = world.space.six();
    auto const device = static_cast<std::int32_t>(world.index);
    REQUIRE(six.set_setting(NetworkSetting::Disable6, device, 1));
    CHECK(six.addresses().empty());
    CHECK(six.add_address(world.index, unique(1, 1), 64).error() == Error::Access);
    CHECK(*six.setting(NetworkSetting::Disable6, device) == 1);
    CHECK(*six.setting(NetworkSetting::Disable6, proto::setting_all) == 0);
    REQUIRE(six.set_setting(NetworkSetting::Disable6, proto::setting_all, 0));
    CHECK(six.addresses().size() == 1);
    REQUIRE(six.set_setting(NetworkSetting::Forwarding6, proto::setting_all, 1));
    CHECK(*six.setting(NetworkSetting::Forwarding6, device) == 1);
    CHECK(*six.setting(NetworkSetting::Forwarding6, proto::setting_default) == 1);
    REQUIRE(six.set_setting(NetworkSetting::AcceptAdvertisements6, proto::setting_default, 0));
    CHECK(*six.setting(NetworkSetting::AcceptAdvertisements6, device) == 1);
    auto const later = static_cast<std::int32_t>((*world.space.add_link(DeviceKind::Dummy, "d"))->index);
    CHECK(*six.setting(NetworkSetting::AcceptAdvertisements6, later) == 0);
    CHECK(*six.setting(NetworkSetting::Forwarding6, later) == 1);
    CHECK(six.setting(NetworkSetting::Disable6, 99).error() == Error::Invalid);
    CHECK(six.set_setting(NetworkSetting::Forwarding, proto::setting_all, 1).error() == Error::Invalid);
}

TEST_CASE("the tables of /proc/net, byte for byte as Linux has them") {
    NetworkNamespace space;
    REQUIRE(space.set_up(*space.find("lo"), true));
    CHECK(netns::interface6_table(space) == "00000000000000000000000000000001 01 80 10 80       lo\n");
    constexpr char none[] = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
                            "00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n";
    CHECK(netns::route6_table(space) ==
          std::string{none} +
              "00000000000000000000000000000001 80 00000000000000000000000000000000 00 "
              "00000000000000000000000000000000 00000000 00000001 00000000 80200001       lo\n" +
              none);
}

TEST_CASE("a stack is told of addresses, routes and who sleeps at the other end") {
    World world;
    world.up();
    auto& six = world.space.six();
    REQUIRE(six.add_address(world.index, unique(1, 1), 64));
    REQUIRE(six.add_route({0, network(2), unique(1, 9), 0, 64}));
    REQUIRE(six.set_neighbour({world.index, unique(1, 9), {2, 0, 0, 0, 0, 9}}));
    REQUIRE(world.other.six().add_address(world.other.find("b")->index, unique(1, 0x77), 64));
    std::vector<std::byte> area(proto::stack::configuration_bytes);
    proto::stack::ConfigurationWriter writer{area.data(), static_cast<std::uint32_t>(area.size())};
    REQUIRE(world.space.write(writer));
    REQUIRE(writer.finish());
    Seen seen;
    REQUIRE(proto::stack::read_configuration(area, [&](auto const& record) { seen(record); }));
    CHECK(seen.addresses == 2);
    CHECK(seen.routes == 2); // that of the link-local network is everywhere
    CHECK(seen.neighbours == 1);
    REQUIRE(seen.device.sleeper6_count == 2);
    CHECK(seen.device.sleeper6[0][2] == 0x77);
}

TEST_CASE("rtnetlink: an IPv6 address is added, listed after the IPv4 ones, and removed") {
    namespace nl = netns::netlink;
    NetworkNamespace space;
    auto const index = (*space.add_link(DeviceKind::Dummy, "d"))->index;
    std::vector<std::byte> message;
    nl::Writer writer{message};
    auto const address = unique(1, 1);
    auto const ask = [&](std::uint16_t type, std::uint16_t flags, bool with_address) {
        message.clear();
        writer.begin(type, static_cast<std::uint16_t>(nl::flag::request | flags), nl::Header{0, 0, 0, 1, 0},
                     nl::AddressMessage{10, 64, 0, 0, index});
        if (with_address) { writer.attribute(1, address); }
        writer.end();
        return netns::handle_netlink(space, message, 5, true, {}, {}, {}, {});
    };
    auto const error_of = [](netns::NetlinkAnswer const& answer) {
        std::int32_t error = 1;
        REQUIRE(answer.datagrams.size() == 1);
        std::memcpy(&error, answer.datagrams[0].data() + sizeof(nl::Header), sizeof error);
        return error;
    };
    CHECK(error_of(ask(nl::new_address, nl::flag::acknowledge, true)) == 0);
    CHECK(error_of(ask(nl::new_address, nl::flag::acknowledge, true)) == -static_cast<std::int32_t>(Error::Exists));
    auto const dump = ask(nl::get_address, nl::flag::dump, false);
    REQUIRE(dump.datagrams.size() == 1);
    nl::AddressMessage first;
    std::memcpy(&first, dump.datagrams[0].data() + sizeof(nl::Header), sizeof first);
    CHECK(first.family == 10);
    CHECK(first.prefix == 64);
    CHECK(error_of(ask(nl::delete_address, nl::flag::acknowledge, true)) == 0);
    CHECK(error_of(ask(nl::delete_address, nl::flag::acknowledge, true)) ==
          -static_cast<std::int32_t>(Error::AddressNotAvailable));
}
