// Advisory locks of one file: flock(2) and fcntl(2).
#pragma once
#include "port.hpp"
#include <vector>

namespace vfs {

class OpenFile;

class LockList {
public:
    /// Type numbers as fcntl(2).
    static constexpr std::int16_t read = 0, write = 1, unlock = 2;
    /// `process` 0: a flock of the open file description, else a POSIX lock of that process. Range in absolute offsets, end
    /// exclusive. Again: somebody holds it and `caller` is null; Deferred: waits.
    Error set(Port& port, OpenFile* file, std::uint32_t process, std::int16_t type, std::uint64_t start,
              std::uint64_t end, Caller* caller);
    /// Gives up all locks taken through this description.
    void release(Port& port, OpenFile* file);
    LockList() = default;
    LockList(LockList const&) = delete;
    LockList& operator=(LockList const&) = delete;
    ~LockList() { total_ -= static_cast<std::uint32_t>(held_.size()); }
    [[nodiscard]] bool empty() const { return held_.empty() && waiting_.empty(); }

private:
    struct Lock {
        OpenFile* file;
        std::uint32_t process;
        std::int16_t type;
        std::uint64_t start, end;
    };
    struct Request {
        Lock lock;
        Waiter waiter;
    };
    [[nodiscard]] bool conflicts(Lock const& wanted) const;
    void apply(Lock const& lock);
    void retry(Port& port);
    static bool same_owner(Lock const& a, Lock const& b) {
        return (a.process == 0) == (b.process == 0) && (a.process == 0 ? a.file == b.file : a.process == b.process);
    }
    /// Ranges held in all files: heap bounds them.
    static constexpr std::uint32_t total_maximum = 16384;
    static inline std::uint32_t total_ = 0;
    std::vector<Lock> held_;
    std::vector<Request> waiting_;
};

} // namespace vfs
