// Copying and zeroing, one string instruction per word.
#pragma once
#include <cstddef>
#include <cstdint>

namespace kernel {

/// `destination` is behind the last word afterwards.
inline void zero_words(void*& destination, std::size_t words) {
    asm volatile("rep stosl" : "+D"(destination), "+c"(words) : "a"(0) : "memory");
}

inline void zero_bytes(void* destination, std::size_t bytes) {
    zero_words(destination, bytes / 4);
    std::size_t rest = bytes % 4;
    asm volatile("rep stosb" : "+D"(destination), "+c"(rest) : "a"(0) : "memory");
}

inline void copy_bytes(void* destination, void const* source, std::size_t bytes) {
    std::size_t words = bytes / 4;
    asm volatile("rep movsl" : "+D"(destination), "+S"(source), "+c"(words) : : "memory");
    std::size_t rest = bytes % 4;
    asm volatile("rep movsb" : "+D"(destination), "+S"(source), "+c"(rest) : : "memory");
}

} // namespace kernel
