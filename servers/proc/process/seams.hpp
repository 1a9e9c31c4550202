// What the logic of processes asks of the world besides Machine and MemorySpace: other servers, late replies, time. Abstract,
// so that host tests put something simple in their place; process/seams_guest.hpp is the real thing.
#pragma once
#include "../../../libipc/proto/system_v.hpp"
#include "../../../libipc/proto/terminal.hpp"
#include "process.hpp"
#include <string>

namespace proc {

/// The servers proc calls. Capabilities returned are owned by the caller (Machine::drop).
class Owners {
public:
    virtual ~Owners() = default;
    /// VfsControl::ForkSession: flags bit 0 the same session (CLONE_FS), bit 1 a new mount namespace, owned by `owner`. `process`:
    /// Core::number_for_vfs of the process it is for.
    virtual ipc::Result<CapabilityPointer> fork_vfs_session(CapabilityPointer from, std::uint32_t flags,
                                                            UserNamespace const& owner, std::uint32_t process) = 0;
    virtual void set_credentials(CapabilityPointer vfs_session, proto::Credentials const& credentials) = 0;
    /// VfsControl::JoinNamespace: the session goes over to that mount namespace. Invalid: it is none, or the session is shared.
    virtual ipc::Result<ipc::Unit> join_mount_namespace(CapabilityPointer vfs_session, CapabilityPointer name_space,
                                                        bool permitted) = 0;
    /// Is the session's root another than that of its mount namespace (chroot(2))?
    virtual bool is_chrooted(CapabilityPointer vfs_session) = 0;
    /// The maps of a user namespace, as they are now, to all who translate ids: when it is made and when a map is written.
    virtual ipc::Result<ipc::Unit> publish_maps(UserNamespace const& space) = 0;
    virtual void forget_maps(UserNamespace const& space) = 0;
    /// A new namespace, child or copy of `from`, that keeps `owner` alive. NoSpace: too many.
    virtual ipc::Result<CapabilityPointer> create_namespace(CapabilityPointer from, UserNamespace& owner) = 0;
    /// How many of a kind its owner may have in all; `first`: as NamespaceKindEntry, 0: mount namespaces.
    virtual ipc::Result<ipc::Unit> set_namespace_limit(CapabilityPointer first, std::uint32_t maximum) = 0;
    /// The number of the group that a cgroup namespace shows as its root, 0: none was said.
    virtual ipc::Result<ipc::Unit> set_root_group(CapabilityPointer first, CapabilityPointer name_space,
                                                  std::uint32_t group) = 0;
    virtual std::uint32_t root_group(CapabilityPointer name_space) = 0;
    /// A session in it, with every operation that is `allowed` (bits of the kind's own protocol).
    virtual ipc::Result<CapabilityPointer> enter_namespace(CapabilityPointer name_space, std::uint64_t allowed) = 0;
    /// Who holds the session of that namespace (Namespace::Vouch).
    /// The owner of IPC namespaces tells proc of message queues' signals, also after it was started again: it has forgotten that it should.
    virtual void watch_queues() = 0;
    virtual void vouch(CapabilityPointer name_space, CapabilityPointer session,
                       proto::SessionCredentials const& credentials) = 0;
    /// The mount namespace of a vfs session.
    virtual ipc::Result<CapabilityPointer> namespace_of(CapabilityPointer vfs_session) = 0;
    /// Invalid: the capability is no namespace. The capability is another server's, never proc's own.
    virtual ipc::Result<proto::NamespaceIdentity> identify_namespace(CapabilityPointer name_space) = 0;
    /// With fewer operations (a mask): what programs get of a namespace.
    virtual ipc::Result<CapabilityPointer> attenuated(CapabilityPointer name_space, std::uint64_t allowed) = 0;
    /// A capability that allows everything, from `first` of the same kind and an attenuated one (which stays).
    virtual ipc::Result<CapabilityPointer> recovered(CapabilityPointer first, CapabilityPointer attenuated) = 0;
    /// Monotonic and boottime offsets of a time namespace, nanoseconds. `freeze`: a process enters it.
    virtual std::array<std::int64_t, 2> time_offsets(CapabilityPointer name_space, bool freeze) = 0;
    /// Errors: Access (frozen), Range.
    virtual ipc::Result<ipc::Unit> set_time_offset(CapabilityPointer name_space, std::uint32_t clock,
                                                   std::int64_t seconds, std::uint32_t nanoseconds) = 0;
    /// A watched capability of proc's own endpoint; the slot goes with the last copy that somebody else has, or by forget_handle.
    virtual ipc::Result<CapabilityPointer> mint_handle(Word badge) = 0;
    virtual void forget_handle(Word badge) = 0;
    virtual void signal(CapabilityPointer notification) = 0;
    // tty; the arguments are files of open terminals as far as anybody claims. NotTerminal if not.
    virtual ipc::Result<ipc::Unit> set_terminal_session(CapabilityPointer file, std::uint32_t session) = 0;
    virtual ipc::Result<std::uint32_t> terminal_session(CapabilityPointer file) = 0;
    virtual ipc::Result<ipc::Unit> set_terminal_foreground(CapabilityPointer file, std::uint32_t group) = 0;
    virtual ipc::Result<std::uint32_t> terminal_foreground(CapabilityPointer file) = 0;
    virtual ipc::Result<proto::TerminalSignal> take_terminal_signal() = 0;
    /// The master of a new pseudo terminal, by the open file of its ptmx.
    virtual ipc::Result<CapabilityPointer> new_pseudo_terminal(CapabilityPointer multiplexer, std::uint32_t flags) = 0;
    /// Uts::SetHostname (domain: SetDomainname).
    virtual ipc::Result<ipc::Unit> set_host_name(CapabilityPointer uts_session, bool domain,
                                                 proto::HostName const& name) = 0;
    virtual ipc::Result<proto::HostName> host_name(CapabilityPointer uts_session, bool domain) = 0;
    /// Status of a file that a process holds, with `vfs_session` its session. Asks only through vfs and tty whether it is theirs: the
    /// capability may be proc's own or of one who waits for proc, and calling it would wait for ever. NotSupported: another server's.
    virtual ipc::Result<proto::FileStatus> file_status(CapabilityPointer vfs_session, CapabilityPointer file) = 0;
    // For files that file_status knows. Empty text if it cannot be had.
    virtual std::string file_name(CapabilityPointer file) = 0;
    /// {offset, O_* status flags}.
    virtual std::array<std::uint64_t, 2> file_position(CapabilityPointer file) = 0;
    virtual ipc::Result<CapabilityPointer> reopen(CapabilityPointer file, std::uint32_t flags) = 0;
    virtual std::string place(CapabilityPointer vfs_session, std::uint32_t which) = 0; ///< VfsSession::Describe
    virtual std::string mount_table(CapabilityPointer vfs_session,
                                    std::uint32_t format) = 0; ///< VfsSession::MountTable
    /// table and setting as proto::NetworkTable and proto::NetworkSetting number them. `change`: set first, if not null.
    /// VfsControl::SetMountLimit.
    virtual ipc::Result<ipc::Unit> set_mount_limit(UserNamespace const&, std::uint32_t) { return ipc::Unit{}; }
    /// VfsControl::SetNetwork, with the number of the user namespace that it belongs to; 0: vfs asks when it needs to know.
    virtual void set_network(CapabilityPointer, std::uint32_t, std::uint32_t) {}
    /// VfsControl::SocketTable.
    virtual std::string local_socket_table(std::uint32_t) { return {}; }
    virtual std::string network_table(CapabilityPointer network_session, std::uint32_t table) = 0;
    virtual ipc::Result<std::array<std::int32_t, 2>> network_setting(CapabilityPointer network_session,
                                                                     std::uint32_t setting,
                                                                     std::array<std::int32_t, 2> const* change) = 0;
    // Of a session of an IPC namespace (proto/system_v.hpp).
    virtual std::string ipc_table(CapabilityPointer, std::uint32_t) { return {}; }
    virtual ipc::Result<proto::SystemVLimits> ipc_limits(CapabilityPointer) {
        return ipc::fail(ipc::Error::NotSupported);
    }
    virtual ipc::Result<ipc::Unit> set_ipc_limits(CapabilityPointer, proto::SystemVLimits const&) {
        return ipc::fail(ipc::Error::NotSupported);
    }
    /// Bytes that root has left, and has in all.
    virtual std::uint64_t free_memory() = 0;
    virtual std::uint64_t total_memory() = 0;
    /// The container manager's notification (ProcessControl::Notify).
    virtual void notify_manager() = 0;
};

/// exec, seen from Domain::Start.
class Executor {
public:
    virtual ~Executor() = default;
    /// The process is Building: memory and ThreadArea::frame get the program, finish_execute is called. Errors as execve(2).
    virtual ipc::Result<ipc::Unit> execute(Process& process, std::string_view path,
                                           std::vector<std::string> const& arguments,
                                           std::vector<std::string> const& environment) = 0;
};

/// Answers to calls that waited. The reply is used up.
class Replies {
public:
    virtual ~Replies() = default;
    virtual void clone(PendingReply, ipc::Result<std::int32_t> const&) = 0;
    virtual void wait(PendingReply, ipc::Result<proto::WaitResult> const&) = 0;
    virtual void sleep(PendingReply, ipc::Result<std::uint64_t> const&) = 0;
    virtual void suspend(PendingReply, ipc::Result<ipc::Unit> const&) = 0;
    virtual void signal_wait(PendingReply, ipc::Result<proto::SignalInformation> const&) = 0;
    virtual void futex(PendingReply, ipc::Result<std::uint32_t> const&) = 0;
    /// The caller is gone.
    virtual void discard(PendingReply) = 0;
};

/// Monotonic time in nanoseconds and one alarm.
class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual std::uint64_t now() const = 0;
    /// CLOCK_REALTIME minus CLOCK_MONOTONIC.
    [[nodiscard]] virtual std::uint64_t wall_offset() const = 0;
    virtual void set_wall(std::uint64_t wall_nanoseconds) = 0;
    /// deadline 0: none.
    virtual void arm(std::uint64_t deadline) = 0;
    [[nodiscard]] virtual Word ticks_per_millisecond() const = 0;
    [[nodiscard]] virtual std::uint64_t boot_time_stamp() const = 0;
};

} // namespace proc
