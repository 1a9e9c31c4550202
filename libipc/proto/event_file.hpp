// Protocol EventFiles: what of a VfsSession gives epoll instances, counters and timers, which are files of vfs. Protocols Epoll and Timer: on them.
#pragma once
#include "file.hpp"

namespace proto {

struct EventFiles {
    static constexpr abi::Word number = 29;
    /// epoll_create1(2).
    using NewEpoll = ipc::Method<EventFiles, 1, ipc::Cap<File>()>;
    /// eventfd2(2): flags EFD_SEMAPHORE, EFD_NONBLOCK.
    using NewEvent = ipc::Method<EventFiles, 2, ipc::Cap<File>(std::uint32_t initial, std::uint32_t flags)>;
    /// timerfd_create(2): flags TFD_NONBLOCK. wall 1: times are of the wall clock, 0: since boot.
    using NewTimer = ipc::Method<EventFiles, 3, ipc::Cap<File>(std::uint32_t wall, std::uint32_t flags)>;
    using methods = ipc::Methods<NewEpoll, NewEvent, NewTimer>;
};

/// struct epoll_event of i386.
struct EpollEvent {
    std::uint32_t events, data_low, data_high;
};
static_assert(sizeof(EpollEvent) == 12);

/// A file of another server: only its holder can ask it.
struct ForeignWatch {
    std::uint32_t descriptor;
    EpollEvent event;
};

struct Epoll {
    static constexpr abi::Word number = 30;
    static constexpr std::uint32_t add = 1, remove = 2, modify = 3;
    /// epoll_ctl(2), and: a foreign file takes the place of another one watched under its descriptor.
    static constexpr std::uint32_t replace = 4;
    /// Files of vfs's are watched here as long as they are open. Of others' the descriptor is noted, and epoll_wait(2) is the caller's to do.
    /// Errors: Exists, NoEntry, Invalid (itself), Loop, NotPermitted (no such file has events), NoSpace.
    using Control = ipc::Method<Epoll, 1, ipc::Unit(std::uint32_t operation, std::uint32_t descriptor, ipc::OptionalCap<File>, EpollEvent)>;
    struct Ready { std::uint32_t count, foreign; abi::Address fault; };
    /// Writes up to the buffer's length of EpollEvents; says how many foreign files there are. If there is no event and a notification is
    /// given, it is signalled once when there is one (as File::PollArm; PollDisarm takes it back).
    using Wait = ipc::Method<Epoll, 2, Ready(std::uint32_t token, ipc::OptionalCap<ipc::Notification>, ipc::WriteBuffer)>;
    static constexpr std::uint32_t foreign_maximum = 12;
    struct ForeignList { std::uint32_t count; ForeignWatch at[foreign_maximum]; };
    /// From the `first`-th on.
    using Foreign = ipc::Method<Epoll, 3, ForeignList(std::uint32_t first)>;
    using methods = ipc::Methods<Control, Wait, Foreign>;
};

/// Nanoseconds; value 0: disarmed.
struct TimerValue { std::uint64_t interval, value; };

struct Timer {
    static constexpr abi::Word number = 31;
    /// timerfd_settime(2); absolute 1: TFD_TIMER_ABSTIME. What it was.
    using Set = ipc::Method<Timer, 1, TimerValue(std::uint32_t absolute, TimerValue)>;
    using Get = ipc::Method<Timer, 2, TimerValue()>;
    using methods = ipc::Methods<Set, Get>;
};

} // namespace proto
