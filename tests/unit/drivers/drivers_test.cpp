#include "../../../servers/drivers/clock/timers.hpp"
#include "../../../servers/drivers/serial/ring.hpp"
#include <doctest/doctest.h>
#include <string>

using namespace clock_driver;

TEST_CASE("time stamps become nanoseconds without overflow") {
    Timebase const base{1000, 3000000};
    CHECK(base.nanoseconds(1000) == 0);
    CHECK(base.nanoseconds(1000 + 3000000) == 1000000);
    std::uint64_t const ten_years = 315360000ULL * 1000 * 3000000;
    CHECK(base.nanoseconds(1000 + ten_years) == 315360000ULL * 1000000000);
}

TEST_CASE("the earliest deadline sets the interval, and only due timers fire") {
    Timers timers;
    CHECK(timers.counts_until_next(0) == 0);
    timers.arm(3, 10'000'000);
    timers.arm(5, 1'000'000);
    CHECK(timers.counts_until_next(0) == 1194); // a millisecond, rounded up
    CHECK(timers.take_due(999'999) == 0);
    CHECK(timers.take_due(1'000'000) == 5);
    CHECK(timers.take_due(1'000'000) == 0);
    CHECK(timers.counts_until_next(20'000'000) == pit_shortest);
    timers.arm(3, 0);
    CHECK(timers.counts_until_next(0) == 0);
    timers.arm(3, 1'000'000'000'000);
    CHECK(timers.counts_until_next(0) == pit_longest);
}

TEST_CASE("dates") {
    CHECK(days_from_civil(1970, 1, 1) == 0);
    CHECK(days_from_civil(2026, 1, 1) == 20454);
    CHECK(days_from_civil(2024, 2, 29) + 1 == days_from_civil(2024, 3, 1));
}

TEST_CASE("a ring gives back what it got, in order, and no more") {
    serial_driver::Ring<8> ring;
    std::string out;
    for (int round = 0; round < 5; ++round) {
        for (char c = 'a'; c < 'a' + 6; ++c) { CHECK(ring.put(c)); }
        CHECK(ring.room() == 2);
        while (ring.used() != 0) {
            auto const part = ring.front();
            out.append(part.data(), part.size());
            ring.drop(part.size());
        }
    }
    CHECK(out == "abcdefabcdefabcdefabcdefabcdef");
    for (int i = 0; i < 8; ++i) { CHECK(ring.put('x')); }
    CHECK_FALSE(ring.put('y'));
}
