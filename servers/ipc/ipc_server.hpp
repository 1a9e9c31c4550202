// IPC namespaces (ipc_namespaces(7)): protocol SystemV on sessions, File on attachments of shared memory. Who waits, until when, and what to
// answer; the objects themselves are in space.hpp.
#pragma once
#include "ipc/event_sets.hpp"
#include "ipc/id_map.hpp"
#include "ipc/namespace_server.hpp"
#include "space.hpp"
#include <deque>

namespace sysv {

/// What the server asks of the world.
class Port {
public:
    virtual ~Port() = default;
    virtual std::uint64_t monotonic() = 0;        ///< nanoseconds
    virtual std::int64_t wall_seconds() = 0;      ///< since the epoch
    virtual void arm(std::uint64_t deadline) = 0; ///< on_notification then
    /// Zeroed memory, given page by page when it is mapped.
    virtual Result<std::shared_ptr<Storage>> make_storage(std::uint32_t bytes) = 0;
    /// The capability is the caller's.
    virtual Result<ipc::Cap<ipc::Frame>> page(Storage& storage, std::uint32_t index, bool write) = 0;
};

using SpacePointer = std::shared_ptr<Space>;
/// Objects of their own, paid within what the parent may take; quota: bytes of shared memory.
inline SpacePointer inherit(SpacePointer const& parent, std::uint32_t quota) {
    constexpr std::uint64_t records = 1 << 20;
    return std::make_shared<Space>(std::make_shared<Budget>(records, parent->memory),
                                   std::make_shared<Budget>(quota != 0 ? quota : ~std::uint64_t{0}, parent->pages));
}

class IpcServer : public ipc::NamespaceServer<SpacePointer, proto::NamespaceKind::Ipc>,
                  public ipc::EventSetServer<IpcServer> {
public:
    using V = proto::SystemV;
    using M = proto::MessageQueue;
    using Word = ipc::Word;
    using Space = sysv::Space;
    using Sender = ipc::Sender;
    using Unit = ipc::Unit;
    using Transfer = proto::Transfer;
    /// records: bytes of its heap that objects may take in all.
    IpcServer(Port& port, std::uint64_t records)
        : NamespaceServer{std::make_shared<Space>(std::make_shared<Budget>(records),
                                                  std::make_shared<Budget>(~std::uint64_t{0}))},
          port_{port} {}
    using EventSetServer<IpcServer>::on;
    using NamespaceServer::on;

    // --- shared memory (ipc_server_memory.cpp) ---
    Result<std::int32_t> on(V::GetSegment, Sender&, std::int32_t key, std::uint32_t bytes, std::uint32_t flags);
    Result<std::tuple<ipc::Cap<File>, std::uint32_t>> on(V::Attach, Sender&, std::int32_t id, std::uint32_t read_only,
                                                         std::uint32_t execute);
    Result<std::tuple<std::int32_t, proto::SharedMemoryStatus>>
    on(V::ControlSegment, Sender&, std::int32_t id, std::uint32_t command, proto::SystemVPermissions const&);
    Result<proto::FileStatus> on(File::Stat, Sender&);
    Result<std::uint32_t> on(File::Name, Sender&, ipc::WriteBuffer);
    Result<std::uint32_t> on(File::GetFlags, Sender&);
    Result<std::tuple<ipc::Cap<ipc::Frame>, proto::FilePage>> on(File::Page, Sender&, std::uint32_t index,
                                                                 std::uint32_t shared_write);
    Result<std::tuple<ipc::Cap<File>, std::uint32_t>> on(File::Reopen, Sender&, std::uint32_t flags);

    // --- semaphores, messages (ipc_server.cpp) ---
    Result<std::int32_t> on(V::GetSet, Sender&, std::int32_t key, std::uint32_t count, std::uint32_t flags);
    Result<Unit> on(V::Operate, Sender&, std::int32_t id, std::uint32_t count, std::uint64_t deadline, ipc::ReadBuffer);
    Result<std::tuple<std::int32_t, proto::SemaphoreStatus>>
    on(V::ControlSet, Sender&, std::int32_t id, std::uint32_t command, proto::SystemVPermissions const&);
    Result<std::int32_t> on(V::ControlSemaphore, Sender&, std::int32_t id, std::uint32_t index, std::uint32_t command,
                            std::int32_t value);
    Result<Transfer> on(V::GetAll, Sender&, std::int32_t id, ipc::WriteBuffer);
    Result<Transfer> on(V::SetAll, Sender&, std::int32_t id, ipc::ReadBuffer);
    Result<std::int32_t> on(V::GetQueue, Sender&, std::int32_t key, std::uint32_t flags);
    Result<std::uint32_t> on(V::Send, Sender&, std::int32_t id, std::int32_t type, std::uint32_t flags,
                             ipc::ReadBuffer);
    Result<proto::ReceivedMessage> on(V::Receive, Sender&, std::int32_t id, std::int32_t type, std::uint32_t flags,
                                      ipc::WriteBuffer);
    Result<std::tuple<std::int32_t, proto::MessageQueueStatus>> on(V::ControlQueue, Sender&, std::int32_t id,
                                                                   std::uint32_t command,
                                                                   proto::SystemVPermissions const&,
                                                                   std::uint32_t maximum_bytes);
    Result<proto::SystemVLimits> on(V::Limits, Sender&);
    Result<Unit> on(V::SetLimits, Sender&, proto::SystemVLimits const&);
    Result<proto::SystemVUse> on(V::Use, Sender&);
    Result<Transfer> on(V::Table, Sender&, std::uint32_t which, std::uint32_t offset, ipc::WriteBuffer);

    // --- POSIX message queues (ipc_server_posix.cpp) ---
    Result<ipc::Cap<proto::Directory>> on(M::FileSystem, Sender&);
    Result<Unit> on(M::Notify, Sender&, ipc::OptionalCap<proto::Session> own, std::uint32_t change,
                    std::uint32_t signal, std::uint32_t value);
    Result<Unit> on(M::Watch, Sender&, ipc::Cap<ipc::Notification>);
    Result<proto::QueueNotice> on(M::TakeNotice, Sender&);
    Result<Unit> on(M::MayMap, Sender&, ipc::OptionalCap<File>);
    Result<ipc::Cap<File>> on(M::Open, Sender&, std::uint32_t flags, std::uint32_t mode, std::uint32_t given,
                              proto::MessageQueueAttributes const&, ipc::Path const&);
    Result<Unit> on(M::Unlink, Sender&, ipc::Path const&);
    Result<std::uint32_t> on(M::Send, Sender&, std::uint32_t priority, std::uint64_t deadline, ipc::ReadBuffer);
    Result<proto::QueueMessage> on(M::Receive, Sender&, std::uint64_t deadline, ipc::WriteBuffer);
    Result<proto::MessageQueueAttributes> on(M::Attributes, Sender&, std::uint32_t change, std::uint32_t flags);
    Result<Transfer> on(File::Read, Sender&, std::uint32_t, ipc::WriteBuffer);
    Result<std::uint32_t> on(File::Poll, Sender&, std::uint32_t events);
    Result<std::uint32_t> on(File::PollArm, Sender&, std::uint32_t events, std::uint32_t token,
                             ipc::Cap<ipc::Notification>);
    Result<Unit> on(File::PollDisarm, Sender&, std::uint32_t token);
    Result<Unit> on(File::SetFlags, Sender&, std::uint32_t flags);

    // --- the file system of queues (queue_directory.cpp) ---
    using D = proto::Directory;
    Result<std::tuple<ipc::Cap<File>, proto::OpenResult>> on(D::Open, Sender&, D::At, D::Caller, std::uint32_t flags,
                                                             std::uint32_t mode, ipc::Path const&);
    Result<proto::FileStatus> on(D::Stat, Sender&, D::At, D::Caller, std::uint32_t flags, ipc::Path const&);
    Result<Unit> on(D::Access, Sender&, D::At, D::Caller, std::uint32_t mode, std::uint32_t flags, ipc::Path const&);
    Result<Transfer> on(D::ReadLink, Sender&, D::At, D::Caller, ipc::Path const&, ipc::WriteBuffer);
    Result<Unit> on(D::MakeDirectory, Sender&, D::At, D::Caller, std::uint32_t mode, ipc::Path const&);
    Result<Unit> on(D::MakeNode, Sender&, D::At, D::Caller, std::uint32_t mode, std::uint32_t device, ipc::Path const&);
    Result<Unit> on(D::Unlink, Sender&, D::At, D::Caller, std::uint32_t flags, ipc::Path const&);
    Result<Unit> on(D::Rename, Sender&, D::At, D::At, std::uint32_t flags, ipc::ReadBuffer);
    Result<Unit> on(D::Link, Sender&, D::At, D::At, std::uint32_t flags, ipc::ReadBuffer);
    Result<Unit> on(D::SymbolicLink, Sender&, D::At, ipc::ReadBuffer);
    Result<Unit> on(D::SetAttributes, Sender&, D::At, D::Caller, std::uint32_t flags, proto::AttributeChange const&,
                    ipc::Path const&);
    Result<Unit> on(D::Truncate, Sender&, D::At, D::Caller, std::uint64_t size, ipc::Path const&);
    Result<proto::FileSystemStatus> on(D::StatFileSystem, Sender&, D::At, D::Caller, ipc::Path const&);
    Result<Transfer> on(File::GetDirectoryEntries, Sender&, ipc::WriteBuffer);
    Result<std::uint64_t> on(File::Seek, Sender&, std::int64_t offset, std::uint32_t whence);

    Result<Unit> on(Protocol::SetUserMap, Sender&, std::uint32_t user_inode, std::uint32_t uid_count,
                    std::uint32_t gid_count, ipc::ReadBuffer);

    // For EventSetServer.
    Result<ipc::Cap<proto::EventSet>> on(File::NewEventSet operation, Sender& sender) {
        return EventSetServer<IpcServer>::on(operation, sender);
    }
    ipc::EventSource* event_source(Word badge) { return open_queue(badge); }
    Word badge_for_event_set() { return free_badge(); }

    void on_no_senders(Word badge);
    void on_notification(Word bits);

protected:
    void vouched(Word session, SpacePointer& space, proto::SessionCredentials const& credentials) override;
    void session_ended(Word session, SpacePointer& space) override;
    void namespace_ended(SpacePointer& space) override;

private:
    struct SessionData {
        Caller caller;
        std::uint32_t user_space = 0, process_space = 0;
    };
    struct Maps {
        ipc::IdMap users, groups;
    };
    /// A mapping of shared memory somewhere: counts until nobody holds its badge.
    struct Attachment {
        std::weak_ptr<Space> space;
        std::int32_t id;
        std::shared_ptr<Storage> storage;
        std::uint32_t bytes, inode;
        std::int32_t key, process;
        bool read_only, counted;
    };
    /// A call that waits.
    struct Waiter {
        enum class Kind : std::uint8_t { Semaphore, Sender, Receiver, QueueSender, QueueReceiver } kind;
        ipc::Pending call;
        std::weak_ptr<Space> space;
        std::uint32_t room = 0; ///< Receiver: of its buffer
        std::uint64_t deadline = ~std::uint64_t{0};
        QueuePointer queue; ///< QueueSender, QueueReceiver: no space then
    };
    /// An open POSIX message queue.
    struct OpenQueue final : ipc::EventSource {
        struct Poll {
            std::uint32_t events, token;
            ipc::Owned<ipc::Notification> waker;
        };
        QueuePointer queue;
        std::uint32_t flags = 0; ///< access mode, O_NONBLOCK
        std::uint64_t offset = 0;
        std::list<Poll> polls;
        std::int32_t opener = 0; ///< PID in `opener_space`
        std::uint32_t opener_space = 0, opener_user = 0;
        [[nodiscard]] std::uint32_t ready(std::uint32_t events) const;
        [[nodiscard]] std::uint32_t events_now() const override { return ready(~std::uint32_t{0}); }
    };
    /// The file system to mount, or its directory when it is open.
    struct QueueDirectory {
        SpacePointer space;
        bool is_open = false;
        SessionData opener;
        std::uint64_t offset = 0;
    };
    /// One that asks for something in a directory: the session it attached, else who opened the directory.
    struct Visit {
        QueueDirectory* directory;
        SessionData who;
        Maps const* maps;
        std::string name; ///< empty: the directory itself
        PosixQueue* queue;
    };
    Result<Visit> visit(Sender& sender, D::At const& at, D::Caller const& caller, ipc::Path const& path);
    proto::FileStatus status(QueueDirectory const& directory) const;
    static proto::FileStatus status(PosixQueue const& queue, Maps const* maps);
    Maps const& maps_of(std::uint32_t user_space) const;
    Result<ipc::Cap<File>> give(QueuePointer queue, std::uint32_t flags, SessionData const& opener);
    Word free_badge();
    /// A message has come to an empty queue, and nobody took it.
    void tell(PosixQueue& queue, OpenQueue const& from);

    /// Who calls and where. NotPermitted: no session.
    struct Request {
        Space* space;
        SpacePointer const* pointer;
        Caller const* caller;
        Maps const* maps;
        [[nodiscard]] std::uint32_t user(std::uint32_t global) const { return maps->users.from_global(global); }
        [[nodiscard]] std::uint32_t group(std::uint32_t global) const { return maps->groups.from_global(global); }
    };
    Result<Request> request(Sender const& sender, Word operation);
    /// IPC_SET: the owner becomes who the caller names. Invalid, NotPermitted.
    static Result<Unit> change(Request const& request, Permissions& permissions,
                               proto::SystemVPermissions const& wanted);
    static proto::SystemVPermissions shown(Request const& request, Permissions const& permissions);

    Attachment* attachment(Word badge);
    Result<ipc::Cap<File>> add_attachment(Attachment attachment);

    std::uint32_t wait(Sender& sender, Waiter::Kind kind, SpacePointer const& space, std::uint32_t waiter,
                       std::uint64_t deadline);
    std::uint32_t next_waiter();
    /// Forgets those of that namespace whose callers do not wait any more: nothing may be done for them.
    void sweep(Space& space);
    void forget(std::uint32_t waiter, Waiter const& data);
    void answer(WokenList const& woken);
    Messages::Deliver deliverer();
    OpenQueue* open_queue(Word badge);
    void wait(Sender& sender, Waiter::Kind kind, QueuePointer const& queue, std::uint32_t waiter,
              std::uint64_t deadline);
    void sweep(PosixQueue& queue);
    void settle(PosixQueue& queue);
    void arm();

    Port& port_;
    std::unordered_map<Word, SessionData> sessions_;
    std::unordered_map<Word, Attachment> attachments_;
    std::unordered_map<Word, OpenQueue> open_queues_;
    std::unordered_map<Word, QueueDirectory> directories_;
    std::deque<proto::QueueNotice> notices_; ///< at most one for each time that somebody registered
    ipc::Owned<ipc::Notification> watcher_;
    std::unordered_map<std::uint32_t, Maps> maps_;
    std::map<std::uint32_t, Waiter> waiters_;
    std::uint32_t last_waiter_ = 0, last_inode_ = 0;
};

} // namespace sysv
