// MemorySpace: mmap, munmap, mprotect, mremap, madvise, brk as Linux has them.
#include "memory_space.hpp"
#include <algorithm>

namespace proc {

using linux_process::map_top;

namespace {
constexpr Word page_mask = abi::page_size - 1;
constexpr bool aligned(Word value) { return (value & page_mask) == 0; }
/// Rounded up to pages; 0 on overflow.
constexpr Word round_up(Word length) { return (length + page_mask) & ~page_mask; }
constexpr Word all_protections = protection::read | protection::write | protection::execute;
constexpr Word protection_growsdown = 0x01000000, protection_growsup = 0x02000000;
} // namespace

// --- calls ---

Address MemorySpace::set_break(Address address) {
    if (address < break_start_ || break_start_ == 0) return break_;
    Address const old_end = round_up(break_), new_end = round_up(address);
    if (new_end < address || address - break_start_ > data_limit) return break_;
    if (new_end > old_end) {
        // A gap to what lies above stays, as Linux keeps it for a stack guard.
        if (new_end > map_top || !range_free(old_end, new_end) || !room_for((new_end - old_end) / abi::page_size))
            return break_;
        Mapping heap;
        heap.start = old_end;
        heap.end = new_end;
        heap.protection = protection::read | protection::write;
        heap.kind = Mapping::Kind::Heap;
        if (!add_mapping(heap)) return break_;
    } else if (new_end < old_end) {
        if (!split(new_end) || !split(old_end)) return break_;
        remove_mappings(new_end, old_end);
    }
    return break_ = address;
}

Result<Address> MemorySpace::map(Address address, Word length, Word protection, Word flags, Word page_offset,
                                 FileObject* file, bool may_write, Attachment* attachment) {
    Word const type = flags & map_flag::type_mask;
    bool const shared = type == map_flag::shared || type == map_flag::shared_validate;
    if (!shared && type != map_flag::private_mapping) return fail(Error::Invalid);
    if (length == 0) return fail(Error::Invalid);
    Word const size = round_up(length);
    if (size == 0) return fail(Error::NoMemory);
    if (file != nullptr && page_offset + size / abi::page_size < page_offset) return fail(Error::Overflow);
    if (!room_for(size / abi::page_size)) return fail(Error::NoMemory);
    bool const fixed = (flags & (map_flag::fixed | map_flag::fixed_no_replace)) != 0;
    if (fixed) {
        if (!aligned(address)) return fail(Error::Invalid);
        if (address > program_end || size > program_end - address) return fail(Error::NoMemory);
        if (address < lowest) return fail(Error::NotPermitted);
        if ((flags & map_flag::fixed_no_replace) != 0) {
            if (!range_free(address, address + size)) return fail(Error::Exists);
        } else if (Status status = unmap(address, size); !status) {
            return fail(status.error());
        }
    } else {
        address = find_free(size, address);
        if (address == 0) return fail(Error::NoMemory);
    }
    Mapping mapping;
    mapping.start = address;
    mapping.end = address + size;
    mapping.protection = protection & all_protections;
    mapping.shared = shared;
    mapping.may_write = may_write;
    mapping.attachment = attachment;
    mapping.file = file;
    mapping.page_offset = file != nullptr ? page_offset : 0;
    if (!add_mapping(mapping)) return fail(Error::NoMemory);
    if ((flags & map_flag::populate) != 0) static_cast<void>(touch(address, size, mapping.writable() && !shared));
    return address;
}

Status MemorySpace::unmap(Address address, Word length) {
    Word const size = round_up(length);
    if (!aligned(address) || size == 0 || address > program_end || size > program_end - address)
        return fail(Error::Invalid);
    Address const end = address + size;
    if (range_free(address, end)) return done();
    if (!split(address) || !split(end)) return fail(Error::NoMemory);
    remove_mappings(address, end);
    return done();
}

Status MemorySpace::detach(Address address) {
    auto const first = mappings_.find(address);
    if (first == mappings_.end() || first->second.attachment == nullptr || first->second.page_offset != 0)
        return fail(Error::Invalid);
    Attachment const* const attachment = first->second.attachment;
    for (auto current = first; current != mappings_.end();) {
        Mapping const mapping = current->second;
        ++current;
        if (mapping.attachment == attachment) remove_mappings(mapping.start, mapping.end);
    }
    return done();
}

Status MemorySpace::protect(Address address, Word length, Word protection) {
    protection &= ~(protection_growsdown | protection_growsup);
    if (!aligned(address) || (protection & ~all_protections) != 0) return fail(Error::Invalid);
    if (length == 0) return done();
    Word const size = round_up(length);
    if (size == 0 || address > program_end || size > program_end - address) return fail(Error::NoMemory);
    Address const end = address + size;
    // Everything must be mapped before anything changes.
    for (Address position = address; position < end;) {
        Mapping const* mapping = find(position);
        if (mapping == nullptr) return fail(Error::NoMemory);
        if (mapping->shared && !mapping->may_write && (protection & protection::write) != 0) return fail(Error::Access);
        position = mapping->end;
    }
    if (!split(address) || !split(end)) return fail(Error::NoMemory);
    for (auto current = mappings_.lower_bound(address); current != mappings_.end() && current->first < end; ++current) {
        Mapping& mapping = current->second;
        Word const old = mapping.protection;
        if (old == protection) continue;
        mapping.protection = protection;
        Word const pages = (mapping.end - mapping.start) / abi::page_size;
        if (protection == 0) {
            kernel().unmap(space_, mapping.start, pages);
        } else if ((old & protection::write) != 0 && (protection & protection::write) == 0) {
            kernel().protect(space_, mapping.start, pages, abi::right::read);
        } else if (mapping.shared && (protection & protection::write) != 0 && !mapping.file->anonymous()) {
            // The frames mapped so far carry no right to write.
            drop_pages(mapping.start, mapping.end);
        }
        // More rights come with the next fault.
    }
    merge_around(address, end);
    return done();
}

Result<Address> MemorySpace::remap(Address address, Word old_length, Word new_length, Word flags, Address new_address) {
    constexpr Word may_move = 1, fixed = 2;
    if (!aligned(address) || (flags & ~(may_move | fixed)) != 0 || ((flags & fixed) != 0 && (flags & may_move) == 0))
        return fail(Error::Invalid);
    Word const old_size = round_up(old_length), new_size = round_up(new_length);
    if (new_size == 0) return fail(Error::Invalid);
    if (address >= program_end || old_size > program_end - address) return fail(Error::Invalid);
    Mapping* mapping = find(address);
    if (mapping == nullptr || mapping->end - address < old_size) return fail(Error::Fault);
    if (old_size == 0 && !mapping->shared) return fail(Error::Invalid);
    if ((flags & fixed) != 0) {
        if (!aligned(new_address) || new_address < lowest || new_address > program_end ||
            new_size > program_end - new_address ||
            (new_address < address + old_size && address < new_address + new_size)) {
            return fail(Error::Invalid);
        }
    } else {
        if (new_size <= old_size) {
            if (new_size < old_size) {
                if (Status status = unmap(address + new_size, old_size - new_size); !status)
                    return fail(status.error());
            }
            return address;
        }
        if (!room_for((new_size - old_size) / abi::page_size)) return fail(Error::NoMemory);
        Address const old_end = address + old_size;
        if (mapping->end == old_end && new_size <= map_top && address <= map_top - new_size &&
            range_free(old_end, address + new_size)) {
            Mapping more = *mapping;
            more.page_offset = mapping->file != nullptr ? mapping->file_page(old_end) : 0;
            more.start = old_end;
            more.end = address + new_size;
            if (!add_mapping(more)) return fail(Error::NoMemory);
            return address;
        }
        if ((flags & may_move) == 0) return fail(Error::NoMemory);
        new_address = find_free(new_size, 0);
        if (new_address == 0) return fail(Error::NoMemory);
    }
    // Moves: the same pages under other addresses; the kernel's side follows fault by fault.
    if ((flags & fixed) != 0) {
        if (Status status = unmap(new_address, new_size); !status) return fail(status.error());
        if (new_size < old_size) {
            if (Status status = unmap(address + new_size, old_size - new_size); !status) return fail(status.error());
        }
    }
    Word const moved = std::min(old_size, new_size);
    if (!split(address) || !split(address + moved)) return fail(Error::NoMemory);
    mapping = find(address);
    Mapping target = *mapping;
    target.page_offset = mapping->file != nullptr ? mapping->file_page(address) : 0;
    target.start = new_address;
    target.end = new_address + new_size;
    if (!add_mapping(target)) return fail(Error::NoMemory);
    Status status = done();
    pages_.each(address, address + moved, [&](Address from, Page* page) {
        if (!status) return true;
        status = need_table(from - address + new_address);
        if (status) {
            ++page->references;
            ++resident_pages_;
            pages_.set(from - address + new_address, page);
        }
        return true;
    });
    if (!status) {
        static_cast<void>(unmap(new_address, new_size));
        return fail(status.error());
    }
    // The new mapping may have merged with the old one.
    split(address);
    split(address + moved);
    remove_mappings(address, address + moved);
    return new_address;
}

Status MemorySpace::advise(Address address, Word length, Word advice) {
    constexpr Word dont_need = 4, free_pages = 8;
    Word const size = round_up(length);
    if (!aligned(address) || (size == 0 && length != 0)) return fail(Error::Invalid);
    if (size == 0) return done();
    if (address > program_end || size > program_end - address) return fail(Error::NoMemory);
    if (advice > 25 && advice != 100) return fail(Error::Invalid);
    Address const end = address + size;
    bool gap = false;
    for (Address position = address; position < end;) {
        auto current = mappings_.upper_bound(position);
        if (current != mappings_.begin() && std::prev(current)->second.end > position) --current;
        if (current == mappings_.end() || current->second.start >= end) {
            gap = true;
            break;
        }
        gap = gap || current->second.start > position;
        Address const stop = std::min(current->second.end, end);
        if (advice == dont_need || (advice == free_pages && !current->second.shared))
            drop_pages(std::max(position, current->second.start), stop);
        position = stop;
    }
    return gap ? Status{fail(Error::NoMemory)} : done();
}

// --- exec ---

Status MemorySpace::map_segment(Address start, Address end, Word protection, FileObject& file, Word page_offset,
                                Address file_end) {
    if (start < lowest || end > program_end || start >= end) return fail(Error::NoMemory);
    if (Status status = unmap(start, end - start); !status) return status;
    Address const file_pages_end = std::clamp(round_up(file_end), start, end);
    Mapping mapping;
    mapping.protection = protection;
    if (file_pages_end > start) {
        mapping.start = start;
        mapping.end = file_pages_end;
        mapping.page_offset = page_offset;
        mapping.file = &file;
        mapping.file_end = aligned(file_end) ? 0 : file_end;
        if (!add_mapping(mapping)) return fail(Error::NoMemory);
    }
    if (end > file_pages_end) {
        mapping = {};
        mapping.protection = protection;
        mapping.start = file_pages_end;
        mapping.end = end;
        if (!add_mapping(mapping)) return fail(Error::NoMemory);
    }
    return done();
}

Status MemorySpace::map_stack() {
    constexpr Word initial = 33 * abi::page_size;
    Mapping stack;
    stack.start = linux_process::stack_top - initial;
    stack.end = linux_process::stack_top;
    stack.protection = protection::read | protection::write;
    stack.kind = Mapping::Kind::Stack;
    return add_mapping(stack) ? done() : Status{fail(Error::NoMemory)};
}

Mapping* MemorySpace::grow_stack(Address address) {
    if (address >= linux_process::stack_top) return nullptr;
    auto after = mappings_.upper_bound(address);
    if (after == mappings_.end() || after->second.kind != Mapping::Kind::Stack) return nullptr;
    Mapping stack = after->second;
    Address const start = address & ~page_mask;
    std::uint64_t const limit = std::min<std::uint64_t>(stack_limit, linux_process::stack_maximum);
    if (linux_process::stack_top - start > limit || !range_free(start, stack.start) ||
        !room_for((stack.start - start) / abi::page_size))
        return nullptr;
    virtual_pages_ += (stack.start - start) / abi::page_size;
    mappings_.erase(after);
    stack.start = start;
    last_found_ = nullptr;
    return &mappings_.emplace(start, stack).first->second;
}

} // namespace proc
