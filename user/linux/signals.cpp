// System calls on signals; handlers and their frames are in delivery.cpp.
#include "calls.hpp"
#include "delivery.hpp"
#include "signal_frame.hpp"
#include "signal_numbers.hpp"
#include "times.hpp"

namespace vdso {

using proto::Process;

namespace {
inline constexpr Word mask_bytes = 8;
inline constexpr std::uint64_t unblockable =
    std::uint64_t{1} << (signal_number::kill - 1) | std::uint64_t{1} << (signal_number::stop - 1);

std::uint64_t own_mask(ThreadArea const& thread) { return pair(thread.signal_mask_low, thread.signal_mask_high); }

Long change_mask(ThreadArea& thread, Word how, std::uint64_t set) {
    std::uint64_t const old = own_mask(thread);
    std::uint64_t wanted = set;
    switch (how) {
    case mask_block: wanted = old | set; break;
    case mask_unblock: wanted = old & ~set; break;
    case mask_set: break;
    default: return invalid;
    }
    if ((wanted & ~unblockable) == old) { return 0; }
    auto const done = ipc::call<Process::SetMask>(process(thread), Word{mask_set}, 1U, wanted & ~unblockable);
    return done ? 0 : refuse(done.error());
}
Long suspend(ThreadArea& thread, std::uint64_t mask) {
    ipc::Result<ipc::Unit> result;
    {
        Interruptible const waiting{thread};
        result = ipc::call<Process::Suspend>(process(thread), mask & ~unblockable);
    }
    if (result || result.error() == Error::CallInterrupted || result.error() == Error::RestartSystemCall ||
        result.error() == Error::Interrupted) {
        return restart_never;
    }
    return refuse(result.error());
}
bool valid_signal(Word signal) { return signal >= 1 && signal <= signal_number::last; }
} // namespace

Long sys_rt_sigprocmask(ThreadArea& thread) {
    if (argument4(thread) != mask_bytes) { return invalid; }
    std::uint64_t const old = own_mask(thread);
    if (argument2(thread) != 0) {
        std::uint64_t set;
        if (!fetch(argument2(thread), set)) { return fault; }
        if (Long const error = change_mask(thread, argument1(thread), set); error < 0) { return error; }
    }
    return argument3(thread) == 0 || put(argument3(thread), old) ? 0 : fault;
}
Long sys_sigprocmask(ThreadArea& thread) {
    std::uint64_t const old = own_mask(thread);
    if (argument2(thread) != 0) {
        Word set;
        if (!fetch(argument2(thread), set)) { return fault; }
        // The old call knows 32 signals: the others stay.
        std::uint64_t const wide = argument1(thread) == mask_set ? (old >> 32 << 32 | set) : set;
        if (Long const error = change_mask(thread, argument1(thread), wide); error < 0) { return error; }
    }
    return argument3(thread) == 0 || put(argument3(thread), static_cast<Word>(old)) ? 0 : fault;
}
Long sys_sgetmask(ThreadArea& thread) { return static_cast<Long>(thread.signal_mask_low); }
Long sys_ssetmask(ThreadArea& thread) {
    Long const old = static_cast<Long>(thread.signal_mask_low);
    static_cast<void>(change_mask(thread, mask_set, argument1(thread)));
    return old;
}

namespace {
struct RealTimeAction {
    Word handler, flags, restorer;
    std::uint64_t mask;
};
struct OldAction {
    Word handler, mask, flags, restorer;
};
ipc::Result<proto::SignalAction> set_action(ThreadArea& thread, Word signal, proto::SignalAction const* action) {
    if (!valid_signal(signal) ||
        (action != nullptr && (signal == signal_number::kill || signal == signal_number::stop))) {
        return ipc::fail(Error::Invalid);
    }
    return ipc::call<Process::SetAction>(process(thread), signal, action != nullptr ? 1U : 0U,
                                         action != nullptr ? *action : proto::SignalAction{});
}
} // namespace

Long sys_rt_sigaction(ThreadArea& thread) {
    if (argument4(thread) != mask_bytes) { return invalid; }
    RealTimeAction wanted;
    proto::SignalAction action;
    bool const change = argument2(thread) != 0;
    if (change) {
        if (!fetch(argument2(thread), wanted)) { return fault; }
        action = {wanted.handler, wanted.flags, wanted.restorer, wanted.mask & ~unblockable};
    }
    auto const old = set_action(thread, argument1(thread), change ? &action : nullptr);
    if (!old) { return refuse(old.error()); }
    return argument3(thread) == 0 ||
                   put(argument3(thread), RealTimeAction{old->handler, old->flags, old->restorer, old->mask})
               ? 0
               : fault;
}
Long sys_sigaction(ThreadArea& thread) {
    OldAction wanted;
    proto::SignalAction action;
    bool const change = argument2(thread) != 0;
    if (change) {
        if (!fetch(argument2(thread), wanted)) { return fault; }
        action = {wanted.handler, wanted.flags, wanted.restorer, wanted.mask & ~unblockable};
    }
    auto const old = set_action(thread, argument1(thread), change ? &action : nullptr);
    if (!old) { return refuse(old.error()); }
    return argument3(thread) == 0 || put(argument3(thread), OldAction{old->handler, static_cast<Word>(old->mask),
                                                                      old->flags, old->restorer})
               ? 0
               : fault;
}
Long sys_signal(ThreadArea& thread) {
    proto::SignalAction const action{argument2(thread), action_flag::reset_hand | action_flag::no_defer, 0, 0};
    auto const old = set_action(thread, argument1(thread), &action);
    return old ? static_cast<Long>(old->handler) : refuse(old.error());
}

Long sys_rt_sigsuspend(ThreadArea& thread) {
    std::uint64_t mask;
    if (argument2(thread) != mask_bytes) { return invalid; }
    return fetch(argument1(thread), mask) ? suspend(thread, mask) : fault;
}
Long sys_sigsuspend(ThreadArea& thread) { return suspend(thread, argument3(thread)); }
Long sys_pause(ThreadArea& thread) { return suspend(thread, own_mask(thread)); }

Long sys_rt_sigpending(ThreadArea& thread) {
    auto const pending = ipc::call<Process::Pending>(process(thread));
    if (!pending) { return refuse(pending.error()); }
    return argument2(thread) <= mask_bytes && put_bytes(argument1(thread), &*pending, argument2(thread)) ? 0 : fault;
}
Long sys_sigpending(ThreadArea& thread) {
    auto const pending = ipc::call<Process::Pending>(process(thread));
    return !pending ? refuse(pending.error()) : put(argument1(thread), static_cast<Word>(*pending)) ? 0 : fault;
}

namespace {
template <class Time>
Long wait_signal(ThreadArea& thread) {
    std::uint64_t set, nanoseconds = ~std::uint64_t{0};
    if (argument4(thread) != mask_bytes) { return invalid; }
    if (!fetch(argument1(thread), set)) { return fault; }
    if (argument3(thread) != 0) {
        Time time;
        if (!fetch(argument3(thread), time)) { return fault; }
        if (!valid_time(time)) { return invalid; }
        nanoseconds = nanoseconds_of(time);
    }
    ipc::Result<proto::SignalInformation> got;
    {
        Interruptible const waiting{thread};
        got = ipc::call<Process::WaitSignal>(process(thread), set, nanoseconds);
    }
    if (!got) { return got.error() == Error::CallInterrupted ? restart_never : refuse(got.error()); }
    if (argument2(thread) != 0) {
        SignalInfo info{};
        info.number = got->number;
        info.error = got->error;
        info.code = got->code;
        info.fields[0] = static_cast<Word>(got->pid);
        info.fields[1] = got->user;
        info.fields[2] =
            got->number == static_cast<Long>(signal_number::child) ? static_cast<Word>(got->status) : got->value;
        if (!put(argument2(thread), info)) { return fault; }
    }
    return got->number;
}
} // namespace
Long sys_rt_sigtimedwait(ThreadArea& thread) { return wait_signal<TimeSpec32>(thread); }
Long sys_rt_sigtimedwait64(ThreadArea& thread) { return wait_signal<TimeSpec64>(thread); }

// --- sending --- Process::Kill: group 0 kill(2), > 0 tgkill(2), -1 tkill(2)
Long sys_kill(ThreadArea& thread) {
    return argument2(thread) > signal_number::last
               ? invalid
               : finish(ipc::call<Process::Kill>(process(thread), 0, static_cast<Long>(argument1(thread)),
                                                 argument2(thread)));
}
Long sys_tkill(ThreadArea& thread) {
    auto const target = static_cast<Long>(argument1(thread));
    return argument2(thread) > signal_number::last || target <= 0
               ? invalid
               : finish(ipc::call<Process::Kill>(process(thread), -1, target, argument2(thread)));
}
Long sys_tgkill(ThreadArea& thread) {
    auto const group = static_cast<Long>(argument1(thread)), target = static_cast<Long>(argument2(thread));
    return argument3(thread) > signal_number::last || target <= 0 || group <= 0
               ? invalid
               : finish(ipc::call<Process::Kill>(process(thread), group, target, argument3(thread)));
}
Long sys_rt_sigqueueinfo(ThreadArea& thread) { return sys_kill(thread); }
Long sys_rt_tgsigqueueinfo(ThreadArea& thread) { return sys_tgkill(thread); }

Long sys_sigaltstack(ThreadArea& thread) {
    constexpr Word disable = 2, minimum = 2048;
    SignalStack wanted{};
    bool const change = argument1(thread) != 0;
    if (change) {
        if (!fetch(argument1(thread), wanted)) { return fault; }
        if ((wanted.flags & ~(disable | 0x80000000U | 1U)) != 0) { return invalid; }
        if ((wanted.flags & disable) == 0 && wanted.size < minimum) { return refuse(Error::NoMemory); }
    }
    // The registers say whether the program runs on it now: then it cannot be changed, sigaltstack(2).
    auto const now = ipc::call<Process::SetSignalStack>(process(thread), 0U, 0U, 0U, 0U);
    if (!now) { return refuse(now.error()); }
    auto const [address, size, flags] = *now;
    bool const disabled = size == 0 || (flags & disable) != 0;
    bool const running = !disabled && thread.frame.esp - address <= size;
    if (change) {
        if (running) { return refuse(Error::NotPermitted); }
        bool const off = (wanted.flags & disable) != 0;
        if (auto const set = ipc::call<Process::SetSignalStack>(process(thread), 1U, off ? 0U : wanted.address,
                                                                off ? 0U : wanted.size, wanted.flags & disable);
            !set) {
            return refuse(set.error());
        }
    }
    SignalStack const old{address, disabled ? disable : running ? 1U : 0U, size};
    return argument2(thread) == 0 || put(argument2(thread), old) ? 0 : fault;
}

} // namespace vdso
