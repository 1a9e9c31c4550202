#include "frame_copy.hpp"
#include "devices.hpp"
#include "send_buffer.hpp"
#include <algorithm>

namespace netstack {

pbuf* copy_of(pbuf const* frame) {
    pbuf* const copy = pbuf_alloc(PBUF_LINK, frame->tot_len, PBUF_RAM);
    if (copy == nullptr) { return nullptr; }
    if (pbuf_copy(copy, frame) != ERR_OK) {
        pbuf_free(copy);
        return nullptr;
    }
    copy->flags |= frame->flags & Devices::no_checksum_flag;
    copy->if_idx = frame->if_idx;
    return copy;
}
pbuf* shared_copy_of(pbuf const* packet) {
    pbuf* const head = pbuf_alloc(PBUF_LINK, packet->len, PBUF_RAM);
    if (head == nullptr) { return nullptr; }
    std::memcpy(head->payload, packet->payload, packet->len);
    for (auto const* part = packet->next; part != nullptr; part = part->next) {
        // Where two buffers lie side by side in memory, lwIP makes one part of what lies in both.
        for (std::uint16_t done = 0; done < part->len;) {
            auto* const bytes = static_cast<std::byte*>(part->payload) + done;
            auto* const buffer = SendBuffer::find(bytes);
            auto const rest = static_cast<std::uint16_t>(part->len - done);
            auto const count = buffer != nullptr
                                   ? static_cast<std::uint16_t>(std::min<std::size_t>(rest, buffer->reach(bytes)))
                                   : rest;
            pbuf* const tail = buffer != nullptr ? buffer->refer(bytes, count) : pbuf_alloc(PBUF_RAW, count, PBUF_RAM);
            if (tail == nullptr) {
                pbuf_free(head);
                return nullptr;
            }
            if (buffer == nullptr) { std::memcpy(tail->payload, bytes, count); }
            pbuf_cat(head, tail);
            done = static_cast<std::uint16_t>(done + count);
        }
    }
    head->flags |= packet->flags & Devices::no_checksum_flag;
    head->if_idx = packet->if_idx;
    return head;
}
} // namespace netstack
