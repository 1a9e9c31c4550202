#include "account.hpp"
#include "memory_space.hpp"
#include <algorithm>
#include <cstring>
#include <utility>

namespace proc {

struct Chunk {
    ChunkMemory memory;
    Word next_slot = 0, frames = 0;
    Word frames_in_use = 0, objects = 0;
    bool no_frames = false; ///< not one more fits
    Page* free = nullptr;
    std::size_t position = 0; ///< in Account::chunks_
    std::array<Page, chunk_pages> pages;
};

Account::Account(Kernel& kernel, std::uint64_t limit) : kernel_{kernel}, limit_{limit} { all.push_back(this); }
Account::~Account() {
    clear();
    std::erase(all, this);
}

bool Account::allowed(std::uint64_t bytes) {
    if (limit_ != 0 && used_ + bytes > limit_) [[unlikely]] {
        ++refused_;
        if (on_refused != nullptr) on_refused(on_refused_argument, bytes);
        return false;
    }
    return true;
}

void Account::count(std::uint64_t bytes) {
    used_ += bytes;
    if (used_ > peak_) peak_ = used_;
}

bool Account::charge(std::uint64_t bytes, Word frames) {
    if (!allowed(bytes)) return false;
    count(bytes);
    total_frames_used += frames;
    return true;
}

void Account::uncharge(std::uint64_t bytes, Word frames) {
    used_ -= bytes;
    total_frames_used -= frames;
}

Chunk* Account::add_chunk() {
    if (short_of_heap(heap_for_chunk)) return nullptr;
    auto memory = kernel_.allocate_chunk();
    if (!memory) {
        for (Account* account : all) account->trim();
        memory = kernel_.allocate_chunk();
    }
    if (!memory) return nullptr;
    auto* chunk = new Chunk;
    chunk->memory = *memory;
    chunk->position = chunks_.size();
    chunks_.push_back(chunk);
    ++total_chunks;
    return chunk;
}

void Account::release_chunk(Chunk& chunk) {
    kernel_.release_chunk(chunk.memory);
    frames_free_ -= chunk.frames;
    total_frames_free -= chunk.frames;
    --total_chunks;
    chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(chunk.position));
    for (std::size_t i = chunk.position; i < chunks_.size(); ++i) chunks_[i]->position = i;
    if (hint_ > chunk.position) --hint_;
    delete &chunk;
}

void Account::destroy(CapabilityPointer object) {
    kernel_.destroy(object);
    for (Chunk* chunk : chunks_) {
        if (object - chunk->memory.node < chunk_slots) --chunk->objects;
    }
}

void Account::trim(std::size_t keep) {
    std::size_t count = 0;
    KernelThread** thread = &threads;
    for (; *thread != nullptr && count < keep; ++count) thread = &(*thread)->next;
    idle_threads = count;
    while (*thread != nullptr) {
        KernelThread* const victim = std::exchange(*thread, (*thread)->next);
        if (on_thread_deleted != nullptr) on_thread_deleted(*victim);
        for (CapabilityPointer const part : {victim->thread, victim->sched_context, victim->wake}) destroy(part);
        delete victim;
        --all_threads;
    }
    KernelCSpace** cspace = &cspaces;
    for (count = 0; *cspace != nullptr && count < keep; ++count) cspace = &(*cspace)->next;
    while (*cspace != nullptr) {
        KernelCSpace* const victim = std::exchange(*cspace, (*cspace)->next);
        destroy(victim->cnode);
        delete victim;
    }
    while (spaces.size() > keep) {
        MemorySpace* const victim = spaces.back();
        spaces.pop_back();
        victim->leave_pool();
        victim->tear_down();
    }
    for (Pool& pool : pools_) {
        for (CapabilityPointer const object : pool.free) destroy(object);
        pool.free.clear();
    }
    for (std::size_t i = chunks_.size(); i-- > 0;) {
        if (chunks_[i]->frames_in_use == 0 && chunks_[i]->objects == 0) release_chunk(*chunks_[i]);
    }
}

bool Account::make_frames(Chunk& chunk, Word count) {
    if (chunk.next_slot + count > chunk_slots || chunk.frames + count > chunk_pages) return false;
    if (!kernel_.make(chunk.memory, abi::ObjectType::Frame, 0, chunk.next_slot, count)) return false;
    for (Word i = 0; i < count; ++i) {
        Page& page = chunk.pages[chunk.frames];
        page.frame = chunk.memory.node + chunk.next_slot + i;
        page.data = chunk.memory.window + chunk.frames * abi::page_size;
        page.account = this;
        page.chunk = &chunk;
        page.zero = true;
        if (!kernel_.map_window(page.frame, page.data, abi::right::read | abi::right::write)) {
            chunk.next_slot += count;
            return i != 0;
        }
        page.next = chunk.free;
        chunk.free = &page;
        hint_ = std::min(hint_, chunk.position);
        ++chunk.frames;
        ++frames_free_;
        ++total_frames_free;
    }
    chunk.next_slot += count;
    return true;
}

bool Account::grow_frames() {
    for (std::size_t i = chunks_.size(); i-- > 0;) {
        Chunk& chunk = *chunks_[i];
        if (chunk.no_frames) continue;
        for (Word batch : {16u, 4u, 1u}) {
            if (make_frames(chunk, batch)) return true;
        }
        chunk.no_frames = true;
    }
    Chunk* chunk = add_chunk();
    return chunk != nullptr && make_frames(*chunk, 16);
}

Result<Page*> Account::take_page(bool zero) {
    if (!allowed(abi::page_size)) return fail(Error::NoMemory);
    while (hint_ < chunks_.size() && chunks_[hint_]->free == nullptr) ++hint_;
    if (hint_ == chunks_.size() && !grow_frames()) [[unlikely]] {
        ++refused_;
        if (on_refused != nullptr) on_refused(on_refused_argument, abi::page_size);
        return fail(Error::NoMemory);
    }
    Chunk& chunk = *chunks_[hint_];
    Page& page = *chunk.free;
    chunk.free = page.next;
    ++chunk.frames_in_use;
    --frames_free_;
    --total_frames_free;
    ++total_frames_used;
    count(abi::page_size);
    page.references = 1;
    page.hot = false;
    if (zero && !page.zero) std::memset(page.data, 0, abi::page_size);
    page.zero = false;
    return &page;
}

void Account::free_page(Page& page) {
    Chunk& chunk = *page.chunk;
    page.next = chunk.free;
    chunk.free = &page;
    hint_ = std::min(hint_, chunk.position);
    ++frames_free_;
    ++total_frames_free;
    --total_frames_used;
    used_ -= abi::page_size;
    if (--chunk.frames_in_use == 0 && chunk.objects == 0 && frames_free_ >= chunk.frames + spare_frames)
        release_chunk(chunk);
}

Account::Pool& Account::pool(abi::ObjectType type, Word size_bits) {
    for (Pool& pool : pools_) {
        if (pool.type == type && pool.size_bits == size_bits) return pool;
    }
    return pools_.emplace_back(type, size_bits, std::vector<CapabilityPointer>{});
}

Result<CapabilityPointer> Account::take_object(abi::ObjectType type, Word size_bits) {
    Word const bytes = abi::object_size(type, size_bits).bytes;
    if (!allowed(bytes)) return fail(Error::NoMemory);
    Pool& free = pool(type, size_bits);
    if (!free.free.empty()) {
        CapabilityPointer const object = free.free.back();
        free.free.pop_back();
        count(bytes);
        return object;
    }
    auto make_in = [&](Chunk& chunk) -> CapabilityPointer {
        if (chunk.next_slot >= chunk_slots || !kernel_.make(chunk.memory, type, size_bits, chunk.next_slot, 1))
            return 0;
        ++chunk.objects;
        return chunk.memory.node + chunk.next_slot++;
    };
    CapabilityPointer object = 0;
    // Older chunks have at most small gaps left: two tries.
    for (std::size_t i = chunks_.size(), tries = 0; object == 0 && i-- > 0 && tries < 2; ++tries)
        object = make_in(*chunks_[i]);
    if (object == 0) {
        Chunk* chunk = add_chunk();
        if (chunk != nullptr) object = make_in(*chunk);
    }
    if (object == 0) {
        ++refused_;
        if (on_refused != nullptr) on_refused(on_refused_argument, bytes);
        return fail(Error::NoMemory);
    }
    count(bytes);
    return object;
}

void Account::give_object(abi::ObjectType type, Word size_bits, CapabilityPointer object) {
    pool(type, size_bits).free.push_back(object);
    used_ -= abi::object_size(type, size_bits).bytes;
}

void Account::clear() {
    for (MemorySpace* space : spaces) delete space;
    spaces.clear();
    while (cspaces != nullptr) delete std::exchange(cspaces, cspaces->next);
    while (threads != nullptr) {
        KernelThread* const thread = std::exchange(threads, threads->next);
        if (on_thread_deleted != nullptr) on_thread_deleted(*thread);
        delete thread;
    }
    idle_threads = all_threads = 0;
    pools_.clear();
    hint_ = 0;
    for (Chunk* chunk : chunks_) {
        kernel_.release_chunk(chunk->memory);
        delete chunk;
        --total_chunks;
    }
    chunks_.clear();
    total_frames_free -= frames_free_;
    frames_free_ = 0;
}

} // namespace proc
