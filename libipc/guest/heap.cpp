#include "heap.hpp"
#include <algorithm>
#include <new>

namespace ipc::guest {

constexpr std::array<std::uint8_t, Heap::small_limit / 16 + 1> Heap::make_class_of() {
    std::array<std::uint8_t, small_limit / 16 + 1> table{};
    for (std::size_t units = 0; units < table.size(); ++units) {
        std::uint8_t index = 0;
        while (class_size[index] < units * 16) { ++index; }
        table[units] = index;
    }
    return table;
}

void Heap::initialize(std::byte* start, std::size_t bytes, bool compact) {
    compact_ = compact;
    std::size_t const pages = bytes / abi::page_size;
    std::size_t const table_pages = (pages * sizeof(abi::Word) + abi::page_size - 1) / abi::page_size;
    pages_ = reinterpret_cast<abi::Word*>(start);
    start_ = start + table_pages * abi::page_size;
    page_count_ = pages - table_pages;
    reserved_ = page_count_;
    used_ = 0;
    hint_ = 0;
    free_ = {};
    set_free_run(0, page_count_);
}

bool Heap::reserve(std::size_t bytes) {
    std::size_t const pages = bytes / abi::page_size;
    auto* const table = static_cast<abi::Word*>(allocate_pages(pages * sizeof(abi::Word)));
    if (table == nullptr) { return false; }
    std::copy_n(pages_, page_count_,
                table); // the old table's pages lie before the heap's first: they are not used again
    pages_ = table;
    reserved_ = pages;
    return true;
}

void Heap::extend(std::size_t bytes) {
    std::size_t const page = page_count_, count = bytes / abi::page_size;
    page_count_ += count;
    put_back(page, count);
}

// A run's first and last page carry its length, so that neighbours find each other; pages between may say anything.
void Heap::set_free_run(std::size_t page, std::size_t count) {
    pages_[page] = free_run | static_cast<abi::Word>(count);
    pages_[page + count - 1] = free_run | static_cast<abi::Word>(count);
}

void Heap::put_back(std::size_t page, std::size_t count) {
    if (page + count < page_count_ && (pages_[page + count] & free_run) != 0) {
        count += pages_[page + count] & count_mask;
    }
    if (page != 0 && (pages_[page - 1] & free_run) != 0) {
        std::size_t const before = pages_[page - 1] & count_mask;
        page -= before;
        count += before;
    }
    set_free_run(page, count);
    hint_ = std::min(hint_, page);
}

std::size_t Heap::take_run(std::size_t pages) {
    // Next fit: from the hint to the end, then from the start.
    for (int pass = 0; pass < 2; ++pass) {
        std::size_t page = pass == 0 ? hint_ : 0;
        while (page < page_count_) {
            abi::Word const word = pages_[page];
            std::size_t const count = (word & (free_run | large_run)) != 0 ? word & count_mask : 1;
            if ((word & free_run) != 0 && count >= pages) {
                if (count > pages) { set_free_run(page + pages, count - pages); }
                hint_ = !compact_ && page + pages < page_count_ ? page + pages : 0;
                return page;
            }
            page += count;
        }
    }
    return page_count_;
}

bool Heap::refill(std::size_t size_class) {
    std::size_t const page = take_run(1);
    if (page == page_count_) { return false; }
    pages_[page] = static_cast<abi::Word>(size_class);
    std::byte* const first = start_ + page * abi::page_size;
    std::size_t const size = class_size[size_class];
    FreeObject* list = nullptr;
    for (std::size_t count = abi::page_size / size; count-- != 0;) {
        list = new (first + count * size) FreeObject{list};
    }
    free_[size_class] = list;
    return true;
}

void* Heap::allocate(std::size_t bytes) {
    if (bytes > small_limit) { return allocate_pages(bytes); }
    static constexpr auto class_of = make_class_of();
    std::size_t const size_class = class_of[(bytes + 15) / 16];
    if (free_[size_class] == nullptr && !refill(size_class)) { return nullptr; }
    FreeObject* const object = free_[size_class];
    free_[size_class] = object->next;
    used_ += class_size[size_class];
    return object;
}

void* Heap::allocate_pages(std::size_t bytes) {
    std::size_t const count = std::max<std::size_t>((bytes + abi::page_size - 1) / abi::page_size, 1);
    if (bytes > total_bytes()) { return nullptr; }
    std::size_t const page = take_run(count);
    if (page == page_count_) { return nullptr; }
    pages_[page] = large_run | static_cast<abi::Word>(count);
    pages_[page + count - 1] = pages_[page];
    used_ += count * abi::page_size;
    return start_ + page * abi::page_size;
}

void Heap::free(void* object) {
    if (object == nullptr) { return; }
    std::size_t const page = page_of(object);
    abi::Word const word = pages_[page];
    if ((word & large_run) == 0) {
        free_[word] = new (object) FreeObject{free_[word]};
        used_ -= class_size[word];
        return;
    }
    std::size_t const count = word & count_mask;
    used_ -= count * abi::page_size;
    put_back(page, count);
}

} // namespace ipc::guest
