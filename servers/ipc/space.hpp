// The state of one IPC namespace.
#pragma once
#include "messages.hpp"
#include "posix_queues.hpp"
#include "shared_memory.hpp"
#include <string>

namespace sysv {

/// Linux's own (sysvipc(7)); a new namespace begins with them.
inline constexpr proto::SystemVLimits default_limits{.shmmax = 0xfeffffff,
                                                     .shmall = 0xfeffffff,
                                                     .shmmni = 4096,
                                                     .semmsl = 32000,
                                                     .semmns = 1024000000,
                                                     .semopm = 500,
                                                     .semmni = 32000,
                                                     .msgmax = 8192,
                                                     .msgmnb = 16384,
                                                     .msgmni = 32000};

/// On the heap, where its parts can refer to its limits for as long as it lives.
struct Space {
    Space(std::shared_ptr<Budget> records, std::shared_ptr<Budget> contents)
        : memory{std::move(records)}, pages{std::move(contents)} {}
    proto::SystemVLimits limits = default_limits;
    std::shared_ptr<Budget> memory; ///< of this server
    std::shared_ptr<Budget> pages;  ///< of segments
    Semaphores semaphores{limits, memory};
    Messages messages{limits, memory};
    SharedMemory segments{limits, memory, pages};
    PosixQueues posix{memory};
};

/// Rows of /proc/sysvipc/{shm,sem,msg}, byte for byte as a 32-bit Linux lays them out. ids(global, group) shows an id to the reader.
using ShowId = std::function<std::uint32_t(std::uint32_t global, bool group)>;
std::string segment_table(Space& space, ShowId const& ids);
std::string semaphore_table(Space& space, ShowId const& ids);
std::string queue_table(Space& space, ShowId const& ids);

} // namespace sysv
