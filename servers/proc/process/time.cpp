// Sleeping, interval timers, time-outs, accounting of time, load.
#include "core.hpp"

namespace proc {

namespace {
constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint64_t far = std::uint64_t{1} << 62;
} // namespace

void Core::arm_clock() { clock.arm(timers.next()); }

ipc::Result<std::uint64_t> Core::sleep(Thread& thread, std::uint32_t clock_number, bool absolute,
                                       std::uint64_t nanoseconds) {
    if (clock_number != 0 && clock_number != 1 && clock_number != 7) return fail(Error::Invalid);
    std::uint64_t const now = clock.now();
    std::uint64_t deadline = std::min(nanoseconds, far);
    if (!absolute) {
        deadline += now;
    } else if (clock_number == 0) {
        deadline = deadline > clock.wall_offset() ? deadline - clock.wall_offset() : 0;
    }
    if (deadline <= now) return std::uint64_t{0};
    thread.sleep_until = deadline;
    thread.blocked = Blocked::Sleep;
    timers.arm(thread.wait_timer, deadline);
    arm_clock();
    return fail(Error::Deferred);
}

ipc::Result<proto::IntervalTimer> Core::set_timer(Process& process, std::uint32_t which, bool change,
                                                  proto::IntervalTimer const& value) {
    if (which > 2) return fail(Error::Invalid);
    proto::IntervalTimer old{};
    if (which != 0) return old;
    std::uint64_t const now = clock.now();
    if (process.real_timer.index >= 0) {
        old.value = process.real_timer.deadline > now ? process.real_timer.deadline - now : 1;
        old.interval = process.real_interval;
    }
    if (change) {
        timers.cancel(process.real_timer);
        process.real_interval = std::min(value.interval, far);
        if (value.value != 0) timers.arm(process.real_timer, now + std::min(value.value, far));
        arm_clock();
    }
    return old;
}

void Core::wake_at(Thread& thread, std::uint64_t deadline) {
    if (deadline == 0) {
        timers.cancel(thread.wake_timer); // the alarm may come too early then, which does no harm
        return;
    }
    timers.arm(thread.wake_timer, deadline);
    arm_clock();
}

void Core::clock_alarm() {
    std::uint64_t const now = clock.now();
    while (Timer* timer = timers.take_due(now)) {
        switch (timer->kind) {
        case Timer::Kind::ThreadWake: {
            auto& thread = *static_cast<Thread*>(timer->owner);
            if (thread.kernel != nullptr) machine.wake(*thread.kernel);
            break;
        }
        case Timer::Kind::ThreadHold: hold_now(*static_cast<Thread*>(timer->owner)); break;
        case Timer::Kind::IntervalReal: {
            auto& process = *static_cast<Process*>(timer->owner);
            if (process.real_interval != 0) {
                std::uint64_t next = timer->deadline + process.real_interval;
                if (next <= now) next = now + process.real_interval;
                timers.arm(*timer, next);
            }
            proto::SignalInformation information{};
            information.number = static_cast<std::int32_t>(signal_number::alarm);
            information.code = signal_code::kernel;
            send(process, information, true);
            break;
        }
        case Timer::Kind::ThreadWait: {
            auto& thread = *static_cast<Thread*>(timer->owner);
            Blocked const kind = thread.blocked;
            PendingReply const reply = end_wait(thread);
            if (kind == Blocked::Sleep) replies.sleep(reply, std::uint64_t{0});
            if (kind == Blocked::SignalWait) replies.signal_wait(reply, ipc::fail(Error::Again));
            if (kind == Blocked::Futex) replies.futex(reply, ipc::fail(Error::TimedOut));
            answer_after(thread, reply);
            break;
        }
        }
    }
    arm_clock();
}

std::uint64_t Core::thread_time(Thread& thread) {
    if (thread.kernel != nullptr) {
        std::uint64_t const ticks = machine.consumed(*thread.kernel);
        Word const rate = std::max<Word>(clock.ticks_per_millisecond(), 1);
        thread.cpu_nanoseconds = ticks / rate * 1'000'000 + ticks % rate * 1'000'000 / rate;
    }
    return thread.cpu_nanoseconds;
}

std::uint64_t Core::cpu_time(Process& process) {
    std::uint64_t sum = process.cpu_of_dead_threads;
    process.threads.each([&](Thread& thread) { sum += thread_time(thread); });
    return sum;
}

ipc::Result<std::array<std::uint64_t, 4>> Core::usage(Thread& thread, std::int32_t who) {
    Process& process = *thread.process;
    std::uint64_t const resident = std::max<std::uint64_t>(
        process.maximum_resident, process.memory == nullptr ? 0 : process.memory->resident_pages() * 4);
    switch (who) {
    case 0:
        return std::array<std::uint64_t, 4>{cpu_time(process), 0, resident,
                                            process.memory == nullptr ? 0 : process.memory->faults};
    case 1: return std::array<std::uint64_t, 4>{thread_time(thread), 0, resident, 0};
    case -1:
        return std::array<std::uint64_t, 4>{process.cpu_of_children, 0, process.children_maximum_resident,
                                            process.children_faults};
    default: return fail(Error::Invalid);
    }
}

/// As Linux: every 5 s, 1884, 2014 and 2037 of 2048 of the old value. Computed when somebody asks.
void Core::update_load() {
    std::uint64_t const now = clock.now();
    if (load_time_ == 0) load_time_ = now;
    std::uint64_t steps = (now - load_time_) / (5 * second);
    if (steps == 0) return;
    load_time_ += steps * 5 * second;
    std::uint64_t running = 0;
    table.all.each([&](Process& process) {
        process.threads.each([&](Thread& thread) {
            if (&thread == current || thread.kernel == nullptr || thread.blocked != Blocked::None || thread.suspended)
                return;
            auto const state = machine.state(*thread.kernel);
            if (state && *state == abi::ThreadState::Running) ++running;
        });
    });
    constexpr std::uint64_t keep[3] = {1884, 2014, 2037};
    for (steps = std::min<std::uint64_t>(steps, 720); steps > 0; --steps) {
        for (int i = 0; i < 3; ++i) load_[i] = (load_[i] * keep[i] + (running << 16) * (2048 - keep[i])) / 2048;
    }
}

char Core::state_letter(Process& process) {
    if (process.state == ProcessState::Zombie) return 'Z';
    if (process.stopped) return 'T';
    if (&process == reader) return 'R';
    char letter = 'S';
    process.threads.each([&](Thread& thread) {
        if (&thread == current) letter = 'R';
        if (thread.kernel == nullptr || thread.blocked != Blocked::None || thread.suspended) return;
        auto const state = machine.state(*thread.kernel);
        if (state && *state == abi::ThreadState::Running) letter = 'R';
    });
    return letter;
}

std::pair<std::uint64_t, std::uint64_t> Core::memory_of(Domain& domain) {
    std::uint64_t const used = domain.account.used(), bound = domain.account.limit(), left = owners.free_memory();
    if (bound == 0) return {owners.total_memory(), left};
    return {bound, bound > used ? std::min(bound - used, left) : 0};
}

std::array<std::uint64_t, 8> Core::system_information(Process& process) {
    update_load();
    Domain& domain = *process.domain;
    auto const [total, left] = memory_of(domain);
    return {clock.now(), total, left, 0, domain.tasks, load_[0], load_[1], load_[2]};
}

} // namespace proc
