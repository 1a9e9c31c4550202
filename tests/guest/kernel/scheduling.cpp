// Time slices, priorities, Yield, and state that threads must not share: FPU, TLS.
#include "kernel_test.hpp"

namespace test {

namespace {

Word volatile counters[2];
Word done = 0;

/// Goes on only if the other thread does: ends if slices are given in turn.
void alternate(Word self) {
    for (Word round = 1; round <= 5; ++round) {
        counters[self] = round;
        while (counters[1 - self] < round) {}
    }
    signal(done);
}

/// Keeps values in x87, SSE and a TLS segment over many switches.
void keep(Word self) {
    Word const mine[2] = {0, self == 0 ? 0x3ff80000u : 0xc0020000u}; // 1.5 and -2.25
    Word const pattern[4] = {self, 2, 3, 4};
    Word seen[4] = {}, result[2] = {};
    asm volatile("fldl %0\n\tmovups %1, %%xmm5" : : "m"(mine), "m"(pattern));
    for (Word round = 1; round <= 5; ++round) {
        counters[self] = round;
        while (counters[1 - self] < round) {}
        asm volatile("fstl %0\n\tmovups %%xmm5, %1" : "=m"(result), "=m"(seen));
        if (result[0] != mine[0] || result[1] != mine[1] || seen[0] != self || seen[3] != 4) done = 0;
        Word value;
        asm volatile("movl %%gs:0, %0" : "=r"(value));
        if (value != 1000 + self) done = 0;
    }
    signal(done);
}

void fresh_fpu(Word) {
    std::uint16_t control = 0;
    Word mxcsr = 0;
    asm volatile("fnstcw %0\n\tstmxcsr %1" : "=m"(control), "=m"(mxcsr));
    if (control == 0x37f && mxcsr == 0x1f80) signal(done);
}

/// Loads registers, tells of it, and stays: the processor holds its state until another thread computes.
void load_and_wait(Word) {
    Word const value[2] = {0, 0x3ff80000u}, pattern[4] = {7, 6, 5, 4}, mxcsr = 0x5f80; // 1.5; rounds up
    asm volatile("fldl %0\n\tmovups %1, %%xmm5\n\tldmxcsr %2" : : "m"(value), "m"(pattern), "m"(mxcsr));
    signal(done);
    for (;;) yield();
}

void copied_fpu(Word) {
    Word result[2] = {}, seen[4] = {}, mxcsr = 0;
    asm volatile("fstl %0\n\tmovups %%xmm5, %1\n\tstmxcsr %2" : "=m"(result), "=m"(seen), "=m"(mxcsr));
    if (result[1] == 0x3ff80000u && seen[0] == 7 && seen[3] == 4 && mxcsr == 0x5f80) signal(done);
    for (;;) yield();
}

/// From a thread whose state is in the processor, then from one whose state is in memory.
void copy_fpu() {
    done = make(ObjectType::Notification);
    Started const source = start(abi::boot_slot::address_space, load_and_wait, 0);
    wait(done);
    Started copies[2];
    for (Started& copy : copies) {
        copy = start(abi::boot_slot::address_space, copied_fpu, 0);
        CHECK(invoke(copy.thread, Invocation::ThreadCopyFloatingPoint, {}, {source.thread}).good());
        wait(done);
    }
    CHECK(invoke(copies[0].thread, Invocation::ThreadCopyFloatingPoint, {}, {copies[0].thread}).good());
    CHECK(!invoke(copies[0].thread, Invocation::ThreadCopyFloatingPoint, {}, {done}).good());
    Started const reset = start(abi::boot_slot::address_space, fresh_fpu, 0);
    CHECK(invoke(reset.thread, Invocation::ThreadCopyFloatingPoint, {}, {source.thread}).good());
    CHECK(invoke(reset.thread, Invocation::ThreadCopyFloatingPoint).good());
    wait(done);
    stop(reset);
    for (Started& copy : copies) stop(copy);
    stop(source);
}

void both(void (*function)(Word), bool with_tls) {
    counters[0] = 0;
    counters[1] = 0;
    done = make(ObjectType::Notification);
    Word const bits[2] = {mint(done, 1), mint(done, 2)};
    static Word tls_words[2] = {1000, 1001};
    Word const space = make_space();
    Started threads[2];
    for (Word index = 0; index < 2; ++index) {
        threads[index] = start(index == 0 ? abi::boot_slot::address_space : space, function, index);
        if (with_tls) {
            CHECK(invoke(threads[index].thread, Invocation::ThreadSuspend).good());
            CHECK(invoke(threads[index].thread, Invocation::ThreadSetTls,
                         {0, reinterpret_cast<Word>(&tls_words[index]), 0xfffff, 1})
                      .good());
            Answer const registers = invoke(threads[index].thread, Invocation::ThreadReadRegisters);
            CHECK(registers.good() && registers.info.length() == abi::register_count);
            Word const eip = registers.first, esp = registers.second;
            CHECK(invoke(threads[index].thread, Invocation::ThreadWriteRegisters,
                         {1, eip, esp, 0x202, 0, 0, 0, 0, 0, 0, 0, 0, abi::selector::tls_first})
                      .good());
        }
    }
    wait(done);
    while (counters[0] < 5 || counters[1] < 5) wait(done);
    CHECK(done != 0);
    stop(threads[0]), stop(threads[1]);
    remove(bits[0]), remove(bits[1]);
    remove(space);
}

} // namespace

void test_scheduling() {
    both(alternate, false);
    both(keep, true);
    done = make(ObjectType::Notification);
    Started const thread = start(abi::boot_slot::address_space, fresh_fpu, 0);
    wait(done);
    stop(thread);
    copy_fpu();
    for (Word round = 0; round < 10; ++round) yield();
    // Budget: a context of 2 ms in 10 ms is throttled. Root sleeps by a context-less wait is covered in interrupts.cpp.
}

} // namespace test
