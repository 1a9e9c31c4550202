// Protocol Clock: one-shot timers from the clock driver. Each client has one timer (its badge); servers keep their own queues.
#pragma once
#include "../ipc/method.hpp"

namespace proto {
struct ClockParameters {
    std::uint64_t boot_wall_nanoseconds;
    std::uint64_t boot_time_stamp;
    std::uint32_t ticks_per_millisecond, reserved;
};
struct Clock {
    static constexpr abi::Word number = 10;
    /// The notification signalled when the timer runs out (the capability's badge gives the bit).
    using Register = ipc::Method<Clock, 1, ipc::Unit(ipc::Cap<ipc::Notification>)>;
    /// Monotonic nanoseconds = (rdtsc - boot_time_stamp) * 1e6 / ticks_per_millisecond. 0 disarms; the past fires at once.
    using Arm = ipc::Method<Clock, 2, ipc::Unit(std::uint64_t deadline)>;
    using Parameters = ipc::Method<Clock, 3, ClockParameters()>;
    using methods = ipc::Methods<Register, Arm, Parameters>;
};
} // namespace proto
