// A netlink socket (netlink(7), family NETLINK_ROUTE): requests are answered as they are sent, the answers wait to be read.
#pragma once
#include "ipc/event_set.hpp"
#include "ipc/server.hpp"
#include "network_namespace.hpp"
#include <deque>

namespace netns {

class NetlinkSocket final : public ipc::EventSource {
public:
    static constexpr std::size_t queue_maximum = 1
                                                 << 20; ///< bytes; a program that does not read its answers loses them

    NetlinkSocket(NetworkNamespace* space, std::uint32_t type, std::uint32_t port)
        : space{space}, type{type}, port{port} {}
    NetlinkSocket(NetlinkSocket const&) = delete;
    NetlinkSocket& operator=(NetlinkSocket const&) = delete;
    ~NetlinkSocket();

    using Received = std::tuple<proto::ReceivedDatagram, proto::SocketAddress>;
    /// Again: nothing there.
    Result<Received> receive(ipc::Pending const& caller, std::uint32_t flags);
    void deliver(std::vector<std::byte> message);
    void wait(ipc::Pending const& caller, std::uint32_t flags, bool read) { waiting_.push_back({caller, flags, read}); }
    [[nodiscard]] std::uint32_t events() const { return (queue_.empty() ? 0 : 0x41) | 0x104; }
    [[nodiscard]] std::uint32_t events_now() const override { return events(); }
    std::uint32_t poll_arm(std::uint32_t events, std::uint32_t token, ipc::Cap<ipc::Notification> waker);
    void poll_disarm(std::uint32_t token);

    NetworkNamespace* space; ///< null: it has ended
    std::uint32_t const type;
    std::uint32_t port;
    std::uint32_t groups = 0;
    std::uint32_t file_flags = 2;
    bool may_change = false;       ///< its opener may configure the network
    std::vector<std::byte> corked; ///< beginning of a message, by Send with `more`

private:
    struct Waiting {
        ipc::Pending caller;
        std::uint32_t flags;
        bool read;
    };
    struct Arming {
        std::uint32_t events, token;
        ipc::Cap<ipc::Notification> waker;
    };
    std::deque<std::vector<std::byte>> queue_;
    std::size_t queued_ = 0, read_offset_ = 0;
    std::vector<Waiting> waiting_;
    std::vector<Arming> armings_;
};

} // namespace netns
