// System V semaphores (semop(2), semctl(2)): sets, what waits on them, what an ending process takes back. Knows no kernel: who waits is a
// number of the server's, and what became of it is handed back in `Woken`.
#pragma once
#include "identifiers.hpp"
#include <list>
#include <span>

namespace sysv {

struct SemaphoreOperation { ///< struct sembuf
    std::uint16_t index;
    std::int16_t change;
    std::uint16_t flags;
};
static_assert(sizeof(SemaphoreOperation) == 6);
inline constexpr std::uint16_t undo_flag = 0x1000;

/// Somebody whose call can be answered now.
struct Woken {
    std::uint32_t waiter;
    Error result;
};
using WokenList = std::vector<Woken>;

struct SemaphoreSet {
    Permissions permissions;
    struct Semaphore {
        std::int32_t value = 0;
        std::int32_t process = 0; ///< the last that changed it (GETPID)
    };
    std::vector<Semaphore> semaphores;
    std::int64_t operation_time = 0, change_time = 0;
    struct Waiting {
        std::uint32_t waiter;
        std::vector<SemaphoreOperation> operations;
        std::int32_t process;
        std::uint32_t session;  ///< whose undo list it goes to
        std::size_t blocked_by; ///< index into operations
    };
    std::list<Waiting> waiting;
    /// Per session: what its end adds to each semaphore (SEM_UNDO).
    std::map<std::uint32_t, std::vector<std::int16_t>> undo;
    std::uint64_t cost = 0;
};

class Semaphores {
public:
    static constexpr std::int32_t maximum_value = 32767;
    Semaphores(proto::SystemVLimits const& limits, std::shared_ptr<Budget> budget)
        : limits_{limits}, budget_{std::move(budget)} {}

    Result<std::int32_t> get(Caller const& caller, std::int32_t key, std::uint32_t count, std::uint32_t flags,
                             std::int64_t now);
    /// True: done. False: it waits as `waiter`.
    Result<bool> operate(Caller const& caller, std::int32_t id, std::span<SemaphoreOperation const> operations,
                         std::uint32_t session, std::uint32_t waiter, std::int64_t now, WokenList& woken);
    Result<std::int32_t> control(Caller const& caller, std::int32_t id, std::uint32_t index, std::uint32_t command,
                                 std::int32_t value, std::int64_t now, WokenList& woken);
    /// GETALL. Invalid, Access.
    Result<std::vector<std::uint16_t>> values(Caller const& caller, std::int32_t id);
    Result<ipc::Unit> set_values(Caller const& caller, std::int32_t id, std::span<std::uint16_t const> values,
                                 std::int64_t now, WokenList& woken);
    /// How many there are in the set, for SETALL. Invalid, Access.
    Result<std::size_t> count(Caller const& caller, std::int32_t id, std::uint32_t wanted);
    /// IPC_RMID. Invalid, NotPermitted.
    Result<ipc::Unit> remove(Caller const& caller, std::int32_t id, WokenList& woken);
    /// The process has ended: what it did with SEM_UNDO is taken back.
    void session_ended(std::uint32_t session, std::int64_t now, WokenList& woken);
    /// It does not wait any more (a signal, a time-out).
    void forget(std::uint32_t waiter);

    Identifiers<SemaphoreSet>& sets() { return sets_; }
    [[nodiscard]] std::uint32_t total() const { return total_; }
    void clear(WokenList& woken);

private:
    enum class Outcome { Done, Blocked, OutOfRange };
    Outcome attempt(SemaphoreSet& set, SemaphoreSet::Waiting& wanted, std::int64_t now);
    void wake(SemaphoreSet& set, std::int64_t now, WokenList& woken);
    void drop(std::int32_t id, SemaphoreSet& set, WokenList& woken);

    proto::SystemVLimits const& limits_;
    std::shared_ptr<Budget> budget_;
    Identifiers<SemaphoreSet> sets_;
    std::uint32_t total_ = 0; ///< semaphores in all sets
};

} // namespace sysv
