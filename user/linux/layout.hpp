// What proc and the vDSO agree on: where things lie in a Linux process, and the memory they share.
// The vDSO (user/linux) is the process's own code; proc writes the marked fields through its own mapping of the page and
// believes nothing it reads there beyond what may hurt the process itself.
#pragma once
#include "../../microkernel/abi/types.hpp"
#include <cstddef>

namespace linux_process {
using abi::Address;
using abi::CapabilityPointer;
using abi::Word;

/// CSpace of a process: one CNode, guard zero, at first 2^initial_radix slots, grown by Process::GrowDescriptors.
namespace slot {
inline constexpr CapabilityPointer
    cnode = 1,   ///< its own CNode: the vDSO copies (dup) and deletes (close) descriptors itself
    process = 2, ///< proc: Process, badge = this thread
    vfs = 3,     ///< VfsSession and Directory
    uts = 4, network = 5, ipc = 6, time = 7, cgroup = 8,
    wake = 9, ///< notification of this thread: poll and time-outs (all rights)
    scratch =
        16, ///< 16..19: receive window before a descriptor number is chosen, one thread at a time (ProcessArea::lock)
    thread_first = 20,     ///< reserved to 63: per-thread process/wake slots of further threads of one CSpace
    descriptor_first = 64; ///< descriptor n is slot 64 + n
inline constexpr Word initial_radix = 8, maximum_radix = 12;
} // namespace slot

/// Address space, all fixed (no randomisation: runs repeat exactly).
inline constexpr Address program_base = 0x08048000; ///< where Debian links; static-PIE goes to 0x56555000
inline constexpr Address pie_base = 0x56555000;
inline constexpr Address map_top = 0xBF400000;   ///< mmap goes down from here
inline constexpr Address stack_top = 0xBFDF0000; ///< user stack, grows down, 8 MiB at the most
inline constexpr Word stack_maximum = 8 << 20;
/// Thread areas: number n at area_base + n * area_size. Page 0: IPC buffer and ThreadArea; pages 1, 2: the vDSO's stack; page 3 unmapped.
inline constexpr Address area_base = 0xBFE00000;
inline constexpr Word area_size = 0x4000, area_count = 96;
inline constexpr Word area_stack_pages = 2;
/// Descriptor tables: number n at files_base + n * files_size (n 0; 1.. for vfork children).
inline constexpr Address files_base = 0xBFF80000;
inline constexpr Word files_size = 0x3000, files_count = 8;
inline constexpr Address vdso_base = 0xBFFC0000; ///< image, read and execute, at most vdso_size
inline constexpr Word vdso_size = 0x3F000;

/// A program's registers at its system call. In this order so that the entry stub can push them.
struct UserFrame {
    Word ebx, ecx, edx, esi, edi, ebp, eax, esp, eip, eflags, gs, valid;
};
static_assert(sizeof(UserFrame) == 48);

/// At ipc_buffer_end (512) of the thread's IPC buffer page: %fs:512...
struct ThreadArea {
    UserFrame frame;   ///< 512: saved by the vDSO's entry; proc copies it for a clone child and sets eax 0, esp, gs
    Address stack_top; ///< 560: top of the vDSO's stack of this thread (proc)
    Address files;     ///< 564: its FileTable (proc)
    volatile Word
        signal_pending; ///< 568: nonzero: ask TakeSignal before going back to the program (proc sets, vDSO clears before asking)
    Word process_id, thread_id;             ///< 572: as its own PID namespace shows them (proc)
    CapabilityPointer process_slot;         ///< 580: slot::process, or this thread's own (proc)
    CapabilityPointer wake_slot;            ///< 584
    Word tsc_per_millisecond;               ///< 588 (proc)
    Word time_low, time_high;               ///< 592: time stamp of boot (proc)
    Word wall_low, wall_high;               ///< 600: nanoseconds since the epoch at boot, CLOCK_REALTIME (proc)
    Word signal_mask_low, signal_mask_high; ///< 608: copy of the mask (proc)
    /// 616: 0 in program code; 1 the vDSO works, or waits for a reply that must not be given up (mkdir would be done twice);
    /// 2 it waits for something that a signal may end: only then does proc use ThreadInterrupt. What decides whether the
    /// thread is in program code is EIP (outside text_start..text_end), not this word.
    volatile Word in_call;
    Word process_group;         ///< 620: proc's global number, for File::Read's argument (proc)
    abi::Registers interrupted; ///< 624: registers of the program where proc redirected it to vdso_signal_entry (proc)
    Word fpu_valid, sysenter_return, scratch_a, scratch_b;
    Word time_offset_low, time_offset_high; ///< time namespace's monotonic offset (proc)
    Word parent_id; ///< parent's PID, 0 if outside its namespace; may be stale: getppid asks proc
    Word deadline_low, deadline_high, restarting; ///< the vDSO's own: a timed wait that is repeated keeps its deadline
    Word masked, old_mask_low, old_mask_high;     ///< the vDSO's own: ppoll, pselect: the mask that handlers return to
    Word boot_offset_low, boot_offset_high;       ///< time namespace's boottime offset (proc)
    Word reserved[29];
};
static_assert(offsetof(ThreadArea, stack_top) == 48);
static_assert(offsetof(ThreadArea, signal_pending) == 56);
static_assert(sizeof(ThreadArea) <= 512);

/// One descriptor. Slot is implied (64 + number).
struct Descriptor {
    std::uint8_t open, close_on_exec, kind, reserved; ///< kind: proto::FileKind
    std::uint32_t path_flags;
};
struct FileTable {
    volatile Word lock; ///< 0 free; threads of one table spin with Yield
    Word limit;         ///< descriptors the CSpace has room for now (proc sets at start, vDSO after GrowDescriptors)
    Word highest;       ///< one past the highest open descriptor
    Word record_locks;  ///< not 0: there may be record locks (fcntl(2)), which a close of their file ends
    Descriptor descriptors[1024];
};
static_assert(sizeof(FileTable) <= files_size);
inline constexpr Word descriptor_maximum = 1024;

/// At vdso_base + vdso_header_offset, read-only, for proc: where to start and to interrupt.
struct VdsoHeader {
    Word magic;            ///< vdso_magic
    Address program_entry; ///< fresh program after exec: loads ThreadArea::frame and goes
    Address child_entry;   ///< clone child: likewise (frame.eax is 0)
    Address
        signal_entry; ///< proc sends a thread here from program code, its registers saved in ThreadArea::interrupted
    Address syscall_entry;        ///< __kernel_vsyscall
    Address redirect_entry;       ///< for `int 0x80`, Thread.SetRedirect
    Address text_start, text_end; ///< EIP within: the vDSO is at work
    /// Restartable windows: a thread stopped with window_start <= EIP < window_end and a signal pending is sent to `retry`.
    /// 0: pending check to blocking sysenter (retry: answers CallInterrupted); 1: last check to return to the program (retry: check again).
    struct Window {
        Address start, end, retry;
    } windows[2];
    /// Accesses to the program's memory on its behalf. A fault that proc cannot resolve (it would be SIGSEGV) with
    /// start <= EIP < end: proc sets EIP to `retry`, nothing else, and sends no signal; the system call answers EFAULT.
    Window fault_window;
};
inline constexpr Word vdso_magic = 0x5644534f;
inline constexpr Word vdso_header_offset = 0x400;

} // namespace linux_process
