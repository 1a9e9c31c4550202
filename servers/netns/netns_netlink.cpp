// The netlink sockets of NetnsServer: protocols File and Socket.
#include "interface_requests.hpp"
#include "netlink_requests.hpp"
#include "netns_server.hpp"

namespace netns {

namespace {
constexpr std::uint32_t nonblock = 0x800, type_mask = 0xf, type_datagram = 2, type_raw = 3, protocol_route = 0;
constexpr std::uint32_t request_maximum = 65536;
struct NetlinkAddress {
    std::uint16_t family, padding;
    std::uint32_t port, groups;
};
} // namespace

NetlinkSocket* NetnsServer::netlink(abi::Word badge) {
    auto const found = netlink_.find(badge);
    return found != netlink_.end() ? found->second.get() : nullptr;
}

abi::Word NetnsServer::unused_badge() {
    return new_badge(
        [&](abi::Word candidate) { return netlink_.contains(candidate) || event_set(candidate) != nullptr; });
}

Result<ipc::Cap<proto::File>> NetnsServer::open_netlink(NetworkNamespace& space, std::uint32_t type,
                                                        std::uint32_t protocol, bool may_change) {
    if ((type & type_mask) != type_datagram && (type & type_mask) != type_raw) {
        return fail(Error::SocketTypeNotSupported);
    }
    if (protocol != protocol_route) { return fail(Error::ProtocolNotSupported); }
    auto const badge = unused_badge();
    auto capability = ipc::mint_session<proto::File>(badge);
    if (!capability) { return fail(capability.error()); }
    auto socket = std::make_unique<NetlinkSocket>(&space, type & type_mask, badge);
    socket->file_flags |= type & nonblock;
    socket->may_change = may_change;
    netlink_[badge] = std::move(socket);
    return capability;
}

void NetnsServer::on_no_senders(abi::Word badge) {
    if (netlink_.erase(badge) == 0 && !end_event_set(badge)) { NamespaceServer::on_no_senders(badge); }
}

Result<proto::Transfer> NetnsServer::send_netlink(NetlinkSocket& socket, ipc::Sender& sender, std::uint32_t flags) {
    if (socket.space == nullptr) { return fail(Error::NetworkDown); }
    auto const before = socket.corked.size();
    if (before + sender.read_length > request_maximum) {
        socket.corked.clear();
        return fail(Error::MessageTooLong);
    }
    socket.corked.resize(before + sender.read_length);
    auto const copied = sender.copy_in(0, std::span{socket.corked}.subspan(before));
    if (copied.count < sender.read_length) {
        socket.corked.resize(before);
        return proto::Transfer{0, copied.caller_fault};
    }
    if ((flags & proto::message_flag::more) != 0) { return proto::Transfer{sender.read_length, 0}; }
    auto const requests = std::exchange(socket.corked, {});
    std::optional<Error> moved;
    if ((flags & proto::message_flag::moved) != 0) {
        moved = static_cast<Error>(flags & proto::message_flag::moved_error);
    }
    auto& space = *socket.space;
    auto answer = handle_netlink(space, requests, socket.port, socket.may_change, moved, counters(space),
                                 neighbours(space), neighbours6(space));
    if (answer.move.device != 0) {
        if (before != 0) {
            socket.corked.assign(requests.begin(), requests.begin() + static_cast<std::ptrdiff_t>(before));
        }
        publish();
        return sender.fail_with(Error::Elsewhere, answer.move.device, answer.move.by_descriptor, answer.move.number);
    }
    publish();
    for (auto& datagram : answer.datagrams) { socket.deliver(std::move(datagram)); }
    return proto::Transfer{sender.read_length, 0};
}

Result<proto::Transfer> NetnsServer::on(proto::Socket::Send, ipc::Sender& sender, std::uint32_t flags,
                                        proto::SocketAddress const&, ipc::ReadBuffer) {
    auto* const socket = netlink(sender.badge);
    if (socket == nullptr) { return fail(Error::NotSocket); }
    return send_netlink(*socket, sender, flags);
}
Result<proto::Transfer> NetnsServer::on(proto::File::Write, ipc::Sender& sender, std::uint32_t, ipc::ReadBuffer) {
    auto* const socket = netlink(sender.badge);
    if (socket == nullptr) { return fail(Error::BadDescriptor); }
    return send_netlink(*socket, sender, 0);
}
Result<std::tuple<proto::ReceivedDatagram, proto::SocketAddress>>
NetnsServer::on(proto::Socket::Receive, ipc::Sender& sender, std::uint32_t flags, ipc::WriteBuffer) {
    auto* const socket = netlink(sender.badge);
    if (socket == nullptr) { return fail(Error::NotSocket); }
    auto const received = socket->receive(sender.view(), flags);
    bool const waits = (socket->file_flags & nonblock) == 0 && (flags & proto::message_flag::dont_wait) == 0;
    if (!received && received.error() == Error::Again && waits) {
        socket->wait(sender.defer(), flags, false);
        return fail(Error::Deferred);
    }
    return received;
}
Result<proto::Transfer> NetnsServer::on(proto::File::Read, ipc::Sender& sender, std::uint32_t, ipc::WriteBuffer) {
    auto* const socket = netlink(sender.badge);
    if (socket == nullptr) { return fail(Error::Invalid); }
    auto const received = socket->receive(sender.view(), 0);
    if (received) { return std::get<0>(*received).transfer; }
    if (received.error() == Error::Again && (socket->file_flags & nonblock) == 0) {
        socket->wait(sender.defer(), 0, true);
        return fail(Error::Deferred);
    }
    return fail(received.error());
}

Result<ipc::Unit> NetnsServer::on(proto::Socket::Bind, ipc::Sender& sender, proto::SocketAddress const& address) {
    auto* const socket = netlink(sender.badge);
    if (socket == nullptr) { return fail(Error::NotSocket); }
    NetlinkAddress wanted{};
    if (address.length < sizeof wanted) { return fail(Error::Invalid); }
    std::memcpy(&wanted, address.data, sizeof wanted);
    if (wanted.family != 16) { return fail(Error::Invalid); }
    if (wanted.port != 0 && wanted.port != socket->port) {
        for (auto const& [badge, other] : netlink_) {
            if (other->port == wanted.port && other->space == socket->space) { return fail(Error::AddressInUse); }
        }
        socket->port = wanted.port;
    }
    socket->groups = wanted.groups;
    return ipc::Unit{};
}
Result<ipc::Unit> NetnsServer::on(proto::Socket::Connect, ipc::Sender& sender, proto::SocketAddress const&) {
    if (netlink(sender.badge) == nullptr) { return fail(Error::NotSocket); }
    return ipc::Unit{}; // there is nobody to talk to but us
}
Result<proto::SocketAddress> NetnsServer::on(proto::Socket::Name, ipc::Sender& sender, std::uint32_t peer) {
    auto const* const socket = netlink(sender.badge);
    if (socket == nullptr) { return fail(Error::NotSocket); }
    NetlinkAddress const name{16, 0, peer != 0 ? 0 : socket->port, peer != 0 ? 0 : socket->groups};
    proto::SocketAddress result;
    result.length = sizeof name;
    std::memcpy(result.data, &name, sizeof name);
    return result;
}
Result<ipc::Unit> NetnsServer::on(proto::Socket::SetOption, ipc::Sender& sender, std::uint32_t level, std::uint32_t,
                                  proto::SocketOption const&) {
    constexpr std::uint32_t level_socket = 1, level_netlink = 270;
    if (netlink(sender.badge) == nullptr) { return fail(Error::NotSocket); }
    // Buffer sizes and extended acknowledgements: hints.
    if (level == level_socket || level == level_netlink) { return ipc::Unit{}; }
    return fail(Error::NoProtocolOption);
}
Result<proto::SocketOption> NetnsServer::on(proto::Socket::GetOption, ipc::Sender& sender, std::uint32_t level,
                                            std::uint32_t option) {
    auto const* const socket = netlink(sender.badge);
    if (socket == nullptr) { return fail(Error::NotSocket); }
    constexpr std::uint32_t level_socket = 1, type = 3, error = 4, send_buffer = 7, receive_buffer = 8, protocol = 38,
                            domain = 39;
    if (level != level_socket) { return fail(Error::NoProtocolOption); }
    std::uint32_t value = 0;
    switch (option) {
    case type: value = socket->type; break;
    case error:
    case protocol: break;
    case send_buffer:
    case receive_buffer: value = 212992; break;
    case domain: value = 16; break;
    default: return fail(Error::NoProtocolOption);
    }
    proto::SocketOption result;
    result.length = sizeof value;
    std::memcpy(result.data, &value, sizeof value);
    return result;
}

Result<proto::FileStatus> NetnsServer::on(proto::File::Stat, ipc::Sender& sender) {
    auto const* const socket = netlink(sender.badge);
    if (socket == nullptr) { return NamespaceServer::on(proto::File::Stat{}, sender); }
    proto::FileStatus status{};
    status.inode = socket->port;
    status.device_minor = 8;
    status.mode = 0140777;
    status.links = 1;
    status.block_size = 4096;
    return status;
}
Result<std::uint32_t> NetnsServer::on(proto::File::Poll, ipc::Sender& sender, std::uint32_t events) {
    if (auto const* const set = event_set(sender.badge)) { return set->poll(events); }
    auto const* const socket = netlink(sender.badge);
    if (socket == nullptr) { return NamespaceServer::on(proto::File::Poll{}, sender, events); }
    return socket->events() & events;
}
Result<std::uint32_t> NetnsServer::on(proto::File::PollArm, ipc::Sender& sender, std::uint32_t events,
                                      std::uint32_t token, ipc::Cap<ipc::Notification> waker) {
    if (auto* const set = event_set(sender.badge)) { return set->arm(events, token, waker); }
    auto* const socket = netlink(sender.badge);
    if (socket == nullptr) { return NamespaceServer::on(proto::File::PollArm{}, sender, events, token, waker); }
    return socket->poll_arm(events, token, waker);
}
Result<ipc::Unit> NetnsServer::on(proto::File::PollDisarm, ipc::Sender& sender, std::uint32_t token) {
    if (auto* const set = event_set(sender.badge)) { set->disarm(token); }
    if (auto* const socket = netlink(sender.badge)) { socket->poll_disarm(token); }
    return ipc::Unit{};
}
Result<std::uint32_t> NetnsServer::on(proto::File::GetFlags, ipc::Sender& sender) {
    auto const* const socket = netlink(sender.badge);
    return socket != nullptr ? socket->file_flags : 0U;
}
Result<ipc::Unit> NetnsServer::on(proto::File::SetFlags, ipc::Sender& sender, std::uint32_t flags) {
    if (auto* const socket = netlink(sender.badge)) {
        socket->file_flags = (socket->file_flags & ~nonblock) | (flags & nonblock);
    }
    return ipc::Unit{};
}
Result<std::uint32_t> NetnsServer::on(proto::File::Ioctl, ipc::Sender& sender, std::uint32_t request,
                                      std::uint32_t argument, ipc::ReadBuffer in, ipc::WriteBuffer out) {
    auto* const socket = netlink(sender.badge);
    if (socket == nullptr) { return NamespaceServer::on(proto::File::Ioctl{}, sender, request, argument, in, out); }
    if (request < 0x8900 || request > 0x89ff || socket->space == nullptr) { return fail(Error::NotTerminal); }
    auto const result = interface_request(*socket->space, sender.view(), request, {socket->may_change, false});
    publish();
    return result;
}

} // namespace netns
