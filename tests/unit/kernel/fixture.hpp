// A booted kernel on the host's machine, and hands to work it with. Every system call ends with a check of all invariants.
#pragma once
#include "../../../microkernel/arch/host/machine.hpp"
#include "../../../microkernel/kernel/invariants.hpp"
#include "../../../microkernel/kernel/ipc.hpp"
#include <doctest/doctest.h>
#include <initializer_list>

namespace test {

using namespace abi;
using arch::host::machine;
using kernel::cpu;
using kernel::Thread;

/// What a system call returned, once the thread runs again.
struct Answer {
    Word info = 0, badge = 0, first = 0, second = 0;
    [[nodiscard]] Error error() const { return MessageInfo{info}.status(); }
    [[nodiscard]] Word label() const { return MessageInfo{info}.label(); }
    [[nodiscard]] Word length() const { return MessageInfo{info}.length(); }
};

struct Client {
    Thread* thread = nullptr;
    Word capability = 0, sched_context = 0, space = 0, buffer_frame = 0;
};

class Kernel {
public:
    Kernel();

    Thread& root() { return *root_; }
    /// Makes `thread` current (it must be runnable), whatever its priority.
    void run(Thread& thread);
    /// One system call of `thread`. The answer is that in its registers afterwards, valid if it still runs.
    Answer system_call(Thread& thread, Syscall call, Word capability, MessageInfo info = {}, Word first = 0,
                       Word second = 0, Word reply = 0);
    Answer invoke(Thread& thread, Word capability, Invocation label, std::initializer_list<Word> words = {},
                  std::initializer_list<Word> capabilities = {});
    Answer invoke(Word capability, Invocation label, std::initializer_list<Word> words = {},
                  std::initializer_list<Word> capabilities = {}) {
        return invoke(*root_, capability, label, words, capabilities);
    }
    static Answer answer(Thread const& thread);

    /// First of `count` empty slots of root's CNode.
    Word slots(Word count = 1);
    /// A new object from root's first large Untyped, in a new slot.
    Word make(ObjectType type, Word size_bits = 0);
    Word mint(Word source, Word badge, Word rights = right::all, Word flags = 0);
    Error remove(Word slot);
    Error revoke(Word slot);
    kernel::Slot& slot(Word pointer);
    template <class Object>
    Object& object(Word pointer) {
        return slot(pointer).capability.object<Object>();
    }
    /// A thread with an IPC buffer, root's CSpace, a space of its own, and (if active) a scheduling context.
    Client make_client(Word priority = 100, bool active = true);
    Word untyped() const { return untyped_; }
    Word free_bytes();
    void check();
    bool checks = true; ///< after each system call; a test may spare its preparations

private:
    Thread* root_;
    Word untyped_ = 0;
    Word next_slot_ = 0;
};

inline constexpr Word cnode = boot_slot::cnode;

} // namespace test
