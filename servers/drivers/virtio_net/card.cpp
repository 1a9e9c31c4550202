#include "card.hpp"
#include "checksum.hpp"
#include <bit>

namespace virtio_net {

namespace {
/// Legacy registers (4.1.4.8), as offsets from the first port.
constexpr Word guest_features = 4, queue_page = 8, queue_size = 12, queue_select = 14, queue_notify = 16,
               device_status = 18, interrupt_status = 19, address_register = 20, link_status = 26;
constexpr Word host_features = 0;
constexpr Word feature_address = 1 << 5, feature_status = 1 << 16;
constexpr Word acknowledge = 1, driver_known = 2, driver_ok = 4;
constexpr Word header_bytes = 10; ///< virtio_net_hdr without merged buffers (5.1.6.1): all zero, nothing is offloaded
constexpr Word receiving = 0, sending = 1;
constexpr Word page = 4096;
} // namespace

Word Card::reset_and_size(Word queue) {
    if (queue == receiving) {
        ports_.out(base_ + device_status, 0, 1);
        ports_.out(base_ + device_status, acknowledge | driver_known, 1);
    }
    ports_.out(base_ + queue_select, queue, 2);
    return ports_.in(base_ + queue_size, 2);
}

bool Card::begin(CardMemory memory) {
    Word const offered = ports_.in(base_ + host_features, 4);
    ports_.out(base_ + guest_features, offered & (feature_address | feature_status), 4);
    Word at = 0;
    for (Word const number : {receiving, sending}) {
        ports_.out(base_ + queue_select, number, 2);
        Word const size = ports_.in(base_ + queue_size, 2);
        if (size < buffers || !std::has_single_bit(size) || at + Virtqueue::bytes(size) > memory.bytes) {
            return false;
        }
        (number == receiving ? receive_queue_ : send_queue_) = Virtqueue{memory.first + at, size};
        ports_.out(base_ + queue_page, (memory.physical_first + at) / page, 4);
        at += Virtqueue::bytes(size);
    }
    if (at + 2 * buffers * buffer_bytes > memory.bytes) { return false; }
    receive_buffers_ = memory.first + at;
    send_buffers_ = receive_buffers_ + buffers * buffer_bytes;
    for (Word i = 0; i < buffers; ++i) {
        receive_queue_.describe(i, memory.physical_first + at + i * buffer_bytes, true);
        send_queue_.describe(i, memory.physical_first + at + (buffers + i) * buffer_bytes, false);
        free_.push_back(i);
    }
    send_queue_.want_interrupts(false); // used ones are taken when the next frame is sent
    ports_.out(base_ + device_status, acknowledge | driver_known | driver_ok, 1);
    for (Word i = 0; i < buffers; ++i) { offer_receive_buffer(i); }
    ports_.out(base_ + queue_notify, receiving, 2);
    return true;
}

std::array<std::uint8_t, 6> Card::hardware_address() {
    std::array<std::uint8_t, 6> address{};
    for (Word i = 0; i < address.size(); ++i) {
        address[i] = static_cast<std::uint8_t>(ports_.in(base_ + address_register + i, 1));
    }
    return address;
}

bool Card::link_up() { return (ports_.in(base_ + link_status, 2) & 1) != 0; }

void Card::set_rings(proto::PacketRing send, proto::PacketRing receive) {
    from_user_ = send;
    to_user_ = receive;
}

bool Card::take_interrupt() { return ports_.in(base_ + interrupt_status, 1) != 0; }

bool Card::work() {
    bool const sent = send();
    return receive() || sent;
}

bool Card::receive() {
    bool doorbell = false, returned = false;
    while (auto const used = receive_queue_.take_used()) {
        if (used->number >= buffers) { continue; } // no buffer of ours: the card is not to be trusted either
        if (to_user_ && used->length > header_bytes && used->length <= buffer_bytes) {
            Word const length = used->length - header_bytes;
            auto const* const frame = receive_buffers_ + used->number * buffer_bytes + header_bytes;
            bool was_empty = false;
            to_user_.put(length, 0, was_empty, [&](auto put) { put(frame, length); });
            doorbell |= was_empty;
        }
        offer_receive_buffer(used->number);
        returned = true;
    }
    if (returned) { ports_.out(base_ + queue_notify, receiving, 2); }
    return doorbell;
}

bool Card::send() {
    while (auto const used = send_queue_.take_used()) {
        if (used->number < buffers && free_.size() < buffers) { free_.push_back(used->number); }
    }
    bool doorbell = false, offered = false;
    Word length = 0, flags = 0;
    while (from_user_ && from_user_.next(length, flags)) {
        if (length > proto::NetworkCard::maximum_frame) {
            doorbell |= from_user_.pop(length);
            continue;
        }
        if (free_.empty()) {
            // The card is slower than its user: it tells when it has sent something.
            send_queue_.want_interrupts(true);
            if (auto const used = send_queue_.take_used(); used && used->number < buffers) {
                free_.push_back(used->number);
            }
            if (free_.empty()) { break; }
        }
        Word const number = free_.back();
        free_.pop_back();
        auto* const buffer = send_buffers_ + number * buffer_bytes;
        std::memset(buffer, 0, header_bytes);
        from_user_.read(0, buffer + header_bytes, length);
        if ((flags & proto::packet_flag::no_checksum) != 0) {
            fill_checksum({reinterpret_cast<std::uint8_t*>(buffer + header_bytes), length});
        }
        doorbell |= from_user_.pop(length);
        send_queue_.offer(number, header_bytes + length);
        offered = true;
    }
    if (!free_.empty()) { send_queue_.want_interrupts(false); }
    if (offered) { ports_.out(base_ + queue_notify, sending, 2); }
    return doorbell;
}

} // namespace virtio_net
