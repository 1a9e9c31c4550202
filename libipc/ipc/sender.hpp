// Who called: the Sender that a handler sees, the Pending call that outlives it, bulk copies, answers and forwarding.
#pragma once
#include "runtime.hpp"

namespace ipc {

/// A message as it came from the kernel; words 0 and 1 are already in the buffer's message array.
struct Received {
    abi::MessageInfo info;
    Word badge = 0;
    CapabilityPointer reply = 0; ///< the Reply object that holds the caller
};

/// Outcome of a bulk copy. `caller_fault`: address in the caller of a page that is not present, where it stopped (0: none).
struct Transfer {
    std::size_t count = 0;
    abi::Address caller_fault = 0;
};

namespace detail {
/// One bulk copy of any size through a Reply object, in the kernel's portions. Fault: the Reply has no caller any more.
inline Transfer bulk_copy(CapabilityPointer reply, abi::Invocation invocation, std::size_t offset, void* local,
                          std::size_t bytes) {
    constexpr std::size_t portion = 65536;
    Transfer total;
    while (total.count < bytes) {
        std::size_t const wanted = std::min(bytes - total.count, portion);
#ifdef CELLA_HOST_TEST
        Word copied = 0;
        Word caller_fault = 0;
        host::bulk(reply, invocation, static_cast<Word>(offset + total.count),
                   static_cast<std::byte*>(local) + total.count, static_cast<Word>(wanted), copied, caller_fault);
#else
        Answer const answer =
            invoke(reply, invocation, static_cast<Word>(offset + total.count),
                   reinterpret_cast<Word>(local) + static_cast<Word>(total.count), static_cast<Word>(wanted));
        Word const copied = answer.error == abi::Error::None ? answer.word0 : 0;
        Word const caller_fault = answer.error == abi::Error::None ? answer.word1 : 0;
#endif
        total.count += copied;
        if (copied < wanted) {
            total.caller_fault = caller_fault;
            break;
        }
    }
    return total;
}
} // namespace detail

/// From the caller's readable buffer at `offset` into `target`.
inline Transfer copy_in(Pending const& pending, std::size_t offset, std::span<std::byte> target) {
    std::size_t const available = offset < pending.read_length ? pending.read_length - offset : 0;
    return detail::bulk_copy(pending.reply, abi::Invocation::ReplyBulkRead, offset, target.data(),
                             std::min(target.size(), available));
}
/// From `source` to the caller's writable buffer at `offset`.
inline Transfer copy_out(Pending const& pending, std::size_t offset, std::span<std::byte const> source) {
    std::size_t const available = offset < pending.write_length ? pending.write_length - offset : 0;
    return detail::bulk_copy(pending.reply, abi::Invocation::ReplyBulkWrite, offset,
                             const_cast<std::byte*>(source.data()), std::min(source.size(), available));
}
/// True while the caller still waits (it may have been interrupted or destroyed).
inline bool pending(Pending const& call) { return call.reply != 0 && object::Reply{call.reply}.has_caller(); }

/// Who called, seen by a handler. Lives as long as the handler runs; defer() makes what outlives it.
class Sender {
public:
    explicit Sender(Received const& received)
        : badge{received.badge}, unwrapped{received.info.unwrapped()}, read_length{received.info.has_read_buffer()
                                                                                       ? buffer().caller_read_length
                                                                                       : 0},
          write_length{received.info.has_write_buffer() ? buffer().caller_write_length : 0}, reply_{received.reply} {}
    Sender(Sender const&) = delete;
    Sender& operator=(Sender const&) = delete;

    /// Of the capability that was called: vouched for by the kernel, the only identity there is.
    Word const badge;
    /// Bit n: the message's capability n was one of this server's own and arrived as its badge.
    Word const unwrapped;
    Word const read_length;  ///< bytes of the caller's readable buffer, 0: none
    Word const write_length; ///< bytes of the caller's writable buffer, 0: none

    Transfer copy_in(std::size_t offset, std::span<std::byte> target) const {
        return ipc::copy_in(view(), offset, target);
    }
    Transfer copy_out(std::size_t offset, std::span<std::byte const> source) const {
        return ipc::copy_out(view(), offset, source);
    }

    /// The whole text of a path: inline, or fetched into `storage`. NameTooLong if it does not fit, Fault if the caller's memory is absent.
    Result<std::string_view> read_path(Path const& path, std::span<char> storage) const {
        if (!path.in_buffer) { return std::string_view{path.data, path.length}; }
        if (path.length > storage.size()) { return fail(Error::NameTooLong); }
        Transfer const transfer = copy_in(path.offset, std::as_writable_bytes(storage.first(path.length)));
        if (transfer.count < path.length) { return fail(Error::Fault); }
        return std::string_view{storage.data(), path.length};
    }

    /// The call as helpers take it that copy for deferred calls too. Valid only while the handler runs.
    [[nodiscard]] Pending view() const { return {reply_, badge, read_length, write_length}; }

    /// The answer comes later: the handler stores this and returns fail(Error::Deferred).
    [[nodiscard]] Pending defer() {
        deferred_ = true;
        return view();
    }
    /// `return sender.fail_with(Error::Elsewhere, directory, continuation);`: an error whose reply carries values as well. No system
    /// call may come between.
    template <class... Ts>
    Failure fail_with(Error error, Ts const&... values) {
        Writer writer{buffer()};
        (Codec<Ts>::put(writer, values), ...);
        error_payload_ = writer.info(static_cast<Word>(error));
        return fail(error);
    }
    /// Hands the caller on: it now waits on `target` with operation M and these arguments, its buffers as it declared them. At
    /// most 8 words and no capabilities. The handler returns fail(Error::Deferred). Errors: the caller has gone.
    template <class M, class... Xs>
    Result<void> forward(Cap<typename M::Protocol> target, Xs const&... arguments);

    /// The capability is deleted and its slot given back once the reply has been sent (at most three).
    void delete_after_reply(CapabilityPointer slot) {
        if (after_reply_count_ < abi::message_capabilities) { after_reply_[after_reply_count_++] = slot; }
    }

    // For dispatch and the message loop.
    [[nodiscard]] bool deferred() const { return deferred_; }
    [[nodiscard]] bool forwarded() const { return forwarded_; }
    [[nodiscard]] abi::MessageInfo error_payload() const { return error_payload_; }
    [[nodiscard]] std::span<CapabilityPointer const> after_reply() const { return {after_reply_, after_reply_count_}; }

private:
    CapabilityPointer const reply_;
    bool deferred_ = false;
    bool forwarded_ = false;
    abi::MessageInfo error_payload_;
    Word after_reply_count_ = 0;
    CapabilityPointer after_reply_[abi::message_capabilities];
};

namespace detail {

/// Label of an error reply.
constexpr Word error_label(Error error) { return static_cast<Word>(error); }

template <class R>
abi::MessageInfo encode_reply(Result<R> const& result) {
    if (result) [[likely]] {
        Writer writer{buffer()};
        Codec<R>::put(writer, *result);
        return writer.info(0);
    }
    return abi::MessageInfo{error_label(result.error()), 0};
}

} // namespace detail

/// Answers a deferred call of operation M. Its Reply object is free afterwards, whether or not the caller still waited.
void send_reply(Pending const& pending, abi::MessageInfo info);
template <class M>
void reply(Pending const& pending, Result<typename M::Reply> const& result) {
    send_reply(pending, detail::encode_reply(result));
}
/// Answers with an error that carries values (Error::Elsewhere).
template <class... Ts>
void reply_error(Pending const& pending, Error error, Ts const&... values) {
    Writer writer{buffer()};
    (Codec<Ts>::put(writer, values), ...);
    send_reply(pending, writer.info(detail::error_label(error)));
}
/// Gives up a deferred call whose caller is gone; one that still waits gets Error::Interrupted.
inline void discard(Pending const& pending) { reply_error(pending, Error::Interrupted); }

namespace detail {
/// ReplyForward with the words in the buffer from index 2 on.
inline Result<void> forward_encoded(CapabilityPointer reply, CapabilityPointer target, Word label, Word length) {
    abi::IpcBuffer& mine = buffer();
    mine.capabilities[0] = target;
    SystemCall call;
    call.info =
        abi::MessageInfo{static_cast<Word>(abi::Invocation::ReplyForward), 2 + length, 1}.with(abi::Syscall::Call);
    call.target = reply;
    call.word0 = label;
    call.word1 = length;
    sys_call(call);
    if (call.info.status() != abi::Error::None) { return fail(from_kernel(call.info.status())); }
    return {};
}
inline constexpr Word forward_words = 8;

template <class M, class... Xs>
Result<void> forward(CapabilityPointer reply, CapabilityPointer target, Xs const&... arguments) {
    using Request = Codec<typename M::Request>;
    static_assert(Request::words <= forward_words, "a forwarded request has at most 8 words");
    typename M::Request request{arguments...};
    abi::IpcBuffer& mine = buffer();
    Writer writer{mine};
    auto put = [&]<class A>(A const& argument) {
        if constexpr (std::is_same_v<A, Path>) {
            // The text stays where the caller declared it.
            writer.put_word(argument.length | Writer::path_in_buffer);
            writer.put_word(argument.offset);
        } else if constexpr (Codec<A>::read_buffers == 0 && Codec<A>::write_buffers == 0) {
            Codec<A>::put(writer, argument);
        }
    };
    std::apply([&](auto const&... each) { (put(each), ...); }, request);
    if (writer.info(0).capabilities() != 0) { return fail(Error::Invalid); }
    std::memmove(&mine.message[2], &mine.message[0], writer.length() * sizeof(Word));
    return forward_encoded(reply, target, M::label(), writer.length());
}
} // namespace detail

template <class M, class... Xs>
Result<void> Sender::forward(Cap<typename M::Protocol> target, Xs const&... arguments) {
    auto done = detail::forward<M>(reply_, target.slot, arguments...);
    if (done) { forwarded_ = true; }
    return done;
}
/// As Sender::forward, for a deferred call; its Reply object is free afterwards if that worked.
template <class M, class... Xs>
Result<void> forward(Pending const& pending, Cap<typename M::Protocol> target, Xs const&... arguments) {
    auto done = detail::forward<M>(pending.reply, target.slot, arguments...);
    if (done) { runtime().give_reply(pending.reply); }
    return done;
}

} // namespace ipc
