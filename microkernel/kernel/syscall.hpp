// The system call, and what every invocation gets.
#pragma once
#include "ipc.hpp"
#include "trace.hpp"
#include <array>

namespace kernel {

/// Thread::progress[1] of a thread that has replaced its own CSpace and was preempted while it deleted the old one.
inline constexpr Word own_cspace_replaced = ~Word{0};

/// Carries out the system call in the registers of `thread`, which is current and running.
void perform_syscall(Thread& thread);

/// Goes on with the preempted system call of the thread, which is current and running.
void restart_syscall(Thread& thread);

/// perform_syscall and leave_kernel.
[[gnu::noinline]] void handle_slowly(Thread& thread);
// Fast paths (fastpath.cpp): each does the whole system call and loads the next thread, or, before anything has changed,
// leaves it to handle_slowly. Their last step is a jump, so that neither saves what nobody needs.
[[gnu::noinline]] void fastpath_call(Thread& thread);
[[gnu::noinline]] void fastpath_reply_receive(Thread& thread);
[[gnu::noinline]] void fastpath_signal(Thread& thread);

/// One invocation: the caller, the capability, and the words and capabilities of the message.
struct Invocation {
    Thread& caller;
    Slot& slot;
    abi::Invocation label;
    Word length;
    Word capability_count;
    Word result_length = 0;
    std::array<Word, 12> results; ///< the first two are defined
    bool is_in_buffer = false;    ///< the invocation put result words 2.. into the buffer itself
    char const* reason = "";

    Invocation(Thread& by, Slot& of, abi::Invocation what, Word words, Word capabilities)
        : caller{by}, slot{of}, label{what}, length{words}, capability_count{capabilities} {
        results[0] = results[1] = 0;
    }
    [[nodiscard]] Capability& capability() const { return slot.capability; }
    /// Word of the message; 0 beyond its length.
    [[nodiscard]] Word word(Word index) const {
        if (index >= length) return 0;
        if (index == 0) return caller.context.word0();
        if (index == 1) return caller.context.word1();
        return caller.ipc_buffer->message[index];
    }
    /// Slot of an extra capability; null if absent or the slot is empty.
    [[nodiscard]] Slot* extra(Word index) const {
        if (index >= capability_count) return nullptr;
        Slot* const found = lookup(caller, caller.ipc_buffer->capabilities[index]);
        return found != nullptr && !found->is_empty() ? found : nullptr;
    }
    /// Slot of an extra capability of this type, else null.
    [[nodiscard]] Slot* extra(Word index, CapabilityType type) const {
        Slot* const found = extra(index);
        return found != nullptr && found->capability.is(type) ? found : nullptr;
    }
    template <class... Words>
    Error result(Words... words) {
        result_length = 0;
        ((results[result_length++] = static_cast<Word>(words)), ...);
        return Error::None;
    }
    /// The invocation fails: `why` goes to the log of debug builds.
    Error refuse(Error error, char const* why) {
        reason = why;
        return error;
    }
};

// One function per object type; each checks everything, then performs. Not inlined: dispatch jumps to them and saves nothing.
[[gnu::noinline]] Error invoke_untyped(Invocation& call);
[[gnu::noinline]] Error invoke_cnode(Invocation& call);
[[gnu::noinline]] Error invoke_thread(Invocation& call);
[[gnu::noinline]] Error invoke_sched_context(Invocation& call);
[[gnu::noinline]] Error invoke_sched_control(Invocation& call);
[[gnu::noinline]] Error invoke_frame(Invocation& call);
[[gnu::noinline]] Error invoke_page_table(Invocation& call);
[[gnu::noinline]] Error invoke_address_space(Invocation& call);
[[gnu::noinline]] Error invoke_irq_control(Invocation& call);
[[gnu::noinline]] Error invoke_irq_handler(Invocation& call);
[[gnu::noinline]] Error invoke_io_port_control(Invocation& call);
[[gnu::noinline]] Error invoke_io_ports(Invocation& call);
[[gnu::noinline]] Error invoke_reply(Invocation& call);
[[gnu::noinline]] Error invoke_debug(Invocation& call);

} // namespace kernel
