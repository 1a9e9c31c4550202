#include "message_socket.hpp"
#include <algorithm>

namespace netstack {

MessageSocket::~MessageSocket() {
    for (auto const& message : received_) { pbuf_free(message.data); }
}

void MessageSocket::deliver(pbuf* message, MessageSource const& from, std::vector<std::byte> control) {
    if (read_shut_ || queued_ + message->tot_len + overhead > receive_buffer_) {
        pbuf_free(message);
        return;
    }
    queued_ += message->tot_len + overhead;
    received_.push_back({message, from, std::move(control)});
    changed(poll_event::in | poll_event::read_normal);
}

Result<Socket::Received> MessageSocket::receive(ipc::Pending const& caller, std::uint32_t flags) {
    if (error_ != Error::None) { return fail(take_error()); }
    if (received_.empty()) {
        if (read_shut_) { return Received{}; }
        return fail(Error::Again);
    }
    auto const& first = received_.front();
    proto::ReceivedDatagram message{};
    message.length = first.data->tot_len;
    std::uint32_t skip = read_offset_;
    auto const wanted = std::min<std::uint32_t>(caller.write_length, message.length - std::min(skip, message.length));
    for (pbuf const* part = first.data; part != nullptr && message.transfer.count < wanted; part = part->next) {
        auto const skipped = std::min<std::uint32_t>(skip, part->len);
        skip -= skipped;
        auto const bytes = std::min<std::uint32_t>(part->len - skipped, wanted - message.transfer.count);
        auto const copied = ipc::copy_out(caller, message.transfer.count,
                                          {static_cast<std::byte const*>(part->payload) + skipped, bytes});
        if (copied.count < bytes) { // whole or not at all: it is asked for again when the page is there
            message.transfer = {0, copied.caller_fault};
            return Received{message, first.from.whole()};
        }
        message.transfer.count += bytes;
    }
    Received result{message, first.from.whole()};
    if ((flags & proto::message_flag::control) != 0 && !first.control.empty()) {
        auto& name = std::get<1>(result);
        auto const bytes = std::min(first.control.size(), sizeof name.data - name.length);
        std::memcpy(name.data + name.length, first.control.data(), bytes);
        name.length = static_cast<std::uint16_t>(name.length + bytes);
        std::get<0>(result).flags = static_cast<std::uint32_t>(bytes) << proto::message_flag::control_shift;
    }
    bool const all = read_offset_ + wanted >= message.length;
    if (!all && (flags & proto::message_flag::rest_follows) == 0) {
        std::get<0>(result).flags |= proto::message_flag::truncate;
    }
    if ((flags & proto::message_flag::rest_follows) != 0) {
        read_offset_ += wanted;
    } else {
        read_offset_ = 0;
        if ((flags & proto::message_flag::peek) == 0) {
            queued_ -= first.data->tot_len + overhead;
            pbuf_free(first.data);
            received_.pop_front();
        }
    }
    return result;
}

std::uint32_t MessageSocket::events() const {
    namespace p = poll_event;
    std::uint32_t result = p::out | p::write_normal;
    if (!received_.empty() || read_shut_) { result |= p::in | p::read_normal; }
    if (read_shut_) { result |= p::read_hang_up; }
    if (read_shut_ && write_shut_) { result |= p::hang_up; }
    if (error_ != Error::None) { result |= p::error; }
    return result;
}

} // namespace netstack
