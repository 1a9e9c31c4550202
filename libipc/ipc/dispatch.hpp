// Server side of a message: from what arrived to `server.on(Operation{}, sender, arguments...)` and to the answer.
//
// One table of function pointers for all protocols of a server, indexed by the label. A missing handler is a compile
// error that names the operation. Whatever does not decode is answered and changes nothing.
#pragma once
#include "sender.hpp"

namespace ipc {

/// What the message loop does next.
struct Disposition {
    enum class Kind : std::uint8_t {
        Reply,     ///< `info` with the words in the buffer
        Deferred,  ///< the Reply object is in use
        Forwarded, ///< the Reply object is empty again
    };
    Kind kind = Kind::Reply;
    abi::MessageInfo info;
};

namespace detail {

template <class T>
struct Decoded {
    using type = T;
};
template <>
struct Decoded<Path> {
    using type = StoredPath;
};
/// A handler sees a Path, not its storage.
template <class T>
T& as_argument(T& value) {
    return value;
}
inline Path& as_argument(StoredPath& value) { return value; }

/// Decodes As... in order, then calls function(arguments...).
template <class Function, class... Done>
bool decode_then(Reader& reader, std::tuple<>*, Function&& function, Done&... done) {
    if (!reader.complete()) [[unlikely]] { return false; }
    function(done...);
    return true;
}
template <class A, class... As, class Function, class... Done>
bool decode_then(Reader& reader, std::tuple<A, As...>*, Function&& function, Done&... done) {
    typename Decoded<A>::type value;
    Codec<A>::get(reader, value);
    return decode_then(reader, static_cast<std::tuple<As...>*>(nullptr), function, done..., as_argument(value));
}

template <class Server, class M, class Request = typename M::Request>
struct HasHandler;
template <class Server, class M, class... As>
struct HasHandler<Server, M, std::tuple<As...>> {
    static constexpr bool value = requires(Server & server, Sender& sender, As&... arguments) {
        { server.on(M{}, sender, arguments...) } -> std::same_as<Result<typename M::Reply>>;
    };
};

/// Deletes what a message that is refused brought along.
[[gnu::noinline, gnu::cold]] inline void
delete_received(abi::MessageInfo info, CapabilityPointer const (&arrived)[abi::message_capabilities]) {
    for (Word i = 0; i < info.capabilities(); ++i) {
        if ((info.unwrapped() >> i & 1) == 0) { release_slot(arrived[i]); }
    }
}
[[gnu::noinline, gnu::cold]] inline Disposition refuse(Received const& received, Error error,
                                                       CapabilityPointer const (&arrived)[abi::message_capabilities]) {
    delete_received(received.info, arrived);
    return {Disposition::Kind::Reply, abi::MessageInfo{error_label(error), 0}};
}
[[gnu::noinline, gnu::cold]] inline Disposition refuse(Received const& received, Error error) {
    CapabilityPointer arrived[abi::message_capabilities];
    std::copy_n(buffer().capabilities, abi::message_capabilities, arrived);
    return refuse(received, error, arrived);
}

/// What dispatch does once a handler has returned an error.
[[gnu::noinline]] inline Disposition finish_error(Sender& sender, Error error) {
    if (sender.forwarded()) { return {Disposition::Kind::Forwarded, {}}; }
    if (sender.deferred()) { return {Disposition::Kind::Deferred, {}}; }
    if (sender.error_payload().raw != 0 && sender.error_payload().label() == error_label(error)) {
        return {Disposition::Kind::Reply, sender.error_payload()};
    }
    // Deferred without defer(): nobody could ever answer.
    return {Disposition::Kind::Reply,
            abi::MessageInfo{error_label(error == Error::Deferred ? Error::InputOutput : error), 0}};
}

/// Once the answer is in the buffer. Without capabilities to delete this is the plain reply.
template <class Server>
using Handler = Disposition (*)(Server&, Sender&, Received const&);

template <class Server, class M>
Disposition handle(Server& server, Sender& sender, Received const& received) {
    static_assert(HasHandler<Server, M>::value,
                  "the server lacks Result<M::Reply> on(M, ipc::Sender&, arguments...) for this operation M");
    (void)sizeof(Checked<M>);
    CapabilityPointer arrived[abi::message_capabilities];
    if constexpr (Codec<typename M::Request>::capabilities != 0) {
        std::copy_n(buffer().capabilities, abi::message_capabilities, arrived);
    }
    Reader reader{received.info, buffer()};
    Disposition disposition;
    bool const decoded = decode_then(
        reader, static_cast<typename M::Request*>(nullptr), [&](auto&... arguments) __attribute__((always_inline)) {
            auto const result = server.on(M{}, sender, arguments...);
            if (result) [[likely]] {
                disposition.info = encode_reply(result);
                if (sender.deferred() || sender.forwarded()) [[unlikely]] {
                    disposition = finish_error(sender, Error::Deferred);
                }
            } else {
                disposition = finish_error(sender, result.error());
            }
        });
    if (!decoded) [[unlikely]] {
        if constexpr (Codec<typename M::Request>::capabilities != 0) {
            return refuse(received, Error::BadMessage, arrived);
        } else {
            return refuse(received, Error::BadMessage);
        }
    }
    return disposition;
}

template <class Server>
Disposition unknown(Server&, Sender&, Received const& received) {
    return refuse(received, Error::NotImplemented);
}

template <class Server, class List>
struct FillTable;
template <class Server, class... Ms>
struct FillTable<Server, Methods<Ms...>> {
    static_assert(CheckedMethods<Methods<Ms...>>::value);
    static constexpr void fill(Handler<Server>* table) { ((table[Ms::number] = &handle<Server, Ms>), ...); }
};

/// Protocol number -> its table. Index 0 is that of unknown protocols.
template <class Server, class... Protocols>
struct DispatchTable {
    std::array<std::uint8_t, 256> index{};
    std::array<std::array<Handler<Server>, 64>, sizeof...(Protocols) + 1> handlers{};

    static constexpr DispatchTable make() {
        DispatchTable table;
        for (auto& protocol : table.handlers) { protocol.fill(&unknown<Server>); }
        std::uint8_t position = 0;
        ((table.index[Protocols::number] = ++position,
          FillTable<Server, typename Protocols::methods>::fill(table.handlers[position].data())),
         ...);
        return table;
    }
    static constexpr bool distinct() {
        bool seen[256] = {};
        bool good = true;
        ((good = good && !seen[Protocols::number], seen[Protocols::number] = true), ...);
        return good;
    }
    static_assert(distinct(), "two protocols of this server have the same number");
};

} // namespace detail

/// Decodes the message, runs its handler and encodes the answer into the buffer. Errors are answers, too: NotImplemented for an unknown
/// operation, BadMessage for one that does not decode; their capabilities are deleted.
template <class... Protocols, class Server>
Disposition dispatch(Server& server, Sender& sender, Received const& received) {
    static constexpr auto table = detail::DispatchTable<Server, Protocols...>::make();
    Word const label = received.info.label();
    return table.handlers[table.index[label >> 6]][label & 63](server, sender, received);
}
template <class... Protocols, class Server>
Disposition dispatch(Server& server, Received const& received) {
    Sender sender{received};
    return dispatch<Protocols...>(server, sender, received);
}

} // namespace ipc
