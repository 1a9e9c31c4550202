// Invocations of kernel objects, whichever they are. Errors: kernel_base + abi::Error. Header-only without globals.
#pragma once
#include "call.hpp"
#include <array>
#include <initializer_list>

namespace ipc {

/// Answer of an invocation: words 0.. are in buffer().message.
struct Answer {
    abi::Error error;
    Word word0, word1;
    /// Words 2..; valid until the next system call.
    [[nodiscard]] Word word(Word index) const {
        return index == 0 ? word0 : index == 1 ? word1 : buffer().message[index];
    }
};

/// Invokes a kernel object.
template <class... Words>
Answer invoke_with(CapabilityPointer object, abi::Invocation invocation,
                   std::initializer_list<CapabilityPointer> capabilities, Words... words) {
    static_assert(sizeof...(Words) <= abi::message_words);
    abi::IpcBuffer& mine = buffer();
    Word const list[] = {static_cast<Word>(words)..., 0, 0};
    for (Word i = abi::register_words; i < sizeof...(Words); ++i) { mine.message[i] = list[i]; }
    Word count = 0;
    for (CapabilityPointer const capability : capabilities) { mine.capabilities[count++] = capability; }
    SystemCall call;
    call.info = abi::MessageInfo{static_cast<Word>(invocation), sizeof...(Words), count}.with(abi::Syscall::Call);
    call.target = object;
    call.word0 = list[0];
    call.word1 = list[1];
    sys_call(call);
    return {call.info.status(), call.word0, call.word1};
}
template <class... Words>
Answer invoke(CapabilityPointer object, abi::Invocation invocation, Words... words) {
    return invoke_with(object, invocation, {}, words...);
}

namespace detail {
inline Result<void> done(Answer const& answer) {
    if (answer.error != abi::Error::None) { return fail(from_kernel(answer.error)); }
    return {};
}
inline Result<Word> first(Answer const& answer) {
    if (answer.error != abi::Error::None) { return fail(from_kernel(answer.error)); }
    return answer.word0;
}
} // namespace detail

/// A capability of a kernel object. Copies freely; owns nothing.
struct Object {
    CapabilityPointer slot = 0;
    constexpr Object() = default;
    constexpr explicit Object(CapabilityPointer pointer) : slot{pointer} {}
    constexpr explicit operator bool() const { return slot != 0; }
};

} // namespace ipc
