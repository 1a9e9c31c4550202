#include "stack_server.hpp"
#include "lwip/init.h"
#include "packet_socket.hpp"
#include "platform.hpp"
#include "tables.hpp"
#include <algorithm>

namespace netstack {

using proto::File;

namespace {
constexpr int rounds_at_once = 4; ///< of frames, before programs are heard again
} // namespace

StackServer::StackServer(std::span<std::byte const> configuration, proto::stack::StatusPage& status)
    : configuration_{configuration}, status_{status}, devices_{status} {
    static bool const initialized = [] {
        lwip_init();
        return true;
    }();
    static_cast<void>(initialized);
    status_.magic = proto::stack::StatusPage::expected;
    status_.version = proto::stack::StatusPage::current_version;
    on_notification(abi::Word{1} << proto::stack::configuration_bit);
    restore();
}

Socket* StackServer::find(abi::Word badge) {
    auto const found = sockets_.find(badge);
    return found != sockets_.end() ? found->second.get() : nullptr;
}

abi::Word StackServer::fresh_badge() {
    while (sockets_.contains(next_badge_) || event_set(next_badge_) != nullptr || next_badge_ < first_socket_badge) {
        next_badge_ = (next_badge_ + 1) & ((abi::Word{1} << abi::badge_bits) - 1);
    }
    status_.saved.next_badge = next_badge_ + 1;
    return next_badge_++;
}

Result<ipc::Cap<proto::File>> StackServer::adopt(std::unique_ptr<Socket> socket) {
    auto const badge = fresh_badge();
    auto capability = ipc::mint_session<proto::File>(badge);
    if (!capability) { return fail(capability.error()); }
    socket->inode = 0x10000 + badge;
    sockets_[badge] = std::move(socket);
    return capability;
}

Result<ipc::Cap<proto::File>> StackServer::on(proto::NetworkStack::OpenSocket, ipc::Sender& sender,
                                              std::uint32_t domain, std::uint32_t type, std::uint32_t protocol) {
    Settled const settled{*this};
    if (sender.badge != control_badge) { return fail(Error::NotPermitted); }
    if (domain == family_packet) {
        auto const kind = static_cast<SocketType>(type & 0xf);
        if (kind != SocketType::Raw && kind != SocketType::Datagram) { return fail(Error::SocketTypeNotSupported); }
        auto packets = std::make_unique<PacketSocket>(*this, kind, static_cast<std::uint16_t>(protocol));
        packets->file_flags |= type & open_flag::nonblock;
        packets->opener = type & (proto::stack::opener_is_admin | proto::stack::opener_binds_any_port);
        return adopt(std::move(packets));
    }
    if (domain != family_internet && domain != family_internet6) { return fail(Error::AddressFamilyNotSupported); }
    auto const family = static_cast<std::uint16_t>(domain);
    std::uint32_t const icmp = family == family_internet6 ? 58 : 1;
    constexpr std::uint32_t tcp = 6, udp = 17;
    std::unique_ptr<Socket> socket;
    switch (static_cast<SocketType>(type & 0xf)) {
    case SocketType::Stream:
        if (protocol != 0 && protocol != tcp) { return fail(Error::ProtocolNotSupported); }
        socket = std::make_unique<TcpSocket>(*this, family);
        break;
    case SocketType::Datagram:
        if (protocol == icmp) {
            auto made =
                std::make_unique<RawSocket>(*this, SocketType::Datagram, static_cast<std::uint8_t>(icmp), family);
            if (!made->usable()) { return fail(Error::NoBufferSpace); }
            socket = std::move(made);
        } else {
            if (protocol != 0 && protocol != udp) { return fail(Error::ProtocolNotSupported); }
            auto made = std::make_unique<UdpSocket>(*this, family);
            if (!made->usable()) { return fail(Error::NoBufferSpace); }
            socket = std::move(made);
        }
        break;
    case SocketType::Raw: {
        if (protocol == 0 || protocol > 255) {
            return fail(protocol == 0 ? Error::ProtocolNotSupported : Error::Invalid);
        }
        auto made = std::make_unique<RawSocket>(*this, SocketType::Raw, static_cast<std::uint8_t>(protocol), family);
        if (!made->usable()) { return fail(Error::NoBufferSpace); }
        socket = std::move(made);
        break;
    }
    default: return fail(Error::SocketTypeNotSupported);
    }
    socket->file_flags |= type & open_flag::nonblock;
    socket->opener = type & (proto::stack::opener_is_admin | proto::stack::opener_binds_any_port);
    return adopt(std::move(socket));
}

Result<proto::Transfer> StackServer::on(proto::NetworkStack::Table, ipc::Sender& sender, proto::NetworkTable table,
                                        std::uint32_t offset, ipc::WriteBuffer target) {
    if (sender.badge != control_badge) { return fail(Error::NotPermitted); }
    std::vector<RawSocket const*> raw;
    for (auto const& [badge, socket] : sockets_) {
        bool const about = socket->type() == SocketType::Raw && socket->family() != family_packet;
        if (about) { raw.push_back(static_cast<RawSocket const*>(socket.get())); }
    }
    auto const text = socket_table(table, raw);
    auto const part =
        std::string_view{text}.substr(std::min<std::size_t>(offset, text.size())).substr(0, target.length);
    auto const copied = sender.copy_out(0, std::as_bytes(std::span{part}));
    return proto::Transfer{static_cast<std::uint32_t>(copied.count),
                           copied.count < part.size() ? copied.caller_fault : 0};
}

// --- protocol Socket ---

Result<ipc::Unit> StackServer::on(proto::Socket::Bind, ipc::Sender& sender, proto::SocketAddress const& address) {
    auto* const socket = find(sender.badge);
    if (socket == nullptr) { return fail(gone); }
    return socket->bind(address);
}
Result<ipc::Unit> StackServer::on(proto::Socket::Connect, ipc::Sender& sender, proto::SocketAddress const& address) {
    auto* const socket = find(sender.badge);
    if (socket == nullptr) { return fail(gone); }
    auto const result = socket->connect(address);
    Settled const settled{*this};
    if (!result && (result.error() == Error::InProgress || result.error() == Error::AlreadyInProgress) &&
        socket->waits(0)) {
        socket->wait({Socket::Waiting::Kind::Connect, sender.defer(), 0, 0, true, address});
        return fail(Error::Deferred);
    }
    return result;
}
Result<ipc::Unit> StackServer::on(proto::Socket::Listen, ipc::Sender& sender, std::uint32_t backlog) {
    auto* const socket = find(sender.badge);
    if (socket == nullptr) { return fail(gone); }
    return socket->listen(backlog);
}
Result<Socket::Accepted> StackServer::on(proto::Socket::Accept, ipc::Sender& sender, std::uint32_t flags) {
    auto* const socket = find(sender.badge);
    if (socket == nullptr) { return fail(gone); }
    auto const result = socket->accept(flags);
    if (!result && result.error() == Error::Again && socket->waits(0)) {
        socket->wait({Socket::Waiting::Kind::Accept, sender.defer(), flags});
        return fail(Error::Deferred);
    }
    return result;
}
Result<proto::SocketAddress> StackServer::on(proto::Socket::Name, ipc::Sender& sender, std::uint32_t peer) {
    auto* const socket = find(sender.badge);
    if (socket == nullptr) { return fail(gone); }
    return socket->name(peer != 0);
}
Result<ipc::Unit> StackServer::on(proto::Socket::Shutdown, ipc::Sender& sender, std::uint32_t how) {
    auto* const socket = find(sender.badge);
    if (socket == nullptr) { return fail(gone); }
    Settled const settled{*this};
    return socket->shutdown(how);
}
Result<ipc::Unit> StackServer::on(proto::Socket::SetOption, ipc::Sender& sender, std::uint32_t level,
                                  std::uint32_t option, proto::SocketOption const& value) {
    auto* const socket = find(sender.badge);
    if (socket == nullptr) { return fail(gone); }
    Settled const settled{*this};
    return socket->set_option(level, option, value);
}
Result<proto::SocketOption> StackServer::on(proto::Socket::GetOption, ipc::Sender& sender, std::uint32_t level,
                                            std::uint32_t option) {
    auto* const socket = find(sender.badge);
    if (socket == nullptr) { return fail(gone); }
    return socket->get_option(level, option);
}

namespace {
/// A send that has to wait, or has gone only in part, is kept with what is done.
bool keeps_sending(Socket const& socket, ipc::Pending const& caller, std::uint32_t flags,
                   Result<proto::Transfer> const& result) {
    if (!socket.waits(flags)) { return false; }
    return result ? socket.type() == SocketType::Stream && result->fault == 0 && result->count < caller.read_length
                  : result.error() == Error::Again;
}
} // namespace

Result<proto::Transfer> StackServer::on(proto::Socket::Send, ipc::Sender& sender, std::uint32_t flags,
                                        proto::SocketAddress const& to, ipc::ReadBuffer) {
    auto* const socket = find(sender.badge);
    if (socket == nullptr) { return fail(gone); }
    Settled const settled{*this};
    auto const result = socket->send(sender.view(), flags, &to, 0);
    if (!keeps_sending(*socket, sender.view(), flags, result)) { return result; }
    socket->wait({Socket::Waiting::Kind::Send, sender.defer(), flags, result ? result->count : 0, true, to});
    return fail(Error::Deferred);
}
Result<proto::Transfer> StackServer::on(File::Write, ipc::Sender& sender, std::uint32_t, ipc::ReadBuffer) {
    auto* const socket = find(sender.badge);
    if (socket == nullptr) [[unlikely]] { return fail(gone); }
    Settled const settled{*this};
    auto const result = socket->send(sender.view(), 0, nullptr, 0);
    if (!keeps_sending(*socket, sender.view(), 0, result)) [[likely]] { return result; }
    socket->wait({Socket::Waiting::Kind::Write, sender.defer(), 0, result ? result->count : 0});
    return fail(Error::Deferred);
}
Result<Socket::Received> StackServer::on(proto::Socket::Receive, ipc::Sender& sender, std::uint32_t flags,
                                         ipc::WriteBuffer) {
    auto* const socket = find(sender.badge);
    if (socket == nullptr) { return fail(gone); }
    auto const result = socket->receive(sender.view(), flags);
    if (!result && result.error() == Error::Again && socket->waits(flags)) {
        socket->wait({Socket::Waiting::Kind::Receive, sender.defer(), flags});
        return fail(Error::Deferred);
    }
    Settled const settled{*this};
    return result;
}
Result<proto::Transfer> StackServer::on(File::Read, ipc::Sender& sender, std::uint32_t, ipc::WriteBuffer) {
    auto* const socket = find(sender.badge);
    if (socket == nullptr) [[unlikely]] { return fail(gone); }
    auto const result = socket->receive(sender.view(), 0);
    if (!result) {
        if (result.error() != Error::Again || !socket->waits(0)) { return fail(result.error()); }
        socket->wait({Socket::Waiting::Kind::Read, sender.defer()});
        return fail(Error::Deferred);
    }
    Settled const settled{*this};
    return std::get<0>(*result).transfer;
}

// --- events ---

void StackServer::on_no_senders(abi::Word badge) {
    if (end_event_set(badge)) { return; }
    Settled const settled{*this};
    auto const found = sockets_.find(badge);
    if (found == sockets_.end()) { return; }
    bool const listened = found->second->saved().badge != 0;
    sockets_.erase(found);
    if (listened) { listeners_changed(); }
}

void StackServer::on_notification(abi::Word bits) {
    if ((bits >> proto::stack::configuration_bit & 1) != 0 && devices_.apply(configuration_)) {
        proto::stack::ConfigurationHeader header;
        std::memcpy(&header, configuration_.data(), sizeof header);
        status_.applied = header.sequence;
        devices_.write_neighbours();
    }
    for (int round = 0; round < rounds_at_once; ++round) {
        devices_.poll_rings();
        settle();
        if (!devices_.release_rings()) { return; }
    }
    platform().ring_self();
}

void StackServer::settle() {
    bool const due = deadline_stamp_ != 0 && platform().stamp() >= deadline_stamp_;
    if (due) {
        timers_.run(now_milliseconds());
        end_waits(now_milliseconds());
    }
    // Answering a caller may put packets on their way, which may end another's wait.
    do {
        devices_.run();
        while (!changed_.empty()) {
            auto* const socket = changed_.back();
            changed_.pop_back();
            socket->service();
        }
    } while (!devices_.idle());
    if (due || timers_.more_wanted()) { write_deadline(due); }
}

void StackServer::socket_waits(Socket& socket) {
    if (std::find(timed_.begin(), timed_.end(), &socket) == timed_.end()) { timed_.push_back(&socket); }
    write_deadline(false);
}

std::uint64_t StackServer::end_waits(std::uint64_t now) {
    std::uint64_t next = 0;
    std::erase_if(timed_, [&](Socket* socket) {
        socket->end_waits(now);
        auto const deadline = socket->wait_deadline();
        bool const none = deadline == proto::SocketTimes::for_ever;
        if (!none && (next == 0 || deadline < next)) { next = deadline; }
        return none;
    });
    return next;
}

void StackServer::write_deadline(bool due) {
    auto const now = now_milliseconds();
    auto next = timers_.next(now);
    if (auto const waits = end_waits(now); waits != 0 && (next == 0 || waits < next)) { next = waits; }
    if (next != 0 && deadline_ != 0 && next >= deadline_ && !due) { return; }
    deadline_ = next;
    auto const nanoseconds = next * 1000000;
    deadline_stamp_ = next != 0 ? platform().stamp_of(nanoseconds) : 0;
    status_.deadline_low = static_cast<std::uint32_t>(nanoseconds);
    status_.deadline_high = static_cast<std::uint32_t>(nanoseconds >> 32);
    devices_.write_neighbours();
    if (next != 0) { platform().ring_netns(); }
}

} // namespace netstack
