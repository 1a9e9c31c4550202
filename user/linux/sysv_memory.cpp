// shmget(2), shmat(2), shmdt(2), shmctl(2).
#include "descriptors.hpp"
#include "sysv.hpp"

namespace vdso {

using proto::Process;
using namespace sysv;

namespace {
inline constexpr Word read_only_flag = 010000, round_flag = 020000, remap_flag = 040000, execute_flag = 0100000;
inline constexpr Word shm_status = 13, shm_information = 14, shm_status_any = 15, shm_lock = 11, shm_unlock = 12;

struct SegmentStatus { // struct shmid64_ds
    Permissions permissions;
    Word bytes;
    Time attach, detach, change;
    std::int32_t creator, last;
    Word attachments, unused[2];
};
static_assert(sizeof(SegmentStatus) == 84);

Long get_segment(ThreadArea& thread, Word key, Word bytes, Word flags) {
    return finish(ask(thread, [&] { return ipc::call<V::GetSegment>(owner, static_cast<Long>(key), bytes, flags); }));
}

/// IPC_INFO and SHM_INFO.
Long segment_information(ThreadArea& thread, bool use_of_memory, Word buffer) {
    auto const use = ask(thread, [&] { return ipc::call<V::Use>(owner); });
    auto const limits = ask(thread, [&] { return ipc::call<V::Limits>(owner); });
    if (!use || !limits) { return refuse(use ? limits.error() : use.error()); }
    Long const highest = use->highest_segment < 0 ? 0 : use->highest_segment;
    if (use_of_memory) {
        struct {
            Word segments, pages, resident, swapped, attempts, successes;
        } const out{use->segments, use->pages, use->pages, 0, 0, 0};
        return put(buffer, out) ? highest : fault;
    }
    struct {
        Word shmmax, shmmin, shmmni, shmseg, shmall, unused[4];
    } const out{limits->shmmax, 1, limits->shmmni, limits->shmmni, limits->shmall, {}};
    return put(buffer, out) ? highest : fault;
}
} // namespace

Long sysv::control_segment(ThreadArea& thread, Word id, Word command, Word buffer) {
    if (static_cast<Long>(id) < 0) { return invalid; }
    proto::SystemVPermissions wanted{};
    Word asked = command;
    switch (command) {
    case information:
    case shm_information: return segment_information(thread, command == shm_information, buffer);
    case shm_status: asked = V::status_by_index; break;
    case shm_status_any: asked = V::any_status_by_index; break;
    case set:
        if (!fetch_permissions(buffer, wanted)) { return fault; }
        break;
    case remove:
    case status:
    case shm_lock:
    case shm_unlock: break;
    default: return invalid;
    }
    auto const answer =
        ask(thread, [&] { return ipc::call<V::ControlSegment>(owner, static_cast<Long>(id), asked, wanted); });
    if (!answer) { return refuse(answer.error()); }
    if (command != status && command != shm_status && command != shm_status_any) { return 0; }
    auto const& [result, one] = *answer;
    SegmentStatus const out{permissions_of(one.permissions),
                            one.bytes,
                            time_of(one.attach_time),
                            time_of(one.detach_time),
                            time_of(one.change_time),
                            one.creator_process,
                            one.last_process,
                            one.attachments,
                            {}};
    return put(buffer, out) ? result : fault;
}

/// The attachment goes through the slot of a descriptor number that nobody sees.
Long sysv::attach(ThreadArea& thread, Word id, Word address, Word flags, Word& result) {
    constexpr Word shared = 1, fixed = 0x10, fixed_only_if_free = 0x100000, readable = 1, writable = 2, executable = 4;
    if (address % abi::page_size != 0) {
        if ((flags & round_flag) == 0) { return invalid; }
        address &= ~(abi::page_size - 1);
    }
    if (address == 0 && (flags & remap_flag) != 0) { return invalid; }
    bool const read_only = (flags & read_only_flag) != 0, execute = (flags & execute_flag) != 0;
    Long const number = reserve(thread);
    if (number < 0) { return number; }
    auto const slot = slot_of(static_cast<Word>(number));
    auto const attachment = ask(thread, [&] {
        return ipc::call_into<V::Attach>(slot, owner, static_cast<Long>(id), read_only ? 1U : 0U, execute ? 1U : 0U);
    });
    if (!attachment) {
        release(thread, static_cast<Word>(number));
        return refuse(attachment.error());
    }
    Word const protection = readable | (read_only ? 0 : writable) | (execute ? executable : 0);
    Word const placing = address == 0 ? 0 : (flags & remap_flag) != 0 ? fixed : fixed | fixed_only_if_free;
    auto const mapped = ipc::call<Process::Map>(
        process(thread), proto::MapArguments{address, std::get<1>(*attachment), protection, shared | placing, 0},
        ipc::OptionalCap<proto::File>{std::get<0>(*attachment)});
    clear_slot(static_cast<Word>(number));
    release(thread, static_cast<Word>(number));
    if (!mapped) { return mapped.error() == Error::Exists ? invalid : refuse(mapped.error()); }
    result = *mapped;
    return 0;
}

Long sys_shmget(ThreadArea& thread) {
    return get_segment(thread, argument1(thread), argument2(thread), argument3(thread));
}
Long sys_shmctl(ThreadArea& thread) {
    return control_segment(thread, argument1(thread), argument2(thread) & ~modern_layout, argument3(thread));
}
Long sys_shmat(ThreadArea& thread) {
    Word address = 0;
    Long const error = attach(thread, argument1(thread), argument2(thread), argument3(thread), address);
    return error != 0 ? error : static_cast<Long>(address);
}
Long sys_shmdt(ThreadArea& thread) { return finish(ipc::call<Process::Detach>(process(thread), argument1(thread))); }

} // namespace vdso
