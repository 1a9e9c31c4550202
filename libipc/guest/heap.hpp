// The heap of a server: operator new and delete over one mapped range. One thread, no locks.
//
// Pages are either cut into objects of one size class, or part of a run for one large object. A table with a word per page
// says which, so objects carry no header.
#pragma once
#include "../../microkernel/abi/types.hpp"
#include <array>
#include <cstddef>

namespace ipc::guest {

class Heap {
public:
    /// `bytes` of read/write memory from `start`, page-aligned both.
    /// Of memory that comes into being when it is touched, `compact` uses as little as it can: always the first gap, not the next.
    void initialize(std::byte* start, std::size_t bytes, bool compact = false);
    /// 16-byte aligned; null if there is no memory.
    void* allocate(std::size_t bytes);
    /// Page-aligned.
    void* allocate_pages(std::size_t bytes);
    void free(void* object);
    /// The heap may come to have `bytes` in all. False: no memory for the table of so many pages.
    bool reserve(std::size_t bytes);
    /// `bytes` right after the end are mapped now, whole pages, and belong to it. Within what was reserved.
    void extend(std::size_t bytes);
    /// Where extend() goes on.
    [[nodiscard]] std::byte* end() const { return start_ + total_bytes(); }
    [[nodiscard]] bool can_extend(std::size_t bytes) const { return page_count_ + bytes / abi::page_size <= reserved_; }
    [[nodiscard]] std::size_t used_bytes() const { return used_; }
    [[nodiscard]] std::size_t total_bytes() const { return page_count_ * abi::page_size; }

    /// Objects up to this size share pages.
    static constexpr std::size_t small_limit = 2048;

private:
    static constexpr std::array<std::uint16_t, 22> class_size = {
        16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1360, 2048};
    static constexpr std::array<std::uint8_t, small_limit / 16 + 1> make_class_of();
    struct FreeObject {
        FreeObject* next;
    };
    // Words of the page table: a class number, or one of these with a count of pages.
    static constexpr abi::Word free_run = 0x40000000, large_run = 0x80000000, count_mask = 0x3fffffff;

    [[nodiscard]] std::size_t page_of(void const* address) const {
        return static_cast<std::size_t>(static_cast<std::byte const*>(address) - start_) / abi::page_size;
    }
    void set_free_run(std::size_t page, std::size_t count);
    /// A run that is free from now on, joined with the free runs beside it.
    void put_back(std::size_t page, std::size_t count);
    /// The first page of a run, or page_count_.
    std::size_t take_run(std::size_t pages);
    bool refill(std::size_t size_class);

    std::byte* start_ = nullptr;
    std::size_t page_count_ = 0;
    std::size_t reserved_ = 0; ///< pages that the table has words for
    abi::Word* pages_ = nullptr;
    std::size_t hint_ = 0;
    bool compact_ = false;
    std::size_t used_ = 0;
    std::array<FreeObject*, class_size.size()> free_{};
};

/// The one heap of this server.
Heap& heap();

} // namespace ipc::guest
