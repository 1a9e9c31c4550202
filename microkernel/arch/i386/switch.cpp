// From one thread to another: address space, FS and GS, FPU.
#include "../../kernel/cpu.hpp"
#include "machine.hpp"

extern "C" char arch_boot_directory[];
extern "C" char arch_kernel_stack_top[];

namespace arch {

// fastpath.S knows these.
extern "C" {
/// The context whose TLS entries the GDT holds. A thread without any leaves them as they are: a descriptor tells it no
/// more than a number, and what it reaches through it is its own space.
constinit Context const* arch_tls_owner = nullptr;
constinit bool arch_task_switched = true;  ///< CR0.TS, so that CR0 is touched only to change it
constinit Word arch_cr0_task_switched = 0; ///< CR0 with TS
}

namespace {

constinit Context* floating_point_owner = nullptr; ///< whose state the FPU's registers hold
constexpr Word cr0_task_switched = 8;

// A selector that the processor refuses becomes null: the fault finds its fixup in a table (trap.cpp).
#define LOAD_SEGMENT(name, selector)                                                                                   \
    asm volatile("1:\tmovl %0, %%" name "\n"                                                                           \
                 "2:\n\t.pushsection .text.unlikely\n"                                                                 \
                 "3:\txorl %0, %0\n\tjmp 1b\n\t.popsection\n\t"                                                        \
                 ".pushsection .fixups, \"a\"\n\t.long 1b, 3b\n\t.popsection"                                          \
                 : "+r"(selector)                                                                                      \
                 :                                                                                                     \
                 : "cc", "memory")

inline void load_fs(Word selector) { LOAD_SEGMENT("fs", selector); }
inline void load_gs(Word selector) { LOAD_SEGMENT("gs", selector); }
inline Word read_fs() {
    Word selector;
    asm volatile("movl %%fs, %0" : "=r"(selector));
    return selector;
}
inline Word read_gs() {
    Word selector;
    asm volatile("movl %%gs, %0" : "=r"(selector));
    return selector;
}

inline Word read_cr3() {
    Word value;
    asm volatile("movl %%cr3, %0" : "=r"(value));
    return value;
}
inline Word physical(void const* directory) {
    return reinterpret_cast<Word>(directory != nullptr ? directory : arch_boot_directory) - KERNEL_BASE;
}
/// Nobody's state: what TSS.esp0 is while no context is loaded.
inline Word no_context() { return reinterpret_cast<Word>(arch_kernel_stack_top); }

inline void set_task_switched() {
    write_cr0(arch_cr0_task_switched);
    arch_task_switched = true;
}
inline void clear_task_switched() {
    asm volatile("clts");
    arch_task_switched = false;
}

inline void load_tls(Context const& context) {
    for (Word entry = 0; entry < 3; ++entry) global_descriptors[SELECTOR_TLS_FIRST + entry] = context.tls[entry];
    arch_tls_owner = &context;
}

} // namespace

void save_selectors(Context& context) {
    context.fs = read_fs();
    context.gs = read_gs();
}

void forget_tls(Context const& context) {
    if (arch_tls_owner == &context) arch_tls_owner = nullptr;
}

void reload_descriptors(Context& context) {
    global_descriptors[SELECTOR_IPC_BUFFER >> 3] = context.ipc_segment;
    load_tls(context);
    load_fs(context.fs);
    load_gs(context.gs);
}

Context* loaded_context() {
    Word const top = arch_entry_stack.task.esp0;
    return top == no_context() ? nullptr : reinterpret_cast<Context*>(top - CONTEXT_FRAME_END);
}

bool is_loaded(Context const& context) { return loaded_context() == &context; }

void const* loaded_directory() { return to_virtual(read_cr3()); }

void set_space(Context& context, void const* directory) {
    context.directory = physical(directory);
    if (loaded_context() == &context && read_cr3() != context.directory) write_cr3(context.directory);
}

bool has_space(Context const& context, void const* directory) { return context.directory == physical(directory); }

/// FS, GS, TLS descriptors and FPU from one context to the next. GS is null while a thread runs that never used it.
[[gnu::noinline]] void exchange_all(Context& previous, Context& next) {
    if (floating_point_owner == &next) [[unlikely]] {
        if (arch_task_switched) clear_task_switched();
    } else if (!arch_task_switched) [[unlikely]] {
        set_task_switched();
    }
    Word const fs = read_fs(), gs = read_gs();
    previous.fs = fs;
    previous.gs = gs;
    if (gs != 0 || fs != SELECTOR_IPC_BUFFER) previous.hazards |= Context::hazard_tls;
    bool const moves = previous.ipc_address != next.ipc_address;
    if (moves) global_descriptors[SELECTOR_IPC_BUFFER >> 3] = next.ipc_segment;
    if ((next.hazards & Context::hazard_tls) != 0 && arch_tls_owner != &next) load_tls(next);
    if (moves || next.fs != SELECTOR_IPC_BUFFER || fs != SELECTOR_IPC_BUFFER) load_fs(next.fs);
    if ((next.gs | gs) != 0) load_gs(next.gs);
}

inline void exchange(Context& previous, Context& next) {
    constexpr Word mine = Context::hazard_tls | Context::hazard_floating_point;
    if (((previous.hazards | next.hazards) & mine) != 0 || read_fs() != SELECTOR_IPC_BUFFER || read_gs() != 0)
        [[unlikely]]
        return exchange_all(previous, next);
    if (previous.ipc_address == next.ipc_address) return;
    global_descriptors[SELECTOR_IPC_BUFFER >> 3] = next.ipc_segment;
    Word selector = SELECTOR_IPC_BUFFER;
    load_fs(selector);
}

extern "C" void arch_exchange(Context& previous, Context& next) { exchange(previous, next); }

void switch_to(kernel::Thread& thread) {
    auto& next = reinterpret_cast<Context&>(thread);
    if (read_cr3() != next.directory) [[likely]]
        write_cr3(next.directory);
    Context* const previous = loaded_context();
    if (previous == &next) [[unlikely]]
        return;
    arch_entry_stack.task.esp0 = reinterpret_cast<Word>(&next) + CONTEXT_FRAME_END;
    if (previous != nullptr) [[likely]] {
        exchange(*previous, next);
    } else {
        if (!arch_task_switched) set_task_switched();
        if (floating_point_owner == &next) clear_task_switched();
        reload_descriptors(next);
    }
}

void context_initialize(Context& context) {
    context.cs = SELECTOR_USER_CODE;
    context.ss = SELECTOR_USER_DATA;
    context.eflags = Context::fixed_flags;
    context.fs = SELECTOR_IPC_BUFFER;
    context.directory = physical(nullptr);
    context.ipc_segment = user_data_descriptor(0, 0xfff, false);
    floating_point_reset(context);
}

/// What the processor's registers hold is no longer this context's state.
static void disown_floating_point(Context& context) {
    if (floating_point_owner != &context) return;
    floating_point_owner = nullptr;
    context.hazards &= ~Context::hazard_floating_point;
    if (loaded_context() == &context && !arch_task_switched) set_task_switched();
}

void floating_point_copy(Context& context, Context const& source) {
    if (&context == &source) return;
    disown_floating_point(context);
    if (floating_point_owner != &source) {
        for (Word i = 0; i < sizeof context.fpu; ++i) context.fpu[i] = source.fpu[i];
        return;
    }
    bool const task_switched = arch_task_switched;
    if (task_switched) clear_task_switched();
    asm volatile("fxsave (%0)" : : "r"(context.fpu) : "memory");
    if (task_switched) set_task_switched();
}

void floating_point_reset(Context& context) {
    disown_floating_point(context);
    for (auto& byte : context.fpu) byte = 0;
    // The fxsave image of a processor after fninit: control word 0x37f, MXCSR 0x1f80, everything else zero.
    context.fpu[0] = 0x7f, context.fpu[1] = 0x03;
    context.fpu[24] = 0x80, context.fpu[25] = 0x1f;
}

void context_destroy(Context& context) {
    forget_tls(context);
    if (floating_point_owner == &context) floating_point_owner = nullptr;
    if (loaded_context() == &context) {
        arch_entry_stack.task.esp0 = no_context();
        if (!arch_task_switched) set_task_switched();
    }
}

void directory_destroy(void const* directory) {
    if (read_cr3() == physical(directory)) write_cr3(physical(nullptr));
}

void flush_page(void const* directory, Address address) {
    if (read_cr3() == physical(directory)) asm volatile("invlpg (%0)" : : "r"(address) : "memory");
}

void flush_space(void const* directory) {
    if (read_cr3() == physical(directory)) write_cr3(physical(directory));
}

void floating_point_initialize() {
    arch_cr0_task_switched = read_cr0() | cr0_task_switched;
    set_task_switched();
}

/// Device-not-available: gives the FPU to the running thread. False if it had it: then it is a real exception.
extern "C" bool arch_take_floating_point(Context& context) {
    if (!arch_task_switched) return false;
    clear_task_switched();
    if (floating_point_owner == &context) return true;
    if (floating_point_owner != nullptr) {
        asm volatile("fxsave (%0)" : : "r"(floating_point_owner->fpu) : "memory");
        floating_point_owner->hazards &= ~Context::hazard_floating_point;
    }
    asm volatile("fxrstor (%0)" : : "r"(context.fpu) : "memory");
    floating_point_owner = &context;
    context.hazards |= Context::hazard_floating_point;
    return true;
}

} // namespace arch
