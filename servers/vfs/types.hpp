// Numbers of Linux i386 that vfs speaks, and short names for libipc's vocabulary.
#pragma once
#include "ipc/error.hpp"
#include "proto/vfs.hpp"
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace vfs {

using ipc::Error;
using ipc::fail;
using ipc::Result;
using proto::Transfer;
using Slot = abi::CapabilityPointer;
using Badge = abi::Word;

namespace open_flag {
inline constexpr std::uint32_t access_mode = 3, read_only = 0, write_only = 1, read_write = 2, create = 0100,
                               exclusive = 0200, no_terminal = 0400, truncate = 01000, append = 02000, nonblock = 04000,
                               direct = 040000, large_file = 0100000, directory = 0200000, no_follow = 0400000,
                               no_atime = 01000000, close_on_exec = 02000000, path = 010000000, temporary = 020000000;
/// What F_SETFL may change.
inline constexpr std::uint32_t changeable = append | nonblock | direct | no_atime | 020000;
} // namespace open_flag

namespace mode {
inline constexpr std::uint32_t type = 0170000, socket = 0140000, link = 0120000, regular = 0100000, block = 060000,
                               directory = 040000, character = 020000, fifo = 010000, set_user = 04000,
                               set_group = 02000, sticky = 01000, permissions = 07777;
} // namespace mode

namespace at_flag {
inline constexpr std::uint32_t no_follow = 0x100, remove_directory = 0x200, follow = 0x400, empty_path = 0x1000;
} // namespace at_flag

namespace mount_flag {
inline constexpr std::uint32_t read_only = 1, no_suid = 2, no_device = 4, no_exec = 8, synchronous = 16, remount = 32,
                               no_atime = 1024, no_directory_atime = 2048, bind = 4096, move = 8192, recursive = 16384,
                               silent = 32768, unbindable = 1 << 17, make_private = 1 << 18, slave = 1 << 19,
                               shared = 1 << 20, relative_atime = 1 << 21, strict_atime = 1 << 24, magic = 0xC0ED0000;
/// What is kept per mount.
inline constexpr std::uint32_t kept =
    read_only | no_suid | no_device | no_exec | no_atime | no_directory_atime | relative_atime | strict_atime;
inline constexpr std::uint32_t force = 1, detach = 2, expire = 4, no_follow = 8; ///< umount2(2)
} // namespace mount_flag

/// capabilities(7)
namespace capability {
inline constexpr unsigned chown = 0, dac_override = 1, dac_read_search = 2, fowner = 3, fsetid = 4, sys_chroot = 18,
                          sys_admin = 21, mknod = 27;
} // namespace capability

namespace may {
inline constexpr std::uint32_t execute = 1, write = 2, read = 4;
} // namespace may

namespace poll_event {
inline constexpr std::uint32_t in = 1, out = 4, error = 8, hang_up = 16, read_normal = 64, write_normal = 256,
                               read_hang_up = 0x2000;
} // namespace poll_event

inline constexpr std::uint32_t page_size = 4096;
inline constexpr std::uint32_t name_maximum = 255, path_maximum = 4096, link_maximum = 40;
/// What quota domains are charged with: a page of data and an inode with its name.
inline constexpr std::uint32_t page_charge = page_size, inode_charge = 512;
inline constexpr std::uint64_t file_size_maximum = std::uint64_t{1} << 43;

constexpr std::uint32_t device_major(std::uint32_t device) { return device >> 8 & 0xfff; }
constexpr std::uint32_t device_minor(std::uint32_t device) { return (device & 0xff) | (device >> 12 & 0xfff00); }
constexpr std::uint32_t make_device(std::uint32_t major, std::uint32_t minor) {
    return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}
/// Device numbers of ptmx and of the terminals in a devpts (pts(4)).
inline constexpr std::uint32_t multiplexer_major = 5, multiplexer_minor = 2, terminal_major = 136;

} // namespace vfs
