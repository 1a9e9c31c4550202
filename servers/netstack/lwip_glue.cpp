// lwIP's C functions that it leaves to its surroundings: memory, time, chance.
#include "ipc/log.hpp"
#include "lwip/hooks.h"
#include "platform.hpp"
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

/// lwIP's tcp_parseopt reads the length of an option whose kind is a segment's last byte: one byte beyond the frame.
static constexpr std::size_t beyond_a_frame = 4;

extern "C" {

#ifdef CELLA_HOST_TEST
void* cella_lwip_malloc(size_t bytes) { return std::malloc(bytes + beyond_a_frame); }
void cella_lwip_free(void* memory) { std::free(memory); }
#else
void* cella_lwip_malloc(size_t bytes) { return ::operator new(bytes + beyond_a_frame, std::nothrow); }
void cella_lwip_free(void* memory) { ::operator delete(memory); }
#endif
void* cella_lwip_calloc(size_t count, size_t bytes) {
    void* const memory = cella_lwip_malloc(count * bytes);
    if (memory != nullptr) { std::memset(memory, 0, count * bytes); }
    return memory;
}

uint16_t cella_checksum(void const* data, int bytes) {
    auto const* at = static_cast<unsigned char const*>(data);
    std::uint64_t sum = 0;
    for (; bytes >= 4; bytes -= 4, at += 4) {
        std::uint32_t word;
        std::memcpy(&word, at, sizeof word);
        sum += word;
    }
    if (bytes > 0) {
        std::uint32_t rest = 0;
        std::memcpy(&rest, at, static_cast<std::size_t>(bytes));
        sum += rest;
    }
    while (sum >> 16 != 0) { sum = (sum & 0xffff) + (sum >> 16); }
    return static_cast<uint16_t>(sum);
}

std::uint32_t sys_now() { return static_cast<std::uint32_t>(netstack::now_milliseconds()); }
/// lwIP tells when its TCP timer is needed; StackTimers looks for itself.
void tcp_timer_needed() {}

uint32_t cella_random() { return netstack::platform().random(); }
uint32_t cella_initial_sequence() {
    // RFC 6528 wants the clock in it, so that a new connection's numbers lie beyond the old one's.
    return netstack::platform().random() + static_cast<std::uint32_t>(netstack::platform().nanoseconds() >> 12);
}

void cella_assertion_failed(char const* what, char const* file, int line) {
    ipc::log("netstack: lwIP: {} ({}:{})", std::string_view{what}, std::string_view{file}, line);
    __builtin_trap();
}

} // extern "C"
