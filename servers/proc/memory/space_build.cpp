// MemorySpace: making, copying and emptying address spaces.
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

} // namespace proc
