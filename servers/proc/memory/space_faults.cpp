// MemorySpace: page faults, and proc's own access to a process's memory.
#include "memory_space.hpp"
#include <algorithm>
#include <cstring>

namespace proc {

namespace {
constexpr Word page_mask = abi::page_size - 1;
constexpr Word read_write = abi::right::read | abi::right::write;
constexpr Word around_pages = 16;
FaultOutcome outcome_of(Status const& status) {
    if (status) return FaultOutcome::Resolved;
    return status.error() == Error::NoMemory ? FaultOutcome::OutOfMemory : FaultOutcome::BeyondFile;
}
} // namespace

Word MemorySpace::rights_of(Mapping const& mapping, Page const& page) const {
    if (!mapping.readable()) return 0;
    if (!mapping.writable()) return abi::right::read;
    if (mapping.shared) return page.account != nullptr || page.writable ? read_write : Word{abi::right::read};
    return page.account != nullptr && page.references == 1 ? read_write : Word{abi::right::read};
}

FaultOutcome MemorySpace::fault(Address address, bool write) {
    address &= ~page_mask;
    ++faults;
    if (address >= linux_process::stack_top) return special_fault(address);
    Mapping* mapping = find(address);
    if (mapping == nullptr) mapping = grow_stack(address);
    if (mapping == nullptr) return FaultOutcome::NotMapped;
    if (!mapping->readable() || (write && !mapping->writable())) return FaultOutcome::NotAllowed;
    return resolve(*mapping, address, write);
}

FaultOutcome MemorySpace::special_fault(Address address) {
    using namespace linux_process;
    // The lower page of a vDSO stack, the further pages of a descriptor table.
    bool good = false;
    if (address >= area_base && address < files_base) {
        Word const number = (address - area_base) / area_size;
        good = number < area_count && (areas_[number / 64] >> number % 64 & 1) != 0 &&
               (address - area_base) % area_size < 3 * abi::page_size;
    } else if (address >= files_base && address < vdso_base) {
        Word const number = (address - files_base) / files_size;
        good = number < files_count && (files_used_ >> number & 1) != 0;
    }
    if (!good) return FaultOutcome::NotMapped;
    if (pages_.get(address) != nullptr) return FaultOutcome::NotAllowed;
    return outcome_of(new_private_page(address));
}

FaultOutcome MemorySpace::resolve(Mapping& mapping, Address address, bool write) {
    if (Page* page = pages_.get(address); page != nullptr) return resolve_present(mapping, address, *page, write);
    if (mapping.file == nullptr) {
        auto page = account_->take_page(true);
        if (!page) return FaultOutcome::OutOfMemory;
        return outcome_of(insert(address, **page, rights_of(mapping, **page)));
    }
    return resolve_file(mapping, address, write);
}

FaultOutcome MemorySpace::resolve_present(Mapping& mapping, Address address, Page& page, bool write) {
    if (write && !mapping.shared) {
        if (page.account == nullptr || page.references > 1) return private_copy(mapping, address, page, &page);
        page.hot = true;
        if (upgrade_around(mapping, address)) return FaultOutcome::Resolved;
    }
    if (page.frame != 0) {
        Word const rights = rights_of(mapping, page);
        if (kernel().protect(space_, address, 1, rights) == 1 || kernel().map(space_, page.frame, address, rights))
            return FaultOutcome::Resolved;
        if (page.file == nullptr) return FaultOutcome::OutOfMemory;
        page.file->forget(page);
    }
    // The file's server has taken the frame back: ask again for what is there now.
    drop_pages(address, address + abi::page_size);
    return resolve_file(mapping, address, write);
}

FaultOutcome MemorySpace::private_copy(Mapping& mapping, Address address, Page& source, Page* old) {
    auto copy = account_->take_page(false);
    if (!copy) return FaultOutcome::OutOfMemory;
    Page& page = **copy;
    if (source.account != nullptr) {
        std::memcpy(page.data, source.data, abi::page_size);
    } else if (Status status = mapping.file->copy(source, 0, {page.data, abi::page_size}); !status) {
        Account::release(page);
        if (old != nullptr) drop_pages(address, address + abi::page_size);
        return old != nullptr ? resolve_file(mapping, address, true) : FaultOutcome::BeyondFile;
    }
    if (mapping.file != nullptr && mapping.file_end != 0 && old == nullptr && mapping.file_end > address &&
        mapping.file_end - address < abi::page_size) {
        Word const used = mapping.file_end - address;
        std::memset(page.data + used, 0, abi::page_size - used);
    }
    page.hot = source.account != nullptr;
    if (old != nullptr) drop_pages(address, address + abi::page_size);
    return outcome_of(insert(address, page, rights_of(mapping, page)));
}

FaultOutcome MemorySpace::resolve_file(Mapping& mapping, Address address, bool write) {
    Word const index = mapping.file_page(address);
    bool const writable = mapping.shared && mapping.writable();
    auto found = mapping.file->page(index, writable);
    if (!found) return found.error() == Error::NoMemory ? FaultOutcome::OutOfMemory : FaultOutcome::BeyondFile;
    Page& page = **found;
    bool const tail =
        mapping.file_end != 0 && mapping.file_end > address && mapping.file_end - address < abi::page_size;
    if (!mapping.shared && (write || (tail && mapping.writable())))
        return private_copy(mapping, address, page, nullptr);
    ++page.references;
    Status const status = insert(address, page, rights_of(mapping, page));
    if (!status) {
        if (status.error() == Error::NoMemory) return FaultOutcome::OutOfMemory;
        mapping.file->forget(page); // the next fault asks the server again
        return FaultOutcome::Resolved;
    }
    map_around(mapping, address);
    return FaultOutcome::Resolved;
}

/// Neighbours that are in the file's cache and not mapped yet come along with one invocation per run.
void MemorySpace::map_around(Mapping& mapping, Address address) {
    bool const writable = mapping.shared && mapping.writable();
    if (writable || mapping.file->anonymous()) return;
    constexpr Word bytes = around_pages * abi::page_size;
    Address const block = address & ~(bytes - 1);
    Address const start = std::max(block, mapping.start);
    Address end = std::min(block + bytes, mapping.end);
    if (mapping.writable() && mapping.file_end != 0) end = std::min(end, mapping.file_end & ~page_mask);
    Address run = 0;
    auto flush = [&](Address stop) {
        if (run != 0)
            kernel().copy_window(mapping.file->window(mapping.file_page(run), false), space_, run,
                                 (stop - run) / abi::page_size);
        run = 0;
    };
    for (Address neighbour = start; neighbour < end; neighbour += abi::page_size) {
        Word const index = mapping.file_page(neighbour);
        if (index % chunk_pages == 0) flush(neighbour); // the next segment lies elsewhere in the window
        Page* page = pages_.get(neighbour) == nullptr ? mapping.file->cached(index, false) : nullptr;
        if (page == nullptr) {
            flush(neighbour);
            continue;
        }
        if (run == 0) run = neighbour;
        ++page->references;
        ++resident_pages_;
        pages_.set(neighbour, page);
    }
    flush(end);
}

/// After a fork whose child has gone: pages that are this process's alone again get their right to write back together.
/// Returns whether `address` has it for certain.
bool MemorySpace::upgrade_around(Mapping& mapping, Address address) {
    auto alone = [&](Address neighbour) {
        Page const* page = pages_.get(neighbour);
        return page != nullptr && page->account != nullptr && page->references == 1;
    };
    Address start = address, end = address + abi::page_size;
    while (start > mapping.start && address - start < around_pages * abi::page_size && alone(start - abi::page_size))
        start -= abi::page_size;
    while (end < mapping.end && end - address < around_pages * abi::page_size && alone(end)) end += abi::page_size;
    Word const pages = (end - start) / abi::page_size;
    return kernel().protect(space_, start, pages, read_write) == pages;
}

Status MemorySpace::touch(Address address, Word length, bool write) {
    if (length == 0) return done();
    if (address >= abi::user_end || length > abi::user_end - address) return fail(Error::Fault);
    for (Address page = address & ~page_mask; page < address + length; page += abi::page_size) {
        if (page >= linux_process::stack_top) {
            // The process's own words to the vDSO: there already, or coming on demand.
            if (pages_.get(page) == nullptr && special_fault(page) != FaultOutcome::Resolved) return fail(Error::Fault);
            continue;
        }
        switch (fault(page, write)) {
        case FaultOutcome::Resolved: break;
        case FaultOutcome::OutOfMemory: return fail(Error::NoMemory);
        default: return fail(Error::Fault);
        }
    }
    return done();
}

/// The page at an address, checked as an access by the program would be.
Result<Page*> MemorySpace::accessible(Address address, bool write) {
    address &= ~page_mask;
    Page* page = pages_.get(address);
    if (address >= linux_process::stack_top) {
        if (page == nullptr || (write && address >= linux_process::vdso_base)) return fail(Error::Fault);
        return page;
    }
    Mapping const* mapping = find(address);
    bool const good =
        page != nullptr && mapping != nullptr && mapping->readable() && page->frame != 0 &&
        (!write || (mapping->writable() && (mapping->shared ? rights_of(*mapping, *page) == read_write
                                                            : page->account != nullptr && page->references == 1)));
    if (!good) {
        switch (fault(address, write)) {
        case FaultOutcome::Resolved: break;
        case FaultOutcome::OutOfMemory: return fail(Error::NoMemory);
        default: return fail(Error::Fault);
        }
        page = pages_.get(address);
        if (page == nullptr) return fail(Error::Fault);
    }
    if (page->account == nullptr && !kernel().valid(page->frame)) return fail(Error::Fault);
    return page;
}

Status MemorySpace::copy_in(Address from, std::span<std::byte> to) {
    if (from >= abi::user_end || to.size() > abi::user_end - from) return fail(Error::Fault);
    while (!to.empty()) {
        auto page = accessible(from, false);
        if (!page) return fail(page.error());
        Word const offset = from & page_mask;
        std::size_t const part = std::min<std::size_t>(to.size(), abi::page_size - offset);
        std::memcpy(to.data(), (*page)->data + offset, part);
        from += static_cast<Word>(part);
        to = to.subspan(part);
    }
    return done();
}

Status MemorySpace::copy_out(Address to, std::span<std::byte const> from) {
    if (to >= abi::user_end || from.size() > abi::user_end - to) return fail(Error::Fault);
    while (!from.empty()) {
        auto page = accessible(to, true);
        if (!page) return fail(page.error());
        Word const offset = to & page_mask;
        std::size_t const part = std::min<std::size_t>(from.size(), abi::page_size - offset);
        std::memcpy((*page)->data + offset, from.data(), part);
        to += static_cast<Word>(part);
        from = from.subspan(part);
    }
    return done();
}

Result<std::string> MemorySpace::read_string(Address address, std::size_t maximum) {
    std::string text;
    while (text.size() <= maximum) {
        if (address >= abi::user_end) return fail(Error::Fault);
        auto page = accessible(address, false);
        if (!page) return fail(page.error());
        Word const offset = address & page_mask;
        auto const* start = reinterpret_cast<char const*>((*page)->data + offset);
        Word const available = abi::page_size - offset;
        if (auto const* end = static_cast<char const*>(std::memchr(start, 0, available)); end != nullptr) {
            text.append(start, end);
            return text.size() <= maximum ? Result<std::string>{std::move(text)}
                                          : Result<std::string>{fail(Error::NameTooLong)};
        }
        text.append(start, available);
        address += available;
    }
    return fail(Error::NameTooLong);
}

Result<MemorySpace::MemoryKey> MemorySpace::key(Address address) {
    if (address % 4 != 0) return fail(Error::Invalid);
    Mapping const* mapping = find(address);
    if (mapping == nullptr || !mapping->readable()) return fail(Error::Fault);
    if (!mapping->shared) return MemoryKey{this, address};
    return MemoryKey{mapping->file,
                     std::uint64_t{mapping->file_page(address)} * abi::page_size + address % abi::page_size};
}

} // namespace proc
