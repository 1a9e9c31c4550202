// The guest's own string functions, as 32-bit code, against the C library's.
#include <cstdint>
#include <cstring>
#include <doctest/doctest.h>
#include <random>
#include <vector>

#define memcpy guest_memcpy
#define memmove guest_memmove
#define memset guest_memset
#define memcmp guest_memcmp
#define memchr guest_memchr
#define strlen guest_strlen
#define strcmp guest_strcmp
#define strncmp guest_strncmp
#include "libipc/guest/memory.cpp"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strcmp
#undef strncmp

namespace {
int sign(int value) { return (value > 0) - (value < 0); }
} // namespace

TEST_CASE("the string functions do what the C library's do") {
    std::mt19937 random{1};
    for (int round = 0; round < 20'000; ++round) {
        std::vector<unsigned char> ours(200), theirs(200), other(200);
        for (std::size_t i = 0; i < 200; ++i) {
            ours[i] = theirs[i] = static_cast<unsigned char>(random() % 3);
            other[i] = static_cast<unsigned char>(random() % 3);
        }
        std::size_t const a = random() % 100, b = random() % 100, n = random() % 100;
        switch (round % 4) {
        case 0:
            CHECK(guest_memmove(&ours[a], &ours[b], n) == &ours[a]);
            std::memmove(&theirs[a], &theirs[b], n);
            break;
        case 1:
            CHECK(guest_memcpy(&ours[a], &other[b], n) == &ours[a]);
            std::memcpy(&theirs[a], &other[b], n);
            break;
        case 2:
            CHECK(guest_memset(&ours[a], static_cast<int>(b), n) == &ours[a]);
            std::memset(&theirs[a], static_cast<int>(b), n);
            break;
        default:
            CHECK(sign(guest_memcmp(&ours[a], &other[b], n % 8)) == sign(std::memcmp(&ours[a], &other[b], n % 8)));
            CHECK(guest_memchr(&ours[a], 2, n) == std::memchr(&ours[a], 2, n));
        }
        REQUIRE(ours == theirs);
    }
    CHECK(guest_strlen("hello") == 5);
    CHECK(guest_strcmp("abc", "abd") < 0);
    CHECK(guest_strcmp("abc", "abc") == 0);
    CHECK(guest_strncmp("abcx", "abcy", 3) == 0);
    CHECK(guest_strncmp("ab", "abc", 5) < 0);
}
