// System calls that open and look at files by path.
#include "calls.hpp"
#include "path_calls.hpp"
#include "status.hpp"
#include "transfer.hpp"

namespace vdso {

namespace {

inline constexpr Word open_create = 0x40, open_exclusive = 0x80, open_write_only = 1, open_truncate = 0x200,
                      open_no_controlling = 0x100;

/// The master of a new pseudo terminal; `number` is reserved and has what vfs gave.
[[gnu::noinline, gnu::cold]] Long open_master(ThreadArea& thread, Word number, Word flags) {
    Long const spare = reserve(thread);
    Long result = spare;
    if (spare >= 0) {
        auto const made = ipc::call_into<proto::Process::OpenTerminal>(
            slot_of(static_cast<Word>(spare)), process(thread), ipc::OptionalCap<proto::File>{file(number)}, flags);
        if (!made) { result = refuse(made.error()); }
    }
    clear_slot(number);
    if (result >= 0) {
        static_cast<void>(own_slots().move(slot_of(number), own_slots(), slot_of(static_cast<Word>(spare))));
        install(thread, number, proto::FileKind::CharacterDevice, (flags & open_flag::close_on_exec) != 0, true);
        result = static_cast<Long>(number);
    } else {
        release(thread, number);
    }
    if (spare >= 0) { release(thread, static_cast<Word>(spare)); }
    return result;
}

} // namespace

Long open_at(ThreadArea& thread, Word descriptor, Word address, Word flags, Word mode) {
    auto const path = fetch_path(address);
    if (!path) { return refuse(path.error()); }
    if (path->length == 0) { return no_entry; }
    Long const number = reserve(thread);
    if (number < 0) { return number; }
    Word const slot = slot_of(static_cast<Word>(number));
    bool foreign = false;
    // A FIFO may keep us waiting; what an exclusive creation has done cannot be done twice.
    bool const repeatable = (flags & (open_create | open_exclusive)) != (open_create | open_exclusive);
    auto const opened = walk(
        thread, descriptor, *path,
        [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path rest) {
            Interruptible const waiting{thread, repeatable};
            return ipc::call_into<Directory::Open>(ipc::buffer().receive_slot, directory, at, caller, flags, mode,
                                                   rest);
        },
        number, &foreign);
    if (opened) {
        auto const result = std::get<1>(*opened);
        if (result.kind == proto::FileKind::Terminal && result.inode == proto::controlling_terminal) {
            clear_slot(static_cast<Word>(number));
            auto const terminal = ipc::call_into<proto::Process::OpenTerminal>(slot, process(thread),
                                                                               ipc::OptionalCap<proto::File>{}, flags);
            if (!terminal) {
                release(thread, static_cast<Word>(number));
                return refuse(terminal.error());
            }
        }
        if (result.kind == proto::FileKind::Terminal && result.inode == proto::pseudo_terminal_multiplexer) {
            return open_master(thread, static_cast<Word>(number), flags);
        }
        install(thread, static_cast<Word>(number), result.kind, (flags & open_flag::close_on_exec) != 0, foreign);
        if (result.kind == proto::FileKind::Terminal && (flags & (open_no_controlling | open_write_only)) == 0) {
            // The first terminal of a session becomes its own; if that cannot be, it is only open.
            static_cast<void>(
                ipc::call<proto::Process::SetTerminal>(process(thread), file(static_cast<Word>(number)), 0U));
        }
        return number;
    }
    release(thread, static_cast<Word>(number));
    return refuse(opened.error());
}

namespace {

ipc::Result<proto::FileStatus> status_at(ThreadArea& thread, Word descriptor, Word address, Word flags) {
    ipc::Path path;
    if (address != 0 || (flags & at_flag::empty_path) == 0) {
        auto const fetched = fetch_path(address);
        if (!fetched) { return ipc::fail(fetched.error()); }
        path = *fetched;
    }
    if (path.length == 0) {
        if ((flags & at_flag::empty_path) == 0) { return ipc::fail(Error::NoEntry); }
        if (descriptor != at_current_directory) {
            if (find(thread, descriptor) == nullptr) { return ipc::fail(Error::BadDescriptor); }
            return ipc::call<proto::File::Stat>(file(descriptor));
        }
        path = ipc::Path{std::string_view{"."}};
    }
    return walk(thread, descriptor, path,
                [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path rest) {
                    return ipc::call<Directory::Stat>(directory, at, caller, flags & at_flag::symlink_nofollow, rest);
                });
}

Long put_stat64(Word address, ipc::Result<proto::FileStatus> const& status) {
    if (!status) { return refuse(status.error()); }
    return put(address, stat64(*status)) ? 0 : fault;
}
Long put_stat32(Word address, ipc::Result<proto::FileStatus> const& status) {
    if (!status) { return refuse(status.error()); }
    Stat32 out;
    if (!stat32(*status, out)) { return refuse(Error::Overflow); }
    return put(address, out) ? 0 : fault;
}
ipc::Result<proto::FileStatus> status_of(ThreadArea& thread, Word descriptor) {
    if (find(thread, descriptor) == nullptr) { return ipc::fail(Error::BadDescriptor); }
    return ipc::call<proto::File::Stat>(file(descriptor));
}

Long access_at(ThreadArea& thread, Word descriptor, Word address, Word mode, Word flags) {
    if ((mode & ~7U) != 0) { return invalid; }
    if ((flags & at_flag::empty_path) != 0) {
        auto const path = fetch_path(address);
        if (path && path->length == 0) {
            return finish(ipc::Result<ipc::Unit>{}); // an open descriptor is there
        }
    }
    return finish(
        at_path(thread, descriptor, address,
                [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path path) {
                    return ipc::call<Directory::Access>(directory, at, caller, mode, flags, path);
                }));
}
Long read_link(ThreadArea& thread, Word descriptor, Word address, Word buffer, Word length) {
    if (static_cast<Long>(length) <= 0) { return invalid; }
    for (;;) {
        auto const read =
            at_path(thread, descriptor, address,
                    [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path path) {
                        return ipc::call<Directory::ReadLink>(directory, at, caller, path,
                                                              ipc::WriteBuffer{pointer<void>(buffer), length});
                    });
        if (!read) { return refuse(read.error()); }
        if (read->fault == 0) { return static_cast<Long>(read->count); }
        if (!touch(thread, read->fault, buffer + length, true)) { return fault; }
    }
}

Long truncate_path(ThreadArea& thread, std::uint64_t size) {
    if (static_cast<std::int64_t>(size) < 0) { return invalid; }
    return finish(
        at_path(thread, at_current_directory, argument1(thread),
                [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path path) {
                    return ipc::call<Directory::Truncate>(directory, at, caller, size, path);
                }));
}

ipc::Result<proto::FileSystemStatus> file_system_at(ThreadArea& thread, Word address) {
    return at_path(thread, at_current_directory, address,
                   [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path path) {
                       return ipc::call<Directory::StatFileSystem>(directory, at, caller, path);
                   });
}
ipc::Result<proto::FileSystemStatus> file_system_of(ThreadArea& thread, Word descriptor) {
    if (find(thread, descriptor) == nullptr) { return ipc::fail(Error::BadDescriptor); }
    auto const values = ipc::call<proto::File::StatFileSystem>(file(descriptor));
    if (!values) { return ipc::fail(values.error()); }
    auto const& v = *values;
    return proto::FileSystemStatus{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]};
}
Long put_file_system32(Word address, ipc::Result<proto::FileSystemStatus> const& status) {
    if (!status) { return refuse(status.error()); }
    return put(address, statfs32(*status)) ? 0 : fault;
}
Long put_file_system64(Word size, Word address, ipc::Result<proto::FileSystemStatus> const& status) {
    if (size != sizeof(StatFs64) && size != sizeof(StatFs64) + 4) { return invalid; }
    if (!status) { return refuse(status.error()); }
    return put(address, statfs64(*status)) ? 0 : fault;
}

} // namespace

Long sys_open(ThreadArea& thread) {
    return open_at(thread, at_current_directory, argument1(thread), argument2(thread), argument3(thread));
}
Long sys_openat(ThreadArea& thread) {
    return open_at(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread));
}
Long sys_creat(ThreadArea& thread) {
    return open_at(thread, at_current_directory, argument1(thread), open_create | open_write_only | open_truncate,
                   argument2(thread));
}
Long sys_openat2(ThreadArea& thread) {
    struct {
        std::uint64_t flags, mode, resolve;
    } how;
    if (argument4(thread) < sizeof how) { return invalid; }
    if (!fetch(argument3(thread), how)) { return fault; }
    // Restricted resolution is not offered: a caller that relies on it must hear so.
    return how.resolve != 0 ? not_implemented
                            : open_at(thread, argument1(thread), argument2(thread), static_cast<Word>(how.flags),
                                      static_cast<Word>(how.mode));
}

Long sys_stat64(ThreadArea& thread) {
    return put_stat64(argument2(thread), status_at(thread, at_current_directory, argument1(thread), 0));
}
Long sys_lstat64(ThreadArea& thread) {
    return put_stat64(argument2(thread),
                      status_at(thread, at_current_directory, argument1(thread), at_flag::symlink_nofollow));
}
Long sys_fstat64(ThreadArea& thread) { return put_stat64(argument2(thread), status_of(thread, argument1(thread))); }
Long sys_fstatat64(ThreadArea& thread) {
    return put_stat64(argument3(thread), status_at(thread, argument1(thread), argument2(thread), argument4(thread)));
}
Long sys_stat(ThreadArea& thread) {
    return put_stat32(argument2(thread), status_at(thread, at_current_directory, argument1(thread), 0));
}
Long sys_lstat(ThreadArea& thread) {
    return put_stat32(argument2(thread),
                      status_at(thread, at_current_directory, argument1(thread), at_flag::symlink_nofollow));
}
Long sys_fstat(ThreadArea& thread) { return put_stat32(argument2(thread), status_of(thread, argument1(thread))); }
Long sys_statx(ThreadArea& thread) {
    auto const status = status_at(thread, argument1(thread), argument2(thread), argument3(thread));
    if (!status) { return refuse(status.error()); }
    return put(argument5(thread), statx(*status)) ? 0 : fault;
}

Long sys_access(ThreadArea& thread) {
    return access_at(thread, at_current_directory, argument1(thread), argument2(thread), 0);
}
Long sys_faccessat(ThreadArea& thread) {
    return access_at(thread, argument1(thread), argument2(thread), argument3(thread), 0);
}
Long sys_faccessat2(ThreadArea& thread) {
    return access_at(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread));
}
Long sys_readlink(ThreadArea& thread) {
    return read_link(thread, at_current_directory, argument1(thread), argument2(thread), argument3(thread));
}
Long sys_readlinkat(ThreadArea& thread) {
    return read_link(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread));
}
Long sys_truncate(ThreadArea& thread) {
    return truncate_path(thread, static_cast<std::uint64_t>(static_cast<Long>(argument2(thread))));
}
Long sys_truncate64(ThreadArea& thread) { return truncate_path(thread, pair(argument2(thread), argument3(thread))); }
Long sys_statfs(ThreadArea& thread) {
    return put_file_system32(argument2(thread), file_system_at(thread, argument1(thread)));
}
Long sys_fstatfs(ThreadArea& thread) {
    return put_file_system32(argument2(thread), file_system_of(thread, argument1(thread)));
}
Long sys_statfs64(ThreadArea& thread) {
    return put_file_system64(argument2(thread), argument3(thread), file_system_at(thread, argument1(thread)));
}
Long sys_fstatfs64(ThreadArea& thread) {
    return put_file_system64(argument2(thread), argument3(thread), file_system_of(thread, argument1(thread)));
}

} // namespace vdso
