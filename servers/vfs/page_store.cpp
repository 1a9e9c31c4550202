#include "page_store.hpp"
#include <cstring>

namespace vfs {

// Page numbers are chunk * 256 + index + 1, so that 0 is none.

bool PageStore::open_chunk() {
    for (std::uint32_t i = 0; i < chunks_.size(); ++i) {
        if (chunks_[i].present && chunks_[i].free_count > 0) {
            current_ = i;
            return true;
        }
    }
    std::uint32_t number = 0;
    while (number < chunks_.size() && chunks_[number].present) { ++number; }
    if (number >= maximum_chunks_ || !grow(number)) { return false; }
    if (number == chunks_.size()) { chunks_.emplace_back(); }
    Chunk& chunk = chunks_[number];
    chunk = {};
    chunk.present = true;
    chunk.free_count = chunk_pages;
    // The stack gives ascending indexes: neighbouring pages of a file can then be copied at once.
    for (std::uint32_t i = 0; i < chunk_pages; ++i) { chunk.free[i] = static_cast<std::uint8_t>(chunk_pages - 1 - i); }
    free_ += chunk_pages;
    ++empty_chunks_;
    current_ = number;
    return true;
}

Result<PageId> PageStore::allocate(bool zero) {
    if (current_ >= chunks_.size() || chunks_[current_].free_count == 0) {
        if (!open_chunk()) { return fail(Error::NoSpace); }
    }
    Chunk& chunk = chunks_[current_];
    std::uint8_t const index = chunk.free[chunk.free_count - 1];
    if ((chunk.state[index] & mapped) == 0) {
        if (!map(current_, index)) { return fail(Error::NoSpace); }
        chunk.state[index] |= mapped;
    }
    if (chunk.free_count == chunk_pages) { --empty_chunks_; }
    --chunk.free_count;
    --free_;
    ++used_;
    PageId const page = current_ * 256 + index + 1;
    if (zero && (chunk.state[index] & dirty) != 0) { std::memset(address(page), 0, page_size); }
    chunk.state[index] |= dirty;
    return page;
}

void PageStore::release(PageId page) {
    if (page == 0 || (page & boot_page_bit) != 0) { return; }
    std::uint32_t const number = (page - 1) / 256, index = (page - 1) % 256;
    Chunk& chunk = chunks_[number];
    if ((chunk.state[index] & lent) != 0) {
        revoke_frame(number, index);
        chunk.state[index] &= static_cast<std::uint8_t>(~(lent | mapped));
    }
    chunk.free[chunk.free_count++] = static_cast<std::uint8_t>(index);
    ++free_;
    --used_;
    if (chunk.free_count == chunk_pages) {
        // One empty chunk is kept: a file made and removed again and again costs no traffic with root.
        if (++empty_chunks_ > 1) {
            --empty_chunks_;
            free_ -= chunk_pages;
            chunk.present = false;
            chunk.free_count = 0;
            shrink(number);
        }
    }
}

Result<Slot> PageStore::lend(PageId page, bool writable) {
    std::uint32_t const number = (page - 1) / 256, index = (page - 1) % 256;
    chunks_[number].state[index] |= lent;
    return lend_frame(number, index, writable);
}

} // namespace vfs
