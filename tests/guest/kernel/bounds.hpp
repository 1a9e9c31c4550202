// The longest stretch with interrupts off that one invocation has, in time-stamp ticks: instructions under -icount shift=0.
#pragma once
#include "kernel_test.hpp"

namespace test {

inline constexpr Word bound = 20'000;

/// From begin_stretch() to end_stretch() one invocation is made. Prints `bound NAME WORST TOTAL`, and checks the worst: the
/// longest time from entry to the first look for interrupts, between two looks, or from the last one to the exit.
void begin_stretch();
void end_stretch(char const* name);

/// A CNode of 2^16 slots, its capability in root's CNode.
Word make_large_node();
void fill(Word node, Word source, Word first, Word count, Word badge);
void must(Answer const& answer, int line);
#define MUST(answer) ::test::must((answer), __LINE__)

void measure_waiters(); // bounds_waiters.cpp
void measure_wakeups(); // bounds_wakeup.cpp; last: the clock runs from then on

} // namespace test
