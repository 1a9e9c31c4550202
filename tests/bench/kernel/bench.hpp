// The kernel's benchmark: a root task without servers, on the frame of tests/guest/kernel.
#pragma once
#include "../../guest/kernel/kernel_test.hpp"

namespace bench {

using namespace test;

/// Prints `figure NAME TICKS` for tests/bench/run. Under -icount shift=0 a tick is one guest instruction.
void report(char const* name, Word ticks);
inline Word ticks() { return static_cast<Word>(stamp()); }
/// Two readings of the counter, one after the other, differ by this much.
inline constexpr Word stamp_cost = 2;

/// Least ticks that `operation()` takes; operation measures itself.
template <class Operation> Word least(Word rounds, Operation operation) {
    Word best = ~Word{0};
    for (Word round = 0; round < rounds; ++round)
        if (Word const taken = operation(); taken < best) best = taken;
    return best;
}

void measure_round_trips();
void measure_operations();

} // namespace bench
