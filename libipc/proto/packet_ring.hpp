// Frames between two programs through shared memory: one direction of a virtual Ethernet pair or of a network card.
//
// A ring is a header and a power of two of data bytes; records of a length word and the frame's bytes, padded to words, go
// round in it. Each index has one writer: the producer moves `head`, the consumer moves `tail`. Neither believes the other:
// an index or a length that cannot be is a broken ring, and whoever finds it starts anew from what the other side says.
#pragma once
#include "../../microkernel/abi/types.hpp"
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace proto {

/// As it lies in memory, followed by the data.
struct PacketRingHeader {
    std::uint32_t head;           ///< bytes ever produced (mod 2^32)
    std::uint32_t tail;           ///< bytes ever consumed
    std::uint32_t producer_waits; ///< nonzero: signal the producer when there is room again
    std::uint32_t dropped;        ///< frames that found no room
    std::uint32_t reserved[12];
};
static_assert(sizeof(PacketRingHeader) == 64);

namespace packet_flag {
/// The sender left TCP's and UDP's checksum out: both ends share this machine's memory. Who sends it to a wire computes it.
inline constexpr std::uint32_t no_checksum = 1;
} // namespace packet_flag

/// One side's view of a ring.
class PacketRing {
public:
    static constexpr std::uint32_t flag_shift = 24, length_mask = (1U << flag_shift) - 1;
    PacketRing() = default;
    /// `bytes`: of the whole area, header and data; the data part is the largest power of two that fits.
    PacketRing(void* area, std::uint32_t bytes)
        : header_{static_cast<PacketRingHeader*>(area)}, data_{static_cast<std::byte*>(area) +
                                                               sizeof(PacketRingHeader)} {
        capacity_ = 1;
        while (capacity_ * 2 <= bytes - sizeof(PacketRingHeader)) { capacity_ *= 2; }
    }
    explicit operator bool() const { return header_ != nullptr; }

    /// Producer: room for a frame of that length.
    [[nodiscard]] bool has_room(std::uint32_t length) const {
        auto const used = header_->head - load(header_->tail);
        return used <= capacity_ && record_bytes(length) <= capacity_ - used;
    }
    /// Producer: appends a frame of `length` bytes that `each(put)` delivers by calling put(pointer, bytes). False: no room.
    /// `was_empty`: the consumer may sleep and wants a signal.
    template <class Each>
    bool put(std::uint32_t length, std::uint32_t flags, bool& was_empty, Each each) {
        if (auto const tail = load(header_->tail); header_->head - tail > capacity_) [[unlikely]] {
            store(header_->head, tail);
        }
        if (length > length_mask || !has_room(length)) {
            ++header_->dropped;
            return false;
        }
        std::uint32_t const start = header_->head;
        std::uint32_t const word = length | flags << flag_shift;
        std::uint32_t at = start;
        at = copy_in(at, &word, sizeof word);
        std::uint32_t left = length;
        each([&](void const* bytes, std::uint32_t count) {
            count = std::min(count, left);
            at = copy_in(at, bytes, count);
            left -= count;
        });
        store(header_->head, start + record_bytes(length));
        was_empty = load(header_->tail) == start;
        return true;
    }
    void ask_for_room() { store(header_->producer_waits, 1); }

    /// Consumer: length and flags of the next frame; false if there is none. A record that cannot be empties the ring.
    bool next(std::uint32_t& length, std::uint32_t& flags) {
        std::uint32_t const available = load(header_->head) - header_->tail;
        if (available == 0) { return false; }
        std::uint32_t word;
        copy_out(header_->tail, &word, sizeof word);
        length = word & length_mask;
        flags = word >> flag_shift;
        if (available > capacity_ || record_bytes(length) > available) {
            store(header_->tail, load(header_->head));
            return false;
        }
        return true;
    }
    /// Consumer: part of the next frame's bytes, from `offset`; the length as next() said.
    void read(std::uint32_t offset, void* target, std::uint32_t count) const {
        copy_out(header_->tail + 4 + offset, target, count);
    }
    /// Consumer: those bytes where they lie, as each(pointer, bytes) for one or two pieces. The other side can still change them.
    template <class Each>
    void each_part(std::uint32_t offset, std::uint32_t count, Each each) const {
        std::uint32_t const start = (header_->tail + 4 + offset) & (capacity_ - 1);
        std::uint32_t const first = std::min(count, capacity_ - start);
        each(data_ + start, first);
        if (count != first) { each(data_, count - first); }
    }
    /// Consumer: done with a frame of that length. True: the producer wants a signal.
    bool pop(std::uint32_t length) {
        store(header_->tail, header_->tail + record_bytes(length));
        if (load(header_->producer_waits) == 0) { return false; }
        store(header_->producer_waits, 0);
        return true;
    }

private:
    static constexpr std::uint32_t record_bytes(std::uint32_t length) { return 4 + (length + 3) / 4 * 4; }
    static std::uint32_t load(std::uint32_t const& word) { return __atomic_load_n(&word, __ATOMIC_ACQUIRE); }
    static void store(std::uint32_t& word, std::uint32_t value) { __atomic_store_n(&word, value, __ATOMIC_RELEASE); }
    std::uint32_t copy_in(std::uint32_t at, void const* bytes, std::uint32_t count) {
        std::uint32_t const offset = at & (capacity_ - 1);
        std::uint32_t const first = std::min(count, capacity_ - offset);
        std::memcpy(data_ + offset, bytes, first);
        std::memcpy(data_, static_cast<std::byte const*>(bytes) + first, count - first);
        return at + count;
    }
    void copy_out(std::uint32_t at, void* bytes, std::uint32_t count) const {
        std::uint32_t const offset = at & (capacity_ - 1);
        std::uint32_t const first = std::min(count, capacity_ - offset);
        std::memcpy(bytes, data_ + offset, first);
        std::memcpy(static_cast<std::byte*>(bytes) + first, data_, count - first);
    }

    PacketRingHeader* header_ = nullptr;
    std::byte* data_ = nullptr;
    std::uint32_t capacity_ = 0;
};

} // namespace proto
