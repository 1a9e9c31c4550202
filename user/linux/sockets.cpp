// Sockets, also by way of socketcall(2), which is how glibc asks.
//
// A socket is a file of its network stack. Sending and receiving without address is write and read; the operations that
// need more go as requests of the 0xCD00 range to the socket's own server, which answers NotTerminal if it has none.
#include "calls.hpp"
#include "sessions.hpp"
#include "descriptors.hpp"
#include "ioctl.hpp"
#include "transfer.hpp"

namespace vdso {

using proto::File;

Long socket_pair(ThreadArea& thread, Word domain, Word type, Word protocol, Word address);

namespace {

inline constexpr Word close_on_exec = 0x80000;
/// Number of the call within socketcall(2), and of its request.
enum SocketOperation : Word {
    operation_socket = 1, operation_bind, operation_connect, operation_listen, operation_accept, operation_getsockname,
    operation_getpeername, operation_socketpair, operation_send, operation_recv, operation_sendto, operation_recvfrom,
    operation_shutdown, operation_setsockopt, operation_getsockopt, operation_sendmsg, operation_recvmsg, operation_accept4,
};
namespace message_flag {
inline constexpr Word dont_wait = 0x40, no_signal = 0x4000;
} // namespace message_flag
struct Arguments { Word a[6]; };

constexpr Long not_a_socket = -static_cast<Long>(Error::NotSocket);

Long check_socket(ThreadArea& thread, Word descriptor) {
    Descriptor const* const open = find(thread, descriptor);
    if (open == nullptr) {
        return bad_descriptor;
    }
    return open->kind == static_cast<std::uint8_t>(proto::FileKind::Socket) ? 0 : not_a_socket;
}

/// A request to the socket's server; the memory is the program's.
Long request(ThreadArea& thread, Word descriptor, Word operation, Word argument, Word in, Word in_bytes, Word out, Word out_bytes) {
    if (Long const error = check_socket(thread, descriptor); error < 0) {
        return error;
    }
    std::uint8_t probe;
    if ((in_bytes != 0 && (!fetch_bytes(&probe, in, 1) || !fetch_bytes(&probe, in + in_bytes - 1, 1))) ||
        (out_bytes != 0 && (!put_bytes(out, pointer<void>(out), 1) || !put_bytes(out + out_bytes - 1, pointer<void>(out + out_bytes - 1), 1)))) {
        return fault;
    }
    Interruptible const waiting{thread};
    auto const result = ipc::call<File::Ioctl>(file(descriptor), ioctl_number::socket_first + operation, argument,
                                               ipc::ReadBuffer{pointer<void>(in), in_bytes}, ipc::WriteBuffer{pointer<void>(out), out_bytes});
    if (!result && (result.error() == Error::NotTerminal || result.error() == Error::NotImplemented)) {
        return refuse(Error::NotSupported);
    }
    return finish(result);
}

Long open_socket(ThreadArea& thread, Word domain, Word type, Word protocol) {
    Long const number = reserve(thread);
    if (number < 0) {
        return number;
    }
    ipc::Cap<proto::Network> const network{linux_process::slot::network};
    auto const made = session_call_into<proto::Network::Socket>(thread, proto::NamespaceKind::Network, slot_of(static_cast<Word>(number)), network, domain, type & ~close_on_exec, protocol);
    if (!made) {
        release(thread, static_cast<Word>(number));
        // Without a network session there is no address family at all.
        return made.error() == ipc::from_kernel(abi::Error::InvalidCapability) || made.error() == ipc::from_kernel(abi::Error::FailedLookup)
                   ? refuse(Error::AddressFamilyNotSupported)
                   : refuse(made.error());
    }
    install(thread, static_cast<Word>(number), proto::FileKind::Socket, (type & close_on_exec) != 0);
    return number;
}

Long send(ThreadArea& thread, Word descriptor, Word address, Word length, Word flags, Word to, Word to_bytes) {
    if (Long const error = check_socket(thread, descriptor); error < 0) {
        return error;
    }
    if (to != 0 && to_bytes != 0) {
        return request(thread, descriptor, operation_sendto, flags, to, to_bytes, 0, 0) < 0 ? refuse(Error::NotSupported)
                                                                                            : write_bytes(thread, descriptor, address, length);
    }
    return write_bytes(thread, descriptor, address, length, nullptr, (flags & message_flag::no_signal) != 0);
}
Long receive(ThreadArea& thread, Word descriptor, Word address, Word length, Word flags, Word from_length) {
    if (Long const error = check_socket(thread, descriptor); error < 0) {
        return error;
    }
    if ((flags & message_flag::dont_wait) != 0) {
        constexpr Word readable = 1 | 8 | 16;
        if (auto const ready = ipc::call<File::Poll>(file(descriptor), readable); ready && *ready == 0) {
            return refuse(Error::Again);
        }
    }
    Long const got = read_bytes(thread, descriptor, address, length);
    if (got >= 0 && from_length != 0 && !put(from_length, Word{0})) {
        return fault;
    }
    return got;
}

struct MessageHeader { Word name, name_bytes, vectors, vector_count, control, control_bytes, flags; };
struct Vector { Word address, length; };
Long message(ThreadArea& thread, Word descriptor, Word header_address, Word flags, bool sending) {
    MessageHeader header;
    if (Long const error = check_socket(thread, descriptor); error < 0) {
        return error;
    }
    if (!fetch(header_address, header)) {
        return fault;
    }
    if (sending && header.control_bytes != 0) {
        return refuse(Error::NotSupported); // no descriptors in messages yet
    }
    if (header.vector_count > 1024) {
        return refuse(static_cast<Error>(90)); // EMSGSIZE
    }
    Word done = 0;
    for (Word i = 0; i < header.vector_count; ++i) {
        Vector vector;
        if (!fetch(header.vectors + i * sizeof vector, vector)) {
            return done != 0 ? static_cast<Long>(done) : fault;
        }
        if (vector.length == 0) {
            continue;
        }
        Long const part = sending ? send(thread, descriptor, vector.address, vector.length, flags, 0, 0)
                                  : receive(thread, descriptor, vector.address, vector.length, flags, 0);
        if (part < 0) {
            return done != 0 ? static_cast<Long>(done) : part;
        }
        done += static_cast<Word>(part);
        if (static_cast<Word>(part) < vector.length) {
            break;
        }
    }
    if (!sending) {
        header.name_bytes = header.control_bytes = header.flags = 0;
        if (!put(header_address, header)) {
            return fault;
        }
    }
    return static_cast<Long>(done);
}

Long accept(ThreadArea& thread, Word descriptor, Word flags) {
    if (Long const error = check_socket(thread, descriptor); error < 0) {
        return error;
    }
    Long const number = reserve(thread);
    if (number < 0) {
        return number;
    }
    // A listening socket reopened is the next connection.
    ipc::Result<std::tuple<ipc::Cap<File>, Word>> accepted;
    {
        Interruptible const waiting{thread};
        accepted = ipc::call_into<File::Reopen>(slot_of(static_cast<Word>(number)), file(descriptor), flags & ~close_on_exec);
    }
    if (!accepted) {
        release(thread, static_cast<Word>(number));
        return accepted.error() == Error::NotImplemented ? refuse(Error::NotSupported) : refuse(accepted.error());
    }
    install(thread, static_cast<Word>(number), proto::FileKind::Socket, (flags & close_on_exec) != 0);
    return number;
}

/// getsockname, getpeername, getsockopt: the buffer's length is at another address.
Long request_sized(ThreadArea& thread, Word descriptor, Word operation, Word argument, Word out, Word length_address) {
    Word length;
    if (Long const error = check_socket(thread, descriptor); error < 0) {
        return error;
    }
    if (!fetch(length_address, length)) {
        return fault;
    }
    if (static_cast<Long>(length) < 0) {
        return invalid;
    }
    Long const result = request(thread, descriptor, operation, argument, 0, 0, out, length);
    if (result < 0) {
        return result;
    }
    return put(length_address, static_cast<Word>(result)) ? 0 : fault;
}
Long option_argument(Word level, Word option) { return static_cast<Long>(level << 16 | (option & 0xffff)); }

Long socket_operation(ThreadArea& thread, Word operation, Arguments const& arguments) {
    auto const& a = arguments.a;
    switch (operation) {
    case operation_socket: return open_socket(thread, a[0], a[1], a[2]);
    case operation_bind: case operation_connect:
        return a[2] > 128 ? invalid : request(thread, a[0], operation, 0, a[1], a[2], 0, 0);
    case operation_listen: case operation_shutdown: return request(thread, a[0], operation, a[1], 0, 0, 0, 0);
    case operation_accept: return accept(thread, a[0], 0);
    case operation_accept4: return accept(thread, a[0], a[3]);
    case operation_getsockname: case operation_getpeername: return request_sized(thread, a[0], operation, 0, a[1], a[2]);
    case operation_socketpair: return socket_pair(thread, a[0], a[1], a[2], a[3]);
    case operation_send: return send(thread, a[0], a[1], a[2], a[3], 0, 0);
    case operation_sendto: return send(thread, a[0], a[1], a[2], a[3], a[4], a[5]);
    case operation_recv: return receive(thread, a[0], a[1], a[2], a[3], 0);
    case operation_recvfrom: return receive(thread, a[0], a[1], a[2], a[3], a[4] != 0 ? a[5] : 0);
    case operation_setsockopt:
        return a[4] > 4096 ? invalid : request(thread, a[0], operation, static_cast<Word>(option_argument(a[1], a[2])), a[3], a[4], 0, 0);
    case operation_getsockopt: return request_sized(thread, a[0], operation, static_cast<Word>(option_argument(a[1], a[2])), a[3], a[4]);
    case operation_sendmsg: return message(thread, a[0], a[1], a[2], true);
    case operation_recvmsg: return message(thread, a[0], a[1], a[2], false);
    default: return invalid;
    }
}
Long direct(ThreadArea& thread, Word operation) {
    auto const& f = thread.frame;
    return socket_operation(thread, operation, {{f.ebx, f.ecx, f.edx, f.esi, f.edi, f.ebp}});
}
} // namespace

Long sys_socketcall(ThreadArea& thread) {
    static constexpr std::uint8_t argument_count[] = {0, 3, 3, 3, 2, 3, 3, 3, 4, 4, 4, 6, 6, 2, 5, 5, 3, 3, 4};
    Word const operation = argument1(thread);
    Arguments arguments{};
    if (operation < 1 || operation >= sizeof argument_count) {
        return invalid;
    }
    return fetch_bytes(arguments.a, argument2(thread), argument_count[operation] * 4U) ? socket_operation(thread, operation, arguments) : fault;
}
Long sys_socket(ThreadArea& thread) { return direct(thread, operation_socket); }
Long sys_socketpair(ThreadArea& thread) { return direct(thread, operation_socketpair); }
Long sys_bind(ThreadArea& thread) { return direct(thread, operation_bind); }
Long sys_connect(ThreadArea& thread) { return direct(thread, operation_connect); }
Long sys_listen(ThreadArea& thread) { return direct(thread, operation_listen); }
Long sys_accept4(ThreadArea& thread) { return direct(thread, operation_accept4); }
Long sys_getsockopt(ThreadArea& thread) { return direct(thread, operation_getsockopt); }
Long sys_setsockopt(ThreadArea& thread) { return direct(thread, operation_setsockopt); }
Long sys_getsockname(ThreadArea& thread) { return direct(thread, operation_getsockname); }
Long sys_getpeername(ThreadArea& thread) { return direct(thread, operation_getpeername); }
Long sys_sendto(ThreadArea& thread) { return direct(thread, operation_sendto); }
Long sys_sendmsg(ThreadArea& thread) { return direct(thread, operation_sendmsg); }
Long sys_recvfrom(ThreadArea& thread) { return direct(thread, operation_recvfrom); }
Long sys_recvmsg(ThreadArea& thread) { return direct(thread, operation_recvmsg); }
Long sys_shutdown(ThreadArea& thread) { return direct(thread, operation_shutdown); }

} // namespace vdso
