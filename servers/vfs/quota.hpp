// Disk quota domains: who pays for pages and inodes. A domain is the contents of one folder and whatever is mounted by
// sessions inside.
#pragma once
#include "ipc/event_set.hpp"
#include "ref.hpp"
#include "types.hpp"

namespace vfs {

struct QuotaDomain : Counted {
    std::uint32_t number = 0;
    std::uint64_t limit = 0;   ///< bytes, 0: none
    std::uint64_t used = 0;    ///< bytes charged
    std::uint64_t files = 0;   ///< inodes charged
    std::uint64_t denied = 0;  ///< refused charges since it was made
    std::uint32_t objects = 0; ///< open files and sessions of its sessions
    /// Pages that its pipes and sockets may hold together; beyond that each gets by with one.
    static constexpr std::uint32_t ring_pages_maximum = 1024;
    std::uint32_t ring_pages = 0;
    ipc::EventBudget watches = fresh_watches(); ///< of its epoll instances
    std::uint32_t parcel_items = 0;             ///< files on their way in messages (Parcel)
    std::uint32_t terminals = 0;                ///< pseudo terminals in its instances of devpts
    std::uint32_t locks = 0;                    ///< LockList
    bool tell = false;                          ///< on-limit kill: the container manager is told
    bool event = false;                         ///< told, not yet taken
    proto::QuotaEvent first{};                  ///< what it is told about
    void unreferenced() { delete this; }
    static ipc::EventBudget fresh_watches();

    /// True if that fits. A refusal is counted, and the first one noted with the process that asked.
    bool charge(std::uint64_t bytes, std::uint32_t process) {
        if (limit != 0 && used + bytes > limit) {
            ++denied;
            if (tell && !event) {
                event = true;
                first = {number, process, used + bytes};
            }
            return false;
        }
        used += bytes;
        return true;
    }
    void release(std::uint64_t bytes) { used -= bytes; }
};

} // namespace vfs
