// The kernel side of Linux threads: threads with their scheduling contexts, and CSpaces. Abstract: KernelMachine is the
// real one, FakeMachine (fake.hpp) lets the rest of proc run in host tests.
#pragma once
#include "kernel.hpp"
#include "user/linux/layout.hpp"

namespace proc {

class Account;

/// The CSpace of a process, shared by the threads of one descriptor table. Kept in its account's pool when its last user
/// has gone: use Machine::create_cspace and release_cspace.
struct KernelCSpace {
    CapabilityPointer cnode = 0; ///< in proc's CSpace
    Word radix = linux_process::slot::initial_radix;
    Word references = 0;
    Word thread_slots = 0; ///< bit n: slots thread_first + 2n (process) and + 2n + 1 (wake) belong to a further thread
    Account* account = nullptr;
    KernelCSpace* next = nullptr; ///< in the pool
};

struct TlsEntry {
    Word base = 0, limit = 0, flags = 0;
};

/// One thread as the kernel knows it.
struct KernelThread {
    CapabilityPointer thread = 0, sched_context = 0, wake = 0;
    Word number = 0;    ///< names it in fault messages, for its whole life in pools
    Word badge = 0;     ///< of the Linux thread that it is now, 0: none
    Address buffer = 0; ///< of its thread area
    TlsEntry tls[3];
    KernelCSpace* cspace = nullptr;
    Account* account = nullptr;
    bool suspended = true;            ///< by suspend(): pause, stop; the kernel thread does not run
    std::uint64_t consumed_ticks = 0; ///< time-stamp ticks so far (updated by consumed())
    KernelThread* next = nullptr;
    void* fake = nullptr;
};

/// Where a thread runs (MemorySpace::binding).
struct SpaceBinding {
    CapabilityPointer address_space = 0;
    CapabilityPointer buffer_frame = 0; ///< page 0 of its thread area: IPC buffer and ThreadArea
    Address buffer = 0;
};

/// The addresses of the vDSO's header, read from the embedded image at start.
linux_process::VdsoHeader const& vdso_header();

class Machine {
public:
    virtual ~Machine() = default;

    // --- CSpaces ---
    /// Empty but for slot::cnode. One reference. NoMemory.
    virtual Result<KernelCSpace*> create_cspace(Account& account) = 0;
    /// One reference less; at the last all its capabilities go (each owner learns of it) and it returns to the pool.
    virtual void release_cspace(KernelCSpace& cspace) = 0;
    /// Copies proc's capability `source` into the (emptied first) slot.
    virtual Status install(KernelCSpace& cspace, Word slot, CapabilityPointer source) = 0;
    /// A Process capability with that badge (the thread's) in the slot.
    virtual Status install_process(KernelCSpace& cspace, Word slot, Word badge) = 0;
    virtual void remove(KernelCSpace& cspace, Word first_slot, Word count) = 0;
    /// The descriptors 0..count-1 of `from` into the same places of `to` (grown if it must be).
    virtual Status copy_descriptors(KernelCSpace& from, KernelCSpace& to, Word count) = 0;
    /// A copy of the capability in a slot, in a fresh slot of proc's own CSpace. BadDescriptor: empty.
    virtual Result<CapabilityPointer> fetch(KernelCSpace& cspace, Word slot) = 0;
    /// Room for descriptor `descriptor`: a larger CNode with the same contents; the threads (all that use this CSpace) get it
    /// as their root. Returns the number of descriptors there is room for. TooManyFiles.
    virtual Result<Word> grow(KernelCSpace& cspace, Word descriptor, std::span<KernelThread* const> threads) = 0;
    /// Deletes a capability of proc's own CSpace and frees its slot.
    virtual void drop(CapabilityPointer capability) = 0;
    /// Another copy of one of proc's own capabilities.
    virtual Result<CapabilityPointer> duplicate(CapabilityPointer capability) = 0;

    // --- threads ---
    /// A thread, suspended, with its scheduling context, its wake notification in cspace[wake_slot] and the vDSO's redirection.
    /// `badge`: of its fault messages. References the CSpace until destroyed. NoMemory.
    virtual Result<KernelThread*> create_thread(Account& account, KernelCSpace& cspace, SpaceBinding const& binding,
                                                Word badge, Word wake_slot) = 0;
    virtual void destroy_thread(KernelThread& thread) = 0;
    /// exec: goes on in another address space.
    virtual Status set_space(KernelThread& thread, SpaceBinding const& binding) = 0;
    virtual Status set_cspace(KernelThread& thread, KernelCSpace& cspace) = 0;
    virtual void suspend(KernelThread& thread) = 0;
    virtual void resume(KernelThread& thread) = 0;
    /// Ends its wait in a call (the vDSO sees CallInterrupted). Returns whether it waited.
    virtual bool interrupt(KernelThread& thread) = 0;
    virtual Result<abi::Registers> read_registers(KernelThread& thread) = 0;
    /// resume: lets it run afterwards. A thread that waits must be suspended or interrupted first.
    virtual Status write_registers(KernelThread& thread, abi::Registers const& registers, bool resume) = 0;
    /// First start (and exec): at eip with an empty register set and the user selectors.
    virtual Status start(KernelThread& thread, Address eip, bool resume) = 0;
    virtual Result<abi::ThreadState> state(KernelThread& thread) = 0;
    /// The FPU and SSE registers that `from` has now, for a clone child.
    virtual Status copy_floating_point(KernelThread const& from, KernelThread& to) = 0;
    /// As a program begins with.
    virtual void reset_floating_point(KernelThread& thread) = 0;
    /// entry 0..2. Remembered in thread.tls; copy_tls gives a clone child the same.
    virtual Status set_tls(KernelThread& thread, Word entry, TlsEntry value) = 0;
    Status copy_tls(KernelThread const& from, KernelThread& to) {
        for (Word entry = 0; entry < 3; ++entry) {
            if (from.tls[entry].flags != to.tls[entry].flags || from.tls[entry].base != to.tls[entry].base ||
                from.tls[entry].limit != to.tls[entry].limit) {
                if (Status status = set_tls(to, entry, from.tls[entry]); !status) return status;
            }
        }
        return done();
    }
    /// Time-stamp ticks it has run so far.
    virtual std::uint64_t consumed(KernelThread& thread) = 0;
    virtual void set_name(KernelThread& thread, std::string_view name) = 0;
    /// Signals the thread's wake notification (poll and time-outs).
    virtual void wake(KernelThread& thread) = 0;
};

} // namespace proc
