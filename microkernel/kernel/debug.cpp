// Invocations of the Debug capability.
#pragma GCC optimize("Os") // not where time counts
#include "invariants.hpp"
#include "syscall.hpp"

namespace kernel {

namespace {

constexpr Word trace_entries_at_most = 7;
constexpr Word entry_words = sizeof(abi::TraceEntry) / sizeof(Word);

Error write_log(Invocation& call) {
    Word const count = call.word(0);
    if (count > (call.length - (call.length != 0)) * sizeof(Word))
        return call.refuse(Error::RangeError, "more bytes than words");
    for (Word i = 0; i < count; ++i) {
        char const byte = static_cast<char>(call.word(1 + i / 4) >> i % 4 * 8);
        arch::log_write(&byte, 1);
    }
    return call.result();
}

/// Writes its result, longer than others', to the buffer itself; the first two words travel in registers.
Error read_trace(Invocation& call) {
    Word const next = trace_next();
    Word first = call.word(0);
    if (next - first > trace_capacity) first = next > trace_capacity ? next - trace_capacity : 0;
    Word count = next - first;
    if (count > trace_entries_at_most) count = trace_entries_at_most;
    if (call.caller.ipc_buffer == nullptr) count = 0;
    for (Word i = 0; i < count; ++i) {
        abi::TraceEntry const& entry = trace_at(first + i);
        Word const words[entry_words] = {entry.time_low, entry.thread, entry.event, entry.a,
                                         entry.b,        entry.c,      entry.d,     entry.e};
        for (Word j = 0; j < entry_words; ++j) call.caller.ipc_buffer->message[2 + i * entry_words + j] = words[j];
    }
    call.result(first, first + count);
    call.result_length = abi::register_words + count * entry_words;
    call.is_in_buffer = true;
    return Error::None;
}

Error describe_thread(Invocation& call) {
    Thread const* thread = cpu().all_threads;
    for (Word n = call.word(0); thread != nullptr && n != 0; --n) thread = thread->all_next;
    if (thread == nullptr) return call.refuse(Error::RangeError, "no such thread");
    Word waiting_on = reinterpret_cast<Word>(thread->waiting_on);
    auto type = CapabilityType::Null;
    if (thread->state == ThreadState::BlockedOnSend || thread->state == ThreadState::BlockedOnReceive)
        type = CapabilityType::Endpoint;
    if (thread->state == ThreadState::BlockedOnNotification) type = CapabilityType::Notification;
    if (thread->state == ThreadState::BlockedOnReply) {
        type = CapabilityType::Reply;
        waiting_on = thread->called;
    }
    return call.result(reinterpret_cast<Word>(thread), thread->state, thread->priority, waiting_on, type,
                       thread->name[0], thread->name[1], thread->name[2], thread->name[3], thread->receives_on);
}

} // namespace

Error invoke_debug(Invocation& call) {
    switch (call.label) {
    case abi::Invocation::DebugWrite: return write_log(call);
    case abi::Invocation::DebugTrace: return read_trace(call);
    case abi::Invocation::DebugThread: return describe_thread(call);
    case abi::Invocation::DebugCheck: return call.result(check_invariants());
    case abi::Invocation::DebugExit: arch::power_off(call.word(0));
    case abi::Invocation::DebugCounts: {
        std::uint64_t const idle = cpu().idle_ticks * arch::ticks_per_millisecond() * (tick_microseconds / 1000);
        return call.result(cpu().thread_count, 0, arch::ticks_per_millisecond(), idle, idle >> 32);
    }
    case abi::Invocation::DebugLatency: {
        arch::LatencyFigures const figures = arch::take_latency();
        return call.result(figures.first, figures.last, figures.longest);
    }
    default: return call.refuse(Error::IllegalOperation, "not a Debug invocation");
    }
}

} // namespace kernel
