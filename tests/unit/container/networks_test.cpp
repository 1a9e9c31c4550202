#include "../../../servers/container/address6.hpp"
#include "../../../servers/container/networks.hpp"
#include <algorithm>
#include <doctest/doctest.h>

using container::Attachment;
using container::Networks;
using container::Policy;
using container::Publication;
using container::Subnet;
using proto::PacketAction;

TEST_CASE("subnets are read as people write them, and what is none is refused") {
    auto const subnet = Subnet::parse("10.1.2.99/24");
    REQUIRE(subnet);
    CHECK(subnet->text() == "10.1.2.0/24");
    CHECK(container::address_text(subnet->gateway()) == "10.1.2.1");
    CHECK(subnet->contains(0x0a0102ff));
    CHECK_FALSE(subnet->contains(0x0a010300));
    for (auto const* text : {"", "10.1.2.0", "10.1.2.0/31", "10.1.2.0/7", "10.1.2/24", "10.1.2.256/24", "10.1.2.0/24x",
                             "127.0.0.0/8", "224.0.0.0/8", "0.0.0.0/8", "1.2.3.4444444444444/24"}) {
        CHECK_MESSAGE(!Subnet::parse(text), text);
    }
    CHECK(*container::parse_address("1.2.3.4") == 0x01020304);
    CHECK_FALSE(container::parse_address("1.2.3.4 "));
}

TEST_CASE("ports are published as HOST:PORT, TCP unless said otherwise") {
    auto const web = Publication::parse("8080:80");
    REQUIRE(web);
    CHECK(web->host_port == 8080);
    CHECK(web->port == 80);
    CHECK(web->protocol == 6);
    CHECK(Publication::parse("53:5353/udp")->protocol == 17);
    CHECK(Publication::parse("53:5353/udp")->text() == "53:5353/udp");
    for (auto const* text : {"", "80", "0:80", "80:0", "65536:1", "80:80/sctp", ":80", "80:"}) {
        CHECK_MESSAGE(!Publication::parse(text), text);
    }
}

TEST_CASE("policies: who may reach what") {
    auto const all = Policy::parse("deny all");
    REQUIRE(all);
    CHECK(all->rule.action == PacketAction::Drop);
    CHECK(all->rule.destination_prefix == 0);
    auto const port = Policy::parse("allow 10.0.2.2:53");
    REQUIRE(port);
    CHECK(port->rule.protocol == 6);
    CHECK(port->rule.first_port == 53);
    CHECK(port->rule.destination_prefix == 32);
    CHECK(port->rule.destination[3] == 2);
    CHECK(Policy::parse("allow udp:10.0.0.0/8:53")->rule.destination_prefix == 8);
    CHECK(Policy::parse("deny icmp:all")->rule.protocol == 1);
    for (auto const* text : {"", "all", "allow", "allow ", "deny x", "deny 10.0.0.0/33", "deny icmp:1.2.3.4:5",
                             "deny 1.2.3.4:0", "deny all x"}) {
        CHECK_MESSAGE(!Policy::parse(text), text);
    }
}

TEST_CASE("policies about IPv6: addresses in all their forms, prefixes, ports in brackets") {
    using proto::PacketFamily;
    auto const one = Policy::parse("deny fd00:1::2:3");
    REQUIRE(one);
    CHECK(one->rule.family == PacketFamily::Six);
    CHECK(one->rule.destination_prefix == 128);
    CHECK(std::ranges::equal(one->rule.destination,
                             container::Address6{0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3}));
    auto const port = Policy::parse("allow udp:[fd00::/8]:53");
    REQUIRE(port);
    CHECK(port->rule.protocol == 17);
    CHECK(port->rule.destination_prefix == 8);
    CHECK(port->rule.first_port == 53);
    CHECK(Policy::parse("allow [2001:DB8:1:2:3:4:5:6]:80")->rule.destination[15] == 6);
    CHECK(Policy::parse("deny ::/0")->rule.destination_prefix == 0);
    CHECK(Policy::parse("deny ::1")->rule.destination[15] == 1);
    CHECK(Policy::parse("deny 1::")->rule.destination[1] == 1);
    CHECK(Policy::parse("deny 1:2:3:4:5:6:7::")->rule.destination[13] == 7);
    CHECK(Policy::parse("deny icmp:all")->rule.family == PacketFamily::Any);
    for (auto const* text :
         {"deny fd00::/129", "deny fd00::1]", "deny [fd00::1", "deny 1:2:3", "deny 1:2:3:4:5:6:7:8:9", "deny 1::2::3",
          "deny 12345::", "deny :::", "deny :1", "deny 1:2:3:4:5:6:7:8::", "deny ::1:2:3:4:5:6:7:8", "deny [::1]:0",
          "deny [1.2.3.4]:80", "deny fd00::/8:80", "deny ::g"}) {
        CHECK_MESSAGE(!Policy::parse(text), text);
    }
}

TEST_CASE("networks have names and subnets of their own") {
    Networks networks;
    REQUIRE(networks.find("default") != nullptr);
    CHECK(networks.find("default")->nat);
    auto const first = networks.add("front", {});
    REQUIRE(first);
    CHECK((*first)->subnet.text() == "10.89.0.0/24");
    CHECK((*first)->device != networks.find("default")->device);
    CHECK((*networks.add("back", {}))->subnet.text() == "10.89.1.0/24");
    CHECK(networks.add("front", {}).error().code == "exists");
    CHECK(networks.add("none", {}).error().code == "bad-name");
    CHECK(networks.add("a b", {}).error().code == "bad-name");
    auto const overlap = networks.add("other", Subnet::parse("10.88.7.0/24")).error();
    CHECK(overlap.code == "subnet-overlaps");
    CHECK(overlap.text == "subnet 10.88.7.0/24 overlaps 10.88.0.0/16 of network default");
    networks.remove("front");
    CHECK((*networks.add("again", {}))->subnet.text() == "10.89.0.0/24");
    for (int i = 0; networks.all().size() < Networks::maximum; ++i) {
        REQUIRE(networks.add("n" + std::to_string(i), {}));
    }
    CHECK(networks.add("more", {}).error().code == "too-many");
}

TEST_CASE("addresses are given from the lowest, and given again; a full network has none") {
    Networks networks;
    auto* const small = *networks.add("small", Subnet::parse("10.1.0.0/29"));
    std::vector<Attachment> attachments(5);
    std::vector<Attachment const*> all;
    for (auto& each : attachments) {
        auto const address = Networks::free_address(*small, all);
        REQUIRE(address);
        each.address = *address;
        all.push_back(&each);
    }
    CHECK(container::address_text(attachments[0].address) == "10.1.0.2");
    CHECK(container::address_text(attachments[4].address) == "10.1.0.6");
    CHECK_FALSE(Networks::free_address(*small, all));
    attachments[2].address = 0;
    CHECK(container::address_text(*Networks::free_address(*small, all)) == "10.1.0.4");
}

TEST_CASE(
    "rules: what is published comes in, policies are asked in order, networks are apart, and only some lead out") {
    Networks networks;
    auto* const inside = *networks.add("inside", {});
    inside->policies = {*Policy::parse("allow 10.89.0.9"), *Policy::parse("deny all")};
    Attachment web, database, idle;
    web.network = "default";
    web.address = 0x0a580002;
    web.publications = {*Publication::parse("8080:80")};
    database.network = idle.network = "inside";
    database.address = 0x0a590002;
    CHECK(networks.rules({}).empty());
    std::vector<Attachment const*> const all{&web, &database, &idle};
    auto const rules = networks.rules(all);
    std::vector<PacketAction> actions;
    for (auto const& rule : rules) { actions.push_back(rule.action); }
    CHECK(actions == std::vector{PacketAction::DestinationNat, PacketAction::Accept, PacketAction::Drop,
                                 PacketAction::Drop, PacketAction::Masquerade, PacketAction::Accept, PacketAction::Drop,
                                 PacketAction::Drop, PacketAction::Drop, PacketAction::Drop});
    CHECK(rules[0].first_port == 8080);
    CHECK(rules[0].to_port == 80);
    CHECK(rules[0].to_address[3] == 2);
    CHECK(rules[1].first_port == 80);
    CHECK(std::string_view{rules[2].in_device} == "cella0");
    CHECK(rules[2].not_in_device == 1);
    CHECK(rules[3].family == proto::PacketFamily::Six);
    CHECK(rules[3].not_in_device == 1);
    CHECK(std::string_view{rules[3].out_device} == "cella0");
    CHECK(rules[4].not_out_device == 1);
    CHECK(std::string_view{rules[5].in_device} == "cella1");
    CHECK(rules[9].not_out_device == 1);
}

TEST_CASE("a subnet of IPv6 beside the other: the same number in both") {
    using container::Subnet6;
    auto const subnet = Subnet6::parse("fd00:5::7/64");
    REQUIRE(subnet);
    CHECK(subnet->text() == "fd00:5::/64");
    CHECK(container::address6_text(subnet->host(0x102)) == "fd00:5::102");
    CHECK(container::address6_text({}) == "::");
    CHECK(container::address6_text({0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3}) == "1:0:0:2::3");
    CHECK(container::address6_text({0, 1, 0, 0, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0xab, 0xcd}) == "1:0:3:4:5:6:7:abcd");
    for (auto const* text : {"fd00::", "fd00::/", "fd00::/7", "fd00::/97", "fd00::/6x", "fd00::/064", "fe80::/64",
                             "ff00::/8", "::/8", "10.5.0.0/24"}) {
        CHECK_MESSAGE(!Subnet6::parse(text), text);
    }
    Networks networks;
    auto const both = networks.add("both", Subnet::parse("10.5.0.0/24"), subnet);
    REQUIRE(both);
    CHECK(container::address6_text(*(*both)->address6((*both)->subnet.gateway())) == "fd00:5::1");
    CHECK_FALSE(networks.find("default")->address6(0x0a580001));
    CHECK(networks.add("other", {}, Subnet6::parse("fd00::/16")).error().code == "subnet-overlaps");
    CHECK(networks.find("other") == nullptr);
    CHECK(networks.add("other", {}, Subnet6::parse("fd00:6::/64")));
    CHECK(*Networks::free_address(**both, {}) == 0x0a050002);
}

TEST_CASE("the hosts file names the container and who else is there") {
    container::Host const own[] = {{"web", 0x0a580002, container::Subnet6::parse("fd00:5::/64")->host(2)}};
    container::Host const others[] = {{"database", 0x0a580003}};
    auto const text = container::hosts_text("web", own, others);
    CHECK(text == "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n10.88.0.2\tweb\nfd00:5::2\tweb\n"
                  "10.88.0.3\tdatabase\n");
    CHECK(container::hosts_text("alone", {}, {}).ends_with("127.0.0.1\talone\n"));
}
