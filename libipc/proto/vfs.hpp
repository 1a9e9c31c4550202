// Protocol VfsSession: what a process asks of vfs beyond paths. A session is the process's view: mount namespace, root,
// working directory, umask, credentials. The same capability speaks Directory.
// Protocol VfsControl: what proc and the container manager ask of vfs, over capabilities that root gave them.
#pragma once
#include "../ipc/codec.hpp"
#include "../ipc/id_map.hpp"
#include "directory.hpp"
#include "namespace.hpp"
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>

namespace proto {

/// Ids are global (the first user namespace's): what a program says and sees goes through the map of its user namespace (SetUserMap),
/// here as everywhere. Statuses asked through a session show ids as its user namespace maps them, 65534 for those it does not.
struct Credentials {
    std::uint32_t user, group;             ///< the fsuid and fsgid (credentials(7))
    std::uint64_t capabilities;            ///< effective set, capabilities(7), over `user_namespace`
    std::uint32_t user_namespace;          ///< number of SetUserMap; 0: the first, where every id is itself
    std::uint32_t process;                 ///< number of the process as its container sees it, for reports (QuotaEvent)
    std::uint32_t group_count, groups[32]; ///< the first group_count of them, which alone travel

    /// Like `other`, but for the groups that do not count.
    void assign(Credentials const& other) {
        std::memcpy(static_cast<void*>(this), &other, offsetof(Credentials, groups));
        group_count = std::min<std::uint32_t>(other.group_count, std::size(groups));
        std::copy_n(other.groups, group_count, groups);
    }
};

} // namespace proto

template <>
struct ipc::Codec<proto::Credentials> : ipc::CodecSize<(sizeof(proto::Credentials) + 3) / 4> {
    static constexpr std::size_t head = offsetof(proto::Credentials, groups);
    static void put(Writer& writer, proto::Credentials const& value) {
        writer.put_bytes(&value, head);
        writer.put_bytes(value.groups, value.group_count * sizeof value.groups[0]);
    }
    static void get(Reader& reader, proto::Credentials& value) {
        std::memcpy(static_cast<void*>(&value), reader.take(head), head);
        if (value.group_count > std::size(value.groups)) {
            value.group_count = 0;
            reader.fail();
        }
        std::size_t const bytes = value.group_count * sizeof value.groups[0];
        std::memcpy(value.groups, reader.take(bytes), bytes);
    }
};

namespace proto {

/// A user namespace as vfs needs it.
struct UserNamespace {
    std::uint32_t number; ///< its inode number, not 0
    std::uint32_t parent; ///< number of the namespace around it
    std::uint32_t owner;  ///< global id of the user who made it: has every capability over it from `parent`
    std::uint32_t user_extents, group_extents; ///< lines of the maps, at most 340 each
};

/// A container that went over its disk limit.
struct QuotaEvent {
    std::uint32_t domain;  ///< 0: none
    std::uint32_t process; ///< Credentials::process of who asked for more (who opened the file, for data); 0: unknown
    std::uint64_t wanted;  ///< bytes there would have been
};

/// A pseudo terminal as pts(4) names it: an instance of devpts (a number that is not used again) and the name of its node there.
struct PseudoTerminal {
    std::uint32_t instance, index;
    bool operator==(PseudoTerminal const&) const = default;
};

struct VfsSession {
    static constexpr abi::Word number = 6;
    using ChangeDirectory =
        ipc::Method<VfsSession, 1, ipc::Unit(ipc::OptionalCap<File> directory, ipc::Path)>; ///< fchdir: empty path
    using ChangeRoot = ipc::Method<VfsSession, 2, ipc::Unit(ipc::Path)>;
    using GetWorkingDirectory =
        ipc::Method<VfsSession, 3, Transfer(ipc::WriteBuffer)>; ///< with the terminating NUL, getcwd(2)
    using SetUmask = ipc::Method<VfsSession, 4, std::uint32_t(std::uint32_t)>;
    /// The buffer holds "source\0target\0type\0data\0". A file system served elsewhere (proc, mqueue, cgroup2) comes as its root Directory.
    /// MS_BIND of a source in another server's file system: Elsewhere; if it is a namespace's file, the caller asks again with that File here
    /// and its name (`net:[4026531840]`) as type. The mount then keeps the namespace.
    using Mount = ipc::Method<VfsSession, 5,
                              ipc::Unit(std::uint32_t flags, ipc::OptionalCap<Directory> file_system, ipc::ReadBuffer)>;
    using Unmount = ipc::Method<VfsSession, 6, ipc::Unit(std::uint32_t flags, ipc::Path)>;
    using PivotRoot = ipc::Method<VfsSession, 7, ipc::Unit(ipc::ReadBuffer)>; ///< "new\0old\0"
    /// flags: O_NONBLOCK. Read end, write end.
    using Pipe = ipc::Method<VfsSession, 8, std::tuple<ipc::Cap<File>, ipc::Cap<File>>(std::uint32_t flags)>;
    /// flags: the memfd_create(2) flags; an anonymous tmpfs file (also MAP_SHARED|MAP_ANONYMOUS).
    using AnonymousFile = ipc::Method<VfsSession, 10, ipc::Cap<File>(std::uint32_t flags, std::uint64_t size)>;
    /// The mount table as this session sees it, as text. format 0: /proc/PID/mounts, 1: mountinfo. Returns the text's whole length; the
    /// buffer gets the part from `offset`.
    using MountTable =
        ipc::Method<VfsSession, 11, Transfer(std::uint32_t format, std::uint32_t offset, ipc::WriteBuffer)>;
    /// Text of a path: which 0 root, 1 working directory (as /proc/PID/root, cwd show it).
    using Describe = ipc::Method<VfsSession, 12, Transfer(std::uint32_t which, ipc::WriteBuffer)>;
    /// An O_PATH-like File for root (0) or working directory (1), for magic links.
    using OpenPlace = ipc::Method<VfsSession, 13, ipc::Cap<File>(std::uint32_t which)>;
    /// Record locks of the session's process (fcntl(2)) on an open file of vfs's own (unwrapped; Invalid if it is none). May wait.
    using Lock = ipc::Method<VfsSession, 14, ipc::Unit(ipc::OptionalCap<File>, LockRequest)>;
    /// LockRequest::owner `description` or `process`.
    using GetLock = ipc::Method<VfsSession, 15, LockHeld(ipc::OptionalCap<File>, LockRequest)>;
    /// The process closes a descriptor of that file: its record locks there go.
    using ReleaseLocks = ipc::Method<VfsSession, 16, ipc::Unit(ipc::OptionalCap<File>)>;
    using methods = ipc::Methods<ChangeDirectory, ChangeRoot, GetWorkingDirectory, SetUmask, Mount, Unmount, PivotRoot,
                                 Pipe, AnonymousFile, MountTable, Describe, OpenPlace, Lock, GetLock, ReleaseLocks>;
};

struct DiskUsage {
    std::uint64_t limit, used, files;
    std::uint64_t denied;
};

struct VfsControl {
    static constexpr abi::Word number = 7;
    /// A session at the root of the first mount namespace, with root's credentials.
    using FirstSession = ipc::Method<VfsControl, 1, ipc::Cap<VfsSession>()>;
    /// A session like `from` (unwrapped): flags bit 0 share (same session: CLONE_FS), bit 1 new mount namespace (CLONE_NEWNS), which then
    /// belongs to `user_namespace`; its mounts are locked if that is not the one the old mount namespace belongs to. `process`: as in Credentials.
    /// A session of its own does not know its network namespace yet (SetNetwork).
    using ForkSession = ipc::Method<VfsControl, 2,
                                    ipc::Cap<VfsSession>(ipc::OptionalCap<VfsSession> from, std::uint32_t flags,
                                                         std::uint32_t user_namespace, std::uint32_t process)>;
    using SetCredentials = ipc::Method<VfsControl, 3, ipc::Unit(ipc::OptionalCap<VfsSession>, Credentials)>;
    /// A disk quota domain for the folder at `path` (seen from the first session): its contents and every file system mounted inside count.
    /// bytes 0: no limit. The folder must exist. Returns the domain's number for QuotaUsage.
    using SetQuota = ipc::Method<VfsControl, 4, std::uint32_t(std::uint64_t bytes, ipc::Path)>;
    using QuotaUsage = ipc::Method<VfsControl, 5, DiskUsage(std::uint32_t domain)>;
    /// Bit 0: on exceeding, signal the notification of NotifyQuota (on-limit kill).
    using SetQuotaPolicy =
        ipc::Method<VfsControl, 6, ipc::Unit(std::uint32_t domain, std::uint64_t bytes, std::uint32_t flags)>;
    using ReleaseQuota = ipc::Method<VfsControl, 7, ipc::Unit(std::uint32_t domain)>;
    /// A session in a new mount namespace whose root is the folder at `path`, with a tmpfs on /tmp and a /dev of its own (null zero full
    /// random urandom tty console), charged to the folder's quota domain. proc is mounted by whoever holds its capability (MountAt).
    using ContainerSession = ipc::Method<VfsControl, 8, ipc::Cap<VfsSession>(std::uint32_t domain, ipc::Path)>;
    /// In the session's namespace: mounts `file_system` at `path` with that type name.
    using MountAt =
        ipc::Method<VfsControl, 9,
                    ipc::Unit(ipc::OptionalCap<VfsSession>, ipc::Cap<Directory>, ipc::Text<16> type, ipc::Path)>;
    /// Opening the character device (major, minor..minor+count-1) goes to `server`: Elsewhere with rest = the minor number in decimal.
    using RegisterDevice =
        ipc::Method<VfsControl, 10,
                    ipc::Unit(std::uint32_t major, std::uint32_t minor, std::uint32_t count, ipc::Cap<Directory>)>;
    /// Pages in use and free, of the whole server: {free bytes, used bytes, inodes, open files, sessions, mounts, quota-limit sum, 0}.
    using Usage = ipc::Method<VfsControl, 11, std::array<std::uint64_t, 8>()>;
    /// One domain that went over its limit since.
    using TakeQuotaEvent = ipc::Method<VfsControl, 12, QuotaEvent()>;
    using NotifyQuota = ipc::Method<VfsControl, 13, ipc::Unit(ipc::Cap<ipc::Notification>)>;
    /// Makes a user namespace known, or changes its maps. The buffer holds ipc::IdExtents: user_extents of users, then group_extents of groups.
    /// One that was never told, and one without extents, maps nothing. Errors: Invalid (number 0, parent unknown, extents that are no map).
    using SetUserMap = ipc::Method<VfsControl, 14, ipc::Unit(UserNamespace, ipc::ReadBuffer)>;
    /// The user namespace has ended; what still names it maps nothing.
    using ForgetUser = ipc::Method<VfsControl, 15, ipc::Unit(std::uint32_t user_namespace)>;
    /// For setns(2): the session goes over to that mount namespace (a Namespace capability of vfs's own, unwrapped), root and working
    /// directory at its root. `permitted` 0: its credentials must allow it, CAP_SYS_ADMIN over the namespace and over their own user
    /// namespace, CAP_SYS_CHROOT over the latter. Errors: BadDescriptor; NotPermitted; Invalid (not a mount namespace, or it has ended; the
    /// session is or was shared, ForkSession).
    using JoinNamespace =
        ipc::Method<VfsControl, 16,
                    ipc::Unit(ipc::OptionalCap<VfsSession>, ipc::OptionalCap<Namespace>, std::uint32_t permitted)>;
    /// As File::Stat, with global ids: for exec. BadDescriptor: another server's file.
    using Status = ipc::Method<VfsControl, 17, FileStatus(ipc::OptionalCap<File>)>;
    /// The open file is a program that runs: until it is closed or let go (deny 0) nobody opens the file for writing. Errors: TextBusy
    /// (somebody has).
    using DenyWrite = ipc::Method<VfsControl, 18, ipc::Unit(ipc::OptionalCap<File>, std::uint32_t deny)>;
    /// 1: the session's root is another than its mount namespace's (chroot(2)); then no user namespace may be made (clone(2), EPERM).
    using IsChrooted = ipc::Method<VfsControl, 19, std::uint32_t(ipc::OptionalCap<VfsSession>)>;
    /// The session's network namespace by inode number, and the user namespace it belongs to (who may mount sysfs), which abstract socket names belong to; 0: unknown, it is told when it is needed.
    using SetNetwork =
        ipc::Method<VfsControl, 20,
                    ipc::Unit(ipc::OptionalCap<VfsSession>, std::uint32_t network, std::uint32_t user_namespace)>;
    /// Text of /proc/net/unix of that network namespace, from `offset`; count 0 at its end.
    using SocketTable =
        ipc::Method<VfsControl, 21, Transfer(std::uint32_t network, std::uint32_t offset, ipc::WriteBuffer)>;
    /// The node of a new pseudo terminal in the devpts whose `ptmx` is open here (unwrapped), owned by who opened it. Errors: BadDescriptor; NoDevice
    /// (no ptmx of a devpts); NoSpace (too many there, or of its quota domain).
    using NewTerminal = ipc::Method<VfsControl, 22, PseudoTerminal(ipc::OptionalCap<File> multiplexer)>;
    /// What an open of the node is answered with (Elsewhere, nothing left of the path), by how it is to be open: vfs checks who may.
    using SetTerminal = ipc::Method<VfsControl, 23,
                                    ipc::Unit(PseudoTerminal, ipc::Cap<Directory> read, ipc::Cap<Directory> write,
                                              ipc::Cap<Directory> both)>;
    /// The node goes, the capabilities with it.
    using EndTerminal = ipc::Method<VfsControl, 24, ipc::Unit(PseudoTerminal)>;
    /// Status of the node. NoEntry: its file system has gone.
    using TerminalStatus = ipc::Method<VfsControl, 25, FileStatus(PseudoTerminal)>;
    /// How many mount namespaces each user may have in that user namespace (0: the first); what is in one below counts for its maker.
    using SetMountLimit = ipc::Method<VfsControl, 26, ipc::Unit(std::uint32_t user_namespace, std::uint32_t maximum)>;
    using methods =
        ipc::Methods<FirstSession, ForkSession, SetCredentials, SetQuota, QuotaUsage, SetQuotaPolicy, ReleaseQuota,
                     ContainerSession, MountAt, RegisterDevice, Usage, TakeQuotaEvent, NotifyQuota, SetUserMap,
                     ForgetUser, JoinNamespace, Status, DenyWrite, IsChrooted, SetNetwork, SocketTable, NewTerminal,
                     SetTerminal, EndTerminal, TerminalStatus, SetMountLimit>;
};

} // namespace proto
