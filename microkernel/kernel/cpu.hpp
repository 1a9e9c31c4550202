// Everything that is per processor, in one struct.
#pragma once
#include "objects.hpp"

namespace kernel {

struct Cpu {
    Thread* current;        ///< null: idle. In user mode it may lag behind; every entry sets it
    int highest_ready = -1; ///< highest priority in the ready queues, -1: they are empty
    Word ready_summary;     ///< bit n: ready_bits[n] is not 0
    Word ready_bits[8];     ///< bit per priority
    ThreadQueue ready[256];
    Word now; ///< ticks since boot
    /// Throttled contexts by refill time: [0] those of the next 256 ticks, one place each; [1] later ones, 256 ticks a place.
    SchedContext* refill_wheel[2][256];
    Word refill_next; ///< first tick whose refills are not done
    SchedContext*
        changed_first; ///< contexts whose users and children do not know yet that they are (or no longer are) usable
    SchedContext* spread_at; ///< how far that of the first has got: this context ...
    Thread* spread_borrower; ///< ... from this borrower on
    bool spread_entered;     ///< ... its own state is changed already
    bool spread_descends;
    bool has_time_work;   ///< there are refills or changes to be done before user mode is reached
    SchedContext orphans; ///< lent to threads whose borrowed context was destroyed, until they receive again
    Slot* zombie_first;   ///< objects being taken apart, oldest first
    Slot* zombie_last;
    Word zombie_progress; ///< slots of the oldest that are empty
    /// CancelBadgedSends under way: the next waiter of that endpoint to be looked at. Kept true by whoever leaves the queue.
    Endpoint* cancel_endpoint;
    Thread* cancel_next;
    bool in_preemption;               ///< arch::serve_interrupts runs: handlers only change queues
    Address zeroed_start, zeroed_end; ///< free Untyped memory that a preempted Retype has zeroed
    Slot derivation;                  ///< empty; the derivation list of every capability there is begins behind it
    Thread* all_threads;
    Word thread_count;
    std::uint64_t idle_ticks; ///< kernel ticks
};

extern Cpu boot_cpu;
inline Cpu& cpu() { return boot_cpu; }

} // namespace kernel
