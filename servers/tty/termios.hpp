// struct termios of Linux i386 as TCGETS and TCSETS* move it (asm-generic/termbits.h), and the bits that tty heeds.
#pragma once
#include <array>
#include <cstdint>

namespace tty {

struct Termios {
    std::uint32_t input = 0x500;  ///< ICRNL IXON
    std::uint32_t output = 0x5;   ///< OPOST ONLCR
    std::uint32_t control = 0xbf; ///< B38400 CS8 CREAD
    std::uint32_t local = 0x8a3b; ///< ISIG ICANON ECHO ECHOE ECHOK ECHOCTL ECHOKE IEXTEN
    std::uint8_t line = 0;
    std::array<std::uint8_t, 19> characters{3,   034, 0177, 025, 4,   0,   1, 0, 021, 023,
                                            032, 0,   022,  017, 027, 026, 0, 0, 0};
};
static_assert(sizeof(Termios) == 36);

namespace input_flag {
inline constexpr std::uint32_t strip = 0x20, ignore_return = 0x80, newline_to_return = 0x40, return_to_newline = 0x100,
                               flow_control = 0x400;
}
namespace output_flag {
inline constexpr std::uint32_t process = 1, newline_to_return_newline = 4, return_to_newline = 8,
                               no_return_at_column0 = 16, newline_returns = 32;
}
namespace local_flag {
inline constexpr std::uint32_t signals = 1, canonical = 2, echo = 8, echo_erase = 0x10, echo_kill = 0x20,
                               echo_newline = 0x40, no_flush = 0x80, stop_background_output = 0x100,
                               echo_control = 0x200, echo_kill_erase = 0x800, extended = 0x8000;
}
/// Indexes of Termios::characters.
namespace character {
inline constexpr int interrupt = 0, quit = 1, erase = 2, kill = 3, end_of_file = 4, time = 5, minimum = 6, start = 8,
                     stop = 9, suspend = 10, end_of_line = 11, reprint = 12, word_erase = 14, literal_next = 15,
                     end_of_line2 = 16;
}

struct WindowSize {
    std::uint16_t rows = 24, columns = 80, width = 0, height = 0;
};
static_assert(sizeof(WindowSize) == 8);

} // namespace tty
