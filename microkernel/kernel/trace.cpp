#include "trace.hpp"

namespace kernel {

extern "C" { // fastpath.S writes refusals by itself
abi::TraceEntry arch_trace_ring[trace_capacity];
Word arch_trace_next;
}

void trace(TraceEvent event, Thread const* thread, Word a, Word b, Word c, Word d, Word e) {
    arch_trace_ring[arch_trace_next++ % trace_capacity] = {
        static_cast<Word>(arch::time_stamp()), reinterpret_cast<Word>(thread), static_cast<Word>(event), a, b, c, d, e};
}

Word trace_next() { return arch_trace_next; }
abi::TraceEntry const& trace_at(Word index) { return arch_trace_ring[index % trace_capacity]; }

void log(char const* text) {
    std::size_t length = 0;
    while (text[length] != 0) ++length;
    arch::log_write(text, length);
}

void log_number(Word value) {
    char text[8];
    for (Word i = 0; i < 8; ++i) text[i] = "0123456789abcdef"[value >> (28 - 4 * i) & 15];
    arch::log_write(text, sizeof text);
}

#ifdef CELLA_KERNEL_DEBUG
void log_refusal(Thread const& thread, Word label, Error error, char const* reason) {
    char name[17] = {};
    for (Word i = 0; i < 16; ++i) name[i] = static_cast<char>(thread.name[i / 4] >> i % 4 * 8);
    log("kernel: refused ");
    log(name[0] != 0 ? name : "?");
    log(" invocation ");
    log_number(label);
    log(" error ");
    log_number(static_cast<Word>(error));
    log(": ");
    log(reason);
    log("\n");
}
#else
void log_refusal(Thread const&, Word, Error, char const*) {}
#endif

} // namespace kernel
