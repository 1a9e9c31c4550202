// Exceptions and interrupts, from traps.S to the kernel proper.
#pragma GCC optimize("Os") // not where time counts
#include "machine.hpp"

namespace arch {

namespace {

/// What arch_kernel_exception has on its stack.
struct KernelFrame {
    Word edi, esi, ebp, ebx, edx, ecx, eax, error_code, eip, cs, eflags;
};

struct Fixup {
    Word at, resume;
};

} // namespace

extern "C" {
extern Fixup const arch_fixups[];
extern Fixup const arch_fixups_end[];

void arch_kernel_fault(KernelFrame& frame, Word vector);
void arch_user_exception(Context& context, Word vector, Word code);
bool arch_take_floating_point(Context& context);
}

void arch_kernel_fault(KernelFrame& frame, Word vector) {
    for (Fixup const* fixup = arch_fixups; fixup != arch_fixups_end; ++fixup) {
        if (fixup->at == frame.eip) {
            frame.eip = fixup->resume;
            return;
        }
    }
    log("kernel: fault in the kernel\n");
    log_hex("vector", vector);
    log_hex("error", frame.error_code);
    log_hex("eip", frame.eip);
    log_hex("cr2", read_cr2());
    log_hex("esp", reinterpret_cast<Word>(&frame) + sizeof frame);
    log("\n");
    log_hex("eax", frame.eax);
    log_hex("ebx", frame.ebx);
    log_hex("ecx", frame.ecx);
    log_hex("edx", frame.edx);
    log_hex("esi", frame.esi);
    log_hex("edi", frame.edi);
    log_hex("ebp", frame.ebp);
    log("\n");
    Word const* stack = reinterpret_cast<Word const*>(&frame + 1);
    for (Word shown = 0, looked = 0; shown < 16 && looked < 200; ++looked) {
        extern char arch_kernel_stack_top_[] asm("arch_kernel_stack_top");
        extern char text_end[] asm("arch_text_end");
        if (reinterpret_cast<char const*>(stack + looked) >= arch_kernel_stack_top_) break;
        if (stack[looked] >= KERNEL_BASE + 0x100000 && stack[looked] < reinterpret_cast<Word>(text_end)) {
            log_hex("from", stack[looked]);
            ++shown;
        }
    }
    log("\n");
    power_off(127);
}

void arch_user_exception(Context& context, Word vector, Word code) {
    auto& thread = reinterpret_cast<kernel::Thread&>(context);
    if (vector == 14) {
        kernel::handle_page_fault(thread, read_cr2(), code);
    } else if (vector != 7 || !arch_take_floating_point(context)) {
        if (vector != 2) kernel::handle_exception(thread, vector, code);
    }
}

} // namespace arch
