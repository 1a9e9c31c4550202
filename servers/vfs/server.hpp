// vfs behind its protocols: turns messages into operations of Vfs. Every operation trusts the badge alone.
#pragma once
#include "ipc/server.hpp"
#include "real_port.hpp"
#include "vfs.hpp"

namespace vfs {

/// Reserved badges (the manifest's): protocol VfsControl, and the first session.
inline constexpr Badge control_badge = 1, first_session_badge = 2;

class Server {
    using F = proto::File;
    using D = proto::Directory;
    using S = proto::VfsSession;
    using C = proto::VfsControl;
    using N = proto::Namespace;
    using L = proto::LocalSockets;
    using K = proto::Socket;
    using P = proto::Parcel;
    using M = proto::MessageSocket;
    using E = proto::EventSet;
    using W = proto::EventFiles;
    using I = proto::Epoll;
    using T = proto::Timer;
    using G = proto::SignalFile;
    using Address = proto::SocketAddress;
    using Sender = ipc::Sender;
    using FileCap = ipc::OptionalCap<proto::File>;
    using ProcessCap = ipc::OptionalCap<proto::Process>;
    using SessionCap = ipc::OptionalCap<proto::VfsSession>;
    using Unit = ipc::Unit;

public:
    explicit Server(Vfs& vfs) : vfs_{vfs} {}
    void on_no_senders(Badge badge) { vfs_.close(badge); }
    /// The only one is the clock's.
    void on_notification(abi::Word) { vfs_.alarm(); }

    // --- File (server_file.cpp) ---
    Result<Transfer> on(F::Read, Sender& sender, std::uint32_t, ipc::WriteBuffer const&);
    Result<Transfer> on(F::Write, Sender& sender, std::uint32_t, ipc::ReadBuffer const&);
    Result<Transfer> on(F::ReadAt, Sender& sender, std::uint64_t offset, ipc::WriteBuffer const&);
    Result<Transfer> on(F::WriteAt, Sender& sender, std::uint64_t offset, ipc::ReadBuffer const&);
    Result<std::uint64_t> on(F::Seek, Sender& sender, std::int64_t offset, std::uint32_t whence);
    Result<proto::FileStatus> on(F::Stat, Sender& sender);
    Result<std::uint32_t> on(F::Poll, Sender& sender, std::uint32_t events);
    Result<std::uint32_t> on(F::PollArm, Sender& sender, std::uint32_t events, std::uint32_t token,
                             ipc::Cap<ipc::Notification> notification);
    Result<Unit> on(F::PollDisarm, Sender& sender, std::uint32_t token);
    Result<std::uint32_t> on(F::Ioctl, Sender& sender, std::uint32_t request, std::uint32_t argument,
                             ipc::ReadBuffer const&, ipc::WriteBuffer const&);
    Result<Transfer> on(F::GetDirectoryEntries, Sender& sender, ipc::WriteBuffer const&);
    Result<Unit> on(F::Truncate, Sender& sender, std::uint64_t size);
    Result<Unit> on(F::Synchronize, Sender& sender);
    Result<std::uint32_t> on(F::GetFlags, Sender& sender);
    Result<Unit> on(F::SetFlags, Sender& sender, std::uint32_t flags);
    Result<Unit> on(F::SetAttributes, Sender& sender, proto::AttributeChange const& change);
    Result<std::tuple<ipc::Cap<ipc::Frame>, proto::FilePage>> on(F::Page, Sender& sender, std::uint32_t index,
                                                                 std::uint32_t shared_write);
    Result<std::uint32_t> on(F::Name, Sender& sender, ipc::WriteBuffer const&);
    Result<Unit> on(F::Lock, Sender& sender, proto::LockRequest const& request);
    Result<std::tuple<ipc::Cap<proto::File>, std::uint32_t>> on(F::Reopen, Sender& sender, std::uint32_t flags);
    Result<Unit> on(F::Attach, Sender& sender, FileCap, FileCap, FileCap);
    Result<std::uint32_t> on(F::CopyFrom, Sender& sender, FileCap source, std::uint64_t source_offset,
                             std::uint64_t offset, std::uint32_t length);
    Result<std::array<std::uint64_t, 8>> on(F::StatFileSystem, Sender& sender);

    // --- Directory (server_directory.cpp) ---
    Result<std::tuple<ipc::Cap<proto::File>, proto::OpenResult>> on(D::Open, Sender& sender, FileCap at,
                                                                    ProcessCap caller, std::uint32_t flags,
                                                                    std::uint32_t mode, ipc::Path const& path);
    Result<proto::FileStatus> on(D::Stat, Sender& sender, FileCap at, ProcessCap caller, std::uint32_t flags,
                                 ipc::Path const& path);
    Result<Unit> on(D::Access, Sender& sender, FileCap at, ProcessCap caller, std::uint32_t mode, std::uint32_t flags,
                    ipc::Path const& path);
    Result<Transfer> on(D::ReadLink, Sender& sender, FileCap at, ProcessCap caller, ipc::Path const& path,
                        ipc::WriteBuffer const&);
    Result<Unit> on(D::MakeDirectory, Sender& sender, FileCap at, ProcessCap caller, std::uint32_t mode,
                    ipc::Path const& path);
    Result<Unit> on(D::MakeNode, Sender& sender, FileCap at, ProcessCap caller, std::uint32_t mode,
                    std::uint32_t device, ipc::Path const& path);
    Result<Unit> on(D::Unlink, Sender& sender, FileCap at, ProcessCap caller, std::uint32_t flags,
                    ipc::Path const& path);
    Result<Unit> on(D::Rename, Sender& sender, FileCap from, FileCap to, std::uint32_t flags, ipc::ReadBuffer const&);
    Result<Unit> on(D::Link, Sender& sender, FileCap from, FileCap to, std::uint32_t flags, ipc::ReadBuffer const&);
    Result<Unit> on(D::SymbolicLink, Sender& sender, FileCap at, ipc::ReadBuffer const&);
    Result<Unit> on(D::SetAttributes, Sender& sender, FileCap at, ProcessCap caller, std::uint32_t flags,
                    proto::AttributeChange const& change, ipc::Path const& path);
    Result<Unit> on(D::Truncate, Sender& sender, FileCap at, ProcessCap caller, std::uint64_t size,
                    ipc::Path const& path);
    Result<proto::FileSystemStatus> on(D::StatFileSystem, Sender& sender, FileCap at, ProcessCap caller,
                                       ipc::Path const& path);

    // --- VfsSession (server_session.cpp) ---
    Result<Unit> on(S::ChangeDirectory, Sender& sender, FileCap directory, ipc::Path const& path);
    Result<Unit> on(S::ChangeRoot, Sender& sender, ipc::Path const& path);
    Result<Transfer> on(S::GetWorkingDirectory, Sender& sender, ipc::WriteBuffer const&);
    Result<std::uint32_t> on(S::SetUmask, Sender& sender, std::uint32_t mask);
    Result<Unit> on(S::Mount, Sender& sender, std::uint32_t flags, ipc::OptionalCap<proto::Directory> file_system,
                    ipc::ReadBuffer const&);
    Result<Unit> on(S::Unmount, Sender& sender, std::uint32_t flags, ipc::Path const& path);
    Result<Unit> on(S::PivotRoot, Sender& sender, ipc::ReadBuffer const&);
    Result<std::tuple<ipc::Cap<proto::File>, ipc::Cap<proto::File>>> on(S::Pipe, Sender& sender, std::uint32_t flags);
    Result<ipc::Cap<proto::File>> on(S::AnonymousFile, Sender& sender, std::uint32_t flags, std::uint64_t size);
    Result<Transfer> on(S::MountTable, Sender& sender, std::uint32_t format, std::uint32_t offset,
                        ipc::WriteBuffer const&);
    Result<Transfer> on(S::Describe, Sender& sender, std::uint32_t which, ipc::WriteBuffer const&);
    Result<ipc::Cap<proto::File>> on(S::OpenPlace, Sender& sender, std::uint32_t which);
    Result<Unit> on(S::Lock, Sender& sender, FileCap file, proto::LockRequest const& request);
    Result<proto::LockHeld> on(S::GetLock, Sender& sender, FileCap file, proto::LockRequest const& request);
    Result<Unit> on(S::ReleaseLocks, Sender& sender, FileCap file);

    // --- VfsControl (server_control.cpp) ---
    Result<ipc::Cap<proto::VfsSession>> on(C::FirstSession, Sender& sender);
    Result<ipc::Cap<proto::VfsSession>> on(C::ForkSession, Sender& sender, SessionCap from, std::uint32_t flags,
                                           std::uint32_t user_namespace, std::uint32_t process);
    Result<Unit> on(C::SetCredentials, Sender& sender, SessionCap session, proto::Credentials const& who);
    Result<std::uint32_t> on(C::SetQuota, Sender& sender, std::uint64_t bytes, ipc::Path const& path);
    Result<proto::DiskUsage> on(C::QuotaUsage, Sender& sender, std::uint32_t domain);
    Result<Unit> on(C::SetQuotaPolicy, Sender& sender, std::uint32_t domain, std::uint64_t bytes, std::uint32_t flags);
    Result<Unit> on(C::ReleaseQuota, Sender& sender, std::uint32_t domain);
    Result<ipc::Cap<proto::VfsSession>> on(C::ContainerSession, Sender& sender, std::uint32_t domain,
                                           ipc::Path const& path);
    Result<Unit> on(C::MountAt, Sender& sender, SessionCap session, ipc::Cap<proto::Directory> file_system,
                    ipc::Text<16> const& type, ipc::Path const& path);
    Result<Unit> on(C::RegisterDevice, Sender& sender, std::uint32_t major, std::uint32_t minor, std::uint32_t count,
                    ipc::Cap<proto::Directory> server);
    Result<std::array<std::uint64_t, 8>> on(C::Usage, Sender& sender);
    Result<proto::QuotaEvent> on(C::TakeQuotaEvent, Sender& sender);
    Result<Unit> on(C::NotifyQuota, Sender& sender, ipc::Cap<ipc::Notification> notification);
    Result<Unit> on(C::SetUserMap, Sender& sender, proto::UserNamespace const& which, ipc::ReadBuffer const&);
    Result<Unit> on(C::ForgetUser, Sender& sender, std::uint32_t user_namespace);
    Result<Unit> on(C::JoinNamespace, Sender& sender, SessionCap joining, ipc::OptionalCap<proto::Namespace> target,
                    std::uint32_t permitted);
    Result<proto::PseudoTerminal> on(C::NewTerminal, Sender& sender, FileCap multiplexer);
    Result<Unit> on(C::SetTerminal, Sender& sender, proto::PseudoTerminal const& which, ipc::Cap<proto::Directory> read,
                    ipc::Cap<proto::Directory> write, ipc::Cap<proto::Directory> both);
    Result<Unit> on(C::EndTerminal, Sender& sender, proto::PseudoTerminal const& which);
    Result<proto::FileStatus> on(C::TerminalStatus, Sender& sender, proto::PseudoTerminal const& which);
    Result<Unit> on(C::DenyWrite, Sender& sender, FileCap file, std::uint32_t deny);
    Result<proto::FileStatus> on(C::Status, Sender& sender, FileCap file);
    Result<std::uint32_t> on(C::IsChrooted, Sender& sender, SessionCap session);

    Result<Unit> on(C::SetNetwork, Sender& sender, SessionCap session, std::uint32_t network,
                    std::uint32_t user_namespace);
    Result<Unit> on(C::SetMountLimit, Sender& sender, std::uint32_t user_namespace, std::uint32_t maximum);
    Result<Transfer> on(C::SocketTable, Sender& sender, std::uint32_t network, std::uint32_t offset,
                        ipc::WriteBuffer const&);

    // --- LocalSockets, Socket, MessageSocket, Parcel (server_local.cpp) ---
    Result<ipc::Cap<proto::File>> on(L::Create, Sender& sender, std::uint32_t type);
    Result<std::tuple<ipc::Cap<proto::File>, ipc::Cap<proto::File>>> on(L::Pair, Sender& sender, std::uint32_t type);
    Result<Unit> on(L::Bind, Sender& sender, FileCap socket, Address const& address);
    Result<Unit> on(L::Connect, Sender& sender, FileCap socket, Address const& address);
    Result<Unit> on(L::Listen, Sender& sender, FileCap socket, std::uint32_t backlog);
    Result<ipc::Cap<proto::Parcel>> on(L::NewParcel, Sender& sender);
    Result<Transfer> on(L::Send, Sender& sender, FileCap socket, ipc::OptionalCap<proto::Parcel> parcel,
                        std::uint32_t flags, std::uint32_t claimed, proto::MessageCredentials const& credentials,
                        Address const& to, ipc::ReadBuffer const&);
    Result<Unit> on(K::Bind, Sender&, Address const&) {
        return fail(Error::NotSupported);
    } // LocalSockets, where a session asks
    Result<Unit> on(K::Connect, Sender&, Address const&) { return fail(Error::NotSupported); }
    Result<Unit> on(K::Listen, Sender&, std::uint32_t) { return fail(Error::NotSupported); }
    Result<std::tuple<ipc::Cap<proto::File>, Address>> on(K::Accept, Sender& sender, std::uint32_t flags);
    Result<Address> on(K::Name, Sender& sender, std::uint32_t peer);
    Result<Unit> on(K::Shutdown, Sender& sender, std::uint32_t how);
    Result<Unit> on(K::SetOption, Sender& sender, std::uint32_t level, std::uint32_t option,
                    proto::SocketOption const& value);
    Result<proto::SocketOption> on(K::GetOption, Sender& sender, std::uint32_t level, std::uint32_t option);
    Result<Transfer> on(K::Send, Sender& sender, std::uint32_t flags, Address const& to, ipc::ReadBuffer const&);
    Result<std::tuple<proto::ReceivedDatagram, Address>> on(K::Receive, Sender& sender, std::uint32_t flags,
                                                            ipc::WriteBuffer const&);
    Result<std::tuple<proto::ReceivedMessage, Address, ipc::OptionalCap<proto::Parcel>>>
    on(M::Receive, Sender& sender, std::uint32_t flags, ipc::WriteBuffer const&);
    Result<Unit> on(P::Add, Sender& sender, FileCap first, FileCap second, FileCap third);
    Result<std::tuple<ipc::Cap<proto::File>, proto::FileKind>> on(P::Take, Sender& sender, std::uint32_t index);

    // --- EventSet, EventFiles, Epoll, Timer, SignalFile (server_events.cpp) ---
    Result<Unit> on(E::Control, Sender& sender, std::uint32_t operation, std::uint32_t descriptor, FileCap target,
                    proto::EpollEvent const& event);
    Result<E::Collect::Reply> on(E::Collect, Sender& sender, std::uint32_t token, std::uint64_t pending,
                                 ipc::OptionalCap<ipc::Notification> notification, ipc::WriteBuffer const&);
    Result<ipc::Cap<proto::File>> on(W::NewEpoll, Sender& sender);
    Result<ipc::Cap<proto::File>> on(W::NewEvent, Sender& sender, std::uint32_t initial, std::uint32_t flags);
    Result<ipc::Cap<proto::File>> on(W::NewTimer, Sender& sender, std::uint32_t clock, std::uint32_t flags);
    Result<ipc::Cap<proto::File>> on(W::NewSignals, Sender& sender, std::uint64_t mask, std::uint32_t flags);
    Result<I::Part::Reply> on(I::Part, Sender& sender, std::uint32_t index);
    Result<Unit> on(I::AddPart, Sender& sender, ipc::OptionalCap<proto::EventSet> set);
    Result<proto::TimerValue> on(T::Set, Sender& sender, std::uint32_t absolute, proto::TimerValue const& value);
    Result<proto::TimerValue> on(T::Get, Sender& sender);
    Result<std::uint32_t> on(T::Clock, Sender& sender);
    Result<std::uint64_t> on(G::Mask, Sender& sender);
    Result<Unit> on(G::SetMask, Sender& sender, std::uint64_t mask);
    /// vfs's own files are watched by instances, which are here.
    Result<ipc::Cap<proto::EventSet>> on(F::NewEventSet, Sender&) { return fail(Error::NotPermitted); }

    // --- Namespace (server_control.cpp) ---
    Result<ipc::Cap<proto::Namespace>> on(N::Create, Sender& sender, ipc::OptionalCap<proto::Namespace> user,
                                          std::uint32_t user_inode, std::uint32_t quota);
    Result<proto::NamespaceIdentity> on(N::Identify, Sender& sender);
    Result<ipc::Cap<proto::Session>> on(N::Enter, Sender& sender, std::uint64_t operations);
    Result<ipc::Cap<proto::Session>> on(N::ForkSession, Sender& sender);
    Result<ipc::Cap<proto::Namespace>> on(N::Of, Sender& sender);
    Result<ipc::Cap<proto::Namespace>> on(N::Attenuate, Sender& sender, std::uint64_t operations);
    Result<Unit> on(N::Destroy, Sender& sender);
    Result<Unit> on(N::Vouch, Sender& sender, ipc::OptionalCap<proto::Session> session,
                    proto::SessionCredentials const& credentials);
    Result<Unit> on(N::SetUserMap, Sender& sender, std::uint32_t user_inode, std::uint32_t uids, std::uint32_t gids,
                    ipc::ReadBuffer extents);
    Result<proto::NamespaceIdentity> on(N::List, Sender& sender, std::uint32_t after);
    Result<Unit> on(N::SetLimit, Sender& sender, std::uint32_t maximum) {
        if (!is_control(sender)) { return fail(Error::NotPermitted); }
        vfs_.set_mount_limit(0, maximum);
        return Unit{};
    }
    Result<ipc::Cap<proto::Namespace>> on(N::Recover, Sender& sender, ipc::OptionalCap<proto::Namespace> attenuated) {
        if (attenuated.slot != 0) { sender.delete_after_reply(attenuated.slot); }
        return fail(Error::NotSupported); // JoinNamespace takes the capability as it is
    }

private:
    /// The open file called; BadDescriptor.
    [[nodiscard]] OpenFile* file(Sender const& sender) const { return vfs_.file(sender.badge); }
    /// The session called, or the view of an OpenPlace file; null: none.
    Session* view(Sender const& sender);
    Session* session(Sender const& sender);
    [[nodiscard]] Session* session(SessionCap const& cap);
    [[nodiscard]] At at(FileCap const& cap) const;
    /// The socket called; null: it is none. And that of an argument, with NotSocket or BadDescriptor.
    [[nodiscard]] LocalSocket* socket(Sender const& sender) const { return Vfs::socket_of(file(sender)); }
    Result<LocalSocket*> socket(Sender& sender, FileCap const& cap);
    /// Runs `operation(Session&, At, path)`, for the operations of Directory: who is asked, the path, where to go on.
    template <class Operation>
    auto directory(Sender& sender, FileCap at_cap, ProcessCap caller, ipc::Path const& path, Operation operation)
        -> decltype(operation(std::declval<Session&>(), At{}, std::string_view{}));
    /// Runs `operation(Session&, first, second)` for the operations of Directory with two names in the caller's buffer; the capabilities
    /// are its directories.
    template <class Operation>
    Result<Unit> two_names(Sender& sender, FileCap const& from, FileCap const& to, Operation operation);
    /// Runs `operation(Session&, OpenFile&)` for the operations of a session on an open file of this server.
    template <class Operation>
    auto with_file(Sender& sender, FileCap const& cap, Operation operation)
        -> decltype(operation(std::declval<Session&>(), std::declval<OpenFile&>()));
    ipc::Failure elsewhere(Sender& sender);
    static Result<Unit> unit(Error error) {
        if (error != Error::None) { return fail(error); }
        return Unit{};
    }
    /// Fetches the buffer and splits it into exactly `count` texts that end in NUL. The result lives until the next call.
    Result<std::array<std::string_view, 4>> texts(Sender& sender, unsigned count);
    Result<std::string_view> path_text(Sender& sender, ipc::Path const& path);
    static Result<Transfer> send_text(Sender& sender, std::string_view text, std::uint32_t offset);
    [[nodiscard]] static bool is_control(Sender const& sender) { return sender.badge == control_badge; }
    MountNamespace* name_space(Sender const& sender);

    Vfs& vfs_;
    std::unique_ptr<Session> first_;
    std::array<char, 16384> text_;
};

} // namespace vfs
