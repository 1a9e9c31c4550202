// Advisory locks of one file: flock(2), and the record locks of fcntl(2), a process's or an open file description's.
#pragma once
#include "port.hpp"
#include "quota.hpp"
#include <optional>
#include <vector>

namespace vfs {

class Inode;
class LockList;
class OpenFile;

/// Errno ENOLCK.
inline constexpr Error no_locks{37};

/// Who a process's record locks belong to: its sessions share it. They go with the last one.
class LockOwner : public Counted {
public:
    LockOwner(Port& port, Ref<QuotaDomain> payer_) : payer{std::move(payer_)}, port_{port} {}
    LockOwner(LockOwner const&) = delete;
    LockOwner& operator=(LockOwner const&) = delete;
    ~LockOwner();
    void unreferenced() { delete this; }
    /// It may have locks of this file.
    void add(Inode& inode);
    /// Gives up its locks of this file.
    void release(Inode& inode);

    std::uint32_t process = 0, container = 0; ///< as Session
    Ref<QuotaDomain> payer;                   ///< whose limit the locks count against; may be null

private:
    friend class LockList;
    Port& port_;
    std::vector<Ref<Inode>> inodes_;
    std::vector<LockList*> waits_; ///< of its requests that wait
};

struct Lock {
    /// The numbers are LockRequest::owner's.
    enum class Kind : std::uint8_t { OpenFile, Description, Process };
    Kind kind;
    std::int16_t type;
    OpenFile* file;   ///< it was taken through
    LockOwner* owner; ///< of Kind::Process
    std::uint64_t start, end;

    [[nodiscard]] bool same_owner(Lock const& other) const {
        return kind == other.kind && (kind == Kind::Process ? owner == other.owner : file == other.file);
    }
    [[nodiscard]] bool conflicts(Lock const& wanted) const;
};

class LockList {
public:
    /// Type numbers as fcntl(2).
    static constexpr std::int16_t read = 0, write = 1, unlock = 2;
    /// What may be held in all files, and by what one quota domain pays for.
    static constexpr std::uint32_t total_maximum = 16384, domain_maximum = 4096;
    /// The range is in absolute offsets, end exclusive. Again: somebody holds it and `caller` is null; Deferred: waits; Deadlock: whoever
    /// holds it waits for this owner; no_locks.
    Error set(Port& port, Lock const& lock, Caller* caller);
    /// The first lock in the way of this one.
    [[nodiscard]] std::optional<Lock> find(Lock const& wanted) const;
    /// Gives up all locks taken through this description.
    void release(Port& port, OpenFile* file);
    /// Gives up the locks of this owner; `waiting`: its requests, too.
    void release(Port& port, LockOwner const& owner, bool waiting);
    LockList() = default;
    LockList(LockList const&) = delete;
    LockList& operator=(LockList const&) = delete;
    ~LockList();
    [[nodiscard]] bool empty() const { return held_.empty() && waiting_.empty(); }

private:
    struct Request {
        Lock lock;
        Waiter waiter;
    };
    [[nodiscard]] bool conflicts(Lock const& wanted) const;
    /// Would waiting for this never end, because those who hold it wait for its owner?
    [[nodiscard]] bool deadlock(Port& port, Lock const& wanted) const;
    void apply(Lock const& lock);
    void retry(Port& port);
    void remove_request(std::size_t index);
    template <class Which>
    void remove(Port& port, Which which, bool waiting);
    static QuotaDomain* payer(Lock const& lock);
    static void count(Lock const& lock, std::int32_t change);
    static inline std::uint32_t total_ = 0;
    std::vector<Lock> held_; ///< of each owner from the lowest to the highest
    std::vector<Request> waiting_;
};

} // namespace vfs
