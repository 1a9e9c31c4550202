// What sockets share with network devices, and with signals: moving a device to another namespace, ioctl(2) requests with pointers inside,
// calls with a time-out.
#pragma once
#include "vdso.hpp"

namespace vdso {

/// Number of the call within socketcall(2).
enum SocketOperation : Word {
    operation_socket = 1,
    operation_bind,
    operation_connect,
    operation_listen,
    operation_accept,
    operation_getsockname,
    operation_getpeername,
    operation_socketpair,
    operation_send,
    operation_recv,
    operation_sendto,
    operation_recvfrom,
    operation_shutdown,
    operation_setsockopt,
    operation_getsockopt,
    operation_sendmsg,
    operation_recvmsg,
    operation_accept4,
    operation_recvmmsg,
    operation_sendmmsg,
};

/// After a Send on a netlink socket was answered Elsewhere: the last reply names a device and where it shall go (proto/socket.hpp, moved).
/// Finds that namespace among the caller's own descriptors and processes, moves the device, and sends the message again.
Long move_device(ThreadArea& thread, Word descriptor, Word address, Word length, Word flags);

/// A request of netdevice(7): the socket's owner answers; for an AF_UNIX socket, whose owner knows of no devices, the namespace of the
/// caller does.
ipc::Result<Word> device_request(ThreadArea& thread, Word descriptor, Word request, Word argument, ipc::ReadBuffer in,
                                 ipc::WriteBuffer out);

/// ioctl(2) on a socket whose argument points on: SIOCGIFCONF, SIOCADDRT, SIOCDELRT. False: it is none of them.
bool pointed_request(ThreadArea& thread, Word descriptor, Word request, Word argument, Long& result);

/// The call that `handler` is about, in the frame, is one on a socket that has SO_RCVTIMEO or SO_SNDTIMEO for it: it is not begun again after a
/// signal's handler, whatever SA_RESTART says (signal(7)).
bool has_socket_time(ThreadArea& thread, Handler handler);

} // namespace vdso
