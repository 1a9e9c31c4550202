// MemorySpace: the list of mappings, which split and merge, and where there is room.
#include "memory_space.hpp"
#include <algorithm>

namespace proc {

using linux_process::map_top;

Mapping* MemorySpace::find(Address address) {
    if (last_found_ != nullptr && address >= last_found_->start && address < last_found_->end) return last_found_;
    auto after = mappings_.upper_bound(address);
    if (after == mappings_.begin()) return nullptr;
    Mapping& mapping = std::prev(after)->second;
    if (address >= mapping.end) return nullptr;
    return last_found_ = &mapping;
}

void MemorySpace::release_mapping(Mapping& mapping) {
    if (mapping.file != nullptr) mapping.file->release();
    if (mapping.attachment != nullptr) mapping.attachment->release();
}

bool MemorySpace::split(Address address) {
    Mapping* mapping = find(address);
    if (mapping == nullptr || mapping->start == address) return true;
    if (mappings_.size() >= mapping_maximum || Account::short_of_heap()) return false;
    Mapping upper = *mapping;
    upper.page_offset = mapping->file_page(address);
    upper.start = address;
    mapping->end = address;
    if (upper.file != nullptr) upper.file->share();
    if (upper.attachment != nullptr) upper.attachment->share();
    mappings_.emplace(address, upper);
    last_found_ = nullptr;
    return true;
}

void MemorySpace::merge_around(Address start, Address end) {
    auto current = mappings_.lower_bound(start);
    if (current != mappings_.begin()) --current;
    while (current != mappings_.end()) {
        auto following = std::next(current);
        if (following == mappings_.end() || following->first > end) break;
        Mapping& a = current->second;
        Mapping& b = following->second;
        bool const same = a.end == b.start && a.protection == b.protection && a.shared == b.shared &&
                          a.kind == b.kind && a.file == b.file && a.file_end == b.file_end &&
                          a.may_write == b.may_write && a.attachment == b.attachment &&
                          (a.file == nullptr || a.file_page(a.end) == b.page_offset);
        if (!same) {
            current = following;
            continue;
        }
        a.end = b.end;
        release_mapping(b);
        mappings_.erase(following);
        last_found_ = nullptr;
    }
}

bool MemorySpace::add_mapping(Mapping mapping) {
    if (mappings_.size() >= mapping_maximum || Account::short_of_heap()) return false;
    virtual_pages_ += (mapping.end - mapping.start) / abi::page_size;
    Address const start = mapping.start, end = mapping.end;
    if (mapping.file != nullptr) mapping.file->share();
    if (mapping.attachment != nullptr) mapping.attachment->share();
    mappings_.emplace(start, mapping);
    merge_around(start, end);
    return true;
}

void MemorySpace::remove_mappings(Address start, Address end) {
    drop_pages(start, end);
    auto current = mappings_.lower_bound(start);
    while (current != mappings_.end() && current->first < end) {
        virtual_pages_ -= (current->second.end - current->second.start) / abi::page_size;
        release_mapping(current->second);
        current = mappings_.erase(current);
    }
    last_found_ = nullptr;
}

bool MemorySpace::range_free(Address start, Address end) const {
    auto after = mappings_.lower_bound(start);
    if (after != mappings_.end() && after->first < end) return false;
    return after == mappings_.begin() || std::prev(after)->second.end <= start;
}

Address MemorySpace::find_free(Word length, Address hint) const {
    hint &= ~(abi::page_size - 1);
    if (hint >= lowest && hint < map_top && length <= map_top - hint && range_free(hint, hint + length)) return hint;
    Address top = map_top;
    for (auto current = mappings_.rbegin(); current != mappings_.rend(); ++current) {
        Mapping const& mapping = current->second;
        if (mapping.start >= map_top) continue;
        if (mapping.end <= top && top - mapping.end >= length) return top - length;
        top = std::min(top, mapping.start);
    }
    return top >= lowest && top - lowest >= length ? top - length : 0;
}

bool MemorySpace::room_for(Word pages) const {
    return (std::uint64_t{virtual_pages_} + pages) * abi::page_size <= space_limit;
}

} // namespace proc
