#include "tcp_socket.hpp"
#include "devices.hpp"
#include "lwip/priv/tcp_priv.h"
#include <algorithm>

namespace netstack {

namespace {
TcpSocket& socket_of(void* argument) { return *static_cast<TcpSocket*>(argument); }
namespace tcp_option {
constexpr std::uint32_t no_delay = 1, maximum_segment = 2, cork = 3, keep_idle = 4, keep_interval = 5, keep_count = 6,
                        defer_accept = 9, quick_ack = 12, user_timeout = 18;
} // namespace tcp_option
} // namespace

TcpSocket::TcpSocket(SocketOwner& owner, std::uint16_t family, tcp_pcb* accepted)
    : Socket{owner, SocketType::Stream, 6, family}, pcb_{accepted} {
    if (pcb_ != nullptr) {
        if (family_ == family_internet6) { ip_set_option(pcb_, six_mark); }
        state_ = State::Connected;
        bound_ = connect_told_ = true;
        attach();
    }
}

TcpSocket::~TcpSocket() {
    accepting_.clear();
    drop_received();
    if (pcb_ == nullptr) { return; }
    detach();
    if (state_ == State::Listening || state_ == State::Idle) {
        static_cast<void>(tcp_close(pcb_));
        return;
    }
    if (state_ == State::Connected && linger_.on != 0 && linger_.seconds == 0) {
        tcp_abort(pcb_);
        return;
    }
    // lwIP resets a connection with unread data, and then needs nothing any more.
    bool const resets = (pcb_->state == ESTABLISHED || pcb_->state == CLOSE_WAIT) &&
                        (pcb_->refused_data != nullptr || pcb_->rcv_wnd != TCP_WND_MAX(pcb_));
    if (!sent_->empty() && !resets) {
        // The connection goes on until everything has arrived; what it refers to stays as long.
        tcp_arg(pcb_, sent_.release());
        tcp_err(pcb_, [](void* argument, err_t) { delete static_cast<SentData*>(argument); });
        tcp_sent(pcb_, [](void* argument, tcp_pcb* connection, u16_t bytes) -> err_t {
            auto* const data = static_cast<SentData*>(argument);
            if (data == nullptr) { return ERR_OK; }
            data->acknowledged(bytes);
            if (data->empty()) {
                tcp_arg(connection, nullptr);
                tcp_err(connection, nullptr);
                delete data;
            }
            return ERR_OK;
        });
    }
    if (tcp_close(pcb_) != ERR_OK) { tcp_abort(pcb_); }
}

void TcpSocket::attach() {
    tcp_arg(pcb_, this);
    tcp_recv(pcb_, [](void* argument, tcp_pcb*, pbuf* data, err_t) -> err_t {
        return socket_of(argument).on_received(data);
    });
    tcp_sent(pcb_, [](void* argument, tcp_pcb*, u16_t bytes) -> err_t {
        socket_of(argument).sent_->acknowledged(bytes);
        socket_of(argument).changed();
        return ERR_OK;
    });
    tcp_err(pcb_, [](void* argument, err_t error) { socket_of(argument).on_error(error); });
}

void TcpSocket::detach() {
    tcp_arg(pcb_, nullptr);
    if (state_ == State::Listening) {
        tcp_accept(pcb_, nullptr);
        return;
    }
    tcp_recv(pcb_, nullptr);
    tcp_sent(pcb_, nullptr);
    tcp_err(pcb_, nullptr);
}

void TcpSocket::drop_received() {
    for (auto* const data : received_) { pbuf_free(data); }
    received_.clear();
    offset_ = available_ = 0;
}

bool TcpSocket::ensure_connection() {
    if (pcb_ != nullptr) { return true; }
    pcb_ = family_ == family_internet6 ? tcp_new_ip_type(IPADDR_TYPE_ANY) : tcp_new();
    if (pcb_ == nullptr) { return false; }
    if (family_ == family_internet6) { ip_set_option(pcb_, six_mark); }
    attach();
    if (reuse_address_) { ip_set_option(pcb_, SOF_REUSEADDR); }
    if (keep_alive_) { ip_set_option(pcb_, SOF_KEEPALIVE); }
    if (no_delay_) { tcp_nagle_disable(pcb_); }
    return true;
}

bool TcpSocket::set_lwip_option(std::uint8_t option, bool on) {
    if (pcb_ == nullptr || state_ == State::Listening) { return false; }
    if (on) {
        ip_set_option(pcb_, option);
    } else {
        ip_reset_option(pcb_, option);
    }
    return true;
}

err_t TcpSocket::on_received(pbuf* data) {
    changed(poll_event::in | poll_event::read_normal);
    if (data == nullptr) {
        peer_closed_ = true;
        return ERR_OK;
    }
    if (read_shut_) {
        if (pcb_ != nullptr) { tcp_recved(pcb_, data->tot_len); }
        pbuf_free(data);
        return ERR_OK;
    }
    // Of every second segment lwIP sends an acknowledgement at once. Large ones are acknowledged with the new window when the
    // program has read them, a packet less; if it does not read, the timer acknowledges.
    if (pcb_ != nullptr && data->tot_len >= large_segment) { tcp_clear_flags(pcb_, TF_ACK_DELAY); }
    available_ += data->tot_len;
    received_.push_back(data);
    return ERR_OK;
}

void TcpSocket::on_error(err_t error) {
    pcb_ = nullptr; // lwIP has freed it
    bool const connecting = state_ == State::Connecting;
    state_ = connecting ? State::Idle : State::Broken;
    error_ = error == ERR_RST    ? (connecting ? Error::ConnectionRefused : Error::ConnectionReset)
             : error == ERR_ABRT ? Error::TimedOut
                                 : error_of(error);
    bound_ = bound_ && !connecting;
    changed();
}

err_t TcpSocket::on_accept(tcp_pcb* connection, err_t error) {
    if (error != ERR_OK || connection == nullptr) { return ERR_VAL; }
    tcp_backlog_delayed(connection);
    auto made = std::make_unique<TcpSocket>(owner_, family_, connection);
    made->inherit(*this);
    made->no_delay_ = no_delay_;
    if (no_delay_) { tcp_nagle_disable(connection); }
    accepting_.push_back(std::move(made));
    changed(poll_event::in | poll_event::read_normal);
    return ERR_OK;
}

bool TcpSocket::port_taken(ip_addr_t const& address, std::uint16_t port) {
    auto const overlap = [&](ip_addr_t const& other) {
        // Of type ANY: both families.
        if (address.type != other.type) {
            return (address.type == IPADDR_TYPE_ANY && is_any(other)) ||
                   (other.type == IPADDR_TYPE_ANY && is_any(address));
        }
        return is_any(address) || is_any(other) || ip_addr_cmp(&address, &other);
    };
    for (auto const* other = tcp_listen_pcbs.listen_pcbs; other != nullptr; other = other->next) {
        if (other->local_port == port && overlap(other->local_ip)) { return true; }
    }
    return false;
}

Result<ipc::Unit> TcpSocket::bind(proto::SocketAddress const& address) {
    if (bound_ || state_ != State::Idle) { return fail(Error::Invalid); }
    auto const local = endpoint_of(address, Purpose::Bind);
    if (!local) { return fail(local.error()); }
    if (auto const refused = refuse_source(local->address); refused != Error::None) { return fail(refused); }
    if (port_refused(local->port)) { return fail(Error::Access); }
    if (!ensure_connection()) { return fail(Error::NoMemory); }
    if (local->port != 0 && port_taken(local->address, local->port)) { return fail(Error::AddressInUse); }
    if (auto const error = tcp_bind(pcb_, &local->address, local->port); error != ERR_OK) {
        return fail(error_of(error));
    }
    bound_ = true;
    return ipc::Unit{};
}

Result<ipc::Unit> TcpSocket::connect(proto::SocketAddress const& address) {
    switch (state_) {
    case State::Connecting: return fail(Error::AlreadyInProgress);
    case State::Connected:
        if (!connect_told_) {
            connect_told_ = true;
            return ipc::Unit{};
        }
        return fail(Error::IsConnected);
    case State::Listening: return fail(Error::IsConnected);
    case State::Broken: return fail(error_ != Error::None ? take_error() : Error::ConnectionAborted);
    case State::Idle: break;
    }
    if (error_ != Error::None) { return fail(take_error()); }
    auto const wanted = endpoint_of(address, Purpose::Connect);
    if (!wanted) { return fail(wanted.error()); }
    auto const& remote = wanted->address;
    bool const group = remote.type == IPADDR_TYPE_V6 && ip6_addr_ismulticast(ip_2_ip6(&remote));
    if (group || !devices_instance->has_route(remote)) { return fail(Error::NetworkUnreachable); }
    if (!ensure_connection()) { return fail(Error::NoMemory); }
    if (bound_ && pcb_->local_ip.type != IPADDR_TYPE_ANY && pcb_->local_ip.type != remote.type) {
        return fail(Error::NetworkUnreachable);
    }
    auto const error = tcp_connect(pcb_, &remote, wanted->port, [](void* argument, tcp_pcb*, err_t) -> err_t {
        auto& self = socket_of(argument);
        self.state_ = State::Connected;
        self.changed();
        return ERR_OK;
    });
    if (error == ERR_BUF) { return fail(Error::AddressNotAvailable); } // no port left
    if (error != ERR_OK) { return fail(error_of(error)); }
    state_ = State::Connecting;
    return fail(Error::InProgress);
}

Result<ipc::Unit> TcpSocket::listen(std::uint32_t backlog) {
    // lwIP counts connections that are not through their handshake yet, too, and drops what is one too many.
    auto const limit = static_cast<u8_t>(std::min<std::uint32_t>(std::min<std::uint32_t>(backlog, 255) * 2 + 8, 255));
    backlog_ = static_cast<std::uint16_t>(std::min<std::uint32_t>(backlog, 0xffff));
    if (state_ == State::Listening) {
        tcp_backlog_set(pcb_, limit);
        owner_.listeners_changed();
        return ipc::Unit{};
    }
    if (state_ != State::Idle) { return fail(Error::Invalid); }
    if (!ensure_connection()) { return fail(Error::NoMemory); }
    if (!bound_) {
        auto const* const any = family_ != family_internet6 ? IP4_ADDR_ANY : v6_only_ ? IP6_ADDR_ANY : IP_ANY_TYPE;
        if (auto const error = tcp_bind(pcb_, any, 0); error != ERR_OK) { return fail(error_of(error)); }
    }
    if (port_taken(pcb_->local_ip, pcb_->local_port)) { return fail(Error::AddressInUse); }
    err_t error = ERR_OK;
    tcp_pcb* const listener = tcp_listen_with_backlog_and_err(pcb_, limit, &error);
    if (listener == nullptr) { return fail(error_of(error)); }
    pcb_ = listener;
    bound_ = true;
    state_ = State::Listening;
    tcp_arg(pcb_, this);
    tcp_accept(pcb_, [](void* argument, tcp_pcb* connection, err_t error) -> err_t {
        return argument != nullptr ? socket_of(argument).on_accept(connection, error) : static_cast<err_t>(ERR_VAL);
    });
    owner_.listeners_changed();
    return ipc::Unit{};
}

proto::stack::SavedListener TcpSocket::saved() const {
    if (state_ != State::Listening || pcb_ == nullptr) { return {}; }
    proto::stack::SavedListener listener{
        1, {}, pcb_->local_port, backlog_, opener, file_flags, reuse_address_ ? 1U : 0U, 0, family_, v6_only_, {}, 0};
    auto const name = address_of(pcb_->local_ip, pcb_->local_port);
    if (family_ == family_internet6) {
        InternetAddress6 six;
        std::memcpy(&six, name.data, sizeof six);
        std::ranges::copy(six.address, listener.address6);
        listener.scope = six.scope;
    } else {
        auto const number = word_of(pcb_->local_ip);
        std::memcpy(listener.address, &number, sizeof listener.address);
    }
    return listener;
}

Result<Socket::Accepted> TcpSocket::accept(std::uint32_t flags) {
    if (state_ != State::Listening) { return fail(Error::Invalid); }
    // A connection that broke while it waited is passed on like any other: its first read says so.
    if (accepting_.empty()) { return fail(Error::Again); }
    auto connection = std::move(accepting_.front());
    accepting_.pop_front();
    connection->file_flags |= flags & open_flag::nonblock;
    connection->opener = opener;
    if (connection->pcb_ != nullptr) { tcp_backlog_accepted(connection->pcb_); }
    auto const peer = connection->pcb_ != nullptr
                          ? address_of(connection->pcb_->remote_ip, connection->pcb_->remote_port)
                          : nowhere();
    auto capability = owner_.adopt(std::move(connection));
    if (!capability) { return fail(capability.error()); }
    return Accepted{*capability, peer};
}

Result<proto::SocketAddress> TcpSocket::name(bool peer) {
    if (peer) {
        if (state_ != State::Connected || pcb_ == nullptr) { return fail(Error::NotConnected); }
        return address_of(pcb_->remote_ip, pcb_->remote_port);
    }
    return pcb_ != nullptr ? address_of(pcb_->local_ip, pcb_->local_port) : nowhere();
}

Result<ipc::Unit> TcpSocket::shutdown(std::uint32_t how) {
    if (how > 2) { return fail(Error::Invalid); }
    if (state_ == State::Listening && how != 1) {
        accepting_.clear();
        changed();
        return ipc::Unit{};
    }
    if (state_ != State::Connected || pcb_ == nullptr) { return fail(Error::NotConnected); }
    bool const read = how != 1, write = how != 0;
    if (read) {
        read_shut_ = true;
        if (pcb_ != nullptr && available_ != 0) {
            tcp_recved(pcb_, static_cast<u16_t>(std::min<std::uint32_t>(available_, 0xffff)));
        }
        drop_received();
    }
    if (write && !write_shut_) {
        write_shut_ = true;
        static_cast<void>(tcp_shutdown(pcb_, 0, 1));
        static_cast<void>(tcp_output(pcb_));
    }
    changed();
    return ipc::Unit{};
}

Result<ipc::Unit> TcpSocket::set_option(std::uint32_t level, std::uint32_t option, proto::SocketOption const& value) {
    if (level != level::tcp) { return Socket::set_option(level, option, value); }
    auto const word = option_word(value);
    if (!word) { return fail(Error::Invalid); }
    switch (option) {
    case tcp_option::no_delay:
        no_delay_ = *word != 0;
        if (pcb_ != nullptr && state_ != State::Listening) {
            if (no_delay_) {
                tcp_nagle_disable(pcb_);
                static_cast<void>(tcp_output(pcb_));
            } else {
                tcp_nagle_enable(pcb_);
            }
        }
        return ipc::Unit{};
    case tcp_option::keep_idle:
        if (ensure_connection() && state_ != State::Listening) { pcb_->keep_idle = *word * 1000; }
        return ipc::Unit{};
    case tcp_option::keep_interval:
        if (ensure_connection() && state_ != State::Listening) { pcb_->keep_intvl = *word * 1000; }
        return ipc::Unit{};
    case tcp_option::keep_count:
        if (ensure_connection() && state_ != State::Listening) { pcb_->keep_cnt = *word; }
        return ipc::Unit{};
    case tcp_option::maximum_segment:
    case tcp_option::cork:
    case tcp_option::defer_accept:
    case tcp_option::quick_ack:
    case tcp_option::user_timeout: return ipc::Unit{};
    default: return fail(Error::NoProtocolOption);
    }
}

Result<proto::SocketOption> TcpSocket::get_option(std::uint32_t level, std::uint32_t option) {
    if (level != level::tcp) { return Socket::get_option(level, option); }
    switch (option) {
    case tcp_option::no_delay: return word_option(no_delay_ ? 1 : 0);
    case tcp_option::maximum_segment:
        return word_option(pcb_ != nullptr && state_ == State::Connected ? tcp_mss(pcb_) : 536);
    default: return fail(Error::NoProtocolOption);
    }
}

std::uint32_t TcpSocket::events() const {
    namespace p = poll_event;
    constexpr auto readable = p::in | p::read_normal, writable = p::out | p::write_normal;
    std::uint32_t result = error_ != Error::None ? p::error : 0;
    switch (state_) {
    case State::Listening: return result | (accepting_.empty() ? 0 : readable);
    case State::Idle: return result | p::hang_up | writable | (error_ != Error::None ? readable : 0);
    case State::Connecting: return result;
    case State::Broken: return result | readable | writable | p::hang_up | p::read_hang_up;
    case State::Connected: break;
    }
    if (available_ != 0) { result |= readable; }
    if (peer_closed_ || read_shut_) { result |= readable | p::read_hang_up; }
    if ((peer_closed_ || read_shut_) && write_shut_) { result |= p::hang_up; }
    if (write_shut_ ||
        (pcb_ != nullptr && tcp_sndbuf(pcb_) > TCP_SNDLOWAT && tcp_sndqueuelen(pcb_) < TCP_SND_QUEUELEN / 2)) {
        result |= writable;
    }
    return result;
}

} // namespace netstack
