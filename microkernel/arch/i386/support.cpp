// What the compiler calls by itself. Word-wise string instructions: under emulation each repetition counts.
#include <cstddef>
#include <cstdint>

extern "C" {

// The compiler's own calls appear after the linker has looked for users.
[[gnu::used]] void* memcpy(void* destination, void const* source, std::size_t length) {
    void* to = destination;
    std::size_t words = length / 4;
    asm volatile("rep movsl\n\tmovl %3, %%ecx\n\trep movsb"
                 : "+D"(to), "+S"(source), "+&c"(words)
                 : "r"(length & 3)
                 : "memory");
    return destination;
}

[[gnu::used]] void* memset(void* destination, int value, std::size_t length) {
    void* to = destination;
    std::size_t words = length / 4;
    asm volatile("rep stosl\n\tmovl %3, %%ecx\n\trep stosb"
                 : "+D"(to), "+&c"(words)
                 : "a"(static_cast<std::uint32_t>(static_cast<unsigned char>(value)) * 0x01010101u), "r"(length & 3)
                 : "memory");
    return destination;
}

[[gnu::used]] void* memmove(void* destination, void const* source, std::size_t length) {
    auto* to = static_cast<unsigned char*>(destination);
    auto const* from = static_cast<unsigned char const*>(source);
    if (to <= from || to >= from + length) return memcpy(destination, source, length);
    to += length - 1, from += length - 1;
    asm volatile("std\n\trep movsb\n\tcld" : "+D"(to), "+S"(from), "+c"(length) : : "memory");
    return destination;
}

[[gnu::used]] int memcmp(void const* left, void const* right, std::size_t length) {
    auto const* a = static_cast<unsigned char const*>(left);
    auto const* b = static_cast<unsigned char const*>(right);
    for (; length != 0; --length, ++a, ++b) {
        if (*a != *b) return *a < *b ? -1 : 1;
    }
    return 0;
}

// The library's own 64-bit divisions expect arguments on the stack; the kernel passes them in registers.
std::uint64_t __umoddi3(std::uint64_t value, std::uint64_t divisor);
[[gnu::used]] std::uint64_t __udivdi3(std::uint64_t value, std::uint64_t divisor) {
    std::uint64_t quotient = 0, rest = 0;
    for (int bit = 63; bit >= 0; --bit) {
        rest = rest << 1 | (value >> bit & 1);
        if (rest >= divisor) rest -= divisor, quotient |= std::uint64_t{1} << bit;
    }
    return quotient;
}
[[gnu::used]] std::uint64_t __umoddi3(std::uint64_t value, std::uint64_t divisor) {
    return value - __udivdi3(value, divisor) * divisor;
}

} // extern "C"
