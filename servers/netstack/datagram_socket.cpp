#include "datagram_socket.hpp"
#include "devices.hpp"
#include <algorithm>

namespace netstack {

Result<ipc::Unit> DatagramSocket::connect(proto::SocketAddress const& address) {
    if (family_of(address) == family_unspecified) {
        connected_ = false;
        peer_ = {};
        static_cast<void>(choose_peer(peer_));
        return ipc::Unit{};
    }
    auto wanted = internet_address(address);
    if (!wanted) { return fail(Error::Invalid); }
    if (wanted->family != family_internet) { return fail(Error::AddressFamilyNotSupported); }
    if (wanted->address == 0) { wanted->address = 0x0100007f; }
    RouteVia const via{bound_device_};
    std::uint32_t next_hop;
    if (devices_instance->route(wanted->address, next_hop) == nullptr) { return fail(Error::NetworkUnreachable); }
    if (!broadcast_ && devices_instance->is_broadcast(wanted->address)) { return fail(Error::Access); }
    if (auto const error = choose_peer(*wanted); error != Error::None) { return fail(error); }
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
        return socket_address(peer_.address, swap16(peer_.port));
    }
    InternetAddress own{};
    local_name(own);
    if (own.address == 0 && connected_) {
        std::uint32_t next_hop;
        if (auto* const interface = devices_instance->route(peer_.address, next_hop)) { own.address = interface->address(); }
    }
    return socket_address(own.address, swap16(own.port));
}

Result<proto::Transfer> DatagramSocket::send(ipc::Pending const& caller, std::uint32_t flags, proto::SocketAddress const* to, std::uint32_t) {
    if (error_ != Error::None) { return fail(take_error()); }
    if (write_shut_) { return fail(Error::BrokenPipe); }
    InternetAddress target = peer_;
    if (to != nullptr && to->length != 0) {
        auto const wanted = internet_address(*to);
        if (!wanted) { return fail(Error::Invalid); }
        if (wanted->family != family_internet && wanted->family != family_unspecified) { return fail(Error::AddressFamilyNotSupported); }
        target = *wanted;
    } else if (!connected_) {
        return fail(Error::DestinationRequired);
    }
    if (target.address == 0) { target.address = 0x0100007f; }
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
    std::uint32_t next_hop;
    if (devices_instance->route(target.address, next_hop) == nullptr) {
        corked_.clear();
        return fail(Error::NetworkUnreachable);
    }
    if (!broadcast_ && devices_instance->is_broadcast(target.address)) {
        corked_.clear();
        return fail(Error::Access);
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

UdpSocket::UdpSocket(SocketOwner& owner) : DatagramSocket{owner, SocketType::Datagram, 17}, pcb_{udp_new()} {
    if (pcb_ == nullptr) { return; }
    udp_recv(
        pcb_,
        [](void* argument, udp_pcb*, pbuf* message, ip_addr_t const* from, u16_t port) {
            auto& self = *static_cast<UdpSocket*>(argument);
            if (!self.hears_current_device()) {
                pbuf_free(message);
                return;
            }
            self.deliver(message, MessageSource{InternetAddress{family_internet, swap16(port), from->addr, {}}});
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

Result<ipc::Unit> UdpSocket::bind(proto::SocketAddress const& address) {
    auto const wanted = internet_address(address);
    if (!wanted || bound_) { return fail(Error::Invalid); }
    if (wanted->family != family_internet && (wanted->family != family_unspecified || wanted->address != 0)) { return fail(Error::AddressFamilyNotSupported); }
    bool const special = (wanted->address & 0xff) == 127 || wanted->address == 0 || wanted->address == 0xffffffff;
    if (!special && !devices_instance->is_local(wanted->address)) { return fail(Error::AddressNotAvailable); }
    if (port_refused(swap16(wanted->port))) { return fail(Error::Access); }
    ip_addr_t local;
    local.addr = wanted->address;
    if (auto const error = udp_bind(pcb_, &local, swap16(wanted->port)); error != ERR_OK) { return fail(error_of(error)); }
    bound_ = true;
    return ipc::Unit{};
}

Error UdpSocket::choose_peer(InternetAddress const& peer) {
    if (peer.address == 0) {
        udp_disconnect(pcb_);
        return Error::None;
    }
    ip_addr_t remote;
    remote.addr = peer.address;
    return error_of(udp_connect(pcb_, &remote, swap16(peer.port)));
}

err_t UdpSocket::transmit(pbuf* message, InternetAddress const& to) {
    ip_addr_t remote;
    remote.addr = to.address;
    pcb_->ttl = time_to_live_;
    pcb_->tos = service_;
    RouteVia const via{bound_device_};
    auto const error = udp_sendto(pcb_, message, &remote, swap16(to.port));
    pbuf_free(message);
    return error;
}

void UdpSocket::local_name(InternetAddress& name) const {
    name.address = pcb_->local_ip.addr;
    name.port = swap16(pcb_->local_port);
}

} // namespace netstack
