#include "inode.hpp"
#include "file_system.hpp"
#include "pipe.hpp"
#include <algorithm>
#include <cstring>

namespace vfs {

Inode::Inode(FileSystem& file_system, std::uint32_t number_, std::uint32_t mode_, Ref<QuotaDomain> domain_)
    : number{number_}, mode{mode_}, domain{std::move(domain_)}, file_system_{&file_system} {}

void Inode::unreferenced() {
    drop_pages(0);
    file_system_->forget(*this);
    delete this;
}

PageId Inode::page(std::uint32_t index) {
    std::uint32_t const number_ = index / leaf_pages;
    if (number_ != cached_number_) {
        auto const found = leaves_.find(number_);
        if (found == leaves_.end()) { return 0; }
        cached_number_ = number_;
        cached_leaf_ = &found->second;
    }
    return (*cached_leaf_)[index % leaf_pages];
}

PageId& Inode::place(std::uint32_t index) {
    std::uint32_t const number_ = index / leaf_pages;
    if (number_ != cached_number_) {
        cached_leaf_ = &leaves_[number_];
        cached_number_ = number_;
    }
    return (*cached_leaf_)[index % leaf_pages];
}

Error Inode::charge_page() {
    if (domain && !domain->charge(page_charge, file_system_->environment().acting)) {
        file_system_->environment().quota_refused(*domain);
        return Error::Quota;
    }
    if (!file_system_->take_page()) {
        if (domain) { domain->release(page_charge); }
        return Error::NoSpace;
    }
    ++page_count_;
    return Error::None;
}

void Inode::release_pages(std::uint32_t count) {
    if (domain) { domain->release(std::uint64_t{count} * page_charge); }
    file_system_->give_pages(count);
    page_count_ -= count;
}

Result<PageId> Inode::own_page(std::uint32_t index, bool zero) {
    PageId const old = page(index);
    if (old != 0 && (old & boot_page_bit) == 0) { return old; }
    PageStore& pages = file_system_->environment().pages;
    if (old == 0) {
        if (Error const error = charge_page(); error != Error::None) { return fail(error); }
    }
    auto const fresh = pages.allocate(old == 0 && zero);
    if (!fresh) {
        if (old == 0) { release_pages(1); }
        return fresh;
    }
    if (old != 0) {
        std::memcpy(pages.address(*fresh), pages.address(old), page_size);
        std::uint64_t const start = std::uint64_t{index} * page_size;
        if (size < start + page_size) { // what follows the file in the image is not the file's
            std::size_t const used = size > start ? static_cast<std::size_t>(size - start) : 0;
            std::memset(pages.address(*fresh) + used, 0, page_size - used);
        }
    }
    place(index) = *fresh;
    return fresh;
}

void Inode::drop_pages(std::uint32_t first) {
    PageStore& pages = file_system_->environment().pages;
    std::uint32_t dropped = 0;
    auto leaf = leaves_.lower_bound(first / leaf_pages);
    while (leaf != leaves_.end()) {
        std::uint32_t const begin = leaf->first == first / leaf_pages ? first % leaf_pages : 0;
        for (std::uint32_t i = begin; i < leaf_pages; ++i) {
            PageId& page_id = leaf->second[i];
            if (page_id != 0) {
                pages.release(page_id);
                page_id = 0;
                ++dropped;
            }
        }
        if (begin == 0) {
            leaf = leaves_.erase(leaf);
        } else {
            ++leaf;
        }
    }
    cached_number_ = ~0u;
    if (dropped != 0) { release_pages(dropped); }
}

Transfer Inode::read(std::uint64_t offset, std::uint32_t length, std::uint32_t buffer_offset, Caller& caller) {
    if (offset >= size) { return {}; }
    length = static_cast<std::uint32_t>(std::min<std::uint64_t>(length, size - offset));
    PageStore& pages = file_system_->environment().pages;
    static std::array<std::byte, page_size> const zeros{};
    Transfer total{};
    while (total.count < length) {
        std::uint64_t const at = offset + total.count;
        std::uint32_t const index = static_cast<std::uint32_t>(at / page_size),
                            within = static_cast<std::uint32_t>(at % page_size);
        PageId const first = page(index);
        std::uint32_t run = std::min(length - total.count, page_size - within);
        // Neighbouring pages go in one copy.
        if (first != 0) {
            for (std::uint32_t next = 1;
                 run < length - total.count && run < 65536 && page(index + next) == first + next; ++next) {
                run = std::min(length - total.count, run + page_size);
            }
        }
        std::byte const* source = first != 0 ? pages.address(first) + within : zeros.data();
        Transfer const part = caller.copy_out(buffer_offset + total.count, {source, run});
        total.count += part.count;
        if (part.count < run) {
            total.fault = part.fault;
            break;
        }
    }
    return total;
}

Result<Transfer> Inode::write(std::uint64_t offset, std::uint32_t length, std::uint32_t buffer_offset, Caller& caller) {
    if (length == 0) { return Transfer{}; }
    if (offset >= file_size_maximum) { return fail(Error::FileTooBig); }
    length = static_cast<std::uint32_t>(std::min<std::uint64_t>(length, file_size_maximum - offset));
    PageStore& pages = file_system_->environment().pages;
    Transfer total{};
    Error error = Error::None;
    while (total.count < length) {
        std::uint64_t const at = offset + total.count;
        std::uint32_t const index = static_cast<std::uint32_t>(at / page_size),
                            within = static_cast<std::uint32_t>(at % page_size);
        std::uint32_t const run = std::min(length - total.count, page_size - within);
        bool const is_new = page(index) == 0;
        auto const target = own_page(index, run != page_size);
        if (!target) {
            error = target.error();
            break;
        }
        Transfer const part = caller.copy_in(buffer_offset + total.count, {pages.address(*target) + within, run});
        if (part.count < run && is_new && run == page_size) {
            std::memset(pages.address(*target) + part.count, 0, page_size - part.count);
        }
        total.count += part.count;
        if (offset + total.count > size) { size = offset + total.count; }
        if (part.count < run) {
            total.fault = part.fault;
            if (part.count == 0 && is_new) { // nothing came: the page must not stay beyond the end
                pages.release(*target);
                place(index) = 0;
                release_pages(1);
            }
            break;
        }
    }
    if (total.count == 0 && error != Error::None) { return fail(error); }
    return total;
}

Result<std::uint32_t> Inode::write(std::uint64_t offset, std::span<std::byte const> data) {
    struct Memory final : Caller {
        std::span<std::byte const> data;
        Transfer copy_in(std::uint32_t from, std::span<std::byte> target) override {
            std::memcpy(target.data(), data.data() + from, target.size());
            return {static_cast<std::uint32_t>(target.size()), 0};
        }
        Transfer copy_out(std::uint32_t, std::span<std::byte const>) override { return {}; }
        Waiter defer() override { return {}; }
    } memory;
    memory.data = data;
    auto const done = write(offset, static_cast<std::uint32_t>(data.size()), 0, memory);
    if (!done) { return fail(done.error()); }
    return done->count;
}

Result<std::uint32_t> Inode::copy_from(Inode& source, std::uint64_t source_offset, std::uint64_t offset,
                                       std::uint32_t length) {
    static std::array<std::byte, page_size> const zeros{};
    PageStore& pages = file_system_->environment().pages;
    if (source_offset >= source.size || length == 0) { return 0U; }
    if (offset >= file_size_maximum) { return fail(Error::FileTooBig); }
    length = static_cast<std::uint32_t>(
        std::min({std::uint64_t{length}, source.size - source_offset, file_size_maximum - offset}));
    std::uint32_t done = 0;
    while (done < length) {
        std::uint64_t const from = source_offset + done, to = offset + done;
        std::uint32_t const within = static_cast<std::uint32_t>(from % page_size);
        std::uint32_t const run = std::min(length - done, page_size - within);
        PageId const original = source.page(static_cast<std::uint32_t>(from / page_size));
        std::uint32_t const index = static_cast<std::uint32_t>(to / page_size);
        // A boot page never changes, so it can be both files'. A part of one only if both files end with it.
        bool const whole = run == page_size || (from + run == source.size && to + run >= size);
        if ((original & boot_page_bit) != 0 && within == 0 && to % page_size == 0 && whole && page(index) == 0) {
            if (Error const error = charge_page(); error != Error::None) {
                return done != 0 ? Result<std::uint32_t>{done} : fail(error);
            }
            place(index) = original;
            done += run;
            size = std::max(size, to + run);
            continue;
        }
        std::byte const* const data = original != 0 ? pages.address(original) + within : zeros.data();
        auto const written = write(to, std::span{data, run});
        if (!written) { return done != 0 ? Result<std::uint32_t>{done} : fail(written.error()); }
        done += *written;
        if (*written < run) { break; }
    }
    return done;
}

Error Inode::truncate(std::uint64_t new_size) {
    if (new_size > file_size_maximum) { return Error::FileTooBig; }
    if (new_size < size) {
        std::uint32_t const tail = static_cast<std::uint32_t>(new_size % page_size);
        std::uint32_t const last = static_cast<std::uint32_t>(new_size / page_size);
        if (tail != 0 && page(last) != 0) { // what comes back when the file grows again is zero
            auto const own = own_page(last, true);
            if (!own) { return own.error(); }
            std::memset(file_system_->environment().pages.address(*own) + tail, 0, page_size - tail);
        }
        drop_pages(last + (tail != 0 ? 1 : 0));
    } else if (new_size > size && size % page_size != 0) {
        // A boot page's rest is not zero.
        std::uint32_t const last = static_cast<std::uint32_t>(size / page_size);
        if ((page(last) & boot_page_bit) != 0) {
            auto const own = own_page(last, true);
            if (!own) { return own.error(); }
        }
    }
    size = new_size;
    return Error::None;
}

void Inode::set_boot_data(std::uint32_t first_page, std::uint64_t bytes) {
    size = bytes;
    std::uint32_t const count = static_cast<std::uint32_t>((bytes + page_size - 1) / page_size);
    for (std::uint32_t i = 0; i < count; ++i) {
        static_cast<void>(file_system_->take_page()); // no limit on the first file system
        ++page_count_;
        place(i) = boot_page_bit | (first_page + i);
    }
}

Result<Slot> Inode::lend(std::uint32_t index, bool writable, std::uint32_t& valid_bytes) {
    std::uint64_t const start = std::uint64_t{index} * page_size;
    if (start >= size) { return fail(Error::Range); }
    valid_bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(page_size, size - start));
    auto const own = own_page(index, true);
    if (!own) { return fail(own.error()); }
    return file_system_->environment().pages.lend(*own, writable);
}

void Inode::recharge(Ref<QuotaDomain> to) {
    std::uint64_t const bytes = inode_charge + std::uint64_t{page_count_} * page_charge;
    if (domain) {
        domain->release(bytes);
        --domain->files;
    }
    domain = std::move(to);
    if (domain) {
        domain->used += bytes;
        ++domain->files;
    }
}

} // namespace vfs
