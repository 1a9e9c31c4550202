// One-shot timers of the clock's clients, and the arithmetic between time stamps, nanoseconds and the interval timer.
// Knows no kernel: runs in a host test.
#pragma once
#include <array>
#include <cstdint>

namespace clock_driver {

inline constexpr std::uint32_t pit_hertz = 1193182;
inline constexpr std::uint32_t pit_longest = 60000; ///< counts; a little under the 16-bit maximum
inline constexpr std::uint32_t pit_shortest = 12;   ///< counts, about 10 microseconds

/// Monotonic nanoseconds from time stamps: (now - boot) * 10^6 / ticks per millisecond, without overflow for decades.
class Timebase {
public:
    Timebase(std::uint64_t boot_stamp, std::uint32_t ticks_per_millisecond)
        : boot_{boot_stamp}, ticks_{ticks_per_millisecond} {}
    [[nodiscard]] std::uint64_t nanoseconds(std::uint64_t stamp) const {
        std::uint64_t const elapsed = stamp - boot_;
        return elapsed / ticks_ * 1000000 + elapsed % ticks_ * 1000000 / ticks_;
    }

private:
    std::uint64_t boot_;
    std::uint32_t ticks_;
};

/// Clients are numbered 1..15 (their badge). Deadline 0: not armed.
class Timers {
public:
    static constexpr std::uint32_t clients = 16;
    void arm(std::uint32_t client, std::uint64_t deadline) { deadlines_[client] = deadline; }
    /// Takes one client whose deadline is not after `now`; 0 if there is none.
    std::uint32_t take_due(std::uint64_t now) {
        for (std::uint32_t client = 1; client < clients; ++client) {
            if (deadlines_[client] != 0 && deadlines_[client] <= now) {
                deadlines_[client] = 0;
                return client;
            }
        }
        return 0;
    }
    /// Interval timer counts until the next deadline (at most pit_longest: then look again); 0 if nothing is armed.
    [[nodiscard]] std::uint32_t counts_until_next(std::uint64_t now) const {
        std::uint64_t next = 0;
        for (auto const deadline : deadlines_) {
            if (deadline != 0 && (next == 0 || deadline < next)) { next = deadline; }
        }
        if (next == 0) { return 0; }
        std::uint64_t const wait = next > now ? next - now : 0;
        std::uint64_t const longest = std::uint64_t{pit_longest} * 1000000000 / pit_hertz;
        if (wait >= longest) { return pit_longest; }
        auto const counts = static_cast<std::uint32_t>((wait * pit_hertz + 999999999) / 1000000000);
        return counts < pit_shortest ? pit_shortest : counts;
    }

private:
    std::array<std::uint64_t, clients> deadlines_{};
};

/// Days since 1970-01-01 of a date in the Gregorian calendar.
constexpr std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day) {
    year -= month <= 2;
    std::int64_t const era = year / 400;
    auto const year_of_era = static_cast<unsigned>(year - era * 400);
    unsigned const day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    unsigned const day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + static_cast<std::int64_t>(day_of_era) - 719468;
}
static_assert(days_from_civil(2000, 3, 1) == 11017);

} // namespace clock_driver
