// An open socket of the stack: what all kinds have in common. Who waits, who polls, flags and options.
//
// An operation either answers at once or says Again; then the server keeps the caller, unless it does not want to wait, and
// tries again whenever the socket changes (service()). A caller who has gone in between (a signal) is found out by
// ipc::pending, or by a copy that moves nothing.
#pragma once
#include "address.hpp"
#include "groups.hpp"
#include "ipc/event_set.hpp"
#include "ipc/server.hpp"
#include "lwip/err.h"
#include "lwip/ip_addr.h"
#include "proto/network_stack.hpp"
#include "proto/socket_time.hpp"
#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace netstack {

using ipc::Error;
using ipc::fail;
using ipc::Result;

namespace open_flag {
inline constexpr std::uint32_t nonblock = 0x800;
} // namespace open_flag
inline constexpr std::uint32_t reuse_address_option = 2; ///< SO_REUSEADDR
inline constexpr std::uint32_t v6_only_option = 26;      ///< IPV6_V6ONLY
namespace poll_event {
inline constexpr std::uint32_t in = 1, priority = 2, out = 4, error = 8, hang_up = 16, read_normal = 0x40,
                               write_normal = 0x100, read_hang_up = 0x2000;
} // namespace poll_event
enum class SocketType : std::uint32_t { Stream = 1, Datagram = 2, Raw = 3 };
namespace level {
inline constexpr std::uint32_t ip = 0, socket = 1, tcp = 6, udp = 17, ip6 = 41, icmp6 = 58, raw = 255;
} // namespace level

Error error_of(err_t error);

class Socket;
/// What a socket tells the server that owns it.
struct SocketOwner {
    /// A new connection's capability, for accept. NoMemory.
    virtual Result<ipc::Cap<proto::File>> adopt(std::unique_ptr<Socket> socket) = 0;
    /// The socket wants service() soon; the socket goes away.
    virtual void socket_changed(Socket& socket) = 0;
    /// A call waits at the socket with a deadline (Socket::wait_deadline).
    virtual void socket_waits(Socket&) {}
    /// The socket listens now, or does no more.
    virtual void listeners_changed() {}
    virtual void socket_gone(Socket& socket) = 0;

protected:
    ~SocketOwner() = default;
};

class Socket : public ipc::EventSource {
public:
    using Received = std::tuple<proto::ReceivedDatagram, proto::SocketAddress>;
    using Accepted = std::tuple<ipc::Cap<proto::File>, proto::SocketAddress>;

    Socket(SocketOwner& owner, SocketType type, std::uint32_t protocol, std::uint16_t family = family_internet)
        : owner_{owner}, type_{type}, protocol_{protocol}, family_{family} {}
    Socket(Socket const&) = delete;
    Socket& operator=(Socket const&) = delete;
    ~Socket() override;

    // The operations. Again: not now (the server decides whether the caller waits).
    virtual Result<ipc::Unit> bind(proto::SocketAddress const& address) = 0;
    virtual Result<ipc::Unit> connect(proto::SocketAddress const& address) = 0;
    virtual Result<ipc::Unit> listen(std::uint32_t) { return fail(Error::NotSupported); }
    virtual Result<Accepted> accept(std::uint32_t) { return fail(Error::NotSupported); }
    virtual Result<proto::SocketAddress> name(bool peer) = 0;
    virtual Result<ipc::Unit> shutdown(std::uint32_t how) = 0;
    virtual Result<ipc::Unit> set_option(std::uint32_t level, std::uint32_t option, proto::SocketOption const& value);
    virtual Result<proto::SocketOption> get_option(std::uint32_t level, std::uint32_t option);
    /// From `caller`'s readable buffer, of which the first `done` bytes are sent already.
    virtual Result<proto::Transfer> send(ipc::Pending const& caller, std::uint32_t flags,
                                         proto::SocketAddress const* to, std::uint32_t done) = 0;
    virtual Result<Received> receive(ipc::Pending const& caller, std::uint32_t flags) = 0;
    /// What a fresh stack needs to make it again; badge 0: it is nothing that can be made again.
    [[nodiscard]] virtual proto::stack::SavedListener saved() const { return {}; }
    /// All events that hold now.
    [[nodiscard]] virtual std::uint32_t events() const = 0;
    [[nodiscard]] std::uint32_t events_now() const override { return events(); }

    /// What a caller waits for.
    struct Waiting {
        enum class Kind : std::uint8_t { Read, Receive, Write, Send, Connect, Accept } kind;
        ipc::Pending caller;
        std::uint32_t flags = 0, done = 0;
        bool addressed = false;
        proto::SocketAddress address{};
        std::uint64_t deadline = proto::SocketTimes::for_ever; ///< in milliseconds
        [[nodiscard]] bool reads() const { return kind == Kind::Read || kind == Kind::Receive || kind == Kind::Accept; }
    };
    /// The caller waits, no longer than SO_RCVTIMEO or SO_SNDTIMEO allow.
    void wait(Waiting const& waiting);
    /// Answers those who have waited as long as they may.
    void end_waits(std::uint64_t now);
    /// When end_waits is wanted next, in milliseconds; for_ever: never.
    [[nodiscard]] std::uint64_t wait_deadline() const;
    /// Tries what callers wait for, and tells those who poll.
    void service();
    std::uint32_t poll_arm(std::uint32_t events, std::uint32_t token, ipc::Cap<ipc::Notification> notification);
    void poll_disarm(std::uint32_t token);

    std::uint32_t file_flags = 2; ///< O_RDWR, and O_NONBLOCK
    [[nodiscard]] bool waits(std::uint32_t flags) const {
        return (file_flags & open_flag::nonblock) == 0 && (flags & proto::message_flag::dont_wait) == 0;
    }
    std::uint32_t opener = 0; ///< what the opener may: proto::stack::opener_...
    std::uint32_t inode = 0;
    [[nodiscard]] SocketType type() const { return type_; }
    [[nodiscard]] std::uint32_t protocol() const { return protocol_; }
    /// AF_INET, AF_INET6, AF_PACKET.
    [[nodiscard]] std::uint16_t family() const { return family_; }
    enum class Purpose : std::uint8_t { Bind, Connect, Send };
    /// The mark of an AF_INET6 socket in lwIP's options of its connection, where lwIP leaves it free: the tables tell by it.
    static constexpr std::uint8_t six_mark = 0x80;

protected:
    /// What a program's address means: of type ANY, if both families are meant (an AF_INET6 socket bound to ::). Other sockets of
    /// an AF_INET6 socket's program may be IPv4: ::ffff:1.2.3.4. Invalid, AddressFamilyNotSupported, NetworkUnreachable, NoSuchDevice.
    [[nodiscard]] Result<Endpoint> endpoint_of(proto::SocketAddress const& address, Purpose purpose) const;
    /// As the program of a socket of this family knows it. Port in host order.
    [[nodiscard]] proto::SocketAddress address_of(ip_addr_t const& address, std::uint16_t port) const;
    [[nodiscard]] proto::SocketAddress address_of(Endpoint const& endpoint) const {
        return address_of(endpoint.address, endpoint.port);
    }
    /// No address and no port, of this family.
    [[nodiscard]] proto::SocketAddress nowhere() const {
        return address_of(family_ == family_internet6 ? *IP6_ADDR_ANY : *IP4_ADDR_ANY, 0);
    }
    /// Control messages about the packet that lwIP is looking at, as far as the program has asked for them (ip(7), RFC 3542).
    [[nodiscard]] std::vector<std::byte> current_control() const;
    /// Options of the listening socket that it was accepted at.
    void inherit(Socket const& listener);
    /// None, or why it cannot be bound to that address.
    [[nodiscard]] Error refuse_source(ip_addr_t const& address) const;
    /// IPv4 and IPv6: IPV6_V6ONLY may only change while it is not bound.
    [[nodiscard]] virtual bool bound() const { return false; }
    /// Ports below ip_unprivileged_port_start are for those who may bind any (ip(7)). Port in host order.
    [[nodiscard]] bool port_refused(std::uint16_t port) const;
    /// Not bound to another device than the one that the packet lwIP is looking at came from.
    [[nodiscard]] bool hears_current_device() const { return bound_device_ == 0 || current_device() == bound_device_; }
    /// The error that SO_ERROR reports, once.
    Error take_error() { return std::exchange(error_, Error::None); }
    virtual bool set_lwip_option(std::uint8_t, bool) { return false; }
    [[nodiscard]] virtual bool listening() const { return false; }
    /// `fresh`: events that are new even if they held before (data that arrived behind other data).
    void changed(std::uint32_t fresh = 0) {
        fresh_events_ |= fresh;
        if (!changed_) {
            changed_ = true;
            owner_.socket_changed(*this);
        }
    }

    /// There was no room for all that was to be sent: room is an event again.
    void filled() { told_events_ &= ~(poll_event::out | poll_event::write_normal); }

    SocketOwner& owner_;
    SocketType const type_;
    std::uint32_t const protocol_;
    std::uint16_t const family_;
    Error error_ = Error::None;
    bool reuse_address_ = false, keep_alive_ = false, broadcast_ = false;
    std::uint32_t receive_buffer_ = 131072, send_buffer_ = 131072;
    std::uint8_t time_to_live_ = 64, service_ = 0;
    std::uint8_t hop_limit_ = 64, traffic_class_ = 0, multicast_hops_ = 1; ///< IPv6's
    bool v6_only_ = false, multicast_loop_ = true;
    Groups groups_;
    /// What control messages are wanted, bits: source and destination, hops, class of service; the same for IPv6, and as RFC 2292 has it.
    enum Wanted : std::uint8_t {
        wants_information = 1,
        wants_hops = 2,
        wants_service = 4,
        wants_information6 = 8,
        wants_hops6 = 16,
        wants_service6 = 32,
        wants_hops6_old = 64,
        wants_information6_old = 128
    };
    std::uint8_t wanted_control_ = 0;
    void want(Wanted what, bool on) {
        wanted_control_ = static_cast<std::uint8_t>(on ? wanted_control_ | what : wanted_control_ & ~what);
    }
    std::uint32_t bound_device_ = 0; ///< SO_BINDTODEVICE; 0: any
    proto::SocketTimes times_;
    /// SO_LINGER, as struct linger has it. No time: closing resets the connection. With a time it is closed as without: what is left to be
    /// sent goes on its way after the close, which does not wait for it.
    struct Linger {
        std::uint32_t on = 0, seconds = 0;
    } linger_;

private:
    [[nodiscard]] Result<Endpoint> endpoint4(proto::SocketAddress const& address, Purpose purpose) const;
    [[nodiscard]] Result<Endpoint> endpoint6(proto::SocketAddress const& address, Purpose purpose) const;
    Result<ipc::Unit> set_option6(std::uint32_t option, proto::SocketOption const& value);
    [[nodiscard]] Result<proto::SocketOption> get_option6(std::uint32_t option) const;
    Result<ipc::Unit> change_group(proto::SocketOption const& value, bool join);
    static std::uint32_t current_device();
    Result<ipc::Unit> bind_to_device(proto::SocketOption const& name);
    /// False: it still waits.
    bool attempt(Waiting& waiting);
    /// The answer to who waits no longer.
    static void give_up(Waiting const& waiting);
    struct Arming {
        std::uint32_t events, token;
        ipc::Cap<ipc::Notification> notification;
    };
    std::vector<Waiting> waiting_;
    std::vector<Arming> armings_;
    std::uint32_t told_events_ = 0,
                  fresh_events_ = 0; ///< those that watches know of; those that are new to them all the same
    bool changed_ = false;
    bool servicing_ = false;
};

/// A word of an option's value; nothing if it is shorter.
inline std::optional<std::uint32_t> option_word(proto::SocketOption const& value) {
    std::uint32_t word = 0;
    if (value.length == 0) { return {}; }
    std::memcpy(&word, value.data, std::min<std::size_t>(value.length, sizeof word));
    if (value.length < sizeof word) { return value.length == 1 ? std::optional{word} : std::nullopt; }
    return word;
}
inline proto::SocketOption word_option(std::uint32_t word) {
    proto::SocketOption option;
    option.length = sizeof word;
    std::memcpy(option.data, &word, sizeof word);
    return option;
}
/// Makes the pages of memory that a bulk copy will write present: the kernel does not bring them in.
inline void touch(void* memory, std::size_t bytes) {
    auto* const start = static_cast<std::byte volatile*>(memory);
    for (std::size_t at = 0; at < bytes; at += abi::page_size) { start[at] = std::byte{}; }
    if (bytes != 0) { start[bytes - 1] = std::byte{}; }
}

} // namespace netstack
