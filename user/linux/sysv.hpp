// The System V calls: what they share, and Linux's i386 structures (sysvipc(7)). The numbers 393 to 402 and ipc(2) come to the same functions.
#pragma once
#include "calls.hpp"
#include "proto/system_v.hpp"
#include "sessions.hpp"

namespace vdso::sysv {

using V = proto::SystemV;
inline constexpr ipc::Cap<V> owner{linux_process::slot::ipc};

/// operation() is one ipc::call on the session; it is called again if that had to be opened first.
template <class Operation>
auto ask(ThreadArea& thread, Operation operation) {
    auto result = operation();
    if (!result && open_session(thread, proto::NamespaceKind::Ipc, result.error())) [[unlikely]] {
        result = operation();
    }
    return result;
}

/// As glibc passes them; without it the layouts are those of Linux before 2.4, which nobody uses.
inline constexpr Word modern_layout = 0x100;
/// Commands of the *ctl calls.
inline constexpr Word remove = 0, set = 1, status = 2, information = 3;

/// struct ipc64_perm
struct Permissions {
    std::int32_t key;
    Word user, group, creator, creator_group, mode;
    std::uint16_t sequence, padding;
    Word unused[2];
};
static_assert(sizeof(Permissions) == 36);
inline Permissions permissions_of(proto::SystemVPermissions const& one) {
    return {one.key,
            one.user,
            one.group,
            one.creator,
            one.creator_group,
            one.mode,
            static_cast<std::uint16_t>(one.sequence),
            0,
            {}};
}
struct Time {
    Word low, high;
};
inline Time time_of(std::int64_t seconds) { return {static_cast<Word>(seconds), static_cast<Word>(seconds >> 32)}; }
/// IPC_SET: what the caller's structure begins with.
inline bool fetch_permissions(Word address, proto::SystemVPermissions& wanted) {
    Permissions in;
    if (!fetch(address, in)) { return false; }
    wanted = {.key = 0, .user = in.user, .group = in.group, .mode = in.mode};
    return true;
}

/// Nanoseconds from now as a deadline, ~0: none.
Long semaphore_operations(ThreadArea& thread, Word id, Word operations, Word count, std::uint64_t deadline);
Long control_segment(ThreadArea& thread, Word id, Word command, Word buffer);
Long attach(ThreadArea& thread, Word id, Word address, Word flags, Word& result);
Long control_set(ThreadArea& thread, Word id, Word index, Word command, Word argument);
Long control_queue(ThreadArea& thread, Word id, Word command, Word buffer);
Long send(ThreadArea& thread, Word id, Word message, Word bytes, Word flags);
Long receive(ThreadArea& thread, Word id, Word message, Word bytes, Long type, Word flags);

} // namespace vdso::sysv
