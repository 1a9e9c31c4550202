#include "../../fuzz/netstack/stack_world.hpp"
#include <doctest/doctest.h>

namespace {

namespace stack = proto::stack;

struct Host final : netstack::Platform {
    std::uint64_t nanoseconds() override { return 1000000000; }
    std::uint64_t stamp() override { return 1000000000; }
    std::uint64_t stamp_of(std::uint64_t nanoseconds) override { return nanoseconds; }
    std::uint32_t random() override { return 7; }
    void* ring_memory(std::uint32_t) override { return nullptr; }
    void ring_peer(std::uint32_t) override {}
    void ring_self() override {}
    void ring_netns() override {}
};

std::vector<std::byte> loopback_only() {
    std::vector<std::byte> area(stack::configuration_bytes);
    stack::ConfigurationWriter writer{area.data(), static_cast<std::uint32_t>(area.size())};
    stack::DeviceRecord loopback{};
    loopback.index = 1;
    loopback.kind = stack::DeviceKind::Loopback;
    loopback.mtu = 65536;
    loopback.up = loopback.carrier = 1;
    writer.add(loopback);
    writer.add(stack::AddressRecord{{}, 1, {127, 0, 0, 1}, 8, {}});
    static_cast<void>(writer.finish());
    return area;
}

} // namespace

TEST_CASE("a stack's successor listens where it did, gives no badge out twice, and believes nothing that cannot be") {
    Host host;
    netstack::platform_instance = &host;
    auto const area = loopback_only();
    auto const status = std::make_unique<stack::StatusPage>();
    {
        ipc::host::World world;
        auto server = std::make_unique<netstack::StackServer>(area, *status);
        auto const number = world.serve<proto::NetworkStack, proto::File, proto::Socket>(*server);
        world.as(number, [] { static_cast<void>(ipc::bind_no_senders(stack::no_senders_bit)); });
        auto const control = world.client<proto::NetworkStack>(number, netstack::control_badge);
        for (auto const port : {std::uint16_t{80}, std::uint16_t{81}}) {
            auto const made =
                ipc::call<proto::NetworkStack::OpenSocket>(control, 2U, 1U | stack::opener_binds_any_port, 0U);
            REQUIRE(made);
            REQUIRE(ipc::call<proto::Socket::Bind>(made->as<proto::Socket>(), netstack::socket_address(0, port)));
            REQUIRE(ipc::call<proto::Socket::Listen>(made->as<proto::Socket>(), 5U));
            if (port == 81) { ipc::release_slot(made->slot); }
        }
        world.pump();
        CHECK(status->saved.count == 1); // the closed one is none any more
        world.as(number, [&] { server.reset(); });
    }
    REQUIRE(status->saved.count == 1);
    CHECK(status->saved.listeners[0].port == 80);
    CHECK(status->saved.listeners[0].backlog == 5);
    auto const badge = status->saved.listeners[0].badge;
    status->saved.listeners[0].slot = 0;                               // the capability is in no CSpace here
    for (std::uint32_t i = 1; i < stack::SavedSockets::maximum; ++i) { // a wild write
        status->saved.listeners[i] = {
            i * 0x01010101U, {9, 9, 9, 9}, static_cast<std::uint16_t>(i * 257), 0xffff, 0xffffffff, 0xffffffff, i, 0};
    }
    status->saved.count = 0xffffffff;
    ipc::host::World world;
    auto server = std::make_unique<netstack::StackServer>(area, *status);
    auto const number = world.serve<proto::NetworkStack, proto::File, proto::Socket>(*server);
    world.as(number, [] { static_cast<void>(ipc::bind_no_senders(stack::no_senders_bit)); });
    CHECK(server->socket_count() == 1);
    auto const old = world.client<proto::Socket>(number, badge),
               broken = world.client<proto::Socket>(number, badge + 1);
    auto const name = ipc::call<proto::Socket::Name>(old, 0U);
    REQUIRE(name);
    CHECK(netstack::internet_address(*name)->port == __builtin_bswap16(80));
    CHECK(ipc::call<proto::Socket::Name>(broken, 0U).error() == ipc::Error::ConnectionReset);
    auto const control = world.client<proto::NetworkStack>(number, netstack::control_badge);
    REQUIRE(ipc::call<proto::NetworkStack::OpenSocket>(control, 2U, 1U, 0U));
    CHECK(ipc::call<proto::Socket::Name>(broken, 0U).error() == ipc::Error::ConnectionReset); // not the new one
    CHECK(server->socket_count() == 2);
    world.as(number, [&] { server.reset(); });
}
