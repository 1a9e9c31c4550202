// Client stubs: ipc::call<Uts::SetHostname>(uts, "name").
//
// call() takes slots for the capabilities of a reply from the server's allocator; call_into() lets the caller choose, for
// threads without one: compiled with CELLA_VDSO nothing here uses a global, the heap or a relocation.
#pragma once
#include "codec.hpp"
#include "slots.hpp"

namespace ipc {

/// Where the MessageInfo of the last Error::Elsewhere reply is kept: the last word before the user's part of the buffer page.
inline constexpr std::size_t last_reply_offset = abi::ipc_buffer_end - sizeof(Word);
static_assert(sizeof(abi::IpcBuffer) <= last_reply_offset);
inline Word& last_reply_word() {
    return *reinterpret_cast<Word*>(reinterpret_cast<char*>(&buffer()) + last_reply_offset);
}

/// After a call failed with Error::Elsewhere, until the next system call: what the reply carried.
inline Reader last_reply() { return Reader{abi::MessageInfo{last_reply_word()}, buffer()}; }

namespace detail {

/// Who looks after the slots that a reply's capabilities arrive in.
enum class Slots { FromAllocator, ChosenByCaller };
#ifdef CELLA_VDSO
inline constexpr Slots default_slots = Slots::ChosenByCaller;
#else
inline constexpr Slots default_slots = Slots::FromAllocator;
#endif

/// Capabilities in a reply that nobody asked for. Without a receive window (the vDSO) the kernel has dropped them.
[[gnu::noinline, gnu::cold]] inline void drop_capabilities(abi::MessageInfo info) {
    abi::IpcBuffer& mine = buffer();
    if (mine.receive_slot == 0) { return; }
    Word arrived[abi::message_capabilities] = {};
    for (Word i = 0; i < info.capabilities(); ++i) {
        arrived[i] = (info.unwrapped() >> i & 1) == 0 ? mine.capabilities[i] : 0;
    }
    for (Word const slot : arrived) {
        if (slot != 0) { delete_capability(slot); }
    }
}

/// Sends what `writer` holds and waits. Words 0 and 1 of the answer are in the buffer afterwards.
inline abi::MessageInfo transact(CapabilityPointer target, abi::MessageInfo info, Word word0, Word word1) {
    SystemCall call;
    call.info = info.with(abi::Syscall::Call);
    call.target = target;
    call.word0 = word0;
    call.word1 = word1;
    sys_call(call);
    abi::IpcBuffer& mine = buffer();
    mine.message[0] = call.word0;
    mine.message[1] = call.word1;
    return call.info;
}

template <Slots policy>
[[gnu::noinline, gnu::cold]] inline Error error_reply(abi::MessageInfo info) {
    if (info.status() != abi::Error::None) { return from_kernel(info.status()); }
    auto const error = static_cast<Error>(info.label());
    if (error == Error::Elsewhere) {
        last_reply_word() = info.raw;
        if constexpr (policy == Slots::FromAllocator) {
            if (info.capabilities() != 0) { refresh_receive_window(info); }
        }
    } else if (info.capabilities() != 0) {
        drop_capabilities(info);
    }
    return error;
}

template <class M, Slots policy, class Request = typename M::Request>
struct Stub;
template <class M, Slots policy, class... As>
struct Stub<M, policy, std::tuple<As...>> {
    using Check = Checked<M>;
    static Result<typename M::Reply> call(CapabilityPointer target, As const&... arguments) {
        abi::IpcBuffer& mine = buffer();
        Writer writer{mine, Check::path_capacity};
        (Check::put(writer, arguments), ...);
        if constexpr (Check::Request::paths != 0 && !Check::declares_paths) {
            if (writer.failed()) { return fail(Error::NameTooLong); }
        }
        abi::MessageInfo const info = transact(target, writer.info(M::label()), writer.word0(), writer.word1());
        // One test for the usual case: status None, label 0.
        if (((info.raw >> 14) != 0)) [[unlikely]] { return fail(error_reply<policy>(info)); }
        if constexpr (Check::Reply::capabilities == 0) {
            if (info.capabilities() != 0) [[unlikely]] {
                drop_capabilities(info);
                return fail(Error::BadMessage);
            }
        } else if constexpr (policy == Slots::FromAllocator) {
            if (info.capabilities() != 0) { refresh_receive_window(info); }
        }
        typename M::Reply reply;
        Reader reader{info, mine};
        Codec<typename M::Reply>::get(reader, reply);
        if (!reader.complete()) [[unlikely]] { return fail(Error::BadMessage); }
        return reply;
    }
};

} // namespace detail

/// Calls operation M of the object behind `target` and waits for its answer. Errors: those of the protocol; ServerDied,
/// CallInterrupted and the kernel's other refusals (kernel_base + abi::Error); BadMessage if the reply does not decode.
/// Capabilities in the reply are in slots the caller now owns (release_slot, Owned).
template <class M, class P, class... Xs>
Result<typename M::Reply> call(Cap<P> target, Xs&&... arguments) {
    static_assert(std::is_same_v<P, typename M::Protocol>,
                  "this capability speaks another protocol than the operation");
#ifdef CELLA_VDSO
    static_assert(Codec<typename M::Reply>::capabilities == 0, "the vDSO has no slot allocator: use call_into");
#endif
    return detail::Stub<M, detail::default_slots>::call(target.slot, std::forward<Xs>(arguments)...);
}

/// As call, but the reply's capabilities arrive in first_slot, first_slot + 1, ... (empty slots of the caller's CSpace).
template <class M, class P, class... Xs>
Result<typename M::Reply> call_into(CapabilityPointer first_slot, Cap<P> target, Xs&&... arguments) {
    static_assert(std::is_same_v<P, typename M::Protocol>,
                  "this capability speaks another protocol than the operation");
    abi::IpcBuffer& mine = buffer();
    Word const window = mine.receive_slot;
    mine.receive_slot = first_slot;
    auto result = detail::Stub<M, detail::Slots::ChosenByCaller>::call(target.slot, std::forward<Xs>(arguments)...);
    mine.receive_slot = window;
    return result;
}

/// Signals a notification: never waits.
inline void signal(CapabilityPointer notification) {
    SystemCall call;
    call.info = abi::MessageInfo{}.with(abi::Syscall::Send);
    call.target = notification;
    sys_call(call);
}
inline void signal(Cap<Notification> notification) { signal(notification.slot); }

/// Waits until the notification is signalled; its word, which is cleared. Errors: CallInterrupted and the like.
inline Result<Word> wait(CapabilityPointer notification) {
    SystemCall call;
    call.info = abi::MessageInfo{}.with(abi::Syscall::Receive);
    call.target = notification;
    sys_receive(call);
    if (call.info.status() != abi::Error::None) { return fail(from_kernel(call.info.status())); }
    return call.target;
}
/// As wait, but WouldBlock if it is not signalled.
inline Result<Word> poll(CapabilityPointer notification) {
    SystemCall call;
    call.info = abi::MessageInfo{}.with(abi::Syscall::NonBlockingReceive);
    call.target = notification;
    sys_receive(call);
    if (call.info.status() != abi::Error::None) { return fail(from_kernel(call.info.status())); }
    return call.target;
}
/// Sends M without waiting for an answer (there is none); waits until the receiver takes it.
template <class M, class P, class... Xs>
Result<void> send(Cap<P> target, Xs const&... arguments) {
    static_assert(std::is_same_v<P, typename M::Protocol>,
                  "this capability speaks another protocol than the operation");
    typename M::Request request{arguments...};
    Writer writer{buffer(), Checked<M>::path_capacity};
    std::apply([&](auto const&... each) { (Checked<M>::put(writer, each), ...); }, request);
    SystemCall call;
    call.info = writer.info(M::label()).with(abi::Syscall::Send);
    call.target = target.slot;
    call.word0 = writer.word0();
    call.word1 = writer.word1();
    sys_call(call);
    if (call.info.status() != abi::Error::None) { return fail(from_kernel(call.info.status())); }
    return {};
}

} // namespace ipc
