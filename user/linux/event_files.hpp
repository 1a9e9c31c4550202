// Epoll instances and signal descriptors, for whoever waits for files.
#pragma once
#include "descriptors.hpp"
#include "proto/event_set.hpp"

namespace vdso {

inline bool is_kind(Descriptor const& descriptor, proto::FileKind kind) {
    return descriptor.kind == static_cast<std::uint8_t>(kind);
}

inline constexpr ipc::Cap<proto::EventFiles> event_files{linux_process::slot::vfs};

/// A descriptor for the file that make(slot) puts there. flags: as of eventfd2(2) and the like.
template <class Make>
Long open_event_file(ThreadArea& thread, proto::FileKind kind, Word flags, Make make) {
    constexpr Word close_on_exec = 0x80000;
    Long const number = reserve(thread);
    if (number < 0) { return number; }
    if (auto const made = make(slot_of(static_cast<Word>(number))); !made) {
        release(thread, static_cast<Word>(number));
        return refuse(made.error());
    }
    install(thread, static_cast<Word>(number), kind, (flags & close_on_exec) != 0);
    return number;
}

/// read(2) from a signal descriptor.
Long read_signals(ThreadArea& thread, Word descriptor, Word address, Word length);

/// The events that an epoll instance's sets at other servers give it. arm: those without events signal the thread's notification when they
/// have some.
Word poll_parts(ThreadArea& thread, Word instance, Word token, bool arm);
void disarm_parts(ThreadArea& thread, Word instance, Word token);

} // namespace vdso
