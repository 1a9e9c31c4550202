// MemorySpace: making, copying and emptying address spaces; thread areas and descriptor tables.
#include "memory_space.hpp"
#include <algorithm>
#include <cstring>

namespace proc {

using namespace linux_process;
constexpr Word read_write = abi::right::read | abi::right::write;

namespace {
/// Pages an empty space holds: thread area 0, the top page of its vDSO stack, the first page of table 0.
constexpr Address skeleton_pages[] = {area_base, area_base + area_stack_pages* abi::page_size, files_base};
bool in_skeleton(Address address) { return std::ranges::find(skeleton_pages, address) != std::end(skeleton_pages); }
} // namespace

std::uint64_t MemorySpace::skeleton_bytes() const {
    return abi::object_size(abi::ObjectType::AddressSpace, 0).bytes +
           pages_.tables() * abi::object_size(abi::ObjectType::PageTable, 0).bytes +
           std::size(skeleton_pages) * abi::page_size;
}

Result<MemorySpace*> MemorySpace::create(Account& account) {
    MemorySpace* space;
    if (!account.spaces.empty()) {
        space = account.spaces.back();
        if (!account.charge(space->skeleton_bytes(), std::size(skeleton_pages))) return fail(Error::NoMemory);
        account.spaces.pop_back();
        space->pooled_ = false;
        space->references_ = 1;
    } else {
        space = new MemorySpace{account};
        if (Status status = space->build(); !status) {
            space->tear_down();
            return fail(status.error());
        }
    }
    space->areas_[0] = 1;
    space->files_used_ = 1;
    std::memset(space->pages_.get(area_base)->data, 0, abi::page_size);
    space->set_up_area(0);
    return space;
}

Status MemorySpace::build() {
    auto object = account_->take_object(abi::ObjectType::AddressSpace, 0);
    if (!object) return fail(object.error());
    space_ = *object;
    for (Address address : skeleton_pages) {
        auto page = account_->take_page(true);
        if (!page) return fail(page.error());
        if (Status status = insert(address, **page, read_write); !status) return status;
    }
    for (Word i = 0; i < vdso_pages.size(); ++i) {
        ++vdso_pages[i]->references;
        if (Status status = insert(vdso_base + i * abi::page_size, *vdso_pages[i], abi::right::read); !status)
            return status;
    }
    return done();
}

void MemorySpace::leave_pool() {
    account_->used_ += skeleton_bytes();
    Account::total_frames_used += std::size(skeleton_pages);
    pooled_ = false;
}

void MemorySpace::tear_down() {
    pages_.each(0, abi::user_end & ~(abi::page_size - 1), [](Address, Page* page) {
        Account::release(*page);
        return false;
    });
    pages_.each_table([&](Address start, PageMap::Table& table) {
        kernel().unmap(space_, start, PageMap::table_bytes / abi::page_size);
        kernel().unmap_table(table.object);
        account_->give_object(abi::ObjectType::PageTable, 0, table.object);
    });
    if (space_ != 0) account_->give_object(abi::ObjectType::AddressSpace, 0, space_);
    delete this;
}

void MemorySpace::release() {
    if (--references_ != 0) return;
    clear_program();
    if (account_->spaces.size() >= pooled_spaces) {
        tear_down();
        return;
    }
    // Thread areas and tables beyond the first, and pages of the first that came on demand.
    Address lowest_extra = 0, highest_extra = 0;
    pages_.each(area_base, vdso_base, [&](Address address, Page* page) {
        if (in_skeleton(address)) return true;
        if (lowest_extra == 0) lowest_extra = address;
        highest_extra = address + (page != nullptr ? abi::page_size : 0);
        return true;
    });
    if (lowest_extra != 0) {
        // Piece by piece between what stays.
        pages_.each(lowest_extra, highest_extra, [&](Address address, Page* page) {
            if (in_skeleton(address)) return true;
            kernel().unmap(space_, address, 1);
            Account::release(*page);
            return false;
        });
    }
    std::memset(pages_.get(skeleton_pages[1])->data, 0, abi::page_size);
    if (pages_.tables() > kept_tables) {
        pages_.each_table([&](Address start, PageMap::Table& table) {
            if (pages_.tables() <= kept_tables || start / PageMap::table_bytes == area_base / PageMap::table_bytes)
                return;
            kernel().unmap_table(table.object);
            account_->give_object(abi::ObjectType::PageTable, 0, table.object);
            pages_.remove_table(start);
        });
    }
    areas_[0] = areas_[1] = 0;
    files_used_ = 0;
    faults = 0;
    stack_limit = stack_maximum;
    data_limit = space_limit = ~0ull;
    pooled_ = true;
    account_->uncharge(skeleton_bytes(), std::size(skeleton_pages));
    account_->spaces.push_back(this);
}

void MemorySpace::clear_program() {
    drop_pages(0, program_end);
    for (auto& [start, mapping] : mappings_) release_mapping(mapping);
    mappings_.clear();
    last_found_ = nullptr;
    break_start_ = break_ = 0;
    virtual_pages_ = 0;
    layout = {};
}

Status MemorySpace::need_table(Address address) {
    if (pages_.table(address) != nullptr) [[likely]]
        return done();
    if (Account::short_of_heap()) return fail(Error::NoMemory);
    auto object = account_->take_object(abi::ObjectType::PageTable, 0);
    if (!object) return fail(object.error());
    if (Status status = kernel().map_table(space_, *object, address & ~(PageMap::table_bytes - 1)); !status) {
        account_->give_object(abi::ObjectType::PageTable, 0, *object);
        return status;
    }
    pages_.add_table(address, *object);
    return done();
}

Status MemorySpace::insert(Address address, Page& page, Word rights) {
    Status status = need_table(address);
    if (status && rights != 0) {
        status = kernel().map(space_, page.frame, address, rights);
        if (!status && status.error() == Error::Exists) {
            kernel().unmap(space_, address, 1);
            status = kernel().map(space_, page.frame, address, rights);
        }
    }
    if (!status) {
        Account::release(page);
        return status;
    }
    pages_.set(address, &page);
    if (address < program_end) ++resident_pages_;
    return done();
}

Status MemorySpace::new_private_page(Address address) {
    auto page = account_->take_page(true);
    if (!page) return fail(page.error());
    return insert(address, **page, read_write);
}

void MemorySpace::drop_pages(Address start, Address end) {
    // One invocation per 4 MiB in which there is anything.
    Address first = 0, last = 0;
    auto flush = [&] {
        if (first != 0) kernel().unmap(space_, first, (last - first) / abi::page_size + 1);
        first = 0;
    };
    pages_.each(start, end, [&](Address address, Page* page) {
        if (first != 0 && address / PageMap::table_bytes != first / PageMap::table_bytes) flush();
        if (first == 0) first = address;
        last = address;
        Account::release(*page);
        if (address < program_end) --resident_pages_;
        return false;
    });
    flush();
}

// --- fork ---

Status MemorySpace::copy_page_to(MemorySpace& child, Address address, Page& page) {
    auto copy = child.account_->take_page(false);
    if (!copy) return fail(copy.error());
    std::memcpy((*copy)->data, page.data, abi::page_size);
    (*copy)->hot = page.hot;
    return child.insert(address, **copy, read_write);
}

Result<MemorySpace*> MemorySpace::fork(Word area, Word files, Address stack) {
    auto made = create(*account_);
    if (!made) return made;
    MemorySpace& child = **made;
    Status status = done();
    // Runs of pages that go over with one invocation: same table, all private or all shared.
    Address run_start = 0, run_end = 0;
    bool run_shared = false;
    auto flush = [&] {
        if (run_start != 0) {
            kernel().copy_range(space_, child.space_, run_start, (run_end - run_start) / abi::page_size,
                                run_shared ? Word{read_write} : Word{abi::right::read}, !run_shared);
        }
        run_start = 0;
    };
    Address const stack_page = stack & ~(abi::page_size - 1);
    auto mapping = mappings_.begin();
    pages_.each(0, program_end, [&](Address address, Page* page) {
        if (!status) return true;
        while (mapping != mappings_.end() && mapping->second.end <= address) ++mapping;
        bool const shared = mapping != mappings_.end() && mapping->second.shared;
        // Pages of this process alone that it is about to write again: a copy now spares both sides a fault.
        if (!shared && mapping != mappings_.end() && page->account != nullptr && page->references == 1 &&
            ((page->hot && mapping->second.writable()) || address == stack_page)) {
            flush();
            status = copy_page_to(child, address, *page);
            return true;
        }
        constexpr Word gap = 64 * abi::page_size;
        if (run_start != 0 && (shared != run_shared || address - run_end > gap ||
                               address / PageMap::table_bytes != run_start / PageMap::table_bytes)) {
            flush();
        }
        if (run_start == 0) {
            run_start = address;
            run_shared = shared;
            status = child.need_table(address);
            if (!status) {
                run_start = 0;
                return true;
            }
        }
        run_end = address + abi::page_size;
        ++page->references;
        child.pages_.set(address, page);
        ++child.resident_pages_;
        return true;
    });
    flush();
    std::vector<std::pair<Attachment*, Attachment*>> attachments;
    for (auto const& [start, original] : mappings_) {
        Mapping& copy = child.mappings_.emplace_hint(child.mappings_.end(), start, original)->second;
        if (original.file != nullptr) original.file->share();
        if (original.attachment == nullptr) [[likely]]
            continue;
        // The parts of one attachment are one in the child, too.
        Attachment* known = nullptr;
        for (auto const& [from, to] : attachments) known = from == original.attachment ? to : known;
        if (known != nullptr) {
            known->share();
        } else {
            known = original.file->attach_again(*original.attachment);
            attachments.emplace_back(original.attachment, known);
        }
        copy.attachment = known;
    }
    child.virtual_pages_ = virtual_pages_;
    child.break_start_ = break_start_;
    child.break_ = break_;
    child.layout = layout;
    child.stack_limit = stack_limit;
    child.data_limit = data_limit;
    child.space_limit = space_limit;
    if (status) {
        std::memcpy(&child.area(0), &this->area(area), sizeof(ThreadArea));
        child.set_up_area(0);
        status = child.copy_files_from(*this, files);
    }
    if (!status) {
        child.release();
        return fail(status.error());
    }
    return &child;
}

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
