// Typed wrappers of every invocation of abi/objects.hpp: one class per kind of object, each a capability pointer.
// Errors: kernel_base + abi::Error. Header-only without globals.
#pragma once
#include "call.hpp"
#include <array>
#include <initializer_list>

namespace ipc {

/// Answer of an invocation: words 0.. are in buffer().message.
struct Answer {
    abi::Error error;
    Word word0, word1;
    /// Words 2..; valid until the next system call.
    [[nodiscard]] Word word(Word index) const {
        return index == 0 ? word0 : index == 1 ? word1 : buffer().message[index];
    }
};

/// Invokes a kernel object.
template <class... Words>
Answer invoke_with(CapabilityPointer object, abi::Invocation invocation,
                   std::initializer_list<CapabilityPointer> capabilities, Words... words) {
    static_assert(sizeof...(Words) <= abi::message_words);
    abi::IpcBuffer& mine = buffer();
    Word const list[] = {static_cast<Word>(words)..., 0, 0};
    for (Word i = abi::register_words; i < sizeof...(Words); ++i) { mine.message[i] = list[i]; }
    Word count = 0;
    for (CapabilityPointer const capability : capabilities) { mine.capabilities[count++] = capability; }
    SystemCall call;
    call.info = abi::MessageInfo{static_cast<Word>(invocation), sizeof...(Words), count}.with(abi::Syscall::Call);
    call.target = object;
    call.word0 = list[0];
    call.word1 = list[1];
    sys_call(call);
    return {call.info.status(), call.word0, call.word1};
}
template <class... Words>
Answer invoke(CapabilityPointer object, abi::Invocation invocation, Words... words) {
    return invoke_with(object, invocation, {}, words...);
}

namespace detail {
inline Result<void> done(Answer const& answer) {
    if (answer.error != abi::Error::None) { return fail(from_kernel(answer.error)); }
    return {};
}
inline Result<Word> first(Answer const& answer) {
    if (answer.error != abi::Error::None) { return fail(from_kernel(answer.error)); }
    return answer.word0;
}
} // namespace detail

/// A capability of a kernel object. Copies freely; owns nothing.
struct Object {
    CapabilityPointer slot = 0;
    constexpr Object() = default;
    constexpr explicit Object(CapabilityPointer pointer) : slot{pointer} {}
    constexpr explicit operator bool() const { return slot != 0; }
};

/// Guard of a CSpace root, as Mint and ThreadConfigure take it.
constexpr Word guard_word(Word value, Word bits) { return value << 5 | bits; }

namespace object {

struct CNode : Object {
    using Object::Object;
    /// `slot` and `from_slot` are raw indexes of this CNode and of `from` (depth 0).
    Result<void> copy(Word to, CNode from, Word from_slot, Word rights = abi::right::all) const {
        return copy(to, 0, from, from_slot, 0, rights);
    }
    Result<void> copy(Word to, Word depth, CNode from, Word from_slot, Word from_depth, Word rights) const {
        return detail::done(
            invoke_with(slot, abi::Invocation::CNodeCopy, {from.slot}, to, depth, from_slot, from_depth, rights));
    }
    Result<void> mint(Word to, CNode from, Word from_slot, Word rights, Word badge_or_guard, Word flags = 0) const {
        return detail::done(invoke_with(slot, abi::Invocation::CNodeMint, {from.slot}, to, 0U, from_slot, 0U, rights,
                                        badge_or_guard, flags));
    }
    Result<void> move(Word to, CNode from, Word from_slot) const {
        return detail::done(invoke_with(slot, abi::Invocation::CNodeMove, {from.slot}, to, 0U, from_slot, 0U));
    }
    Result<void> mutate(Word to, CNode from, Word from_slot, Word badge_or_guard) const {
        return detail::done(
            invoke_with(slot, abi::Invocation::CNodeMutate, {from.slot}, to, 0U, from_slot, 0U, badge_or_guard));
    }
    Result<void> remove(Word index, Word depth = 0) const {
        return detail::done(invoke(slot, abi::Invocation::CNodeDelete, index, depth));
    }
    Result<void> revoke(Word index, Word depth = 0) const {
        return detail::done(invoke(slot, abi::Invocation::CNodeRevoke, index, depth));
    }
    Result<void> cancel_badged_sends(Word index) const {
        return detail::done(invoke(slot, abi::Invocation::CNodeCancelBadgedSends, index, 0U));
    }
    /// notification 0 unbinds.
    Result<void> bind_no_senders(Word endpoint, CapabilityPointer notification) const {
        return detail::done(invoke_with(slot, abi::Invocation::CNodeBindNoSenders, {notification}, endpoint, 0U));
    }
    /// The badge; WouldBlock if none is dead.
    Result<Word> next_dead(Word endpoint) const {
        return detail::first(invoke(slot, abi::Invocation::CNodeNextDead, endpoint, 0U));
    }
    Result<Word> copy_range(Word to, CNode from, Word from_slot, Word count) const {
        return detail::first(invoke_with(slot, abi::Invocation::CNodeCopyRange, {from.slot}, to, from_slot, count));
    }
    Result<void> delete_range(Word first_slot, Word count) const {
        return detail::done(invoke(slot, abi::Invocation::CNodeDeleteRange, first_slot, count));
    }
};

struct Untyped : Object {
    using Object::Object;
    /// `count` objects into consecutive raw slots of `destination`.
    Result<void> retype(abi::ObjectType type, Word size_bits, CNode destination, Word first_slot,
                        Word count = 1) const {
        return detail::done(invoke_with(slot, abi::Invocation::UntypedRetype, {destination.slot},
                                        static_cast<Word>(type), size_bits, first_slot, count));
    }
    struct Inspection {
        Word free_bytes, size_bits, is_device, physical;
    };
    [[nodiscard]] Result<Inspection> inspect() const {
        Answer const answer = invoke(slot, abi::Invocation::UntypedInspect);
        if (answer.error != abi::Error::None) { return fail(from_kernel(answer.error)); }
        return Inspection{answer.word0, answer.word1, answer.word(2), answer.word(3)};
    }
};

struct AddressSpace : Object {
    using Object::Object;
    Result<Word> unmap(abi::Address address, Word pages) const {
        return detail::first(invoke(slot, abi::Invocation::AddressSpaceUnmap, address, pages));
    }
    Result<Word> protect(abi::Address address, Word pages, Word rights) const {
        return detail::first(invoke(slot, abi::Invocation::AddressSpaceProtect, address, pages, rights));
    }
    struct Copied {
        Word pages, mappings;
    };
    /// Into this address space, from `source`.
    Result<Copied> copy_range(AddressSpace source, abi::Address from, abi::Address to, Word pages, Word rights_mask,
                              bool restrict_source) const {
        Answer const answer = invoke_with(slot, abi::Invocation::AddressSpaceCopyRange, {source.slot}, from, to, pages,
                                          rights_mask, restrict_source ? 1U : 0U);
        if (answer.error != abi::Error::None) { return fail(from_kernel(answer.error)); }
        return Copied{answer.word0, answer.word1};
    }
    struct Mapping {
        Word rights;
        abi::Address physical;
    };
    [[nodiscard]] Result<Mapping> query(abi::Address address) const {
        Answer const answer = invoke(slot, abi::Invocation::AddressSpaceQuery, address);
        if (answer.error != abi::Error::None) { return fail(from_kernel(answer.error)); }
        return Mapping{answer.word0, answer.word1};
    }
};

struct PageTable : Object {
    using Object::Object;
    Result<void> map(AddressSpace space, abi::Address address) const {
        return detail::done(invoke_with(slot, abi::Invocation::PageTableMap, {space.slot}, address));
    }
    Result<void> unmap() const { return detail::done(invoke(slot, abi::Invocation::PageTableUnmap)); }
};

struct Frame : Object {
    using Object::Object;
    Result<void> map(AddressSpace space, abi::Address address, Word rights, Word flags = 0) const {
        return detail::done(invoke_with(slot, abi::Invocation::FrameMap, {space.slot}, address, rights, flags));
    }
    [[nodiscard]] Result<abi::Address> address() const {
        return detail::first(invoke(slot, abi::Invocation::FrameGetAddress));
    }
};

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

struct Notification : Object {
    using Object::Object;
    void signal() const { ipc::signal(slot); }
    [[nodiscard]] Result<Word> wait() const { return ipc::wait(slot); }
    [[nodiscard]] Result<Word> poll() const { return ipc::poll(slot); }
};

struct Reply : Object {
    using Object::Object;
    /// True if a caller waits.
    [[nodiscard]] bool has_caller() const {
        Answer const answer = invoke(slot, abi::Invocation::ReplyStatus);
        return answer.error == abi::Error::None && answer.word0 == 1;
    }
};

struct IrqHandler : Object {
    using Object::Object;
    Result<void> acknowledge() const { return detail::done(invoke(slot, abi::Invocation::IrqHandlerAcknowledge)); }
    Result<void> set_notification(CapabilityPointer notification) const {
        return detail::done(invoke_with(slot, abi::Invocation::IrqHandlerSetNotification, {notification}));
    }
    Result<void> clear() const { return detail::done(invoke(slot, abi::Invocation::IrqHandlerClear)); }
};
struct IrqControl : Object {
    using Object::Object;
    Result<void> get(Word line, CNode destination, Word to) const {
        return detail::done(invoke_with(slot, abi::Invocation::IrqControlGet, {destination.slot}, line, to));
    }
};

struct IoPorts : Object {
    using Object::Object;
    /// size: 1, 2 or 4 bytes.
    [[nodiscard]] Result<Word> in(Word port, Word size = 1) const {
        return detail::first(invoke(slot, abi::Invocation::IoPortsIn, port, size));
    }
    Result<void> out(Word port, Word value, Word size = 1) const {
        return detail::done(invoke(slot, abi::Invocation::IoPortsOut, port, size, value));
    }
    /// At most out_bytes_limit bytes, one after the other to an 8-bit port.
    static constexpr std::size_t out_bytes_limit = 240;
    Result<void> out_bytes(Word port, std::span<char const> bytes) const;
};
struct IoPortControl : Object {
    using Object::Object;
    Result<void> issue(Word first_port, Word last_port, CNode destination, Word to) const {
        return detail::done(
            invoke_with(slot, abi::Invocation::IoPortControlIssue, {destination.slot}, first_port, last_port, to));
    }
};

namespace detail {
/// Label with `leading` words, then bytes packed.
template <std::size_t leading>
Answer invoke_bytes(CapabilityPointer slot, abi::Invocation invocation, std::array<Word, leading> words,
                    std::span<char const> bytes) {
    abi::IpcBuffer& mine = buffer();
    Writer writer{mine};
    for (Word const word : words) { writer.put_word(word); }
    writer.put_bytes(bytes.data(), bytes.size());
    SystemCall call;
    call.info = writer.info(static_cast<Word>(invocation)).with(abi::Syscall::Call);
    call.target = slot;
    call.word0 = writer.word0();
    call.word1 = writer.word1();
    sys_call(call);
    return {call.info.status(), call.word0, call.word1};
}
} // namespace detail

inline Result<void> IoPorts::out_bytes(Word port, std::span<char const> bytes) const {
    bytes = bytes.first(std::min(bytes.size(), out_bytes_limit));
    return ipc::detail::done(detail::invoke_bytes<2>(slot, abi::Invocation::IoPortsOutBytes,
                                                     {port, static_cast<Word>(bytes.size())}, bytes));
}

struct Debug : Object {
    using Object::Object;
    static constexpr std::size_t write_limit = 240;
    /// To the kernel's log, at most write_limit bytes.
    Result<void> write(std::string_view text) const {
        text = text.substr(0, write_limit);
        return ipc::detail::done(
            detail::invoke_bytes<1>(slot, abi::Invocation::DebugWrite, {static_cast<Word>(text.size())}, text));
    }
    struct Trace {
        Word first, next;
        std::array<abi::TraceEntry, 7> entries;
        Word count;
    };
    [[nodiscard]] Result<Trace> trace(Word index) const {
        Answer const answer = invoke(slot, abi::Invocation::DebugTrace, index);
        if (answer.error != abi::Error::None) { return fail(from_kernel(answer.error)); }
        Trace trace{answer.word0, answer.word1, {}, std::min<Word>(answer.word1 - answer.word0, 7)};
        std::memcpy(trace.entries.data(), &buffer().message[2], trace.count * sizeof(abi::TraceEntry));
        return trace;
    }
    [[nodiscard]] Result<abi::DebugThread> thread(Word index) const {
        Answer const answer = invoke(slot, abi::Invocation::DebugThread, index);
        if (answer.error != abi::Error::None) { return fail(from_kernel(answer.error)); }
        std::array<Word, sizeof(abi::DebugThread) / sizeof(Word)> words{};
        for (Word i = 0; i < words.size(); ++i) { words[i] = answer.word(i); }
        return std::bit_cast<abi::DebugThread>(words);
    }
    /// 0, or the number of the first invariant that does not hold.
    [[nodiscard]] Result<Word> check() const { return ipc::detail::first(invoke(slot, abi::Invocation::DebugCheck)); }
    Result<void> exit(Word value) const { return ipc::detail::done(invoke(slot, abi::Invocation::DebugExit, value)); }
    struct Counts {
        Word threads, slots, ticks_per_millisecond;
        std::uint64_t idle_ticks;
    };
    [[nodiscard]] Result<Counts> counts() const {
        Answer const answer = invoke(slot, abi::Invocation::DebugCounts);
        if (answer.error != abi::Error::None) { return fail(from_kernel(answer.error)); }
        return Counts{answer.word0, answer.word1, answer.word(2), std::uint64_t{answer.word(4)} << 32 | answer.word(3)};
    }
};

} // namespace object

/// The server's own objects (server_slot).
inline object::CNode own_cnode() { return object::CNode{server_slot::cnode}; }
inline object::Untyped own_untyped() { return object::Untyped{server_slot::untyped}; }
inline object::AddressSpace own_address_space() { return object::AddressSpace{server_slot::address_space}; }

/// One object of that type made from `memory` (the server's own untyped memory), in a slot of its own. NoMemory if there is none.
inline Result<CapabilityPointer> make_object(abi::ObjectType type, Word size_bits = 0,
                                             object::Untyped memory = own_untyped()) {
    CapabilityPointer const slot = slots().take();
    if (slot == 0) { return fail(Error::NoMemory); }
    if (auto made = memory.retype(type, size_bits, own_cnode(), slot); !made) {
        slots().give(slot);
        return fail(made.error() == from_kernel(abi::Error::NotEnoughMemory) ? Error::NoMemory : made.error());
    }
    return slot;
}

} // namespace ipc
