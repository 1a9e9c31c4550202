// What sockets and network devices share: moving a device to another namespace, ioctl(2) requests with pointers inside.
#pragma once
#include "vdso.hpp"

namespace vdso {

/// After a Send on a netlink socket was answered Elsewhere: the last reply names a device and where it shall go (proto/socket.hpp, moved).
/// Finds that namespace among the caller's own descriptors and processes, moves the device, and sends the message again.
Long move_device(ThreadArea& thread, Word descriptor, Word address, Word length, Word flags);

/// A request of netdevice(7): the socket's owner answers; for an AF_UNIX socket, whose owner knows of no devices, the namespace of the
/// caller does.
ipc::Result<Word> device_request(ThreadArea& thread, Word descriptor, Word request, Word argument, ipc::ReadBuffer in,
                                 ipc::WriteBuffer out);

/// ioctl(2) on a socket whose argument points on: SIOCGIFCONF, SIOCADDRT, SIOCDELRT. False: it is none of them.
bool pointed_request(ThreadArea& thread, Word descriptor, Word request, Word argument, Long& result);

} // namespace vdso
