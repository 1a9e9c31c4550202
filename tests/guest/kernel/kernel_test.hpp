// Frame of the kernel's own in-guest test: a root task that needs no library and no server.
#pragma once
#include "../../../microkernel/abi/objects.hpp"
#include <initializer_list>

namespace test {

using abi::Address;
using abi::Error;
using abi::Invocation;
using abi::MessageInfo;
using abi::ObjectType;
using abi::Syscall;
using abi::Word;

inline constexpr Word root_guard = 32 - abi::boot_slot::cnode_radix; ///< zero guard before root's CNode
inline constexpr Address window = 0x20000000; ///< first of 4 MiB with a page table, here and in every new space

inline abi::IpcBuffer& buffer() {
    abi::IpcBuffer* self;
    asm volatile("movl %%fs:0, %0" : "=r"(self));
    return *self;
}
inline abi::BootInfo const& boot_info() { return *reinterpret_cast<abi::BootInfo const*>(abi::boot_info_address); }

struct Answer {
    MessageInfo info;
    Word badge;
    Word first, second;
    [[nodiscard]] Error error() const { return info.status(); }
    [[nodiscard]] bool good() const { return info.status() == Error::None; }
};

inline Answer system_call(Syscall operation, Word capability, MessageInfo info, Word first = 0, Word second = 0,
                          Word reply = 0) {
    Word raw = info.with(operation).raw;
    asm volatile("pushl %%ebp\n\tmovl %%ecx, %%ebp\n\tmovl %%esp, %%ecx\n\tmovl $1f, %%edx\n\tsysenter\n1:\tpopl %%ebp"
                 : "+a"(raw), "+b"(capability), "+S"(first), "+D"(second), "+c"(reply)
                 :
                 : "edx", "cc", "memory");
    return {MessageInfo{raw}, capability, first, second};
}

/// Invokes a kernel object.
inline Answer invoke(Word capability, Invocation label, std::initializer_list<Word> words = {},
                     std::initializer_list<Word> capabilities = {}) {
    Word registers[2] = {0, 0};
    Word index = 0;
    for (Word word : words) {
        if (index < 2) {
            registers[index] = word;
        } else {
            buffer().message[index] = word;
        }
        ++index;
    }
    Word slot = 0;
    for (Word capability_pointer : capabilities) buffer().capabilities[slot++] = capability_pointer;
    return system_call(Syscall::Call, capability, MessageInfo{static_cast<Word>(label), index, slot}, registers[0],
                       registers[1]);
}

inline Answer call(Word endpoint, Word label, Word first = 0, Word second = 0, Word length = 2) {
    return system_call(Syscall::Call, endpoint, MessageInfo{label, length}, first, second);
}
inline Answer receive(Word endpoint, Word reply) {
    return system_call(Syscall::Receive, endpoint, MessageInfo{}, 0, 0, reply);
}
inline Answer reply_receive(Word endpoint, Word reply, Word label, Word first = 0, Word second = 0, Word length = 2) {
    return system_call(Syscall::ReplyReceive, endpoint, MessageInfo{label, length}, first, second, reply);
}
inline void send_reply(Word reply, Word label, Word first = 0, Word second = 0, Word length = 2) {
    system_call(Syscall::Send, reply, MessageInfo{label, length}, first, second);
}
inline Answer wait(Word notification) { return system_call(Syscall::Receive, notification, MessageInfo{}); }
inline void signal(Word notification) { system_call(Syscall::Send, notification, MessageInfo{}); }
inline void yield() { system_call(Syscall::Yield, 0, MessageInfo{}); }

inline std::uint64_t stamp() {
    std::uint64_t value;
    asm volatile("rdtsc" : "=A"(value) : : "memory");
    return value;
}

// --- output and verdict (report.cpp) ---
void print(char const* text);
void print_number(Word value);
[[noreturn]] void finish(Word status);
/// Runs one topic, checks the kernel's invariants, and prints `ok NAME`.
void run_topic(char const* name, void (*function)());
void check(bool condition, char const* what, int line);
#define CHECK(condition) ::test::check(static_cast<bool>(condition), #condition, __LINE__)

/// The number behind `name` on the kernel's command line (`-append "calls=1000 counted=1"`).
Word option(char const* name, Word if_not_said);

// --- objects (objects.cpp) ---
Word next_slot();
Word make(ObjectType type, Word size_bits = 0);
/// From this Untyped instead of the large one.
Word make_from(Word memory, ObjectType type, Word size_bits = 0);
Word mint(Word source, Word badge, Word rights = abi::right::all, Word flags = 0);
void remove(Word slot);
/// A Frame, mapped read/write in this space and, if not 0, in another at the same address of the window.
struct Page {
    Word frame;
    Address address;
};
Page make_page(Word other_space = 0);
Address next_window_address();
/// A space that shares this one's image, and has a page table for the window.
Word make_space();

struct Started {
    Word thread, sched_context;
};
/// Runs entry(argument) in a new thread; `active` gives it a scheduling context of its own of 1 ms.
Started start(Word space, void (*entry)(Word), Word argument, Word priority = 100, bool active = true,
              Word fault_endpoint = 0);
void stop(Started const& thread);

/// Waits so many interrupts of the PIT, 1 ms each; from test_interrupts on (interrupts.cpp).
void sleep(Word milliseconds);

// --- the tests, one file each topic ---
void test_objects();
void test_memory();
void test_messages();
void test_fast_paths();
void test_faults();
void test_scheduling();
void test_machine();
void test_interrupts();
void test_scheduling_tree();
void test_hostile();
void test_random_calls();
void measure();

} // namespace test
