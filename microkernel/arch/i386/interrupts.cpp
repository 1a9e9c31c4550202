// The two 8259 interrupt controllers for devices, and the local APIC, whose timer is the kernel's tick.
#include "machine.hpp"

namespace arch {

namespace {

constexpr Word primary = 0x20, secondary = 0xa0; // command ports; data is the next port
constexpr Word cascade_line = 2;
constexpr Address local_apic = 0xfee00000;
constexpr Word apic_task_priority = 0x80, apic_end_of_interrupt = 0xb0, apic_spurious = 0xf0, apic_request = 0x200,
               apic_timer = 0x320, apic_lint0 = 0x350, apic_lint1 = 0x360, apic_error = 0x370, apic_initial = 0x380,
               apic_current = 0x390, apic_divide = 0x3e0;
constexpr Word apic_masked = 0x10000, apic_periodic = 0x20000;

constinit LatencyFigures latency{};
constinit Word masked_lines = 0xffff & ~(1u << cascade_line);

Word volatile& apic(Word offset) { return *reinterpret_cast<Word volatile*>(local_apic + offset); }

void write_masks(Word line) {
    if (line < 8) {
        out8(primary + 1, masked_lines & 0xff);
    } else {
        out8(secondary + 1, masked_lines >> 8);
    }
}

bool in_service(Word line) {
    Word const port = line < 8 ? primary : secondary;
    out8(port, 0x0b);
    Word const lines = in8(port);
    out8(port, 0x0a);
    return (lines >> (line & 7) & 1) != 0;
}

/// Counts of the PIT's channel 2 and of the two clocks to calibrate, read together.
struct Sample {
    Word pit, stamp, apic;
};

Word stamp_low() { return static_cast<Word>(time_stamp()); }

Sample sample() {
    Sample best{};
    Word best_width = ~Word{0};
    for (Word attempt = 0; attempt < 5;
         ++attempt) { // the narrowest: the machine under us may have been elsewhere between
        Word const before = stamp_low();
        out8(0x43, 0x80); // latch
        Word const low = in8(0x42);
        Word const pit = low | in8(0x42) << 8;
        Word const current = apic(apic_current);
        Word const after = stamp_low();
        if (after - before < best_width) {
            best_width = after - before;
            best = {pit, before + best_width / 2, current};
        }
    }
    return best;
}

} // namespace

constinit Word calibrated_ticks_per_millisecond = 1;

void interrupts_initialize() {
    // In the order the chips want: begin, first vector, cascade, 8086 mode; then masks and reading of requests.
    out8(primary, 0x11), out8(secondary, 0x11);
    out8(primary + 1, VECTOR_IRQ_FIRST), out8(secondary + 1, VECTOR_IRQ_FIRST + 8);
    out8(primary + 1, 1 << cascade_line), out8(secondary + 1, cascade_line);
    out8(primary + 1, 1), out8(secondary + 1, 1);
    write_masks(0), write_masks(8);
    out8(primary, 0x0a), out8(secondary, 0x0a);

    asm volatile("wrmsr" : : "c"(0x1b), "a"(local_apic | 0x900), "d"(0));
    apic(apic_spurious) = 0x100 | VECTOR_SPURIOUS;
    apic(apic_task_priority) = 0;
    apic(apic_lint0) = 0x700; // the 8259s' output
    apic(apic_lint1) = apic_masked;
    apic(apic_error) = apic_masked | VECTOR_SPURIOUS;
    apic(apic_timer) = apic_masked | VECTOR_TIMER;
    apic(apic_divide) = 0xb; // by 1
}

void timer_initialize() {
    constexpr Word pit_hertz = 1193182, pit_counts = 2386; // 2 ms
    out8(0x61, (in8(0x61) & ~2u) | 1u);                    // gate of channel 2 on, speaker off
    out8(0x43, 0xb0);                                      // channel 2, both bytes, one shot
    out8(0x42, 0xff), out8(0x42, 0xff);
    apic(apic_initial) = ~Word{0};
    Sample const start = sample();
    Sample end;
    do end = sample();
    while (((start.pit - end.pit) & 0xffff) < pit_counts);
    Word const pit_elapsed = (start.pit - end.pit) & 0xffff;
    calibrated_ticks_per_millisecond = multiply_divide(end.stamp - start.stamp, pit_hertz / 1000, pit_elapsed);
    Word const apic_per_millisecond = multiply_divide(start.apic - end.apic, pit_hertz / 1000, pit_elapsed);
    apic(apic_timer) = apic_periodic | VECTOR_TIMER;
    apic(apic_initial) = multiply_divide(apic_per_millisecond, kernel::tick_microseconds, 1000);
}

bool interrupt_pending() {
    // Asking the chips costs more than the work between two preemption points: at most once in 1/100 ms.
    static constinit Word last_asked = 0;
    Word const now = stamp_low();
    if (now - last_asked < calibrated_ticks_per_millisecond / 100) return false;
    last_asked = now;
    if (latency.first == 0) latency.first = now;
    else if (now - latency.last > latency.longest) latency.longest = now - latency.last;
    latency.last = now;
    if ((apic(apic_request + (VECTOR_TIMER / 32) * 16) >> (VECTOR_TIMER % 32) & 1) != 0) return true;
    // A line of the second controller shows as the cascade line of the first.
    return (in8(primary) & ~masked_lines & 0xff) != 0;
}

LatencyFigures take_latency() {
    LatencyFigures const figures = latency;
    latency = {};
    return figures;
}

void interrupt_mask(Word line) {
    if (line == cascade_line || (masked_lines >> line & 1) != 0) return;
    masked_lines |= 1u << line;
    write_masks(line);
}

void interrupt_unmask(Word line) {
    if ((masked_lines >> line & 1) == 0) return;
    masked_lines &= ~(1u << line);
    write_masks(line);
}

/// `number` is a line, or 16 for the timer. A line stays masked until its handler acknowledges it.
extern "C" void arch_handle_interrupt(Word number) {
    if (number == 16) {
        apic(apic_end_of_interrupt) = 0;
        kernel::handle_tick();
        return;
    }
    if ((number & 7) == 7 && !in_service(number)) {
        if (number == 15) out8(primary, 0x20); // the first controller did see a real cascade request
        return;
    }
    interrupt_mask(number);
    if (number >= 8) out8(secondary, 0x20);
    out8(primary, 0x20);
    kernel::handle_interrupt(number);
}

Word port_in(Word port, Word size) { return size == 1 ? in8(port) : size == 2 ? in16(port) : in32(port); }

void port_out(Word port, Word size, Word value) {
    if (size == 1) {
        out8(port, value);
    } else if (size == 2) {
        out16(port, value);
    } else {
        out32(port, value);
    }
}

std::uint64_t time_stamp() {
    std::uint64_t value;
    asm volatile("rdtsc" : "=A"(value));
    return value;
}

Word ticks_per_millisecond() { return calibrated_ticks_per_millisecond; }

} // namespace arch
