// Clocks, sleeping, interval timers.
#include "calls.hpp"
#include "signal_numbers.hpp"
#include "times.hpp"

namespace vdso {

using proto::Process;

namespace {
bool read_clock(ThreadArea& thread, Word clock, std::uint64_t& nanoseconds) {
    if (is_wall_clock(clock) || clock == 11) {
        nanoseconds = wall_nanoseconds(thread);
    } else if (is_monotonic_clock(clock)) {
        nanoseconds = monotonic_nanoseconds(thread, clock);
    } else if (clock == clock_process_cpu || clock == clock_thread_cpu || static_cast<Long>(clock) < 0) {
        auto const usage = ipc::call<Process::Usage>(process(thread), clock == clock_thread_cpu ? 1 : 0);
        if (!usage) { return false; }
        nanoseconds = (*usage)[0] + (*usage)[1];
    } else {
        return false;
    }
    return true;
}
bool put_time(Word address, std::uint64_t nanoseconds, TimeSpec32*) {
    SplitTime const time = split(nanoseconds);
    return put(address,
               TimeSpec32{static_cast<std::int32_t>(time.seconds), static_cast<std::int32_t>(time.nanoseconds)});
}
bool put_time(Word address, std::uint64_t nanoseconds, TimeSpec64*) {
    SplitTime const time = split(nanoseconds);
    return put(address,
               TimeSpec64{static_cast<std::int64_t>(time.seconds), static_cast<std::int32_t>(time.nanoseconds), 0});
}
template <class Time>
Long clock_gettime(ThreadArea& thread) {
    std::uint64_t now;
    if (!read_clock(thread, argument1(thread), now)) { return invalid; }
    return put_time(argument2(thread), now, static_cast<Time*>(nullptr)) ? 0 : fault;
}
template <class Time>
Long clock_getres(ThreadArea& thread) {
    Word const clock = argument1(thread);
    if (!is_wall_clock(clock) && !is_monotonic_clock(clock) && clock != clock_process_cpu &&
        clock != clock_thread_cpu) {
        return invalid;
    }
    return argument2(thread) == 0 || put_time(argument2(thread), 1, static_cast<Time*>(nullptr)) ? 0 : fault;
}
template <class Time>
Long clock_settime(ThreadArea& thread) {
    Time time;
    if (argument1(thread) != clock_realtime) { return invalid; }
    if (!fetch(argument2(thread), time)) { return fault; }
    return valid_time(time) ? finish(ipc::call<Process::SetTime>(process(thread), nanoseconds_of(time))) : invalid;
}

/// deadline in boot time. remaining: where the rest goes if a signal ends it, 0: nowhere.
template <class Time>
Long sleep_until(ThreadArea& thread, std::uint64_t deadline, Word remaining) {
    ipc::Result<std::uint64_t> left;
    {
        Interruptible const waiting{thread};
        left = ipc::call<Process::Sleep>(process(thread), Word{clock_monotonic}, 1U, deadline);
    }
    if (left && *left == 0) { return 0; }
    if (!left && left.error() != Error::CallInterrupted && left.error() != Error::Interrupted &&
        left.error() != Error::RestartSystemCall) {
        return refuse(left.error());
    }
    std::uint64_t const now = boot_nanoseconds(thread);
    if (remaining != 0 && !put_time(remaining, deadline > now ? deadline - now : 0, static_cast<Time*>(nullptr))) {
        return fault;
    }
    return restart_never;
}
template <class Time>
Long nanosleep(ThreadArea& thread, Word request, Word remaining) {
    Time time;
    if (!fetch(request, time)) { return fault; }
    if (!valid_time(time)) { return invalid; }
    return sleep_until<Time>(thread, restartable_deadline(thread, nanoseconds_of(time)), remaining);
}
template <class Time>
Long clock_nanosleep(ThreadArea& thread) {
    constexpr Word absolute = 1;
    Word const clock = argument1(thread);
    if (!is_wall_clock(clock) && !is_monotonic_clock(clock) && clock != 11) {
        return clock == clock_process_cpu ? refuse(Error::NotSupported) : invalid;
    }
    if ((argument2(thread) & absolute) == 0) { return nanosleep<Time>(thread, argument3(thread), argument4(thread)); }
    Time time;
    if (!fetch(argument3(thread), time)) { return fault; }
    if (!valid_time(time)) { return invalid; }
    std::uint64_t const at = nanoseconds_of(time);
    return sleep_until<Time>(
        thread, is_monotonic_clock(clock) ? monotonic_to_boot(thread, clock, at) : wall_to_boot(thread, at), 0);
}
} // namespace

Long sys_clock_gettime(ThreadArea& thread) { return clock_gettime<TimeSpec32>(thread); }
Long sys_clock_gettime64(ThreadArea& thread) { return clock_gettime<TimeSpec64>(thread); }
Long sys_clock_getres(ThreadArea& thread) { return clock_getres<TimeSpec32>(thread); }
Long sys_clock_getres64(ThreadArea& thread) { return clock_getres<TimeSpec64>(thread); }
Long sys_clock_settime(ThreadArea& thread) { return clock_settime<TimeSpec32>(thread); }
Long sys_clock_settime64(ThreadArea& thread) { return clock_settime<TimeSpec64>(thread); }
Long sys_nanosleep(ThreadArea& thread) { return nanosleep<TimeSpec32>(thread, argument1(thread), argument2(thread)); }
Long sys_clock_nanosleep(ThreadArea& thread) { return clock_nanosleep<TimeSpec32>(thread); }
Long sys_clock_nanosleep64(ThreadArea& thread) { return clock_nanosleep<TimeSpec64>(thread); }

Long sys_gettimeofday(ThreadArea& thread) {
    if (argument1(thread) != 0 && !put(argument1(thread), time_val(wall_nanoseconds(thread)))) { return fault; }
    std::uint64_t const zone = 0;
    return argument2(thread) == 0 || put(argument2(thread), zone) ? 0 : fault;
}
Long sys_settimeofday(ThreadArea& thread) {
    if (argument1(thread) == 0) { return 0; }
    TimeVal time;
    if (!fetch(argument1(thread), time)) { return fault; }
    if (time.seconds < 0 || time.microseconds < 0 || time.microseconds >= 1000000) { return invalid; }
    return finish(ipc::call<Process::SetTime>(
        process(thread), join(static_cast<Word>(time.seconds), static_cast<Word>(time.microseconds) * 1000)));
}
Long sys_stime(ThreadArea& thread) {
    Word seconds;
    return !fetch(argument1(thread), seconds) ? fault
                                              : finish(ipc::call<Process::SetTime>(process(thread), join(seconds, 0)));
}
Long sys_time(ThreadArea& thread) {
    Word const seconds = static_cast<Word>(split(wall_nanoseconds(thread)).seconds);
    return argument1(thread) == 0 || put(argument1(thread), seconds) ? static_cast<Long>(seconds) : fault;
}
Long sys_times(ThreadArea& thread) {
    constexpr Word tick = 10000000; // nanoseconds: 100 Hz, as the ABI has it
    if (argument1(thread) != 0) {
        auto const own = ipc::call<Process::Usage>(process(thread), 0);
        auto const children = ipc::call<Process::Usage>(process(thread), -1);
        if (!own || !children) { return refuse(own ? children.error() : own.error()); }
        Word const times[4] = {static_cast<Word>(divide((*own)[0], tick).quotient),
                               static_cast<Word>(divide((*own)[1], tick).quotient),
                               static_cast<Word>(divide((*children)[0], tick).quotient),
                               static_cast<Word>(divide((*children)[1], tick).quotient)};
        if (!put_bytes(argument1(thread), times, sizeof times)) { return fault; }
    }
    return static_cast<Long>(divide(boot_nanoseconds(thread), tick).quotient & 0x7fffffff);
}
Long sys_getrusage(ThreadArea& thread) {
    auto const who = static_cast<Long>(argument1(thread));
    if (who < -1 || who > 1) { return invalid; }
    auto const usage = ipc::call<Process::Usage>(process(thread), who);
    if (!usage) { return refuse(usage.error()); }
    auto const& u = *usage;
    return put(argument2(thread), resource_usage(u[0], u[1], static_cast<Word>(u[2]), static_cast<Word>(u[3]))) ? 0
                                                                                                                : fault;
}

namespace {
struct OldTimer {
    TimeVal interval, value;
};
inline constexpr Word timer_real = 0, timer_last = 2;
std::uint64_t nanoseconds_of(TimeVal const& time) {
    return join(static_cast<Word>(time.seconds), static_cast<Word>(time.microseconds) * 1000);
}
bool valid_time(TimeVal const& time) {
    return time.seconds >= 0 && time.microseconds >= 0 && time.microseconds < 1000000;
}
Long put_timer(Word address, proto::IntervalTimer const& timer) {
    return address == 0 || put(address, OldTimer{time_val(timer.interval), time_val(timer.value)}) ? 0 : fault;
}
} // namespace

Long sys_setitimer(ThreadArea& thread) {
    OldTimer timer{};
    if (argument1(thread) > timer_last) { return invalid; }
    if (argument2(thread) != 0 && !fetch(argument2(thread), timer)) { return fault; }
    if (!valid_time(timer.interval) || !valid_time(timer.value)) { return invalid; }
    auto const old =
        ipc::call<Process::SetTimer>(process(thread), argument1(thread), 1U,
                                     proto::IntervalTimer{nanoseconds_of(timer.interval), nanoseconds_of(timer.value)});
    return !old ? refuse(old.error()) : put_timer(argument3(thread), *old);
}
Long sys_getitimer(ThreadArea& thread) {
    if (argument1(thread) > timer_last) { return invalid; }
    auto const old = ipc::call<Process::SetTimer>(process(thread), argument1(thread), 0U, proto::IntervalTimer{});
    return !old ? refuse(old.error()) : put_timer(argument2(thread), *old);
}
Long sys_alarm(ThreadArea& thread) {
    auto const old = ipc::call<Process::SetTimer>(process(thread), timer_real, 1U,
                                                  proto::IntervalTimer{0, join(argument1(thread), 0)});
    if (!old) { return refuse(old.error()); }
    SplitTime const left = split(old->value);
    return static_cast<Long>(left.seconds) +
           (left.nanoseconds >= 500000000 || (left.seconds == 0 && left.nanoseconds != 0) ? 1 : 0);
}

} // namespace vdso
