// POSIX message queues (mq_overview(7)). Knows no kernel: who waits is a number of the server's.
#pragma once
#include "messages.hpp"
#include "proto/message_queue.hpp"
#include <optional>
#include <string>

namespace sysv {

struct PosixMessage {
    std::uint32_t priority;
    std::vector<std::byte> text;
};

/// Lives as long as it has a name or somebody has it open.
struct PosixQueue {
    std::string name;
    Permissions permissions;
    std::uint32_t maximum_messages, message_bytes;
    std::list<PosixMessage> messages; ///< the highest priority first, of one priority the oldest
    std::uint32_t bytes = 0;
    struct Sending {
        std::uint32_t waiter;
        PosixMessage message;
    };
    std::list<Sending> sending;
    std::list<std::uint32_t> receiving;
    std::shared_ptr<Budget> budget;
    std::uint64_t cost = 0;
    std::uint32_t inode = 0; ///< unique in its namespace, and growing
    std::int64_t made = 0;   ///< seconds since the epoch
    /// Who is told of a message that comes when there is none (mq_notify(3)).
    struct Registration {
        std::uint32_t session, descriptor; ///< badges it ends with
        std::int32_t process;
        std::uint32_t process_space, signal, value;
    };
    std::optional<Registration> registration;

    PosixQueue() = default;
    PosixQueue(PosixQueue const&) = delete;
    PosixQueue& operator=(PosixQueue const&) = delete;
    ~PosixQueue() {
        if (budget != nullptr) { budget->give(cost); }
    }
    [[nodiscard]] bool full() const { return messages.size() >= maximum_messages; }
    void insert(PosixMessage message);
    PosixMessage take();
    void forget(std::uint32_t waiter) {
        sending.remove_if([&](auto const& one) { return one.waiter == waiter; });
        receiving.remove(waiter);
    }
};
using QueuePointer = std::shared_ptr<PosixQueue>;

/// The names of one namespace.
class PosixQueues {
public:
    static constexpr std::uint32_t most_queues = 256, default_messages = 10, default_bytes = 8192,
                                   hard_messages = 65536, hard_bytes = 16777216;
    static constexpr std::uint32_t priorities = 32768;
    static constexpr std::uint32_t create = 0100, exclusive = 0200, access_mode = 3, non_blocking = 04000;

    explicit PosixQueues(std::shared_ptr<Budget> budget) : budget_{std::move(budget)} {}
    /// Errors: Access (permissions; a slash in the name), Exists, Invalid, NameTooLong, NoEntry, NoSpace, NoMemory.
    Result<QueuePointer> open(Caller const& caller, std::string_view name, std::uint32_t flags, std::uint32_t mode,
                              proto::MessageQueueAttributes const* attributes);
    /// Errors: Access, NoEntry.
    Result<ipc::Unit> unlink(Caller const& caller, std::string_view name);
    [[nodiscard]] std::size_t size() const { return queues_.size(); }
    /// Null: none of that name.
    [[nodiscard]] PosixQueue* find(std::string_view name) const;
    /// The oldest that is younger than the one with that inode number. Null: none.
    [[nodiscard]] PosixQueue const* after(std::uint64_t inode) const;

private:
    std::shared_ptr<Budget> budget_;
    std::uint32_t last_inode_ = 1; ///< 1 is the directory's
    std::map<std::string, QueuePointer, std::less<>> queues_;
};

} // namespace sysv
