// flock, and fcntl with its record locks.
#include "calls.hpp"
#include "descriptors.hpp"
#include "transfer.hpp"
#include "walk.hpp"

namespace vdso {

using proto::File;

namespace {
inline constexpr std::int16_t lock_read = 0, lock_write = 1, lock_none = 2;
Long lock_file(ThreadArea& thread, Word descriptor, proto::LockRequest const& request) {
    if (find(thread, descriptor) == nullptr) { return bad_descriptor; }
    Interruptible const waiting{thread, request.wait != 0};
    return finish(ipc::call<File::Lock>(file(descriptor), request));
}
struct Flock32 {
    std::int16_t type, whence;
    std::int32_t start, length, process;
};
struct [[gnu::packed]] Flock64 {
    std::int16_t type, whence;
    std::int64_t start, length;
    std::int32_t process;
};

template <class Record>
Long record_lock(ThreadArea& thread, bool get, bool wait) {
    Record record;
    if (!fetch(argument3(thread), record)) { return fault; }
    if (record.type < lock_read || record.type > lock_none) { return invalid; }
    if (get) { // no conflict is told of: whoever asks finds out by locking
        record.type = lock_none;
        return put(argument3(thread), record) ? 0 : fault;
    }
    proto::LockRequest const request{record.type,   record.whence,     record.start,
                                     record.length, thread.process_id, wait ? 1U : 0U};
    return lock_file(thread, argument1(thread), request);
}
} // namespace

Long sys_flock(ThreadArea& thread) {
    constexpr Word shared = 1, exclusive = 2, non_blocking = 4, unlock = 8;
    Word const operation = argument2(thread) & ~non_blocking;
    if (operation != shared && operation != exclusive && operation != unlock) { return invalid; }
    // Owner 0: the open file itself, as flock(2) has it.
    proto::LockRequest const request{operation == shared      ? lock_read
                                     : operation == exclusive ? lock_write
                                                              : lock_none,
                                     0,
                                     0,
                                     0,
                                     0,
                                     (argument2(thread) & non_blocking) != 0 ? 0U : 1U};
    return lock_file(thread, argument1(thread), request);
}

Long sys_fcntl(ThreadArea& thread) {
    Word const descriptor = argument1(thread), value = argument3(thread);
    Descriptor* const open = find(thread, descriptor);
    if (open == nullptr) { return bad_descriptor; }
    switch (argument2(thread)) {
    case 0:    // F_DUPFD
    case 1030: // F_DUPFD_CLOEXEC
        return value >= linux_process::descriptor_maximum
                   ? invalid
                   : duplicate(thread, descriptor, value, argument2(thread) == 1030);
    case 1: return open->close_on_exec;
    case 2: open->close_on_exec = value & 1; return 0;
    case 3: return finish(ipc::call<File::GetFlags>(file(descriptor)));
    case 4: return finish(ipc::call<File::SetFlags>(file(descriptor), value));
    case 5: return record_lock<Flock32>(thread, true, false);
    case 6: return record_lock<Flock32>(thread, false, false);
    case 7: return record_lock<Flock32>(thread, false, true);
    case 12:
    case 36: return record_lock<Flock64>(thread, true, false);
    case 13:
    case 37: return record_lock<Flock64>(thread, false, false);
    case 14:
    case 38: return record_lock<Flock64>(thread, false, true);
    case 8:
    case 10: return 0; // F_SETOWN, F_SETSIG: no SIGIO is ever due
    case 9:
    case 11: return 0;
    case 1031:
    case 1032: return 65536; // F_SETPIPE_SZ, F_GETPIPE_SZ: vfs has one size
    default: return invalid;
    }
}

} // namespace vdso
