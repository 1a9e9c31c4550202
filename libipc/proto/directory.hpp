// Protocol Directory: operations on paths, relative to what the capability stands for: a process's vfs session (its
// working directory and root), or the root directory of a file system served elsewhere (procfs).
//
// `at` is the directory descriptor of the *at() calls; absent: the capability's own starting point. Absolute paths start
// at the session's root. `caller` lets the server know who asks: the vDSO attaches its Process capability when it follows
// a Continuation; the owner unwraps it (/proc/self).
//
// When a walk leaves the server, the reply is Error::Elsewhere with the words of a Continuation and the capability of the
// Directory to go on with: the vDSO repeats the same operation there with path = rest and `at` absent.
#pragma once
#include "file.hpp"

namespace proto {
struct Process;

/// Payload of an Error::Elsewhere reply, in message order: OptionalCap<Directory> (always present), then this.
struct Continuation {
    std::uint32_t
        flags; ///< what to attach as `caller`: bit 0 the process (the way leads into a procfs), bit 1 its ipc session (queues)
    ipc::Text<180> rest; ///< path from there on; may be empty
};

struct OpenResult {
    FileKind kind;
    std::uint32_t inode;
};
/// What open(2) calls magic: the file is not the server's to open, the vDSO does it. OpenResult::kind Terminal with inode
/// `controlling_terminal`: /dev/tty, ask Process::OpenTerminal.
inline constexpr std::uint32_t controlling_terminal = 0xffffffff;
/// The same with this inode: ptmx of a devpts. The file shows which; Process::OpenTerminal takes it and gives the master.
inline constexpr std::uint32_t pseudo_terminal_multiplexer = 0xfffffffe;

struct FileSystemStatus {
    std::uint64_t type, block_size, blocks, free_blocks, files, free_files, name_length, flags;
};

struct Directory {
    static constexpr abi::Word number = 5;
    using At = ipc::OptionalCap<File>;
    using Caller = ipc::OptionalCap<Process>;
    /// flags and mode as open(2), i386 values. O_CLOEXEC is the caller's affair. The umask is the session's. May wait (FIFO).
    using Open = ipc::Method<Directory, 1,
                             std::tuple<ipc::Cap<File>, OpenResult>(At, Caller, std::uint32_t flags, std::uint32_t mode,
                                                                    ipc::Path)>;
    /// flags: AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH.
    using Stat = ipc::Method<Directory, 2, FileStatus(At, Caller, std::uint32_t flags, ipc::Path)>;
    /// mode: R_OK|W_OK|X_OK; flags: AT_EACCESS.
    using Access = ipc::Method<Directory, 3, ipc::Unit(At, Caller, std::uint32_t mode, std::uint32_t flags, ipc::Path)>;
    using ReadLink = ipc::Method<Directory, 4, Transfer(At, Caller, ipc::Path, ipc::WriteBuffer)>;
    using MakeDirectory = ipc::Method<Directory, 5, ipc::Unit(At, Caller, std::uint32_t mode, ipc::Path)>;
    /// mode with S_IF*, device = makedev(major, minor).
    using MakeNode =
        ipc::Method<Directory, 6, ipc::Unit(At, Caller, std::uint32_t mode, std::uint32_t device, ipc::Path)>;
    /// flags: AT_REMOVEDIR.
    using Unlink = ipc::Method<Directory, 7, ipc::Unit(At, Caller, std::uint32_t flags, ipc::Path)>;
    /// The buffer holds "old\0new\0". flags: renameat2(2).
    using Rename = ipc::Method<Directory, 8, ipc::Unit(At from, At to, std::uint32_t flags, ipc::ReadBuffer)>;
    /// "old\0new\0"; flags: AT_SYMLINK_FOLLOW.
    using Link = ipc::Method<Directory, 9, ipc::Unit(At from, At to, std::uint32_t flags, ipc::ReadBuffer)>;
    /// "target\0link\0".
    using SymbolicLink = ipc::Method<Directory, 10, ipc::Unit(At, ipc::ReadBuffer)>;
    /// flags: AT_SYMLINK_NOFOLLOW.
    using SetAttributes =
        ipc::Method<Directory, 11, ipc::Unit(At, Caller, std::uint32_t flags, AttributeChange, ipc::Path)>;
    using Truncate = ipc::Method<Directory, 12, ipc::Unit(At, Caller, std::uint64_t size, ipc::Path)>;
    using StatFileSystem = ipc::Method<Directory, 13, FileSystemStatus(At, Caller, ipc::Path)>;
    using methods = ipc::Methods<Open, Stat, Access, ReadLink, MakeDirectory, MakeNode, Unlink, Rename, Link,
                                 SymbolicLink, SetAttributes, Truncate, StatFileSystem>;
};

} // namespace proto
