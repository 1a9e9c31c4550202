// Typed wrappers of every invocation of abi/objects.hpp: one class per kind of object, each a capability pointer.
// Errors: kernel_base + abi::Error. Header-only without globals.
#pragma once
#include "thread_objects.hpp"

namespace ipc {

namespace object {

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
