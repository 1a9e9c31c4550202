// The message loop of a server: ipc::serve<Protocols...>(server) never returns.
//
// `server` has `on(Operation, ipc::Sender&, arguments...)` for every operation of the protocols, and if it wants them:
//   void on_notification(Word bits)        signals on the server's notification (server_slot::notification), bits or-ed
//   void on_no_senders(Word badge)         nobody holds the session with that badge any more (after bind_no_senders)
//   Result<FaultAnswer> on_fault(abi::Fault, ipc::Sender&, FaultWords const&)
#pragma once
#include "dispatch.hpp"

namespace ipc {

using FaultWords = std::array<Word, 5>;
/// Resumes the thread. With `change`, at eip/esp/eflags (after abi::Fault::Exception).
struct FaultAnswer {
    bool change = false;
    Word eip = 0, esp = 0, eflags = 0;
};

namespace detail {

/// A signal on the bound notification arrives as an empty message with label 0.
constexpr bool is_signal(abi::MessageInfo info) { return info.with(abi::Error::None).raw == 0; }

/// After a signal: first the dead sessions, then the rest.
template <class Server>
void deliver_signal(Server& server, Word bits) {
    Word const no_senders = bits & runtime().no_senders_bits;
    if constexpr (requires { server.on_no_senders(Word{}); }) {
        if (no_senders != 0) {
            while (auto const badge = own_cnode().next_dead(runtime().endpoint)) {
                slots().give(runtime().sessions.remove(*badge));
                server.on_no_senders(*badge);
            }
        }
    }
    if constexpr (requires { server.on_notification(Word{}); }) {
        if ((bits & ~no_senders) != 0) { server.on_notification(bits & ~no_senders); }
    }
}

inline abi::MessageInfo encode_fault_answer(FaultAnswer const& answer) {
    Writer writer{buffer()};
    if (answer.change) {
        writer.put_word(answer.eip);
        writer.put_word(answer.esp);
        writer.put_word(answer.eflags);
    }
    return writer.info(0);
}

template <class Server>
Disposition deliver_fault(Server& server, Sender& sender, Received const& received) {
    if constexpr (requires(FaultWords const& words) { server.on_fault(abi::Fault{}, sender, words); }) {
        FaultWords words{};
        std::copy_n(buffer().message, std::min<Word>(received.info.length(), words.size()), words.begin());
        Result<FaultAnswer> const result =
            server.on_fault(static_cast<abi::Fault>(received.info.label()), sender, words);
        if (result && !sender.deferred()) { return {Disposition::Kind::Reply, encode_fault_answer(*result)}; }
        return finish_error(sender, result ? Error::Deferred : result.error());
    } else {
        return refuse(received, Error::NotImplemented);
    }
}

/// A message that is no signal.
template <class... Protocols, class Server>
Disposition deliver_message(Server& server, Sender& sender, Received const& received) {
    if (received.info.capabilities() != 0) [[unlikely]] { refresh_receive_window(received.info); }
    if (received.info.label() < 64) [[unlikely]] {
        if (received.info.label() == 0) { // no protocol's
            return refuse(received, Error::BadMessage);
        }
        return deliver_fault(server, sender, received);
    }
    return dispatch<Protocols...>(server, sender, received);
}

} // namespace detail

/// Resumes a thread whose fault was deferred.
inline void resume(Pending const& pending, FaultAnswer const& answer = {}) {
    send_reply(pending, detail::encode_fault_answer(answer));
}

#ifndef CELLA_HOST_TEST
/// Receives, dispatches and answers for ever. Every kernel call of the loop is a ReplyReceive, unless the answer was deferred.
template <class... Protocols, class Server>
[[noreturn]] void serve(Server& server) {
    abi::IpcBuffer& mine = buffer();
    if (mine.receive_slot == 0) { mine.receive_slot = slots().take(abi::message_capabilities); }
    CapabilityPointer reply = 0;
    abi::MessageInfo answer;
    bool answering = false;
    for (;;) {
        SystemCall call;
        if (reply == 0) { reply = runtime().take_reply(); }
        if (answering) {
            call.info = answer.with(abi::Syscall::ReplyReceive);
            call.word0 = answer.length() > 0 ? mine.message[0] : 0;
            call.word1 = answer.length() > 1 ? mine.message[1] : 0;
        } else {
            call.info = abi::MessageInfo{}.with(abi::Syscall::Receive);
        }
        call.target = runtime().endpoint;
        call.reply = reply;
        sys_receive(call);
        answering = false;
        if (call.info.status() != abi::Error::None) [[unlikely]] {
            // A Reply object that is still in use: whoever uses it keeps it.
            if (call.info.status() == abi::Error::IllegalOperation) { reply = 0; }
            continue;
        }
        if (detail::is_signal(call.info)) [[unlikely]] {
            // An empty call looks the same, but a signal leaves the Reply object without a caller. (An empty Send can pass for a
            // signal: what signals cause must be harmless at any time.)
            if (object::Reply{reply}.has_caller()) {
                answer = abi::MessageInfo{detail::error_label(Error::BadMessage), 0};
                answering = true;
                continue;
            }
            detail::deliver_signal(server, call.target);
            continue;
        }
        mine.message[0] = call.word0;
        mine.message[1] = call.word1;
        Received const received{call.info, call.target, reply};
        Sender sender{received};
        Disposition const disposition = detail::deliver_message<Protocols...>(server, sender, received);
        if (disposition.kind == Disposition::Kind::Reply) [[likely]] {
            if (sender.after_reply().empty()) [[likely]] {
                answer = disposition.info;
                answering = true;
            } else {
                send_reply({reply, 0, 0, 0}, disposition.info);
                reply = 0;
                for (CapabilityPointer const slot : sender.after_reply()) { release_slot(slot); }
            }
        } else if (disposition.kind == Disposition::Kind::Deferred) {
            reply = 0;
        }
    }
}
#endif

} // namespace ipc
