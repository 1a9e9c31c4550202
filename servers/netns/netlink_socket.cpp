#include "netlink_socket.hpp"
#include <algorithm>

namespace netns {

namespace {
proto::SocketAddress kernel_address() {
    struct {
        std::uint16_t family, padding;
        std::uint32_t port, groups;
    } const address{16, 0, 0, 0};
    proto::SocketAddress result;
    result.length = sizeof address;
    std::memcpy(result.data, &address, sizeof address);
    return result;
}
} // namespace

NetlinkSocket::~NetlinkSocket() {
    for (auto const& waiting : waiting_) { ipc::discard(waiting.caller); }
    for (auto const& arming : armings_) { ipc::release_slot(arming.waker.slot); }
}

Result<NetlinkSocket::Received> NetlinkSocket::receive(ipc::Pending const& caller, std::uint32_t flags) {
    if (queue_.empty()) { return fail(Error::Again); }
    auto const& message = queue_.front();
    proto::ReceivedDatagram result{};
    result.length = static_cast<std::uint32_t>(message.size());
    auto const rest = std::span{message}.subspan(std::min(read_offset_, message.size()));
    auto const part = rest.first(std::min<std::size_t>(rest.size(), caller.write_length));
    auto const copied = ipc::copy_out(caller, 0, part);
    if (copied.count < part.size()) {
        result.transfer = {0, copied.caller_fault};
        return Received{result, kernel_address()};
    }
    result.transfer.count = static_cast<std::uint32_t>(part.size());
    if ((flags & proto::message_flag::rest_follows) != 0) {
        read_offset_ += part.size();
        return Received{result, kernel_address()};
    }
    if (part.size() < rest.size()) { result.flags = proto::message_flag::truncate; }
    read_offset_ = 0;
    if ((flags & proto::message_flag::peek) == 0) {
        queued_ -= message.size();
        queue_.pop_front();
    }
    return Received{result, kernel_address()};
}

void NetlinkSocket::deliver(std::vector<std::byte> message) {
    if (queued_ + message.size() > queue_maximum) { return; }
    queued_ += message.size();
    queue_.push_back(std::move(message));
    while (!waiting_.empty() && !queue_.empty()) {
        auto const waiting = waiting_.front();
        waiting_.erase(waiting_.begin());
        if (!ipc::pending(waiting.caller)) {
            ipc::discard(waiting.caller);
            continue;
        }
        auto const received = receive(waiting.caller, waiting.flags);
        if (waiting.read) {
            ipc::reply<proto::File::Read>(waiting.caller, std::get<0>(*received).transfer);
        } else {
            ipc::reply<proto::Socket::Receive>(waiting.caller, received);
        }
    }
    auto const now = events();
    happened(now & 0x41);
    std::erase_if(armings_, [&](Arming const& arming) {
        if ((arming.events & now) == 0) { return false; }
        ipc::signal(arming.waker);
        ipc::release_slot(arming.waker.slot);
        return true;
    });
}

std::uint32_t NetlinkSocket::poll_arm(std::uint32_t wanted, std::uint32_t token, ipc::Cap<ipc::Notification> waker) {
    if (auto const now = events() & wanted; now != 0) {
        ipc::release_slot(waker.slot);
        return now;
    }
    poll_disarm(token);
    armings_.push_back({wanted, token, waker});
    return 0;
}

void NetlinkSocket::poll_disarm(std::uint32_t token) {
    std::erase_if(armings_, [&](Arming const& arming) {
        if (arming.token != token) { return false; }
        ipc::release_slot(arming.waker.slot);
        return true;
    });
}

} // namespace netns
