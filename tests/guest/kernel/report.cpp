// What the guest programs say, on the kernel's log port, and how they end.
#include "kernel_test.hpp"

namespace test {

namespace {
char const* topic = "";
}

/// Leaves the buffer as it was, so that it can be put between any two calls.
void print(char const* text) {
    Word saved[14];
    for (Word index = 0; index < 14; ++index) saved[index] = buffer().message[index];
    while (*text != 0) {
        Word words[50] = {};
        Word length = 0;
        for (; text[length] != 0 && length < 48; ++length)
            words[length / 4] |= static_cast<unsigned char>(text[length]) << 8 * (length % 4);
        for (Word index = 1; index < 12; ++index) buffer().message[index + 1] = words[index];
        system_call(Syscall::Call, abi::boot_slot::debug,
                    MessageInfo{static_cast<Word>(Invocation::DebugWrite), 1 + (length + 3) / 4}, length, words[0]);
        text += length;
    }
    for (Word index = 0; index < 14; ++index) buffer().message[index] = saved[index];
}

void print_number(Word value) {
    char digits[12];
    char* at = digits + 11;
    *at = 0;
    do {
        *--at = static_cast<char>('0' + value % 10);
        value /= 10;
    } while (value != 0);
    print(at);
}

void finish(Word status) {
    invoke(abi::boot_slot::debug, Invocation::DebugExit, {status});
    for (;;) {}
}

void check(bool condition, char const* what, int line) {
    if (condition) return;
    print("FAILED ");
    print(topic);
    print(" line ");
    print_number(static_cast<Word>(line));
    print(": ");
    print(what);
    print("\n");
    finish(1);
}

void run_topic(char const* name, void (*function)()) {
    topic = name;
    function();
    Answer const invariants = invoke(abi::boot_slot::debug, Invocation::DebugCheck);
    if (invariants.first != 0) {
        print("invariant ");
        print_number(invariants.first);
        print("\n");
    }
    CHECK(invariants.good() && invariants.first == 0);
    print("ok ");
    print(name);
    print("\n");
}

Word option(char const* name, Word if_not_said) {
    for (char const* at = boot_info().command_line; *at != 0; ++at) {
        Word length = 0;
        while (name[length] != 0 && at[length] == name[length]) ++length;
        if (name[length] != 0) continue;
        Word value = 0;
        for (at += length; *at >= '0' && *at <= '9'; ++at) value = value * 10 + static_cast<Word>(*at - '0');
        return value;
    }
    return if_not_said;
}

} // namespace test
