// GDT, TSS, IDT and the sysenter registers.
#pragma GCC optimize("Os") // not where time counts
#include "machine.hpp"

extern "C" {
extern arch::Word const arch_trap_table[32];
extern arch::Word const arch_interrupt_table[16];
void arch_int80();
void arch_timer();
void arch_spurious();
void arch_sysenter();
void arch_double_fault();
extern char arch_kernel_stack_top[];
extern char arch_boot_directory[];
[[noreturn]] void arch_double_fault_report();
}

namespace arch {

extern "C" {
alignas(16) constinit EntryStack arch_entry_stack{};
}
static_assert(offsetof(EntryStack, task) == 256, "traps.S knows this");

alignas(16) constinit SegmentDescriptor global_descriptors[GDT_ENTRIES]{};

namespace {

alignas(16) constinit SegmentDescriptor interrupt_descriptors[256]{};
constinit TaskState double_fault_task{};
alignas(16) constinit Word double_fault_stack[256]{};

struct [[gnu::packed]] TableRegister {
    std::uint16_t limit;
    Word base;
};

Word word_of(void const* pointer) { return reinterpret_cast<Word>(pointer); }
Word word_of(void (*function)()) { return reinterpret_cast<Word>(function); }

SegmentDescriptor task_descriptor(TaskState const& task) {
    Word const base = word_of(&task);
    return {(sizeof(TaskState) - 1) | base << 16, (base >> 16 & 0xff) | 0x8900 | (base & 0xff000000)};
}

void set_gate(Word vector, Word handler, Word privilege) {
    interrupt_descriptors[vector] = {(handler & 0xffff) | SELECTOR_KERNEL_CODE << 16,
                                     (handler & 0xffff0000) | 0x8e00 | privilege << 13};
}

} // namespace

void descriptors_initialize() {
    global_descriptors[SELECTOR_KERNEL_CODE >> 3] = {0x0000ffff, 0x00cf9b00};
    global_descriptors[SELECTOR_KERNEL_DATA >> 3] = {0x0000ffff, 0x00cf9300};
    global_descriptors[SELECTOR_USER_CODE >> 3] = {0x0000ffff, 0x00cffb00};
    global_descriptors[SELECTOR_USER_DATA >> 3] = {0x0000ffff, 0x00cff300};
    global_descriptors[SELECTOR_TSS >> 3] = task_descriptor(arch_entry_stack.task);
    global_descriptors[SELECTOR_DOUBLE_FAULT_TSS >> 3] = task_descriptor(double_fault_task);
    arch_entry_stack.task.ss0 = SELECTOR_KERNEL_DATA;
    arch_entry_stack.task.esp0 = word_of(arch_kernel_stack_top);
    arch_entry_stack.task.iomap = sizeof(TaskState) << 16; // beyond the limit: no port for user mode
    double_fault_task.cr3 = word_of(arch_boot_directory) - KERNEL_BASE;
    double_fault_task.eip = word_of(arch_double_fault);
    double_fault_task.esp = word_of(double_fault_stack + 256);
    double_fault_task.eflags = 2;
    double_fault_task.cs = SELECTOR_KERNEL_CODE;
    double_fault_task.ss = double_fault_task.ds = double_fault_task.es = SELECTOR_KERNEL_DATA;
    double_fault_task.iomap = sizeof(TaskState) << 16;

    for (Word vector = 0; vector < 32; ++vector) {
        set_gate(vector, arch_trap_table[vector], vector == 3 || vector == 4 ? 3 : 0);
    }
    interrupt_descriptors[8] = {SELECTOR_DOUBLE_FAULT_TSS << 16, 0x8500};
    for (Word line = 0; line < 16; ++line) set_gate(VECTOR_IRQ_FIRST + line, arch_interrupt_table[line], 0);
    set_gate(VECTOR_TIMER, word_of(arch_timer), 0);
    set_gate(VECTOR_SYSCALL, word_of(arch_int80), 3);
    set_gate(VECTOR_SPURIOUS, word_of(arch_spurious), 0);

    TableRegister const gdt{sizeof global_descriptors - 1, word_of(global_descriptors)};
    TableRegister const idt{sizeof interrupt_descriptors - 1, word_of(interrupt_descriptors)};
    asm volatile("lgdt %0\n\t"
                 "lidt %1\n\t"
                 "ljmp %2, $1f\n"
                 "1:\tmovl %3, %%ss\n\t"
                 "movl %4, %%ds\n\t"
                 "movl %4, %%es\n\t"
                 "movl %5, %%fs\n\t"
                 "movl %5, %%gs\n\t"
                 "ltr %w6\n\t"
                 "lldt %w5"
                 :
                 : "m"(gdt), "m"(idt), "i"(SELECTOR_KERNEL_CODE), "r"(SELECTOR_KERNEL_DATA), "r"(SELECTOR_USER_DATA),
                   "r"(0), "r"(SELECTOR_TSS)
                 : "memory");
    write_msr(0x174, SELECTOR_KERNEL_CODE);
    write_msr(0x175, word_of(&arch_entry_stack.task.esp0));
    write_msr(0x176, word_of(arch_sysenter));
}

extern "C" void arch_double_fault_report() {
    log("kernel: double fault");
    log_hex("eip", arch_entry_stack.task.eip);
    log_hex("esp", arch_entry_stack.task.esp);
    log_hex("cr2", read_cr2());
    log("\n");
    power_off(127);
}

} // namespace arch
