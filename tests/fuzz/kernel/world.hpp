// A small booted kernel that is put back to its first state in microseconds: three threads that share a CSpace of 64
// slots with some of every kind of object. Used by the fuzz target; knows no test framework.
#pragma once
#include "../../../microkernel/arch/host/machine.hpp"
#include "../../../microkernel/kernel/invariants.hpp"
#include "../../../microkernel/kernel/syscall.hpp"
#include <initializer_list>
#include <vector>

namespace fuzz {

using abi::Word;
using kernel::Thread;

/// One system call as a thread makes it. `words` beyond the second and `capabilities` lie in the IPC buffer.
struct Request {
    abi::Syscall call = abi::Syscall::Call;
    Word label = 0, length = 0, capability_count = 0, buffers = 0;
    Word capability = 0, reply = 0, receive_slot = 0;
    Word words[8] = {};
    Word capabilities[3] = {};
};

class World {
public:
    static constexpr Word thread_count = 3, radix = 6;

    /// Boots; once per process.
    World();
    /// The state right after construction.
    void restore();
    Thread& thread(Word index) { return *threads_[index]; }
    /// Whether the thread can make a system call now.
    [[nodiscard]] bool can_run(Word index) const;
    /// Makes it, to its end or to a preemption point. The thread must be able to run.
    void perform(Word index, Request const& request);
    /// Goes on with a preempted system call, if the thread has one and can run. False: nothing to do.
    bool go_on(Word index);
    void tick();

    /// Remembers the state; is_unchanged() compares all of it but the caller's answer.
    void remember();
    [[nodiscard]] bool is_unchanged(Word caller);
    /// Revokes all memory of the world from outside; false: some of it did not come back.
    bool give_back();

private:
    void make_objects();
    void must(Word capability, abi::Invocation label, std::initializer_list<Word> words,
              std::initializer_list<Word> capabilities);
    abi::Error invoke_as_root(Word capability, abi::Invocation label, std::initializer_list<Word> words,
                              std::initializer_list<Word> capabilities);
    void make_current(Thread& thread);

    struct Range {
        unsigned char* start;
        Word bytes;
        std::vector<unsigned char> first, before;
    };
    std::vector<Range> ranges_;
    kernel::Cpu first_cpu_{}, before_cpu_{};
    Thread* root_ = nullptr;
    Thread* threads_[thread_count] = {};
    Word untyped_ = 0, chunk_ = 0;
};

} // namespace fuzz
