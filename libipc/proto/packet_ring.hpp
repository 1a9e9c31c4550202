// Frames between two programs through shared memory: one direction of a virtual Ethernet pair or of a network card.
//
// A ring is a header and data bytes; records of a length word and the frame's bytes, padded to words, go round in it. Each
// index has one writer: the producer moves `head`, the consumer moves `tail`. Neither believes the other: an index or a length
// that cannot be is a broken ring, and whoever finds it starts anew from what the other side says.
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
    std::uint32_t head;           ///< bytes ever produced, modulo the largest multiple of the capacity that fits
    std::uint32_t tail;           ///< bytes ever consumed, the same way
    std::uint32_t producer_waits; ///< nonzero: signal the producer when there is room again
    std::uint32_t dropped;        ///< frames that found no room
    std::uint32_t reserved[12];
};
static_assert(sizeof(PacketRingHeader) == 64);

namespace packet_flag {
/// The sender left TCP's and UDP's checksum out: both ends share this machine's memory. Who sends it to a wire computes it.
inline constexpr std::uint32_t no_checksum = 1;
/// From this bit on: how many bridges have passed the frame on. One that as many have as there may be is passed on no more, so that
/// a frame that goes round between bridges ends (IEEE 802.1D counts on seven between any two stations).
inline constexpr std::uint32_t bridges_shift = 1, bridges_maximum = 15;
} // namespace packet_flag

/// One side's view of a ring.
class PacketRing {
public:
    static constexpr std::uint32_t flag_shift = 24, length_mask = (1U << flag_shift) - 1;
    PacketRing() = default;
    /// `bytes`: of the whole area, header and data.
    PacketRing(void* area, std::uint32_t bytes)
        : header_{static_cast<PacketRingHeader*>(area)}, data_{static_cast<std::byte*>(area) +
                                                               sizeof(PacketRingHeader)},
          capacity_{(bytes - static_cast<std::uint32_t>(sizeof(PacketRingHeader))) / 4 * 4},
          modulus_{capacity_ * (~std::uint32_t{0} / capacity_)} {}
    explicit operator bool() const { return header_ != nullptr; }

    /// Producer: room for a frame of that length.
    [[nodiscard]] bool has_room(std::uint32_t length) const {
        auto const used = distance(load(header_->tail), load(header_->head));
        return used <= capacity_ && record_bytes(length) <= capacity_ - used;
    }
    /// Producer: appends a frame of `length` bytes that `each(put)` delivers by calling put(pointer, bytes). False: no room.
    /// `was_empty`: the consumer may sleep and wants a signal.
    template <class Each>
    bool put(std::uint32_t length, std::uint32_t flags, bool& was_empty, Each each) {
        if (auto const tail = load(header_->tail); distance(tail, load(header_->head)) > capacity_) [[unlikely]] {
            store(header_->head, tail < modulus_ ? tail : 0);
        }
        if (length > length_mask || !has_room(length)) {
            ++header_->dropped;
            return false;
        }
        std::uint32_t const start = load(header_->head);
        if (start >= modulus_) [[unlikely]] { return false; } // the other side writes where it must not
        std::uint32_t const word = length | flags << flag_shift;
        std::uint32_t at = start % capacity_;
        at = copy_in(at, &word, sizeof word);
        std::uint32_t left = length;
        each([&](void const* bytes, std::uint32_t count) {
            count = std::min(count, left);
            at = copy_in(at, bytes, count);
            left -= count;
        });
        store(header_->head, advance(start, record_bytes(length)));
        __atomic_thread_fence(__ATOMIC_SEQ_CST); // the consumer moves its index and then looks for more
        was_empty = load(header_->tail) == start;
        return true;
    }
    void ask_for_room() { store(header_->producer_waits, 1); }

    /// Consumer: length and flags of the next frame that was not taken yet; false if there is none. A record that cannot be
    /// empties the ring.
    bool next(std::uint32_t& length, std::uint32_t& flags) {
        std::uint32_t const head = load(header_->head);
        if (!holding_) { cursor_ = load(header_->tail); }
        if (head == cursor_) { return false; }
        std::uint32_t const available = distance(cursor_, head);
        if (available <= capacity_) [[likely]] {
            std::uint32_t word;
            copy_out(0, &word, sizeof word);
            length = word & length_mask;
            flags = word >> flag_shift;
            if (record_bytes(length) <= available) [[likely]] { return true; }
        }
        holding_ = false;
        store(header_->tail, head < modulus_ ? head : 0);
        return false;
    }
    /// Consumer: part of the next frame's bytes, from `offset`; the length as next() said.
    void read(std::uint32_t offset, void* target, std::uint32_t count) const { copy_out(4 + offset, target, count); }
    /// Consumer: those bytes where they lie, as each(pointer, bytes) for one or two pieces. The other side can still change them.
    template <class Each>
    void each_part(std::uint32_t offset, std::uint32_t count, Each each) const {
        parts(4 + offset, count, each);
    }
    /// Consumer: on to the frame after that one, of that length; its bytes stay where they are until release().
    void take(std::uint32_t length) {
        cursor_ = advance(cursor_, record_bytes(length));
        holding_ = true;
    }
    /// Consumer: something was taken and not released.
    [[nodiscard]] bool holds() const { return holding_; }
    /// Consumer: done with everything that was taken; the place is the producer's. True: it wants a signal. A frame that came
    /// in the meantime was not signalled: next() tells.
    bool release() {
        if (holding_) { store(header_->tail, cursor_); }
        holding_ = false;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (load(header_->producer_waits) == 0) { return false; }
        store(header_->producer_waits, 0);
        return true;
    }
    /// Consumer: take and release.
    bool pop(std::uint32_t length) {
        take(length);
        return release();
    }

private:
    static constexpr std::uint32_t record_bytes(std::uint32_t length) { return 4 + (length + 3) / 4 * 4; }
    static std::uint32_t load(std::uint32_t const& word) { return __atomic_load_n(&word, __ATOMIC_ACQUIRE); }
    static void store(std::uint32_t& word, std::uint32_t value) { __atomic_store_n(&word, value, __ATOMIC_RELEASE); }
    /// From one index to a later one; more than the capacity where either is none.
    [[nodiscard]] std::uint32_t distance(std::uint32_t from, std::uint32_t to) const {
        if (from >= modulus_ || to >= modulus_) [[unlikely]] { return ~std::uint32_t{0}; }
        return to >= from ? to - from : to + (modulus_ - from);
    }
    [[nodiscard]] std::uint32_t advance(std::uint32_t index, std::uint32_t bytes) const {
        return index >= modulus_ - bytes ? index - (modulus_ - bytes) : index + bytes;
    }
    std::uint32_t copy_in(std::uint32_t offset, void const* bytes, std::uint32_t count) {
        std::uint32_t const first = std::min(count, capacity_ - offset);
        std::memcpy(data_ + offset, bytes, first);
        if (first == count) [[likely]] { return offset + count == capacity_ ? 0 : offset + count; }
        std::memcpy(data_, static_cast<std::byte const*>(bytes) + first, count - first);
        return count - first;
    }
    /// Bytes of the record at the cursor, its length word included.
    template <class Each>
    void parts(std::uint32_t offset, std::uint32_t count, Each each) const {
        std::uint32_t const start = (cursor_ % capacity_ + offset) % capacity_;
        std::uint32_t const first = std::min(count, capacity_ - start);
        each(data_ + start, first);
        if (count != first) { each(data_, count - first); }
    }
    void copy_out(std::uint32_t offset, void* target, std::uint32_t count) const {
        auto* at = static_cast<std::byte*>(target);
        parts(offset, count, [&](std::byte const* bytes, std::uint32_t length) {
            std::memcpy(at, bytes, length);
            at += length;
        });
    }

    PacketRingHeader* header_ = nullptr;
    std::byte* data_ = nullptr;
    std::uint32_t capacity_ = 0, modulus_ = 0;
    std::uint32_t cursor_ = 0; ///< consumer: the next frame
    bool holding_ = false;     ///< what lies before the cursor is still in use; otherwise the cursor is the ring's tail
};

} // namespace proto
