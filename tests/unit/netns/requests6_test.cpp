// ioctl(2) on an AF_INET6 socket, as ifconfig and route make it and the socket's stack forwards it.
#include "fixture.hpp"

namespace {

struct AddressRequest6 {
    std::uint8_t address[16];
    std::uint32_t prefix, device;
};
struct RouteRequest6 {
    std::uint8_t destination[16], source[16], gateway[16];
    std::uint32_t type;
    std::uint16_t prefix, source_prefix;
    std::uint32_t metric, information, flags, device;
};
constexpr std::uint32_t set_address = 0x8916, remove_address = 0x8936, add_route = 0x890b, remove_route = 0x890c;
constexpr std::uint32_t loopback = 1;

struct Six : Fixture {
    Six() {
        static_cast<void>(ipc::call<proto::Network::Socket>(here, 2U, 1U, 0U)); // a stack is started for it
        stack = world.client<proto::Network>(number, stacks.badge);
    }
    ipc::Cap<proto::Namespace> space = create();
    ipc::Cap<proto::Network> here = enter(space), stack; ///< of its stack, which says who asks
    std::uint32_t admin = proto::stack::opener_is_admin | proto::stack::socket_is_six;
    template <class Request>
    ipc::Error ask(std::uint32_t which, Request const& request, std::uint32_t asker) {
        auto const done = ipc::call<proto::Network::Configure>(
            stack, which, asker, ipc::ReadBuffer{&request, sizeof request}, ipc::WriteBuffer{});
        return done ? ipc::Error::None : done.error();
    }
    ipc::Error address(std::uint32_t which, std::uint8_t end, std::uint32_t prefix = 64,
                       std::uint32_t device = loopback) {
        return ask(which, AddressRequest6{{0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, end}, prefix, device},
                   admin);
    }
    RouteRequest6 route(std::uint8_t net, std::uint32_t device) {
        RouteRequest6 request{};
        request.destination[0] = 0xfd;
        request.destination[3] = net;
        request.destination[15] = 9; // only the first 64 bits count
        request.prefix = 64;
        request.metric = 5;
        request.device = device;
        return request;
    }
};

} // namespace

TEST_CASE("addresses of IPv6 by ioctl, with Linux's errors") {
    Six fixture;
    CHECK(fixture.address(set_address, 1) == ipc::Error::None);
    CHECK(fixture.table(fixture.here, proto::NetworkTable::InterfacesIpv6) ==
          "fd000001000000000000000000000001 01 40 00 80       lo\n");
    CHECK(fixture.address(set_address, 1) == ipc::Error::Exists);
    CHECK(fixture.address(set_address, 2, 129) == ipc::Error::Invalid);
    CHECK(fixture.address(set_address, 2, 64, 99) == ipc::Error::NoSuchDevice);
    CHECK(fixture.ask(set_address, AddressRequest6{{0xff, 2}, 64, loopback}, fixture.admin) ==
          ipc::Error::AddressNotAvailable);
    CHECK(fixture.address(remove_address, 2) == ipc::Error::AddressNotAvailable);
    fixture.admin = proto::stack::socket_is_six;
    CHECK(fixture.address(remove_address, 1) == ipc::Error::NotPermitted);
    fixture.admin |= proto::stack::opener_is_admin;
    CHECK(fixture.ask(remove_address, std::array<char, 8>{}, fixture.admin) == ipc::Error::Fault);
    CHECK(fixture.address(remove_address, 1) == ipc::Error::None);
    CHECK(fixture.table(fixture.here, proto::NetworkTable::InterfacesIpv6).empty());
}

TEST_CASE("routes of IPv6 by ioctl, with Linux's errors") {
    Six fixture;
    auto request = fixture.route(7, loopback);
    CHECK(fixture.ask(add_route, request, fixture.admin) == ipc::Error::NetworkDown);
    struct {
        char name[16] = "lo";
        std::int16_t flags = 1;
        char rest[14]{};
    } up;
    CHECK(fixture.ask(0x8914, up, fixture.admin) == ipc::Error::None); // SIOCSIFFLAGS is the same for both
    CHECK(fixture.ask(add_route, request, fixture.admin) == ipc::Error::None);
    CHECK(fixture.ask(add_route, request, fixture.admin) == ipc::Error::Exists);
    CHECK(fixture.table(fixture.here, proto::NetworkTable::Routes6)
              .starts_with("fd000007000000000000000000000000 40 00000000000000000000000000000000 00 "
                           "00000000000000000000000000000000 00000005 00000001 00000000 00000001       lo\n"));
    CHECK(fixture.ask(add_route, fixture.route(8, 0), fixture.admin) == ipc::Error::NoSuchDevice);
    CHECK(fixture.ask(add_route, fixture.route(8, 99), fixture.admin) == ipc::Error::NoSuchDevice);
    auto through = fixture.route(8, 0);
    through.flags = 2;
    through.gateway[0] = 0xfd;
    through.gateway[3] = 9;
    CHECK(fixture.ask(add_route, through, fixture.admin) == ipc::Error::HostUnreachable);
    through.gateway[3] = 7;
    CHECK(fixture.ask(add_route, through, fixture.admin) == ipc::Error::None);
    request.metric = 6;
    CHECK(fixture.ask(remove_route, request, fixture.admin) == ipc::Error::NoProcess);
    CHECK(fixture.ask(remove_route, fixture.route(7, loopback), proto::stack::socket_is_six) ==
          ipc::Error::NotPermitted);
    CHECK(fixture.ask(remove_route, fixture.route(7, 0), fixture.admin) == ipc::Error::None);
    CHECK(fixture.ask(remove_route, fixture.route(8, 0), fixture.admin) == ipc::Error::None);
    CHECK(fixture.ask(remove_route, fixture.route(8, 0), fixture.admin) == ipc::Error::NoProcess);
    // Of both tables, as long as there is no default route in the first.
    auto const nothing = [&] {
        auto const text = fixture.table(fixture.here, proto::NetworkTable::Routes6);
        return text.find(" 00200200") != text.rfind(" 00200200") ? 2 : 1;
    };
    CHECK(nothing() == 2);
    auto everything = fixture.route(0, loopback);
    everything.prefix = 0;
    CHECK(fixture.ask(add_route, everything, fixture.admin) == ipc::Error::None);
    CHECK(nothing() == 1);
    auto prefix = fixture.route(7, loopback);
    prefix.prefix = 129;
    CHECK(fixture.ask(add_route, prefix, fixture.admin) == ipc::Error::Invalid);
}
