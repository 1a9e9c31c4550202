// Time arguments of system calls, deadlines that survive a repeated call, and rusage.
#pragma once
#include "clock.hpp"
#include "vdso.hpp"

namespace vdso {

struct TimeSpec32 {
    std::int32_t seconds;
    std::int32_t nanoseconds;
};
struct TimeSpec64 {
    std::int64_t seconds;
    std::int32_t nanoseconds, padding;
};
struct TimeVal {
    std::int32_t seconds, microseconds;
};

template <class Time>
constexpr bool valid_time(Time const& time) {
    return time.seconds >= 0 && time.nanoseconds >= 0 && time.nanoseconds < 1000000000;
}
/// Longer than 292 years is for ever.
template <class Time>
constexpr std::uint64_t nanoseconds_of(Time const& time) {
    constexpr std::int64_t longest = 9000000000;
    return join(static_cast<std::uint64_t>(time.seconds < longest ? time.seconds : longest),
                static_cast<Word>(time.nanoseconds));
}

inline std::uint64_t wall_to_boot(ThreadArea const& thread, std::uint64_t nanoseconds) {
    std::uint64_t const start = pair(thread.wall_low, thread.wall_high);
    return nanoseconds > start ? nanoseconds - start : 1;
}
/// From a time of one of the monotonic clocks as the time namespace shows it.
inline std::uint64_t monotonic_to_boot(ThreadArea const& thread, Word clock, std::uint64_t nanoseconds) {
    std::uint64_t const offset = is_boot_clock(clock) ? pair(thread.boot_offset_low, thread.boot_offset_high)
                                                      : pair(thread.time_offset_low, thread.time_offset_high);
    std::uint64_t const at = nanoseconds - offset;
    return static_cast<std::int64_t>(at) > 0 ? at : 1;
}
/// Boot time in `nanoseconds` from now; the same again when the call is repeated after an interruption that led to nothing.
inline std::uint64_t restartable_deadline(ThreadArea& thread, std::uint64_t nanoseconds) {
    if (thread.restarting != 0) { return pair(thread.deadline_low, thread.deadline_high); }
    std::uint64_t const deadline = boot_nanoseconds(thread) + nanoseconds;
    thread.deadline_low = static_cast<Word>(deadline);
    thread.deadline_high = static_cast<Word>(deadline >> 32);
    return deadline;
}

struct ResourceUsage {
    TimeVal user, system;
    std::int32_t values[14];
};
static_assert(sizeof(ResourceUsage) == 72);
inline TimeVal time_val(std::uint64_t nanoseconds) {
    SplitTime const time = split(nanoseconds);
    return {static_cast<std::int32_t>(time.seconds), static_cast<std::int32_t>(time.nanoseconds / 1000)};
}
inline ResourceUsage resource_usage(std::uint64_t user, std::uint64_t system, Word maximum_kib, Word faults) {
    ResourceUsage usage{};
    usage.user = time_val(user);
    usage.system = time_val(system);
    usage.values[0] = static_cast<std::int32_t>(maximum_kib);
    usage.values[4] = static_cast<std::int32_t>(faults);
    return usage;
}

} // namespace vdso
