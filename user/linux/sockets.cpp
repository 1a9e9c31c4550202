// Sockets, also by way of socketcall(2), which is how glibc asks.
//
// A socket is a file of its network stack, or of netns (netlink), or of vfs (AF_UNIX: local_sockets.cpp). Sending and receiving
// without address and flags is write and read; the rest is protocol Socket.
#include "sockets.hpp"
#include "calls.hpp"
#include "descriptors.hpp"
#include "local_sockets.hpp"
#include "proto/network.hpp"
#include "sessions.hpp"
#include "transfer.hpp"
#include "walk.hpp"

namespace vdso {

using proto::File;
namespace message_flag = proto::message_flag;

namespace {

inline constexpr Word close_on_exec = 0x80000;
struct Arguments {
    Word a[6];
};
inline constexpr Word address_maximum = 128;

constexpr Long not_a_socket = -static_cast<Long>(Error::NotSocket);
ipc::Cap<proto::Socket> socket(Word descriptor) { return file(descriptor).as<proto::Socket>(); }

Long check_socket(ThreadArea& thread, Word descriptor) {
    Descriptor const* const open = find(thread, descriptor);
    if (open == nullptr) { return bad_descriptor; }
    return open->kind == static_cast<std::uint8_t>(proto::FileKind::Socket) || is_local_socket(*open) ? 0
                                                                                                      : not_a_socket;
}
bool is_local(ThreadArea& thread, Word descriptor) { return is_local_socket(*find(thread, descriptor)); }
/// What a server that does not speak the protocol means.
Long refuse_socket(Error error) { return refuse(error == Error::NotImplemented ? Error::NotSupported : error); }
template <class T>
Long finish_socket(ipc::Result<T> const& result) {
    return result ? finish(result) : refuse_socket(result.error());
}

/// The program's address of that length. Negative: an errno.
Long fetch_address(Word address, Word bytes, proto::SocketAddress& target) {
    if (bytes > address_maximum) { return invalid; }
    target.length = static_cast<std::uint16_t>(bytes);
    return fetch_bytes(target.data, address, bytes) ? 0 : fault;
}
/// To `address`, as much as the length at length_address allows; that becomes the whole length.
Long put_address(proto::SocketAddress const& source, Word address, Word length_address) {
    Word room;
    if (address == 0 || length_address == 0) { return 0; }
    if (!fetch(length_address, room)) { return fault; }
    if (static_cast<Long>(room) < 0) { return invalid; }
    Word const whole = source.length;
    return put_bytes(address, source.data, std::min(room, whole)) && put(length_address, whole) ? 0 : fault;
}

Long open_socket(ThreadArea& thread, Word domain, Word type, Word protocol) {
    if (domain == unix_domain) { return open_local_socket(thread, type, protocol); }
    Long const number = reserve(thread);
    if (number < 0) { return number; }
    ipc::Cap<proto::Network> const network{linux_process::slot::network};
    auto const made = session_call_into<proto::Network::Socket>(thread, proto::NamespaceKind::Network,
                                                                slot_of(static_cast<Word>(number)), network, domain,
                                                                type & ~close_on_exec, protocol);
    if (!made) {
        release(thread, static_cast<Word>(number));
        // Without a network session there is no address family at all.
        return made.error() == ipc::from_kernel(abi::Error::InvalidCapability) ||
                       made.error() == ipc::from_kernel(abi::Error::FailedLookup)
                   ? refuse(Error::AddressFamilyNotSupported)
                   : refuse(made.error());
    }
    install(thread, static_cast<Word>(number), proto::FileKind::Socket, (type & close_on_exec) != 0);
    return number;
}

/// One Send; what a missing page of the buffer kept back is asked for again.
[[gnu::noinline]] Long send_once(ThreadArea& thread, Word descriptor, Word address, Word length, Word flags,
                                 proto::SocketAddress const& to) {
    for (Word done = 0;;) {
        ipc::Result<proto::Transfer> sent;
        {
            Interruptible const waiting{thread};
            sent = ipc::call<proto::Socket::Send>(socket(descriptor), flags, to,
                                                  ipc::ReadBuffer{pointer<void>(address + done), length - done});
        }
        if (!sent) {
            if (sent.error() == Error::Elsewhere) { return move_device(thread, descriptor, address, length, flags); }
            if (done != 0) { return static_cast<Long>(done); }
            if (sent.error() == Error::BrokenPipe && (flags & message_flag::no_signal) == 0) {
                raise(thread, 13); // SIGPIPE
            }
            return refuse(sent.error());
        }
        done += sent->count;
        if (sent->fault == 0 || (done >= length && length != 0)) { return static_cast<Long>(done); }
        if (!touch(thread, sent->fault, address + length, false)) {
            return done != 0 ? static_cast<Long>(done) : fault;
        }
    }
}

Long send(ThreadArea& thread, Word descriptor, Word address, Word length, Word flags, Word to, Word to_bytes) {
    if (Long const error = check_socket(thread, descriptor); error < 0) { return error; }
    proto::SocketAddress target;
    if (to != 0) {
        if (Long const error = fetch_address(to, to_bytes, target); error < 0) { return error; }
    }
    if (target.length == 0 && (flags & ~message_flag::no_signal) == 0 && length != 0) {
        return write_bytes(thread, descriptor, address, length, nullptr, (flags & message_flag::no_signal) != 0);
    }
    if (is_local(thread, descriptor)) { return send_shown(thread, descriptor, {address, length, flags}, {}, target); }
    return send_once(thread, descriptor, address, length, flags, target);
}

/// One Receive. `from` is filled in if there is one.
[[gnu::noinline]] Long receive_once(ThreadArea& thread, Word descriptor, Word address, Word length, Word flags,
                                    proto::SocketAddress& from, Word& told) {
    for (;;) {
        ipc::Result<std::tuple<proto::ReceivedDatagram, proto::SocketAddress>> received;
        {
            Interruptible const waiting{thread};
            received = ipc::call<proto::Socket::Receive>(socket(descriptor), flags,
                                                         ipc::WriteBuffer{pointer<void>(address), length});
        }
        if (!received) { return refuse(received.error()); }
        auto const& message = std::get<0>(*received);
        if (message.transfer.count == 0 && message.transfer.fault != 0) {
            if (!touch(thread, message.transfer.fault, address + length, true)) { return fault; }
            continue;
        }
        from = std::get<1>(*received);
        told = message.flags;
        constexpr Word whole_length = message_flag::truncate;
        return static_cast<Long>((flags & whole_length) != 0 ? message.length : message.transfer.count);
    }
}

Long receive(ThreadArea& thread, Word descriptor, Word address, Word length, Word flags, Word from, Word from_length) {
    if (Long const error = check_socket(thread, descriptor); error < 0) { return error; }
    if (from == 0 && flags == 0) { return read_bytes(thread, descriptor, address, length); }
    proto::SocketAddress source;
    Word told = 0;
    Long const got = receive_once(thread, descriptor, address, length, flags, source, told);
    if (got >= 0) {
        if (Long const error = put_address(source, from, from_length); error < 0) { return error; }
    }
    return got;
}

/// All vectors of one message. Datagrams stay whole: all parts but the last say that more follows.
Long message(ThreadArea& thread, Word descriptor, Word header_address, Word flags, bool sending) {
    MessageHeader header;
    if (Long const error = check_socket(thread, descriptor); error < 0) { return error; }
    if (!fetch(header_address, header)) { return fault; }
    if (header.vector_count > 1024) { return refuse(Error::MessageTooLong); }
    proto::SocketAddress name;
    name.length = 0;
    if (sending && header.name != 0) {
        if (Long const error = fetch_address(header.name, header.name_bytes, name); error < 0) { return error; }
    }
    if (is_local(thread, descriptor)) {
        return sending ? send_local_message(thread, descriptor, header, flags, name)
                       : receive_local_message(thread, descriptor, header_address, header, flags);
    }
    Word done = 0, told = 0;
    if (!sending && header.control != 0 && header.control_bytes != 0) { flags |= message_flag::control; }
    for (Word i = 0; i < header.vector_count || i == 0; ++i) {
        Vector vector{};
        if (header.vector_count != 0 && !fetch(header.vectors + i * sizeof vector, vector)) {
            return done != 0 ? static_cast<Long>(done) : fault;
        }
        bool const last = i + 1 >= header.vector_count;
        Long part;
        if (sending) {
            part = send_once(thread, descriptor, vector.address, vector.length, flags | (last ? 0 : message_flag::more),
                             name);
        } else {
            part = receive_once(thread, descriptor, vector.address, vector.length,
                                flags | (last ? 0 : message_flag::rest_follows), name, told);
        }
        if (part < 0) { return done != 0 ? static_cast<Long>(done) : part; }
        done += static_cast<Word>(part);
        if (static_cast<Word>(part) < vector.length) {
            if (!sending && !last) { // the datagram's end: let it go
                Word ignored = 0;
                static_cast<void>(receive_once(thread, descriptor, vector.address, 0, flags | message_flag::dont_wait,
                                               name, ignored));
            }
            break;
        }
    }
    if (!sending) {
        constexpr Word control_cut = 8; // MSG_CTRUNC
        Word const whole = std::min<Word>(told >> message_flag::control_shift, name.length);
        Word const control = std::min(whole, header.control_bytes);
        told = (told & ((1U << message_flag::control_shift) - 1)) | (control < whole ? control_cut : 0);
        name.length = static_cast<std::uint16_t>(name.length - whole);
        if (control != 0 && !put_bytes(header.control, name.data + name.length, control)) { return fault; }
        if (header.name != 0) {
            if (!put_bytes(header.name, name.data, std::min<Word>(name.length, header.name_bytes))) { return fault; }
        }
        header.name_bytes = header.name != 0 ? name.length : 0;
        header.control_bytes = control;
        header.flags = told;
        if (!put(header_address, header)) { return fault; }
    }
    return static_cast<Long>(done);
}

Long accept(ThreadArea& thread, Word descriptor, Word address, Word length_address, Word flags) {
    if (Long const error = check_socket(thread, descriptor); error < 0) { return error; }
    if ((flags & ~(close_on_exec | 0x800U)) != 0) { return invalid; }
    Long const number = reserve(thread);
    if (number < 0) { return number; }
    ipc::Result<std::tuple<ipc::Cap<File>, proto::SocketAddress>> accepted;
    // A stack that dies is followed by one with the same listening sockets: the program is not to notice.
    for (int tries = 0; tries < 8 && (tries == 0 || (!accepted && accepted.error() == Error::ServerDied)); ++tries) {
        Interruptible const waiting{thread};
        accepted = ipc::call_into<proto::Socket::Accept>(slot_of(static_cast<Word>(number)), socket(descriptor),
                                                         flags & ~close_on_exec);
    }
    if (!accepted) {
        release(thread, static_cast<Word>(number));
        return refuse_socket(accepted.error());
    }
    install(thread, static_cast<Word>(number), static_cast<proto::FileKind>(find(thread, descriptor)->kind),
            (flags & close_on_exec) != 0);
    if (Long const error = put_address(std::get<1>(*accepted), address, length_address); error < 0) {
        static_cast<void>(close_descriptor(thread, static_cast<Word>(number)));
        return error;
    }
    return number;
}

Long with_address(ThreadArea& thread, Word descriptor, Word address, Word bytes, bool connects) {
    proto::SocketAddress name;
    if (Long const error = check_socket(thread, descriptor); error < 0) { return error; }
    if (Long const error = fetch_address(address, bytes, name); error < 0) { return error; }
    if (is_local(thread, descriptor)) { return name_local(thread, descriptor, name, connects); }
    if (!connects) { return finish_socket(ipc::call<proto::Socket::Bind>(socket(descriptor), name)); }
    Interruptible const waiting{thread};
    return finish_socket(ipc::call<proto::Socket::Connect>(socket(descriptor), name));
}

Long name_of(ThreadArea& thread, Word descriptor, Word address, Word length_address, bool peer) {
    if (Long const error = check_socket(thread, descriptor); error < 0) { return error; }
    auto const name = ipc::call<proto::Socket::Name>(socket(descriptor), peer ? 1U : 0U);
    return name ? put_address(*name, address, length_address) : refuse_socket(name.error());
}

Long set_option(ThreadArea& thread, Arguments const& arguments) {
    auto const& a = arguments.a;
    proto::SocketOption value;
    if (Long const error = check_socket(thread, a[0]); error < 0) { return error; }
    value.length = static_cast<std::uint16_t>(std::min<Word>(a[4], sizeof value.data));
    if (!fetch_bytes(value.data, a[3], value.length)) { return fault; }
    return finish_socket(ipc::call<proto::Socket::SetOption>(socket(a[0]), a[1], a[2], value));
}

Long get_option(ThreadArea& thread, Arguments const& arguments) {
    auto const& a = arguments.a;
    Word room;
    if (Long const error = check_socket(thread, a[0]); error < 0) { return error; }
    if (!fetch(a[4], room)) { return fault; }
    if (static_cast<Long>(room) < 0) { return invalid; }
    auto const value = ipc::call<proto::Socket::GetOption>(socket(a[0]), a[1], a[2]);
    if (!value) { return refuse_socket(value.error()); }
    Word const bytes = std::min<Word>(room, value->length);
    return put_bytes(a[3], value->data, bytes) && put(a[4], bytes) ? 0 : fault;
}

/// sendmmsg(2), recvmmsg(2): one after the other, waiting for the first only with MSG_WAITFORONE. A time-out is looked at between messages,
/// as Linux does; one that ends there gives what there is.
struct Several {
    Word descriptor, records, count, flags, time;
};
Long several(ThreadArea& thread, Several const& asked, bool sending) {
    constexpr Word wait_for_one = 0x10000, record_bytes = sizeof(MessageHeader) + 4, record_maximum = 1024;
    Word const count = std::min(asked.count, record_maximum);
    Word flags = asked.flags & ~wait_for_one, done = 0;
    for (; done < count; ++done) {
        Word const record = asked.records + done * record_bytes;
        Long const part = message(thread, asked.descriptor, record, flags, sending);
        if (part < 0 || !put(record + static_cast<Word>(sizeof(MessageHeader)), part)) {
            return done != 0 ? static_cast<Long>(done) : part < 0 ? part : fault;
        }
        if (!sending && ((asked.flags & wait_for_one) != 0 || asked.time != 0)) { flags |= message_flag::dont_wait; }
    }
    return static_cast<Long>(done);
}

Long socket_operation(ThreadArea& thread, Word operation, Arguments const& arguments) {
    auto const& a = arguments.a;
    switch (operation) {
    case operation_socket: return open_socket(thread, a[0], a[1], a[2]);
    case operation_bind: return with_address(thread, a[0], a[1], a[2], false);
    case operation_connect: return with_address(thread, a[0], a[1], a[2], true);
    case operation_listen: {
        Long const error = check_socket(thread, a[0]);
        if (error == 0 && is_local(thread, a[0])) {
            return finish(ipc::call<LocalSockets::Listen>(local_sockets, file(a[0]), a[1]));
        }
        return error < 0 ? error : finish_socket(ipc::call<proto::Socket::Listen>(socket(a[0]), a[1]));
    }
    case operation_shutdown: {
        Long const error = check_socket(thread, a[0]);
        return error < 0 ? error : finish_socket(ipc::call<proto::Socket::Shutdown>(socket(a[0]), a[1]));
    }
    case operation_accept: return accept(thread, a[0], a[1], a[2], 0);
    case operation_accept4: return accept(thread, a[0], a[1], a[2], a[3]);
    case operation_getsockname: return name_of(thread, a[0], a[1], a[2], false);
    case operation_getpeername: return name_of(thread, a[0], a[1], a[2], true);
    case operation_socketpair: return socket_pair(thread, a[0], a[1], a[2], a[3]);
    case operation_send: return send(thread, a[0], a[1], a[2], a[3], 0, 0);
    case operation_sendto: return send(thread, a[0], a[1], a[2], a[3], a[4], a[5]);
    case operation_recv: return receive(thread, a[0], a[1], a[2], a[3], 0, 0);
    case operation_recvfrom: return receive(thread, a[0], a[1], a[2], a[3], a[4], a[5]);
    case operation_setsockopt: return set_option(thread, arguments);
    case operation_getsockopt: return get_option(thread, arguments);
    case operation_sendmsg: return message(thread, a[0], a[1], a[2], true);
    case operation_recvmsg: return message(thread, a[0], a[1], a[2], false);
    case operation_recvmmsg: return several(thread, {a[0], a[1], a[2], a[3], a[4]}, false);
    case operation_sendmmsg: return several(thread, {a[0], a[1], a[2], a[3], 0}, true);
    default: return invalid;
    }
}
Long direct(ThreadArea& thread, Word operation) {
    auto const& f = thread.frame;
    return socket_operation(thread, operation, {{f.ebx, f.ecx, f.edx, f.esi, f.edi, f.ebp}});
}
} // namespace

Long sys_socketcall(ThreadArea& thread) {
    static constexpr std::uint8_t argument_count[] = {0, 3, 3, 3, 2, 3, 3, 3, 4, 4, 4, 6, 6, 2, 5, 5, 3, 3, 4, 5, 4};
    Word const operation = argument1(thread);
    Arguments arguments{};
    if (operation < 1 || operation >= sizeof argument_count) { return invalid; }
    return fetch_bytes(arguments.a, argument2(thread), argument_count[operation] * 4U)
               ? socket_operation(thread, operation, arguments)
               : fault;
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
Long sys_recvmmsg(ThreadArea& thread) { return direct(thread, operation_recvmmsg); }
Long sys_sendmmsg(ThreadArea& thread) { return direct(thread, operation_sendmmsg); }
Long sys_recvfrom(ThreadArea& thread) { return direct(thread, operation_recvfrom); }
Long sys_recvmsg(ThreadArea& thread) { return direct(thread, operation_recvmsg); }
Long sys_shutdown(ThreadArea& thread) { return direct(thread, operation_shutdown); }

} // namespace vdso
