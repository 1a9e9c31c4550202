// What waits for several files have in common: poll, select, epoll_wait.
#pragma once
#include "times.hpp"

namespace vdso {

inline constexpr Word poll_in = 1, poll_priority = 2, poll_out = 4, poll_error = 8, poll_hang_up = 16,
                      poll_invalid = 32, poll_read_normal = 64;
inline constexpr std::uint64_t for_ever = ~std::uint64_t{0};

/// For the time of a wait, with another signal mask (ppoll, pselect). If a signal ends the wait the mask stays in force until
/// its handler runs, which returns to the old one; or until the call is repeated.
class TemporaryMask {
public:
    explicit TemporaryMask(ThreadArea& thread) : thread_{thread} {}
    /// False: EFAULT.
    bool set(Word address) {
        std::uint64_t mask;
        if (address == 0 || thread_.masked != 0) { return true; }
        if (!fetch(address, mask)) { return false; }
        if (mask != pair(thread_.signal_mask_low, thread_.signal_mask_high)) {
            thread_.old_mask_low = thread_.signal_mask_low;
            thread_.old_mask_high = thread_.signal_mask_high;
            thread_.masked = 1;
            static_cast<void>(ipc::call<proto::Process::SetMask>(process(thread_), 2U, 1U, mask));
        }
        return true;
    }
    void restore() {
        if (thread_.masked != 0) {
            thread_.masked = 0;
            static_cast<void>(ipc::call<proto::Process::SetMask>(process(thread_), 2U, 1U,
                                                                 pair(thread_.old_mask_low, thread_.old_mask_high)));
        }
    }

private:
    ThreadArea& thread_;
};

/// Relative time-out in nanoseconds to a deadline: 0 stays 0, "do not wait".
inline std::uint64_t deadline_of(ThreadArea& thread, std::uint64_t nanoseconds) {
    return nanoseconds == 0 ? 0 : restartable_deadline(thread, nanoseconds);
}

/// Something that waits on the thread's notification. Waits has: Long pass(bool arm), which asks everybody, arms them as long as nothing is
/// ready (if not told to, it disarms them), and says how many are ready or an error; void disarm(), after which nobody signals any more.
/// Number ready, 0 at the deadline (boot time; 0: do not wait), restart_never, or an error.
template <class Waits>
Long wait_until(ThreadArea& thread, Waits& waits, std::uint64_t deadline) {
    bool arm = deadline != 0;
    for (;;) {
        Long const ready = waits.pass(arm);
        if (ready != 0 || deadline == 0) {
            waits.disarm();
            return ready;
        }
        if (!arm) { // woken, and nothing there: in the meantime another took it
            if (deadline != for_ever && boot_nanoseconds(thread) >= deadline) { return 0; }
            arm = true;
            continue;
        }
        bool const timed = deadline != for_ever;
        if (timed) { static_cast<void>(ipc::call<proto::Process::WakeAt>(process(thread), deadline)); }
        ipc::Result<Word> woken;
        {
            Interruptible const waiting{thread};
            woken = ipc::wait(thread.wake_slot);
        }
        if (timed) { static_cast<void>(ipc::call<proto::Process::WakeAt>(process(thread), std::uint64_t{0})); }
        if (!woken) {
            waits.disarm();
            return restart_never;
        }
        arm = false;
    }
}

} // namespace vdso
