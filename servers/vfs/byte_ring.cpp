#include "byte_ring.hpp"
#include <algorithm>

namespace vfs {

std::uint32_t ByteRing::room() const {
    if (domain_ && domain_->pipe_pages >= Pipe::domain_pages && held_pages_ < pages) {
        if (used_ == 0) { return page_size; }
        std::uint32_t const last = (head_ + used_) % page_size;
        return last != 0 ? std::min(page_size - last, capacity - used_) : 0;
    }
    return capacity - used_;
}

std::span<std::byte> ByteRing::space() {
    if (ring_.empty()) { ring_.resize(pages); }
    std::uint32_t const tail = (head_ + used_) % capacity, within = tail % page_size;
    PageId& page = ring_[tail / page_size];
    if (page == 0) {
        auto const fresh = store_.allocate(false);
        if (!fresh) { return {}; }
        page = *fresh;
        ++held_pages_;
        if (domain_) { ++domain_->pipe_pages; }
    }
    return {store_.address(page) + within, std::min(page_size - within, capacity - used_)};
}

void ByteRing::drop_pages(std::uint32_t kept) {
    for (std::uint32_t i = kept; i < ring_.size(); ++i) {
        if (ring_[i] == 0) { continue; }
        store_.release(ring_[i]);
        ring_[i] = 0;
        --held_pages_;
        if (domain_) { --domain_->pipe_pages; }
    }
}

void ByteRing::consume(std::uint32_t bytes) {
    head_ = (head_ + bytes) % capacity;
    used_ -= bytes;
    if (used_ != 0) { return; }
    // Empty again: starts at the first page, which alone is kept.
    head_ = 0;
    if (held_pages_ > 1 || ring_.empty() || ring_[0] == 0) { drop_pages(1); }
}

} // namespace vfs
