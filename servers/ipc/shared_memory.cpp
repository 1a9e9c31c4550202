#include "shared_memory.hpp"

namespace sysv {

namespace {
constexpr std::uint32_t pages_of(std::uint32_t bytes) {
    return bytes / SharedMemory::page + (bytes % SharedMemory::page != 0 ? 1 : 0);
}
} // namespace

Result<std::int32_t> SharedMemory::get(Caller const& caller, std::int32_t key, std::uint32_t bytes, std::uint32_t flags,
                                       std::int64_t now, std::uint32_t inode, MakeStorage const& make) {
    auto const check = [&](Segment const& segment) { return bytes > segment.bytes ? Error::Invalid : Error::None; };
    return sysv::get(segments_, caller, key, flags, check, [&]() -> Result<std::int32_t> {
        if (bytes == 0 || bytes > limits_.shmmax) { return fail(Error::Invalid); }
        std::uint32_t const pages = pages_of(bytes);
        if (segments_.size() >= limits_.shmmni || pages > limits_.shmall - std::min(pages_, limits_.shmall)) {
            return fail(Error::NoSpace);
        }
        if (!memory_->take(record_cost)) { return fail(Error::NoMemory); }
        if (!pages_budget_->take(std::uint64_t{pages} * page)) {
            memory_->give(record_cost);
            return fail(Error::NoMemory);
        }
        auto storage = make(bytes);
        if (!storage) {
            memory_->give(record_cost);
            pages_budget_->give(std::uint64_t{pages} * page);
            return fail(storage.error());
        }
        Segment segment;
        segment.permissions = Permissions::of(caller, key, flags);
        segment.bytes = bytes;
        segment.storage = std::move(*storage);
        segment.inode = inode;
        segment.creator_process = caller.process;
        segment.change_time = now;
        pages_ += pages;
        return segments_.add(std::move(segment));
    });
}

Result<Segment const*> SharedMemory::attach(Caller const& caller, std::int32_t id, bool read_only, bool execute,
                                            std::int64_t now) {
    auto* const segment = segments_.find(id);
    if (segment == nullptr) { return fail(Error::Invalid); }
    if (!segment->permissions.allow(caller, (read_only ? 4U : 6U) | (execute ? 1U : 0U))) {
        return fail(Error::Access);
    }
    static_cast<void>(attach_again(id, caller.process, now));
    return segment;
}

bool SharedMemory::attach_again(std::int32_t id, std::int32_t process, std::int64_t now) {
    auto* const segment = segments_.find(id);
    if (segment == nullptr) { return false; }
    ++segment->attachments;
    segment->last_process = process;
    segment->attach_time = now;
    return true;
}

void SharedMemory::detach(std::int32_t id, std::int32_t process, std::int64_t now) {
    auto* const segment = segments_.find(id);
    if (segment == nullptr) { return; }
    --segment->attachments;
    segment->last_process = process;
    segment->detach_time = now;
    if (segment->attachments == 0 && segment->removed) { destroy(id); }
}

Result<ipc::Unit> SharedMemory::remove(Caller const& caller, std::int32_t id, std::int64_t now) {
    auto* const segment = segments_.find(id);
    if (segment == nullptr) { return fail(Error::Invalid); }
    if (!segment->permissions.owned_by(caller)) { return fail(Error::NotPermitted); }
    if (segment->attachments == 0) {
        destroy(id);
        return ipc::Unit{};
    }
    segment->removed = true;
    segment->change_time = now;
    segments_.hide_key(*segment);
    return ipc::Unit{};
}

Result<ipc::Unit> SharedMemory::lock(Caller const& caller, std::int32_t id, bool locked) {
    auto* const segment = segments_.find(id);
    if (segment == nullptr) { return fail(Error::Invalid); }
    if (!caller.capable(capability::ipc_lock) &&
        !(caller.user == segment->permissions.user || caller.user == segment->permissions.creator)) {
        return fail(Error::NotPermitted);
    }
    segment->locked = locked;
    return ipc::Unit{};
}

void SharedMemory::destroy(std::int32_t id) {
    std::uint32_t const pages = pages_of(segments_.find(id)->bytes);
    pages_ -= pages;
    memory_->give(record_cost);
    pages_budget_->give(std::uint64_t{pages} * page);
    segments_.remove(id);
}

void SharedMemory::clear() {
    while (segments_.size() != 0) { destroy(segments_.id_at(segments_.highest())); }
}

} // namespace sysv
