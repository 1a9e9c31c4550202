// Data through a TCP socket, in both directions.
#include "tcp_socket.hpp"
#include <algorithm>

namespace netstack {

std::uint32_t TcpSocket::send_part(ipc::Pending const& caller, std::uint32_t done, abi::Address& fault) {
    alignas(64) static std::byte bounce[by_reference];
    auto const left = caller.read_length - done;
    auto const space = std::min<std::uint32_t>(tcp_sndbuf(pcb_), static_cast<std::uint32_t>(SendBuffer::capacity));
    auto const wanted = std::min(left, space);
    if (wanted == 0 || tcp_sndqueuelen(pcb_) >= TCP_SND_QUEUELEN - 8) { return 0; }
    // Not a small piece of much: wait until there is room for more.
    if (wanted < left && wanted < by_reference && !sent_->empty()) { return 0; }
    SendBuffer* buffer = wanted >= by_reference ? SendBuffer::make(wanted) : nullptr;
    std::byte* const target = buffer != nullptr ? buffer->data() : bounce;
    auto const bytes = buffer != nullptr ? wanted : std::min(wanted, by_reference);
    if (buffer != nullptr) { touch(target, bytes); }
    auto const copied = static_cast<std::uint32_t>([&] {
        auto const transfer = ipc::copy_in(caller, done, {target, bytes});
        if (transfer.count < bytes) { fault = transfer.caller_fault; }
        return transfer.count;
    }());
    bool const last = done + copied == caller.read_length;
    auto const flags =
        static_cast<u8_t>((buffer == nullptr ? TCP_WRITE_FLAG_COPY : 0) | (last ? 0 : TCP_WRITE_FLAG_MORE));
    if (copied == 0 || tcp_write(pcb_, target, static_cast<u16_t>(copied), flags) != ERR_OK) {
        if (buffer != nullptr) { buffer->release(); }
        return 0;
    }
    sent_->sent(copied, buffer);
    return copied;
}

Result<proto::Transfer> TcpSocket::send(ipc::Pending const& caller, std::uint32_t, proto::SocketAddress const*,
                                        std::uint32_t done) {
    if (error_ != Error::None && state_ == State::Broken) { return fail(take_error()); }
    if (state_ == State::Connecting) { return fail(Error::Again); }
    if (write_shut_ || state_ == State::Broken) { return fail(Error::BrokenPipe); }
    if (state_ != State::Connected || pcb_ == nullptr) {
        return fail(state_ == State::Idle ? Error::BrokenPipe : Error::NotConnected);
    }
    proto::Transfer total{0, 0};
    while (done + total.count < caller.read_length && total.fault == 0) {
        auto const part = send_part(caller, done + total.count, total.fault);
        if (part == 0) { break; }
        total.count += part;
    }
    if (done + total.count < caller.read_length) { filled(); }
    if (total.count != 0) { static_cast<void>(tcp_output(pcb_)); }
    if (total.count == 0 && total.fault == 0 && done < caller.read_length) { return fail(Error::Again); }
    return total;
}

Result<Socket::Received> TcpSocket::receive(ipc::Pending const& caller, std::uint32_t flags) {
    if (state_ == State::Listening || state_ == State::Idle) {
        return fail(error_ != Error::None ? take_error() : Error::NotConnected);
    }
    bool const peek = (flags & proto::message_flag::peek) != 0;
    if (available_ == 0 && caller.write_length != 0) {
        if (error_ != Error::None) { return fail(take_error()); }
        if (peer_closed_ || read_shut_ || state_ == State::Broken) { return Received{}; }
        return fail(Error::Again);
    }
    if ((flags & proto::message_flag::wait_all) != 0 && available_ < caller.write_length && !peer_closed_ &&
        state_ == State::Connected && available_ < TCP_WND / 2) {
        return fail(Error::Again);
    }
    proto::ReceivedDatagram message{};
    std::uint32_t offset = offset_;
    std::size_t used = 0; // whole buffers consumed
    for (auto* data = received_.empty() ? nullptr : received_.front();
         data != nullptr && message.transfer.count < caller.write_length && message.transfer.fault == 0;) {
        // One after the other through chain and queue.
        std::uint32_t in_chain = offset;
        pbuf* part = data;
        while (part != nullptr && in_chain >= part->len) {
            in_chain -= part->len;
            part = part->next;
        }
        if (part == nullptr) {
            offset = 0;
            ++used;
            data = used < received_.size() ? received_[used] : nullptr;
            continue;
        }
        auto const wanted = std::min<std::uint32_t>(part->len - in_chain, caller.write_length - message.transfer.count);
        auto const copied = ipc::copy_out(caller, message.transfer.count,
                                          {static_cast<std::byte const*>(part->payload) + in_chain, wanted});
        message.transfer.count += static_cast<std::uint32_t>(copied.count);
        offset += static_cast<std::uint32_t>(copied.count);
        if (copied.count < wanted) {
            message.transfer.fault = copied.caller_fault;
            break;
        }
    }
    message.length = message.transfer.count;
    if (!peek && message.transfer.count != 0) {
        available_ -= message.transfer.count;
        while (used-- != 0) {
            pbuf_free(received_.front());
            received_.pop_front();
        }
        offset_ = offset;
        if (!received_.empty() && offset_ >= received_.front()->tot_len) {
            pbuf_free(received_.front());
            received_.pop_front();
            offset_ = 0;
        }
        for (auto left = pcb_ != nullptr ? message.transfer.count : 0; left != 0;) {
            auto const part = static_cast<u16_t>(std::min<std::uint32_t>(left, 0xffff));
            tcp_recved(pcb_, part);
            left -= part;
        }
    }
    proto::SocketAddress none;
    return Received{message, none};
}

} // namespace netstack
