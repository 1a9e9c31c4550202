// AF_UNIX sockets: vfs has them, and they are asked of the caller's session there (proto/local_socket.hpp).
#pragma once
#include "descriptors.hpp"
#include "proto/local_socket.hpp"

namespace vdso {

using proto::LocalSockets;
inline constexpr ipc::Cap<LocalSockets> local_sockets{linux_process::slot::vfs};
inline constexpr Word unix_domain = 1;

inline bool is_local_socket(Descriptor const& descriptor) {
    return descriptor.kind == static_cast<std::uint8_t>(proto::FileKind::LocalSocket);
}

/// struct msghdr, struct iovec.
struct MessageHeader {
    Word name, name_bytes, vectors, vector_count, control, control_bytes, flags;
};
struct Vector {
    Word address, length;
};

/// Bytes of the program's, and MSG_* flags.
struct Outgoing {
    Word address, length, flags;
};
/// What goes along: a parcel (slot 0: none), credentials if given.
struct Along {
    ipc::OptionalCap<proto::Parcel> parcel{};
    bool has_credentials = false;
    proto::MessageCredentials credentials{};
};

/// call(), and once more after vfs was told the caller's network namespace if that is what it lacked.
template <class Call>
auto knowing_network(ThreadArea& thread, Call call) -> decltype(call()) {
    auto result = call();
    if (!result && result.error() == Error::Elsewhere) [[unlikely]] {
        static_cast<void>(ipc::call<proto::Process::TellNetwork>(process(thread)));
        result = call();
        if (!result && result.error() == Error::Elsewhere) {
            return ipc::fail(
                Error::ConnectionRefused); // a path in another server's file system: no socket is bound there
        }
    }
    return result;
}

Long socket_pair(ThreadArea& thread, Word domain, Word type, Word protocol, Word address);
Long open_local_socket(ThreadArea& thread, Word type, Word protocol);
/// bind(2) or connect(2).
Long name_local(ThreadArea& thread, Word descriptor, proto::SocketAddress const& name, bool connects);
/// Sends with the caller shown to a reader that asks. An empty address: to the peer.
Long send_shown(ThreadArea& thread, Word descriptor, Outgoing const& bytes, Along const& along,
                proto::SocketAddress const& to);
Long send_local_message(ThreadArea& thread, Word descriptor, MessageHeader const& header, Word flags,
                        proto::SocketAddress const& to);
/// Fills in the header at `header_address`, which is `header`.
Long receive_local_message(ThreadArea& thread, Word descriptor, Word header_address, MessageHeader header, Word flags);

} // namespace vdso
