#include "../../../servers/netstack/shaper.hpp"
#include <doctest/doctest.h>

using netstack::Shaper;
using netstack::TokenBucket;

TEST_CASE("a token bucket gives its burst at once and then its rate, exactly, however often it is asked") {
    constexpr std::uint32_t rate = 125000, burst = 30000;
    constexpr std::uint64_t second = 1000000000;
    for (std::uint64_t const step : {std::uint64_t{777}, second / 1000, second / 7}) {
        TokenBucket bucket;
        std::uint64_t taken = 0;
        for (std::uint64_t now = 5 * second; now < 15 * second; now += step) {
            while (bucket.take(1000, rate, burst, now)) { taken += 1000; }
            if (step == 777 && now > 5 * second + second / 50) { break; }
        }
        if (step == 777) {
            CHECK(taken == 32000);
        } else {
            CHECK(taken >= burst + 9 * rate);
            CHECK(taken <= burst + 10 * rate);
        }
    }
}

TEST_CASE("a frame longer than the burst goes when the bucket is full, and the rate holds all the same") {
    TokenBucket bucket;
    constexpr std::uint32_t rate = 10000, burst = 1500, frame = 16000;
    constexpr std::uint64_t second = 1000000000;
    CHECK(bucket.take(frame, rate, burst, second));
    CHECK_FALSE(bucket.take(60, rate, burst, second));
    auto const wait = bucket.wait(frame, rate, burst);
    CHECK(wait >= second * 16 / 10);
    CHECK(wait <= second * 16 / 10 + 1000);
    CHECK_FALSE(bucket.take(frame, rate, burst, second + wait - 2000));
    CHECK(bucket.take(frame, rate, burst, second + wait));
    CHECK(bucket.take(60, rate, burst, second * 1000000)); // after long silence
    CHECK(TokenBucket::default_burst(1) >= 16500);
}

TEST_CASE("frames wait in order, up to a limit, and are all let go when there is no rate any more") {
    Shaper shaper;
    constexpr std::uint32_t rate = 1000, burst = 1000;
    CHECK(shaper.pass(1000, rate, burst, 1));
    CHECK_FALSE(shaper.pass(1000, rate, burst, 1));
    CHECK(shaper.wait(rate, burst) == 0);
    std::size_t kept = 0;
    while (true) {
        auto* const frame = pbuf_alloc(PBUF_RAW, 1000, PBUF_RAM);
        *static_cast<char*>(frame->payload) = static_cast<char>(kept);
        if (!shaper.keep(frame)) {
            pbuf_free(frame);
            break;
        }
        ++kept;
    }
    CHECK(kept == Shaper::frames_maximum);
    CHECK_FALSE(shaper.pass(1, rate, burst, 1000000000ULL * 100)); // nobody overtakes
    CHECK(shaper.next(rate, burst, 1) == nullptr);
    auto const wait = shaper.wait(rate, burst);
    auto* const first = shaper.next(rate, burst, 1 + wait);
    REQUIRE(first != nullptr);
    CHECK(*static_cast<char*>(first->payload) == 0);
    pbuf_free(first);
    std::size_t rest = 0;
    while (auto* const frame = shaper.next(0, 0, 1)) {
        ++rest;
        pbuf_free(frame);
    }
    CHECK(rest == kept - 1);
}
