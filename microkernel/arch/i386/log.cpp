// The kernel's log port, COM2, and the end of the machine.
#include "machine.hpp"

namespace arch {

namespace {
constexpr Word log_port = 0x2f8;
}

void log_initialize() {
    out8(log_port + 1, 0);    // no interrupts
    out8(log_port + 3, 0x80); // divisor 1: 115200
    out8(log_port, 1), out8(log_port + 1, 0);
    out8(log_port + 3, 3); // 8 bits, no parity
    out8(log_port + 2, 7); // FIFOs on and empty
    out8(log_port + 4, 3);
}

void log_write(char const* text, std::size_t length) {
    for (std::size_t index = 0; index < length; ++index) {
        for (Word patience = 0; patience < 100000 && (in8(log_port + 5) & 0x20) == 0; ++patience) asm volatile("pause");
        out8(log_port, static_cast<unsigned char>(text[index]));
    }
}

void log(char const* text) {
    std::size_t length = 0;
    while (text[length] != 0) ++length;
    log_write(text, length);
}

void log_hex(char const* name, Word value) {
    log(" ");
    log(name);
    char digits[] = "=0x00000000";
    for (Word position = 0; position < 8; ++position)
        digits[10 - position] = "0123456789abcdef"[value >> 4 * position & 15];
    log(digits);
}

void power_off(Word status) {
    out32(0xf4, status);  // QEMU's isa-debug-exit: ends with 2 * status + 1
    out16(0x604, 0x2000); // ACPI power off of QEMU's pc machine
    for (;;) asm volatile("cli; hlt");
}

} // namespace arch
