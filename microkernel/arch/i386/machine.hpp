// Inside arch/i386: single instructions and the parts' functions for each other.
#pragma once
#include "../../kernel/arch.hpp"
#include "layout.h"

namespace arch {

inline void out8(Word port, Word value) { asm volatile("outb %b0, %w1" : : "a"(value), "Nd"(port)); }
inline void out16(Word port, Word value) { asm volatile("outw %w0, %w1" : : "a"(value), "Nd"(port)); }
inline void out32(Word port, Word value) { asm volatile("outl %0, %w1" : : "a"(value), "Nd"(port)); }
inline Word in8(Word port) {
    std::uint8_t value;
    asm volatile("inb %w1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
inline Word in16(Word port) {
    std::uint16_t value;
    asm volatile("inw %w1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
inline Word in32(Word port) {
    Word value;
    asm volatile("inl %w1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
inline void write_msr(Word number, Word low) { asm volatile("wrmsr" : : "c"(number), "a"(low), "d"(0)); }
inline Word read_cr0() {
    Word value;
    asm volatile("movl %%cr0, %0" : "=r"(value));
    return value;
}
inline void write_cr0(Word value) { asm volatile("movl %0, %%cr0" : : "r"(value) : "memory"); }
inline Word read_cr2() {
    Word value;
    asm volatile("movl %%cr2, %0" : "=r"(value));
    return value;
}
inline void write_cr3(Word value) { asm volatile("movl %0, %%cr3" : : "r"(value) : "memory"); }

/// value * multiplier / divisor; the quotient must fit a word.
inline Word multiply_divide(Word value, Word multiplier, Word divisor) {
    Word quotient, high;
    asm("mull %3; divl %4" : "=&a"(quotient), "=&d"(high) : "0"(value), "rm"(multiplier), "rm"(divisor) : "cc");
    return quotient;
}

void log(char const* text);                 ///< to the log port, zero-terminated
void log_hex(char const* name, Word value); ///< " name=0x........"
void log_initialize();
[[noreturn]] void fail(char const* why); ///< the machine cannot boot
void descriptors_initialize();           ///< GDT, TSS, IDT, sysenter
void floating_point_initialize();
void interrupts_initialize(); ///< both PICs, all lines masked, and the local APIC without its timer
void timer_initialize();      ///< calibrates, and starts the tick
extern Word calibrated_ticks_per_millisecond;

/// The processor's task state; preceded by room for what a debug trap pushes on the first instruction after sysenter,
/// when the stack pointer still is SYSENTER_ESP.
struct TaskState {
    Word previous, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    Word es, cs, ss, ds, fs, gs, ldt, iomap;
};
static_assert(sizeof(TaskState) == 104);
struct EntryStack {
    Word room[64];
    TaskState task;
};
extern "C" EntryStack arch_entry_stack;
extern SegmentDescriptor global_descriptors[GDT_ENTRIES];

} // namespace arch
