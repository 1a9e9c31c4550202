// What a badge stands for. A badge is index (16 bits) and generation (12 bits), so that a capability that outlives its object
// finds nothing.
#pragma once
#include "../../../microkernel/abi/types.hpp"
#include <cstdint>
#include <vector>

namespace proc {
using abi::Word;

enum class ObjectKind : std::uint16_t { None, Thread, Domain, PidNamespace, ProcessDirectory, ProcessFile, Handle, EventSet };

/// Badge to object, O(1). Reserved badges (below `first`) are the wiring's affair.
class Badges {
public:
    static constexpr Word first = 16;

    /// A badge for the object; never fails short of memory's end (65,520 objects).
    Word allocate(ObjectKind kind, void* object) {
        Word index;
        if (!free_.empty()) {
            index = free_.back();
            free_.pop_back();
        } else {
            index = static_cast<Word>(entries_.size());
            entries_.push_back({});
        }
        Entry& entry = entries_[index];
        entry.kind = kind;
        entry.object = object;
        ++used_;
        return (Word{entry.generation} << 16 | (index + first)) & badge_mask;
    }
    void release(Word badge) {
        Entry* entry = at(badge);
        if (entry == nullptr) return;
        entry->kind = ObjectKind::None;
        entry->object = nullptr;
        entry->generation = static_cast<std::uint16_t>((entry->generation + 1) & 0xfff);
        free_.push_back((badge & 0xffff) - first);
        --used_;
    }
    [[nodiscard]] ObjectKind kind(Word badge) const {
        Entry const* entry = const_cast<Badges*>(this)->at(badge);
        return entry == nullptr ? ObjectKind::None : entry->kind;
    }
    /// The object if it is of that kind, else null.
    template <class T>
    [[nodiscard]] T* find(Word badge, ObjectKind kind) const {
        Entry const* entry = const_cast<Badges*>(this)->at(badge);
        return entry == nullptr || entry->kind != kind ? nullptr : static_cast<T*>(entry->object);
    }
    [[nodiscard]] Word used() const { return used_; }

private:
    static constexpr Word badge_mask = (Word{1} << abi::badge_bits) - 1;
    struct Entry {
        ObjectKind kind = ObjectKind::None;
        std::uint16_t generation = 0;
        void* object = nullptr;
    };
    Entry* at(Word badge) {
        Word index = (badge & 0xffff) - first;
        if (index >= entries_.size()) return nullptr;
        Entry& entry = entries_[index];
        return entry.kind == ObjectKind::None || entry.generation != badge >> 16 ? nullptr : &entry;
    }
    std::vector<Entry> entries_;
    std::vector<Word> free_;
    Word used_ = 0;
};

} // namespace proc
