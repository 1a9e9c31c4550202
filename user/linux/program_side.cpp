// The functions that libc calls directly (vdso(7)). They run as the program's own code, on its stack: cdecl, everything
// inlined, in .text.program, and no state but registers. A bad pointer is the program's own SIGSEGV, as on Linux.
#include "clock.hpp"
#include "microkernel/abi/types.hpp"

namespace {

using linux_process::ThreadArea;

#define PROGRAM_SIDE extern "C" [[gnu::regparm(0), gnu::section(".text.program"), gnu::used]]

[[gnu::always_inline]] inline ThreadArea const& thread_area() {
    char const* buffer;
    asm("movl %%fs:0, %0" : "=r"(buffer));
    return *reinterpret_cast<ThreadArea const*>(buffer + abi::ipc_buffer_end);
}

[[gnu::always_inline]] inline std::int32_t system_call(std::uint32_t number, std::uint32_t first, void* second) {
    std::int32_t result;
    asm volatile("call __kernel_vsyscall" : "=a"(result) : "0"(number), "b"(first), "c"(second) : "memory", "cc");
    return result;
}

/// False: not a clock that can be read here.
[[gnu::always_inline]] inline bool read_clock(std::uint32_t clock, std::uint64_t& nanoseconds) {
    if (clock == vdso::clock_realtime || clock == vdso::clock_realtime_coarse) {
        nanoseconds = vdso::wall_nanoseconds(thread_area());
        return true;
    }
    if (vdso::is_monotonic_clock(clock)) {
        nanoseconds = vdso::monotonic_nanoseconds(thread_area(), clock);
        return true;
    }
    return false;
}

struct Time32 {
    std::int32_t seconds;
    std::uint32_t fraction;
};
struct Time64 {
    std::int64_t seconds;
    std::uint32_t fraction, padding;
};

} // namespace

PROGRAM_SIDE int __vdso_clock_gettime(std::uint32_t clock, Time32* time) {
    std::uint64_t now;
    if (!read_clock(clock, now)) { return system_call(265, clock, time); }
    auto const parts = vdso::split(now);
    time->seconds = static_cast<std::int32_t>(parts.seconds);
    time->fraction = parts.nanoseconds;
    return 0;
}

PROGRAM_SIDE int __vdso_clock_gettime64(std::uint32_t clock, Time64* time) {
    std::uint64_t now;
    if (!read_clock(clock, now)) { return system_call(403, clock, time); }
    auto const parts = vdso::split(now);
    time->seconds = static_cast<std::int64_t>(parts.seconds);
    time->fraction = parts.nanoseconds;
    time->padding = 0;
    return 0;
}

PROGRAM_SIDE int __vdso_gettimeofday(Time32* time, std::int32_t* zone) {
    if (time != nullptr) {
        auto const parts = vdso::split(vdso::wall_nanoseconds(thread_area()));
        time->seconds = static_cast<std::int32_t>(parts.seconds);
        time->fraction = parts.nanoseconds / 1000;
    }
    if (zone != nullptr) { zone[0] = zone[1] = 0; }
    return 0;
}

PROGRAM_SIDE std::int32_t __vdso_time(std::int32_t* time) {
    auto const seconds = static_cast<std::int32_t>(vdso::split(vdso::wall_nanoseconds(thread_area())).seconds);
    if (time != nullptr) { *time = seconds; }
    return seconds;
}
