#include "send_buffer.hpp"
#include "lwip/hooks.h"
#include <algorithm>
#include <new>
#include <vector>

namespace netstack {

namespace {
std::vector<SendBuffer*>& live() {
    static std::vector<SendBuffer*> buffers; // by address
    return buffers;
}
struct Reference {
    pbuf_custom lwip;
    SendBuffer* buffer;
};
void free_reference(pbuf* p) {
    auto* const reference = reinterpret_cast<Reference*>(p);
    reference->buffer->release();
    delete reference;
}
} // namespace

SendBuffer* SendBuffer::make() {
    void* const memory = cella_lwip_malloc(sizeof(SendBuffer) + capacity);
    if (memory == nullptr) { return nullptr; }
    auto* const buffer = new (memory) SendBuffer;
    live().insert(std::ranges::lower_bound(live(), buffer), buffer);
    return buffer;
}

void SendBuffer::release() {
    if (--references_ != 0) { return; }
    live().erase(std::ranges::lower_bound(live(), this));
    cella_lwip_free(this);
}

SendBuffer* SendBuffer::find(void const* address) {
    auto const* const byte = static_cast<std::byte const*>(address);
    auto const after = std::ranges::upper_bound(live(), byte, {}, [](SendBuffer* buffer) { return reinterpret_cast<std::byte const*>(buffer); });
    if (after == live().begin()) { return nullptr; }
    auto* const buffer = *(after - 1);
    return byte < buffer->data() + capacity ? buffer : nullptr;
}

pbuf* SendBuffer::refer(void* bytes, std::uint16_t count) {
    auto* const reference = new (std::nothrow) Reference{};
    if (reference == nullptr) { return nullptr; }
    reference->buffer = this;
    reference->lwip.custom_free_function = &free_reference;
    retain();
    return pbuf_alloced_custom(PBUF_RAW, count, PBUF_REF, &reference->lwip, bytes, count);
}

SentData::~SentData() {
    for (auto const& part : parts_) {
        if (part.buffer != nullptr) { part.buffer->release(); }
    }
}

void SentData::sent(std::uint32_t bytes, SendBuffer* buffer) {
    if (buffer == nullptr && !parts_.empty() && parts_.back().buffer == nullptr) {
        parts_.back().bytes += bytes;
    } else {
        parts_.push_back({bytes, buffer});
    }
}

void SentData::acknowledged(std::uint32_t bytes) {
    while (bytes != 0 && !parts_.empty()) {
        auto& first = parts_.front();
        auto const part = std::min(bytes, first.bytes);
        first.bytes -= part;
        bytes -= part;
        if (first.bytes != 0) { return; }
        if (first.buffer != nullptr) { first.buffer->release(); }
        parts_.pop_front();
    }
}

} // namespace netstack
