// Clocks read without asking anybody: the time-stamp counter and what proc wrote into the thread area.
#pragma once
#include "arithmetic.hpp"
#include "layout.hpp"

namespace vdso {

enum ClockNumber : std::uint32_t {
    clock_realtime = 0,
    clock_monotonic = 1,
    clock_process_cpu = 2,
    clock_thread_cpu = 3,
    clock_monotonic_raw = 4,
    clock_realtime_coarse = 5,
    clock_monotonic_coarse = 6,
    clock_boottime = 7,
    clock_realtime_alarm = 8,
    clock_boottime_alarm = 9,
};
inline constexpr bool is_wall_clock(std::uint32_t clock) {
    return clock == clock_realtime || clock == clock_realtime_coarse || clock == clock_realtime_alarm;
}
inline constexpr bool is_boot_clock(std::uint32_t clock) {
    return clock == clock_boottime || clock == clock_boottime_alarm;
}
inline constexpr bool is_monotonic_clock(std::uint32_t clock) {
    return clock == clock_monotonic || clock == clock_monotonic_raw || clock == clock_monotonic_coarse ||
           is_boot_clock(clock);
}

[[gnu::always_inline]] inline std::uint64_t time_stamp() {
    std::uint32_t low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return static_cast<std::uint64_t>(high) << 32 | low;
}
/// Nanoseconds since boot, no time namespace applied: the clock of proto::Clock and Process::WakeAt.
[[gnu::always_inline]] inline std::uint64_t boot_nanoseconds(linux_process::ThreadArea const& thread) {
    std::uint64_t const start = static_cast<std::uint64_t>(thread.time_high) << 32 | thread.time_low;
    return ticks_to_nanoseconds(time_stamp() - start, thread.tsc_per_millisecond);
}
[[gnu::always_inline]] inline std::uint64_t monotonic_nanoseconds(linux_process::ThreadArea const& thread) {
    return boot_nanoseconds(thread) +
           (static_cast<std::uint64_t>(thread.time_offset_high) << 32 | thread.time_offset_low);
}
/// What one of the monotonic clocks shows, CLOCK_BOOTTIME among them: each has an offset of its own in a time namespace.
[[gnu::always_inline]] inline std::uint64_t monotonic_nanoseconds(linux_process::ThreadArea const& thread,
                                                                  std::uint32_t clock) {
    return is_boot_clock(clock)
               ? boot_nanoseconds(thread) +
                     (static_cast<std::uint64_t>(thread.boot_offset_high) << 32 | thread.boot_offset_low)
               : monotonic_nanoseconds(thread);
}
[[gnu::always_inline]] inline std::uint64_t wall_nanoseconds(linux_process::ThreadArea const& thread) {
    return boot_nanoseconds(thread) + (static_cast<std::uint64_t>(thread.wall_high) << 32 | thread.wall_low);
}

} // namespace vdso
