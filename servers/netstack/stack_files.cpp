// Protocol File on sockets, but for reading and writing: what is there, who polls, ioctl(2), status flags.
#include "stack_server.hpp"
#include "tcp_socket.hpp"
#include <charconv>

namespace netstack {

using proto::File;

namespace {
constexpr std::uint32_t gone_events = poll_event::error | poll_event::hang_up | poll_event::in |
                                      poll_event::read_normal | poll_event::out | poll_event::write_normal |
                                      poll_event::read_hang_up;
constexpr std::uint32_t ioctl_bytes_readable = 0x541b, ioctl_non_blocking = 0x5421, ioctl_bytes_unsent = 0x5411;
constexpr std::uint32_t first_network_request = 0x8900, last_network_request = 0x89ff;
} // namespace

Result<proto::FileStatus> StackServer::on(File::Stat, ipc::Sender& sender) {
    auto* const socket = find(sender.badge);
    if (socket == nullptr) { return fail(gone); }
    constexpr std::uint32_t socket_mode = 0140777;
    proto::FileStatus status{};
    status.inode = socket->inode;
    status.device_minor = 8;
    status.mode = socket_mode;
    status.links = 1;
    status.block_size = 4096;
    return status;
}
Result<std::uint32_t> StackServer::on(File::Poll, ipc::Sender& sender, std::uint32_t events) {
    if (auto const* const set = event_set(sender.badge)) { return set->poll(events); }
    auto* const socket = find(sender.badge);
    if (socket == nullptr) { return gone_events & (events | poll_event::error | poll_event::hang_up); }
    return socket->events() & (events | poll_event::error | poll_event::hang_up);
}
Result<std::uint32_t> StackServer::on(File::PollArm, ipc::Sender& sender, std::uint32_t events, std::uint32_t token,
                                      ipc::Cap<ipc::Notification> notification) {
    if (auto* const set = event_set(sender.badge)) { return set->arm(events, token, notification); }
    auto* const socket = find(sender.badge);
    if (socket == nullptr) {
        ipc::release_slot(notification.slot);
        return gone_events & (events | poll_event::error | poll_event::hang_up);
    }
    return socket->poll_arm(events, token, notification);
}
Result<ipc::Unit> StackServer::on(File::PollDisarm, ipc::Sender& sender, std::uint32_t token) {
    if (auto* const set = event_set(sender.badge)) { set->disarm(token); }
    if (auto* const socket = find(sender.badge)) { socket->poll_disarm(token); }
    return ipc::Unit{};
}
Result<std::uint32_t> StackServer::on(File::Ioctl, ipc::Sender& sender, std::uint32_t request, std::uint32_t,
                                      ipc::ReadBuffer, ipc::WriteBuffer) {
    auto* const socket = find(sender.badge);
    if (socket == nullptr) { return fail(gone); }
    if (request >= first_network_request && request <= last_network_request) {
        // About devices, addresses and routes: those are netns's. It answers the caller itself.
        std::uint32_t const asker = (socket->opener & proto::stack::opener_is_admin) |
                                    (socket->family() == family_internet6 ? proto::stack::socket_is_six : 0);
        auto const forwarded =
            sender.forward<proto::Network::Configure>(ipc::Cap<proto::Network>{proto::stack::network_slot}, request,
                                                      asker, ipc::ReadBuffer{}, ipc::WriteBuffer{});
        return fail(forwarded ? Error::Deferred : Error::InputOutput);
    }
    if (request == ioctl_non_blocking) {
        std::uint32_t on = 0;
        if (sender.copy_in(0, std::as_writable_bytes(std::span{&on, 1})).count < sizeof on) {
            return fail(Error::Fault);
        }
        socket->file_flags =
            on != 0 ? socket->file_flags | open_flag::nonblock : socket->file_flags & ~open_flag::nonblock;
        return 0;
    }
    if (request == ioctl_bytes_readable || request == ioctl_bytes_unsent) {
        auto const* const stream =
            socket->type() == SocketType::Stream ? static_cast<TcpSocket const*>(socket) : nullptr;
        std::uint32_t const bytes = stream != nullptr && request == ioctl_bytes_readable ? stream->available() : 0;
        if (sender.copy_out(0, std::as_bytes(std::span{&bytes, 1})).count < sizeof bytes) { return fail(Error::Fault); }
        return 0;
    }
    return fail(Error::NotTerminal);
}
Result<std::uint32_t> StackServer::on(File::GetFlags, ipc::Sender& sender) {
    auto* const socket = find(sender.badge);
    if (socket == nullptr) { return fail(gone); }
    return socket->file_flags;
}
Result<ipc::Unit> StackServer::on(File::SetFlags, ipc::Sender& sender, std::uint32_t flags) {
    auto* const socket = find(sender.badge);
    if (socket == nullptr) { return fail(gone); }
    socket->file_flags = (socket->file_flags & ~open_flag::nonblock) | (flags & open_flag::nonblock);
    return ipc::Unit{};
}
Result<std::uint32_t> StackServer::on(File::Name, ipc::Sender& sender, ipc::WriteBuffer) {
    auto* const socket = find(sender.badge);
    if (socket == nullptr) { return fail(gone); }
    std::string text = "socket:[";
    char digits[12];
    text.append(digits, std::to_chars(digits, digits + sizeof digits, socket->inode).ptr);
    text += ']';
    return static_cast<std::uint32_t>(sender.copy_out(0, std::as_bytes(std::span{text})).count);
}

} // namespace netstack
