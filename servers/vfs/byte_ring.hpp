// Bytes on their way through a pipe or a socket: a ring of pages taken as they are needed.
#pragma once
#include "page_store.hpp"
#include "port.hpp"
#include "quota.hpp"
#include <algorithm>
#include <vector>

namespace vfs {

/// `pages`: so many at most.
template <std::uint32_t pages>
class ByteRing {
public:
    static constexpr std::uint32_t capacity = pages * page_size;

    ByteRing(PageStore& store, Ref<QuotaDomain> domain) : store_{store}, domain_{std::move(domain)} {}
    ByteRing(ByteRing const&) = delete;
    ByteRing& operator=(ByteRing const&) = delete;
    ~ByteRing() { drop_pages(0); }

    [[nodiscard]] std::uint32_t used() const { return used_; }
    /// Bytes that fit now. A domain whose rings hold too many pages fills what they have already; an empty one gets a page still.
    [[nodiscard]] std::uint32_t room() const {
        if (domain_ && domain_->ring_pages >= QuotaDomain::ring_pages_maximum && held_pages_ < pages) {
            if (used_ == 0) { return page_size; }
            std::uint32_t const last = (head_ + used_) % page_size;
            return last != 0 ? std::min(page_size - last, capacity - used_) : 0;
        }
        return capacity - used_;
    }
    /// Appends what copy_in(offset, span) gives, at most `length`; stops where it does, or where there is no memory.
    template <class CopyIn>
    Transfer fill(std::uint32_t length, CopyIn copy_in) {
        Transfer total{};
        while (total.count < length && used_ < capacity) {
            std::span<std::byte> const piece = space();
            if (piece.empty()) { break; }
            std::uint32_t const wanted =
                std::min<std::uint32_t>(length - total.count, static_cast<std::uint32_t>(piece.size()));
            Transfer const part = copy_in(total.count, piece.first(wanted));
            used_ += part.count;
            total.count += part.count;
            if (part.count < wanted) {
                total.fault = part.fault;
                break;
            }
        }
        return total;
    }
    /// Takes back the last bytes of fill.
    void unfill(std::uint32_t bytes) { used_ -= bytes; }
    /// Shows `length` bytes from `start` to copy_out(offset, span), which may stop early. Start and length are within used().
    template <class CopyOut>
    Transfer show(std::uint32_t start, std::uint32_t length, CopyOut copy_out) const {
        Transfer total{};
        while (total.count < length) {
            std::uint32_t const at = (head_ + start + total.count) % capacity, within = at % page_size;
            std::uint32_t const wanted = std::min(length - total.count, page_size - within);
            Transfer const part = copy_out(
                total.count, std::span<std::byte const>{store_.address(ring_[at / page_size]) + within, wanted});
            total.count += part.count;
            if (part.count < wanted) {
                total.fault = part.fault;
                break;
            }
        }
        return total;
    }
    /// Gives up the first `bytes`. When nothing is left it starts at the first page again, which alone is kept.
    void consume(std::uint32_t bytes) {
        head_ = (head_ + bytes) % capacity;
        used_ -= bytes;
        if (used_ != 0) { return; }
        head_ = 0;
        if (held_pages_ > 1 || ring_.empty() || ring_[0] == 0) { drop_pages(1); }
    }

private:
    /// The longest piece that is one piece of memory; allocates its page. Empty: no page to be had.
    std::span<std::byte> space() {
        if (ring_.empty()) { ring_.resize(pages); }
        std::uint32_t const tail = (head_ + used_) % capacity, within = tail % page_size;
        PageId& page = ring_[tail / page_size];
        if (page == 0) {
            auto const fresh = store_.allocate(false);
            if (!fresh) { return {}; }
            page = *fresh;
            ++held_pages_;
            if (domain_) { ++domain_->ring_pages; }
        }
        return {store_.address(page) + within, std::min(page_size - within, capacity - used_)};
    }
    void drop_pages(std::uint32_t kept) {
        for (std::uint32_t i = kept; i < ring_.size(); ++i) {
            if (ring_[i] == 0) { continue; }
            store_.release(ring_[i]);
            ring_[i] = 0;
            --held_pages_;
            if (domain_) { --domain_->ring_pages; }
        }
    }

    PageStore& store_;
    Ref<QuotaDomain> domain_;
    std::vector<PageId> ring_; ///< empty until the first byte
    std::uint32_t head_ = 0, used_ = 0, held_pages_ = 0;
};

} // namespace vfs
