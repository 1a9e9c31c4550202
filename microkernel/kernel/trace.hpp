// A ring of the last events, read by Debug.Trace, and the kernel's log.
#pragma once
#include "objects.hpp"

namespace kernel {

enum class TraceEvent : Word {
    Refused = 1,             ///< a: invocation label, b: error, c: capability pointer, d: capability type
    FaultWithoutHandler = 2, ///< a: fault, b..d: its first words
    Exception = 3,           ///< a: vector, b: error code, c: eip
    ThreadCreated = 4,
    ThreadDestroyed = 5,
    Preempted = 6, ///< a: invocation label
    NoSenders = 7, ///< a: endpoint, b: badge
};

inline constexpr Word trace_capacity = 1024;
void trace(TraceEvent event, Thread const* thread, Word a = 0, Word b = 0, Word c = 0, Word d = 0, Word e = 0);
/// Index the next entry will have; the last trace_capacity ones are kept.
Word trace_next();
abi::TraceEntry const& trace_at(Word index);

void log(char const* text);
void log_number(Word value); ///< hexadecimal
/// In debug builds writes who was refused what, and why.
void log_refusal(Thread const& thread, Word label, Error error, char const* reason);

} // namespace kernel
