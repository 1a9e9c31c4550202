#include "locks.hpp"
#include <algorithm>

namespace vfs {

bool LockList::conflicts(Lock const& wanted) const {
    for (Lock const& held : held_) {
        // flock and POSIX locks do not see each other.
        if ((held.process == 0) != (wanted.process == 0) || same_owner(held, wanted)) { continue; }
        if (held.start < wanted.end && wanted.start < held.end && (held.type == write || wanted.type == write)) {
            return true;
        }
    }
    return false;
}

void LockList::apply(Lock const& lock) {
    std::vector<Lock> kept;
    for (Lock const& held : held_) {
        if (!same_owner(held, lock) || held.end <= lock.start || lock.end <= held.start) {
            kept.push_back(held);
            continue;
        }
        if (held.start < lock.start) {
            kept.push_back(held);
            kept.back().end = lock.start;
        }
        if (held.end > lock.end) {
            kept.push_back(held);
            kept.back().start = lock.end;
        }
    }
    if (lock.type != unlock) { kept.push_back(lock); }
    total_ += static_cast<std::uint32_t>(kept.size()) - static_cast<std::uint32_t>(held_.size());
    held_ = std::move(kept);
}

Error LockList::set(Port& port, OpenFile* file, std::uint32_t process, std::int16_t type, std::uint64_t start,
                    std::uint64_t end, Caller* caller) {
    Lock const lock{file, process, type, start, end};
    if (type != unlock && conflicts(lock)) {
        if (caller == nullptr) { return Error::Again; }
        std::erase_if(waiting_, [&](Request const& request) {
            bool const gone = !port.waiting(request.waiter);
            if (gone) { port.discard(request.waiter); }
            return gone;
        });
        waiting_.push_back({lock, caller->defer()});
        return Error::Deferred;
    }
    if (type != unlock && total_ >= total_maximum) { return Error::NoMemory; }
    apply(lock);
    retry(port);
    return Error::None;
}

void LockList::release(Port& port, OpenFile* file) {
    total_ -= static_cast<std::uint32_t>(std::erase_if(held_, [&](Lock const& lock) { return lock.file == file; }));
    std::erase_if(waiting_, [&](Request const& request) {
        bool const its = request.lock.file == file;
        if (its) { port.discard(request.waiter); }
        return its;
    });
    retry(port);
}

void LockList::retry(Port& port) {
    for (std::size_t i = 0; i < waiting_.size();) {
        Request const request = waiting_[i];
        bool const there = port.waiting(request.waiter);
        if (there && conflicts(request.lock)) {
            ++i;
            continue;
        }
        waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
        if (there) {
            apply(request.lock);
            port.finish_unit(request.waiter, Error::None);
        } else {
            port.discard(request.waiter);
        }
    }
}

} // namespace vfs
