// What an address of a program means to a socket, and how the socket names addresses to its program.
#include "devices.hpp"
#include "socket.hpp"

namespace netstack {

namespace {
constexpr std::uint16_t shortest_internet6 = 24; ///< without the scope (RFC 2133)

bool is_mapped(std::array<std::uint8_t, 16> const& address) {
    std::uint32_t last;
    std::memcpy(&last, address.data() + 12, sizeof last);
    return address == mapped(last);
}
/// The errno of an address that is not IPv6 where only IPv6 goes, or the other way round.
Error wrong_family(Socket::Purpose purpose) {
    return purpose == Socket::Purpose::Bind ? Error::Invalid : Error::NetworkUnreachable;
}
} // namespace

Result<Endpoint> Socket::endpoint4(proto::SocketAddress const& address, Purpose purpose) const {
    auto const wanted = internet_address(address);
    if (!wanted) { return fail(Error::Invalid); }
    bool const unspecified = wanted->family == family_unspecified &&
                             (purpose == Purpose::Send || (purpose == Purpose::Bind && wanted->address == 0));
    if (wanted->family != family_internet && !unspecified) { return fail(Error::AddressFamilyNotSupported); }
    auto const number = purpose != Purpose::Bind && wanted->address == 0 ? loopback_address : wanted->address;
    return Endpoint{address4(number), swap16(wanted->port)};
}

Result<Endpoint> Socket::endpoint6(proto::SocketAddress const& address, Purpose purpose) const {
    InternetAddress6 wanted;
    if (address.length < shortest_internet6) { return fail(Error::Invalid); }
    std::memcpy(&wanted, address.data, std::min<std::size_t>(address.length, sizeof wanted));
    if (wanted.family != family_internet6) { return fail(Error::AddressFamilyNotSupported); }
    Endpoint result{address6(wanted.address.data()), swap16(wanted.port)};
    if (is_mapped(wanted.address)) {
        if (v6_only_) { return fail(wrong_family(purpose)); }
        std::uint32_t number;
        std::memcpy(&number, wanted.address.data() + 12, sizeof number);
        result.address = address4(purpose != Purpose::Bind && number == 0 ? loopback_address : number);
        return result;
    }
    auto& six = *ip_2_ip6(&result.address);
    if (is_any(result.address)) {
        if (purpose != Purpose::Bind) {
            ip6_addr_set_loopback(&six);
        } else if (!v6_only_) {
            result.address.type = IPADDR_TYPE_ANY;
        }
        return result;
    }
    if (!ip6_addr_has_scope(&six, IP6_UNKNOWN)) { return result; }
    // The scope counts only where an address is ambiguous without it.
    auto const device = wanted.scope != 0 ? wanted.scope : bound_device_;
    if (bound_device_ != 0 && device != bound_device_) { return fail(Error::Invalid); }
    if (device == 0 && purpose != Purpose::Send) { return fail(Error::Invalid); }
    auto const* const interface =
        device != 0 ? devices_instance->interface6(device) : devices_instance->first_interface6();
    if (interface == nullptr) {
        return fail(purpose == Purpose::Bind ? Error::NoSuchDevice : Error::NetworkUnreachable);
    }
    ip6_addr_set_zone(&six, netif_get_index(&interface->lwip));
    return result;
}

Result<Endpoint> Socket::endpoint_of(proto::SocketAddress const& address, Purpose purpose) const {
    if (family_ != family_internet6) { return endpoint4(address, purpose); }
    if (type_ != SocketType::Stream && purpose != Purpose::Bind && family_of(address) == family_internet) {
        // Datagrams of such a socket may go to a plain IPv4 address.
        if (v6_only_) {
            return fail(purpose == Purpose::Connect ? Error::AddressFamilyNotSupported : Error::NetworkUnreachable);
        }
        return endpoint4(address, purpose);
    }
    return endpoint6(address, purpose);
}

proto::SocketAddress Socket::address_of(ip_addr_t const& address, std::uint16_t port) const {
    if (family_ != family_internet6) { return socket_address(word_of(address), port); }
    InternetAddress6 result;
    result.port = swap16(port);
    if (address.type == IPADDR_TYPE_V4) {
        result.address = mapped(word_of(address));
    } else {
        result.address = bytes_of(*ip_2_ip6(&address));
        if (ip6_addr_has_zone(ip_2_ip6(&address))) {
            result.scope = devices_instance->device_of_zone(ip6_addr_zone(ip_2_ip6(&address)));
        }
    }
    return whole(result);
}

Error Socket::refuse_source(ip_addr_t const& address) const {
    if (is_any(address)) { return Error::None; }
    bool there;
    if (address.type == IPADDR_TYPE_V4) {
        auto const number = word_of(address);
        there = (number & 0xff) == 127 || devices_instance->is_local(number) ||
                (type_ != SocketType::Stream && number == 0xffffffff);
    } else {
        auto const& six = *ip_2_ip6(&address);
        if (ip6_addr_ismulticast(&six)) { return type_ == SocketType::Stream ? Error::Invalid : Error::None; }
        there = devices_instance->is_local(six);
    }
    return there ? Error::None : Error::AddressNotAvailable;
}

} // namespace netstack
