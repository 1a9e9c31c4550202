// Protocol EventSet: the files of one server that an epoll instance watches (epoll(7)), kept by that server, which alone knows when
// something happens to them. vfs has the instances themselves (protocol Epoll); each is a set of vfs's files and holds one set of
// every other server whose files are watched. A set also speaks File: it is ready to be read while it has events.
// Protocol EventFiles: what of a VfsSession makes instances, counters, timers and signal descriptors. Protocols Epoll, Timer,
// SignalFile: on those.
#pragma once
#include "file.hpp"

namespace proto {

/// struct epoll_event of i386.
struct EpollEvent {
    std::uint32_t events, data_low, data_high;
};
static_assert(sizeof(EpollEvent) == 12);

/// In EpollEvent::events beside the events of poll(2): EPOLLET and so on.
namespace epoll_flag {
inline constexpr std::uint32_t edge = 1U << 31, one_shot = 1U << 30, wake_up = 1U << 29, exclusive = 1U << 28;
inline constexpr std::uint32_t all = edge | one_shot | wake_up | exclusive;
} // namespace epoll_flag

/// What EventSet::Collect says.
struct Collected {
    std::uint32_t count; ///< events written
    abi::Address fault;  ///< as Transfer's: the caller makes that page present and asks again
    std::uint32_t
        parts; ///< of an instance: sets at other servers that belong to it (Epoll::Part), nested instances' included
    std::uint32_t reserved;
    std::uint64_t
        signals; ///< of an instance: signals that its signal descriptors are for; who waits tells which are pending
};

struct EventSet {
    static constexpr abi::Word number = 29;
    static constexpr std::uint32_t add = 1, remove = 2, modify = 3;
    /// epoll_ctl(2) for a file of this server. Errors: Exists, NoEntry, Invalid, Loop, NotPermitted (it is never waited for), NoSpace (too many
    /// watches), CrossDevice (another server's file), BadDescriptor.
    using Control =
        ipc::Method<EventSet, 1,
                    ipc::Unit(std::uint32_t operation, std::uint32_t descriptor, ipc::OptionalCap<File>, EpollEvent)>;
    /// Writes EpollEvents, as many as the buffer takes. With `pending`, signals that the caller could take, only what they make: events of signal
    /// descriptors, which always are level-triggered. What was armed
    /// with `token` is not any more; if there is no event and a notification is given, it is signalled once when there is one (as File::PollArm;
    /// PollDisarm takes it back). The capability is Epoll::Part(0)'s,
    /// if that exists and is not nested.
    using Collect = ipc::Method<EventSet, 2,
                                std::tuple<Collected, ipc::OptionalCap<EventSet>>(
                                    std::uint32_t token, std::uint64_t pending, ipc::OptionalCap<ipc::Notification>,
                                    ipc::WriteBuffer)>;
    using methods = ipc::Methods<Control, Collect>;
};

struct EventFiles {
    static constexpr abi::Word number = 30;
    /// epoll_create1(2).
    using NewEpoll = ipc::Method<EventFiles, 1, ipc::Cap<File>()>;
    /// eventfd2(2): flags EFD_SEMAPHORE, EFD_NONBLOCK.
    using NewEvent = ipc::Method<EventFiles, 2, ipc::Cap<File>(std::uint32_t initial, std::uint32_t flags)>;
    /// timerfd_create(2): flags TFD_NONBLOCK.
    using NewTimer = ipc::Method<EventFiles, 3, ipc::Cap<File>(std::uint32_t clock, std::uint32_t flags)>;
    /// signalfd4(2): flags SFD_NONBLOCK.
    using NewSignals = ipc::Method<EventFiles, 4, ipc::Cap<File>(std::uint64_t mask, std::uint32_t flags)>;
    using methods = ipc::Methods<NewEpoll, NewEvent, NewTimer, NewSignals>;
};

/// A set at another server that belongs to an instance.
struct EpollPart {
    std::uint32_t nested; ///< 1: it belongs to an instance that this one watches, with `event`
    EpollEvent event;
};

struct Epoll {
    static constexpr abi::Word number = 31;
    static constexpr std::uint32_t part_maximum = 8;
    /// Index from 0. NoData: there are no more.
    using Part = ipc::Method<Epoll, 1, std::tuple<ipc::Cap<EventSet>, EpollPart>(std::uint32_t index)>;
    /// A set (File::NewEventSet) becomes part of the instance. NoSpace: it has part_maximum.
    using AddPart = ipc::Method<Epoll, 2, ipc::Unit(ipc::OptionalCap<EventSet>)>;
    using methods = ipc::Methods<Part, AddPart>;
};

/// Nanoseconds; value 0: disarmed.
struct TimerValue {
    std::uint64_t interval, value;
};

struct Timer {
    static constexpr abi::Word number = 32;
    /// timerfd_settime(2). absolute 1: value is a time since boot, whatever the timer's clock. What it was.
    using Set = ipc::Method<Timer, 1, TimerValue(std::uint32_t absolute, TimerValue)>;
    using Get = ipc::Method<Timer, 2, TimerValue()>;
    /// As timerfd_create(2) was told: by it the caller knows what its absolute times mean.
    using Clock = ipc::Method<Timer, 3, std::uint32_t()>;
    using methods = ipc::Methods<Set, Get, Clock>;
};

/// A signal descriptor has a mask and nothing else: whose signals they are is for its reader to know, who asks proc for them.
struct SignalFile {
    static constexpr abi::Word number = 33;
    using Mask = ipc::Method<SignalFile, 1, std::uint64_t()>;
    using SetMask = ipc::Method<SignalFile, 2, ipc::Unit(std::uint64_t mask)>;
    using methods = ipc::Methods<Mask, SetMask>;
};

} // namespace proto
