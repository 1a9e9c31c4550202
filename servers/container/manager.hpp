// The container manager: what there is, and what each verb does. Speaks File and Directory on /dev/container (request.hpp says
// what is written and read there); proc's and vfs's events come as notifications.
#pragma once
#include "ipc/server.hpp"
#include "ipc/unused.hpp"
#include "launcher.hpp"
#include "proto/directory.hpp"
#include "request.hpp"
#include <list>
#include <unordered_map>

namespace container {

inline constexpr abi::Word device_badge = 2, first_dynamic_badge = 16;
inline constexpr std::uint32_t device_major = 10, device_minor = 200;

class Manager final : private Preparation {
public:
    explicit Manager(Services const& services) : services_{services}, launcher_{services_} {}

    /// Starts the first program of the machine in the root container. With `power_off_after` the machine ends with its status.
    LaunchFailure start_root(Launch const& launch, bool power_off_after);

    using Opened = std::tuple<ipc::Cap<proto::File>, proto::OpenResult>;
    ipc::Result<Opened> on(proto::Directory::Open, ipc::Sender&, proto::Directory::At const&,
                           proto::Directory::Caller const&, std::uint32_t flags, std::uint32_t mode,
                           ipc::Path const& path);
    ipc::Result<proto::Transfer> on(proto::File::Write, ipc::Sender&, std::uint32_t group, ipc::ReadBuffer);
    ipc::Result<proto::Transfer> on(proto::File::Read, ipc::Sender&, std::uint32_t group, ipc::WriteBuffer);
    ipc::Result<ipc::Unit> on(proto::File::Attach, ipc::Sender&, ipc::OptionalCap<proto::File> const&,
                              ipc::OptionalCap<proto::File> const&, ipc::OptionalCap<proto::File> const&);
    ipc::Result<proto::FileStatus> on(proto::File::Stat, ipc::Sender&);
    ipc::Result<std::uint32_t> on(proto::File::GetFlags, ipc::Sender&) { return 2U; }
    /// What a control device has no use for.
    template <class Operation, class... Arguments>
    ipc::Result<typename Operation::Reply> on(Operation, ipc::Sender&, Arguments const&... arguments) {
        ipc::release_unused(arguments...);
        return ipc::fail(ipc::Error::Invalid);
    }

    void on_notification(abi::Word bits);
    void on_no_senders(abi::Word badge);

private:
    /// One open of the device.
    struct Connection {
        std::string reply;
        std::size_t read = 0;     ///< bytes of `reply` already read
        bool waiting = false;     ///< the reply comes when what it waits for ends
        std::string container;    ///< waited for
        std::int32_t process = 0; ///< PID inside of a program of `exec`, 0: the container itself
        std::array<ipc::Owned<proto::File>, 3> descriptors;
        ipc::Pending reader;
    };

    Reply handle(Request const& request, Connection& connection);
    Reply create(Request const& request);
    Reply start(Request const& request, Connection& connection);
    Reply execute(Request const& request, Connection& connection);
    Reply wait(Request const& request, Connection& connection);
    Reply pause(Request const& request);
    Reply resume(Request const& request);
    Reply stop(Request const& request);
    Reply signal(Request const& request);
    Reply remove(Request const& request);
    Reply update(Request const& request);
    Reply list();
    Reply inspect(Request const& request);
    Reply top(Request const& request);
    Reply info();
    /// Every namespace there is.
    Reply namespaces();
    /// What the container can reach.
    Reply capabilities(Request const& request);
    /// Who waits on whom, the kernel's latest events, and whether its invariants hold.
    Reply debug();

    Reply network_create(Request const& request);
    Reply network_list();
    Reply network_remove(Request const& request);
    Reply network_connect(Request const& request);
    Reply network_disconnect(Request const& request);

    /// --network, --publish and --rate of a new container.
    std::optional<Reply> read_network(Request const& request, Container& container);
    std::optional<Reply> read_attachment(Request const& request, Attachment& attachment);
    std::optional<Reply> no_such_network(std::string_view name);
    /// Gives the attachments of a container that is to run their addresses; refused, if one has none.
    std::optional<Reply> reserve_networks(Container& container);
    std::optional<Reply> reserve(Container& container, Attachment& attachment);
    /// Addresses, rules and names of a container that has ended are gone. Its devices went with its namespace.
    void release_networks(Container& container);
    ipc::Result<void> connect(Attachment& attachment, ipc::Cap<proto::Namespace> target, bool default_route);
    LaunchFailure prepare(Container& container, ipc::Cap<proto::VfsSession> session,
                          ipc::Cap<proto::Namespace> network) override;
    void refresh_rules();
    void refresh_hosts(Container const& changed);
    /// /etc/hosts and /etc/resolv.conf are there from the beginning, so that a start that fails changes nothing.
    void make_name_files(Container const& container);
    void write_hosts(Container& container, ipc::Cap<proto::VfsSession> session);
    void describe_networks(Reply& reply, Container const& container);
    [[nodiscard]] std::vector<Attachment const*> all_attachments() const;
    static ipc::Cap<proto::Namespace> own_network(Container const& container);
    ipc::Cap<proto::Network> network_session();

    Container* find(std::string_view name);
    /// The container that the request names, or null with `reply` saying why.
    Container* named(Request const& request, Reply& reply);
    /// --namespace: names of kinds, with commas between them.
    std::optional<Reply> read_namespaces(Request const& request, std::vector<std::string>& wanted);
    std::optional<Reply> read_limits(Request const& request, std::string_view asked, Limits& limits);
    void describe(Reply& reply, Container const& container);
    proto::DomainStatus status_of(Container const& container) const;
    /// Takes note of a container whose init has gone.
    void settle(Container& container);
    void check_all();
    void answer_waiters();
    void give(Connection& connection);
    /// Nanoseconds since the epoch.
    [[nodiscard]] std::uint64_t wall_clock() const;

    Services services_;
    Launcher launcher_;
    Networks networks_;
    std::vector<proto::PacketRule> sent_rules_;
    ipc::Owned<proto::Session> network_session_; ///< of the first network namespace
    unsigned next_wire_ = 0;
    std::list<Container> containers_;
    Container root_;
    bool power_off_after_root_ = false;
    std::unordered_map<abi::Word, Connection> connections_;
    abi::Word next_badge_ = first_dynamic_badge;
};

} // namespace container
