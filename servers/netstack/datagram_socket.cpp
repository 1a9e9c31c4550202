#include "datagram_socket.hpp"
#include "devices.hpp"
#include "lwip/ip6.h"
#include <algorithm>

namespace netstack {

Error DatagramSocket::refuse_target(ip_addr_t const& target, ip_addr_t const& source) const {
    if (source.type != IPADDR_TYPE_ANY && source.type != target.type) { return Error::NetworkUnreachable; }
    if (!devices_instance->has_route(target)) { return Error::NetworkUnreachable; }
    bool const to_all = target.type == IPADDR_TYPE_V4 && !broadcast_ && devices_instance->is_broadcast(word_of(target));
    return to_all ? Error::Access : Error::None;
}

std::uint8_t DatagramSocket::hops_to(ip_addr_t const& target) const {
    if (target.type != IPADDR_TYPE_V6) { return time_to_live_; }
    return ip6_addr_ismulticast(ip_2_ip6(&target)) ? multicast_hops_ : hop_limit_;
}

Result<ipc::Unit> DatagramSocket::connect(proto::SocketAddress const& address) {
    if (family_of(address) == family_unspecified) {
        connected_ = false;
        peer_ = {};
        static_cast<void>(choose_peer(nullptr));
        return ipc::Unit{};
    }
    auto const wanted = endpoint_of(address, Purpose::Connect);
    if (!wanted) { return fail(wanted.error()); }
    RouteVia const via{bound_device_};
    if (auto const error = refuse_target(wanted->address, local_name().address); error != Error::None) {
        return fail(error);
    }
    if (auto const error = choose_peer(&*wanted); error != Error::None) { return fail(error); }
    connected_ = true;
    peer_ = *wanted;
    return ipc::Unit{};
}

Result<ipc::Unit> DatagramSocket::shutdown(std::uint32_t how) {
    if (how > 2) { return fail(Error::Invalid); }
    if (!connected_) { return fail(Error::NotConnected); }
    read_shut_ = read_shut_ || how != 1;
    write_shut_ = write_shut_ || how != 0;
    changed();
    return ipc::Unit{};
}

Result<proto::SocketAddress> DatagramSocket::name(bool peer) {
    if (peer) {
        if (!connected_) { return fail(Error::NotConnected); }
        return address_of(peer_);
    }
    auto own = local_name();
    if (is_any(own.address) && connected_) {
        if (peer_.address.type == IPADDR_TYPE_V4) {
            std::uint32_t next_hop;
            if (auto* const interface = devices_instance->route(word_of(peer_.address), next_hop)) {
                own.address = address4(interface->address());
            }
        } else {
            ip6_addr_t next_hop;
            auto* const interface = devices_instance->route6(*ip_2_ip6(&peer_.address), next_hop);
            auto const* const source =
                interface != nullptr ? ip6_select_source_address(&interface->lwip, ip_2_ip6(&peer_.address)) : nullptr;
            if (source != nullptr) { own.address = *source; }
        }
    }
    return address_of(own);
}

Result<proto::Transfer> DatagramSocket::send(ipc::Pending const& caller, std::uint32_t flags,
                                             proto::SocketAddress const* to, std::uint32_t) {
    if (error_ != Error::None) { return fail(take_error()); }
    if (write_shut_) { return fail(Error::BrokenPipe); }
    Endpoint target = peer_;
    if (to != nullptr && to->length != 0) {
        auto const wanted = endpoint_of(*to, Purpose::Send);
        if (!wanted) { return fail(wanted.error()); }
        target = *wanted;
    } else if (!connected_) {
        return fail(Error::DestinationRequired);
    }
    auto const length = static_cast<std::uint32_t>(corked_.size()) + caller.read_length;
    if (length > longest) {
        corked_.clear();
        return fail(Error::MessageTooLong);
    }
    if ((flags & proto::message_flag::more) != 0) {
        auto const before = corked_.size();
        corked_.resize(length);
        touch(corked_.data() + before, caller.read_length);
        auto const copied = ipc::copy_in(caller, 0, std::span{corked_}.subspan(before));
        if (copied.count < caller.read_length) {
            corked_.resize(before);
            return proto::Transfer{0, copied.caller_fault};
        }
        return proto::Transfer{caller.read_length, 0};
    }
    RouteVia const via{bound_device_};
    if (auto const error = refuse_target(target.address, local_name().address); error != Error::None) {
        corked_.clear();
        return fail(error);
    }
    pbuf* const message = pbuf_alloc(PBUF_TRANSPORT, static_cast<u16_t>(length), PBUF_RAM);
    if (message == nullptr) { return fail(Error::NoBufferSpace); }
    auto* const payload = static_cast<std::byte*>(message->payload);
    touch(payload, length);
    std::copy(corked_.begin(), corked_.end(), payload);
    auto const copied = ipc::copy_in(caller, 0, {payload + corked_.size(), caller.read_length});
    if (copied.count < caller.read_length) {
        pbuf_free(message);
        return proto::Transfer{0, copied.caller_fault};
    }
    corked_.clear();
    auto const error = transmit(message, target);
    if (error != ERR_OK) { return fail(error == ERR_RTE ? Error::NetworkUnreachable : error_of(error)); }
    return proto::Transfer{caller.read_length, 0};
}

// --- UDP ---

UdpSocket::UdpSocket(SocketOwner& owner, std::uint16_t family)
    : DatagramSocket{owner, SocketType::Datagram, 17, family}, pcb_{udp_new_ip_type(family == family_internet6
                                                                                        ? IPADDR_TYPE_ANY
                                                                                        : IPADDR_TYPE_V4)} {
    if (pcb_ == nullptr) { return; }
    if (family == family_internet6) { ip_set_option(pcb_, six_mark); }
    udp_recv(
        pcb_,
        [](void* argument, udp_pcb*, pbuf* message, ip_addr_t const* from, u16_t port) {
            auto& self = *static_cast<UdpSocket*>(argument);
            // Bound to a port only by sending, IPV6_V6ONLY is not in its address.
            if (!self.hears_current_device() || (self.v6_only_ && from->type == IPADDR_TYPE_V4)) {
                pbuf_free(message);
                return;
            }
            self.deliver(message, MessageSource{self.address_of(*from, port)}, self.current_control());
        },
        this);
}

UdpSocket::~UdpSocket() {
    if (pcb_ != nullptr) { udp_remove(pcb_); }
}

bool UdpSocket::set_lwip_option(std::uint8_t option, bool on) {
    if (on) {
        ip_set_option(pcb_, option);
    } else {
        ip_reset_option(pcb_, option);
    }
    return true;
}

bool UdpSocket::port_taken(ip_addr_t const& address, std::uint16_t port) const {
    // What lwIP does not see: that :: for both families and an address of one are the same port.
    for (auto const* other = udp_pcbs; other != nullptr; other = other->next) {
        if (other == pcb_ || other->local_port != port || address.type == other->local_ip.type) { continue; }
        bool const both = address.type == IPADDR_TYPE_ANY || other->local_ip.type == IPADDR_TYPE_ANY;
        bool const shared = reuse_address_ && ip_get_option(other, SOF_REUSEADDR);
        if (both && !shared) { return true; }
    }
    return false;
}

Result<ipc::Unit> UdpSocket::bind(proto::SocketAddress const& address) {
    if (bound_) { return fail(Error::Invalid); }
    auto const local = endpoint_of(address, Purpose::Bind);
    if (!local) { return fail(local.error()); }
    if (auto const refused = refuse_source(local->address); refused != Error::None) { return fail(refused); }
    if (port_refused(local->port)) { return fail(Error::Access); }
    if (local->port != 0 && port_taken(local->address, local->port)) { return fail(Error::AddressInUse); }
    if (auto const error = udp_bind(pcb_, &local->address, local->port); error != ERR_OK) {
        return fail(error_of(error));
    }
    bound_ = true;
    return ipc::Unit{};
}

Error UdpSocket::choose_peer(Endpoint const* peer) {
    if (peer == nullptr) {
        udp_disconnect(pcb_);
        return Error::None;
    }
    return error_of(udp_connect(pcb_, &peer->address, peer->port));
}

err_t UdpSocket::transmit(pbuf* message, Endpoint const& to) {
    pcb_->ttl = hops_to(to.address);
    pcb_->tos = service_for(to.address);
    RouteVia const via{bound_device_};
    auto const error = udp_sendto(pcb_, message, &to.address, to.port);
    pbuf_free(message);
    return error;
}

} // namespace netstack
