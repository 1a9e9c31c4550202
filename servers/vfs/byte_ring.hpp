// Bytes on their way through a socket: a ring of pages taken as they are needed.
#pragma once
#include "page_store.hpp"
#include "pipe.hpp"
#include "port.hpp"
#include "quota.hpp"

namespace vfs {

class ByteRing {
public:
    /// As net.core.wmem_default and rmem_default of Linux.
    static constexpr std::uint32_t pages = 52, capacity = pages * page_size;

    ByteRing(PageStore& store, Ref<QuotaDomain> domain) : store_{store}, domain_{std::move(domain)} {}
    ByteRing(ByteRing const&) = delete;
    ByteRing& operator=(ByteRing const&) = delete;
    ~ByteRing() {
        used_ = 0;
        drop_pages(0);
    }

    [[nodiscard]] std::uint32_t used() const { return used_; }
    /// Bytes that fit now. A domain whose pipes and sockets hold too many pages fills what they have already.
    [[nodiscard]] std::uint32_t room() const;
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
    /// Gives up the first `bytes`.
    void consume(std::uint32_t bytes);

private:
    std::span<std::byte> space();
    void drop_pages(std::uint32_t kept);

    PageStore& store_;
    Ref<QuotaDomain> domain_;
    std::vector<PageId> ring_; ///< empty until the first byte
    std::uint32_t head_ = 0, used_ = 0, held_pages_ = 0;
};

} // namespace vfs
