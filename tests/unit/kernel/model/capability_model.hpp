// A reference model of Untyped memory, CNode operations and derivation, written from microkernel/README.md and
// abi/objects.hpp alone: a tree of nodes with explicit parents, no code of the kernel's. For property tests.
#pragma once
#include "../../../../microkernel/abi/objects.hpp"
#include <array>
#include <memory>
#include <vector>

namespace model {

using abi::Error;
using abi::ObjectType;
using abi::Word;

/// One capability. Originals, badged capabilities and Untyped copies may have children; other copies are their
/// source's siblings.
struct Node {
    ObjectType type{};
    Word object = 0; ///< number of the object, the same for all its capabilities
    Word size_bits = 0, badge = 0, rights = abi::right::all;
    Word used = 0; ///< Untyped: bytes up to the last child's end
    bool can_have_children = true;
    Node* parent = nullptr;
    std::vector<Node*> children;
};

class Capabilities {
public:
    static constexpr Word slot_count = 64;

    /// Slot 0 holds an Untyped of this size.
    explicit Capabilities(Word size_bits) {
        slots_[0] = std::make_unique<Node>();
        slots_[0]->type = ObjectType::Untyped;
        slots_[0]->size_bits = size_bits;
    }
    [[nodiscard]] Node const* at(Word slot) const { return slots_[slot].get(); }

    Error retype(Word untyped, ObjectType type, Word size_bits, Word first, Word count) {
        Node* const memory = slots_[untyped].get();
        if (first >= slot_count || count > slot_count - first) return Error::RangeError;
        for (Word i = 0; i < count; ++i)
            if (slots_[first + i]) return Error::DeleteFirst;
        auto const [align_bits, bytes] = abi::object_size(type, size_bits);
        Word start = memory->children.empty() ? 0 : memory->used;
        while (start % (Word{1} << align_bits) != 0) ++start;
        if (std::uint64_t{start} + std::uint64_t{bytes} * count > Word{1} << memory->size_bits)
            return Error::NotEnoughMemory;
        memory->used = start + bytes * count;
        for (Word i = 0; i < count; ++i) {
            Node& node = put(first + i, *memory);
            node.type = type;
            node.object = ++last_object_;
            node.size_bits = size_bits;
        }
        return Error::None;
    }
    Error copy(Word from, Word to, Word rights, Word badge) {
        if (slots_[to]) return Error::DeleteFirst;
        Node* const source = slots_[from].get();
        if (!source) return Error::FailedLookup;
        bool const has_badge = source->type == ObjectType::Endpoint || source->type == ObjectType::Notification;
        if (source->type == ObjectType::PageTable) return Error::IllegalOperation;
        if (source->type == ObjectType::Untyped && !source->children.empty()) return Error::RevokeFirst;
        if (has_badge && badge != 0 && source->badge != 0) return Error::IllegalOperation;
        bool const new_badge = has_badge && badge != 0;
        Node& node = put(to, source->can_have_children ? *source : *source->parent);
        node.type = source->type;
        node.object = source->object;
        node.size_bits = source->size_bits;
        node.badge = new_badge ? badge : source->badge;
        node.rights = source->rights & (has_badge || source->type == ObjectType::Frame ? rights : abi::right::all);
        node.can_have_children = new_badge || source->type == ObjectType::Untyped;
        if (source->type == ObjectType::Untyped) source->used = Word{1} << source->size_bits;
        return Error::None;
    }
    Error move(Word from, Word to) {
        if (slots_[to]) return Error::DeleteFirst;
        if (!slots_[from]) return Error::FailedLookup;
        slots_[to] = std::move(slots_[from]);
        return Error::None;
    }
    /// Children go to the parent of the deleted one.
    void remove(Word slot) {
        Node* const node = slots_[slot].get();
        if (node == nullptr) return;
        if (Node* const parent = node->parent; parent != nullptr) {
            std::erase(parent->children, node);
            for (Node* const child : node->children) parent->children.push_back(child), child->parent = parent;
        }
        slots_[slot].reset();
    }
    void revoke(Word slot) {
        Node const* const node = slots_[slot].get();
        while (node != nullptr && !node->children.empty()) {
            Node* const child = node->children.back();
            for (Word i = 0; i < slot_count; ++i)
                if (slots_[i].get() == child) revoke(i), remove(i);
        }
    }
    [[nodiscard]] Word free_bytes(Word slot) const {
        Node const& node = *slots_[slot];
        return (Word{1} << node.size_bits) - (node.children.empty() ? 0 : node.used);
    }

private:
    Node& put(Word slot, Node& parent) {
        slots_[slot] = std::make_unique<Node>();
        slots_[slot]->parent = &parent;
        parent.children.push_back(slots_[slot].get());
        return *slots_[slot];
    }

    std::array<std::unique_ptr<Node>, slot_count> slots_;
    Word last_object_ = 0;
};

} // namespace model
