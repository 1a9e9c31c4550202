// What the compiler calls of its own accord in freestanding code. The host has these in its libc.
#include "memory.hpp"

extern "C" {

void* memcpy(void* destination, void const* source, std::size_t bytes) {
    kernel::copy_bytes(destination, source, bytes);
    return destination;
}

void* memmove(void* destination, void const* source, std::size_t bytes) {
    if (reinterpret_cast<std::uintptr_t>(destination) - reinterpret_cast<std::uintptr_t>(source) >= bytes)
        return memcpy(destination, source, bytes);
    auto* to = static_cast<unsigned char*>(destination);
    auto const* from = static_cast<unsigned char const*>(source);
    while (bytes-- != 0) {
        to[bytes] = from[bytes];
        asm volatile("" ::: "memory"); // keeps the loop from becoming a call of memmove
    }
    return destination;
}

void* memset(void* destination, int value, std::size_t bytes) {
    void* to = destination;
    asm volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
    return destination;
}

int memcmp(void const* first, void const* second, std::size_t bytes) {
    auto const* left = static_cast<unsigned char const*>(first);
    auto const* right = static_cast<unsigned char const*>(second);
    for (std::size_t i = 0; i < bytes; ++i)
        if (left[i] != right[i]) return left[i] - right[i];
    return 0;
}

} // extern "C"
