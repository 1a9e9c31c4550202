#include "../../../servers/netns/network_namespace.hpp"
#include <doctest/doctest.h>

using ipc::Error;
using netns::NetworkNamespace;
using proto::stack::DeviceKind;

namespace {
constexpr netns::Address4 address(unsigned a, unsigned b, unsigned c, unsigned d) {
    return a | b << 8 | c << 16 | d << 24;
}
} // namespace

TEST_CASE("addresses bring connected routes while their device is up") {
    NetworkNamespace space;
    auto const index = (*space.add_link(DeviceKind::Dummy, "d"))->index;
    REQUIRE(space.add_address({index, address(10, 0, 0, 1), 0, 0, 24, 0, ""}));
    CHECK(space.routes().empty());
    REQUIRE(space.set_up(*space.find(index), true));
    REQUIRE(space.routes().size() == 1);
    CHECK(space.routes()[0].destination == address(10, 0, 0, 0));
    CHECK(space.add_address({index, address(10, 0, 0, 1), 0, 0, 24, 0, ""}).error() == Error::Exists);
    // A gateway must be reachable by a route without one.
    CHECK(space.add_route({0, 0, address(192, 168, 0, 1), 0, 0, 0, 3, 0}).error() == Error::NetworkUnreachable);
    REQUIRE(space.add_route({0, 0, address(10, 0, 0, 254), 0, 0, 0, 3, 0}));
    CHECK(space.add_route({0, 0, address(10, 0, 0, 253), 0, 0, 0, 3, 0}).error() == Error::Exists);
    CHECK(space.lookup(address(1, 2, 3, 4))->gateway == address(10, 0, 0, 254));
    CHECK(space.lookup(address(10, 0, 0, 9))->gateway == 0);
    REQUIRE(space.set_up(*space.find(index), false));
    CHECK(space.routes().empty());
    CHECK(space.remove_route({0, 0, 0, 0, 0, 0, 3, 0}, true, true).error() == Error::NoProcess);
}

TEST_CASE("the loopback has its address when it is up, and stays where it is") {
    NetworkNamespace space, other{2};
    auto& loopback = *space.find("lo");
    CHECK(space.addresses().empty());
    REQUIRE(space.set_up(loopback, true));
    REQUIRE(space.addresses().size() == 1);
    CHECK(space.addresses()[0].address == address(127, 0, 0, 1));
    CHECK_FALSE(space.needs_stack());
    CHECK(space.remove_link(loopback.index).error() == Error::NotSupported);
    CHECK(space.move_link(loopback.index, other).error() == Error::Invalid);
}

TEST_CASE("both ends of a pair go together, wherever they are") {
    NetworkNamespace space, other{2};
    auto const index = (*space.add_veth("a", "b"))->index;
    CHECK(space.add_veth("a", "c").error() == Error::Exists);
    CHECK(space.find("c") == nullptr);
    REQUIRE(space.move_link(space.find("b")->index, other));
    CHECK(other.find("b")->peer()->space == &space);
    REQUIRE(space.set_up(*space.find(index), true));
    CHECK_FALSE(space.carrier(*space.find(index)));
    REQUIRE(other.set_up(*other.find("b"), true));
    CHECK(space.carrier(*space.find(index)));
    REQUIRE(other.remove_link(other.find("b")->index));
    CHECK(space.find("a") == nullptr);
}

TEST_CASE("bridges take ports, not bridges; names are checked") {
    NetworkNamespace space;
    auto const bridge = (*space.add_link(DeviceKind::Bridge, "br0"))->index;
    auto const port = (*space.add_link(DeviceKind::Dummy, ""))->index;
    CHECK(space.find(port)->name == "dummy0");
    CHECK(space.set_master(*space.find(bridge), bridge).error() == Error::Loop);
    CHECK(space.set_master(*space.find("lo"), bridge).error() == Error::Invalid);
    CHECK(space.set_master(*space.find(port), 99).error() == Error::NoSuchDevice);
    REQUIRE(space.set_master(*space.find(port), bridge));
    REQUIRE(space.remove_link(bridge));
    CHECK(space.find(port)->master == 0);
    CHECK(space.add_link(DeviceKind::Dummy, "with space").error() == Error::Invalid);
    CHECK(space.add_link(DeviceKind::Dummy, "sixteencharacter").error() == Error::Invalid);
    CHECK(space.rename(*space.find(port), "lo").error() == Error::Exists);
}
