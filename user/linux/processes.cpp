// Processes and threads: clone, exec, exit, wait, groups, TLS, futex, pidfds.
#include "calls.hpp"
#include "clock.hpp"
#include "descriptors.hpp"
#include "signal_numbers.hpp"
#include "times.hpp"
#include "walk.hpp"

namespace vdso {

using proto::Process;

namespace {
namespace clone_flag {
inline constexpr Word vm = 0x100, pidfd = 0x1000, vfork = 0x4000, parent_settid = 0x100000, detached = 0x400000,
                      new_time = 0x80, signal_mask = 0xff;
} // namespace clone_flag

Long clone(ThreadArea& thread, proto::CloneArguments const& arguments) {
    if ((arguments.flags & clone_flag::pidfd) == 0) [[likely]] {
        return finish(ipc::call<Process::Clone>(process(thread), arguments));
    }
    Long const number = reserve(thread);
    if (number < 0) { return number; }
    proto::CloneArguments with_descriptor = arguments;
    with_descriptor.pidfd_descriptor = static_cast<Word>(number);
    auto const made = ipc::call<Process::Clone>(process(thread), with_descriptor);
    if (!made) {
        release(thread, static_cast<Word>(number));
        return refuse(made.error());
    }
    install(thread, static_cast<Word>(number), proto::FileKind::Process, true);
    return *made;
}
} // namespace

Long sys_fork(ThreadArea& thread) { return clone(thread, {0, 0, 0, 0, 0, signal_number::child, 0, 0}); }
Long sys_vfork(ThreadArea& thread) {
    return clone(thread, {clone_flag::vm | clone_flag::vfork, 0, 0, 0, 0, signal_number::child, 0, 0});
}
Long sys_clone(ThreadArea& thread) {
    Word const flags = argument1(thread);
    // CLONE_PIDFD puts the descriptor where parent_tid points.
    if ((flags & clone_flag::pidfd) != 0 && (flags & (clone_flag::parent_settid | clone_flag::detached)) != 0) {
        return invalid;
    }
    return clone(thread, {flags & ~clone_flag::signal_mask, argument2(thread), argument3(thread), argument5(thread),
                          argument4(thread), flags & clone_flag::signal_mask, argument3(thread), 0});
}
Long sys_clone3(ThreadArea& thread) {
    struct {
        std::uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
            cgroup;
    } a{};
    constexpr Word first_version = 64;
    Word const size = argument2(thread);
    if (size < first_version || size > abi::page_size) { return invalid; }
    if (!fetch_bytes(&a, argument1(thread), std::min<Word>(size, sizeof a))) { return fault; }
    constexpr Word never = clone_flag::detached | (clone_flag::signal_mask & ~clone_flag::new_time);
    if (a.flags >> 32 != 0 || (a.stack == 0) != (a.stack_size == 0) || a.exit_signal > signal_number::last ||
        (a.flags & never) != 0 || (a.set_tid == 0) != (a.set_tid_size == 0)) {
        return invalid;
    }
    if (a.set_tid != 0) {
        return refuse(Error::NotPermitted); // needs CAP_CHECKPOINT_RESTORE, and PIDs that can be chosen
    }
    Word const stack = static_cast<Word>(a.stack) + static_cast<Word>(a.stack_size);
    return clone(thread,
                 {static_cast<Word>(a.flags), stack, static_cast<Word>(a.parent_tid), static_cast<Word>(a.child_tid),
                  static_cast<Word>(a.tls), static_cast<Word>(a.exit_signal), static_cast<Word>(a.pidfd), 0});
}

Long sys_execve(ThreadArea& thread) {
    return finish(ipc::call<Process::Execute>(process(thread), argument1(thread), argument2(thread), argument3(thread),
                                              0U, ipc::OptionalCap<proto::File>{}));
}
Long sys_execveat(ThreadArea& thread) {
    ipc::OptionalCap<proto::File> directory;
    if (argument1(thread) != at_current_directory) {
        if (find(thread, argument1(thread)) == nullptr) { return bad_descriptor; }
        directory = file(argument1(thread));
    }
    return finish(ipc::call<Process::Execute>(process(thread), argument2(thread), argument3(thread), argument4(thread),
                                              argument5(thread), directory));
}
namespace {
Long leave(ThreadArea& thread, Word whole) {
    for (;;) { // proc ends us before it answers
        static_cast<void>(ipc::call<Process::Exit>(process(thread), argument1(thread), whole));
    }
}
} // namespace
Long sys_exit(ThreadArea& thread) { return leave(thread, 0); }
Long sys_exit_group(ThreadArea& thread) { return leave(thread, 1); }

// --- wait ---
namespace {
inline constexpr Word wait_all = 0, wait_process = 1, wait_group = 2, wait_pidfd = 3;
inline constexpr Word wait_exited = 4;

ipc::Result<proto::WaitResult> wait(ThreadArea& thread, Word which, Long id, Word options) {
    Interruptible const waiting{thread};
    return ipc::call<Process::Wait>(process(thread), which, id, options);
}
ipc::Result<proto::WaitResult> wait_descriptor(ThreadArea& thread, Word descriptor, Word options) {
    Interruptible const waiting{thread};
    return ipc::call<Process::WaitProcess>(process(thread), file(descriptor), options);
}
Long wait_old(ThreadArea& thread, Long pid, Word status_address, Word options, Word usage_address) {
    constexpr Word allowed = 1 | 2 | 8 | 0xe0000000;
    if ((options & ~allowed) != 0) { return invalid; }
    Word const which = pid == -1 ? wait_all : pid > 0 ? wait_process : wait_group;
    if (pid == static_cast<Long>(0x80000000)) { return refuse(Error::NoProcess); }
    auto const result = wait(thread, which, pid > 0 ? pid : pid == -1 ? 0 : -pid, options | wait_exited);
    if (!result) { return refuse(result.error()); }
    if (result->pid == 0) { return 0; }
    if (status_address != 0 && !put(status_address, result->status)) { return fault; }
    if (usage_address != 0) {
        if (!put(usage_address, resource_usage(static_cast<std::uint64_t>(result->user_microseconds) * 1000,
                                               static_cast<std::uint64_t>(result->system_microseconds) * 1000, 0, 0))) {
            return fault;
        }
    }
    return result->pid;
}
} // namespace

Long sys_wait4(ThreadArea& thread) {
    return wait_old(thread, static_cast<Long>(argument1(thread)), argument2(thread), argument3(thread),
                    argument4(thread));
}
Long sys_waitpid(ThreadArea& thread) {
    return wait_old(thread, static_cast<Long>(argument1(thread)), argument2(thread), argument3(thread), 0);
}

Long sys_waitid(ThreadArea& thread) {
    constexpr Word stopped = 2, continued = 8, allowed = 1 | 2 | 4 | 8 | 0x01000000 | 0xe0000000;
    Word const options = argument4(thread);
    if ((options & ~allowed) != 0 || (options & (wait_exited | stopped | continued)) == 0 ||
        argument1(thread) > wait_pidfd) {
        return invalid;
    }
    bool const by_descriptor = argument1(thread) == wait_pidfd;
    if (by_descriptor && find(thread, argument2(thread)) == nullptr) { return bad_descriptor; }
    auto const result = by_descriptor ? wait_descriptor(thread, argument2(thread), options)
                                      : wait(thread, argument1(thread), static_cast<Long>(argument2(thread)), options);
    if (!result) { return refuse(result.error()); }
    if (argument3(thread) != 0) {
        struct {
            std::int32_t number, error, code, pid;
            Word user;
            std::int32_t status, user_time, system_time;
            std::uint8_t rest[96];
        } info{};
        static_assert(sizeof info == 128);
        if (result->pid != 0) {
            constexpr Word code_exited = 1, code_stopped = 5, code_trapped = 4, code_continued = 6;
            Word const status = static_cast<Word>(result->status);
            info.number = signal_number::child;
            info.code = static_cast<Long>(result->code);
            info.pid = result->pid;
            info.user = result->user;
            info.status = static_cast<Long>(result->code == code_continued ? signal_number::cont
                                            : result->code == code_exited || result->code == code_stopped ||
                                                    result->code == code_trapped
                                                ? status >> 8 & 0xff
                                                : status & 0x7f);
            info.user_time = static_cast<Long>(result->user_microseconds / 10000);
            info.system_time = static_cast<Long>(result->system_microseconds / 10000);
        }
        if (!put(argument3(thread), info)) { return fault; }
    }
    return 0;
}

// --- groups and sessions ---
Long sys_getpid(ThreadArea& thread) { return static_cast<Long>(thread.process_id); }
Long sys_gettid(ThreadArea& thread) { return static_cast<Long>(thread.thread_id); }
Long sys_getppid(ThreadArea& thread) { return finish(ipc::call<Process::GetParent>(process(thread))); }
Long sys_setpgid(ThreadArea& thread) {
    return finish(ipc::call<Process::SetGroup>(process(thread), static_cast<Long>(argument1(thread)),
                                               static_cast<Long>(argument2(thread))));
}
Long sys_getpgid(ThreadArea& thread) {
    return finish(ipc::call<Process::GetGroup>(process(thread), static_cast<Long>(argument1(thread))));
}
Long sys_getpgrp(ThreadArea& thread) { return finish(ipc::call<Process::GetGroup>(process(thread), 0)); }
Long sys_setsid(ThreadArea& thread) { return finish(ipc::call<Process::SetSession>(process(thread))); }
Long sys_getsid(ThreadArea& thread) {
    return finish(ipc::call<Process::GetSession>(process(thread), static_cast<Long>(argument1(thread))));
}

// --- threads ---
Long sys_set_thread_area(ThreadArea& thread) {
    struct {
        Word entry, base, limit, flags;
    } descriptor;
    if (!fetch(argument1(thread), descriptor)) { return fault; }
    auto const entry = ipc::call<Process::SetTls>(process(thread), descriptor.entry, descriptor.base, descriptor.limit,
                                                  descriptor.flags);
    if (!entry) { return refuse(entry.error()); }
    return put(argument1(thread), *entry) ? 0 : fault;
}
Long sys_set_tid_address(ThreadArea& thread) {
    return finish(ipc::call<Process::SetTidAddress>(process(thread), argument1(thread)));
}
Long sys_set_robust_list(ThreadArea& thread) {
    constexpr Word head_size = 12;
    return argument2(thread) != head_size
               ? invalid
               : finish(ipc::call<Process::SetRobustList>(process(thread), argument1(thread)));
}

namespace {
template <class Time>
Long futex(ThreadArea& thread) {
    constexpr Word wait = 0, requeue = 3, compare_requeue = 4, wake_operation = 5, lock_pi = 6, wait_bitset = 9,
                   wait_requeue_pi = 11, lock_pi2 = 13, real_time = 256, command_mask = 0x7f;
    Word const command = argument2(thread) & command_mask;
    if (argument1(thread) % 4 != 0) { return invalid; }
    std::uint64_t deadline = ~std::uint64_t{0};
    bool const waits = command == wait || command == wait_bitset || command == lock_pi || command == wait_requeue_pi ||
                       command == lock_pi2;
    if (command == requeue || command == compare_requeue || command == wake_operation) {
        deadline = argument4(thread); // the second count
    } else if (waits && argument4(thread) != 0) {
        Time time;
        if (!fetch(argument4(thread), time)) { return fault; }
        if (!valid_time(time)) { return invalid; }
        std::uint64_t const nanoseconds = nanoseconds_of(time);
        bool const wall = command == lock_pi || (argument2(thread) & real_time) != 0;
        deadline = command == wait ? restartable_deadline(thread, nanoseconds)
                   : wall          ? wall_to_boot(thread, nanoseconds)
                                   : monotonic_to_boot(thread, clock_monotonic, nanoseconds);
    }
    if (command == wait || command == wait_bitset) {
        Word now;
        if (!fetch(argument1(thread), now)) { return fault; }
        if (now != argument3(thread)) { return refuse(Error::Again); }
    }
    Interruptible const waiting{thread, waits};
    return finish(ipc::call<Process::Futex>(process(thread), argument1(thread), argument2(thread) & ~real_time,
                                            argument3(thread), deadline, argument5(thread), argument6(thread)));
}
} // namespace
Long sys_futex(ThreadArea& thread) { return futex<TimeSpec32>(thread); }
Long sys_futex64(ThreadArea& thread) { return futex<TimeSpec64>(thread); }

// --- the rest ---
Long sys_pidfd_send_signal(ThreadArea& thread) {
    if (argument4(thread) != 0) { return invalid; }
    if (find(thread, argument1(thread)) == nullptr) { return bad_descriptor; }
    proto::SignalInformation information{};
    if (argument3(thread) != 0) {
        struct {
            std::int32_t number, error, code, pid;
            Word user, value;
        } given; // siginfo_t's beginning
        if (!fetch(argument3(thread), given)) { return fault; }
        information = {given.number, given.error, given.code, given.pid, given.user, 0, 0, given.value};
    }
    return finish(ipc::call<Process::SignalProcess>(process(thread), file(argument1(thread)), argument2(thread),
                                                    argument3(thread) != 0 ? 1U : 0U, information));
}
Long sys_pidfd_open(ThreadArea& thread) {
    constexpr Word nonblock = 0x800;
    if ((argument2(thread) & ~nonblock) != 0 || static_cast<Long>(argument1(thread)) <= 0) { return invalid; }
    Long const number = reserve(thread);
    if (number < 0) { return number; }
    auto const opened = ipc::call_into<Process::OpenProcess>(slot_of(static_cast<Word>(number)), process(thread),
                                                             static_cast<Long>(argument1(thread)), argument2(thread));
    if (!opened) {
        release(thread, static_cast<Word>(number));
        return refuse(opened.error());
    }
    install(thread, static_cast<Word>(number), proto::FileKind::Process, true);
    return number;
}
Long sys_prctl(ThreadArea& thread) {
    return finish(ipc::call<Process::Control>(process(thread), argument1(thread), argument2(thread), argument3(thread),
                                              argument4(thread), argument5(thread)));
}
Long sys_personality(ThreadArea& thread) { return argument1(thread) == 0 || argument1(thread) == ~0U ? 0 : invalid; }

} // namespace vdso
