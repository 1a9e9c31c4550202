// One stack: its sockets by badge, its devices, its timers. Protocols NetworkStack (from netns), File and Socket.
#pragma once
#include "datagram_socket.hpp"
#include "devices.hpp"
#include "ipc/event_sets.hpp"
#include "tcp_socket.hpp"
#include "timers.hpp"
#include <unordered_map>

namespace netstack {

inline constexpr abi::Word control_badge = 1, first_socket_badge = 16;

class StackServer : public SocketOwner, public ipc::EventSetServer<StackServer> {
public:
    using EventSetServer<StackServer>::on;
    /// Areas shared with netns; both outlive the server.
    StackServer(std::span<std::byte const> configuration, proto::stack::StatusPage& status);

    virtual ~StackServer() = default;

    // Protocol NetworkStack, on the control capability. Errors as socket(2).
    Result<ipc::Cap<proto::File>> on(proto::NetworkStack::OpenSocket, ipc::Sender&, std::uint32_t domain,
                                     std::uint32_t type, std::uint32_t protocol);
    Result<proto::Transfer> on(proto::NetworkStack::Table, ipc::Sender&, proto::NetworkTable table,
                               std::uint32_t offset, ipc::WriteBuffer);

    // Protocol Socket.
    Result<ipc::Unit> on(proto::Socket::Bind, ipc::Sender&, proto::SocketAddress const& address);
    Result<ipc::Unit> on(proto::Socket::Connect, ipc::Sender&, proto::SocketAddress const& address);
    Result<ipc::Unit> on(proto::Socket::Listen, ipc::Sender&, std::uint32_t backlog);
    Result<Socket::Accepted> on(proto::Socket::Accept, ipc::Sender&, std::uint32_t flags);
    Result<proto::SocketAddress> on(proto::Socket::Name, ipc::Sender&, std::uint32_t peer);
    Result<ipc::Unit> on(proto::Socket::Shutdown, ipc::Sender&, std::uint32_t how);
    Result<ipc::Unit> on(proto::Socket::SetOption, ipc::Sender&, std::uint32_t level, std::uint32_t option,
                         proto::SocketOption const& value);
    Result<proto::SocketOption> on(proto::Socket::GetOption, ipc::Sender&, std::uint32_t level, std::uint32_t option);
    Result<proto::Transfer> on(proto::Socket::Send, ipc::Sender&, std::uint32_t flags, proto::SocketAddress const& to,
                               ipc::ReadBuffer);
    Result<Socket::Received> on(proto::Socket::Receive, ipc::Sender&, std::uint32_t flags, ipc::WriteBuffer);

    // Protocol File.
    Result<proto::Transfer> on(proto::File::Read, ipc::Sender&, std::uint32_t, ipc::WriteBuffer);
    Result<proto::Transfer> on(proto::File::Write, ipc::Sender&, std::uint32_t, ipc::ReadBuffer);
    Result<std::uint64_t> on(proto::File::Seek, ipc::Sender&, std::int64_t, std::uint32_t) {
        return fail(Error::IllegalSeek);
    }
    Result<proto::FileStatus> on(proto::File::Stat, ipc::Sender&);
    Result<std::uint32_t> on(proto::File::Poll, ipc::Sender&, std::uint32_t events);
    Result<std::uint32_t> on(proto::File::PollArm, ipc::Sender&, std::uint32_t events, std::uint32_t token,
                             ipc::Cap<ipc::Notification>);
    Result<ipc::Unit> on(proto::File::PollDisarm, ipc::Sender&, std::uint32_t token);
    Result<std::uint32_t> on(proto::File::Ioctl, ipc::Sender&, std::uint32_t request, std::uint32_t argument,
                             ipc::ReadBuffer, ipc::WriteBuffer);
    Result<std::uint32_t> on(proto::File::GetFlags, ipc::Sender&);
    Result<ipc::Unit> on(proto::File::SetFlags, ipc::Sender&, std::uint32_t flags);
    Result<std::uint32_t> on(proto::File::Name, ipc::Sender&, ipc::WriteBuffer);
    Result<ipc::Unit> on(proto::File::SetAttributes, ipc::Sender&, proto::AttributeChange const&) {
        return ipc::Unit{};
    }
    /// What a socket has no use for.
    template <class Operation, class... Arguments>
    Result<typename Operation::Reply> on(Operation, ipc::Sender&, Arguments const&... arguments) {
        ipc::release_unused(arguments...);
        return fail(Error::Invalid);
    }

    // For EventSetServer.
    ipc::EventSource* event_source(abi::Word badge) { return find(badge); }
    abi::Word badge_for_event_set() { return fresh_badge(); }

    void on_no_senders(abi::Word badge);
    void on_notification(abi::Word bits);

    Result<ipc::Cap<proto::File>> adopt(std::unique_ptr<Socket> socket) override;
    void socket_changed(Socket& socket) override { changed_.push_back(&socket); }
    void socket_waits(Socket& socket) override;
    void listeners_changed() override;
    void socket_gone(Socket& socket) override {
        std::erase(changed_, &socket);
        std::erase(timed_, &socket);
    }
    [[nodiscard]] std::size_t socket_count() const { return sockets_.size(); }
    /// Everything that is due now: packets under way, callers whose wait is over, the next deadline. After every event.
    void settle();

private:
    /// What a badge from before the stack was restarted is answered.
    static constexpr Error gone = Error::ConnectionReset;
    struct Settled {
        StackServer& server;
        ~Settled() { server.settle(); }
    };
    Socket* find(abi::Word badge);
    /// One that names nothing here, and nothing in a stack that comes after this one.
    abi::Word fresh_badge();
    /// Makes the sockets again that a dead stack has left.
    void restore();
    void write_deadline(bool due);
    /// Ends the waits whose time is over. When that is wanted next, in milliseconds; 0: never.
    std::uint64_t end_waits(std::uint64_t now);

    std::span<std::byte const> configuration_;
    proto::stack::StatusPage& status_;
    Devices devices_;
    StackTimers timers_;
    bool restoring_ = false;
    std::vector<Socket*> changed_; ///< outlives the sockets, which take themselves out
    std::vector<Socket*> timed_;   ///< likewise: those where a call waits with a deadline
    std::unordered_map<abi::Word, std::unique_ptr<Socket>> sockets_;
    abi::Word next_badge_ = first_socket_badge;
    std::uint64_t deadline_ = 0, deadline_stamp_ = 0; ///< in milliseconds, and as the time stamp it is
};

} // namespace netstack
