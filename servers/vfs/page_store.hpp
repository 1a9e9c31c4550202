// The pages that hold file data, in chunks of 1 MiB taken from root and given back when wholly free. Every page in use is
// mapped in this server, at a fixed place.
#pragma once
#include "types.hpp"
#include <array>
#include <vector>

namespace vfs {

/// 0: none. Below boot_page_bit a page of the store; with it a page of the boot image, read-only.
using PageId = std::uint32_t;
inline constexpr PageId boot_page_bit = 0x80000000;

class PageStore {
public:
    /// Pages of one chunk: one page of its 256 holds the capabilities of the others.
    static constexpr std::uint32_t chunk_pages = 255;

    explicit PageStore(std::uint32_t maximum_chunks) : maximum_chunks_{maximum_chunks} {}
    PageStore(PageStore const&) = delete;
    PageStore& operator=(PageStore const&) = delete;

    /// A page, all zero if `zero`. NoSpace if there is none.
    Result<PageId> allocate(bool zero = true);
    /// Revokes what was lent.
    void release(PageId page);
    [[nodiscard]] std::byte* address(PageId page) const {
        return (page & boot_page_bit) != 0 ? boot_image_ + std::size_t{page & ~boot_page_bit} * page_size
                                           : base_ + std::size_t{page} * page_size;
    }
    /// A capability of the page's frame, in a slot that stays valid until the next lend. Not for boot pages.
    Result<Slot> lend(PageId page, bool writable);

    [[nodiscard]] std::uint64_t used_pages() const { return used_; }
    [[nodiscard]] std::uint64_t free_pages() const { return free_; }
    /// Bytes that are free or would be root's again: an empty chunk counts whole.
    [[nodiscard]] std::uint64_t free_bytes() const { return (free_ + empty_chunks_) * page_size; }
    void set_boot_image(std::byte const* start) { boot_image_ = const_cast<std::byte*>(start); }

protected:
    ~PageStore() = default;
    /// Gets the memory of that chunk; its pages are zero. False: none left.
    virtual bool grow(std::uint32_t chunk) = 0;
    virtual void shrink(std::uint32_t chunk) = 0;
    /// Makes the page accessible at address() the first time it is used.
    virtual bool map(std::uint32_t chunk, std::uint32_t index) = 0;
    virtual Result<Slot> lend_frame(std::uint32_t chunk, std::uint32_t index, bool writable) = 0;
    /// Takes back every lent copy, this server's own mapping with them: map() comes before the page's next use.
    virtual void revoke_frame(std::uint32_t chunk, std::uint32_t index) = 0;

    std::byte* base_ = nullptr; ///< address of page 0, chunk 0

private:
    struct Chunk {
        bool present = false;
        std::uint16_t free_count = 0;
        std::array<std::uint8_t, 256> free{};  ///< stack of free indexes
        std::array<std::uint8_t, 256> state{}; ///< bits below
    };
    static constexpr std::uint8_t dirty = 1, mapped = 2, lent = 4;
    bool open_chunk();

    std::vector<Chunk> chunks_;
    std::byte* boot_image_ = nullptr;
    std::uint32_t maximum_chunks_;
    std::uint32_t current_ = 0;
    std::uint32_t empty_chunks_ = 0;
    std::uint64_t used_ = 0, free_ = 0;
};

} // namespace vfs
