// Everything that is per processor, in one struct.
#pragma once
#include "objects.hpp"

namespace kernel {

struct Cpu {
    Thread* current;                    ///< null: idle. In user mode it may lag behind; every entry sets it
    Word ready_summary;                 ///< bit n: ready_bits[n] is not 0
    Word ready_bits[8];                 ///< bit per priority
    int highest_ready;                  ///< highest priority in the ready queues plus one, 0: they are empty
    ThreadQueue ready[256];
    Word now;                           ///< ticks since boot
    SchedContext* refill_first;         ///< throttled contexts, soonest refill first
    SchedContext* refill_last;
    SchedContext orphans;               ///< lent to threads whose borrowed context was destroyed, until they receive again
    Slot* zombie_first;                 ///< objects being taken apart, oldest first
    Slot* zombie_last;
    Word zombie_progress;               ///< slots of the oldest that are empty
    bool in_preemption;                 ///< arch::serve_interrupts runs: handlers only change queues
    Address zeroed_start, zeroed_end;   ///< free Untyped memory that a preempted Retype has zeroed
    Slot derivation;                    ///< empty; the derivation list of every capability there is begins behind it
    Thread* all_threads;
    Word thread_count;
    std::uint64_t idle_ticks;           ///< kernel ticks
};

extern Cpu boot_cpu;
inline Cpu& cpu() { return boot_cpu; }

} // namespace kernel
