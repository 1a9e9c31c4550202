// Capabilities of proc's own that stand for a namespace or a process: what /proc/PID/ns/* open to (but mnt, and kinds without a flag of
// clone(2)), what other owners keep of the user namespace that owns one of theirs, and pidfds (pidfd_open(2)). Each is a badge; its object lives as long as anybody has it.
#pragma once
#include "../process/badges.hpp"
#include "../process/pid.hpp"
#include "ipc/event_set.hpp"
#include "kinds.hpp"
#include <vector>

namespace proc {

struct Handle final : ipc::EventSource {
    Word badge = 0;
    PidNamespace* pid_space = nullptr; ///< one reference
    UserReference user_space;
    SharedNamespace* shared = nullptr; ///< a namespace of another server; one reference
    Pid* process = nullptr;            ///< one reference; it outlives the process
    Handle* next = nullptr;            ///< of the same Pid
    std::uint32_t flags = 0;           ///< O_NONBLOCK
    /// poll(2)s that wait for the process's end; the notifications are owned.
    struct Waiter {
        std::uint32_t token;
        abi::CapabilityPointer notification;
    };
    std::vector<Waiter> waiters;
    /// Of a pidfd: readable when the process has ended.
    [[nodiscard]] std::uint32_t events_now() const override;
};

} // namespace proc
