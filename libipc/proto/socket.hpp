// Protocol Socket: an open socket, which also speaks File (read, write, poll and status flags), at whichever server owns
// it: a netstack (AF_INET), netns (AF_NETLINK). A server without it (vfs: socket pairs) answers NotImplemented.
#pragma once
#include "file.hpp"

namespace proto {

/// A struct sockaddr as the program lays it out (its first two bytes are the family); empty: none.
using SocketAddress = ipc::Bytes<128>;
using SocketOption = ipc::Bytes<128>;

/// Flags of Send and Receive: MSG_* of send(2) and recv(2), and these.
namespace message_flag {
inline constexpr std::uint32_t out_of_band = 0x1, peek = 0x2, truncate = 0x20, dont_wait = 0x40, wait_all = 0x100,
                               no_signal = 0x4000, more = 0x8000;
/// Receive, by the vDSO: the rest of the datagram is asked for by another Receive (recvmsg with several vectors).
inline constexpr std::uint32_t rest_follows = 0x1000000;
/// Send on a netlink socket that was answered Error::Elsewhere with {device, by_descriptor, PID or descriptor}: the vDSO has asked
/// Network::MoveDevice in between, with the outcome in moved_error (an errno, 0: done), and sends the same again.
inline constexpr std::uint32_t moved = 0x2000000, moved_error = 0xff;
/// Receive, by the vDSO: control messages are wanted. Those there are lie behind the address in the answer's SocketAddress, as the program
/// gets them (struct cmsghdr of i386); how many bytes they have is in the answer's flags, above control_shift.
inline constexpr std::uint32_t control = 0x4000000, control_shift = 24;
} // namespace message_flag

/// What Receive says of a message: bytes of the whole datagram (which may be more than were copied), MSG_* flags.
struct ReceivedDatagram {
    Transfer transfer;
    std::uint32_t length, flags;
};

struct Socket {
    static constexpr abi::Word number = 24;
    /// As the calls of section 2 that they are named after; Deferred until they can be answered unless the file is O_NONBLOCK.
    using Bind = ipc::Method<Socket, 1, ipc::Unit(SocketAddress)>;
    using Connect = ipc::Method<Socket, 2, ipc::Unit(SocketAddress)>;
    using Listen = ipc::Method<Socket, 3, ipc::Unit(std::uint32_t backlog)>;
    /// flags: O_NONBLOCK for the new one.
    using Accept = ipc::Method<Socket, 4, std::tuple<ipc::Cap<File>, SocketAddress>(std::uint32_t flags)>;
    /// peer 0: getsockname, 1: getpeername.
    using Name = ipc::Method<Socket, 5, SocketAddress(std::uint32_t peer)>;
    using Shutdown = ipc::Method<Socket, 6, ipc::Unit(std::uint32_t how)>;
    using SetOption = ipc::Method<Socket, 7, ipc::Unit(std::uint32_t level, std::uint32_t option, SocketOption)>;
    using GetOption = ipc::Method<Socket, 8, SocketOption(std::uint32_t level, std::uint32_t option)>;
    /// With `more` on a datagram socket the bytes are kept as the beginning of the datagram that the next Send completes.
    using Send = ipc::Method<Socket, 9, Transfer(std::uint32_t flags, SocketAddress to, ipc::ReadBuffer)>;
    using Receive =
        ipc::Method<Socket, 10, std::tuple<ReceivedDatagram, SocketAddress>(std::uint32_t flags, ipc::WriteBuffer)>;
    using methods = ipc::Methods<Bind, Connect, Listen, Accept, Name, Shutdown, SetOption, GetOption, Send, Receive>;
};

} // namespace proto
