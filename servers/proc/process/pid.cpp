#include "pid.hpp"

namespace proc {

namespace {
constexpr unsigned global_buckets = 256;
Pid* global_table[global_buckets];
std::uint32_t last_global = 0;
} // namespace

std::uint32_t PidNamespace::count = 0;

PidNamespace::PidNamespace(PidNamespace* parent, std::uint32_t inode, UserNamespace& owner, std::uint32_t charged_user)
    : owner{&owner},
      charged_user_{charged_user}, parent_{parent}, level_{parent == nullptr ? 0 : parent->level_ + 1}, inode_{inode} {
    if (parent_ != nullptr) parent_->retain();
    ++count;
}

PidNamespace::~PidNamespace() {
    --count;
    if (parent_ == nullptr) return;
    owner->uncharge(proto::NamespaceKind::Pid, charged_user_);
    parent_->release();
}

void PidNamespace::release() {
    if (--references_ == 0) delete this;
}

bool PidNamespace::contains(PidNamespace const& other) const {
    for (PidNamespace const* space = &other; space != nullptr; space = space->parent_) {
        if (space == this) return true;
    }
    return false;
}

Pid* PidNamespace::find(std::int32_t number) const {
    if (number <= 0 || !table_) return nullptr;
    for (PidNumber* entry = table_[static_cast<unsigned>(number) % buckets]; entry != nullptr; entry = entry->next) {
        if (entry->number == number) return entry->pid;
    }
    return nullptr;
}

std::int32_t PidNamespace::next_used(std::int32_t from) const {
    std::int32_t best = 0;
    for (unsigned i = 0; table_ && i < buckets; ++i) {
        for (PidNumber const* entry = table_[i]; entry != nullptr; entry = entry->next) {
            if (entry->number >= from && (best == 0 || entry->number < best)) best = entry->number;
        }
    }
    return best;
}

std::int32_t PidNamespace::choose() {
    constexpr std::int32_t reserved = 300; // Linux starts over above the PIDs of boot-time daemons
    std::int32_t const first = last_ >= reserved ? reserved : 1;
    std::int32_t number = last_;
    for (std::int32_t tries = pid_maximum - first; tries > 0; --tries) {
        number = number + 1 >= pid_maximum ? first : number + 1;
        if (find(number) != nullptr) continue;
        last_ = number;
        return number;
    }
    return 0;
}

Pid* Pid::create(PidNamespace& space) {
    for (PidNamespace* each = &space; each != nullptr; each = each->parent()) {
        if (each->dead) return nullptr;
    }
    auto pid = std::make_unique<Pid>();
    pid->level = space.level();
    pid->numbers = std::make_unique<PidNumber[]>(space.level() + 1);
    for (PidNamespace* each = &space; each != nullptr; each = each->parent()) {
        std::int32_t const number = each->choose();
        if (number == 0) {
            pid->release();
            static_cast<void>(pid.release());
            return nullptr;
        }
        PidNumber& entry = pid->numbers[each->level()];
        if (!each->table_) each->table_ = std::make_unique<PidNumber*[]>(PidNamespace::buckets);
        PidNumber*& bucket = each->table_[static_cast<unsigned>(number) % PidNamespace::buckets];
        entry = {number, each, pid.get(), bucket};
        bucket = &entry;
        each->retain();
    }
    do { ++last_global; } while (last_global == 0 || find_global(last_global) != nullptr);
    pid->global = last_global;
    Pid*& bucket = global_table[pid->global % global_buckets];
    pid->global_next = bucket;
    bucket = pid.get();
    return pid.release();
}

void Pid::release() {
    if (--references != 0) return;
    for (unsigned i = 0; i <= level; ++i) {
        PidNumber& entry = numbers[i];
        if (entry.space == nullptr) continue;
        PidNumber** place = &entry.space->table_[static_cast<unsigned>(entry.number) % PidNamespace::buckets];
        while (*place != &entry) place = &(*place)->next;
        *place = entry.next;
    }
    for (unsigned i = level + 1; i-- > 0;) {
        if (numbers[i].space != nullptr) numbers[i].space->release();
    }
    if (global != 0) {
        Pid** place = &global_table[global % global_buckets];
        while (*place != this) place = &(*place)->global_next;
        *place = global_next;
    }
    delete this;
}

std::int32_t Pid::number_in(PidNamespace const& viewer) const {
    return viewer.level() <= level && numbers[viewer.level()].space == &viewer ? numbers[viewer.level()].number : 0;
}

Pid* Pid::find_global(std::uint32_t global) {
    for (Pid* pid = global_table[global % global_buckets]; pid != nullptr; pid = pid->global_next) {
        if (pid->global == global) return pid;
    }
    return nullptr;
}

} // namespace proc
