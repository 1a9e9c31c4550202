// semget(2), semop(2), semtimedop(2), semctl(2).
#include "sysv.hpp"
#include "times.hpp"

namespace vdso {

using namespace sysv;

namespace {
inline constexpr Word get_process = 11, get_value = 12, get_all = 13, get_waiting = 14, get_waiting_for_zero = 15,
                      set_value = 16, set_all = 17;
inline constexpr Word sem_status = 18, sem_information = 19, sem_status_any = 20;
inline constexpr std::uint64_t for_ever = ~std::uint64_t{0};
inline constexpr Word operation_bytes = 6, operation_maximum = 1024;

struct SetStatus { // struct semid64_ds
    Permissions permissions;
    Time operation, change;
    Word count, unused[2];
};
static_assert(sizeof(SetStatus) == 64);

Long set_information(ThreadArea& thread, bool use_of_memory, Word buffer) {
    auto const use = ask(thread, [&] { return ipc::call<V::Use>(owner); });
    auto const limits = ask(thread, [&] { return ipc::call<V::Limits>(owner); });
    if (!use || !limits) { return refuse(use ? limits.error() : use.error()); }
    struct {
        Word map, semmni, semmns, semmnu, semmsl, semopm, semume, semusz, semvmx, semaem;
    } out{limits->semmns, limits->semmni, limits->semmns, limits->semmns,
          limits->semmsl, limits->semopm, limits->semopm, 20,
          32767,          32767};
    if (use_of_memory) {
        out.semusz = use->sets;
        out.semaem = use->semaphores;
    }
    return put(buffer, out) ? (use->highest_set < 0 ? 0 : use->highest_set) : fault;
}

/// GETALL and SETALL: again while pages of the array are missing. The owner knows how long it is.
Long all_values(ThreadArea& thread, Word id, bool setting, Word array) {
    constexpr Word most_bytes = 65535 * 2;
    if (!user_range(array, 1)) { return fault; }
    Word const length = std::min(most_bytes, abi::user_end - array);
    for (int attempt = 0; attempt < 40; ++attempt) {
        auto const done = ask(thread, [&] {
            return setting ? ipc::call<V::SetAll>(owner, static_cast<Long>(id),
                                                  ipc::ReadBuffer{pointer<void>(array), length})
                           : ipc::call<V::GetAll>(owner, static_cast<Long>(id),
                                                  ipc::WriteBuffer{pointer<void>(array), length});
        });
        if (!done) { return refuse(done.error()); }
        if (done->fault == 0) { return 0; }
        if (!touch(thread, done->fault, done->fault + 1, !setting)) { return fault; }
    }
    return fault;
}

Long get_set(ThreadArea& thread, Word key, Word count, Word flags) {
    return finish(ask(thread, [&] { return ipc::call<V::GetSet>(owner, static_cast<Long>(key), count, flags); }));
}

template <class Time>
Long timed(ThreadArea& thread, Word id, Word operations, Word count, Word time) {
    if (time == 0) { return semaphore_operations(thread, id, operations, count, for_ever); }
    Time wanted;
    if (!fetch(time, wanted)) { return fault; }
    if (!valid_time(wanted)) { return invalid; }
    return semaphore_operations(thread, id, operations, count, restartable_deadline(thread, nanoseconds_of(wanted)));
}
} // namespace

Long sysv::semaphore_operations(ThreadArea& thread, Word id, Word operations, Word count, std::uint64_t deadline) {
    if (count == 0 || static_cast<Long>(id) < 0) { return invalid; }
    if (count > operation_maximum) { return refuse(Error::ArgumentsTooLong); }
    Word const bytes = count * operation_bytes;
    if (!user_range(operations, bytes)) { return fault; }
    auto const attempt = [&] {
        return ask(thread, [&] {
            Interruptible const waiting{thread};
            return ipc::call<V::Operate>(owner, static_cast<Long>(id), count, deadline,
                                         ipc::ReadBuffer{pointer<void>(operations), bytes});
        });
    };
    auto done = attempt();
    if (!done && done.error() == Error::Fault && touch(thread, operations, operations + bytes, false)) {
        done = attempt();
    }
    if (!done && done.error() == Error::CallInterrupted) { return restart_never; }
    return finish(done);
}

Long sysv::control_set(ThreadArea& thread, Word id, Word index, Word command, Word argument) {
    if (static_cast<Long>(id) < 0) { return invalid; }
    proto::SystemVPermissions wanted{};
    Word asked = command;
    switch (command) {
    case information:
    case sem_information: return set_information(thread, command == sem_information, argument);
    case get_all:
    case set_all: return all_values(thread, id, command == set_all, argument);
    case get_process:
    case get_value:
    case get_waiting:
    case get_waiting_for_zero:
    case set_value:
        return finish(ask(thread, [&] {
            return ipc::call<V::ControlSemaphore>(owner, static_cast<Long>(id), index, command,
                                                  static_cast<Long>(argument));
        }));
    case sem_status: asked = V::status_by_index; break;
    case sem_status_any: asked = V::any_status_by_index; break;
    case set:
        if (!fetch_permissions(argument, wanted)) { return fault; }
        break;
    case remove:
    case status: break;
    default: return invalid;
    }
    auto const answer =
        ask(thread, [&] { return ipc::call<V::ControlSet>(owner, static_cast<Long>(id), asked, wanted); });
    if (!answer) { return refuse(answer.error()); }
    if (command == remove || command == set) { return 0; }
    auto const& [result, one] = *answer;
    SetStatus const out{
        permissions_of(one.permissions), time_of(one.operation_time), time_of(one.change_time), one.count, {}};
    return put(argument, out) ? result : fault;
}

Long sys_semget(ThreadArea& thread) { return get_set(thread, argument1(thread), argument2(thread), argument3(thread)); }
Long sys_semctl(ThreadArea& thread) {
    return control_set(thread, argument1(thread), argument2(thread), argument3(thread) & ~modern_layout,
                       argument4(thread));
}
Long sys_semtimedop64(ThreadArea& thread) {
    return timed<TimeSpec64>(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread));
}

// --- ipc(2): one number for all of them ---
Long sys_ipc(ThreadArea& thread) {
    constexpr Word semop = 1, semget = 2, semctl = 3, semtimedop = 4, msgsnd = 11, msgrcv = 12, msgget = 13,
                   msgctl = 14, shmat = 21, shmdt = 22, shmget = 23, shmctl = 24;
    Word const call = argument1(thread) & 0xffff, version = argument1(thread) >> 16;
    Word const first = argument2(thread), second = argument3(thread), third = argument4(thread),
               buffer = argument5(thread), fifth = argument6(thread);
    auto const as = [&](Handler handler, Word a, Word b, Word c) {
        auto const saved = thread.frame;
        thread.frame.ebx = a;
        thread.frame.ecx = b;
        thread.frame.edx = c;
        Long const result = handler(thread);
        thread.frame = saved;
        return result;
    };
    switch (call) {
    case semop: return semaphore_operations(thread, first, buffer, second, for_ever);
    case semtimedop: return timed<TimeSpec32>(thread, first, buffer, second, fifth);
    case semget: return as(&sys_semget, first, second, third);
    case semctl: { // the argument is behind the pointer
        Word argument = 0;
        if (buffer == 0) { return invalid; }
        return fetch(buffer, argument) ? control_set(thread, first, second, third & ~modern_layout, argument) : fault;
    }
    case msgsnd: return send(thread, first, buffer, second, third);
    case msgrcv:
        if (version == 0) {
            struct {
                Word message;
                Long type;
            } old{};
            if (buffer == 0) { return invalid; }
            return fetch(buffer, old) ? receive(thread, first, old.message, second, old.type, third) : fault;
        }
        return receive(thread, first, buffer, second, static_cast<Long>(fifth), third);
    case msgget: return as(&sys_msgget, first, second, 0);
    case msgctl: return control_queue(thread, first, second & ~modern_layout, buffer);
    case shmat: {
        Word address = 0;
        if (version == 1) { return invalid; }
        Long const error = attach(thread, first, buffer, second, address);
        return error != 0 ? error : put(third, address) ? 0 : fault;
    }
    case shmdt: return as(&sys_shmdt, buffer, 0, 0);
    case shmget: return as(&sys_shmget, first, second, third);
    case shmctl: return control_segment(thread, first, second & ~modern_layout, buffer);
    default: return not_implemented;
    }
}

} // namespace vdso
