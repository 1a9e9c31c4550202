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
std::byte* address_of(SendBuffer* buffer) { return buffer->data(); }
#ifdef CELLA_HOST_TEST
constexpr std::size_t spare_maximum = 0; // the address sanitizer is to see them go
#else
constexpr std::size_t spare_maximum = 4;
#endif
/// Memory of buffers of full size that are free: the next one is wanted soon.
std::vector<std::byte*>& spare() {
    static std::vector<std::byte*> memory;
    return memory;
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

SendBuffer* SendBuffer::make(std::size_t bytes) {
    void* memory = nullptr;
    if (bytes == capacity && !spare().empty()) {
        memory = spare().back();
        spare().pop_back();
    } else {
        memory = cella_lwip_malloc(bytes);
    }
    auto* const buffer =
        memory != nullptr ? new (std::nothrow) SendBuffer{static_cast<std::byte*>(memory), bytes} : nullptr;
    if (buffer == nullptr) {
        cella_lwip_free(memory);
        return nullptr;
    }
    live().insert(std::ranges::lower_bound(live(), buffer->data_, {}, address_of), buffer);
    return buffer;
}

void SendBuffer::release() {
    if (--references_ != 0) { return; }
    live().erase(std::ranges::lower_bound(live(), data_, {}, address_of));
    if (bytes_ == capacity && spare().size() < spare_maximum) {
        spare().push_back(data_);
    } else {
        cella_lwip_free(data_);
    }
    delete this;
}

SendBuffer* SendBuffer::find(void const* address) {
    auto* const byte = static_cast<std::byte*>(const_cast<void*>(address));
    auto const after = std::ranges::upper_bound(live(), byte, {}, address_of);
    if (after == live().begin()) { return nullptr; }
    auto* const buffer = *(after - 1);
    return byte < buffer->data_ + buffer->bytes_ ? buffer : nullptr;
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
