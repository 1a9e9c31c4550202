// Interrupt lines given to user mode.
#pragma once
#include "slot.hpp"

namespace kernel {

inline constexpr Word interrupt_lines = 16;
/// The last capability of the line's handler goes. May be preempted.
Error release_interrupt(Word line);
Slot& interrupt_slot(Word line);
/// Lines that have a handler, one bit each.
Word issued_interrupts();
/// No line is given to anybody. Called by boot.
void initialize_interrupts();

} // namespace kernel
