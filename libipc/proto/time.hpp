// Protocol Time: the clock offsets of a time namespace (time_namespaces(7)), spoken on capabilities for the namespace itself: proc
// holds them and gives each process its namespace's offsets; programs set them through /proc/PID/timens_offsets.
#pragma once
#include "namespace.hpp"

namespace proto {
/// Nanoseconds that are added to what the machine's clock shows.
struct TimeOffsets {
    std::int64_t monotonic, boottime;
};
struct Time {
    static constexpr abi::Word number = 22;
    /// clock: CLOCK_MONOTONIC 1 or CLOCK_BOOTTIME 7. Errors: Invalid (another clock, nanoseconds not 0..999999999), Range (the clock would be
    /// negative or leave half of what it can show), Access (a process is or was in the namespace, or it is the first).
    using SetOffset =
        ipc::Method<Time, 1, ipc::Unit(std::uint32_t clock, std::int64_t seconds, std::uint32_t nanoseconds)>;
    using Offsets = ipc::Method<Time, 2, TimeOffsets()>;
    /// A process enters: from now on the offsets stay as they are.
    using Freeze = ipc::Method<Time, 3, TimeOffsets()>;
    using methods = ipc::Methods<SetOffset, Offsets, Freeze>;
};
} // namespace proto
