// Who waits on whom for what, and the kernel's latest events, as lines of text: for `ctool debug`, and for the console's break key
// when the system hangs. Uses nothing but the Debug capability, so it works while every other server waits.
#pragma once
#include "objects.hpp"
#include <string>
#include <vector>

namespace ipc {

/// A line per thread: name, state, priority, and what it waits for. A call waits for the server that receives on that endpoint; a ring
/// of calls is a deadlock and is marked.
class WaitGraph {
public:
    explicit WaitGraph(object::Debug debug) {
        for (Word index = 0;; ++index) {
            auto const thread = debug.thread(index);
            if (!thread) { break; }
            threads_.push_back(*thread);
        }
    }
    explicit WaitGraph(std::vector<abi::DebugThread> threads) : threads_{std::move(threads)} {}

    [[nodiscard]] std::vector<std::string> lines() const {
        std::vector<std::string> result;
        for (auto const& thread : threads_) {
            std::string line = name(thread);
            line.resize(std::max<std::size_t>(line.size() + 1, 18), ' ');
            line += state_text(thread);
            if (auto const* const server = waits_for(thread)) {
                line += ' ';
                line += name(*server);
                if (in_ring(thread)) { line += "  DEADLOCK"; }
            }
            result.push_back(std::move(line));
        }
        return result;
    }

private:
    static std::string name(abi::DebugThread const& thread) {
        char text[sizeof thread.name + 1] = {};
        std::memcpy(text, thread.name, sizeof thread.name);
        return text[0] != 0 ? std::string{text} : std::string{"?"};
    }
    static char const* state_text(abi::DebugThread const& thread) {
        switch (static_cast<abi::ThreadState>(thread.state)) {
        case abi::ThreadState::Inactive: return "stopped";
        case abi::ThreadState::Running: return "running";
        case abi::ThreadState::BlockedOnSend: return "waits to be heard by";
        case abi::ThreadState::BlockedOnReceive: return "waits for messages";
        case abi::ThreadState::BlockedOnReply: return "waits for an answer of";
        case abi::ThreadState::BlockedOnNotification: return "waits for a signal";
        case abi::ThreadState::Idle: return "idle";
        }
        return "?";
    }
    /// The server whose endpoint the thread called or calls; null if it does not wait for one.
    [[nodiscard]] abi::DebugThread const* waits_for(abi::DebugThread const& thread) const {
        auto const state = static_cast<abi::ThreadState>(thread.state);
        if (state != abi::ThreadState::BlockedOnSend && state != abi::ThreadState::BlockedOnReply) { return nullptr; }
        for (auto const& server : threads_) {
            if (server.receives_on != 0 && server.receives_on == thread.waiting_on) { return &server; }
        }
        return nullptr;
    }
    [[nodiscard]] bool in_ring(abi::DebugThread const& thread) const {
        auto const* at = waits_for(thread);
        for (std::size_t steps = 0; at != nullptr && steps < threads_.size(); ++steps) {
            if (at->id == thread.id) { return true; }
            at = waits_for(*at);
        }
        return false;
    }

    std::vector<abi::DebugThread> threads_;
};

/// The last `count` entries of the kernel's trace ring, oldest first: `event name` and its numbers.
inline std::vector<std::string> trace_lines(object::Debug debug, Word count) {
    static constexpr char const* names[] = {"?",         "refused",        "fault-without-handler",
                                            "exception", "thread-created", "thread-destroyed",
                                            "preempted", "no-senders"};
    auto const hexadecimal = [](std::string& text, Word number) {
        text += " 0x";
        for (int shift = 28; shift >= 0; shift -= 4) { text += "0123456789abcdef"[number >> shift & 15]; }
    };
    std::vector<std::string> result;
    auto const newest = debug.trace(~Word{0});
    if (!newest) { return result; }
    for (Word index = newest->next > count ? newest->next - count : 0; index != newest->next;) {
        auto const part = debug.trace(index);
        if (!part || part->count == 0) { break; }
        for (Word i = 0; i < part->count; ++i) {
            auto const& entry = part->entries[i];
            std::string line = entry.event < std::size(names) ? names[entry.event] : "?";
            for (Word const number : {entry.thread, entry.a, entry.b, entry.c}) { hexadecimal(line, number); }
            result.push_back(std::move(line));
        }
        index = part->next;
    }
    return result;
}

} // namespace ipc
