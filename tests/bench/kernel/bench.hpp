// The kernel's benchmark: a root task without servers, on the frame of tests/guest/kernel.
#pragma once
#include "../../guest/kernel/kernel_test.hpp"
#include <utility>

namespace bench {

using namespace test;

/// Prints `figure NAME TICKS` for tests/bench/run. Under -icount shift=0 a tick is one guest instruction.
void report(char const* name, Word ticks);
inline Word ticks() { return static_cast<Word>(stamp()); }
/// Two readings of the counter, one after the other, differ by this much.
inline constexpr Word stamp_cost = 2;

/// Least ticks that `operation()` takes; operation measures itself.
template <class Operation>
Word least(Word rounds, Operation operation) {
    Word best = ~Word{0};
    for (Word round = 0; round < rounds; ++round)
        if (Word const taken = operation(); taken < best) best = taken;
    return best;
}

/// test::invoke with one capability and the number of words known: a store each. This is the stub whose cost counts.
template <class... Words>
inline Answer invoke_with(Word object, Invocation label, Word capability, Words... words) {
    Word const list[] = {static_cast<Word>(words)..., 0, 0};
    abi::IpcBuffer& mine = buffer();
    mine.capabilities[0] = capability;
    [&]<std::size_t... index>(std::index_sequence<index...>) { ((mine.message[index + 2] = list[index + 2]), ...); }
    (std::make_index_sequence<(sizeof...(Words) > 2 ? sizeof...(Words) - 2 : 0)>{});
    return system_call(Syscall::Call, object, MessageInfo{static_cast<Word>(label), sizeof...(Words), capability != 0},
                       list[0], list[1]);
}

void measure_round_trips();
void measure_operations();
/// The round trip with threads that use the FPU or TLS: root has used them from then on.
void measure_settings();
/// Lowers root's priority.
void measure_waking();

} // namespace bench
