// Network namespaces (network_namespaces(7)): configuration, and a stack process for each that needs one.
//
// A stack is started when a program opens an internet socket or a device other than the loopback is up; until then a
// namespace is its configuration. netns writes a stack's configuration area and signals it, and forwards callers to it; it
// never waits for one.
#pragma once
#include "ipc/event_sets.hpp"
#include "ipc/namespace_server.hpp"
#include "netlink_socket.hpp"
#include "network_namespace.hpp"
#include "stacks.hpp"
#include <memory>

namespace netns {

struct Network {
    std::unique_ptr<NetworkNamespace> space;
};
/// A new namespace begins with a loopback device, which is down, and nothing else.
Network inherit(Network const&);

/// From here on: badges of the capabilities by which stacks forward to us (plus the namespace's id).
inline constexpr abi::Word stack_badge_base = ipc::reserved_badge;

class NetnsServer final : public ipc::NamespaceServer<Network, proto::NamespaceKind::Network>,
                          public ipc::EventSetServer<NetnsServer> {
public:
    explicit NetnsServer(Stacks& stacks);
    using NamespaceServer::on;

    // Protocol Network.
    ipc::Result<ipc::Cap<proto::File>> on(proto::Network::Socket, ipc::Sender&, std::uint32_t domain,
                                          std::uint32_t type, std::uint32_t protocol);
    ipc::Result<proto::Transfer> on(proto::Network::DeviceTable, ipc::Sender&, std::uint32_t offset, ipc::WriteBuffer);
    ipc::Result<proto::Transfer> on(proto::Network::Table, ipc::Sender&, proto::NetworkTable table,
                                    std::uint32_t offset, ipc::WriteBuffer);
    ipc::Result<proto::SettingValues> on(proto::Network::Setting, ipc::Sender&, proto::NetworkSetting setting,
                                         std::uint32_t change, proto::SettingValues values);
    ipc::Result<std::uint32_t> on(proto::Network::Configure, ipc::Sender&, std::uint32_t request,
                                  std::uint32_t argument, ipc::ReadBuffer, ipc::WriteBuffer);
    ipc::Result<ipc::Unit> on(proto::Network::MoveDevice, ipc::Sender&, std::uint32_t index,
                              ipc::OptionalCap<proto::Namespace> target);
    ipc::Result<ipc::Unit> on(proto::Network::AddBridge, ipc::Sender&, proto::BridgeRequest const& request);
    ipc::Result<ipc::Unit> on(proto::Network::ConnectContainer, ipc::Sender&, proto::ContainerLink const& request,
                              ipc::OptionalCap<proto::Namespace> target);
    ipc::Result<ipc::Unit> on(proto::Network::RemoveDevice, ipc::Sender&, proto::DeviceName const& name);
    ipc::Result<ipc::Unit> on(proto::Network::SetRules, ipc::Sender&, ipc::ReadBuffer);
    ipc::Result<ipc::Unit> on(proto::Network::SetRate, ipc::Sender&, proto::DeviceName const& name,
                              std::uint32_t bytes_per_second, std::uint32_t burst);

    // Protocols File and Socket, on netlink sockets (and File on what /proc/PID/ns/net opens to).
    ipc::Result<proto::Transfer> on(proto::File::Read, ipc::Sender&, std::uint32_t, ipc::WriteBuffer);
    ipc::Result<proto::Transfer> on(proto::File::Write, ipc::Sender&, std::uint32_t, ipc::ReadBuffer);
    ipc::Result<proto::FileStatus> on(proto::File::Stat, ipc::Sender&);
    ipc::Result<std::uint32_t> on(proto::File::Poll, ipc::Sender&, std::uint32_t events);
    ipc::Result<std::uint32_t> on(proto::File::PollArm, ipc::Sender&, std::uint32_t events, std::uint32_t token,
                                  ipc::Cap<ipc::Notification> waker);
    ipc::Result<ipc::Unit> on(proto::File::PollDisarm, ipc::Sender&, std::uint32_t token);
    ipc::Result<std::uint32_t> on(proto::File::GetFlags, ipc::Sender&);
    ipc::Result<ipc::Unit> on(proto::File::SetFlags, ipc::Sender&, std::uint32_t flags);
    ipc::Result<std::uint32_t> on(proto::File::Ioctl, ipc::Sender&, std::uint32_t request, std::uint32_t argument,
                                  ipc::ReadBuffer, ipc::WriteBuffer);
    ipc::Result<ipc::Unit> on(proto::Socket::Bind, ipc::Sender&, proto::SocketAddress const& address);
    ipc::Result<ipc::Unit> on(proto::Socket::Connect, ipc::Sender&, proto::SocketAddress const&);
    ipc::Result<ipc::Unit> on(proto::Socket::Listen, ipc::Sender&, std::uint32_t) { return fail(Error::NotSupported); }
    ipc::Result<std::tuple<ipc::Cap<proto::File>, proto::SocketAddress>> on(proto::Socket::Accept, ipc::Sender&,
                                                                            std::uint32_t) {
        return fail(Error::NotSupported);
    }
    ipc::Result<proto::SocketAddress> on(proto::Socket::Name, ipc::Sender&, std::uint32_t peer);
    ipc::Result<ipc::Unit> on(proto::Socket::Shutdown, ipc::Sender&, std::uint32_t) {
        return fail(Error::NotSupported);
    }
    ipc::Result<ipc::Unit> on(proto::Socket::SetOption, ipc::Sender&, std::uint32_t level, std::uint32_t option,
                              proto::SocketOption const&);
    ipc::Result<proto::SocketOption> on(proto::Socket::GetOption, ipc::Sender&, std::uint32_t level,
                                        std::uint32_t option);
    ipc::Result<proto::Transfer> on(proto::Socket::Send, ipc::Sender&, std::uint32_t flags,
                                    proto::SocketAddress const& to, ipc::ReadBuffer);
    ipc::Result<std::tuple<proto::ReceivedDatagram, proto::SocketAddress>> on(proto::Socket::Receive, ipc::Sender&,
                                                                              std::uint32_t flags, ipc::WriteBuffer);

    // For EventSetServer.
    using EventSetServer<NetnsServer>::on;
    ipc::Result<ipc::Cap<proto::EventSet>> on(proto::File::NewEventSet operation, ipc::Sender& sender) {
        return EventSetServer<NetnsServer>::on(operation, sender);
    }
    ipc::EventSource* event_source(abi::Word badge) { return netlink(badge); }
    abi::Word badge_for_event_set() { return unused_badge(); }
    abi::Word unused_badge();

    void on_no_senders(abi::Word badge);
    /// The nearest deadline of any stack, in nanoseconds of the time-stamp counter's clock; 0: none. Signals those that are due.
    std::uint64_t run_timers(std::uint64_t now);
    /// A stack died: a fresh one takes its place, unless that has happened too often. now: nanoseconds of the clock of run_timers.
    void stack_died(std::uint32_t number, std::uint64_t now);
    /// So often a stack is started anew if no more than so many nanoseconds lie between its deaths.
    static constexpr std::uint32_t deaths_maximum = 5;
    static constexpr std::uint64_t deaths_apart = 1000000000;
    /// ioctl request (SIOCDEVPRIVATE) on any internet socket: the namespace's stack is killed and started anew. For its administrators.
    static constexpr std::uint32_t kill_request = 0x89f0;

private:
    NetworkNamespace* space_of(abi::Word badge, abi::Word operation);
    /// Starts the namespace's stack if there is none.
    ipc::Result<void> need_stack(NetworkNamespace& space);
    /// Tells every stack what has changed, and starts those that are needed now.
    void publish();
    void wire(VethPair& pair);
    /// The card goes to the stack of the namespace that has it, once it is up there.
    void wire_card(NetworkNamespace& space);
    void drop_ring(VethPair& pair);
    /// Takes the ring of a pair away, if the link is an end of one.
    void unwire(Link& link);
    /// Starts the stacks at whose veth a frame of that namespace's waits.
    void wake_peers(NetworkNamespace& space);
    /// The namespace, if who holds that badge may do everything to it.
    NetworkNamespace* administered(abi::Word badge, abi::Word operation);
    void write_configuration(NetworkNamespace& space);
    Result<std::uint32_t> kill_stack(NetworkNamespace& space, bool may_change);
    void namespace_ended(Network& network) override;
    void vouched(abi::Word badge, Network&, proto::SessionCredentials const& who) override {
        credentials_[badge] = {who.capabilities, who.group};
    }
    void session_ended(abi::Word badge, Network&) override { credentials_.erase(badge); }
    /// capabilities(7) of who holds that session; sessions that nobody has vouched for are servers' own.
    [[nodiscard]] bool may(abi::Word badge, unsigned capability) const {
        auto const found = credentials_.find(badge);
        return found == credentials_.end() || (found->second.capabilities >> capability & 1) != 0;
    }
    ipc::Result<proto::SettingValues> setting6(NetworkNamespace& space, abi::Word badge, proto::NetworkSetting setting,
                                               bool change, proto::SettingValues values);
    /// Error of opening that socket without the right to.
    Error refused(NetworkNamespace const& space, abi::Word badge, std::uint32_t type, std::uint32_t protocol) const;
    ipc::Result<ipc::Cap<proto::File>> open_netlink(NetworkNamespace& space, std::uint32_t type, std::uint32_t protocol,
                                                    bool may_change);
    NetlinkSocket* netlink(abi::Word badge);
    ipc::Result<proto::Transfer> send_netlink(NetlinkSocket& socket, ipc::Sender& sender, std::uint32_t flags);
    std::vector<proto::stack::DeviceStatus> counters(NetworkNamespace const& space);
    std::vector<proto::stack::NeighbourStatus> neighbours(NetworkNamespace const& space);
    std::vector<proto::stack::NeighbourStatus6> neighbours6(NetworkNamespace const& space);

    struct Deaths {
        std::uint64_t last = 0;
        std::uint32_t count = 0;
    };
    std::unordered_map<std::uint32_t, Deaths> deaths_; ///< by namespace
    Stacks& stacks_;
    std::vector<NetworkNamespace*> all_; ///< by no order; ended ones are taken out
    std::unordered_map<abi::Word, std::unique_ptr<NetlinkSocket>> netlink_;
    NetworkNamespace* first_ = nullptr;
    struct Credentials {
        std::uint64_t capabilities;
        std::uint32_t group;
    };
    std::unordered_map<abi::Word, Credentials> credentials_; ///< by session
};

} // namespace netns
