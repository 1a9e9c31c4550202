// Slots of the server's own CSpace: who may use which. One thread per server: no locks.
//
// Invariant of a server: buffer().receive_slot always names three empty slots of this allocator, before every system call
// that can bring capabilities. After such a one brought some, refresh_receive_window() gives it the next three.
#pragma once
#include "error.hpp"
#include "server_info.hpp"
#include "sys.hpp"
#include <bit>
#include <utility>

namespace ipc {

/// A bitmap of free slots. Its memory is given once and never grows: the CNode does not either.
class SlotAllocator {
public:
    /// Slots first..first+count-1 are free; `words` has a bit for every slot up to there.
    void initialize(Word* words, Word first, Word end) {
        words_ = words;
        word_count_ = (end + 31) / 32;
        for (Word i = 0; i < word_count_; ++i) { words_[i] = 0; }
        for (Word slot = first; slot < end; ++slot) { words_[slot / 32] |= Word{1} << slot % 32; }
        first_ = first;
        end_ = end;
        free_ = end - first;
        hint_ = first / 32;
    }
    /// The slot is one of those this allocator manages.
    [[nodiscard]] bool manages(CapabilityPointer slot) const { return slot - first_ < end_ - first_; }
    [[nodiscard]] bool ready() const { return words_ != nullptr; }
    [[nodiscard]] Word free_count() const { return free_; }

    /// The first of `count` (1..3) consecutive slots, or 0.
    CapabilityPointer take(Word count = 1) {
        for (Word step = 0; step < word_count_; ++step) {
            Word const index = hint_ + step < word_count_ ? hint_ + step : hint_ + step - word_count_;
            Word candidates = words_[index];
            for (Word i = 1; i < count; ++i) { candidates &= words_[index] >> i; }
            if (candidates != 0) {
                Word const bit = static_cast<Word>(std::countr_zero(candidates));
                words_[index] &= ~(((Word{1} << count) - 1) << bit);
                free_ -= count;
                hint_ = index;
                return index * 32 + bit;
            }
        }
        return 0;
    }
    /// The slots must be empty. Others than its own are left alone.
    void give(CapabilityPointer slot, Word count = 1) {
        if (!manages(slot)) { return; }
        for (Word i = 0; i < count; ++i) { words_[(slot + i) / 32] |= Word{1} << (slot + i) % 32; }
        free_ += count;
    }

private:
    Word* words_ = nullptr;
    Word word_count_ = 0;
    Word first_ = 0;
    Word end_ = 0;
    Word free_ = 0;
    Word hint_ = 0;
};

/// The server's allocator: set up by libipc/guest's start-up or the loopback.
inline constinit SlotAllocator slot_allocator;
inline SlotAllocator& slots() { return slot_allocator; }

[[gnu::noinline]] inline void replace_receive_window(abi::MessageInfo info) {
    abi::IpcBuffer& mine = buffer();
    Word const window = mine.receive_slot;
    if (window != 0) {
        Word used = 0;
        for (Word i = 0; i < info.capabilities(); ++i) {
            Word const offset = mine.capabilities[i] - window;
            if ((info.unwrapped() >> i & 1) == 0 && offset < abi::message_capabilities) { used |= Word{1} << offset; }
        }
        for (Word i = 0; i < abi::message_capabilities; ++i) {
            if ((used >> i & 1) == 0) { slots().give(window + i); }
        }
    }
    mine.receive_slot = slots().take(abi::message_capabilities);
}
/// After a message brought capabilities into the receive window: the slots filled belong to whoever decodes it, the others
/// are free again, and a new window is opened. Those that arrived as badges took no slot.
inline void refresh_receive_window(abi::MessageInfo info) {
    Word const all = (Word{1} << info.capabilities()) - 1;
    if ((all & ~info.unwrapped()) != 0 || buffer().receive_slot == 0) { replace_receive_window(info); }
}

/// Deletes the capability in a slot of this server's CSpace; the slot itself is not given back.
inline void delete_capability(CapabilityPointer slot) {
    abi::IpcBuffer& mine = buffer();
    mine.message[0] = slot;
    SystemCall call;
    call.info = abi::MessageInfo{static_cast<Word>(abi::Invocation::CNodeDelete), 2}.with(abi::Syscall::Call);
    call.target = server_slot::cnode;
    call.word0 = slot;
    call.word1 = 0;
    sys_call(call);
}
/// Deletes the capability and gives its slot back.
inline void release_slot(CapabilityPointer slot) {
    if (slots().manages(slot)) {
        delete_capability(slot);
        slots().give(slot);
    }
}

template <class P>
struct Cap;

/// Owns a slot: the capability goes with it.
template <class P>
class Owned {
public:
    constexpr Owned() = default;
    constexpr explicit Owned(Cap<P> cap) : slot_{cap.slot} {}
    Owned(Owned&& other) noexcept : slot_{other.release().slot} {}
    Owned& operator=(Owned&& other) noexcept {
        if (this != &other) {
            reset();
            slot_ = other.release().slot;
        }
        return *this;
    }
    Owned(Owned const&) = delete;
    Owned& operator=(Owned const&) = delete;
    ~Owned() { reset(); }

    [[nodiscard]] Cap<P> get() const { return Cap<P>{slot_}; }
    [[nodiscard]] CapabilityPointer slot() const { return slot_; }
    explicit operator bool() const { return slot_ != 0; }
    Cap<P> release() { return Cap<P>{std::exchange(slot_, 0)}; }
    void reset() {
        if (slot_ != 0) { release_slot(std::exchange(slot_, 0)); }
    }

private:
    CapabilityPointer slot_ = 0;
};

} // namespace ipc
