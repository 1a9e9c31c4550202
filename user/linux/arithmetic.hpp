// 64-bit division by 32 bits without libgcc's general routine.
#pragma once
#include <cstdint>

namespace vdso {

struct Division {
    std::uint64_t quotient;
    std::uint32_t remainder;
};

[[gnu::always_inline]] inline Division divide(std::uint64_t value, std::uint32_t divisor) {
#ifdef __i386__
    auto const high = static_cast<std::uint32_t>(value >> 32);
    std::uint32_t quotient_high = 0, rest = high;
    if (high >= divisor) {
        quotient_high = high / divisor;
        rest = high % divisor;
    }
    std::uint32_t quotient_low, remainder;
    asm("divl %4"
        : "=a"(quotient_low), "=d"(remainder)
        : "0"(static_cast<std::uint32_t>(value)), "1"(rest), "rm"(divisor)
        : "cc");
    return {static_cast<std::uint64_t>(quotient_high) << 32 | quotient_low, remainder};
#else
    return {value / divisor, static_cast<std::uint32_t>(value % divisor)};
#endif
}

/// Seconds and nanoseconds of a time in nanoseconds.
struct SplitTime {
    std::uint64_t seconds;
    std::uint32_t nanoseconds;
};
[[gnu::always_inline]] inline SplitTime split(std::uint64_t nanoseconds) {
    Division const d = divide(nanoseconds, 1000000000u);
    return {d.quotient, d.remainder};
}
[[gnu::always_inline]] inline std::uint64_t join(std::uint64_t seconds, std::uint32_t nanoseconds) {
    return seconds * 1000000000u + nanoseconds;
}

/// Nanoseconds of a number of time-stamp ticks.
[[gnu::always_inline]] inline std::uint64_t ticks_to_nanoseconds(std::uint64_t ticks,
                                                                 std::uint32_t ticks_per_millisecond) {
    Division const milliseconds = divide(ticks, ticks_per_millisecond);
    std::uint64_t const rest = static_cast<std::uint64_t>(milliseconds.remainder) * 1000000u;
    return milliseconds.quotient * 1000000u + divide(rest, ticks_per_millisecond).quotient;
}

} // namespace vdso
