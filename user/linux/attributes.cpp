// System calls that change a file's mode, owner and times.
#include "arithmetic.hpp"
#include "calls.hpp"
#include "path_calls.hpp"

namespace vdso {

namespace {

Long change_attributes(ThreadArea& thread, Word descriptor, Word address, Word flags,
                       proto::AttributeChange const& change) {
    if ((flags & at_flag::empty_path) != 0 && descriptor != at_current_directory) {
        if (auto const path = fetch_path(address); path && path->length == 0) {
            return find(thread, descriptor) == nullptr
                       ? bad_descriptor
                       : finish(ipc::call<proto::File::SetAttributes>(file(descriptor), change));
        }
    }
    return finish(
        at_path(thread, descriptor, address,
                [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path path) {
                    return ipc::call<Directory::SetAttributes>(directory, at, caller, flags & at_flag::symlink_nofollow,
                                                               change, path);
                }));
}
Long change_open(ThreadArea& thread, Word descriptor, proto::AttributeChange const& change) {
    return find(thread, descriptor) == nullptr
               ? bad_descriptor
               : finish(ipc::call<proto::File::SetAttributes>(file(descriptor), change));
}
proto::AttributeChange mode_change(Word mode) { return {proto::AttributeChange::mode_bit, mode & 07777, 0, 0, 0, 0}; }
proto::AttributeChange owner_change(Word user, Word group) {
    Word const mask =
        (user != ~0U ? proto::AttributeChange::user_bit : 0) | (group != ~0U ? proto::AttributeChange::group_bit : 0);
    return {mask, 0, user, group, 0, 0};
}
Word wide_id(Word id) { return (id & 0xffff) == 0xffff ? ~0U : id & 0xffff; }

} // namespace

Long sys_chmod(ThreadArea& thread) {
    return change_attributes(thread, at_current_directory, argument1(thread), 0, mode_change(argument2(thread)));
}
Long sys_fchmod(ThreadArea& thread) { return change_open(thread, argument1(thread), mode_change(argument2(thread))); }
Long sys_fchmodat(ThreadArea& thread) {
    return change_attributes(thread, argument1(thread), argument2(thread), 0, mode_change(argument3(thread)));
}
Long sys_chown(ThreadArea& thread) {
    return change_attributes(thread, at_current_directory, argument1(thread), 0,
                             owner_change(argument2(thread), argument3(thread)));
}
Long sys_lchown(ThreadArea& thread) {
    return change_attributes(thread, at_current_directory, argument1(thread), at_flag::symlink_nofollow,
                             owner_change(argument2(thread), argument3(thread)));
}
Long sys_fchown(ThreadArea& thread) {
    return change_open(thread, argument1(thread), owner_change(argument2(thread), argument3(thread)));
}
Long sys_fchownat(ThreadArea& thread) {
    return change_attributes(thread, argument1(thread), argument2(thread), argument5(thread),
                             owner_change(argument3(thread), argument4(thread)));
}
Long sys_chown16(ThreadArea& thread) {
    return change_attributes(thread, at_current_directory, argument1(thread), 0,
                             owner_change(wide_id(argument2(thread)), wide_id(argument3(thread))));
}
Long sys_lchown16(ThreadArea& thread) {
    return change_attributes(thread, at_current_directory, argument1(thread), at_flag::symlink_nofollow,
                             owner_change(wide_id(argument2(thread)), wide_id(argument3(thread))));
}
Long sys_fchown16(ThreadArea& thread) {
    return change_open(thread, argument1(thread), owner_change(wide_id(argument2(thread)), wide_id(argument3(thread))));
}

// --- times ---
namespace {
inline constexpr Word time_now = 0x3fffffff, time_omit = 0x3ffffffe;
bool add_time(proto::AttributeChange& change, bool access, std::int64_t seconds, Word nanoseconds) {
    using Change = proto::AttributeChange;
    if (nanoseconds == time_omit) { return true; }
    if (nanoseconds == time_now) {
        change.mask |= access ? Change::access_now_bit : Change::modify_now_bit;
        return true;
    }
    if (nanoseconds >= 1000000000) { return false; }
    change.mask |= access ? Change::access_time_bit : Change::modify_time_bit;
    (access ? change.access_time : change.modify_time) =
        join(static_cast<std::uint64_t>(seconds < 0 ? 0 : seconds), nanoseconds);
    return true;
}
Long set_times(ThreadArea& thread, Word descriptor, Word path, Word flags, proto::AttributeChange const& change) {
    return path == 0 ? change_open(thread, descriptor, change)
                     : change_attributes(thread, descriptor, path, flags, change);
}
inline constexpr proto::AttributeChange both_now{
    proto::AttributeChange::access_now_bit | proto::AttributeChange::modify_now_bit, 0, 0, 0, 0, 0};

struct TimeSpec32 {
    std::int32_t seconds;
    Word nanoseconds;
};
struct TimeSpec64 {
    std::int64_t seconds;
    Word nanoseconds, padding;
};
template <class Time, Word scale>
Long set_two_times(ThreadArea& thread, Word descriptor, Word path, Word times, Word flags) {
    if (times == 0) { return set_times(thread, descriptor, path, flags, both_now); }
    struct {
        Time access, modify;
    } pair_of_times;
    if (!fetch(times, pair_of_times)) { return fault; }
    proto::AttributeChange change{};
    if (scale != 1 && (pair_of_times.access.nanoseconds >= 1000000 || pair_of_times.modify.nanoseconds >= 1000000)) {
        return invalid;
    }
    if (!add_time(change, true, pair_of_times.access.seconds, pair_of_times.access.nanoseconds * scale) ||
        !add_time(change, false, pair_of_times.modify.seconds, pair_of_times.modify.nanoseconds * scale)) {
        return invalid;
    }
    return change.mask == 0 ? 0 : set_times(thread, descriptor, path, flags, change);
}
} // namespace

Long sys_utimensat(ThreadArea& thread) {
    return set_two_times<TimeSpec32, 1>(thread, argument1(thread), argument2(thread), argument3(thread),
                                        argument4(thread));
}
Long sys_utimensat64(ThreadArea& thread) {
    return set_two_times<TimeSpec64, 1>(thread, argument1(thread), argument2(thread), argument3(thread),
                                        argument4(thread));
}
Long sys_utimes(ThreadArea& thread) {
    return set_two_times<TimeSpec32, 1000>(thread, at_current_directory, argument1(thread), argument2(thread), 0);
}
Long sys_futimesat(ThreadArea& thread) {
    return set_two_times<TimeSpec32, 1000>(thread, argument1(thread), argument2(thread), argument3(thread), 0);
}
Long sys_utime(ThreadArea& thread) {
    if (argument2(thread) == 0) { return set_times(thread, at_current_directory, argument1(thread), 0, both_now); }
    struct {
        std::int32_t access, modify;
    } times;
    if (!fetch(argument2(thread), times)) { return fault; }
    proto::AttributeChange change{};
    static_cast<void>(add_time(change, true, times.access, 0));
    static_cast<void>(add_time(change, false, times.modify, 0));
    return set_times(thread, at_current_directory, argument1(thread), 0, change);
}

} // namespace vdso
