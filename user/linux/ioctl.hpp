// Requests of ioctl(2): numbers (i386) and the memory each reads and writes at its argument. Pure.
#pragma once
#include <cstdint>

namespace vdso {

namespace ioctl_number {
inline constexpr std::uint32_t open_peer = 0x5441, tcgets = 0x5401, tcsets = 0x5402, tcsetsw = 0x5403, tcsetsf = 0x5404,
                               tcgeta = 0x5405, tcseta = 0x5406, tcsetaw = 0x5407, tcsetaf = 0x5408,
                               send_break = 0x5409, flow = 0x540a, flush = 0x540b, exclusive = 0x540c,
                               set_controlling = 0x540e, foreground = 0x540f, set_foreground = 0x5410,
                               output_queue = 0x5411, insert = 0x5412, window_size = 0x5413, set_window_size = 0x5414,
                               input_queue = 0x541b, non_blocking = 0x5421, detach = 0x5422, send_break_posix = 0x5425,
                               session = 0x5429, no_close_on_exec = 0x5450, close_on_exec = 0x5451;
/// Cella's own, to servers behind a control device (ctool -> container).
inline constexpr std::uint32_t cella_first = 0xCE00, attach_files = 0xCE01, cella_last = 0xCEFF;
/// Bytes of a 0xCE00..0xCEFF request's argument: a length word first, which counts itself.
inline constexpr std::uint32_t cella_bytes = 4096;
/// Socket calls as requests of the socket's own file: see sockets.cpp. Argument buffers declared by the caller.
inline constexpr std::uint32_t socket_first = 0xCD00;
/// ioctl_ns(2)
inline constexpr std::uint32_t namespace_user = 0xb701, namespace_parent = 0xb702, namespace_type = 0xb703,
                               namespace_owner = 0xb704;
} // namespace ioctl_number

struct IoctlMemory {
    std::uint32_t reads, writes;
};

/// Of netdevice(7), on sockets of any family.
constexpr bool is_device_request(std::uint32_t request) { return request >= 0x8910 && request <= 0x89a3; }

constexpr IoctlMemory ioctl_memory(std::uint32_t request) {
    using namespace ioctl_number;
    constexpr std::uint32_t termios_bytes = 36, termio_bytes = 18, window_bytes = 8, termios2_bytes = 44;
    switch (request) {
    case tcgets: return {0, termios_bytes};
    case tcsets:
    case tcsetsw:
    case tcsetsf: return {termios_bytes, 0};
    case tcgeta: return {0, termio_bytes};
    case tcseta:
    case tcsetaw:
    case tcsetaf: return {termio_bytes, 0};
    case window_size: return {0, window_bytes};
    case set_window_size: return {window_bytes, 0};
    case output_queue:
    case input_queue: return {0, 4};
    case insert: return {1, 0};
    case 0x802c542a: return {0, termios2_bytes};
    case 0x402c542b:
    case 0x402c542c:
    case 0x402c542d: return {termios2_bytes, 0};
    // Network devices (netdevice(7)): struct ifreq, struct ifconf.
    case 0x8912: return {8, 8};
    default: break;
    }
    if (is_device_request(request)) {
        constexpr std::uint32_t interface_request = 32;
        return {interface_request, interface_request};
    }
    if (request >= cella_first && request <= cella_last) { return {cella_bytes, cella_bytes}; }
    // Numbers that say it themselves: direction in bits 30 (write to the device) and 31, size in bits 16-29.
    std::uint32_t const bytes = request >> 16 & 0x3fff;
    std::uint32_t const type = request >> 8 & 0xff;
    if (request >> 30 != 0 && type != 0) {
        return {(request >> 30 & 1) != 0 ? bytes : 0, (request >> 31) != 0 ? bytes : 0};
    }
    return {0, 0};
}

/// Waits for output to drain: a signal may end it.
constexpr bool ioctl_may_wait(std::uint32_t request) {
    using namespace ioctl_number;
    return request == tcsetsw || request == tcsetsf || request == tcsetaw || request == tcsetaf ||
           request == send_break || request == send_break_posix || request == 0x402c542c || request == 0x402c542d ||
           (request >= cella_first && request <= cella_last);
}

} // namespace vdso
