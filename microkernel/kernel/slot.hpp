// Capabilities and the slots that hold them, 16 bytes each. Capabilities derived from one another stand next to each
// other in one ordered list, the derivation list (seL4's MDB): a parent is followed directly by its descendants.
#pragma once
#include "arch.hpp"

namespace kernel {

using abi::Address;
using abi::Error;
using abi::Word;

struct Thread;
struct Endpoint;
struct Notification;
struct Reply;
struct SchedContext;
struct AddressSpace;
struct PageTable;
struct Slot;

enum class CapabilityType : Word {
    Null = 0,
    Untyped = 1,
    CNode = 2,
    Thread = 3,
    Endpoint = 4,
    Notification = 5,
    Reply = 6,
    SchedContext = 7,
    AddressSpace = 8,
    PageTable = 9,
    Frame = 10,
    IrqHandler = 11,
    IoPorts = 12,
    Control = 13, ///< one of ControlKind
    Zombie = 14,  ///< a CNode or Thread being taken apart; lies in a slot of that very object (deletion.cpp)
};

enum class ControlKind : Word { Irq = 0, IoPort = 1, Sched = 2, Debug = 3 };

/// Two words. Word 0: type in bits 0-3, object address (16-byte aligned) above. Word 1 by type, see the accessors.
/// Kernel objects are named by kernel address, Untyped memory and Frames by physical address.
struct Capability {
    Word word0 = 0;
    Word word1 = 0;

    static constexpr Word type_mask = 15;

    [[nodiscard]] constexpr CapabilityType type() const { return static_cast<CapabilityType>(word0 & type_mask); }
    [[nodiscard]] constexpr bool is_null() const { return type() == CapabilityType::Null; }
    [[nodiscard]] constexpr bool is(CapabilityType wanted) const { return type() == wanted; }
    [[nodiscard]] constexpr Word pointer() const { return word0 & ~type_mask; }
    template <class Object>
    [[nodiscard]] Object& object() const {
        return *reinterpret_cast<Object*>(pointer());
    }
    template <class Object>
    [[nodiscard]] Object* object_pointer() const {
        return reinterpret_cast<Object*>(pointer());
    }
    bool operator==(Capability const&) const = default;

    static Capability make(CapabilityType type, void const* object, Word word1 = 0) {
        return {reinterpret_cast<Word>(object) | static_cast<Word>(type), word1};
    }

    // --- Endpoint, Notification: badge << 4 | rights ---
    [[nodiscard]] constexpr Word badge() const { return word1 >> 4; }
    [[nodiscard]] constexpr bool has(Word rights) const { return (word1 & rights) == rights; }

    // --- Untyped: watermark in 16-byte units << 6 | is device << 5 | size_bits ---
    static constexpr Capability untyped(Address physical, Word size_bits, bool device) {
        return {physical | static_cast<Word>(CapabilityType::Untyped), size_bits | (device ? 32u : 0u)};
    }
    [[nodiscard]] constexpr Word untyped_size_bits() const { return word1 & 31; }
    [[nodiscard]] constexpr Word untyped_bytes() const { return Word{1} << untyped_size_bits(); }
    [[nodiscard]] constexpr bool untyped_is_device() const { return (word1 & 32) != 0; }
    [[nodiscard]] constexpr Word watermark() const { return word1 >> 6 << 4; }
    constexpr void set_watermark(Word bytes) { word1 = (word1 & 63) | (bytes + 15) >> 4 << 6; }

    // --- CNode: guard value << 10 | guard bits << 5 | radix ---
    static constexpr Word max_guard_value_bits = 22;
    static constexpr Word max_radix = 16;
    [[nodiscard]] constexpr Word radix() const { return word1 & 31; }
    [[nodiscard]] constexpr Word guard_bits() const { return word1 >> 5 & 31; }
    [[nodiscard]] constexpr Word guard() const { return word1 >> 10; }
    constexpr void set_guard(Word value, Word bits) { word1 = (word1 & 31) | bits << 5 | value << 10; }
    [[nodiscard]] constexpr Word slot_count() const { return Word{1} << radix(); }
    [[nodiscard]] Slot* slots() const { return reinterpret_cast<Slot*>(pointer()); }

    // --- Frame. Word 0: physical address in bits 12-31, uncached 10, device 9, large 8, rights 4-7. Word 1: 0, or for a
    // mapping (in a shadow slot): table or directory address in bits 12-31, of the original 11, directory index 1-10, mapped 0.
    static constexpr Word frame_large = 0x100, frame_device = 0x200, frame_uncached = 0x400;
    static constexpr Word frame_identity = 0xfffff000 | frame_large | type_mask;
    static constexpr Word mapped_bit = 1, of_original_bit = 0x800;
    static constexpr Capability frame(Address physical, Word rights, bool large, bool device) {
        return {physical | static_cast<Word>(CapabilityType::Frame) | rights << 4 | (large ? frame_large : 0) |
                    (device ? frame_device : 0),
                0};
    }
    [[nodiscard]] constexpr Address frame_physical() const { return word0 & 0xfffff000; }
    [[nodiscard]] constexpr Word frame_rights() const { return word0 >> 4 & 15; }
    [[nodiscard]] constexpr bool is_large() const { return (word0 & frame_large) != 0; }
    [[nodiscard]] constexpr bool frame_is_device() const { return (word0 & frame_device) != 0; }
    [[nodiscard]] constexpr Word frame_map_flags() const {
        return (word0 & frame_uncached) != 0 ? abi::map_flag::uncached : 0;
    }
    [[nodiscard]] constexpr bool is_mapped() const { return (word1 & mapped_bit) != 0; } ///< Frame and PageTable
    /// The copy in a thread's IPC buffer slot names its thread, whose buffer ends with it: thread | 2.
    [[nodiscard]] constexpr bool is_ipc_buffer() const { return (word1 & 3) == 2; }
    [[nodiscard]] Thread* ipc_buffer_thread() const { return reinterpret_cast<Thread*>(word1 & ~Word{3}); }
    [[nodiscard]] constexpr Word map_table() const { return word1 & 0xfffff000; } ///< Frame and PageTable
    [[nodiscard]] constexpr Word directory_index() const { return word1 >> 1 & 0x3ff; }
    constexpr void restrict_frame(Word rights) { word0 &= ~((~rights & 15) << 4); }

    // --- others ---
    [[nodiscard]] constexpr Word irq_line() const { return word1; }
    [[nodiscard]] constexpr Word first_port() const { return word1 & 0xffff; }
    [[nodiscard]] constexpr Word last_port() const { return word1 >> 16; }
    [[nodiscard]] constexpr ControlKind control_kind() const { return static_cast<ControlKind>(word1); }

    // --- Zombie. Word 0 bit 4: it is a Thread. Word 1: next zombie's slot | radix - 1 ---
    static constexpr Word zombie_thread = 16;
    [[nodiscard]] constexpr bool zombie_is_thread() const { return (word0 & zombie_thread) != 0; }
    [[nodiscard]] constexpr Word zombie_pointer() const { return word0 & ~(type_mask | zombie_thread); }
    [[nodiscard]] constexpr Word zombie_radix() const { return (word1 & 15) + 1; }
    [[nodiscard]] Slot* zombie_next() const { return reinterpret_cast<Slot*>(word1 & ~Word{15}); }
    void set_zombie_next(Slot* next) { word1 = (word1 & 15) | reinterpret_cast<Word>(next); }
};
static_assert(sizeof(Capability) == 8);

struct alignas(16) Slot {
    Capability capability;
    Word previous_word; ///< previous slot of the derivation list
    Word next_word;     ///< next slot | flags

    static constexpr Word revocable = 1;    ///< may have descendants: is an original, or newly badged
    static constexpr Word first_badged = 2; ///< first of its badge: not a descendant of an equally badged one
    static constexpr Word watched = 4;      ///< endpoint capability whose last descendant's end is told
    static constexpr Word in_thread =
        4;                          ///< CNode or AddressSpace: a thread's own slot, whose content the Thread repeats
    static constexpr Word dead = 8; ///< a watched one without descendants, waiting for NextDead
    static constexpr Word flags_mask = 15;

    [[nodiscard]] bool is_empty() const { return capability.is_null(); }
    [[nodiscard]] Slot* previous() const { return reinterpret_cast<Slot*>(previous_word); }
    [[nodiscard]] Slot* next() const { return reinterpret_cast<Slot*>(next_word & ~flags_mask); }
    [[nodiscard]] bool has_flag(Word flag) const { return (next_word & flag) != 0; }
    void set_flag(Word flag) { next_word |= flag; }
    void clear_flag(Word flag) { next_word &= ~flag; }
    void set_previous(Slot* slot) { previous_word = reinterpret_cast<Word>(slot); }
    void set_next(Slot* slot) { next_word = (next_word & flags_mask) | reinterpret_cast<Word>(slot); }
};
static_assert(sizeof(Slot) == 16 && sizeof(Slot) == 1u << abi::slot_bits);

} // namespace kernel
