// The string functions that the compiler and the header-only library call.
#include <cstddef>
#include <cstdint>

namespace {
/// A word from any address.
std::uint32_t load_word(unsigned char const* from) {
    std::uint32_t word;
    __builtin_memcpy(&word, from, sizeof word);
    return word;
}
} // namespace

extern "C" {

void* memcpy(void* target, void const* source, std::size_t bytes) {
    void* to = target;
    std::size_t words = bytes >> 2;
    asm volatile("rep movsl" : "+D"(to), "+S"(source), "+c"(words) : : "memory");
    std::size_t rest = bytes & 3;
    asm volatile("rep movsb" : "+D"(to), "+S"(source), "+c"(rest) : : "memory");
    return target;
}

void* memmove(void* target, void const* source, std::size_t bytes) {
    if (reinterpret_cast<std::uintptr_t>(target) - reinterpret_cast<std::uintptr_t>(source) >= bytes) {
        return memcpy(target, source, bytes);
    }
    // The target begins inside the source: from the end.
    void* to = static_cast<char*>(target) + bytes - 1;
    void const* from = static_cast<char const*>(source) + bytes - 1;
    std::size_t rest = bytes & 3;
    asm volatile("std\n\trep movsb" : "+D"(to), "+S"(from), "+c"(rest) : : "memory", "cc");
    to = static_cast<char*>(to) - 3;
    from = static_cast<char const*>(from) - 3;
    std::size_t words = bytes >> 2;
    asm volatile("rep movsl\n\tcld" : "+D"(to), "+S"(from), "+c"(words) : : "memory", "cc");
    return target;
}

void* memset(void* target, int value, std::size_t bytes) {
    void* to = target;
    std::uint32_t const pattern = (static_cast<unsigned>(value) & 0xff) * 0x01010101U;
    std::size_t words = bytes >> 2;
    asm volatile("rep stosl" : "+D"(to), "+c"(words) : "a"(pattern) : "memory");
    std::size_t rest = bytes & 3;
    asm volatile("rep stosb" : "+D"(to), "+c"(rest) : "a"(pattern) : "memory");
    return target;
}

int memcmp(void const* left, void const* right, std::size_t bytes) {
    auto const* a = static_cast<unsigned char const*>(left);
    auto const* b = static_cast<unsigned char const*>(right);
    for (; bytes >= 4 && load_word(a) == load_word(b); bytes -= 4) {
        a += 4;
        b += 4;
    }
    for (; bytes != 0; --bytes, ++a, ++b) {
        if (*a != *b) { return *a - *b; }
    }
    return 0;
}

void* memchr(void const* memory, int value, std::size_t bytes) {
    auto const* byte = static_cast<unsigned char const*>(memory);
    for (; bytes != 0; --bytes, ++byte) {
        if (*byte == static_cast<unsigned char>(value)) { return const_cast<unsigned char*>(byte); }
    }
    return nullptr;
}

std::size_t strlen(char const* text) {
    char const* end = text;
    while (*end != 0) { ++end; }
    return static_cast<std::size_t>(end - text);
}

int strcmp(char const* left, char const* right) {
    while (*left != 0 && *left == *right) {
        ++left;
        ++right;
    }
    return static_cast<unsigned char>(*left) - static_cast<unsigned char>(*right);
}

int strncmp(char const* left, char const* right, std::size_t count) {
    for (; count != 0; --count, ++left, ++right) {
        if (*left != *right || *left == 0) {
            return static_cast<unsigned char>(*left) - static_cast<unsigned char>(*right);
        }
    }
    return 0;
}

} // extern "C"
