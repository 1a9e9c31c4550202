// Socket options of IPv6 (ipv6(7), RFC 3493).
#include "devices.hpp"
#include "groups.hpp"
#include "socket.hpp"

namespace netstack {

namespace {
namespace option6 {
constexpr std::uint32_t address_form = 1, packet_information_old = 2, checksum = 7, hop_limit_old = 8,
                        unicast_hops = 16, multicast_device = 17, multicast_hops = 18, multicast_loop = 19,
                        join_group = 20, leave_group = 21, router_alert = 22, mtu_discover = 23, mtu = 24,
                        receive_error = 25, v6_only = 26, multicast_all = 29, flow_send = 33,
                        receive_packet_information = 49, receive_hop_limit = 51, receive_options = 53, path_mtu = 61,
                        dont_fragment = 62, receive_class = 66, traffic_class = 67, auto_label = 70,
                        address_preferences = 72;
} // namespace option6

/// A number of hops, -1 for the usual one; nothing if it is out of range.
std::optional<std::uint8_t> hops_of(std::uint32_t word, std::uint8_t usual) {
    auto const number = static_cast<std::int32_t>(word);
    if (number < -1 || number > 255) { return {}; }
    return number == -1 ? usual : static_cast<std::uint8_t>(number);
}
} // namespace

Result<ipc::Unit> Socket::change_group(proto::SocketOption const& value, bool join) {
    struct {
        std::uint8_t group[16];
        std::uint32_t device;
    } request;
    if (value.length < sizeof request) { return fail(Error::Invalid); }
    std::memcpy(&request, value.data, sizeof request);
    auto const group = address6(request.group);
    if (!ip6_addr_ismulticast(ip_2_ip6(&group))) { return fail(Error::Invalid); }
    if (request.device != 0 && devices_instance->find(request.device) == nullptr) { return fail(Error::NoSuchDevice); }
    if (join) { return groups_.join(*ip_2_ip6(&group)) ? Result<ipc::Unit>{ipc::Unit{}} : fail(Error::AddressInUse); }
    return groups_.leave(*ip_2_ip6(&group)) ? Result<ipc::Unit>{ipc::Unit{}} : fail(Error::AddressNotAvailable);
}

Result<ipc::Unit> Socket::set_option6(std::uint32_t option, proto::SocketOption const& value) {
    if (option == option6::join_group || option == option6::leave_group) {
        return change_group(value, option == option6::join_group);
    }
    auto const word = option_word(value);
    if (!word) { return fail(Error::Invalid); }
    switch (option) {
    case option6::v6_only:
        if (bound()) { return fail(Error::Invalid); }
        v6_only_ = *word != 0;
        return ipc::Unit{};
    case option6::unicast_hops: {
        auto const hops = hops_of(*word, 64);
        if (!hops) { return fail(Error::Invalid); }
        hop_limit_ = *hops;
        return ipc::Unit{};
    }
    case option6::multicast_hops: {
        auto const hops = hops_of(*word, 1);
        if (type_ == SocketType::Stream) { return fail(Error::NoProtocolOption); }
        if (!hops) { return fail(Error::Invalid); }
        multicast_hops_ = *hops;
        return ipc::Unit{};
    }
    case option6::traffic_class:
        if (static_cast<std::int32_t>(*word) < -1 || static_cast<std::int32_t>(*word) > 255) {
            return fail(Error::Invalid);
        }
        traffic_class_ = static_cast<std::int32_t>(*word) == -1 ? 0 : static_cast<std::uint8_t>(*word);
        return ipc::Unit{};
    case option6::receive_packet_information: want(wants_information6, *word != 0); return ipc::Unit{};
    case option6::packet_information_old: want(wants_information6_old, *word != 0); return ipc::Unit{};
    case option6::hop_limit_old: want(wants_hops6_old, *word != 0); return ipc::Unit{};
    case option6::receive_hop_limit: want(wants_hops6, *word != 0); return ipc::Unit{};
    case option6::receive_class: want(wants_service6, *word != 0); return ipc::Unit{};
    case option6::multicast_loop: multicast_loop_ = *word != 0; return ipc::Unit{};
    case option6::multicast_device:
        if (*word != 0 && devices_instance->find(*word) == nullptr) { return fail(Error::NoSuchDevice); }
        return ipc::Unit{};
    case option6::checksum:
    case option6::router_alert:
    case option6::mtu_discover:
    case option6::mtu:
    case option6::receive_error:
    case option6::multicast_all:
    case option6::flow_send:
    case option6::receive_options:
    case option6::dont_fragment:
    case option6::auto_label:
    case option6::address_preferences: return ipc::Unit{}; // hints
    default: return fail(Error::NoProtocolOption);
    }
}

Result<proto::SocketOption> Socket::get_option6(std::uint32_t option) const {
    switch (option) {
    case option6::v6_only: return word_option(v6_only_ ? 1 : 0);
    case option6::unicast_hops: return word_option(hop_limit_);
    case option6::multicast_hops: return word_option(multicast_hops_);
    case option6::traffic_class: return word_option(traffic_class_);
    case option6::multicast_loop: return word_option(multicast_loop_ ? 1 : 0);
    case option6::receive_packet_information: return word_option((wanted_control_ & wants_information6) != 0 ? 1 : 0);
    case option6::receive_hop_limit: return word_option((wanted_control_ & wants_hops6) != 0 ? 1 : 0);
    case option6::receive_class: return word_option((wanted_control_ & wants_service6) != 0 ? 1 : 0);
    case option6::mtu_discover:
    case option6::multicast_device:
    case option6::receive_error:
    case option6::dont_fragment: return word_option(0);
    default: return fail(Error::NoProtocolOption);
    }
}

} // namespace netstack
