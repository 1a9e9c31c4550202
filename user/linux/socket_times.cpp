#include "calls.hpp"
#include "descriptors.hpp"
#include "proto/socket_time.hpp"
#include "sockets.hpp"
#include <algorithm>

namespace vdso {

bool has_socket_time(ThreadArea& thread, Handler handler) {
    static constexpr Handler receiving[] = {sys_read, sys_readv, sys_recvfrom, sys_recvmsg, sys_recvmmsg, sys_accept4},
                             sending[] = {sys_write, sys_writev, sys_sendto, sys_sendmsg, sys_sendmmsg, sys_connect};
    constexpr Word receiving_operations = 1U << operation_accept | 1U << operation_recv | 1U << operation_recvfrom |
                                          1U << operation_recvmsg | 1U << operation_accept4 | 1U << operation_recvmmsg,
                   sending_operations = 1U << operation_connect | 1U << operation_send | 1U << operation_sendto |
                                        1U << operation_sendmsg | 1U << operation_sendmmsg;
    auto const among = [&](auto const& calls) {
        return std::find(std::begin(calls), std::end(calls), handler) != std::end(calls);
    };
    Word descriptor = argument1(thread);
    bool receives = among(receiving), sends = among(sending);
    if (handler == sys_socketcall) {
        Word const operation = 1U << (argument1(thread) & 31);
        receives = (operation & receiving_operations) != 0;
        sends = (operation & sending_operations) != 0;
        if (!fetch(argument2(thread), descriptor)) { return false; }
    }
    Descriptor const* const open = receives || sends ? find(thread, descriptor) : nullptr;
    if (open == nullptr || (open->kind != static_cast<std::uint8_t>(proto::FileKind::Socket) &&
                            open->kind != static_cast<std::uint8_t>(proto::FileKind::LocalSocket))) {
        return false;
    }
    constexpr Word socket_level = 1;
    proto::SocketTimes none;
    auto const option = receives ? proto::SocketTimes::receive_old : proto::SocketTimes::send_old;
    auto const unlimited = none.get(option);
    auto const value = ipc::call<proto::Socket::GetOption>(file(descriptor).as<proto::Socket>(), socket_level, option);
    return value && std::memcmp(value->data, unlimited.data, unlimited.length) != 0;
}

} // namespace vdso
