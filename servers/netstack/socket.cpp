#include "socket.hpp"
#include "devices.hpp"
#include "lwip/ip.h"
#include "platform.hpp"
#include <algorithm>

namespace netstack {

using proto::File;

Error error_of(err_t error) {
    switch (error) {
    case ERR_OK: return Error::None;
    case ERR_MEM:
    case ERR_BUF: return Error::NoBufferSpace;
    case ERR_TIMEOUT: return Error::TimedOut;
    case ERR_RTE: return Error::NetworkUnreachable;
    case ERR_INPROGRESS: return Error::InProgress;
    case ERR_WOULDBLOCK: return Error::Again;
    case ERR_USE: return Error::AddressInUse;
    case ERR_ALREADY: return Error::AlreadyInProgress;
    case ERR_ISCONN: return Error::IsConnected;
    case ERR_CONN:
    case ERR_CLSD: return Error::NotConnected;
    case ERR_ABRT: return Error::ConnectionAborted;
    case ERR_RST: return Error::ConnectionReset;
    case ERR_VAL:
    case ERR_ARG: return Error::Invalid;
    default: return Error::InputOutput;
    }
}

bool Socket::port_refused(std::uint16_t port) const {
    return port != 0 && (opener & proto::stack::opener_binds_any_port) == 0 &&
           port < devices_instance->setting(proto::NetworkSetting::FirstUnprivilegedPort)[0];
}

Socket::~Socket() {
    owner_.socket_gone(*this);
    for (auto const& waiting : waiting_) { ipc::discard(waiting.caller); }
    for (auto const& arming : armings_) { ipc::release_slot(arming.notification.slot); }
}

std::uint32_t Socket::poll_arm(std::uint32_t events_wanted, std::uint32_t token,
                               ipc::Cap<ipc::Notification> notification) {
    auto const now = events() & (events_wanted | poll_event::error | poll_event::hang_up);
    if (now != 0) {
        ipc::release_slot(notification.slot);
        return now;
    }
    poll_disarm(token);
    armings_.push_back({events_wanted | poll_event::error | poll_event::hang_up, token, notification});
    return 0;
}

void Socket::poll_disarm(std::uint32_t token) {
    std::erase_if(armings_, [&](Arming const& arming) {
        if (arming.token != token) { return false; }
        ipc::release_slot(arming.notification.slot);
        return true;
    });
}

namespace {
proto::Transfer transfer_of(Socket::Received const& received) { return std::get<0>(received).transfer; }
template <class M>
bool answer(ipc::Pending const& caller, Result<typename M::Reply> const& result) {
    ipc::reply<M>(caller, result);
    return true;
}
} // namespace

bool Socket::attempt(Waiting& waiting) {
    if (!ipc::pending(waiting.caller)) {
        ipc::discard(waiting.caller);
        return true;
    }
    switch (waiting.kind) {
    case Waiting::Kind::Read: {
        auto const got = receive(waiting.caller, waiting.flags);
        if (!got) { return got.error() != Error::Again && answer<File::Read>(waiting.caller, fail(got.error())); }
        return answer<File::Read>(waiting.caller, transfer_of(*got));
    }
    case Waiting::Kind::Receive: {
        auto const got = receive(waiting.caller, waiting.flags);
        if (!got && got.error() == Error::Again) { return false; }
        return answer<proto::Socket::Receive>(waiting.caller, got);
    }
    case Waiting::Kind::Write:
    case Waiting::Kind::Send: {
        auto const sent =
            send(waiting.caller, waiting.flags, waiting.addressed ? &waiting.address : nullptr, waiting.done);
        if (sent) {
            waiting.done += sent->count;
            if (sent->fault == 0 && waiting.done < waiting.caller.read_length && type_ == SocketType::Stream) {
                return false;
            }
        } else if (sent.error() == Error::Again) {
            return false;
        }
        Result<proto::Transfer> result = proto::Transfer{waiting.done, sent ? sent->fault : 0};
        if (!sent && waiting.done == 0) { result = fail(sent.error()); }
        return waiting.kind == Waiting::Kind::Write ? answer<File::Write>(waiting.caller, result)
                                                    : answer<proto::Socket::Send>(waiting.caller, result);
    }
    case Waiting::Kind::Connect: {
        auto const connected = connect(waiting.address);
        if (!connected && connected.error() == Error::Again) { return false; }
        return answer<proto::Socket::Connect>(waiting.caller, connected);
    }
    case Waiting::Kind::Accept: {
        auto const accepted = accept(waiting.flags);
        if (!accepted && accepted.error() == Error::Again) { return false; }
        return answer<proto::Socket::Accept>(waiting.caller, accepted);
    }
    }
    return true;
}

void Socket::wait(Waiting const& waiting) {
    waiting_.push_back(waiting);
    auto const time = waiting.reads() ? times_.receive : times_.send;
    if (time == proto::SocketTimes::for_ever) { return; }
    waiting_.back().deadline = now_milliseconds() + (time + 999999) / 1000000;
    owner_.socket_waits(*this);
}

std::uint64_t Socket::wait_deadline() const {
    auto first = proto::SocketTimes::for_ever;
    for (auto const& waiting : waiting_) { first = std::min(first, waiting.deadline); }
    return first;
}

void Socket::give_up(Waiting const& waiting) {
    // What a call has moved so far is what it gives; a call that has moved nothing gives what it gives to who does not wait.
    Result<proto::Transfer> part = proto::Transfer{waiting.done, 0};
    if (waiting.done == 0) { part = fail(Error::Again); }
    auto const& caller = waiting.caller;
    switch (waiting.kind) {
    case Waiting::Kind::Read: answer<File::Read>(caller, fail(Error::Again)); return;
    case Waiting::Kind::Receive: answer<proto::Socket::Receive>(caller, fail(Error::Again)); return;
    case Waiting::Kind::Write: answer<File::Write>(caller, part); return;
    case Waiting::Kind::Send: answer<proto::Socket::Send>(caller, part); return;
    case Waiting::Kind::Connect: answer<proto::Socket::Connect>(caller, fail(Error::InProgress)); return;
    case Waiting::Kind::Accept: answer<proto::Socket::Accept>(caller, fail(Error::Again)); return;
    }
}

void Socket::end_waits(std::uint64_t now) {
    std::erase_if(waiting_, [&](Waiting const& waiting) {
        if (waiting.deadline > now) { return false; }
        if (ipc::pending(waiting.caller)) {
            give_up(waiting);
        } else {
            ipc::discard(waiting.caller);
        }
        return true;
    });
}

void Socket::service() {
    if (!changed_ || servicing_) { return; }
    changed_ = false;
    servicing_ = true;
    bool reading = true, writing = true; // in each direction the first who must wait makes the others wait
    for (std::size_t i = 0; i < waiting_.size();) {
        bool& open = waiting_[i].reads() ? reading : writing;
        if (!open) {
            ++i;
        } else if (attempt(waiting_[i])) {
            waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
        } else {
            open = false;
            ++i;
        }
    }
    if (!armings_.empty() || watched()) {
        auto const now = events();
        std::uint32_t const fresh = now & (~told_events_ | fresh_events_);
        told_events_ = now;
        fresh_events_ = 0;
        if (fresh != 0) { happened(fresh); }
        std::erase_if(armings_, [&](Arming const& arming) {
            if ((arming.events & now) == 0) { return false; }
            ipc::signal(arming.notification);
            ipc::release_slot(arming.notification.slot);
            return true;
        });
    }
    servicing_ = false;
}

namespace socket_option {
constexpr std::uint32_t reuse_address = 2, type = 3, error = 4, dont_route = 5, broadcast = 6, send_buffer = 7,
                        receive_buffer = 8, keep_alive = 9, out_of_band_inline = 10, priority = 12, linger = 13,
                        reuse_port = 15, bind_to_device = 25, timestamp = 29, accepting = 30, send_buffer_force = 32,
                        receive_buffer_force = 33, mark = 36, protocol = 38, domain = 39;
} // namespace socket_option
namespace ip_option {
constexpr std::uint32_t service = 1, time_to_live = 2, receive_options = 6, packet_information = 8, mtu_discover = 10,
                        receive_error = 11, receive_ttl = 12, receive_tos = 13, multicast_interface = 32,
                        multicast_ttl = 33, multicast_loop = 34, join_group = 35, leave_group = 36;
} // namespace ip_option

std::uint32_t Socket::current_device() {
    auto const* const netif = ip_current_input_netif();
    return netif != nullptr ? static_cast<Interface const*>(netif->state)->device->index() : 0;
}

void Socket::inherit(Socket const& listener) {
    reuse_address_ = listener.reuse_address_;
    keep_alive_ = listener.keep_alive_;
    broadcast_ = listener.broadcast_;
    receive_buffer_ = listener.receive_buffer_;
    send_buffer_ = listener.send_buffer_;
    time_to_live_ = listener.time_to_live_;
    service_ = listener.service_;
    hop_limit_ = listener.hop_limit_;
    traffic_class_ = listener.traffic_class_;
    v6_only_ = listener.v6_only_;
    wanted_control_ = listener.wanted_control_;
    bound_device_ = listener.bound_device_;
    times_ = listener.times_;
    linger_ = listener.linger_;
}

Result<ipc::Unit> Socket::bind_to_device(proto::SocketOption const& value) {
    std::string_view name{reinterpret_cast<char const*>(value.data), value.length};
    name = name.substr(0, name.find('\0'));
    auto* const device = devices_instance->find(name);
    if (!name.empty() && device == nullptr) { return fail(Error::NoSuchDevice); }
    bound_device_ = device != nullptr ? device->index() : 0;
    return ipc::Unit{};
}

Result<ipc::Unit> Socket::set_option(std::uint32_t level, std::uint32_t option, proto::SocketOption const& value) {
    if (level == level::socket && option == socket_option::bind_to_device) { return bind_to_device(value); }
    if (level == level::socket && proto::SocketTimes::is_one(option)) {
        Error const error = times_.set(option, value);
        if (error != Error::None) { return fail(error); }
        return ipc::Unit{};
    }
    if (level == level::ip6 && family_ == family_internet6) { return set_option6(option, value); }
    if (level == level::socket && option == socket_option::linger) {
        if (value.length < sizeof linger_) { return fail(Error::Invalid); }
        std::memcpy(&linger_, value.data, sizeof linger_);
        return ipc::Unit{};
    }
    auto const word = option_word(value);
    if (!word) { return fail(Error::Invalid); }
    if (level == level::ip) {
        switch (option) {
        case ip_option::service: service_ = static_cast<std::uint8_t>(*word); return ipc::Unit{};
        case ip_option::time_to_live:
            if (static_cast<std::int32_t>(*word) != -1 && (*word < 1 || *word > 255)) { return fail(Error::Invalid); }
            time_to_live_ = static_cast<std::int32_t>(*word) == -1 ? 64 : static_cast<std::uint8_t>(*word);
            return ipc::Unit{};
        case ip_option::packet_information: want(wants_information, *word != 0); return ipc::Unit{};
        case ip_option::receive_ttl: want(wants_hops, *word != 0); return ipc::Unit{};
        case ip_option::receive_tos: want(wants_service, *word != 0); return ipc::Unit{};
        case ip_option::receive_options:
        case ip_option::mtu_discover:
        case ip_option::receive_error:
        case ip_option::join_group:
        case ip_option::leave_group:
        case ip_option::multicast_interface: // every group is heard, on every device
        case ip_option::multicast_ttl:
        case ip_option::multicast_loop: return ipc::Unit{}; // hints
        default: return fail(Error::NoProtocolOption);
        }
    }
    if (level != level::socket) { return fail(Error::NoProtocolOption); }
    switch (option) {
    case socket_option::reuse_address:
        reuse_address_ = *word != 0;
        set_lwip_option(0x04, *word != 0);
        return ipc::Unit{};
    case socket_option::keep_alive:
        keep_alive_ = *word != 0;
        set_lwip_option(0x08, *word != 0);
        return ipc::Unit{};
    case socket_option::broadcast: broadcast_ = *word != 0; return ipc::Unit{};
    case socket_option::send_buffer:
    case socket_option::send_buffer_force:
        send_buffer_ = std::clamp<std::uint32_t>(*word * 2, 4608, 425984);
        return ipc::Unit{};
    case socket_option::receive_buffer:
    case socket_option::receive_buffer_force:
        receive_buffer_ = std::clamp<std::uint32_t>(*word * 2, 2304, 425984);
        return ipc::Unit{};
    case socket_option::dont_route:
    case socket_option::out_of_band_inline:
    case socket_option::priority:
    case socket_option::reuse_port:
    case socket_option::timestamp:
    case socket_option::mark: return ipc::Unit{};
    default: return fail(Error::NoProtocolOption);
    }
}

Result<proto::SocketOption> Socket::get_option(std::uint32_t level, std::uint32_t option) {
    if (level == level::ip6 && family_ == family_internet6) { return get_option6(option); }
    if (level == level::ip && option == ip_option::time_to_live) { return word_option(time_to_live_); }
    if (level == level::ip && option == ip_option::service) { return word_option(service_); }
    if (level != level::socket) { return fail(Error::NoProtocolOption); }
    if (proto::SocketTimes::is_one(option)) { return times_.get(option); }
    switch (option) {
    case socket_option::type: return word_option(static_cast<std::uint32_t>(type_));
    case socket_option::domain: return word_option(family_);
    case socket_option::bind_to_device: {
        proto::SocketOption name;
        auto const* const device = bound_device_ != 0 ? devices_instance->find(bound_device_) : nullptr;
        if (device != nullptr) {
            name.length = static_cast<std::uint16_t>(device->name().size() + 1);
            std::memcpy(name.data, device->record.name, name.length);
        }
        return name;
    }
    case socket_option::linger: {
        proto::SocketOption told;
        told.length = sizeof linger_;
        std::memcpy(told.data, &linger_, sizeof linger_);
        return told;
    }
    case socket_option::protocol: return word_option(protocol_);
    case socket_option::error: return word_option(static_cast<std::uint32_t>(take_error()));
    case socket_option::reuse_address: return word_option(reuse_address_ ? 1 : 0);
    case socket_option::keep_alive: return word_option(keep_alive_ ? 1 : 0);
    case socket_option::broadcast: return word_option(broadcast_ ? 1 : 0);
    case socket_option::send_buffer: return word_option(send_buffer_);
    case socket_option::receive_buffer: return word_option(receive_buffer_);
    case socket_option::accepting: return word_option(listening() ? 1 : 0);
    case socket_option::dont_route:
    case socket_option::out_of_band_inline:
    case socket_option::priority:
    case socket_option::reuse_port:
    case socket_option::timestamp:
    case socket_option::mark: return word_option(0);
    default: return fail(Error::NoProtocolOption);
    }
}

} // namespace netstack
