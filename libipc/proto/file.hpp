// Protocol File: an open file, at whichever server owns it (vfs, a file system, tty, proc's procfs, a network stack).
// A descriptor of a program is a capability that speaks this. The badge is the open file description: offset and status
// flags live with the server and are shared by every copy of the capability, as POSIX says of dup and fork.
#pragma once
#include "../ipc/method.hpp"

namespace proto {

/// statx(2) fields, in our own layout; times in nanoseconds since the epoch.
struct FileStatus {
    std::uint64_t inode, size, blocks512;
    std::uint64_t access_time, modify_time, change_time;
    std::uint32_t device_major, device_minor, special_major, special_minor;
    std::uint32_t mode, links, user, group, block_size, mount_id;
};
static_assert(sizeof(FileStatus) == 88);

/// Result of a bulk transfer. `fault`: address in the caller where a page was missing (0: none); the caller makes it present
/// (Process::Touch) and goes on with the rest, or again if count is 0.
struct Transfer {
    std::uint32_t count;
    abi::Address fault;
};

enum class FileKind : std::uint32_t {
    Regular,
    Directory,
    CharacterDevice,
    BlockDevice,
    Fifo,
    Socket,
    Terminal,
    Namespace,
    Process,
    Other,
    LocalSocket, ///< a socket of vfs's: speaks Socket and MessageSocket, too
    Epoll,
    Event,
    Timer,
    SignalQueue
};

struct AttributeChange {
    static constexpr std::uint32_t mode_bit = 1, user_bit = 2, group_bit = 4, access_time_bit = 8, modify_time_bit = 16,
                                   access_now_bit = 32, modify_now_bit = 64;
    std::uint32_t mask, mode, user, group;
    std::uint64_t access_time, modify_time;
};

struct EventSet;

struct FilePage {
    std::uint32_t valid_bytes;
    std::uint32_t flags;
};
struct LockRequest {
    std::int16_t type, whence;
    std::int64_t start, length;
    /// `open_file`: flock(2)'s. `description`: an OFD lock. `process`: a record lock of the caller's.
    static constexpr std::uint32_t open_file = 0, description = 1, process = 2;
    std::uint32_t owner;
    std::uint32_t wait;
};
/// A lock in the way of another, as F_GETLK tells of it. `holder`: the process (Process::Control, lock_holder), 0 if it is none that the caller
/// could see, -1: an open file description.
struct LockHeld {
    std::int16_t type, reserved; ///< type 2: none
    std::int32_t holder;
    std::int64_t start, length; ///< length 0: to the end
};

struct File {
    static constexpr abi::Word number = 4;
    using Transfer = proto::Transfer;
    /// At the file's offset. May wait (reply deferred); O_NONBLOCK: Error::Again. The word is the caller's process group as it says
    /// (only a terminal looks at it: job control among equals), 0 elsewhere.
    using Read = ipc::Method<File, 1, Transfer(std::uint32_t process_group, ipc::WriteBuffer)>;
    using Write = ipc::Method<File, 2, Transfer(std::uint32_t process_group, ipc::ReadBuffer)>;
    using ReadAt = ipc::Method<File, 3, Transfer(std::uint64_t offset, ipc::WriteBuffer)>;
    using WriteAt = ipc::Method<File, 4, Transfer(std::uint64_t offset, ipc::ReadBuffer)>;
    /// whence as lseek(2).
    using Seek = ipc::Method<File, 5, std::uint64_t(std::int64_t offset, std::uint32_t whence)>;
    using Stat = ipc::Method<File, 6, FileStatus()>;
    /// poll(2) events now: returns revents.
    using Poll = ipc::Method<File, 7, std::uint32_t(std::uint32_t events)>;
    /// As Poll; if nothing is ready, one signal on the notification follows when something is (then it is disarmed). `token` names the arming.
    using PollArm =
        ipc::Method<File, 8, std::uint32_t(std::uint32_t events, std::uint32_t token, ipc::Cap<ipc::Notification>)>;
    using PollDisarm = ipc::Method<File, 9, ipc::Unit(std::uint32_t token)>;
    /// ioctl(2): argument word as given; the buffers are the argument's memory when the request number has one (both declared).
    using Ioctl =
        ipc::Method<File, 10,
                    std::uint32_t(std::uint32_t request, std::uint32_t argument, ipc::ReadBuffer, ipc::WriteBuffer)>;
    /// linux_dirent64 records (getdents64(2)) from the file's offset.
    using GetDirectoryEntries = ipc::Method<File, 11, Transfer(ipc::WriteBuffer)>;
    using Truncate = ipc::Method<File, 12, ipc::Unit(std::uint64_t size)>;
    using Synchronize = ipc::Method<File, 13, ipc::Unit()>;
    /// O_* status flags (fcntl F_GETFL / F_SETFL).
    using GetFlags = ipc::Method<File, 14, std::uint32_t()>;
    /// In GetFlags: each mapping of it is counted by the capability that is kept for it (System V shared memory). Reopen gives another one to count,
    /// with O_PATH one that is not counted and gives pages only.
    static constexpr std::uint32_t attachment_flag = 1U << 30;
    using SetFlags = ipc::Method<File, 15, ipc::Unit(std::uint32_t flags)>;
    using SetAttributes = ipc::Method<File, 16, ipc::Unit(AttributeChange)>;
    /// The frame of page `index` of the file, for mapping: with write right only for `shared_write` on a file open for writing.
    /// The frame stays the file's: truncation revokes it.
    using Page =
        ipc::Method<File, 17,
                    std::tuple<ipc::Cap<ipc::Frame>, FilePage>(std::uint32_t index, std::uint32_t shared_write)>;
    /// Path as the opener's namespace shows it (/proc/PID/fd, /proc/PID/maps, /proc/PID/exe). Writes the text, returns its length.
    using Name = ipc::Method<File, 18, std::uint32_t(ipc::WriteBuffer)>;
    /// Locks of the open file description; a process's: VfsSession::Lock. Errors: Again, Deadlock, 37 (ENOLCK), as fcntl(2).
    using Lock = ipc::Method<File, 19, ipc::Unit(LockRequest)>;
    /// Another open file description of the same file (open of /proc/PID/fd/N).
    using Reopen = ipc::Method<File, 20, std::tuple<ipc::Cap<File>, std::uint32_t>(std::uint32_t flags)>;
    /// Descriptors for the server behind a control device (ctool -> container: standard input, output, error).
    using Attach =
        ipc::Method<File, 21, ipc::Unit(ipc::OptionalCap<File>, ipc::OptionalCap<File>, ipc::OptionalCap<File>)>;
    using StatFileSystem = ipc::Method<File, 22, std::array<std::uint64_t, 8>()>;
    /// copy_file_range(2) between two regular files of one server, to the file called from `source` (unwrapped), sharing what it can. An
    /// offset of `current` is the file's own, which moves. Returns the bytes copied, 0 at the end. CrossDevice: the source is another server's.
    static constexpr std::uint64_t current = ~std::uint64_t{0};
    using CopyFrom = ipc::Method<File, 23,
                                 std::uint32_t(ipc::OptionalCap<File> source, std::uint64_t source_offset,
                                               std::uint64_t offset, std::uint32_t length)>;
    /// An empty set (event_set.hpp) at this file's server, for what epoll(7) watches there. NotPermitted: such files are never waited for.
    using NewEventSet = ipc::Method<File, 24, ipc::Cap<EventSet>()>;
    using methods = ipc::Methods<Read, Write, ReadAt, WriteAt, Seek, Stat, Poll, PollArm, PollDisarm, Ioctl,
                                 GetDirectoryEntries, Truncate, Synchronize, GetFlags, SetFlags, SetAttributes, Page,
                                 Name, Lock, Reopen, Attach, StatFileSystem, CopyFrom, NewEventSet>;
};

} // namespace proto
