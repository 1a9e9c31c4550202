#include "../../../servers/netns/container_network.hpp"
#include <doctest/doctest.h>

using netns::NetworkNamespace;
using proto::stack::DeviceKind;

namespace {

proto::DeviceName name(std::string_view text) {
    proto::DeviceName result{};
    std::copy(text.begin(), text.end(), result.begin());
    return result;
}
proto::ContainerLink link(std::string_view bridge, std::string_view outer, std::uint8_t last) {
    return {name(bridge), name(outer), name("eth0"), {10, 9, 0, last}, {10, 9, 0, 1}, 24, 125000, 2000, {}, {}};
}
struct Networks {
    NetworkNamespace host{1}, web{2}, database{3};
    Networks() { REQUIRE(netns::add_container_bridge(host, {name("net0"), {10, 9, 0, 1}, 24})); }
};
proto::PacketRule masquerade() {
    proto::PacketRule rule{};
    rule.action = proto::PacketAction::Masquerade;
    rule.source[0] = 10;
    rule.source_prefix = 8;
    return rule;
}

} // namespace

TEST_CASE("rules about IPv6: longer prefixes, and nothing but the filter") {
    Networks networks;
    proto::PacketRule rule{};
    rule.action = proto::PacketAction::Drop;
    rule.family = proto::PacketFamily::Six;
    rule.destination_prefix = 128;
    CHECK(networks.host.set_rules({rule}));
    rule.destination_prefix = 129;
    CHECK(networks.host.set_rules({rule}).error() == ipc::Error::Invalid);
    rule.destination_prefix = 64;
    rule.action = proto::PacketAction::Masquerade;
    CHECK(networks.host.set_rules({rule}).error() == ipc::Error::Invalid);
    rule = masquerade();
    rule.source_prefix = 33;
    CHECK(networks.host.set_rules({rule}).error() == ipc::Error::Invalid);
    rule = masquerade();
    rule.family = proto::PacketFamily{4};
    CHECK(networks.host.set_rules({rule}).error() == ipc::Error::Invalid);
}

TEST_CASE(
    "a bridge for containers is up, has an address and a route to its subnet; one that cannot be leaves nothing") {
    Networks networks;
    auto& host = networks.host;
    REQUIRE(host.find("net0") != nullptr);
    CHECK(host.find("net0")->up);
    CHECK(host.routes().size() == 1);
    CHECK(netns::add_container_bridge(host, {name("net0"), {10, 8, 0, 1}, 24}).error() == ipc::Error::Exists);
    CHECK(netns::add_container_bridge(host, {name("net1"), {10, 8, 0, 1}, 33}).error() == ipc::Error::Invalid);
    CHECK(netns::add_container_bridge(host, {name("a/b"), {10, 8, 0, 1}, 24}).error() == ipc::Error::Invalid);
    CHECK(host.links().size() == 2);
}

TEST_CASE("a subnet of IPv6 beside the other: addresses and a way out; one that cannot be leaves nothing") {
    Networks networks;
    using Bytes = std::array<std::uint8_t, 16>;
    auto const unique = [](std::uint8_t last) { return Bytes{0xfd, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last}; };
    REQUIRE(netns::add_container_bridge(networks.host, {name("net6"), {10, 8, 0, 1}, 24, {unique(1), 64}}));
    CHECK(networks.host.six().is_own(unique(1)));
    auto request = link("net6", "web0", 2);
    request.six = {unique(2), 64};
    request.gateway6 = unique(1);
    REQUIRE(netns::connect_container(networks.host, networks.web, request));
    CHECK(networks.web.six().is_own(unique(2)));
    REQUIRE(networks.web.six().lookup(Bytes{0x20, 1}) != nullptr);
    CHECK(networks.web.six().lookup(Bytes{0x20, 1})->gateway == unique(1));
    request = link("net6", "database0", 3);
    request.six = {unique(3), 129};
    CHECK(netns::connect_container(networks.host, networks.database, request).error() == ipc::Error::Invalid);
    request.six = {Bytes{0xff, 2}, 64};
    CHECK_FALSE(netns::connect_container(networks.host, networks.database, request));
    CHECK(networks.host.find("database0") == nullptr);
    CHECK(networks.database.find("eth0") == nullptr);
    CHECK(netns::add_container_bridge(networks.host, {name("bad"), {10, 7, 0, 1}, 24, {Bytes{}, 64}}).error() ==
          ipc::Error::AddressNotAvailable);
    CHECK(networks.host.find("bad") == nullptr);
}

TEST_CASE("a container gets one end of a pair, up, with its address and a way out; the other is a port of the bridge") {
    Networks networks;
    REQUIRE(netns::connect_container(networks.host, networks.web, link("net0", "web0", 2)));
    auto* const inner = networks.web.find("eth0");
    auto* const outer = networks.host.find("web0");
    REQUIRE(inner != nullptr);
    REQUIRE(outer != nullptr);
    CHECK(inner->up);
    CHECK(networks.web.find("lo")->up);
    CHECK(networks.web.lookup(0x08080808)->gateway == __builtin_bswap32(0x0a090001));
    CHECK(outer->master == networks.host.find("net0")->index);
    CHECK(outer->peer()->space == &networks.web);
    CHECK(inner->peer()->space == &networks.host);
    CHECK(inner->rate == 125000);
    CHECK(networks.host.carrier(*outer));
    REQUIRE(netns::connect_container(networks.host, networks.database, link("net0", "database0", 3)));
    CHECK(networks.database.find("eth0")->hardware_address != networks.web.find("eth0")->hardware_address);
}

TEST_CASE("a connection that is refused has made nothing at either end") {
    Networks networks;
    auto const refused = [&](proto::ContainerLink const& request) {
        auto const result = netns::connect_container(networks.host, networks.web, request);
        REQUIRE_FALSE(result);
        CHECK(networks.host.links().size() == 2);
        CHECK(networks.web.links().size() == 1);
        CHECK_FALSE(networks.web.find("lo")->up);
        CHECK(networks.web.routes().empty());
        return result.error();
    };
    CHECK(refused(link("net9", "web0", 2)) == ipc::Error::NoSuchDevice);
    CHECK(refused(link("lo", "web0", 2)) == ipc::Error::NoSuchDevice);
    CHECK(refused(link("net0", "net0", 2)) == ipc::Error::Exists);
    auto far_gateway = link("net0", "web0", 2);
    far_gateway.gateway = {10, 200, 0, 1};
    CHECK(refused(far_gateway) == ipc::Error::NetworkUnreachable);
    CHECK(netns::connect_container(networks.host, networks.host, link("net0", "web0", 2)).error() ==
          ipc::Error::Invalid);
}

TEST_CASE("rules reach the stack in order, those of devices that are not there not at all") {
    NetworkNamespace space{1};
    auto other = masquerade();
    std::copy_n("net7", 5, other.out_device);
    REQUIRE(space.set_rules({other, masquerade()}));
    auto bad = masquerade();
    bad.first_port = 80; // of no protocol that has ports
    CHECK(space.set_rules({bad}).error() == ipc::Error::Invalid);
    bad = masquerade();
    bad.action = static_cast<proto::PacketAction>(77);
    CHECK(space.set_rules({bad}).error() == ipc::Error::Invalid);
    CHECK(space.rules().size() == 2);
    auto const written = [&] {
        alignas(8) std::byte area[proto::stack::configuration_bytes]{};
        proto::stack::ConfigurationWriter writer{area, sizeof area};
        space.write(writer);
        REQUIRE(writer.finish());
        std::vector<proto::stack::RuleRecord> rules;
        CHECK(proto::stack::read_configuration(area, [&]<class Record>(Record const& record) {
            if constexpr (std::is_same_v<Record, proto::stack::RuleRecord>) { rules.push_back(record); }
        }));
        return rules;
    };
    CHECK(written().size() == 1);
    auto const index = (*space.add_link(DeviceKind::Bridge, "net7"))->index;
    auto const rules = written();
    REQUIRE(rules.size() == 2);
    CHECK(rules[0].out_device == index);
}

TEST_CASE("a stack that sleeps is asked for by its address alone, unless it may be somebody's way") {
    Networks networks;
    REQUIRE(netns::connect_container(networks.host, networks.web, link("net0", "web0", 2)));
    networks.host.stack = 1;
    auto const sleeper = [&] {
        alignas(8) std::byte area[proto::stack::configuration_bytes]{};
        proto::stack::ConfigurationWriter writer{area, sizeof area};
        networks.host.write(writer);
        REQUIRE(writer.finish());
        int last = -1;
        CHECK(proto::stack::read_configuration(area, [&]<class Record>(Record const& record) {
            if constexpr (std::is_same_v<Record, proto::stack::DeviceRecord>) {
                if (std::string_view{record.name} == "web0") { last = record.sleeper[3]; }
            }
        }));
        return last;
    };
    CHECK(sleeper() == 2);
    REQUIRE(networks.web.set_setting(proto::NetworkSetting::Forwarding, {1, 0}));
    CHECK(sleeper() == 0);
}
