// eventfd(2), timerfd_create(2), signalfd(2).
#include "event_files.hpp"
#include "calls.hpp"
#include "polling.hpp"

namespace vdso {

using proto::EventFiles;
using proto::FileKind;
using proto::Process;
using proto::Timer;

namespace {
inline constexpr Word nonblock = 0x800, close_on_exec = 0x80000;

Long make_event(ThreadArea& thread, Word flags) {
    constexpr Word semaphore = 1;
    if ((flags & ~(semaphore | nonblock | close_on_exec)) != 0) { return invalid; }
    return open_event_file(thread, FileKind::Event, flags, [&](abi::CapabilityPointer slot) {
        return ipc::call_into<EventFiles::NewEvent>(slot, event_files, argument1(thread), flags & ~close_on_exec);
    });
}

/// struct itimerspec.
template <class Time>
struct TimerTimes {
    Time interval, value;
};
TimeSpec32 time_of(std::uint64_t nanoseconds, TimeSpec32*) {
    SplitTime const time = split(nanoseconds);
    return {static_cast<std::int32_t>(time.seconds), static_cast<std::int32_t>(time.nanoseconds)};
}
TimeSpec64 time_of(std::uint64_t nanoseconds, TimeSpec64*) {
    SplitTime const time = split(nanoseconds);
    return {static_cast<std::int64_t>(time.seconds), static_cast<std::int32_t>(time.nanoseconds), 0};
}
template <class Time>
Long put_times(Word address, proto::TimerValue const& value) {
    constexpr Time* like = nullptr;
    return put(address, TimerTimes<Time>{time_of(value.interval, like), time_of(value.value, like)}) ? 0 : fault;
}
/// Negative: an errno.
Long check_timer(ThreadArea& thread, Word descriptor) {
    Descriptor const* const open = find(thread, descriptor);
    return open == nullptr ? bad_descriptor : is_kind(*open, FileKind::Timer) ? 0 : invalid;
}
ipc::Cap<Timer> timer(Word descriptor) { return file(descriptor).as<Timer>(); }

template <class Time>
Long set_timer(ThreadArea& thread) {
    constexpr Word absolute = 1, cancel_on_set = 2;
    Word const descriptor = argument1(thread), flags = argument2(thread);
    TimerTimes<Time> times;
    if (!fetch(argument3(thread), times)) { return fault; }
    if ((flags & ~(absolute | cancel_on_set)) != 0 || !valid_time(times.value) || !valid_time(times.interval)) {
        return invalid;
    }
    if (Long const error = check_timer(thread, descriptor); error < 0) { return error; }
    proto::TimerValue value{nanoseconds_of(times.interval), nanoseconds_of(times.value)};
    if ((flags & absolute) != 0 && value.value != 0) {
        auto const clock = ipc::call<Timer::Clock>(timer(descriptor));
        if (!clock) { return refuse(clock.error()); }
        value.value =
            is_wall_clock(*clock) ? wall_to_boot(thread, value.value) : monotonic_to_boot(thread, *clock, value.value);
    }
    auto const old = ipc::call<Timer::Set>(timer(descriptor), flags & absolute, value);
    if (!old) { return refuse(old.error()); }
    return argument4(thread) == 0 ? 0 : put_times<Time>(argument4(thread), *old);
}
template <class Time>
Long get_timer(ThreadArea& thread) {
    if (Long const error = check_timer(thread, argument1(thread)); error < 0) { return error; }
    auto const now = ipc::call<Timer::Get>(timer(argument1(thread)));
    return now ? put_times<Time>(argument2(thread), *now) : refuse(now.error());
}

Long make_signals(ThreadArea& thread, Word flags) {
    constexpr std::uint64_t unblockable = std::uint64_t{1} << 8 | std::uint64_t{1} << 18; // SIGKILL, SIGSTOP
    std::uint64_t mask;
    if (argument3(thread) != sizeof mask || (flags & ~(nonblock | close_on_exec)) != 0) { return invalid; }
    if (!fetch(argument2(thread), mask)) { return fault; }
    mask &= ~unblockable;
    Word const descriptor = argument1(thread);
    if (static_cast<Long>(descriptor) != -1) {
        Descriptor const* const open = find(thread, descriptor);
        if (open == nullptr) { return bad_descriptor; }
        if (!is_kind(*open, FileKind::SignalQueue)) { return invalid; }
        auto const set = ipc::call<proto::SignalFile::SetMask>(file(descriptor).as<proto::SignalFile>(), mask);
        return set ? static_cast<Long>(descriptor) : refuse(set.error());
    }
    return open_event_file(thread, FileKind::SignalQueue, flags, [&](abi::CapabilityPointer slot) {
        return ipc::call_into<EventFiles::NewSignals>(slot, event_files, mask, flags & ~close_on_exec);
    });
}

/// struct signalfd_siginfo.
struct SignalRecord {
    std::uint32_t number;
    std::int32_t error, code;
    std::uint32_t process, user;
    std::int32_t descriptor;
    std::uint32_t timer, band, overrun, trap;
    std::int32_t status, value;
    std::uint64_t pointer, user_time, system_time, address;
    std::uint32_t reserved[12];
};
static_assert(sizeof(SignalRecord) == 128);
} // namespace

Long read_signals(ThreadArea& thread, Word descriptor, Word address, Word length) {
    if (length < sizeof(SignalRecord)) { return invalid; }
    auto const mask = ipc::call<proto::SignalFile::Mask>(file(descriptor).as<proto::SignalFile>());
    auto const flags = ipc::call<proto::File::GetFlags>(file(descriptor));
    if (!mask || !flags) { return refuse(mask ? flags.error() : mask.error()); }
    Word done = 0;
    while (length - done >= sizeof(SignalRecord)) {
        bool const waits = done == 0 && (*flags & nonblock) == 0;
        ipc::Result<proto::SignalInformation> got;
        {
            Interruptible const waiting{thread, waits};
            got = ipc::call<Process::WaitSignal>(process(thread), *mask, waits ? ~std::uint64_t{0} : 0);
        }
        if (!got) { return done != 0 ? static_cast<Long>(done) : refuse(got.error()); }
        SignalRecord record{};
        record.number = static_cast<Word>(got->number);
        record.error = got->error;
        record.code = got->code;
        record.process = static_cast<Word>(got->pid);
        record.user = got->user;
        record.status = got->status;
        record.value = static_cast<std::int32_t>(got->value);
        record.pointer = got->value;
        record.address = got->address;
        if (!put(address + done, record)) { return fault; }
        done += sizeof(SignalRecord);
    }
    return static_cast<Long>(done);
}

Long sys_eventfd(ThreadArea& thread) { return make_event(thread, 0); }
Long sys_eventfd2(ThreadArea& thread) { return make_event(thread, argument2(thread)); }

Long sys_timerfd_create(ThreadArea& thread) {
    Word const clock = argument1(thread), flags = argument2(thread);
    constexpr Word boot = 7, wall_alarm = 8, boot_alarm = 9;
    bool const known = clock <= clock_monotonic || (clock >= boot && clock <= boot_alarm);
    if ((flags & ~(nonblock | close_on_exec)) != 0 || !known) { return invalid; }
    constexpr Word wake_alarm = 35; // CAP_WAKE_ALARM
    if ((clock == wall_alarm || clock == boot_alarm) && !ipc::call<Process::Capable>(process(thread), wake_alarm)) {
        return refuse(Error::NotPermitted);
    }
    return open_event_file(thread, FileKind::Timer, flags, [&](abi::CapabilityPointer slot) {
        return ipc::call_into<EventFiles::NewTimer>(slot, event_files, clock, flags & ~close_on_exec);
    });
}
Long sys_timerfd_settime(ThreadArea& thread) { return set_timer<TimeSpec32>(thread); }
Long sys_timerfd_settime64(ThreadArea& thread) { return set_timer<TimeSpec64>(thread); }
Long sys_timerfd_gettime(ThreadArea& thread) { return get_timer<TimeSpec32>(thread); }
Long sys_timerfd_gettime64(ThreadArea& thread) { return get_timer<TimeSpec64>(thread); }

Long sys_signalfd(ThreadArea& thread) { return make_signals(thread, 0); }
Long sys_signalfd4(ThreadArea& thread) { return make_signals(thread, argument4(thread)); }

} // namespace vdso
