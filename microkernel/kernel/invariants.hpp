// What must always hold between two kernel entries.
#pragma once
#include "cpu.hpp"

namespace kernel {

/// The first invariant that does not hold.
enum class Broken : Word {
    Nothing = 0,
    ReadyQueues = 1,     ///< queues, bitmaps and runnable threads do not agree
    ThreadStates = 2,    ///< a thread's state does not agree with the queue it is in, or its bindings
    Replies = 3,         ///< a Reply object and its caller or receiver do not name each other
    Derivation = 4,      ///< the list is broken, or a child reaches beyond its parent's object or rights
    Mappings = 5,        ///< hardware entries and shadow slots do not agree
    SchedContexts = 6,   ///< bindings, borrowers, the tree, or the budgets do not add up
    Endpoints = 7,       ///< queue and state, or the no-senders binding and its dead capabilities do not agree
    UntypedChildren = 8, ///< children overlap, or lie above the watermark
    Devices = 9,         ///< interrupt lines or ports given out twice, or not known to be given out
};

/// Checks every invariant of the processor's state: 0, or the number of the first that does not hold. It takes time in
/// proportion to all capabilities and is not preempted: for debugging and tests.
Word check_invariants();

/// Threads found waiting, counted from the threads; check_objects must find as many from the objects.
struct WaitCounts {
    Word sending = 0, receiving = 0, receiving_with_reply = 0, calling = 0, on_notifications = 0, threads = 0,
         borrowing = 0, bound = 0;
    bool operator==(WaitCounts const&) const = default;
};
/// The part that follows the derivation list (invariants_objects.cpp).
Broken check_objects(WaitCounts const& expected);

} // namespace kernel
