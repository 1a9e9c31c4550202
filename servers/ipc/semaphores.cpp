#include "semaphores.hpp"
#include <algorithm>

namespace sysv {

Result<std::int32_t> Semaphores::get(Caller const& caller, std::int32_t key, std::uint32_t count, std::uint32_t flags,
                                     std::int64_t now) {
    if (count > limits_.semmsl) { return fail(Error::Invalid); }
    auto const check = [&](SemaphoreSet const& set) {
        return count > set.semaphores.size() ? Error::Invalid : Error::None;
    };
    return sysv::get(sets_, caller, key, flags, check, [&]() -> Result<std::int32_t> {
        if (count == 0) { return fail(Error::Invalid); }
        if (count > limits_.semmns - std::min(total_, limits_.semmns) || sets_.size() >= limits_.semmni) {
            return fail(Error::NoSpace);
        }
        std::uint64_t const cost = 256 + count * sizeof(SemaphoreSet::Semaphore);
        if (!budget_->take(cost)) { return fail(Error::NoMemory); }
        SemaphoreSet set;
        set.permissions = Permissions::of(caller, key, flags);
        set.semaphores.resize(count);
        set.change_time = now;
        set.cost = cost;
        total_ += count;
        return sets_.add(std::move(set));
    });
}

/// All or nothing: what was done is taken back if one of them cannot be.
Semaphores::Outcome Semaphores::attempt(SemaphoreSet& set, SemaphoreSet::Waiting& wanted, std::int64_t now) {
    Outcome outcome = Outcome::Done;
    std::size_t done = 0;
    auto* adjust = [&]() -> std::vector<std::int16_t>* {
        auto const found = set.undo.find(wanted.session);
        return found == set.undo.end() ? nullptr : &found->second;
    }();
    for (; done < wanted.operations.size(); ++done) {
        auto const& one = wanted.operations[done];
        auto& semaphore = set.semaphores[one.index];
        std::int32_t const next = semaphore.value + one.change;
        if ((one.change == 0 && semaphore.value != 0) || next < 0) {
            outcome = Outcome::Blocked;
        } else if (next > maximum_value) {
            outcome = Outcome::OutOfRange;
        } else if ((one.flags & undo_flag) != 0 && adjust != nullptr) {
            std::int32_t const back = (*adjust)[one.index] - one.change;
            if (back < -maximum_value - 1 || back > maximum_value) {
                outcome = Outcome::OutOfRange;
            } else {
                (*adjust)[one.index] = static_cast<std::int16_t>(back);
            }
        }
        if (outcome != Outcome::Done) {
            wanted.blocked_by = done;
            break;
        }
        semaphore.value = next;
    }
    if (outcome != Outcome::Done) {
        while (done-- > 0) {
            auto const& one = wanted.operations[done];
            set.semaphores[one.index].value -= one.change;
            if ((one.flags & undo_flag) != 0 && adjust != nullptr) {
                (*adjust)[one.index] = static_cast<std::int16_t>((*adjust)[one.index] + one.change);
            }
        }
        return outcome;
    }
    for (auto const& one : wanted.operations) { set.semaphores[one.index].process = wanted.process; }
    set.operation_time = now;
    return outcome;
}

Result<bool> Semaphores::operate(Caller const& caller, std::int32_t id, std::span<SemaphoreOperation const> operations,
                                 std::uint32_t session, std::uint32_t waiter, std::int64_t now, WokenList& woken) {
    if (operations.empty()) { return fail(Error::Invalid); }
    if (operations.size() > limits_.semopm) { return fail(Error::ArgumentsTooLong); }
    auto* const set = sets_.find(id);
    if (set == nullptr) { return fail(Error::Invalid); }
    bool alters = false, undoes = false, may_block = true;
    for (auto const& one : operations) {
        if (one.index >= set->semaphores.size()) { return fail(Error::FileTooBig); }
        alters = alters || one.change != 0;
        undoes = undoes || (one.flags & undo_flag) != 0;
    }
    if (!set->permissions.allow(caller, alters ? 2 : 4)) { return fail(Error::Access); }
    if (undoes && !set->undo.contains(session)) {
        std::uint64_t const cost = 64 + set->semaphores.size() * sizeof(std::int16_t);
        if (!budget_->take(cost)) { return fail(Error::NoMemory); }
        set->cost += cost;
        set->undo[session].resize(set->semaphores.size());
    }
    SemaphoreSet::Waiting wanted{waiter, {operations.begin(), operations.end()}, caller.process, session, 0};
    switch (attempt(*set, wanted, now)) {
    case Outcome::OutOfRange: return fail(Error::Range);
    case Outcome::Done:
        if (alters) { wake(*set, now, woken); }
        return true;
    case Outcome::Blocked: break;
    }
    may_block = (wanted.operations[wanted.blocked_by].flags & no_wait_flag) == 0;
    if (!may_block) { return fail(Error::Again); }
    set->waiting.push_back(std::move(wanted));
    return false;
}

/// In the order in which they came, again and again while one's success may let another go on.
void Semaphores::wake(SemaphoreSet& set, std::int64_t now, WokenList& woken) {
    for (bool again = true; again;) {
        again = false;
        for (auto entry = set.waiting.begin(); entry != set.waiting.end();) {
            auto const outcome = attempt(set, *entry, now);
            if (outcome == Outcome::Blocked) {
                ++entry;
                continue;
            }
            woken.push_back({entry->waiter, outcome == Outcome::Done ? Error::None : Error::Range});
            entry = set.waiting.erase(entry);
            again = again || outcome == Outcome::Done;
        }
    }
}

Result<std::int32_t> Semaphores::control(Caller const& caller, std::int32_t id, std::uint32_t index,
                                         std::uint32_t command, std::int32_t value, std::int64_t now,
                                         WokenList& woken) {
    constexpr std::uint32_t get_process = 11, get_value = 12, get_waiting = 14, get_waiting_for_zero = 15,
                            set_value = 16;
    auto* const set = sets_.find(id);
    if (set == nullptr) { return fail(Error::Invalid); }
    if (command != get_process && command != get_value && command != get_waiting && command != get_waiting_for_zero &&
        command != set_value) {
        return fail(Error::Invalid);
    }
    if (command == set_value && (value < 0 || value > maximum_value)) { return fail(Error::Range); }
    if (index >= set->semaphores.size()) { return fail(Error::Invalid); }
    if (!set->permissions.allow(caller, command == set_value ? 2 : 4)) { return fail(Error::Access); }
    auto& semaphore = set->semaphores[index];
    auto const waiting = [&](bool for_zero) {
        return static_cast<std::int32_t>(std::count_if(set->waiting.begin(), set->waiting.end(), [&](auto const& one) {
            auto const& blocked = one.operations[one.blocked_by];
            return blocked.index == index && (blocked.change == 0) == for_zero;
        }));
    };
    switch (command) {
    case get_process: return semaphore.process;
    case get_value: return semaphore.value;
    case get_waiting: return waiting(false);
    case get_waiting_for_zero: return waiting(true);
    default: break;
    }
    for (auto& [session, adjust] : set->undo) { adjust[index] = 0; }
    semaphore = {value, caller.process};
    set->change_time = now;
    wake(*set, now, woken);
    return 0;
}

Result<std::size_t> Semaphores::count(Caller const& caller, std::int32_t id, std::uint32_t wanted) {
    auto const* const set = sets_.find(id);
    if (set == nullptr) { return fail(Error::Invalid); }
    if (!set->permissions.allow(caller, wanted)) { return fail(Error::Access); }
    return set->semaphores.size();
}

Result<std::vector<std::uint16_t>> Semaphores::values(Caller const& caller, std::int32_t id) {
    if (auto const allowed = count(caller, id, 4); !allowed) { return fail(allowed.error()); }
    std::vector<std::uint16_t> values;
    for (auto const& semaphore : sets_.find(id)->semaphores) {
        values.push_back(static_cast<std::uint16_t>(semaphore.value));
    }
    return values;
}

Result<ipc::Unit> Semaphores::set_values(Caller const& caller, std::int32_t id, std::span<std::uint16_t const> values,
                                         std::int64_t now, WokenList& woken) {
    auto const number = count(caller, id, 2);
    if (!number) { return fail(number.error()); }
    if (values.size() != *number) { return fail(Error::Invalid); }
    if (std::any_of(values.begin(), values.end(), [](std::uint16_t value) { return value > maximum_value; })) {
        return fail(Error::Range);
    }
    auto& set = *sets_.find(id);
    for (std::size_t i = 0; i < values.size(); ++i) { set.semaphores[i] = {values[i], caller.process}; }
    for (auto& [session, adjust] : set.undo) { std::fill(adjust.begin(), adjust.end(), std::int16_t{0}); }
    set.change_time = now;
    wake(set, now, woken);
    return ipc::Unit{};
}

void Semaphores::drop(std::int32_t id, SemaphoreSet& set, WokenList& woken) {
    for (auto const& one : set.waiting) { woken.push_back({one.waiter, Error::IdentifierRemoved}); }
    budget_->give(set.cost);
    total_ -= static_cast<std::uint32_t>(set.semaphores.size());
    sets_.remove(id);
}

Result<ipc::Unit> Semaphores::remove(Caller const& caller, std::int32_t id, WokenList& woken) {
    auto* const set = sets_.find(id);
    if (set == nullptr) { return fail(Error::Invalid); }
    if (!set->permissions.owned_by(caller)) { return fail(Error::NotPermitted); }
    drop(id, *set, woken);
    return ipc::Unit{};
}

void Semaphores::session_ended(std::uint32_t session, std::int64_t now, WokenList& woken) {
    sets_.each([&](std::int32_t, SemaphoreSet& set) {
        set.waiting.remove_if([&](auto const& one) { return one.session == session; });
        auto const found = set.undo.find(session);
        if (found == set.undo.end()) { return; }
        for (std::size_t i = 0; i < found->second.size(); ++i) {
            if (found->second[i] == 0) { continue; }
            set.semaphores[i].value = std::clamp(set.semaphores[i].value + found->second[i], 0, maximum_value);
        }
        set.undo.erase(found);
        std::uint64_t const cost = 64 + set.semaphores.size() * sizeof(std::int16_t);
        budget_->give(cost);
        set.cost -= cost;
        set.operation_time = now;
        wake(set, now, woken);
    });
}

void Semaphores::forget(std::uint32_t waiter) {
    sets_.each([&](std::int32_t, SemaphoreSet& set) {
        set.waiting.remove_if([&](auto const& one) { return one.waiter == waiter; });
    });
}

void Semaphores::clear(WokenList& woken) {
    while (sets_.size() != 0) {
        std::int32_t const id = sets_.id_at(sets_.highest());
        drop(id, *sets_.find(id), woken);
    }
}

} // namespace sysv
