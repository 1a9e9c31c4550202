// The system as a whole: names, limits, load, scheduling parameters, random numbers.
#include "calls.hpp"
#include "clock.hpp"
#include "random.hpp"
#include "sessions.hpp"
#include "transfer.hpp"
#include "walk.hpp"

namespace vdso {

using proto::Process;

namespace {
inline constexpr Word name_bytes = 65;
inline constexpr ipc::Cap<proto::Uts> uts{linux_process::slot::uts};
void copy_name(char (&to)[name_bytes], std::string_view name) {
    std::memset(to, 0, sizeof to);
    std::memcpy(to, name.data(), std::min<std::size_t>(name.size(), sizeof to - 1));
}
struct SystemNames {
    char system[name_bytes], node[name_bytes], release[name_bytes], version[name_bytes], machine[name_bytes],
        domain[name_bytes];
};
void fill(ThreadArea& thread, SystemNames& names) {
    copy_name(names.system, "Linux");
    copy_name(names.release, "6.1.0-cella");
    copy_name(names.version, "#1 Cella");
    copy_name(names.machine, "i686");
    auto const node = session_call<proto::Uts::Hostname>(thread, proto::NamespaceKind::Uts, uts);
    copy_name(names.node, node ? node->view() : std::string_view{"(none)"});
    auto const domain = session_call<proto::Uts::Domainname>(thread, proto::NamespaceKind::Uts, uts);
    copy_name(names.domain, domain ? domain->view() : std::string_view{"(none)"});
}
Long set_name(ThreadArea& thread, Word domain) {
    proto::HostName name;
    Word const length = argument2(thread);
    if (length > proto::HostName::capacity) { return invalid; }
    if (!fetch_bytes(name.data, argument1(thread), length)) { return fault; }
    name.length = static_cast<std::uint16_t>(length);
    return finish(ipc::call<Process::SetHostname>(process(thread), domain, name));
}
} // namespace

Long sys_uname(ThreadArea& thread) {
    SystemNames names;
    fill(thread, names);
    return put(argument1(thread), names) ? 0 : fault;
}
Long sys_olduname(ThreadArea& thread) { // without the domain
    SystemNames names;
    fill(thread, names);
    return put_bytes(argument1(thread), &names, 5 * name_bytes) ? 0 : fault;
}
Long sys_sethostname(ThreadArea& thread) { return set_name(thread, 0); }
Long sys_setdomainname(ThreadArea& thread) { return set_name(thread, 1); }

Long sys_sysinfo(ThreadArea& thread) {
    auto const information = ipc::call<Process::SystemInformation>(process(thread));
    if (!information) { return refuse(information.error()); }
    auto const& i = *information;
    struct {
        std::int32_t uptime;
        Word loads[3], total, free, shared, buffers, swap_total, swap_free;
        std::uint16_t processes, padding;
        Word high_total, high_free, unit;
        std::uint8_t rest[8];
    } out{};
    static_assert(sizeof out == 64);
    out.uptime = static_cast<std::int32_t>(split(i[0]).seconds);
    for (Word n = 0; n < 3; ++n) { out.loads[n] = static_cast<Word>(i[5 + n]); }
    out.total = static_cast<Word>(i[1]);
    out.free = static_cast<Word>(i[2]);
    out.shared = static_cast<Word>(i[3]);
    out.processes = static_cast<std::uint16_t>(i[4]);
    out.unit = 1;
    return put(argument1(thread), out) ? 0 : fault;
}

// --- limits ---
namespace {
inline constexpr std::uint64_t unlimited = ~std::uint64_t{0};
ipc::Result<std::array<std::uint64_t, 2>> limit(ThreadArea& thread, Word resource, bool change = false,
                                                std::uint64_t soft = 0, std::uint64_t hard = 0) {
    return ipc::call<Process::Limit>(process(thread), 0, resource, change ? 1U : 0U, soft, hard);
}
Long get_limit(ThreadArea& thread, Word most) {
    auto const values = limit(thread, argument1(thread));
    if (!values) { return refuse(values.error()); }
    auto const narrow = [&](std::uint64_t value) { return value > most ? most : static_cast<Word>(value); };
    struct {
        Word soft, hard;
    } const out{narrow((*values)[0]), narrow((*values)[1])};
    return put(argument2(thread), out) ? 0 : fault;
}
} // namespace
Long sys_ugetrlimit(ThreadArea& thread) { return get_limit(thread, ~0U); }
Long sys_getrlimit(ThreadArea& thread) { return get_limit(thread, 0x7fffffff); }
Long sys_setrlimit(ThreadArea& thread) {
    struct {
        Word soft, hard;
    } in;
    if (!fetch(argument2(thread), in)) { return fault; }
    auto const widen = [](Word value) { return value == ~0U ? unlimited : value; };
    auto const done = limit(thread, argument1(thread), true, widen(in.soft), widen(in.hard));
    return done ? 0 : refuse(done.error());
}
Long sys_prlimit64(ThreadArea& thread) {
    struct {
        std::uint64_t soft, hard;
    } in{};
    if (argument3(thread) != 0 && !fetch(argument3(thread), in)) { return fault; }
    auto const old = ipc::call<Process::Limit>(process(thread), static_cast<Long>(argument1(thread)), argument2(thread),
                                               argument3(thread) != 0 ? 1U : 0U, in.soft, in.hard);
    if (!old) { return refuse(old.error()); }
    return argument4(thread) == 0 || put(argument4(thread), *old) ? 0 : fault;
}

// --- scheduling: one CPU, one policy ---
Long sys_sched_yield(ThreadArea&) {
    ipc::SystemCall call;
    call.info = abi::MessageInfo{}.with(abi::Syscall::Yield);
    ipc::sys_call(call);
    return 0;
}
namespace {
/// The thread that a call names: there is nothing to set, but not everybody's is there. ESRCH, EPERM, EINVAL.
Long scheduled(ThreadArea& thread, Word parameters) {
    auto const target = static_cast<Long>(argument1(thread));
    if (target < 0 || parameters == 0) { return invalid; }
    return target == 0 ? 0 : finish(ipc::call<proto::Process::Kill>(process(thread), -1, target, 0U));
}
} // namespace
Long sys_sched_setparam(ThreadArea& thread) { return scheduled(thread, argument2(thread)); }
Long sys_sched_setscheduler(ThreadArea& thread) { return scheduled(thread, argument3(thread)); }
Long sys_sched_getscheduler(ThreadArea& thread) { return scheduled(thread, 1); }
Long sys_sched_getparam(ThreadArea& thread) { return put(argument2(thread), Word{0}) ? 0 : fault; }
Long sys_sched_get_priority(ThreadArea&) { return 0; }
Long sys_sched_rr_get_interval(ThreadArea& thread) {
    struct {
        Word seconds, nanoseconds;
    } const out{0, 10000000};
    return put(argument2(thread), out) ? 0 : fault;
}
Long sys_sched_rr_get_interval64(ThreadArea& thread) {
    struct {
        std::uint64_t seconds;
        Word nanoseconds, padding;
    } const out{0, 10000000, 0};
    return put(argument2(thread), out) ? 0 : fault;
}
Long sys_sched_getaffinity(ThreadArea& thread) {
    if (argument2(thread) < 4 || argument2(thread) % 4 != 0) { return invalid; }
    return put(argument3(thread), Word{1}) ? 4 : fault;
}
Long sys_getcpu(ThreadArea& thread) {
    return (argument1(thread) == 0 || put(argument1(thread), Word{0})) &&
                   (argument2(thread) == 0 || put(argument2(thread), Word{0}))
               ? 0
               : fault;
}
Long sys_ioprio_get(ThreadArea&) {
    constexpr Long best_effort_4 = 2 << 13 | 4;
    return best_effort_4;
}
Long sys_getpriority(ThreadArea& thread) { // the raw call answers 20 - nice, so that it is never negative
    auto const nice =
        ipc::call<Process::Priority>(process(thread), 0U, argument1(thread), static_cast<Long>(argument2(thread)), 0);
    return nice ? 20 - *nice : refuse(nice.error());
}
Long sys_setpriority(ThreadArea& thread) {
    auto const done =
        ipc::call<Process::Priority>(process(thread), 1U, argument1(thread), static_cast<Long>(argument2(thread)),
                                     static_cast<Long>(argument3(thread)));
    return done ? 0 : refuse(done.error());
}
Long sys_nice(ThreadArea& thread) {
    auto const now = ipc::call<Process::Priority>(process(thread), 0U, 0U, 0, 0);
    if (!now) { return refuse(now.error()); }
    auto const done =
        ipc::call<Process::Priority>(process(thread), 1U, 0U, 0, *now + static_cast<Long>(argument1(thread)));
    return done ? 0 : refuse(done.error());
}

// --- random numbers ---
namespace {
/// Without a random device: ChaCha20 keyed by what is hard to tell from outside (time stamps around the call, the thread's
/// own numbers and addresses). Not fit for keys of value, and only used where the device is missing or for libc's few bytes.
[[gnu::noinline]] Long weak_random(ThreadArea& thread, Word address, Word length) {
    std::uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    std::uint32_t block[16];
    std::uint64_t stamp = time_stamp();
    state[4] = static_cast<Word>(stamp);
    state[5] = static_cast<Word>(stamp >> 32);
    state[6] = thread.process_id;
    state[7] = thread.thread_id;
    state[8] = address;
    state[9] = thread.frame.esp;
    state[10] = thread.frame.eip;
    state[11] = thread.wall_low;
    for (Word done = 0; done < length;) {
        stamp = time_stamp();
        state[12] = done;
        state[13] = static_cast<Word>(stamp);
        chacha20_block(state, block);
        Word const part = std::min<Word>(length - done, sizeof block);
        if (!put_bytes(address + done, block, part)) { return done != 0 ? static_cast<Long>(done) : fault; }
        done += part;
    }
    return static_cast<Long>(length);
}
} // namespace

Long sys_getrandom(ThreadArea& thread) {
    constexpr Word non_blocking = 1, random = 2, insecure = 4, few = 8;
    Word const address = argument1(thread), length = std::min(argument2(thread), Word{0x1ffffff}),
               flags = argument3(thread);
    if ((flags & ~(non_blocking | random | insecure)) != 0 || (flags & (random | insecure)) == (random | insecure)) {
        return invalid;
    }
    if (length <= few && (flags & non_blocking) != 0) { // libc's heap cookie, at every program's start
        return weak_random(thread, address, length);
    }
    Long const number = reserve(thread);
    if (number < 0) { return weak_random(thread, address, length); }
    auto const opened = walk(
        thread, at_current_directory, ipc::Path{std::string_view{"/dev/urandom"}},
        [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path path) {
            return ipc::call_into<Directory::Open>(ipc::buffer().receive_slot, directory, at, caller, 0U, 0U, path);
        },
        number);
    if (!opened) {
        release(thread, static_cast<Word>(number));
        return weak_random(thread, address, length);
    }
    bool const device = std::get<1>(*opened).kind == proto::FileKind::CharacterDevice;
    install(thread, static_cast<Word>(number), std::get<1>(*opened).kind, true);
    Long const got =
        device ? read_bytes(thread, static_cast<Word>(number), address, length) : weak_random(thread, address, length);
    static_cast<void>(close_descriptor(thread, static_cast<Word>(number)));
    return got;
}

} // namespace vdso
