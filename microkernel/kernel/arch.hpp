// The contract between the machine-independent kernel (microkernel/kernel) and an architecture (arch/i386, arch/host).
// Each architecture has `arch/<name>/context.hpp` (struct arch::Context, found through the include path) and implements
// the functions below. Nothing else of an architecture is visible to microkernel/kernel.
#pragma once
#include "../abi/objects.hpp"
#include <context.hpp> // struct arch::Context { void set_return(...)...; }, see below

namespace kernel {
struct Thread;
}

namespace arch {

using abi::Address;
using abi::Word;

// struct Context (in context.hpp) is the machine state of a thread: a plain struct at the *start* of kernel::Thread
// (the entry code saves into it directly), with
//   abi::Registers registers() const;  void set_registers(abi::Registers const&)   (sanitised: user selectors, IF set, IOPL 0)
//   Word info() const (eax), capability() (ebx), word0() (esi), word1() (edi), reply() (ebp)
//   void set_message(Word info, Word badge, Word word0, Word word1)   -- result of a system call
//   void set_info(Word info)                                                  -- result without a message
//   Address instruction_pointer(), stack_pointer(); Word flags(); void set_flow(eip, esp, eflags)   -- faults
//   void set_ipc_buffer(Address user, abi::IpcBuffer* kernel)  (null: none), set_redirect(Address entry),
//   void set_tls(Word entry 0..2, Address base, Word limit_pages_minus_one, bool present)
//   Word hazards: bits of kernel::hazard, and the architecture's own
//   FPU state (512 bytes, 16-aligned, lazily loaded)

// --- physical memory as the kernel sees it -------------------------------------------------------------------------
void* to_virtual(Address physical); ///< any RAM page or module byte; constant offset on i386
Address to_physical(void const* kernel_address);

// --- translation tables: raw hardware entries only; shadow slots and checks are the kernel's ------------------------
// `directory` and `table` are kernel addresses of the 4 KiB hardware pages. `rights` are abi::right bits.
void directory_initialize(void* directory); ///< copies the kernel's window into a new directory
void directory_set_table(void* directory, Word index, Address table_physical);
void directory_set_large(void* directory, Word index, Address frame_physical, Word rights, Word map_flags);
void directory_clear(void* directory, Word index);
void table_set(void* table, Word index, Address frame_physical, Word rights, Word map_flags);
void table_clear(void* table, Word index);
Word entry_rights(void const* table_or_directory, Word index); ///< 0: not present
Address entry_physical(void const* table_or_directory, Word index);
/// The directory is about to be destroyed: should it be loaded, the kernel's own takes its place.
void directory_destroy(void const* directory);
/// After a change of a mapping at `address` of the space with this directory. Cheap if the space is not loaded.
void flush_page(void const* directory, Address address);
void flush_space(void const* directory);

// --- user memory of a thread, by way of its directory --------------------------------------------------------------
/// Kernel address of the byte at user `address`, or null if not present with `rights` (write includes read). Valid to the page's end.
void* user_to_kernel(void const* directory, Address address, Word rights);

// --- threads --------------------------------------------------------------------------------------------------------
void context_initialize(Context& context);
/// FPU and SSE registers as after a processor's reset: what a thread computed in one space is not seen in the next.
void floating_point_reset(Context& context);
/// `context` gets the FPU and SSE registers that `source` has now. They may be the same.
void floating_point_copy(Context& context, Context const& source);
/// The thread's address space from now on, at once if it is loaded. Null: the kernel's own.
void set_space(Context& context, void const* directory);
bool has_space(Context const& context, void const* directory); ///< as set_space said; for the invariants
/// `thread` becomes the one that the exit path resumes: address space (CR3 only if it differs), FS/TLS descriptors,
/// sysenter stack. Not called for idleness: then cpu().current is null.
void switch_to(kernel::Thread& thread);
/// The processor holds this thread's state: it was the last one given to switch_to.
bool is_loaded(Context const& context);
/// The directory that the processor translates with.
void const* loaded_directory();
/// The thread object is being destroyed: forget FPU ownership.
void context_destroy(Context& context);

// --- interrupts, ports, time -----------------------------------------------------------------------------------------
bool interrupt_pending(); ///< preemption point: an enabled interrupt waits to be taken
/// Takes every interrupt that is pending now, as if user mode had been interrupted (on i386: sti; nop; cli): calls
/// kernel::handle_interrupt and handle_tick, which then only change queues. Called at preemption points, with no operation half done.
void serve_interrupts();
/// When interrupt_pending() looked since the last take_latency(): time stamps, 0: never; and the longest time between two looks.
struct LatencyFigures {
    Word first, last, longest;
};
LatencyFigures take_latency();
void interrupt_mask(Word line);
void interrupt_unmask(Word line);
Word port_in(Word port, Word size);
void port_out(Word port, Word size, Word value);
std::uint64_t time_stamp();
Word ticks_per_millisecond(); ///< of time_stamp()

// --- debugging --------------------------------------------------------------------------------------------------------
void log_write(char const* text, std::size_t length); ///< kernel log port (COM2)
[[noreturn]] void power_off(Word status);

} // namespace arch

// What the architecture calls, with interrupts off. It also calls handle_interrupt and handle_tick while idle. After each, the architecture leaves to kernel::cpu().current.
namespace kernel {
void handle_syscall(Thread& current); ///< Context holds the arguments
void handle_page_fault(Thread& current, arch::Address address, arch::Word code);
void handle_exception(Thread& current, arch::Word vector, arch::Word code);
void handle_interrupt(arch::Word line); ///< 0..15, not the timer
void handle_tick();                     ///< every kernel::tick_microseconds
inline constexpr arch::Word tick_microseconds = 1000;

struct MemoryRange {
    arch::Address start, end;
}; ///< end exclusive
struct BootMemory {
    MemoryRange free[32]; ///< RAM not used by kernel or modules, page-aligned
    arch::Word free_count;
    MemoryRange devices[32]; ///< memory-mapped devices below 4 GiB, and the modules
    arch::Word device_count;
    abi::BootModule modules[28]; ///< module 0 is root's ELF
    arch::Word module_count;
    char const* command_line;
};
/// Builds root from module 0, hands over all memory, and makes root current. Called once, at the end of the architecture's boot.
void boot(BootMemory const& memory);
} // namespace kernel
