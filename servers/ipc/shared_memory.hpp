// System V shared memory (shmget(2), shmat(2), shmctl(2)). Knows no kernel: the memory of a segment is a Storage, what the pages come from.
#pragma once
#include "identifiers.hpp"
#include <functional>

namespace sysv {

/// The pages of one segment; it ends with the segment.
class Storage {
public:
    virtual ~Storage() = default;
};

struct Segment {
    Permissions permissions;
    std::uint32_t bytes = 0;
    std::shared_ptr<Storage> storage;
    std::uint32_t inode = 0; ///< unlike any other segment's, ever: who maps it tells them apart by it
    std::uint32_t attachments = 0;
    bool removed = false; ///< IPC_RMID: ends with its last attachment
    bool locked = false;
    std::int32_t creator_process = 0, last_process = 0;
    std::int64_t attach_time = 0, detach_time = 0, change_time = 0;
};

class SharedMemory {
public:
    static constexpr std::uint32_t destroyed_mode = 01000, locked_mode = 02000; ///< SHM_DEST, SHM_LOCKED of IPC_STAT
    static constexpr std::uint32_t page = 4096;
    using MakeStorage = std::function<Result<std::shared_ptr<Storage>>(std::uint32_t bytes)>;
    /// memory: of the records; pages: of the segments' contents.
    SharedMemory(proto::SystemVLimits const& limits, std::shared_ptr<Budget> memory, std::shared_ptr<Budget> pages)
        : limits_{limits}, memory_{std::move(memory)}, pages_budget_{std::move(pages)} {}

    Result<std::int32_t> get(Caller const& caller, std::int32_t key, std::uint32_t bytes, std::uint32_t flags,
                             std::int64_t now, std::uint32_t inode, MakeStorage const& make);
    /// Counts an attachment. Invalid, Access, IdentifierRemoved.
    Result<Segment const*> attach(Caller const& caller, std::int32_t id, bool read_only, bool execute,
                                  std::int64_t now);
    /// Another attachment of a segment that has one (fork).
    bool attach_again(std::int32_t id, std::int32_t process, std::int64_t now);
    void detach(std::int32_t id, std::int32_t process, std::int64_t now);
    /// IPC_RMID. Invalid, NotPermitted.
    Result<ipc::Unit> remove(Caller const& caller, std::int32_t id, std::int64_t now);
    /// SHM_LOCK, SHM_UNLOCK: remembered; nothing is ever swapped out.
    Result<ipc::Unit> lock(Caller const& caller, std::int32_t id, bool locked);

    Identifiers<Segment>& segments() { return segments_; }
    [[nodiscard]] std::uint32_t pages() const { return pages_; }
    /// The namespace has ended: what is attached lives on without an id.
    void clear();

private:
    void destroy(std::int32_t id);
    static constexpr std::uint64_t record_cost = 256;
    proto::SystemVLimits const& limits_;
    std::shared_ptr<Budget> memory_, pages_budget_;
    Identifiers<Segment> segments_;
    std::uint32_t pages_ = 0; ///< of all segments
};

} // namespace sysv
