// Signal queues and standard actions: the parts of signal(7) that need nothing but values.
#pragma once
#include "../process/process.hpp"

namespace proc {

enum class DefaultAction { Terminate, Ignore, Stop };

/// False if it adds nothing: a standard signal that is there already, or the queue is full.
bool queue_signal(SignalQueue& queue, proto::SignalInformation const& information);
/// Takes the oldest of that number. False if there is none.
bool dequeue_signal(SignalQueue& queue, std::uint32_t number, proto::SignalInformation& information);
void discard_signals(SignalQueue& queue, SignalSet set);
DefaultAction default_action(std::uint32_t number);
/// SIG_IGN, or default and ignored by default.
bool is_ignored(SignalHandlers const& handlers, std::uint32_t number);

} // namespace proc
