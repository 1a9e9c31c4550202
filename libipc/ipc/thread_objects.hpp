// Typed wrappers of the invocations of threads and of their time: see objects.hpp, which includes this.
#pragma once
#include "memory_objects.hpp"

namespace ipc::object {

struct Thread : Object {
    using Object::Object;
    Result<void> configure(CNode cspace, Word guard, AddressSpace space, abi::Address ipc_buffer,
                           Frame ipc_frame) const {
        return detail::done(invoke_with(slot, abi::Invocation::ThreadConfigure,
                                        {cspace.slot, space.slot, ipc_frame.slot}, ipc_buffer, guard));
    }
    /// 0: unset.
    Result<void> set_fault_handler(CapabilityPointer endpoint) const {
        return endpoint != 0 ? detail::done(invoke_with(slot, abi::Invocation::ThreadSetFaultHandler, {endpoint}))
                             : detail::done(invoke(slot, abi::Invocation::ThreadSetFaultHandler));
    }
    Result<void> set_priority(Word priority) const {
        return detail::done(invoke(slot, abi::Invocation::ThreadSetPriority, priority));
    }
    [[nodiscard]] Result<abi::Registers> read_registers() const {
        Answer const answer = invoke(slot, abi::Invocation::ThreadReadRegisters);
        if (answer.error != abi::Error::None) { return fail(from_kernel(answer.error)); }
        std::array<Word, abi::register_count> words{};
        for (Word i = 0; i < abi::register_count; ++i) { words[i] = answer.word(i); }
        return std::bit_cast<abi::Registers>(words);
    }
    Result<void> write_registers(abi::Registers const& r, bool resume_after) const {
        return detail::done(invoke(slot, abi::Invocation::ThreadWriteRegisters, resume_after ? 1U : 0U, r.eip, r.esp,
                                   r.eflags, r.eax, r.ebx, r.ecx, r.edx, r.esi, r.edi, r.ebp, r.fs, r.gs));
    }
    Result<void> suspend() const { return detail::done(invoke(slot, abi::Invocation::ThreadSuspend)); }
    Result<void> resume() const { return detail::done(invoke(slot, abi::Invocation::ThreadResume)); }
    /// 1 if it waited.
    Result<Word> interrupt() const { return detail::first(invoke(slot, abi::Invocation::ThreadInterrupt)); }
    Result<void> set_tls(Word entry, abi::Address base, Word limit_pages_minus_one, Word flags) const {
        return detail::done(invoke(slot, abi::Invocation::ThreadSetTls, entry, base, limit_pages_minus_one, flags));
    }
    Result<void> set_redirect(abi::Address entry) const {
        return detail::done(invoke(slot, abi::Invocation::ThreadSetRedirect, entry));
    }
    Result<void> bind_notification(CapabilityPointer notification) const {
        return detail::done(invoke_with(slot, abi::Invocation::ThreadBindNotification, {notification}));
    }
    Result<void> unbind_notification() const {
        return detail::done(invoke(slot, abi::Invocation::ThreadUnbindNotification));
    }
    /// At most 16 bytes are kept.
    Result<void> set_name(std::string_view name) const {
        std::array<Word, 4> words{};
        std::memcpy(words.data(), name.data(), std::min<std::size_t>(name.size(), sizeof words));
        return detail::done(invoke(slot, abi::Invocation::ThreadSetName, words[0], words[1], words[2], words[3]));
    }
    Result<void> set_space(AddressSpace space, Frame ipc_frame, abi::Address ipc_buffer) const {
        return detail::done(
            invoke_with(slot, abi::Invocation::ThreadSetSpace, {space.slot, ipc_frame.slot}, ipc_buffer));
    }
    Result<void> set_cspace(CNode cspace, Word guard) const {
        return detail::done(invoke_with(slot, abi::Invocation::ThreadSetCSpace, {cspace.slot}, guard));
    }
    /// FPU and SSE registers as `source` has them now.
    Result<void> copy_floating_point(Thread source) const {
        return detail::done(invoke_with(slot, abi::Invocation::ThreadCopyFloatingPoint, {source.slot}));
    }
    /// As after a processor's reset.
    Result<void> reset_floating_point() const {
        return detail::done(invoke(slot, abi::Invocation::ThreadCopyFloatingPoint));
    }
    [[nodiscard]] Result<abi::ThreadState> state() const {
        auto const word = detail::first(invoke(slot, abi::Invocation::ThreadGetState));
        if (!word) { return fail(word.error()); }
        return static_cast<abi::ThreadState>(*word);
    }
};

struct SchedContext : Object {
    using Object::Object;
    Result<void> bind(Object thread_or_notification) const {
        return detail::done(invoke_with(slot, abi::Invocation::SchedContextBind, {thread_or_notification.slot}));
    }
    Result<void> unbind() const { return detail::done(invoke(slot, abi::Invocation::SchedContextUnbind)); }
    /// Time-stamp ticks since the last call.
    [[nodiscard]] Result<std::uint64_t> consumed() const {
        Answer const answer = invoke(slot, abi::Invocation::SchedContextConsumed);
        if (answer.error != abi::Error::None) { return fail(from_kernel(answer.error)); }
        return std::uint64_t{answer.word1} << 32 | answer.word0;
    }
};

struct SchedControl : Object {
    using Object::Object;
    /// Microseconds; equal: round robin with that time slice.
    Result<void> configure(SchedContext context, Word budget, Word period) const {
        return detail::done(invoke_with(slot, abi::Invocation::SchedControlConfigure, {context.slot}, budget, period));
    }
    /// Whoever runs on `context` uses up the budget of `parent` too; a null capability: it has none any more.
    Result<void> set_parent(SchedContext context, SchedContext parent) const {
        return detail::done(invoke_with(slot, abi::Invocation::SchedControlSetParent, {context.slot, parent.slot}));
    }
};

} // namespace ipc::object
