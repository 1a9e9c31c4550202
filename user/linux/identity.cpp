// User and group ids, groups, capabilities: 32-bit calls and the old 16-bit ones.
#include "calls.hpp"

namespace vdso {

using proto::Process;

namespace {

enum Which : Word {
    set_user = 0,
    set_group,
    set_real_user,
    set_real_group,
    set_result_user,
    set_result_group,
    set_fs_user,
    set_fs_group
};

template <class Take>
Long identity(ThreadArea& thread, Take take) {
    auto const ids = ipc::call<Process::GetIdentity>(process(thread));
    return ids ? static_cast<Long>(take(*ids)) : refuse(ids.error());
}
Long change(ThreadArea& thread, Which which, Word a, Word b = ~0U, Word c = ~0U) {
    return finish(ipc::call<Process::SetIdentity>(process(thread), Word{which}, a, b, c));
}
Word wide(Word id) { return (id & 0xffff) == 0xffff ? ~0U : id & 0xffff; }
std::uint16_t narrow(Word id) { return id > 0xffff ? 65534 : static_cast<std::uint16_t>(id); }
template <class Id>
Long put_three(ThreadArea& thread, Id a, Id b, Id c) {
    bool good;
    if constexpr (sizeof(Id) == 2) {
        good = put_bytes(argument1(thread), &a, 2) && put_bytes(argument2(thread), &b, 2) &&
               put_bytes(argument3(thread), &c, 2);
    } else {
        good = put(argument1(thread), a) && put(argument2(thread), b) && put(argument3(thread), c);
    }
    return good ? 0 : fault;
}
} // namespace

Long sys_getuid(ThreadArea& thread) {
    return identity(thread, [](auto const& ids) { return ids.user; });
}
Long sys_geteuid(ThreadArea& thread) {
    return identity(thread, [](auto const& ids) { return ids.effective_user; });
}
Long sys_getgid(ThreadArea& thread) {
    return identity(thread, [](auto const& ids) { return ids.group; });
}
Long sys_getegid(ThreadArea& thread) {
    return identity(thread, [](auto const& ids) { return ids.effective_group; });
}
Long sys_getresuid(ThreadArea& thread) {
    auto const ids = ipc::call<Process::GetIdentity>(process(thread));
    return ids ? put_three(thread, ids->user, ids->effective_user, ids->saved_user) : refuse(ids.error());
}
Long sys_getresgid(ThreadArea& thread) {
    auto const ids = ipc::call<Process::GetIdentity>(process(thread));
    return ids ? put_three(thread, ids->group, ids->effective_group, ids->saved_group) : refuse(ids.error());
}
Long sys_getresuid16(ThreadArea& thread) {
    auto const ids = ipc::call<Process::GetIdentity>(process(thread));
    return ids ? put_three(thread, narrow(ids->user), narrow(ids->effective_user), narrow(ids->saved_user))
               : refuse(ids.error());
}
Long sys_getresgid16(ThreadArea& thread) {
    auto const ids = ipc::call<Process::GetIdentity>(process(thread));
    return ids ? put_three(thread, narrow(ids->group), narrow(ids->effective_group), narrow(ids->saved_group))
               : refuse(ids.error());
}

Long sys_setuid(ThreadArea& thread) { return change(thread, set_user, argument1(thread)); }
Long sys_setgid(ThreadArea& thread) { return change(thread, set_group, argument1(thread)); }
Long sys_setreuid(ThreadArea& thread) { return change(thread, set_real_user, argument1(thread), argument2(thread)); }
Long sys_setregid(ThreadArea& thread) { return change(thread, set_real_group, argument1(thread), argument2(thread)); }
Long sys_setresuid(ThreadArea& thread) {
    return change(thread, set_result_user, argument1(thread), argument2(thread), argument3(thread));
}
Long sys_setresgid(ThreadArea& thread) {
    return change(thread, set_result_group, argument1(thread), argument2(thread), argument3(thread));
}
Long sys_setfsuid(ThreadArea& thread) { return change(thread, set_fs_user, argument1(thread)); }
Long sys_setfsgid(ThreadArea& thread) { return change(thread, set_fs_group, argument1(thread)); }
Long sys_setuid16(ThreadArea& thread) { return change(thread, set_user, wide(argument1(thread))); }
Long sys_setgid16(ThreadArea& thread) { return change(thread, set_group, wide(argument1(thread))); }
Long sys_setreuid16(ThreadArea& thread) {
    return change(thread, set_real_user, wide(argument1(thread)), wide(argument2(thread)));
}
Long sys_setregid16(ThreadArea& thread) {
    return change(thread, set_real_group, wide(argument1(thread)), wide(argument2(thread)));
}
Long sys_setresuid16(ThreadArea& thread) {
    return change(thread, set_result_user, wide(argument1(thread)), wide(argument2(thread)), wide(argument3(thread)));
}
Long sys_setresgid16(ThreadArea& thread) {
    return change(thread, set_result_group, wide(argument1(thread)), wide(argument2(thread)), wide(argument3(thread)));
}
Long sys_setfsuid16(ThreadArea& thread) { return change(thread, set_fs_user, wide(argument1(thread))); }
Long sys_setfsgid16(ThreadArea& thread) { return change(thread, set_fs_group, wide(argument1(thread))); }

// --- groups --- proc reads and writes the list itself, 32-bit ids; the old calls go through a list on the stack
namespace {
inline constexpr Word group_maximum = 64;
Long groups(ThreadArea& thread, Word set, Word count, Word address) {
    return finish(ipc::call<Process::Groups>(process(thread), set, count, address));
}
} // namespace
Long sys_getgroups(ThreadArea& thread) { return groups(thread, 0, argument1(thread), argument2(thread)); }
Long sys_setgroups(ThreadArea& thread) { return groups(thread, 1, argument1(thread), argument2(thread)); }
Long sys_getgroups16(ThreadArea& thread) {
    Word list[group_maximum];
    if (argument1(thread) == 0) { return groups(thread, 0, 0, 0); }
    Long const count = groups(thread, 0, group_maximum, reinterpret_cast<Word>(list));
    if (count > static_cast<Long>(argument1(thread))) { return invalid; }
    for (Long i = 0; i < count; ++i) {
        std::uint16_t const id = narrow(list[i]);
        if (!put_bytes(argument2(thread) + static_cast<Word>(i) * 2, &id, 2)) { return fault; }
    }
    return count;
}
Long sys_setgroups16(ThreadArea& thread) {
    Word list[group_maximum];
    Word const count = argument1(thread);
    if (count > group_maximum) { return invalid; }
    for (Word i = 0; i < count; ++i) {
        std::uint16_t id;
        if (!fetch_bytes(&id, argument2(thread) + i * 2, 2)) { return fault; }
        list[i] = id;
    }
    return groups(thread, 1, count, reinterpret_cast<Word>(list));
}

// --- capabilities(7) ---
namespace {
inline constexpr Word capability_version1 = 0x19980330, capability_version2 = 0x20071026,
                      capability_version3 = 0x20080522;
struct CapabilityHeader {
    Word version;
    std::int32_t pid;
};
struct CapabilityData {
    Word effective, permitted, inheritable;
};
/// Words per set: 1 or 2; 0: unknown version, the preferred one was written back.
Word capability_words(Word address, CapabilityHeader& header) {
    if (header.version == capability_version1) { return 1; }
    if (header.version == capability_version2 || header.version == capability_version3) { return 2; }
    static_cast<void>(put(address, capability_version3));
    return 0;
}
} // namespace
Long sys_capget(ThreadArea& thread) {
    CapabilityHeader header;
    if (!fetch(argument1(thread), header)) { return fault; }
    Word const words = capability_words(argument1(thread), header);
    if (words == 0 || header.pid < 0) { return argument2(thread) == 0 && header.pid >= 0 ? 0 : invalid; }
    if (argument2(thread) == 0) { return 0; }
    auto const sets =
        ipc::call<Process::CapabilitySets>(process(thread), header.pid, 0U, std::array<std::uint64_t, 3>{});
    if (!sets) { return refuse(sets.error()); }
    for (Word i = 0; i < words; ++i) {
        CapabilityData const data{static_cast<Word>((*sets)[0] >> 32 * i), static_cast<Word>((*sets)[1] >> 32 * i),
                                  static_cast<Word>((*sets)[2] >> 32 * i)};
        if (!put(argument2(thread) + i * sizeof data, data)) { return fault; }
    }
    return 0;
}
Long sys_capset(ThreadArea& thread) {
    CapabilityHeader header;
    if (!fetch(argument1(thread), header)) { return fault; }
    Word const words = capability_words(argument1(thread), header);
    if (words == 0) { return invalid; }
    std::array<std::uint64_t, 3> sets{};
    for (Word i = 0; i < words; ++i) {
        CapabilityData data;
        if (!fetch(argument2(thread) + i * sizeof data, data)) { return fault; }
        sets[0] |= static_cast<std::uint64_t>(data.effective) << 32 * i;
        sets[1] |= static_cast<std::uint64_t>(data.permitted) << 32 * i;
        sets[2] |= static_cast<std::uint64_t>(data.inheritable) << 32 * i;
    }
    auto const done = ipc::call<Process::CapabilitySets>(process(thread), header.pid, 1U, sets);
    return done ? 0 : refuse(done.error());
}

} // namespace vdso
