// System calls on open files: read, write, seek, vectors, copies, locks, fcntl.
#include "calls.hpp"
#include "local_sockets.hpp"
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
inline constexpr Word open_close_on_exec = 0x80000, open_nonblock = 0x800;
inline constexpr Word seek_set = 0, seek_current = 1, seek_end = 2;
inline constexpr Long is_pipe = -static_cast<Long>(Error::IllegalSeek);

ipc::Result<std::uint64_t> seek(ThreadArea& thread, Word descriptor, std::int64_t offset, Word whence) {
    if (find(thread, descriptor) == nullptr) {
        return ipc::fail(Error::BadDescriptor);
    }
    return ipc::call<File::Seek>(file(descriptor), offset, whence);
}
struct IoVector { Word address, length; };
inline constexpr Word vector_maximum = 1024;
} // namespace

Long sys_dup3(ThreadArea& thread) {
    if (argument1(thread) == argument2(thread) || (argument3(thread) & ~open_close_on_exec) != 0) {
        return invalid;
    }
    return duplicate_to(thread, argument1(thread), argument2(thread), argument3(thread) != 0);
}

Long sys_lseek(ThreadArea& thread) {
    auto const at = seek(thread, argument1(thread), static_cast<Long>(argument2(thread)), argument3(thread));
    if (at && *at > 0x7fffffff) {
        return refuse(Error::Overflow);
    }
    return finish(at);
}
Long sys_llseek(ThreadArea& thread) {
    auto const at = seek(thread, argument1(thread), static_cast<std::int64_t>(pair(argument3(thread), argument2(thread))), argument5(thread));
    if (!at) {
        return refuse(at.error());
    }
    return put(argument4(thread), *at) ? 0 : fault;
}

Long sys_pread64(ThreadArea& thread) {
    std::uint64_t const offset = pair(argument4(thread), argument5(thread));
    return static_cast<std::int64_t>(offset) < 0 ? invalid
                                                 : read_bytes(thread, argument1(thread), argument2(thread), argument3(thread), &offset);
}
Long sys_pwrite64(ThreadArea& thread) {
    std::uint64_t const offset = pair(argument4(thread), argument5(thread));
    return static_cast<std::int64_t>(offset) < 0 ? invalid
                                                 : write_bytes(thread, argument1(thread), argument2(thread), argument3(thread), &offset);
}

namespace {
Long read_vector(ThreadArea& thread, std::uint64_t const* offset) {
    Word const count = argument3(thread);
    if (count > vector_maximum) {
        return invalid;
    }
    Word done = 0;
    for (Word i = 0; i < count; ++i) {
        IoVector part;
        if (!fetch(argument2(thread) + i * sizeof part, part)) {
            return done != 0 ? static_cast<Long>(done) : fault;
        }
        if (part.length == 0) {
            continue;
        }
        std::uint64_t const at = offset != nullptr ? *offset + done : 0;
        // What comes after the first part must not wait: a terminal or pipe has given what it had.
        Long const got = read_bytes(thread, argument1(thread), part.address, part.length, offset != nullptr ? &at : nullptr);
        if (got < 0) {
            return done != 0 ? static_cast<Long>(done) : got;
        }
        done += static_cast<Word>(got);
        Descriptor const* const open = find(thread, argument1(thread));
        if (static_cast<Word>(got) < part.length || open == nullptr || !is_regular(*open)) {
            break;
        }
    }
    return find(thread, argument1(thread)) == nullptr && done == 0 ? bad_descriptor : static_cast<Long>(done);
}
/// Small vectors go out as one write, so that a line stays a line on a shared pipe.
inline constexpr Word gather_maximum = 2048;
[[gnu::noinline]] Long write_gathered(ThreadArea& thread, Word vectors, Word count, Word total) {
    alignas(4) std::uint8_t together[gather_maximum];
    Word done = 0;
    for (Word i = 0; i < count; ++i) {
        IoVector part;
        if (!fetch(vectors + i * sizeof part, part) || part.length > total - done || !fetch_bytes(together + done, part.address, part.length)) {
            return fault;
        }
        done += part.length;
    }
    return write_bytes(thread, argument1(thread), reinterpret_cast<Word>(together), done);
}
Long write_vector(ThreadArea& thread, std::uint64_t const* offset) {
    Word const count = argument3(thread), vectors = argument2(thread);
    if (count > vector_maximum) {
        return invalid;
    }
    if (find(thread, argument1(thread)) == nullptr) {
        return bad_descriptor;
    }
    Word total = 0;
    for (Word i = 0; i < count; ++i) {
        IoVector part;
        if (!fetch(vectors + i * sizeof part, part)) {
            return fault;
        }
        if (part.length > 0x7fffffff - total) {
            return invalid;
        }
        total += part.length;
    }
    if (total <= gather_maximum && count > 1 && offset == nullptr) {
        return write_gathered(thread, vectors, count, total);
    }
    Word done = 0;
    for (Word i = 0; i < count; ++i) {
        IoVector part;
        if (!fetch(vectors + i * sizeof part, part)) {
            return done != 0 ? static_cast<Long>(done) : fault;
        }
        if (part.length == 0) {
            continue;
        }
        std::uint64_t const at = offset != nullptr ? *offset + done : 0;
        Long const put_out = write_bytes(thread, argument1(thread), part.address, part.length, offset != nullptr ? &at : nullptr);
        if (put_out < 0) {
            return done != 0 ? static_cast<Long>(done) : put_out;
        }
        done += static_cast<Word>(put_out);
        if (static_cast<Word>(put_out) < part.length) {
            break;
        }
    }
    return static_cast<Long>(done);
}
} // namespace

Long sys_readv(ThreadArea& thread) { return find(thread, argument1(thread)) == nullptr ? bad_descriptor : read_vector(thread, nullptr); }
Long sys_writev(ThreadArea& thread) { return write_vector(thread, nullptr); }
Long sys_preadv(ThreadArea& thread) {
    std::uint64_t const offset = pair(argument4(thread), argument5(thread));
    return read_vector(thread, &offset);
}
Long sys_pwritev(ThreadArea& thread) {
    std::uint64_t const offset = pair(argument4(thread), argument5(thread));
    return write_vector(thread, &offset);
}

namespace {
inline constexpr Word copy_chunk = 4096;
inline constexpr Long copy_elsewhere = -1 - static_cast<Long>(Error::Elsewhere);

/// Between regular files of one server: it copies by itself and shares what it can. copy_elsewhere: it does not.
Long copy_inside(Word from, std::uint64_t* from_offset, Word to, std::uint64_t* to_offset, Word length) {
    auto const copied = ipc::call<File::CopyFrom>(file(to), ipc::OptionalCap<File>{file(from)}, from_offset != nullptr ? *from_offset : File::current,
                                                  to_offset != nullptr ? *to_offset : File::current, length);
    if (!copied) {
        return copied.error() == Error::NoSpace || copied.error() == Error::Quota || copied.error() == Error::FileTooBig ? refuse(copied.error()) : copy_elsewhere;
    }
    if (from_offset != nullptr) {
        *from_offset += *copied;
    }
    if (to_offset != nullptr) {
        *to_offset += *copied;
    }
    return static_cast<Long>(*copied);
}

/// Copies through the vDSO's stack. Offsets: null for the files' own.
[[gnu::noinline]] Long copy_between(ThreadArea& thread, Word from, std::uint64_t* from_offset, Word to, std::uint64_t* to_offset, Word length) {
    if (is_regular(*find(thread, from)) && is_regular(*find(thread, to))) {
        if (Long const copied = copy_inside(from, from_offset, to, to_offset, length); copied != copy_elsewhere) {
            return copied;
        }
    }
    alignas(16) std::uint8_t chunk[copy_chunk];
    Word done = 0;
    while (done < length) {
        Word const want = std::min(length - done, copy_chunk);
        Long const got = read_bytes(thread, from, reinterpret_cast<Word>(chunk), want, from_offset);
        if (got <= 0) {
            return done != 0 ? static_cast<Long>(done) : got;
        }
        Long written = 0;
        while (written < got) {
            Long const part = write_bytes(thread, to, reinterpret_cast<Word>(chunk) + static_cast<Word>(written), static_cast<Word>(got - written), to_offset);
            if (part <= 0) {
                if (from_offset == nullptr) { // what was not written is not read
                    static_cast<void>(seek(thread, from, written - got, seek_current));
                }
                done += static_cast<Word>(written);
                if (from_offset != nullptr) {
                    *from_offset += static_cast<Word>(written);
                }
                return done != 0 ? static_cast<Long>(done) : part;
            }
            written += part;
            if (to_offset != nullptr) {
                *to_offset += static_cast<Word>(part);
            }
        }
        if (from_offset != nullptr) {
            *from_offset += static_cast<Word>(got);
        }
        done += static_cast<Word>(got);
    }
    return static_cast<Long>(done);
}

Long send_file(ThreadArea& thread, bool wide) {
    Descriptor const* const from = find(thread, argument2(thread));
    if (from == nullptr || find(thread, argument1(thread)) == nullptr) {
        return bad_descriptor;
    }
    if (!is_regular(*from)) {
        return invalid; // as Linux: only what could be mapped
    }
    Word const offset_address = argument3(thread);
    Word const length = std::min(argument4(thread), Word{0x7ffff000});
    if (offset_address == 0) {
        return copy_between(thread, argument2(thread), nullptr, argument1(thread), nullptr, length);
    }
    std::uint64_t offset = 0;
    if (wide ? !fetch(offset_address, offset) : !fetch(offset_address, reinterpret_cast<Word&>(offset))) {
        return fault;
    }
    Long const done = copy_between(thread, argument2(thread), &offset, argument1(thread), nullptr, length);
    if (done >= 0 && (wide ? !put(offset_address, offset) : !put(offset_address, static_cast<Word>(offset)))) {
        return fault;
    }
    return done;
}
} // namespace

Long sys_sendfile(ThreadArea& thread) { return send_file(thread, false); }
Long sys_sendfile64(ThreadArea& thread) { return send_file(thread, true); }

Long sys_copy_file_range(ThreadArea& thread) {
    Descriptor const* const from = find(thread, argument1(thread));
    Descriptor const* const to = find(thread, argument3(thread));
    if (from == nullptr || to == nullptr) {
        return bad_descriptor;
    }
    if (!is_regular(*from) || !is_regular(*to) || argument6(thread) != 0) {
        return invalid;
    }
    std::uint64_t from_offset = 0, to_offset = 0;
    bool const has_from = argument2(thread) != 0, has_to = argument4(thread) != 0;
    if ((has_from && !fetch(argument2(thread), from_offset)) || (has_to && !fetch(argument4(thread), to_offset))) {
        return fault;
    }
    Long const done = copy_between(thread, argument1(thread), has_from ? &from_offset : nullptr, argument3(thread), has_to ? &to_offset : nullptr,
                                   std::min(argument5(thread), Word{0x7ffff000}));
    if (done >= 0 && ((has_from && !put(argument2(thread), from_offset)) || (has_to && !put(argument4(thread), to_offset)))) {
        return fault;
    }
    return done;
}

namespace {
Long entries(ThreadArea& thread, Word descriptor, Word address, Word length) {
    if (find(thread, descriptor) == nullptr) {
        return bad_descriptor;
    }
    for (;;) {
        auto const got = ipc::call<File::GetDirectoryEntries>(file(descriptor), ipc::WriteBuffer{pointer<void>(address), length});
        if (!got) {
            return refuse(got.error());
        }
        if (got->count != 0 || got->fault == 0) {
            return static_cast<Long>(got->count);
        }
        if (!touch(thread, got->fault, address + length, true)) {
            return fault;
        }
    }
}
} // namespace

Long sys_getdents64(ThreadArea& thread) { return entries(thread, argument1(thread), argument2(thread), argument3(thread)); }
Long sys_getdents(ThreadArea& thread) {
    Long const got = entries(thread, argument1(thread), argument2(thread), argument3(thread));
    return got <= 0 ? got : static_cast<Long>(convert_directory_entries(pointer<std::uint8_t>(argument2(thread)), static_cast<Word>(got)));
}

Long sys_fsync(ThreadArea& thread) {
    return find(thread, argument1(thread)) == nullptr ? bad_descriptor : finish(ipc::call<File::Synchronize>(file(argument1(thread))));
}
Long sys_fdatasync(ThreadArea& thread) { return sys_fsync(thread); }
Long sys_sync_file_range(ThreadArea& thread) { return sys_fsync(thread); }
Long sys_sync(ThreadArea&) { return 0; } // nothing is kept back from a file system here

namespace {
Long truncate_open(ThreadArea& thread, std::uint64_t size) {
    if (find(thread, argument1(thread)) == nullptr) {
        return bad_descriptor;
    }
    return static_cast<std::int64_t>(size) < 0 ? invalid : finish(ipc::call<File::Truncate>(file(argument1(thread)), size));
}
} // namespace
Long sys_ftruncate(ThreadArea& thread) { return truncate_open(thread, static_cast<std::uint64_t>(static_cast<Long>(argument2(thread)))); }
Long sys_ftruncate64(ThreadArea& thread) { return truncate_open(thread, pair(argument2(thread), argument3(thread))); }

Long sys_fallocate(ThreadArea& thread) {
    constexpr Word keep_size = 1;
    if (find(thread, argument1(thread)) == nullptr) {
        return bad_descriptor;
    }
    if ((argument2(thread) & ~keep_size) != 0) {
        return refuse(Error::NotSupported);
    }
    std::uint64_t const end = pair(argument3(thread), argument4(thread)) + pair(argument5(thread), argument6(thread));
    auto const status = ipc::call<File::Stat>(file(argument1(thread)));
    if (!status) {
        return refuse(status.error());
    }
    if (argument2(thread) == keep_size || end <= status->size) {
        return 0;
    }
    return finish(ipc::call<File::Truncate>(file(argument1(thread)), end));
}

// --- locks ---
namespace {
inline constexpr std::int16_t lock_read = 0, lock_write = 1, lock_none = 2;
Long lock_file(ThreadArea& thread, Word descriptor, proto::LockRequest const& request) {
    if (find(thread, descriptor) == nullptr) {
        return bad_descriptor;
    }
    Interruptible const waiting{thread, request.wait != 0};
    return finish(ipc::call<File::Lock>(file(descriptor), request));
}
struct Flock32 { std::int16_t type, whence; std::int32_t start, length, process; };
struct [[gnu::packed]] Flock64 { std::int16_t type, whence; std::int64_t start, length; std::int32_t process; };

template <class Record> Long record_lock(ThreadArea& thread, bool get, bool wait) {
    Record record;
    if (!fetch(argument3(thread), record)) {
        return fault;
    }
    if (record.type < lock_read || record.type > lock_none) {
        return invalid;
    }
    if (get) { // no conflict is told of: whoever asks finds out by locking
        record.type = lock_none;
        return put(argument3(thread), record) ? 0 : fault;
    }
    proto::LockRequest const request{record.type, record.whence, record.start, record.length, thread.process_id, wait ? 1U : 0U};
    return lock_file(thread, argument1(thread), request);
}
} // namespace

Long sys_flock(ThreadArea& thread) {
    constexpr Word shared = 1, exclusive = 2, non_blocking = 4, unlock = 8;
    Word const operation = argument2(thread) & ~non_blocking;
    if (operation != shared && operation != exclusive && operation != unlock) {
        return invalid;
    }
    // Owner 0: the open file itself, as flock(2) has it.
    proto::LockRequest const request{operation == shared ? lock_read : operation == exclusive ? lock_write : lock_none, 0, 0, 0, 0,
                                     (argument2(thread) & non_blocking) != 0 ? 0U : 1U};
    return lock_file(thread, argument1(thread), request);
}

Long sys_fcntl(ThreadArea& thread) {
    Word const descriptor = argument1(thread), value = argument3(thread);
    Descriptor* const open = find(thread, descriptor);
    if (open == nullptr) {
        return bad_descriptor;
    }
    switch (argument2(thread)) {
    case 0: // F_DUPFD
    case 1030: // F_DUPFD_CLOEXEC
        return value >= linux_process::descriptor_maximum ? invalid : duplicate(thread, descriptor, value, argument2(thread) == 1030);
    case 1: return open->close_on_exec;
    case 2:
        open->close_on_exec = value & 1;
        return 0;
    case 3: return finish(ipc::call<File::GetFlags>(file(descriptor)));
    case 4: return finish(ipc::call<File::SetFlags>(file(descriptor), value));
    case 5: return record_lock<Flock32>(thread, true, false);
    case 6: return record_lock<Flock32>(thread, false, false);
    case 7: return record_lock<Flock32>(thread, false, true);
    case 12: case 36: return record_lock<Flock64>(thread, true, false);
    case 13: case 37: return record_lock<Flock64>(thread, false, false);
    case 14: case 38: return record_lock<Flock64>(thread, false, true);
    case 8: case 10: return 0;  // F_SETOWN, F_SETSIG: no SIGIO is ever due
    case 9: case 11: return 0;
    case 1031: case 1032: return 65536; // F_SETPIPE_SZ, F_GETPIPE_SZ: vfs has one size
    default: return invalid;
    }
}

Long sys_close_range(ThreadArea& thread) {
    constexpr Word unshare = 2, close_on_exec = 4;
    Word const first = argument1(thread), last = std::min(argument2(thread), linux_process::descriptor_maximum - 1);
    if (first > argument2(thread) || (argument3(thread) & ~(unshare | close_on_exec)) != 0) {
        return invalid;
    }
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

namespace {
/// Two reserved descriptors with consecutive-slot arrivals are rare: the pair arrives in a window and is moved if need be.
struct Pair { Long first, second; };
Long reserve_pair(ThreadArea& thread, Pair& numbers) {
    numbers.first = reserve(thread);
    if (numbers.first < 0) {
        return numbers.first;
    }
    numbers.second = reserve(thread);
    if (numbers.second < 0) {
        release(thread, static_cast<Word>(numbers.first));
        return numbers.second;
    }
    return 0;
}

/// make(window) is a call whose reply has two Files.
template <class Make> Long make_pair(ThreadArea& thread, Word address, bool close_on_exec, proto::FileKind kind, Make make) {
    Pair numbers;
    if (Long const error = reserve_pair(thread, numbers); error < 0) {
        return error;
    }
    Long window = numbers.first;
    Long borrowed[2] = {-1, -1};
    if (numbers.second != numbers.first + 1) { // find two neighbours above everything that is open
        Word const above = std::max(files(thread).highest, static_cast<Word>(numbers.second) + 1);
        borrowed[0] = window = reserve(thread, above);
        borrowed[1] = window < 0 ? window : reserve(thread, above + 1);
        if (window < 0 || borrowed[1] != window + 1) {
            for (Long const number : {numbers.first, numbers.second, borrowed[0], borrowed[1]}) {
                if (number >= 0) {
                    release(thread, static_cast<Word>(number));
                }
            }
            return refuse(Error::TooManyFiles);
        }
    }
    auto const made = make(slot_of(static_cast<Word>(window)));
    if (made && borrowed[0] >= 0) {
        static_cast<void>(own_slots().move(slot_of(static_cast<Word>(numbers.first)), own_slots(), slot_of(static_cast<Word>(window))));
        static_cast<void>(own_slots().move(slot_of(static_cast<Word>(numbers.second)), own_slots(), slot_of(static_cast<Word>(window) + 1)));
    }
    for (Long const number : borrowed) {
        if (number >= 0) {
            release(thread, static_cast<Word>(number));
        }
    }
    std::int32_t const result[2] = {numbers.first, numbers.second};
    if (!made || !put_bytes(address, result, sizeof result)) {
        for (Long const number : result) {
            if (made) {
                clear_slot(static_cast<Word>(number));
            }
            release(thread, static_cast<Word>(number));
        }
        return made ? fault : refuse(made.error());
    }
    install(thread, static_cast<Word>(numbers.first), kind, close_on_exec);
    install(thread, static_cast<Word>(numbers.second), kind, close_on_exec);
    return 0;
}
Long make_pipe(ThreadArea& thread, Word flags) {
    constexpr Word direct = 0x4000;
    if ((flags & ~(open_close_on_exec | open_nonblock | direct)) != 0) {
        return invalid;
    }
    return make_pair(thread, argument1(thread), (flags & open_close_on_exec) != 0, proto::FileKind::Fifo,
                     [&](Word window) { return ipc::call_into<proto::VfsSession::Pipe>(window, vfs, flags & open_nonblock); });
}
} // namespace

Long sys_pipe(ThreadArea& thread) { return make_pipe(thread, 0); }
Long sys_pipe2(ThreadArea& thread) { return make_pipe(thread, argument2(thread)); }

Long socket_pair(ThreadArea& thread, Word domain, Word type, Word protocol, Word address) {
    constexpr Word unix_domain = 1;
    if (domain != unix_domain) {
        return refuse(domain == 2 || domain == 10 ? Error::NotSupported : Error::AddressFamilyNotSupported);
    }
    if (protocol != 0 && protocol != unix_domain) {
        return refuse(Error::ProtocolNotSupported);
    }
    return make_pair(thread, address, (type & open_close_on_exec) != 0, proto::FileKind::LocalSocket, [&](Word window) {
        return knowing_network(thread, [&] { return ipc::call_into<LocalSockets::Pair>(window, local_sockets, type & ~open_close_on_exec); });
    });
}

Long sys_memfd_create(ThreadArea& thread) {
    constexpr Word close_on_exec = 1, allow_sealing = 2;
    if (auto const name = fetch_path(argument1(thread)); !name || name->length > 249) {
        return name ? invalid : refuse(name.error());
    }
    if ((argument2(thread) & ~(close_on_exec | allow_sealing | 8U | 16U)) != 0) {
        return invalid;
    }
    Long const number = reserve(thread);
    if (number < 0) {
        return number;
    }
    auto const made = ipc::call_into<proto::VfsSession::AnonymousFile>(slot_of(static_cast<Word>(number)), vfs, argument2(thread), std::uint64_t{0});
    if (!made) {
        release(thread, static_cast<Word>(number));
        return refuse(made.error());
    }
    install(thread, static_cast<Word>(number), proto::FileKind::Regular, (argument2(thread) & close_on_exec) != 0);
    return number;
}

} // namespace vdso
