// The vDSO's own vocabulary: the running thread, arguments of a system call, errors, the program's memory.
//
// A handler takes the thread, reads its arguments from the saved frame and returns what the program finds in EAX. There are
// no globals (the image is read-only and shared by every process), no heap, and 8 KiB of stack.
#pragma once
#include "ipc/call.hpp"
#include "ipc/objects.hpp"
#include "layout.hpp"
#include "proto/process.hpp"

namespace vdso {

using abi::Address;
using abi::Word;
using ipc::Error;
using linux_process::ThreadArea;
using Long = std::int32_t;
using Handler = Long (*)(ThreadArea&);

inline constexpr Long refuse(Error error) {
    auto const code = static_cast<Long>(error);
    if (code < 512) { return -code; }
    if (error == Error::QuietBrokenPipe) { return -static_cast<Long>(Error::BrokenPipe); }
    if (error == Error::RestartSystemCall || error == Error::CallInterrupted) { return -512; }
    return -static_cast<Long>(Error::InputOutput);
}

/// What a handler returns when a signal ended its wait; programs never see these (signal(7)).
inline constexpr Long restart_if_asked = -512; ///< again after the handler if SA_RESTART, else EINTR
inline constexpr Long restart_never = -514;    ///< EINTR after a handler; again if no handler ran

// --- arguments in order ---
inline Word argument1(ThreadArea const& thread) { return thread.frame.ebx; }
inline Word argument2(ThreadArea const& thread) { return thread.frame.ecx; }
inline Word argument3(ThreadArea const& thread) { return thread.frame.edx; }
inline Word argument4(ThreadArea const& thread) { return thread.frame.esi; }
inline Word argument5(ThreadArea const& thread) { return thread.frame.edi; }
inline Word argument6(ThreadArea const& thread) { return thread.frame.ebp; }
inline std::uint64_t pair(Word low, Word high) { return static_cast<std::uint64_t>(high) << 32 | low; }

inline ipc::Cap<proto::Process> process(ThreadArea const& thread) { return {thread.process_slot}; }
inline constexpr ipc::Cap<proto::VfsSession> vfs{linux_process::slot::vfs};
inline ipc::object::CNode own_slots() { return ipc::object::CNode{linux_process::slot::cnode}; }

/// While it lives, a signal ends the waits of this thread (CallInterrupted). Only around operations that may be repeated.
class Interruptible {
public:
    explicit Interruptible(ThreadArea& thread, bool really = true) : thread_{thread} {
        thread_.in_call = really ? 2 : 1;
    }
    ~Interruptible() { thread_.in_call = 1; }
    Interruptible(Interruptible const&) = delete;
    Interruptible& operator=(Interruptible const&) = delete;

private:
    ThreadArea& thread_;
};

// --- the program's memory (entry.S): 0, or -EFAULT where it is not there ---
extern "C" {
Long vdso_copy(void* to, void const* from, Word bytes);
Long vdso_string_length(char const* string, Word most);
Long vdso_load(Word const* address, Word* value);
Long vdso_store(Word* address, Word value);
[[noreturn]] void vdso_exit_full();
}
template <class T>
T* pointer(Word address) {
    return reinterpret_cast<T*>(address);
}
inline bool user_range(Word address, Word bytes) { return bytes <= abi::user_end && address <= abi::user_end - bytes; }
/// Reads a T from the program. False: EFAULT.
template <class T>
[[nodiscard]] bool fetch(Word address, T& value) {
    if constexpr (sizeof(T) == 4) {
        return user_range(address, 4) && vdso_load(pointer<Word>(address), reinterpret_cast<Word*>(&value)) == 0;
    } else {
        return user_range(address, sizeof(T)) && vdso_copy(&value, pointer<void>(address), sizeof(T)) == 0;
    }
}
template <class T>
[[nodiscard]] bool put(Word address, T const& value) {
    if constexpr (sizeof(T) == 4) {
        return user_range(address, 4) &&
               vdso_store(pointer<Word>(address), *reinterpret_cast<Word const*>(&value)) == 0;
    } else {
        return user_range(address, sizeof(T)) && vdso_copy(pointer<void>(address), &value, sizeof(T)) == 0;
    }
}
[[nodiscard]] inline bool put_bytes(Word address, void const* from, Word bytes) {
    return user_range(address, bytes) && vdso_copy(pointer<void>(address), from, bytes) == 0;
}
[[nodiscard]] inline bool fetch_bytes(void* to, Word address, Word bytes) {
    return user_range(address, bytes) && vdso_copy(to, pointer<void>(address), bytes) == 0;
}
inline constexpr Long fault = -static_cast<Long>(Error::Fault);
inline constexpr Long invalid = -static_cast<Long>(Error::Invalid);
inline constexpr Long not_implemented = -static_cast<Long>(Error::NotImplemented);
inline constexpr Long bad_descriptor = -static_cast<Long>(Error::BadDescriptor);

/// A path argument: its bytes stay in the program's memory. Fault, NameTooLong; the empty path is the callee's affair.
ipc::Result<ipc::Path> fetch_path(Word address);

template <class T>
Long finish(ipc::Result<T> const& result) {
    if (!result) [[unlikely]] { return refuse(result.error()); }
    if constexpr (std::is_arithmetic_v<T>) {
        return static_cast<Long>(*result);
    } else {
        return 0;
    }
}

/// Makes the missing page and what follows it in the buffer present. False: EFAULT.
bool touch(ThreadArea& thread, Address address, Address end, bool write);

/// The handler that entry.S takes for this number.
Handler handler_of(Word number);

/// A signal of this thread's own making (SIGPIPE, SIGSEGV).
void raise(ThreadArea& thread, Word signal);

} // namespace vdso
