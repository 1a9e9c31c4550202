#include "file_object.hpp"
#include <algorithm>
#include <cstring>
#include <utility>

namespace proc {

FileObject::~FileObject() {
    drop(pages_);
    drop(writable_pages_);
    for (auto& [number, pages] : anonymous_pages_) {
        for (Page* page : *pages) {
            if (page != nullptr) Account::release(*page);
        }
    }
    if (file_ != 0) cache_.kernel_.drop(file_);
    if (write_file_ != 0) cache_.kernel_.drop(write_file_);
}

void FileObject::drop(Segments& segments) {
    for (auto& [number, segment] : segments) {
        for (Page& page : segment->pages) {
            if (page.frame != 0) cache_.kernel_.drop(page.frame);
        }
        if (segment->window != nullptr) cache_.kernel_.release_window(segment->window);
    }
    segments.clear();
}

Page* FileObject::slot(Segments const& segments, Word index) const {
    auto const found = segments.find(index / chunk_pages);
    return found == segments.end() ? nullptr : &found->second->pages[index % chunk_pages];
}

Result<Page*> FileObject::make_slot(Segments& segments, Word index) {
    Word const number = index / chunk_pages;
    auto found = segments.find(number);
    if (found == segments.end()) {
        if (Account::short_of_heap()) return fail(Error::NoMemory);
        auto segment = std::make_unique<Segment>();
        segment->window = cache_.kernel_.reserve_window();
        if (segment->window == nullptr) return fail(Error::NoMemory);
        for (Word i = 0; i < chunk_pages; ++i) segment->pages[i].data = segment->window + i * abi::page_size;
        found = segments.emplace(number, std::move(segment)).first;
    }
    return &found->second->pages[index % chunk_pages];
}

Result<Page*> FileObject::anonymous_page(Word index) {
    auto& pages = anonymous_pages_[index / chunk_pages];
    if (pages == nullptr) pages = std::make_unique<std::array<Page*, chunk_pages>>();
    Page*& place = (*pages)[index % chunk_pages];
    if (place == nullptr) {
        auto page = account_->take_page(true);
        if (!page) return page;
        place = *page;
    }
    return place;
}

Result<Page*> FileObject::page(Word index, bool writable) {
    if (anonymous()) return anonymous_page(index);
    Segments& segments = writable ? writable_pages_ : pages_;
    if (Page* page = slot(segments, index); page != nullptr && page->frame != 0) [[likely]]
        return page;
    auto fetched = cache_.source_.page(writable && write_file_ != 0 ? write_file_ : file_, index, writable);
    if (!fetched) return fail(fetched.error());
    auto page = make_slot(segments, index);
    Word const rights = writable ? abi::right::read | abi::right::write : abi::right::read;
    if (!page || !cache_.kernel_.map_window(fetched->frame, (*page)->data, rights)) {
        cache_.kernel_.drop(fetched->frame);
        return fail(Error::NoMemory);
    }
    (*page)->frame = fetched->frame;
    (*page)->valid_bytes = fetched->valid_bytes;
    (*page)->file = this;
    (*page)->writable = writable;
    return page;
}

Page* FileObject::cached(Word index, bool writable) const {
    if (anonymous()) {
        auto const found = anonymous_pages_.find(index / chunk_pages);
        return found == anonymous_pages_.end() ? nullptr : (*found->second)[index % chunk_pages];
    }
    Page* page = slot(writable ? writable_pages_ : pages_, index);
    return page != nullptr && page->frame != 0 ? page : nullptr;
}

std::byte const* FileObject::window(Word index, bool writable) const {
    if (anonymous()) return nullptr;
    Page const* page = slot(writable ? writable_pages_ : pages_, index);
    return page != nullptr ? page->data : nullptr;
}

Status FileObject::copy(Page& page, Word offset, std::span<std::byte> target) {
    // A revoked frame is no longer in the window either: ask before touching it.
    if (!anonymous() && !cache_.kernel_.valid(page.frame)) {
        forget(page);
        return fail(Error::Fault);
    }
    std::memcpy(target.data(), page.data + offset, target.size());
    return done();
}

Result<std::size_t> FileObject::read(std::uint64_t offset, std::span<std::byte> target) {
    std::size_t count = 0;
    while (count < target.size()) {
        std::uint64_t const position = offset + count;
        if (!anonymous() && position >= status_.size) break;
        auto const index = static_cast<Word>(position / abi::page_size);
        auto const within = static_cast<Word>(position % abi::page_size);
        auto here = page(index, false);
        if (!here) {
            if (here.error() == Error::NoMemory) return fail(Error::NoMemory);
            break;
        }
        std::uint64_t const left = anonymous() ? ~0ull : status_.size - position;
        std::size_t const part =
            static_cast<std::size_t>(std::min<std::uint64_t>({target.size() - count, abi::page_size - within, left}));
        if (!copy(**here, within, target.subspan(count, part))) break;
        count += part;
    }
    return count;
}

void FileObject::forget(Page& page) {
    if (page.frame != 0 && page.account == nullptr) cache_.kernel_.drop(std::exchange(page.frame, 0));
}

Attachment* FileObject::attach_again(Attachment& attachment) {
    auto const again = cache_.source_.attach_again(attachment.capability());
    if (again) return new Attachment{cache_.kernel_, *again};
    attachment.share();
    return &attachment;
}

void FileObject::release() {
    if (--references_ == 0) cache_.unused(*this);
}

Status FileObject::run() {
    if (running_ || anonymous()) return {};
    if (auto status = cache_.source_.deny_write(file_, true); !status) return status;
    running_ = true;
    return {};
}

FileCache::~FileCache() {
    for (FileObject* object : objects_) delete object;
}

Result<FileObject*> FileCache::open(CapabilityPointer file, bool for_write) {
    auto status = source_.status(file);
    auto extra = for_write ? kernel_.duplicate(file) : Result<CapabilityPointer>{CapabilityPointer{0}};
    if (!status || !extra) {
        kernel_.drop(file);
        if (extra && *extra != 0) kernel_.drop(*extra);
        return fail(!status ? status.error() : extra.error());
    }
    probe_unused();
    auto adopt_write = [&](FileObject& object) {
        if (*extra == 0) return;
        if (object.write_file_ != 0) kernel_.drop(object.write_file_);
        object.write_file_ = *extra;
    };
    for (FileObject* object : objects_) {
        if (object->anonymous() || object->status_.inode != status->inode ||
            object->status_.device_major != status->device_major ||
            object->status_.device_minor != status->device_minor) {
            continue;
        }
        if (object->references_++ == 0) std::erase(unused_, object);
        kernel_.drop(file);
        adopt_write(*object);
        object->status_ = *status;
        return object;
    }
    auto* object = new FileObject{*this};
    object->file_ = file;
    object->status_ = *status;
    object->references_ = 1;
    adopt_write(*object);
    objects_.push_back(object);
    return object;
}

FileObject& FileCache::create_anonymous(Account& account) {
    auto* object = new FileObject{*this};
    object->account_ = &account;
    object->references_ = 1;
    objects_.push_back(object);
    return *object;
}

void FileCache::unused(FileObject& object) {
    if (std::exchange(object.running_, false)) static_cast<void>(source_.deny_write(object.file_, false));
    if (object.anonymous() || object.status_.links == 0) {
        destroy(object);
        return;
    }
    unused_.push_back(&object);
    if (unused_.size() > keep) {
        FileObject* oldest = unused_.front();
        unused_.erase(unused_.begin());
        destroy(*oldest);
    }
}

/// A file that was removed must not stay on disk for the sake of the cache: each open looks at one that nobody maps.
void FileCache::probe_unused() {
    if (unused_.empty()) return;
    FileObject* const object = unused_[next_probe_++ % unused_.size()];
    auto const status = source_.status(object->file_);
    if (status && status->links != 0) return;
    std::erase(unused_, object);
    destroy(*object);
}

void FileCache::destroy(FileObject& object) {
    std::erase(objects_, &object);
    delete &object;
}

void FileCache::purge() {
    for (FileObject* object : unused_) destroy(*object);
    unused_.clear();
}

} // namespace proc
