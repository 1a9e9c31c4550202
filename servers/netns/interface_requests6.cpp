#include "interface_requests6.hpp"

namespace netns {

namespace {

constexpr std::uint32_t add_route = 0x890b, remove_route = 0x890c, set_address = 0x8916, remove_address = 0x8936;

/// struct in6_ifreq.
struct AddressRequest6 {
    Address6 address;
    std::uint32_t prefix;
    std::uint32_t device;
};
static_assert(sizeof(AddressRequest6) == 24);
/// struct in6_rtmsg of i386.
struct RouteRequest6 {
    Address6 destination, source, gateway;
    std::uint32_t type;
    std::uint16_t prefix, source_prefix;
    std::uint32_t metric, information, flags;
    std::uint32_t device;
};
static_assert(sizeof(RouteRequest6) == 72);

template <class Request>
Result<Request> fetch(ipc::Pending const& caller) {
    Request request{};
    if (ipc::copy_in(caller, 0, std::as_writable_bytes(std::span{&request, 1})).count < sizeof request) {
        return fail(Error::Fault);
    }
    return request;
}

Result<void> change_address(NetworkNamespace& space, AddressRequest6 const& wanted, bool add) {
    if (wanted.prefix > 128) { return fail(Error::Invalid); }
    if (space.find(wanted.device) == nullptr) { return fail(Error::NoSuchDevice); }
    auto const prefix = static_cast<std::uint8_t>(wanted.prefix);
    return add ? space.six().add_address(wanted.device, wanted.address, prefix)
               : space.six().remove_address(wanted.device, wanted.address, prefix);
}

Result<void> change_route(NetworkNamespace& space, RouteRequest6 const& wanted, bool add) {
    constexpr std::uint32_t through_gateway = 2;
    if (wanted.prefix > 128 || wanted.source_prefix != 0) { return fail(Error::Invalid); }
    RouteEntry6 route;
    route.device = wanted.device;
    route.destination = wanted.destination;
    route.prefix = static_cast<std::uint8_t>(wanted.prefix);
    route.metric = wanted.metric;
    if ((wanted.flags & through_gateway) != 0) { route.gateway = wanted.gateway; }
    if (!add) { return space.six().remove_route(route, route.metric == 0); }
    if (route.device == 0 && !route.has_gateway()) { return fail(Error::NoSuchDevice); }
    return space.six().add_route(route);
}

} // namespace

bool is_request6(std::uint32_t request) {
    return request == add_route || request == remove_route || request == set_address || request == remove_address;
}

Result<std::uint32_t> interface_request6(NetworkNamespace& space, ipc::Pending const& caller, std::uint32_t request) {
    Result<void> done;
    if (request == set_address || request == remove_address) {
        auto const wanted = fetch<AddressRequest6>(caller);
        if (!wanted) { return fail(wanted.error()); }
        done = change_address(space, *wanted, request == set_address);
    } else {
        auto const wanted = fetch<RouteRequest6>(caller);
        if (!wanted) { return fail(wanted.error()); }
        done = change_route(space, *wanted, request == add_route);
    }
    return done ? Result<std::uint32_t>{0} : fail(done.error());
}

} // namespace netns
