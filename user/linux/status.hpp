// Linux's i386 structures of stat(2), statfs(2), getdents(2) from the protocols' values. Pure.
#pragma once
#include "arithmetic.hpp"
#include "proto/directory.hpp"

namespace vdso {

/// new_encode_dev of the kernel.
constexpr std::uint32_t encode_device(std::uint32_t major, std::uint32_t minor) {
    return (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffU) << 12;
}
constexpr std::uint32_t device_major(std::uint32_t device) { return device >> 8 & 0xfff; }
constexpr std::uint32_t device_minor(std::uint32_t device) { return (device & 0xff) | (device >> 12 & 0xfff00); }

struct Seconds {
    std::uint32_t seconds, nanoseconds;
};
inline Seconds seconds_of(std::uint64_t nanoseconds) {
    SplitTime const time = split(nanoseconds);
    return {static_cast<std::uint32_t>(time.seconds), time.nanoseconds};
}

struct [[gnu::packed]] Stat64 {
    std::uint64_t device;
    std::uint32_t padding0, inode_low, mode, links, user, group;
    std::uint64_t special;
    std::uint32_t padding1;
    std::uint64_t size;
    std::uint32_t block_size;
    std::uint64_t blocks;
    Seconds access, modify, change;
    std::uint64_t inode;
};
static_assert(sizeof(Stat64) == 96);

inline Stat64 stat64(proto::FileStatus const& status) {
    Stat64 out{};
    out.device = encode_device(status.device_major, status.device_minor);
    out.inode_low = static_cast<std::uint32_t>(status.inode);
    out.mode = status.mode;
    out.links = status.links;
    out.user = status.user;
    out.group = status.group;
    out.special = encode_device(status.special_major, status.special_minor);
    out.size = status.size;
    out.block_size = status.block_size;
    out.blocks = status.blocks512;
    out.access = seconds_of(status.access_time);
    out.modify = seconds_of(status.modify_time);
    out.change = seconds_of(status.change_time);
    out.inode = status.inode;
    return out;
}

struct Stat32 {
    std::uint32_t device, inode;
    std::uint16_t mode, links, user, group;
    std::uint32_t special, size, block_size, blocks;
    Seconds access, modify, change;
    std::uint32_t unused[2];
};
static_assert(sizeof(Stat32) == 64);

/// False: a value does not fit (EOVERFLOW).
inline bool stat32(proto::FileStatus const& status, Stat32& out) {
    out = {};
    if (status.size > 0x7fffffff || status.inode > 0xffffffff) { return false; }
    out.device = encode_device(status.device_major, status.device_minor);
    out.inode = static_cast<std::uint32_t>(status.inode);
    out.mode = static_cast<std::uint16_t>(status.mode);
    out.links = static_cast<std::uint16_t>(status.links);
    out.user = static_cast<std::uint16_t>(status.user > 0xffff ? 65534 : status.user);
    out.group = static_cast<std::uint16_t>(status.group > 0xffff ? 65534 : status.group);
    out.special = encode_device(status.special_major, status.special_minor);
    out.size = static_cast<std::uint32_t>(status.size);
    out.block_size = status.block_size;
    out.blocks = static_cast<std::uint32_t>(status.blocks512);
    out.access = seconds_of(status.access_time);
    out.modify = seconds_of(status.modify_time);
    out.change = seconds_of(status.change_time);
    return true;
}

struct StatxTime {
    std::int64_t seconds;
    std::uint32_t nanoseconds;
    std::int32_t reserved;
};
struct Statx {
    std::uint32_t mask, block_size;
    std::uint64_t attributes;
    std::uint32_t links, user, group;
    std::uint16_t mode, spare0;
    std::uint64_t inode, size, blocks, attributes_mask;
    StatxTime access, birth, change, modify;
    std::uint32_t special_major, special_minor, device_major, device_minor;
    std::uint64_t mount_id;
    std::uint32_t dio_memory_align, dio_offset_align;
    std::uint64_t spare[12];
};
static_assert(sizeof(Statx) == 256);

inline StatxTime statx_time(std::uint64_t nanoseconds) {
    SplitTime const time = split(nanoseconds);
    return {static_cast<std::int64_t>(time.seconds), time.nanoseconds, 0};
}
inline Statx statx(proto::FileStatus const& status) {
    constexpr std::uint32_t basic_statistics = 0x7ff, mount_id = 0x1000;
    Statx out{};
    out.mask = basic_statistics | mount_id;
    out.block_size = status.block_size;
    out.links = status.links;
    out.user = status.user;
    out.group = status.group;
    out.mode = static_cast<std::uint16_t>(status.mode);
    out.inode = status.inode;
    out.size = status.size;
    out.blocks = status.blocks512;
    out.access = statx_time(status.access_time);
    out.change = statx_time(status.change_time);
    out.modify = statx_time(status.modify_time);
    out.special_major = status.special_major;
    out.special_minor = status.special_minor;
    out.device_major = status.device_major;
    out.device_minor = status.device_minor;
    out.mount_id = status.mount_id;
    return out;
}

struct [[gnu::packed]] StatFs64 {
    std::uint32_t type, block_size;
    std::uint64_t blocks, free_blocks, available_blocks, files, free_files;
    std::uint32_t identity[2], name_length, fragment_size, flags, spare[4];
};
static_assert(sizeof(StatFs64) == 84);
struct StatFs32 {
    std::uint32_t type, block_size, blocks, free_blocks, available_blocks, files, free_files, identity[2], name_length,
        fragment_size, flags, spare[4];
};
static_assert(sizeof(StatFs32) == 64);

inline StatFs64 statfs64(proto::FileSystemStatus const& status) {
    StatFs64 out{};
    out.type = static_cast<std::uint32_t>(status.type);
    out.block_size = out.fragment_size = static_cast<std::uint32_t>(status.block_size);
    out.blocks = status.blocks;
    out.free_blocks = out.available_blocks = status.free_blocks;
    out.files = status.files;
    out.free_files = status.free_files;
    out.name_length = static_cast<std::uint32_t>(status.name_length);
    out.flags = static_cast<std::uint32_t>(status.flags);
    return out;
}
inline StatFs32 statfs32(proto::FileSystemStatus const& status) {
    auto const word = [](std::uint64_t value) {
        return value > 0xffffffff ? 0xffffffffU : static_cast<std::uint32_t>(value);
    };
    StatFs32 out{};
    out.type = word(status.type);
    out.block_size = out.fragment_size = word(status.block_size);
    out.blocks = word(status.blocks);
    out.free_blocks = out.available_blocks = word(status.free_blocks);
    out.files = word(status.files);
    out.free_files = word(status.free_files);
    out.name_length = word(status.name_length);
    out.flags = word(status.flags);
    return out;
}

/// linux_dirent64 records become linux_dirent records (getdents(2)) in place: those are never longer. Returns their bytes.
inline std::uint32_t convert_directory_entries(std::uint8_t* records, std::uint32_t bytes) {
    constexpr std::uint32_t name64 = 19, name32 = 10;
    std::uint32_t from = 0, to = 0;
    while (from + name64 < bytes) {
        std::uint64_t inode, offset;
        std::uint16_t length;
        std::memcpy(&inode, records + from, 8);
        std::memcpy(&offset, records + from + 8, 8);
        std::memcpy(&length, records + from + 16, 2);
        if (length <= name64 || length > bytes - from) { break; }
        std::uint8_t const type = records[from + 18];
        std::uint32_t name_bytes = 0;
        while (name_bytes < length - name64 && records[from + name64 + name_bytes] != 0) { ++name_bytes; }
        auto const inode32 = static_cast<std::uint32_t>(inode), offset32 = static_cast<std::uint32_t>(offset);
        auto const record = static_cast<std::uint16_t>((name32 + name_bytes + 2 + 3) & ~3U);
        for (std::uint32_t i = 0; i < name_bytes; ++i) { records[to + name32 + i] = records[from + name64 + i]; }
        for (std::uint32_t i = name32 + name_bytes; i < record; ++i) { records[to + i] = 0; }
        std::memcpy(records + to, &inode32, 4);
        std::memcpy(records + to + 4, &offset32, 4);
        std::memcpy(records + to + 8, &record, 2);
        records[to + record - 1] = type;
        from += length;
        to += record;
    }
    return to;
}

} // namespace vdso
