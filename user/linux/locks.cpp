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

/// What F_GETLK tells; `process` is the caller's word for the holder.
ipc::Result<proto::LockHeld> lock_in_the_way(ThreadArea& thread, Word descriptor, proto::LockRequest const& request) {
    auto held = ipc::call<proto::VfsSession::GetLock>(vfs, ipc::OptionalCap<File>{file(descriptor)}, request);
    if (held && held->holder > 0) {
        held->holder =
            static_cast<Long>(ipc::call<proto::Process::Control>(process(thread), proto::Process::lock_holder,
                                                                 static_cast<Word>(held->holder), 0U, 0U, 0U)
                                  .value_or(0));
    }
    return held;
}

enum class Operation { Get, Set, Wait };
template <class Record>
[[gnu::noinline]] Long record_lock(ThreadArea& thread, Operation operation, Word owner) {
    Record record;
    Word const descriptor = argument1(thread);
    if (!fetch(argument3(thread), record)) { return fault; }
    bool const get = operation == Operation::Get, of_description = owner == proto::LockRequest::description;
    if (record.type < lock_read || record.type > lock_none || (get && record.type == lock_none) ||
        (of_description && record.process != 0)) {
        return invalid;
    }
    proto::LockRequest const request{record.type,   record.whence, record.start,
                                     record.length, owner,         operation == Operation::Wait ? 1U : 0U};
    if (get) {
        auto const held = lock_in_the_way(thread, descriptor, request);
        if (!held) { return refuse(held.error()); }
        record.type = held->type;
        if (held->type != lock_none) {
            record.whence = 0;
            record.start = static_cast<decltype(record.start)>(held->start);
            record.length = static_cast<decltype(record.length)>(held->length);
            record.process = held->holder;
            if (record.start != held->start || record.length != held->length) { return refuse(Error::Overflow); }
        }
        return put(argument3(thread), record) ? 0 : fault;
    }
    if (of_description) { return lock_file(thread, descriptor, request); }
    files(thread).record_locks = 1;
    Interruptible const waiting{thread, request.wait != 0};
    return finish(ipc::call<proto::VfsSession::Lock>(vfs, ipc::OptionalCap<File>{file(descriptor)}, request));
}
} // namespace

Long sys_flock(ThreadArea& thread) {
    constexpr Word shared = 1, exclusive = 2, non_blocking = 4, unlock = 8;
    Word const operation = argument2(thread) & ~non_blocking;
    if (operation != shared && operation != exclusive && operation != unlock) { return invalid; }
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
    constexpr Word of_process = proto::LockRequest::process, of_description = proto::LockRequest::description;
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
    case 5: return record_lock<Flock32>(thread, Operation::Get, of_process);
    case 6: return record_lock<Flock32>(thread, Operation::Set, of_process);
    case 7: return record_lock<Flock32>(thread, Operation::Wait, of_process);
    case 12: return record_lock<Flock64>(thread, Operation::Get, of_process);
    case 13: return record_lock<Flock64>(thread, Operation::Set, of_process);
    case 14: return record_lock<Flock64>(thread, Operation::Wait, of_process);
    case 36: return record_lock<Flock64>(thread, Operation::Get, of_description);
    case 37: return record_lock<Flock64>(thread, Operation::Set, of_description);
    case 38: return record_lock<Flock64>(thread, Operation::Wait, of_description);
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
