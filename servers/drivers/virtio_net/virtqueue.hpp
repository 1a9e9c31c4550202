// One virtqueue in the legacy layout (Virtual I/O Device 1.1, 2.6): a table of descriptors, the ring of what the driver offers, the
// ring of what the device has used. Every buffer here is one descriptor, and its number is the buffer's.
#pragma once
#include "../../../microkernel/abi/types.hpp"
#include <cstddef>
#include <cstdint>
#include <optional>

namespace virtio_net {

using abi::Word;

class Virtqueue {
public:
    /// Bytes of memory for a queue of `size` entries (a power of two), physically contiguous and on a page boundary.
    static constexpr Word bytes(Word size) { return used_offset(size) + round_to_page(6 + 8 * size); }

    Virtqueue() = default;
    /// The memory is zeroed.
    Virtqueue(std::byte* memory, Word size)
        : size_{size}, descriptors_{reinterpret_cast<Descriptor*>(memory)}, available_{reinterpret_cast<std::uint16_t*>(
                                                                                memory + sizeof(Descriptor) * size)},
          used_{reinterpret_cast<std::uint16_t*>(memory + used_offset(size))} {}

    [[nodiscard]] Word size() const { return size_; }
    /// What buffer `number` is; once, before it is offered.
    void describe(Word number, abi::Address physical, bool device_writes) {
        descriptors_[number] = {physical, 0, static_cast<std::uint16_t>(device_writes ? 2 : 0), 0};
    }
    /// Gives buffer `number` to the device: `length` bytes of it.
    void offer(Word number, Word length) {
        descriptors_[number].length = length;
        std::uint16_t const index = available_[1];
        available_[2 + index % size_] = static_cast<std::uint16_t>(number);
        __atomic_store_n(&available_[1], static_cast<std::uint16_t>(index + 1), __ATOMIC_RELEASE);
    }
    struct Used {
        Word number, length;
    };
    /// The next buffer that the device is done with, and the bytes it wrote.
    std::optional<Used> take_used() {
        if (__atomic_load_n(&used_[1], __ATOMIC_ACQUIRE) == taken_) { return std::nullopt; }
        std::uint32_t entry[2];
        __builtin_memcpy(entry, used_ + 2 + 4 * (taken_ % size_), sizeof entry);
        ++taken_;
        return Used{entry[0], entry[1]};
    }
    /// Whether the device is asked to interrupt when it has used a buffer. Look for used ones once more after asking.
    void want_interrupts(bool wanted) {
        __atomic_store_n(&available_[0], static_cast<std::uint16_t>(wanted ? 0 : 1), __ATOMIC_SEQ_CST);
    }

private:
    struct Descriptor {
        std::uint64_t address;
        std::uint32_t length;
        std::uint16_t flags, next;
    };
    static_assert(sizeof(Descriptor) == 16);
    static constexpr Word page = 4096;
    static constexpr Word round_to_page(Word count) { return (count + page - 1) / page * page; }
    static constexpr Word used_offset(Word size) { return round_to_page(16 * size + 6 + 2 * size); }

    Word size_ = 0;
    Descriptor* descriptors_ = nullptr;
    std::uint16_t* available_ = nullptr; ///< flags, index, entries
    std::uint16_t* used_ = nullptr;      ///< flags, index, entries of two words
    std::uint16_t taken_ = 0;
};

} // namespace virtio_net
