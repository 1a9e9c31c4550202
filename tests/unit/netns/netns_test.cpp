#include "../../../servers/netns/netns_server.hpp"
#include "host/world.hpp"
#include <doctest/doctest.h>

TEST_CASE("a new network namespace has its own loopback and nothing else") {
    ipc::host::World world;
    netns::NetnsServer server;
    auto const number = world.serve<proto::Namespace, proto::Network>(server);
    auto const first = world.client<proto::Namespace>(number, ipc::first_namespace_badge);
    auto const space = ipc::call<proto::Namespace::Create>(first, ipc::OptionalCap<proto::Namespace>{}, 0U, 0U);
    REQUIRE(space);
    auto const session = ipc::call<proto::Namespace::Enter>(*space, proto::Namespace::every_operation);
    REQUIRE(session);
    auto const network = session->as<proto::Network>();
    std::string text(1000, '\0');
    auto const all = ipc::call<proto::Network::DeviceTable>(network, 0U, ipc::WriteBuffer{text.data(), text.size()});
    REQUIRE(all);
    text.resize(all->count);
    // As Linux 6.1 prints it.
    CHECK(text == "Inter-|   Receive                                                |  Transmit\n"
                  " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo "
                  "colls carrier compressed\n"
                  "    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0   "
                  "  0       0          0\n");
    char tail[16];
    auto const rest = ipc::call<proto::Network::DeviceTable>(network, static_cast<std::uint32_t>(text.size() - 4),
                                                             ipc::WriteBuffer{tail, sizeof tail});
    REQUIRE(rest);
    CHECK(std::string_view{tail, rest->count} == "  0\n");
}

TEST_CASE("sockets are refused with the errno of a system without the family") {
    ipc::host::World world;
    netns::NetnsServer server;
    auto const number = world.serve<proto::Namespace, proto::Network>(server);
    auto const first = world.client<proto::Namespace>(number, ipc::first_namespace_badge);
    auto const session = ipc::call<proto::Namespace::Enter>(first, proto::Namespace::every_operation);
    REQUIRE(session);
    constexpr std::uint32_t inet = 2, stream = 1;
    auto const socket = [&](std::uint32_t family, std::uint32_t type) {
        return ipc::call<proto::Network::Socket>(session->as<proto::Network>(), family, type, 0U).error();
    };
    CHECK(socket(inet, stream) == ipc::Error::AddressFamilyNotSupported);
    CHECK(socket(99, stream) == ipc::Error::AddressFamilyNotSupported);
    CHECK(socket(inet, 15) == ipc::Error::Invalid);
    CHECK(ipc::call<proto::Network::Socket>(first.as<proto::Network>(), inet, stream, 0U).error() ==
          ipc::Error::NotPermitted);
}
