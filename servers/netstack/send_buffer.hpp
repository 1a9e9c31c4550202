// Data on its way out of a program: copied in once, sent by reference, and on a connection within this stack received by
// reference, too. A buffer lives as long as the sender may have to repeat it or the receiver has not read it.
#pragma once
#include "lwip/pbuf.h"
#include <cstddef>
#include <cstdint>
#include <deque>

namespace netstack {

class SendBuffer {
public:
    static constexpr std::size_t capacity = 32768; ///< TCP's longest segment: a program's 64 KiB are two
    /// For that many bytes, at most `capacity`. Null: no memory. One reference.
    static SendBuffer* make(std::size_t bytes);
    /// Whole pages where it is long.
    [[nodiscard]] std::byte* data() { return data_; }
    void retain() { ++references_; }
    void release();
    /// The live buffer that this address lies in; null: none does.
    static SendBuffer* find(void const* address);
    /// Bytes from that address, which lies in it, to its end.
    [[nodiscard]] std::size_t reach(void const* address) const {
        return static_cast<std::size_t>(data_ + bytes_ - static_cast<std::byte const*>(address));
    }
    /// A buffer of lwIP's that refers to `bytes` of this one's data. Null: no memory.
    pbuf* refer(void* bytes, std::uint16_t count);

private:
    SendBuffer(std::byte* data, std::size_t bytes) : data_{data}, bytes_{bytes} {}
    std::byte* const data_;
    std::size_t const bytes_;
    std::uint32_t references_ = 1;
};

/// What one connection has sent by reference and not had acknowledged.
class SentData {
public:
    SentData() = default;
    SentData(SentData const&) = delete;
    SentData& operator=(SentData const&) = delete;
    ~SentData();
    /// `bytes` were given to lwIP; with a buffer, by reference: its reference is ours now.
    void sent(std::uint32_t bytes, SendBuffer* buffer);
    void acknowledged(std::uint32_t bytes);
    [[nodiscard]] bool empty() const { return parts_.empty(); }

private:
    struct Part {
        std::uint32_t bytes;
        SendBuffer* buffer; ///< null: lwIP has its own copy
    };
    std::deque<Part> parts_;
};

} // namespace netstack
