// Protocol SystemV: shared memory, semaphores and message queues of System V (sysvipc(7)), spoken on sessions of an IPC namespace.
//
// Ids of users and groups in requests and replies are the caller's: the owner translates them by the map of the user namespace that the session
// is vouched for. Who may what is decided by what proc vouched for (Namespace::Vouch). Errors are those of the manual pages.
#pragma once
#include "file.hpp"
#include "namespace.hpp"

namespace proto {

/// struct ipc64_perm, and what of it IPC_SET changes: user, group, mode.
struct SystemVPermissions {
    std::int32_t key;
    std::uint32_t user, group, creator, creator_group, mode, sequence;
};
struct SharedMemoryStatus {
    SystemVPermissions permissions;
    std::uint32_t bytes;
    std::int32_t creator_process, last_process;
    std::uint32_t attachments;
    std::int64_t attach_time, detach_time, change_time; ///< seconds since the epoch, 0: never
};
struct SemaphoreStatus {
    SystemVPermissions permissions;
    std::uint32_t count;
    std::int64_t operation_time, change_time;
};
struct MessageQueueStatus {
    SystemVPermissions permissions;
    std::uint32_t bytes, messages, maximum_bytes;
    std::int32_t last_sender, last_receiver;
    std::int64_t send_time, receive_time, change_time;
};
/// /proc/sys/kernel/{shmmax,shmall,shmmni,sem,msgmax,msgmnb,msgmni}.
struct SystemVLimits {
    std::uint32_t shmmax, shmall, shmmni;         ///< bytes of a segment, pages of all, segments
    std::uint32_t semmsl, semmns, semopm, semmni; ///< in a set, in all, operations of a call, sets
    std::uint32_t msgmax, msgmnb, msgmni;         ///< bytes of a message, of a queue, queues
};
struct SystemVUse {
    std::uint32_t segments, pages, sets, semaphores, queues, messages, message_bytes;
    std::int32_t highest_segment, highest_set, highest_queue; ///< index for *_STAT; -1: none
};
struct ReceivedMessage {
    std::int32_t type;
    std::uint32_t length;
    abi::Address fault;
};

struct SystemV {
    static constexpr abi::Word number = 20;
    /// Commands of the *Control operations: IPC_RMID 0, IPC_SET 1, IPC_STAT 2; with an index in place of an id *_STAT (`by_index`) and *_STAT_ANY.
    static constexpr std::uint32_t remove = 0, set = 1, status = 2, status_by_index = 3, any_status_by_index = 4,
                                   lock = 11, unlock = 12;

    // --- shared memory ---
    using GetSegment =
        ipc::Method<SystemV, 1, std::int32_t(std::int32_t key, std::uint32_t bytes, std::uint32_t flags)>;
    /// An attachment, to be mapped shared (Process::Map): the segment counts it until the last mapping of it has gone. read_only as SHM_RDONLY, execute
    /// as SHM_EXEC. Returns the segment's bytes.
    using Attach = ipc::Method<SystemV, 2,
                               std::tuple<ipc::Cap<File>, std::uint32_t>(std::int32_t id, std::uint32_t read_only,
                                                                         std::uint32_t execute)>;
    /// The first result is what shmctl returns: an id for *_STAT.
    using ControlSegment = ipc::Method<SystemV, 3,
                                       std::tuple<std::int32_t, SharedMemoryStatus>(
                                           std::int32_t id, std::uint32_t command, SystemVPermissions)>;

    // --- semaphores ---
    using GetSet = ipc::Method<SystemV, 4, std::int32_t(std::int32_t key, std::uint32_t count, std::uint32_t flags)>;
    /// The buffer holds struct sembuf records. deadline: monotonic nanoseconds, ~0: none. May wait.
    using Operate =
        ipc::Method<SystemV, 5,
                    ipc::Unit(std::int32_t id, std::uint32_t count, std::uint64_t deadline, ipc::ReadBuffer)>;
    using ControlSet = ipc::Method<SystemV, 6,
                                   std::tuple<std::int32_t, SemaphoreStatus>(std::int32_t id, std::uint32_t command,
                                                                             SystemVPermissions)>;
    /// GETPID 11, GETVAL 12, GETNCNT 14, GETZCNT 15, SETVAL 16.
    using ControlSemaphore =
        ipc::Method<SystemV, 7,
                    std::int32_t(std::int32_t id, std::uint32_t index, std::uint32_t command, std::int32_t value)>;
    /// GETALL and SETALL: 16-bit values of all semaphores. Returns their number.
    using GetAll = ipc::Method<SystemV, 8, Transfer(std::int32_t id, ipc::WriteBuffer)>;
    using SetAll = ipc::Method<SystemV, 9, Transfer(std::int32_t id, ipc::ReadBuffer)>;

    // --- messages ---
    using GetQueue = ipc::Method<SystemV, 10, std::int32_t(std::int32_t key, std::uint32_t flags)>;
    /// flags as msgop(2). May wait. The result is 0, or the caller's address that was not present (nothing was sent).
    using Send = ipc::Method<SystemV, 11,
                             std::uint32_t(std::int32_t id, std::int32_t type, std::uint32_t flags, ipc::ReadBuffer)>;
    /// May wait. `fault`: nothing was received.
    using Receive =
        ipc::Method<SystemV, 12,
                    ReceivedMessage(std::int32_t id, std::int32_t type, std::uint32_t flags, ipc::WriteBuffer)>;
    /// IPC_SET sets the queue's maximum of bytes too.
    using ControlQueue =
        ipc::Method<SystemV, 13,
                    std::tuple<std::int32_t, MessageQueueStatus>(std::int32_t id, std::uint32_t command,
                                                                 SystemVPermissions, std::uint32_t maximum_bytes)>;

    // --- for everybody; Limits, SetLimits and Table also on a capability for the namespace itself that allows everything: for proc, with global ids ---
    using Limits = ipc::Method<SystemV, 14, SystemVLimits()>;
    /// Needs CAP_SYS_RESOURCE over the namespace. Invalid: out of range.
    using SetLimits = ipc::Method<SystemV, 15, ipc::Unit(SystemVLimits)>;
    using Use = ipc::Method<SystemV, 16, SystemVUse()>;
    /// Text of /proc/sysvipc/shm (0), sem (1), msg (2) from `offset`.
    using Table = ipc::Method<SystemV, 17, Transfer(std::uint32_t which, std::uint32_t offset, ipc::WriteBuffer)>;

    using methods = ipc::Methods<GetSegment, Attach, ControlSegment, GetSet, Operate, ControlSet, ControlSemaphore,
                                 GetAll, SetAll, GetQueue, Send, Receive, ControlQueue, Limits, SetLimits, Use, Table>;
};

} // namespace proto
