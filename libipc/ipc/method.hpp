// The vocabulary of protocols: a protocol is a struct with one nested Method type per operation and a list of them.
//
//     struct Uts {
//         static constexpr abi::Word number = 11;
//         using SetHostname = ipc::Method<Uts, 1, ipc::Unit(HostName)>;
//         using Hostname    = ipc::Method<Uts, 2, HostName()>;
//         using methods     = ipc::Methods<SetHostname, Hostname>;
//     };
//
// Client stubs (call.hpp) and server dispatch (dispatch.hpp) derive from these types alone. A request or a reply is any
// number of: trivially copyable values (scalars, structs: copied word-wise, size rounded up to 4), Text<N>, Bytes<N>,
// Cap<P> and OptionalCap<P> (at most three capabilities), and in requests one ReadBuffer and one WriteBuffer. Several results: std::tuple.
#pragma once
#include "error.hpp"
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <tuple>

namespace ipc {

using abi::CapabilityPointer;
using abi::Word;

struct Unit {};

/// A capability for an object that speaks protocol P: a slot in the holder's CSpace. Does not own the slot.
template <class P>
struct Cap {
    using Protocol = P;
    CapabilityPointer slot = 0;
    constexpr explicit operator bool() const { return slot != 0; }
    template <class Q>
    constexpr Cap<Q> as() const {
        return Cap<Q>{slot};
    }
};
/// As Cap, but may be absent (slot 0). If it is a capability of the receiving server itself it arrives *unwrapped*:
/// slot 0 and `badge` set, vouched for by the kernel.
template <class P>
struct OptionalCap {
    CapabilityPointer slot = 0;
    Word badge = 0;
    bool unwrapped = false;
    constexpr OptionalCap() = default;
    constexpr OptionalCap(Cap<P> cap) : slot{cap.slot} {}
    constexpr bool present() const { return slot != 0 || unwrapped; }
};
/// Protocols of kernel objects, so that Cap<Notification> and the like can travel.
struct Notification {};
struct Frame {};
struct Untyped {};
struct Any {};

/// Up to N bytes of text, no terminator needed; only the used part travels.
template <std::size_t N>
struct Text {
    std::uint16_t length = 0;
    char data[N];
    constexpr Text() = default;
    constexpr Text(std::string_view view) : length{static_cast<std::uint16_t>(std::min(view.size(), N))} {
        std::copy_n(view.data(), length, data);
    }
    static constexpr std::size_t capacity = N;
    [[nodiscard]] constexpr std::string_view view() const { return {data, std::min<std::size_t>(length, N)}; }
};
/// Up to N bytes; only the used part travels.
template <std::size_t N>
struct Bytes {
    std::uint16_t length = 0;
    std::byte data[N];
    [[nodiscard]] std::span<std::byte const> span() const { return {data, std::min<std::size_t>(length, N)}; }
};

/// Bulk transfer, caller's side: memory that the server may read (write) while this call lasts. On the server's side the argument
/// arrives as its length only; Sender::copy_in and copy_out do the transfer.
struct ReadBuffer {
    void const* data = nullptr;
    std::size_t length = 0;
};
struct WriteBuffer {
    void* data = nullptr;
    std::size_t length = 0;
};

/// A path: up to `capacity` bytes inline (fewer if the message has no room). The caller also declares it as its ReadBuffer;
/// when it is longer, `length` is the whole length and the server fetches it with Sender::read_path.
struct Path {
    static constexpr std::size_t capacity = 160;
    char const* data =
        nullptr; ///< caller: any length up to 4095; server: the inline part, valid until the handler returns
    std::uint32_t length = 0;
    bool in_buffer = false; ///< server: fetch it with copy_in
    std::uint32_t offset =
        0; ///< server: where it starts in the caller's ReadBuffer (always declared, if the request has no ReadBuffer)
    constexpr Path() = default;
    constexpr Path(std::string_view view) : data{view.data()}, length{static_cast<std::uint32_t>(view.size())} {}
};

template <class Protocol_, Word number_, class Signature>
struct Method;
/// `Repeatable` says whether the operation may be sent again after its server died in the middle of it.
template <class Protocol_, Word number_, class Reply_, class... Arguments>
struct Method<Protocol_, number_, Reply_(Arguments...)> {
    static_assert(number_ >= 1 && number_ < 64, "operation numbers are 1..63 within their protocol");
    using Protocol = Protocol_;
    using Reply = Reply_;
    using Request = std::tuple<Arguments...>;
    static constexpr Word number = number_;
    static constexpr Word label() { return Protocol::number << 6 | number; }
};
/// Protocol numbers are 1..255: label = number << 6 | operation fits MessageInfo's 14 bits and is never below 64.
template <class... Ms>
struct Methods {};

} // namespace ipc
