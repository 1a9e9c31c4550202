#include "locks.hpp"
#include "open_file.hpp"
#include <algorithm>

namespace vfs {

// --- owners ----------------------------------------------------------------------------------------------------------

LockOwner::~LockOwner() {
    for (Ref<Inode> const& inode : std::exchange(inodes_, {})) {
        if (!inode->locks) { continue; }
        inode->locks->release(port_, *this, true);
        if (inode->locks->empty()) { inode->locks.reset(); }
    }
}

void LockOwner::add(Inode& inode) {
    for (Ref<Inode> const& known : inodes_) {
        if (known == &inode) { return; }
    }
    inodes_.emplace_back(&inode);
}

void LockOwner::release(Inode& inode) {
    auto const found =
        std::find_if(inodes_.begin(), inodes_.end(), [&](Ref<Inode> const& known) { return known == &inode; });
    if (found == inodes_.end()) { return; }
    Ref<Inode> const keep = *found;
    if (std::find(waits_.begin(), waits_.end(), inode.locks.get()) == waits_.end()) { inodes_.erase(found); }
    if (!inode.locks) { return; }
    inode.locks->release(port_, *this, false);
    if (inode.locks->empty()) { inode.locks.reset(); }
}

// --- conflicts -------------------------------------------------------------------------------------------------------

bool Lock::conflicts(Lock const& wanted) const {
    // flock and record locks do not see each other.
    if ((kind == Kind::OpenFile) != (wanted.kind == Kind::OpenFile) || same_owner(wanted)) { return false; }
    return start < wanted.end && wanted.start < end && (type == LockList::write || wanted.type == LockList::write);
}

bool LockList::conflicts(Lock const& wanted) const {
    return std::any_of(held_.begin(), held_.end(), [&](Lock const& held) { return held.conflicts(wanted); });
}

std::optional<Lock> LockList::find(Lock const& wanted) const {
    for (Lock const& held : held_) {
        if (held.conflicts(wanted)) { return held; }
    }
    return {};
}

bool LockList::deadlock(Port& port, Lock const& wanted) const {
    constexpr std::size_t most = 64; // as far as it is looked for
    std::vector<LockOwner*> blockers;
    auto const add = [&](LockList const& list, Lock const& asked) {
        for (Lock const& held : list.held_) {
            if (held.kind == Lock::Kind::Process && held.conflicts(asked) && blockers.size() < most &&
                std::find(blockers.begin(), blockers.end(), held.owner) == blockers.end()) {
                blockers.push_back(held.owner);
            }
        }
    };
    add(*this, wanted);
    for (std::size_t i = 0; i < blockers.size(); ++i) {
        if (blockers[i] == wanted.owner) { return true; }
        for (LockList const* const list : blockers[i]->waits_) {
            for (Request const& request : list->waiting_) {
                if (request.lock.owner == blockers[i] && port.waiting(request.waiter)) { add(*list, request.lock); }
            }
        }
    }
    return false;
}

// --- changes ---------------------------------------------------------------------------------------------------------

QuotaDomain* LockList::payer(Lock const& lock) {
    return lock.kind == Lock::Kind::Process ? lock.owner->payer.get() : lock.file->domain.get();
}

void LockList::count(Lock const& lock, std::int32_t change) {
    total_ += static_cast<std::uint32_t>(change);
    if (QuotaDomain* const domain = payer(lock)) { domain->locks += static_cast<std::uint32_t>(change); }
}

void LockList::apply(Lock const& lock) {
    std::vector<Lock> kept, own;
    auto const first =
        std::find_if(held_.begin(), held_.end(), [&](Lock const& held) { return held.same_owner(lock); });
    auto const place = first - held_.begin(); // nobody of this owner comes before
    for (Lock const& held : held_) {
        if (!held.same_owner(lock)) {
            kept.push_back(held);
            continue;
        }
        if (held.start < lock.start) {
            own.push_back(held);
            own.back().end = std::min(held.end, lock.start);
        }
        if (held.end > lock.end) {
            own.push_back(held);
            own.back().start = std::max(held.start, lock.end);
        }
    }
    if (lock.type != unlock) { own.push_back(lock); }
    std::sort(own.begin(), own.end(), [](Lock const& a, Lock const& b) { return a.start < b.start; });
    std::vector<Lock> merged; // what touches is one
    for (Lock const& each : own) {
        if (!merged.empty() && merged.back().end == each.start && merged.back().type == each.type) {
            merged.back().end = each.end;
        } else {
            merged.push_back(each);
        }
    }
    count(lock, static_cast<std::int32_t>(kept.size() + merged.size()) - static_cast<std::int32_t>(held_.size()));
    kept.insert(kept.begin() + place, merged.begin(), merged.end());
    held_ = std::move(kept);
}

Error LockList::set(Port& port, Lock const& lock, Caller* caller) {
    if (lock.type != unlock && conflicts(lock)) {
        if (caller == nullptr) { return Error::Again; }
        for (std::size_t i = waiting_.size(); i-- > 0;) {
            if (port.waiting(waiting_[i].waiter)) { continue; }
            port.discard(waiting_[i].waiter);
            remove_request(i);
        }
        if (lock.kind == Lock::Kind::Process) {
            if (deadlock(port, lock)) { return Error::Deadlock; }
            lock.owner->waits_.push_back(this);
        }
        waiting_.push_back({lock, caller->defer()});
        return Error::Deferred;
    }
    QuotaDomain const* const domain = payer(lock);
    if (lock.type != unlock && (total_ >= total_maximum || (domain != nullptr && domain->locks >= domain_maximum))) {
        return no_locks;
    }
    apply(lock);
    retry(port);
    return Error::None;
}

void LockList::remove_request(std::size_t index) {
    Lock const& lock = waiting_[index].lock;
    if (lock.kind == Lock::Kind::Process) {
        auto& waits = lock.owner->waits_;
        waits.erase(std::find(waits.begin(), waits.end(), this));
    }
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(index));
}

template <class Which>
void LockList::remove(Port& port, Which which, bool waiting) {
    std::erase_if(held_, [&](Lock const& lock) {
        bool const its = which(lock);
        if (its) { count(lock, -1); }
        return its;
    });
    for (std::size_t i = waiting_.size(); waiting && i-- > 0;) {
        if (!which(waiting_[i].lock)) { continue; }
        port.discard(waiting_[i].waiter);
        remove_request(i);
    }
    retry(port);
}

void LockList::release(Port& port, OpenFile* file) {
    remove(
        port, [&](Lock const& lock) { return lock.file == file; }, true);
}

void LockList::release(Port& port, LockOwner const& owner, bool waiting) {
    remove(
        port, [&](Lock const& lock) { return lock.owner == &owner; }, waiting);
}

void LockList::retry(Port& port) {
    for (std::size_t i = 0; i < waiting_.size();) {
        Request const request = waiting_[i];
        bool const there = port.waiting(request.waiter);
        if (there && conflicts(request.lock)) {
            ++i;
            continue;
        }
        remove_request(i);
        if (there) {
            apply(request.lock);
            port.finish_unit(request.waiter, Error::None);
        } else {
            port.discard(request.waiter);
        }
    }
}

LockList::~LockList() {
    for (Lock const& lock : held_) { count(lock, -1); }
    while (!waiting_.empty()) { remove_request(waiting_.size() - 1); }
}

} // namespace vfs
