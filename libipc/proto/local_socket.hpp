// Protocol LocalSockets: AF_UNIX sockets (unix(7)), asked of a VfsSession, which says who asks, where paths begin and whose abstract names
// are meant. The sockets themselves are files of vfs: they speak File, Socket and MessageSocket.
// Protocol Parcel: descriptors on their way in a message (SCM_RIGHTS).
#pragma once
#include "socket.hpp"

namespace proto {

struct Parcel {
    static constexpr abi::Word number = 26;
    static constexpr std::uint32_t capacity = 253; ///< SCM_MAX_FD
    /// Puts up to three files in. Errors: Invalid (full, or on its way already), TooManyReferences (the container has too many on their way),
    /// BadDescriptor.
    using Add =
        ipc::Method<Parcel, 1, ipc::Unit(ipc::OptionalCap<File>, ipc::OptionalCap<File>, ipc::OptionalCap<File>)>;
    /// One of its files, which stays in it too. kind Other: another server's, look at its status. NoData: past the last.
    using Take = ipc::Method<Parcel, 2, std::tuple<ipc::Cap<File>, FileKind>(std::uint32_t index)>;
    using methods = ipc::Methods<Add, Take>;
};

/// As struct ucred, with ids as the reader's user namespace has them.
struct MessageCredentials {
    std::int32_t process;
    std::uint32_t user, group;
};

struct LocalSockets {
    static constexpr abi::Word number = 27;
    using FileCap = ipc::OptionalCap<File>; ///< a socket of vfs's; BadDescriptor, NotSocket
    /// type as socket(2) has it, with SOCK_NONBLOCK.
    using Create = ipc::Method<LocalSockets, 1, ipc::Cap<File>(std::uint32_t type)>;
    using Pair = ipc::Method<LocalSockets, 2, std::tuple<ipc::Cap<File>, ipc::Cap<File>>(std::uint32_t type)>;
    /// Bind, Connect and Send with an abstract name answer Elsewhere until proc has said whose network namespace it is
    /// (Process::TellNetwork, VfsControl::SetNetwork); the caller asks it to, and again. With a path they do if that is in another server's
    /// file system.
    using Bind = ipc::Method<LocalSockets, 3, ipc::Unit(FileCap, SocketAddress)>;
    using Connect = ipc::Method<LocalSockets, 4, ipc::Unit(FileCap, SocketAddress)>;
    using Listen = ipc::Method<LocalSockets, 5, ipc::Unit(FileCap, std::uint32_t backlog)>;
    using NewParcel = ipc::Method<LocalSockets, 6, ipc::Cap<Parcel>()>;
    /// credentials_given 0: those of the session. Errors as sendmsg(2).
    using Send =
        ipc::Method<LocalSockets, 7,
                    Transfer(FileCap, ipc::OptionalCap<Parcel>, std::uint32_t flags, std::uint32_t credentials_given,
                             MessageCredentials, SocketAddress to, ipc::ReadBuffer)>;
    using methods = ipc::Methods<Create, Pair, Bind, Connect, Listen, NewParcel, Send>;
};

/// What came with a message.
struct ReceivedMessage {
    Transfer transfer;
    std::uint32_t length, flags;      ///< as ReceivedDatagram
    std::uint32_t descriptors;        ///< in the parcel
    std::uint32_t credentials_wanted; ///< SO_PASSCRED
    MessageCredentials credentials;
};

/// On a socket of vfs's.
struct MessageSocket {
    static constexpr abi::Word number = 28;
    /// As Socket::Receive, with everything that came along. Without the parcel taken from it, descriptors are dropped.
    using Receive = ipc::Method<MessageSocket, 1,
                                std::tuple<ReceivedMessage, SocketAddress, ipc::OptionalCap<Parcel>>(
                                    std::uint32_t flags, ipc::WriteBuffer)>;
    using methods = ipc::Methods<Receive>;
};

} // namespace proto
