// MemorySpace: thread areas and descriptor tables.
#include "memory_space.hpp"
#include <algorithm>
#include <cstring>

namespace proc {

using namespace linux_process;

// --- thread areas ---

void MemorySpace::set_up_area(Word number) {
    ThreadArea& own = area(number);
    own.stack_top = area_address(number) + (1 + area_stack_pages) * abi::page_size;
    own.files = files_base;
}

abi::IpcBuffer& MemorySpace::buffer(Word number) const {
    return *reinterpret_cast<abi::IpcBuffer*>(pages_.get(area_address(number))->data);
}
ThreadArea& MemorySpace::area(Word number) const {
    return *reinterpret_cast<ThreadArea*>(pages_.get(area_address(number))->data + abi::ipc_buffer_end);
}
SpaceBinding MemorySpace::binding(Word area) const {
    return {space_, pages_.get(area_address(area))->frame, area_address(area)};
}

Result<Word> MemorySpace::add_area() {
    for (Word number = 0; number < area_count; ++number) {
        std::uint64_t const bit = std::uint64_t{1} << number % 64;
        if ((areas_[number / 64] & bit) != 0) continue;
        Address const address = area_address(number);
        if (pages_.get(address) == nullptr) {
            if (Status status = new_private_page(address); !status) return fail(status.error());
        }
        Address const stack = address + area_stack_pages * abi::page_size;
        if (pages_.get(stack) == nullptr) {
            if (Status status = new_private_page(stack); !status) return fail(status.error());
        }
        std::memset(&area(number), 0, sizeof(ThreadArea));
        set_up_area(number);
        areas_[number / 64] |= bit;
        return number;
    }
    return fail(Error::Again);
}

void MemorySpace::remove_area(Word number) {
    areas_[number / 64] &= ~(std::uint64_t{1} << number % 64);
    if (number != 0) drop_pages(area_address(number), area_address(number) + area_size);
}

// --- descriptor tables ---

namespace {
FileTable& header(PageMap const& pages, Word files) {
    return *reinterpret_cast<FileTable*>(pages.get(MemorySpace::files_address(files))->data);
}
} // namespace

Word MemorySpace::files_highest(Word number) const {
    return std::min(header(pages_, number).highest, descriptor_maximum);
}

Descriptor MemorySpace::descriptor(Word files, Word number) const {
    if (number >= descriptor_maximum) return {};
    Address const address = files_address(files) + offsetof(FileTable, descriptors) + number * sizeof(Descriptor);
    Page const* page = pages_.get(address & ~(abi::page_size - 1));
    if (page == nullptr) return {};
    Descriptor value;
    std::memcpy(&value, page->data + address % abi::page_size, sizeof value);
    return value;
}

Status MemorySpace::set_descriptor(Word files, Word number, Descriptor const& value) {
    if (number >= descriptor_maximum) return fail(Error::BadDescriptor);
    Address const address = files_address(files) + offsetof(FileTable, descriptors) + number * sizeof(Descriptor);
    Address const page_address = address & ~(abi::page_size - 1);
    if (pages_.get(page_address) == nullptr) {
        if (Status status = new_private_page(page_address); !status) return status;
    }
    std::memcpy(pages_.get(page_address)->data + address % abi::page_size, &value, sizeof value);
    FileTable& table = header(pages_, files);
    if (value.open != 0 && table.highest <= number) table.highest = number + 1;
    return done();
}

void MemorySpace::set_files_limit(Word files, Word limit) { header(pages_, files).limit = limit; }

void MemorySpace::clear_files(Word files, Word limit) {
    Address const start = files_address(files);
    for (Word i = 0; i < files_size / abi::page_size; ++i) {
        if (Page* page = pages_.get(start + i * abi::page_size); page != nullptr)
            std::memset(page->data, 0, abi::page_size);
    }
    header(pages_, files).limit = limit;
}

Status MemorySpace::copy_files_from(MemorySpace const& other, Word files) {
    // Alignment of an entry divides the page size: page by page, the used part of the first, the others whole.
    Address const source = files_address(files), target = files_address(0);
    Word const used = static_cast<Word>(offsetof(FileTable, descriptors)) +
                      other.files_highest(files) * static_cast<Word>(sizeof(Descriptor));
    for (Word i = 0; i < files_size / abi::page_size; ++i) {
        Page const* from = other.pages_.get(source + i * abi::page_size);
        Page* to = pages_.get(target + i * abi::page_size);
        Word const start = i * abi::page_size;
        Word const part = used > start ? std::min<Word>(used - start, abi::page_size) : 0;
        if (from == nullptr || part == 0) {
            if (to != nullptr) std::memset(to->data, 0, abi::page_size);
            continue;
        }
        if (to == nullptr) {
            if (Status status = new_private_page(target + start); !status) return status;
            to = pages_.get(target + start);
        }
        std::memcpy(to->data, from->data, part);
        std::memset(to->data + part, 0, abi::page_size - part);
    }
    header(pages_, 0).lock = 0;
    return done();
}

Result<Word> MemorySpace::add_files(Word from) {
    for (Word number = 1; number < files_count; ++number) {
        if ((files_used_ >> number & 1) != 0) continue;
        for (Word i = 0; i < files_size / abi::page_size; ++i) {
            Page const* source = pages_.get(files_address(from) + i * abi::page_size);
            if (source == nullptr) continue;
            Address const target = files_address(number) + i * abi::page_size;
            if (Status status = copy_page_to(*this, target, const_cast<Page&>(*source)); !status) {
                drop_pages(files_address(number), files_address(number) + files_size);
                return fail(status.error());
            }
        }
        header(pages_, number).lock = 0;
        files_used_ |= std::uint32_t{1} << number;
        return number;
    }
    return fail(Error::Again);
}

void MemorySpace::remove_files(Word number) {
    files_used_ &= ~(std::uint32_t{1} << number);
    if (number != 0) drop_pages(files_address(number), files_address(number) + files_size);
}

} // namespace proc
