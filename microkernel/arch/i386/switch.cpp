// From one thread to another: address space, FS and GS, FPU.
#include "../../kernel/cpu.hpp"
#include "machine.hpp"

extern "C" char arch_boot_directory[];
extern "C" char arch_kernel_stack_top[];

namespace arch {

static_assert(offsetof(Context, edi) == CONTEXT_EDI && offsetof(Context, esi) == CONTEXT_ESI);
static_assert(offsetof(Context, ebp) == CONTEXT_EBP && offsetof(Context, ebx) == CONTEXT_EBX);
static_assert(offsetof(Context, edx) == CONTEXT_EDX && offsetof(Context, ecx) == CONTEXT_ECX);
static_assert(offsetof(Context, eax) == CONTEXT_EAX && offsetof(Context, error_code) == CONTEXT_ERROR);
static_assert(offsetof(Context, eip) == CONTEXT_EIP && offsetof(Context, cs) == CONTEXT_CS);
static_assert(offsetof(Context, eflags) == CONTEXT_EFLAGS && offsetof(Context, esp) == CONTEXT_ESP);
static_assert(offsetof(Context, ss) == CONTEXT_SS && offsetof(Context, fs) == CONTEXT_FRAME_END);
static_assert(offsetof(Context, redirect) == CONTEXT_REDIRECT && offsetof(Context, ipc_buffer) == CONTEXT_IPC_BUFFER);
static_assert(offsetof(kernel::Thread, context) == 0 && offsetof(kernel::Cpu, current) == 0, "traps.S knows this");
static_assert(offsetof(abi::IpcBuffer, redirect_ip) == IPC_BUFFER_REDIRECT_IP);
static_assert(offsetof(abi::IpcBuffer, redirect_flags) == IPC_BUFFER_REDIRECT_FLAGS);

namespace {

constinit Context* floating_point_owner = nullptr; ///< whose state the FPU's registers hold
constinit bool task_switched = true;               ///< CR0.TS, so that CR0 is touched only to change it
constexpr Word cr0_task_switched = 8;
constinit Word cr0_value = 0;

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
    write_cr0(cr0_value | cr0_task_switched);
    task_switched = true;
}
inline void clear_task_switched() {
    asm volatile("clts");
    task_switched = false;
}

/// The context whose TLS entries the GDT holds. A thread without any leaves them as they are: a descriptor tells it no
/// more than a number, and what it reaches through it is its own space.
constinit Context const* tls_owner = nullptr;

inline void load_tls(Context const& context) {
    for (Word entry = 0; entry < 3; ++entry) global_descriptors[SELECTOR_TLS_FIRST + entry] = context.tls[entry];
    tls_owner = &context;
}

} // namespace

void save_selectors(Context& context) {
    context.fs = read_fs();
    context.gs = read_gs();
}

void forget_tls(Context const& context) {
    if (tls_owner == &context) tls_owner = nullptr;
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

void switch_to(kernel::Thread& thread) {
    auto& next = reinterpret_cast<Context&>(thread);
    if (read_cr3() != next.directory) [[likely]]
        write_cr3(next.directory);
    Context* const previous = loaded_context();
    if (previous == &next) [[unlikely]]
        return;
    if (floating_point_owner == &next) [[unlikely]] {
        if (task_switched) clear_task_switched();
    } else if (!task_switched) [[unlikely]] {
        set_task_switched();
    }
    Word previous_gs = 1, previous_address = ~next.ipc_address, previous_fs = 0; // no thread's: all is loaded anew
    if (previous != nullptr) [[likely]] {
        previous->fs = previous_fs = read_fs();
        previous->gs = previous_gs = read_gs();
        previous_address = previous->ipc_address;
    }
    arch_entry_stack.task.esp0 = reinterpret_cast<Word>(&next) + CONTEXT_FRAME_END;
    if (previous_address != next.ipc_address) global_descriptors[SELECTOR_IPC_BUFFER >> 3] = next.ipc_segment;
    if ((next.hazards & Context::hazard_tls) != 0 && tls_owner != &next) load_tls(next);
    if (previous_address != next.ipc_address || next.fs != SELECTOR_IPC_BUFFER || previous_fs != SELECTOR_IPC_BUFFER) load_fs(next.fs);
    if ((next.gs | previous_gs) != 0) load_gs(next.gs);
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

void floating_point_reset(Context& context) {
    if (floating_point_owner == &context) {
        floating_point_owner = nullptr;
        context.hazards &= ~Context::hazard_floating_point;
        if (loaded_context() == &context && !task_switched) set_task_switched();
    }
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
        if (!task_switched) set_task_switched();
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
    cr0_value = read_cr0() & ~cr0_task_switched;
    set_task_switched();
}

/// Device-not-available: gives the FPU to the running thread. False if it had it: then it is a real exception.
extern "C" bool arch_take_floating_point(Context& context) {
    if (!task_switched) return false;
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
