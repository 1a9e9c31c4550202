// System calls that name files by path.
#include "calls.hpp"
#include "status.hpp"
#include "transfer.hpp"
#include "proto/message_queue.hpp"
#include "sessions.hpp"
#include "walk.hpp"

namespace vdso {

namespace {

inline constexpr Word open_close_on_exec = 0x80000, open_create = 0x40, open_exclusive = 0x80, open_write_only = 1, open_truncate = 0x200, open_path_only = 0x200000;
inline constexpr Word mode_fifo = 0x1000;
constexpr Long no_entry = -static_cast<Long>(Error::NoEntry);

/// Operation on a path of the program; the empty path is ENOENT.
template <class Operation> auto at_path(ThreadArea& thread, Word descriptor, Word address, Operation operation)
    -> decltype(operation(ipc::Cap<Directory>{}, Directory::At{}, Directory::Caller{}, ipc::Path{})) {
    auto const path = fetch_path(address);
    if (!path) {
        return ipc::fail(path.error());
    }
    if (path->length == 0) {
        return ipc::fail(Error::NoEntry);
    }
    return walk(thread, descriptor, *path, operation);
}

Long open_at(ThreadArea& thread, Word descriptor, Word address, Word flags, Word mode) {
    auto const path = fetch_path(address);
    if (!path) {
        return refuse(path.error());
    }
    if (path->length == 0) {
        return no_entry;
    }
    Long const number = reserve(thread);
    if (number < 0) {
        return number;
    }
    Word const slot = slot_of(static_cast<Word>(number));
    bool foreign = false;
    // A FIFO may keep us waiting; what an exclusive creation has done cannot be done twice.
    bool const repeatable = (flags & (open_create | open_exclusive)) != (open_create | open_exclusive);
    auto const opened = walk(
        thread, descriptor, *path,
        [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path rest) {
            Interruptible const waiting{thread, repeatable};
            return ipc::call_into<Directory::Open>(ipc::buffer().receive_slot, directory, at, caller, flags, mode, rest);
        },
        number, &foreign);
    if (opened) {
        auto const result = std::get<1>(*opened);
        if (result.kind == proto::FileKind::Terminal && result.inode == proto::controlling_terminal) {
            clear_slot(static_cast<Word>(number));
            auto const terminal = ipc::call_into<proto::Process::ControllingTerminal>(slot, process(thread));
            if (!terminal) {
                release(thread, static_cast<Word>(number));
                return refuse(terminal.error());
            }
        }
        install(thread, static_cast<Word>(number), result.kind, (flags & open_close_on_exec) != 0, foreign);
        return number;
    }
    release(thread, static_cast<Word>(number));
    return refuse(opened.error());
}

ipc::Result<proto::FileStatus> status_at(ThreadArea& thread, Word descriptor, Word address, Word flags) {
    ipc::Path path;
    if (address != 0 || (flags & at_flag::empty_path) == 0) {
        auto const fetched = fetch_path(address);
        if (!fetched) {
            return ipc::fail(fetched.error());
        }
        path = *fetched;
    }
    if (path.length == 0) {
        if ((flags & at_flag::empty_path) == 0) {
            return ipc::fail(Error::NoEntry);
        }
        if (descriptor != at_current_directory) {
            if (find(thread, descriptor) == nullptr) {
                return ipc::fail(Error::BadDescriptor);
            }
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
    if (!status) {
        return refuse(status.error());
    }
    return put(address, stat64(*status)) ? 0 : fault;
}
Long put_stat32(Word address, ipc::Result<proto::FileStatus> const& status) {
    if (!status) {
        return refuse(status.error());
    }
    Stat32 out;
    if (!stat32(*status, out)) {
        return refuse(Error::Overflow);
    }
    return put(address, out) ? 0 : fault;
}
ipc::Result<proto::FileStatus> status_of(ThreadArea& thread, Word descriptor) {
    if (find(thread, descriptor) == nullptr) {
        return ipc::fail(Error::BadDescriptor);
    }
    return ipc::call<proto::File::Stat>(file(descriptor));
}

Long change_attributes(ThreadArea& thread, Word descriptor, Word address, Word flags, proto::AttributeChange const& change) {
    if ((flags & at_flag::empty_path) != 0 && descriptor != at_current_directory) {
        if (auto const path = fetch_path(address); path && path->length == 0) {
            return find(thread, descriptor) == nullptr ? bad_descriptor : finish(ipc::call<proto::File::SetAttributes>(file(descriptor), change));
        }
    }
    return finish(at_path(thread, descriptor, address,
                          [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path path) {
                              return ipc::call<Directory::SetAttributes>(directory, at, caller, flags & at_flag::symlink_nofollow, change, path);
                          }));
}
Long change_open(ThreadArea& thread, Word descriptor, proto::AttributeChange const& change) {
    return find(thread, descriptor) == nullptr ? bad_descriptor : finish(ipc::call<proto::File::SetAttributes>(file(descriptor), change));
}
proto::AttributeChange mode_change(Word mode) { return {proto::AttributeChange::mode_bit, mode & 07777, 0, 0, 0, 0}; }
proto::AttributeChange owner_change(Word user, Word group) {
    Word const mask = (user != ~0U ? proto::AttributeChange::user_bit : 0) | (group != ~0U ? proto::AttributeChange::group_bit : 0);
    return {mask, 0, user, group, 0, 0};
}
Word wide_id(Word id) { return (id & 0xffff) == 0xffff ? ~0U : id & 0xffff; }

Long make_node(ThreadArea& thread, Word descriptor, Word address, Word mode, Word device) {
    constexpr Word type_mask = 0xf000, directory_type = 0x4000, regular_type = 0x8000;
    if ((mode & type_mask) == directory_type) {
        return refuse(Error::NotPermitted);
    }
    if ((mode & type_mask) == 0) {
        mode |= regular_type;
    }
    Word const special = (mode & type_mask) == mode_fifo || (mode & type_mask) == regular_type ? 0 : device;
    return finish(at_path(thread, descriptor, address, [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path path) {
        return ipc::call<Directory::MakeNode>(directory, at, caller, mode, special, path);
    }));
}
Long make_directory(ThreadArea& thread, Word descriptor, Word address, Word mode) {
    return finish(at_path(thread, descriptor, address, [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path path) {
        return ipc::call<Directory::MakeDirectory>(directory, at, caller, mode, path);
    }));
}
Long unlink_at(ThreadArea& thread, Word descriptor, Word address, Word flags) {
    if ((flags & ~at_flag::remove_directory) != 0) {
        return invalid;
    }
    return finish(at_path(thread, descriptor, address, [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path path) {
        return ipc::call<Directory::Unlink>(directory, at, caller, flags, path);
    }));
}
Long access_at(ThreadArea& thread, Word descriptor, Word address, Word mode, Word flags) {
    if ((mode & ~7U) != 0) {
        return invalid;
    }
    if ((flags & at_flag::empty_path) != 0) {
        auto const path = fetch_path(address);
        if (path && path->length == 0) {
            return finish(ipc::Result<ipc::Unit>{}); // an open descriptor is there
        }
    }
    return finish(at_path(thread, descriptor, address, [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path path) {
        return ipc::call<Directory::Access>(directory, at, caller, mode, flags, path);
    }));
}
Long read_link(ThreadArea& thread, Word descriptor, Word address, Word buffer, Word length) {
    if (static_cast<Long>(length) <= 0) {
        return invalid;
    }
    for (;;) {
        auto const read = at_path(thread, descriptor, address, [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path path) {
            return ipc::call<Directory::ReadLink>(directory, at, caller, path, ipc::WriteBuffer{pointer<void>(buffer), length});
        });
        if (!read) {
            return refuse(read.error());
        }
        if (read->fault == 0) {
            return static_cast<Long>(read->count);
        }
        if (!touch(thread, read->fault, buffer + length, true)) {
            return fault;
        }
    }
}

/// "first\0second\0" on the stack, for operations on two paths.
class TwoPaths {
public:
    Error add(Word address) {
        auto const path = fetch_path(address);
        if (!path) {
            return path.error();
        }
        if (path->length == 0) {
            return Error::NoEntry;
        }
        return add(*path);
    }
    /// Where the last one added starts.
    [[nodiscard]] Word second() const { return start_; }
    Error add(ipc::Path const& path) {
        start_ = used_;
        if (path.length + 1 > sizeof bytes_ - used_) {
            return Error::NameTooLong;
        }
        std::memcpy(bytes_ + used_, path.data, path.length);
        used_ += path.length;
        bytes_[used_++] = '\0';
        return Error::None;
    }
    [[nodiscard]] ipc::ReadBuffer buffer() const { return {bytes_, used_}; }

private:
    char bytes_[4200];
    Word used_ = 0, start_ = 0;
};

/// The `at` of an operation that vfs alone can do.
Error directory_argument(ThreadArea& thread, Word descriptor, Directory::At& at) {
    if (descriptor == at_current_directory) {
        return Error::None;
    }
    if (find(thread, descriptor) == nullptr) {
        return Error::BadDescriptor;
    }
    at = file(descriptor);
    return Error::None;
}
template <class Operation>
[[gnu::noinline]] Long two_paths(ThreadArea& thread, Word from_directory, Word from, Word to_directory, Word to, Operation operation) {
    TwoPaths paths;
    Directory::At from_at, to_at;
    for (Error const error : {paths.add(from), paths.add(to)}) {
        if (error != Error::None) {
            return refuse(error);
        }
    }
    // An absolute path does not look at its directory, which need not be open.
    char const* const bytes = static_cast<char const*>(paths.buffer().data);
    Error error = bytes[0] == '/' ? Error::None : directory_argument(thread, from_directory, from_at);
    if (error == Error::None && bytes[paths.second()] != '/') {
        error = directory_argument(thread, to_directory, to_at);
    }
    if (error != Error::None) {
        return refuse(error);
    }
    auto const result = operation(from_at, to_at, paths.buffer());
    // vfs cannot rename or link in another server's file system.
    return !result && result.error() == Error::Elsewhere ? refuse(Error::CrossDevice) : finish(result);
}
Long rename_at(ThreadArea& thread, Word from_directory, Word from, Word to_directory, Word to, Word flags) {
    return two_paths(thread, from_directory, from, to_directory, to, [&](Directory::At from_at, Directory::At to_at, ipc::ReadBuffer buffer) {
        return ipc::call<Directory::Rename>(vfs.as<Directory>(), from_at, to_at, flags, buffer);
    });
}
Long link_at(ThreadArea& thread, Word from_directory, Word from, Word to_directory, Word to, Word flags) {
    return two_paths(thread, from_directory, from, to_directory, to, [&](Directory::At from_at, Directory::At to_at, ipc::ReadBuffer buffer) {
        return ipc::call<Directory::Link>(vfs.as<Directory>(), from_at, to_at, flags, buffer);
    });
}
[[gnu::noinline]] Long symbolic_link(ThreadArea& thread, Word target, Word directory, Word link) {
    TwoPaths paths;
    Directory::At at;
    for (Error const error : {paths.add(target), paths.add(link), directory_argument(thread, directory, at)}) {
        if (error != Error::None) {
            return refuse(error);
        }
    }
    auto const result = ipc::call<Directory::SymbolicLink>(vfs.as<Directory>(), at, paths.buffer());
    return !result && result.error() == Error::Elsewhere ? refuse(Error::NotPermitted) : finish(result);
}

Long truncate_path(ThreadArea& thread, std::uint64_t size) {
    if (static_cast<std::int64_t>(size) < 0) {
        return invalid;
    }
    return finish(at_path(thread, at_current_directory, argument1(thread), [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path path) {
        return ipc::call<Directory::Truncate>(directory, at, caller, size, path);
    }));
}

ipc::Result<proto::FileSystemStatus> file_system_at(ThreadArea& thread, Word address) {
    return at_path(thread, at_current_directory, address, [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path path) {
        return ipc::call<Directory::StatFileSystem>(directory, at, caller, path);
    });
}
ipc::Result<proto::FileSystemStatus> file_system_of(ThreadArea& thread, Word descriptor) {
    if (find(thread, descriptor) == nullptr) {
        return ipc::fail(Error::BadDescriptor);
    }
    auto const values = ipc::call<proto::File::StatFileSystem>(file(descriptor));
    if (!values) {
        return ipc::fail(values.error());
    }
    auto const& v = *values;
    return proto::FileSystemStatus{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]};
}
Long put_file_system32(Word address, ipc::Result<proto::FileSystemStatus> const& status) {
    if (!status) {
        return refuse(status.error());
    }
    return put(address, statfs32(*status)) ? 0 : fault;
}
Long put_file_system64(Word size, Word address, ipc::Result<proto::FileSystemStatus> const& status) {
    if (size != sizeof(StatFs64) && size != sizeof(StatFs64) + 4) {
        return invalid;
    }
    if (!status) {
        return refuse(status.error());
    }
    return put(address, statfs64(*status)) ? 0 : fault;
}

} // namespace

Long sys_open(ThreadArea& thread) { return open_at(thread, at_current_directory, argument1(thread), argument2(thread), argument3(thread)); }
Long sys_openat(ThreadArea& thread) { return open_at(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread)); }
Long sys_creat(ThreadArea& thread) {
    return open_at(thread, at_current_directory, argument1(thread), open_create | open_write_only | open_truncate, argument2(thread));
}
Long sys_openat2(ThreadArea& thread) {
    struct { std::uint64_t flags, mode, resolve; } how;
    if (argument4(thread) < sizeof how) {
        return invalid;
    }
    if (!fetch(argument3(thread), how)) {
        return fault;
    }
    // Restricted resolution is not offered: a caller that relies on it must hear so.
    return how.resolve != 0 ? not_implemented
                            : open_at(thread, argument1(thread), argument2(thread), static_cast<Word>(how.flags), static_cast<Word>(how.mode));
}

Long sys_stat64(ThreadArea& thread) { return put_stat64(argument2(thread), status_at(thread, at_current_directory, argument1(thread), 0)); }
Long sys_lstat64(ThreadArea& thread) {
    return put_stat64(argument2(thread), status_at(thread, at_current_directory, argument1(thread), at_flag::symlink_nofollow));
}
Long sys_fstat64(ThreadArea& thread) { return put_stat64(argument2(thread), status_of(thread, argument1(thread))); }
Long sys_fstatat64(ThreadArea& thread) {
    return put_stat64(argument3(thread), status_at(thread, argument1(thread), argument2(thread), argument4(thread)));
}
Long sys_stat(ThreadArea& thread) { return put_stat32(argument2(thread), status_at(thread, at_current_directory, argument1(thread), 0)); }
Long sys_lstat(ThreadArea& thread) {
    return put_stat32(argument2(thread), status_at(thread, at_current_directory, argument1(thread), at_flag::symlink_nofollow));
}
Long sys_fstat(ThreadArea& thread) { return put_stat32(argument2(thread), status_of(thread, argument1(thread))); }
Long sys_statx(ThreadArea& thread) {
    auto const status = status_at(thread, argument1(thread), argument2(thread), argument3(thread));
    if (!status) {
        return refuse(status.error());
    }
    return put(argument5(thread), statx(*status)) ? 0 : fault;
}

Long sys_access(ThreadArea& thread) { return access_at(thread, at_current_directory, argument1(thread), argument2(thread), 0); }
Long sys_faccessat(ThreadArea& thread) { return access_at(thread, argument1(thread), argument2(thread), argument3(thread), 0); }
Long sys_faccessat2(ThreadArea& thread) {
    return access_at(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread));
}
Long sys_readlink(ThreadArea& thread) {
    return read_link(thread, at_current_directory, argument1(thread), argument2(thread), argument3(thread));
}
Long sys_readlinkat(ThreadArea& thread) {
    return read_link(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread));
}
Long sys_mkdir(ThreadArea& thread) { return make_directory(thread, at_current_directory, argument1(thread), argument2(thread)); }
Long sys_mkdirat(ThreadArea& thread) { return make_directory(thread, argument1(thread), argument2(thread), argument3(thread)); }
Long sys_mknod(ThreadArea& thread) {
    return make_node(thread, at_current_directory, argument1(thread), argument2(thread), argument3(thread));
}
Long sys_mknodat(ThreadArea& thread) {
    return make_node(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread));
}
Long sys_unlink(ThreadArea& thread) { return unlink_at(thread, at_current_directory, argument1(thread), 0); }
Long sys_rmdir(ThreadArea& thread) { return unlink_at(thread, at_current_directory, argument1(thread), at_flag::remove_directory); }
Long sys_unlinkat(ThreadArea& thread) { return unlink_at(thread, argument1(thread), argument2(thread), argument3(thread)); }
Long sys_rename(ThreadArea& thread) {
    return rename_at(thread, at_current_directory, argument1(thread), at_current_directory, argument2(thread), 0);
}
Long sys_renameat(ThreadArea& thread) {
    return rename_at(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread), 0);
}
Long sys_renameat2(ThreadArea& thread) {
    return rename_at(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread), argument5(thread));
}
Long sys_link(ThreadArea& thread) {
    return link_at(thread, at_current_directory, argument1(thread), at_current_directory, argument2(thread), 0);
}
Long sys_linkat(ThreadArea& thread) {
    return link_at(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread), argument5(thread));
}
Long sys_symlink(ThreadArea& thread) { return symbolic_link(thread, argument1(thread), at_current_directory, argument2(thread)); }
Long sys_symlinkat(ThreadArea& thread) { return symbolic_link(thread, argument1(thread), argument2(thread), argument3(thread)); }

Long sys_chmod(ThreadArea& thread) {
    return change_attributes(thread, at_current_directory, argument1(thread), 0, mode_change(argument2(thread)));
}
Long sys_fchmod(ThreadArea& thread) { return change_open(thread, argument1(thread), mode_change(argument2(thread))); }
Long sys_fchmodat(ThreadArea& thread) {
    return change_attributes(thread, argument1(thread), argument2(thread), 0, mode_change(argument3(thread)));
}
Long sys_chown(ThreadArea& thread) {
    return change_attributes(thread, at_current_directory, argument1(thread), 0, owner_change(argument2(thread), argument3(thread)));
}
Long sys_lchown(ThreadArea& thread) {
    return change_attributes(thread, at_current_directory, argument1(thread), at_flag::symlink_nofollow, owner_change(argument2(thread), argument3(thread)));
}
Long sys_fchown(ThreadArea& thread) { return change_open(thread, argument1(thread), owner_change(argument2(thread), argument3(thread))); }
Long sys_fchownat(ThreadArea& thread) {
    return change_attributes(thread, argument1(thread), argument2(thread), argument5(thread), owner_change(argument3(thread), argument4(thread)));
}
Long sys_chown16(ThreadArea& thread) {
    return change_attributes(thread, at_current_directory, argument1(thread), 0, owner_change(wide_id(argument2(thread)), wide_id(argument3(thread))));
}
Long sys_lchown16(ThreadArea& thread) {
    return change_attributes(thread, at_current_directory, argument1(thread), at_flag::symlink_nofollow,
                             owner_change(wide_id(argument2(thread)), wide_id(argument3(thread))));
}
Long sys_fchown16(ThreadArea& thread) {
    return change_open(thread, argument1(thread), owner_change(wide_id(argument2(thread)), wide_id(argument3(thread))));
}

// --- times ---
namespace {
inline constexpr Word time_now = 0x3fffffff, time_omit = 0x3ffffffe;
bool add_time(proto::AttributeChange& change, bool access, std::int64_t seconds, Word nanoseconds) {
    using Change = proto::AttributeChange;
    if (nanoseconds == time_omit) {
        return true;
    }
    if (nanoseconds == time_now) {
        change.mask |= access ? Change::access_now_bit : Change::modify_now_bit;
        return true;
    }
    if (nanoseconds >= 1000000000) {
        return false;
    }
    change.mask |= access ? Change::access_time_bit : Change::modify_time_bit;
    (access ? change.access_time : change.modify_time) = join(static_cast<std::uint64_t>(seconds < 0 ? 0 : seconds), nanoseconds);
    return true;
}
Long set_times(ThreadArea& thread, Word descriptor, Word path, Word flags, proto::AttributeChange const& change) {
    return path == 0 ? change_open(thread, descriptor, change) : change_attributes(thread, descriptor, path, flags, change);
}
inline constexpr proto::AttributeChange both_now{proto::AttributeChange::access_now_bit | proto::AttributeChange::modify_now_bit, 0, 0, 0, 0, 0};

struct TimeSpec32 { std::int32_t seconds; Word nanoseconds; };
struct TimeSpec64 { std::int64_t seconds; Word nanoseconds, padding; };
template <class Time, Word scale> Long set_two_times(ThreadArea& thread, Word descriptor, Word path, Word times, Word flags) {
    if (times == 0) {
        return set_times(thread, descriptor, path, flags, both_now);
    }
    struct { Time access, modify; } pair_of_times;
    if (!fetch(times, pair_of_times)) {
        return fault;
    }
    proto::AttributeChange change{};
    if (scale != 1 && (pair_of_times.access.nanoseconds >= 1000000 || pair_of_times.modify.nanoseconds >= 1000000)) {
        return invalid;
    }
    if (!add_time(change, true, pair_of_times.access.seconds, pair_of_times.access.nanoseconds * scale) ||
        !add_time(change, false, pair_of_times.modify.seconds, pair_of_times.modify.nanoseconds * scale)) {
        return invalid;
    }
    return change.mask == 0 ? 0 : set_times(thread, descriptor, path, flags, change);
}
} // namespace

Long sys_utimensat(ThreadArea& thread) {
    return set_two_times<TimeSpec32, 1>(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread));
}
Long sys_utimensat64(ThreadArea& thread) {
    return set_two_times<TimeSpec64, 1>(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread));
}
Long sys_utimes(ThreadArea& thread) {
    return set_two_times<TimeSpec32, 1000>(thread, at_current_directory, argument1(thread), argument2(thread), 0);
}
Long sys_futimesat(ThreadArea& thread) {
    return set_two_times<TimeSpec32, 1000>(thread, argument1(thread), argument2(thread), argument3(thread), 0);
}
Long sys_utime(ThreadArea& thread) {
    if (argument2(thread) == 0) {
        return set_times(thread, at_current_directory, argument1(thread), 0, both_now);
    }
    struct { std::int32_t access, modify; } times;
    if (!fetch(argument2(thread), times)) {
        return fault;
    }
    proto::AttributeChange change{};
    static_cast<void>(add_time(change, true, times.access, 0));
    static_cast<void>(add_time(change, false, times.modify, 0));
    return set_times(thread, at_current_directory, argument1(thread), 0, change);
}

Long sys_truncate(ThreadArea& thread) { return truncate_path(thread, static_cast<std::uint64_t>(static_cast<Long>(argument2(thread)))); }
Long sys_truncate64(ThreadArea& thread) { return truncate_path(thread, pair(argument2(thread), argument3(thread))); }
Long sys_statfs(ThreadArea& thread) { return put_file_system32(argument2(thread), file_system_at(thread, argument1(thread))); }
Long sys_fstatfs(ThreadArea& thread) { return put_file_system32(argument2(thread), file_system_of(thread, argument1(thread))); }
Long sys_statfs64(ThreadArea& thread) {
    return put_file_system64(argument2(thread), argument3(thread), file_system_at(thread, argument1(thread)));
}
Long sys_fstatfs64(ThreadArea& thread) {
    return put_file_system64(argument2(thread), argument3(thread), file_system_of(thread, argument1(thread)));
}

// --- the session ---
namespace {
using ChangeDirectory = proto::VfsSession::ChangeDirectory;
/// Into another server's file system: vfs keeps the path, and takes an open directory there as proof that it leads to one.
[[gnu::noinline, gnu::cold]] Long change_directory_elsewhere(ThreadArea& thread, ipc::Path const& path) {
    constexpr Word directory_only = 0x10000;
    Long const opened = open_at(thread, at_current_directory, reinterpret_cast<Word>(path.data), directory_only, 0);
    if (opened < 0) {
        return opened;
    }
    // /proc/PID/cwd and root lead back into vfs: then the directory is its own.
    ipc::OptionalCap<proto::File> const directory{file(static_cast<Word>(opened))};
    Long result = finish(ipc::call<ChangeDirectory>(vfs, directory, ipc::Path{std::string_view{""}}));
    if (result != 0) {
        result = finish(ipc::call<ChangeDirectory>(vfs, directory, path));
    }
    static_cast<void>(close_descriptor(thread, static_cast<Word>(opened)));
    return result;
}
[[gnu::noinline, gnu::cold]] Long change_to_foreign(Word descriptor) {
    char name[512];
    auto const length = ipc::call<proto::File::Name>(file(descriptor), ipc::WriteBuffer{name, sizeof name - 1});
    if (!length) {
        return refuse(length.error());
    }
    return finish(ipc::call<ChangeDirectory>(vfs, ipc::OptionalCap<proto::File>{file(descriptor)}, ipc::Path{std::string_view{name, std::min<std::size_t>(*length, sizeof name - 1)}}));
}
} // namespace

Long sys_chdir(ThreadArea& thread) {
    auto const path = fetch_path(argument1(thread));
    if (!path) {
        return refuse(path.error());
    }
    if (path->length == 0) {
        return no_entry;
    }
    auto const changed = ipc::call<ChangeDirectory>(vfs, ipc::OptionalCap<proto::File>{}, *path);
    return !changed && changed.error() == Error::Elsewhere ? change_directory_elsewhere(thread, *path) : finish(changed);
}
Long sys_fchdir(ThreadArea& thread) {
    Descriptor const* const open = find(thread, argument1(thread));
    if (open == nullptr) {
        return bad_descriptor;
    }
    if ((open->reserved & descriptor_flag::foreign) != 0) {
        return open->kind == static_cast<std::uint8_t>(proto::FileKind::Directory) ? change_to_foreign(argument1(thread)) : refuse(Error::NotDirectory);
    }
    return finish(ipc::call<ChangeDirectory>(vfs, ipc::OptionalCap<proto::File>{file(argument1(thread))}, ipc::Path{std::string_view{""}}));
}
Long sys_chroot(ThreadArea& thread) {
    auto const path = fetch_path(argument1(thread));
    if (!path) {
        return refuse(path.error());
    }
    return path->length == 0 ? no_entry : finish(ipc::call<proto::VfsSession::ChangeRoot>(vfs, *path));
}
Long sys_getcwd(ThreadArea& thread) {
    for (;;) {
        auto const text = ipc::call<proto::VfsSession::GetWorkingDirectory>(vfs, ipc::WriteBuffer{pointer<void>(argument1(thread)), argument2(thread)});
        if (!text) {
            return refuse(text.error());
        }
        if (text->fault == 0) {
            return static_cast<Long>(text->count);
        }
        if (!touch(thread, text->fault, argument1(thread) + argument2(thread), true)) {
            return fault;
        }
    }
}
Long sys_umask(ThreadArea& thread) { return finish(ipc::call<proto::VfsSession::SetUmask>(vfs, argument1(thread) & 0777)); }

// --- mounts ---
namespace {
namespace mount_flag {
inline constexpr Word remount = 32, bind = 4096, move = 8192, propagation = 1U << 17 | 1U << 18 | 1U << 19 | 1U << 20;
} // namespace mount_flag

/// MS_BIND of a file in another server's file system, which only a namespace's (/proc/PID/ns/KIND) can be: vfs gets the file itself, and its
/// name to show. Otherwise EINVAL.
[[gnu::noinline]] Long bind_namespace(ThreadArea& thread, Word flags) {
    Long const number = open_at(thread, at_current_directory, argument1(thread), open_path_only | open_close_on_exec, 0);
    if (number < 0) {
        return number;
    }
    Word const descriptor = static_cast<Word>(number);
    char name[64];
    TwoPaths texts;
    Long result = -static_cast<Long>(Error::Invalid);
    auto const target = fetch_path(argument2(thread));
    auto const length = find(thread, descriptor)->kind == static_cast<Word>(proto::FileKind::Namespace)
                            ? ipc::call<proto::File::Name>(file(descriptor), ipc::WriteBuffer{name, sizeof name})
                            : ipc::Result<std::uint32_t>{ipc::fail(Error::Invalid)};
    if (target && length && *length <= sizeof name) {
        Error error = Error::None;
        for (ipc::Path const text : {ipc::Path{std::string_view{""}}, *target, ipc::Path{std::string_view{name, *length}}, ipc::Path{std::string_view{""}}}) {
            error = error == Error::None ? texts.add(text) : error;
        }
        result = error != Error::None ? refuse(error)
                                      : finish(ipc::call<proto::VfsSession::Mount>(vfs, flags, ipc::OptionalCap<Directory>{file(descriptor).as<Directory>()}, texts.buffer()));
    }
    static_cast<void>(close_descriptor(thread, descriptor));
    return result;
}

[[gnu::noinline]] Long mount(ThreadArea& thread) {
    TwoPaths texts;
    Word const flags = argument4(thread);
    bool is_proc = false, is_queues = false, is_groups = false;
    for (Word const address : {argument1(thread), argument2(thread), argument3(thread), argument5(thread)}) {
        ipc::Path text{std::string_view{""}};
        if (address != 0) {
            auto const fetched = fetch_path(address);
            if (!fetched) {
                return refuse(fetched.error());
            }
            text = *fetched;
        }
        if (address == argument3(thread) && address != 0) {
            is_proc = std::string_view{text.data, text.length} == "proc";
            is_queues = std::string_view{text.data, text.length} == "mqueue";
            is_groups = std::string_view{text.data, text.length} == "cgroup2";
        }
        if (Error const error = texts.add(text); error != Error::None) {
            return refuse(error);
        }
    }
    bool const fresh = (flags & (mount_flag::remount | mount_flag::bind | mount_flag::move | mount_flag::propagation)) == 0;
    if (!fresh || (!is_proc && !is_queues && !is_groups)) {
        auto const done = ipc::call<proto::VfsSession::Mount>(vfs, flags, ipc::OptionalCap<Directory>{}, texts.buffer());
        if (!done && done.error() == Error::Elsewhere) {
            return bind_namespace(thread, flags);
        }
        return finish(done);
    }
    Long const number = reserve(thread);
    if (number < 0) {
        return number;
    }
    Word const slot = slot_of(static_cast<Word>(number));
    Long result;
    auto const root = is_proc     ? ipc::call_into<proto::Process::ProcFileSystem>(slot, process(thread))
                      : is_groups ? ipc::call_into<proto::Process::CgroupFileSystem>(slot, process(thread))
                                  : session_call_into<proto::MessageQueue::FileSystem>(thread, proto::NamespaceKind::Ipc, slot,
                                                                                   ipc::Cap<proto::MessageQueue>{linux_process::slot::ipc});
    if (!root) {
        result = refuse(root.error());
    } else {
        result = finish(ipc::call<proto::VfsSession::Mount>(vfs, flags, ipc::OptionalCap<Directory>{*root}, texts.buffer()));
        clear_slot(static_cast<Word>(number));
    }
    release(thread, static_cast<Word>(number));
    return result;
}
Long unmount(Word address, Word flags) {
    auto const path = fetch_path(address);
    if (!path) {
        return refuse(path.error());
    }
    return finish(ipc::call<proto::VfsSession::Unmount>(vfs, flags, *path));
}
} // namespace

Long sys_mount(ThreadArea& thread) { return mount(thread); }
Long sys_umount(ThreadArea& thread) { return unmount(argument1(thread), 0); }
Long sys_umount2(ThreadArea& thread) { return unmount(argument1(thread), argument2(thread)); }
Long sys_pivot_root(ThreadArea& thread) {
    TwoPaths paths;
    for (Error const error : {paths.add(argument1(thread)), paths.add(argument2(thread))}) {
        if (error != Error::None) {
            return refuse(error);
        }
    }
    return finish(ipc::call<proto::VfsSession::PivotRoot>(vfs, paths.buffer()));
}

} // namespace vdso
