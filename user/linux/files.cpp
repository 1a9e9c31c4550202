// System calls on one open file: close, dup, seek, directory entries, sizes.
#include "calls.hpp"
#include "descriptors.hpp"
#include "status.hpp"
#include "transfer.hpp"
#include "walk.hpp"

namespace vdso {

using proto::File;

Long sys_close(ThreadArea& thread) { return close_descriptor(thread, argument1(thread)); }
Long sys_dup(ThreadArea& thread) { return duplicate(thread, argument1(thread), 0, false); }
Long sys_dup2(ThreadArea& thread) {
    if (argument1(thread) == argument2(thread)) {
        return find(thread, argument1(thread)) == nullptr ? bad_descriptor : static_cast<Long>(argument2(thread));
    }
    return duplicate_to(thread, argument1(thread), argument2(thread), false);
}

namespace {
inline constexpr Word open_close_on_exec = 0x80000;

ipc::Result<std::uint64_t> seek(ThreadArea& thread, Word descriptor, std::int64_t offset, Word whence) {
    if (find(thread, descriptor) == nullptr) { return ipc::fail(Error::BadDescriptor); }
    return ipc::call<File::Seek>(file(descriptor), offset, whence);
}
} // namespace

Long sys_dup3(ThreadArea& thread) {
    if (argument1(thread) == argument2(thread) || (argument3(thread) & ~open_close_on_exec) != 0) { return invalid; }
    return duplicate_to(thread, argument1(thread), argument2(thread), argument3(thread) != 0);
}

Long sys_lseek(ThreadArea& thread) {
    auto const at = seek(thread, argument1(thread), static_cast<Long>(argument2(thread)), argument3(thread));
    if (at && *at > 0x7fffffff) { return refuse(Error::Overflow); }
    return finish(at);
}
Long sys_llseek(ThreadArea& thread) {
    auto const at = seek(thread, argument1(thread),
                         static_cast<std::int64_t>(pair(argument3(thread), argument2(thread))), argument5(thread));
    if (!at) { return refuse(at.error()); }
    return put(argument4(thread), *at) ? 0 : fault;
}

Long sys_pread64(ThreadArea& thread) {
    std::uint64_t const offset = pair(argument4(thread), argument5(thread));
    return static_cast<std::int64_t>(offset) < 0
               ? invalid
               : read_bytes(thread, argument1(thread), argument2(thread), argument3(thread), &offset);
}
Long sys_pwrite64(ThreadArea& thread) {
    std::uint64_t const offset = pair(argument4(thread), argument5(thread));
    return static_cast<std::int64_t>(offset) < 0
               ? invalid
               : write_bytes(thread, argument1(thread), argument2(thread), argument3(thread), &offset);
}

namespace {
Long entries(ThreadArea& thread, Word descriptor, Word address, Word length) {
    if (find(thread, descriptor) == nullptr) { return bad_descriptor; }
    for (;;) {
        auto const got =
            ipc::call<File::GetDirectoryEntries>(file(descriptor), ipc::WriteBuffer{pointer<void>(address), length});
        if (!got) { return refuse(got.error()); }
        if (got->count != 0 || got->fault == 0) { return static_cast<Long>(got->count); }
        if (!touch(thread, got->fault, address + length, true)) { return fault; }
    }
}
} // namespace

Long sys_getdents64(ThreadArea& thread) {
    return entries(thread, argument1(thread), argument2(thread), argument3(thread));
}
Long sys_getdents(ThreadArea& thread) {
    Long const got = entries(thread, argument1(thread), argument2(thread), argument3(thread));
    return got <= 0 ? got
                    : static_cast<Long>(
                          convert_directory_entries(pointer<std::uint8_t>(argument2(thread)), static_cast<Word>(got)));
}

Long sys_fsync(ThreadArea& thread) {
    return find(thread, argument1(thread)) == nullptr ? bad_descriptor
                                                      : finish(ipc::call<File::Synchronize>(file(argument1(thread))));
}
Long sys_fdatasync(ThreadArea& thread) { return sys_fsync(thread); }
Long sys_sync_file_range(ThreadArea& thread) { return sys_fsync(thread); }
Long sys_sync(ThreadArea&) { return 0; } // nothing is kept back from a file system here

namespace {
Long truncate_open(ThreadArea& thread, std::uint64_t size) {
    if (find(thread, argument1(thread)) == nullptr) { return bad_descriptor; }
    return static_cast<std::int64_t>(size) < 0 ? invalid
                                               : finish(ipc::call<File::Truncate>(file(argument1(thread)), size));
}
} // namespace
Long sys_ftruncate(ThreadArea& thread) {
    return truncate_open(thread, static_cast<std::uint64_t>(static_cast<Long>(argument2(thread))));
}
Long sys_ftruncate64(ThreadArea& thread) { return truncate_open(thread, pair(argument2(thread), argument3(thread))); }

Long sys_fallocate(ThreadArea& thread) {
    constexpr Word keep_size = 1;
    if (find(thread, argument1(thread)) == nullptr) { return bad_descriptor; }
    if ((argument2(thread) & ~keep_size) != 0) { return refuse(Error::NotSupported); }
    std::uint64_t const end = pair(argument3(thread), argument4(thread)) + pair(argument5(thread), argument6(thread));
    auto const status = ipc::call<File::Stat>(file(argument1(thread)));
    if (!status) { return refuse(status.error()); }
    if (argument2(thread) == keep_size || end <= status->size) { return 0; }
    return finish(ipc::call<File::Truncate>(file(argument1(thread)), end));
}

Long sys_close_range(ThreadArea& thread) {
    constexpr Word unshare = 2, close_on_exec = 4;
    Word const first = argument1(thread), last = std::min(argument2(thread), linux_process::descriptor_maximum - 1);
    if (first > argument2(thread) || (argument3(thread) & ~(unshare | close_on_exec)) != 0) { return invalid; }
    for (Word number = first; number <= last && number < files(thread).highest; ++number) {
        if (Descriptor* const open = find(thread, number)) {
            if ((argument3(thread) & close_on_exec) != 0) {
                open->close_on_exec = 1;
            } else {
                static_cast<void>(close_descriptor(thread, number));
            }
        }
    }
    return 0;
}

} // namespace vdso
