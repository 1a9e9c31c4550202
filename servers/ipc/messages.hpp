// System V message queues (msgop(2), msgctl(2)). Knows no kernel: who waits is a number of the server's, and what can be answered now is handed back.
#pragma once
#include "semaphores.hpp"
#include <functional>

namespace sysv {

struct Message {
    std::int32_t type;
    std::vector<std::byte> text;
};

struct MessageQueue {
    Permissions permissions;
    std::list<Message> messages;
    std::uint32_t bytes = 0, maximum_bytes = 0;
    std::int32_t last_sender = 0, last_receiver = 0;
    std::int64_t send_time = 0, receive_time = 0, change_time = 0;
    struct Sending {
        std::uint32_t waiter;
        Message message;
        std::int32_t process;
    };
    struct Receiving {
        std::uint32_t waiter;
        std::int32_t type, process;
        std::uint32_t flags, room;
    };
    std::list<Sending> sending;
    std::list<Receiving> receiving;
};

class Messages {
public:
    static constexpr std::uint32_t no_error_flag = 010000, except_flag = 020000, copy_flag = 040000;
    static constexpr std::uint64_t message_cost = 64;
    Messages(proto::SystemVLimits const& limits, std::shared_ptr<Budget> budget)
        : limits_{limits}, budget_{std::move(budget)} {}

    /// Gives a message to somebody who waited. False: it could not be given (the waiter has gone, its memory is not there): it stays in the queue.
    using Deliver = std::function<bool(std::uint32_t waiter, Message const& message)>;

    Result<std::int32_t> get(Caller const& caller, std::int32_t key, std::uint32_t flags, std::int64_t now);
    /// Whether a message of that size may be sent there at all, before it is fetched. Invalid, Access.
    Result<ipc::Unit> may_send(Caller const& caller, std::int32_t id, std::int32_t type, std::size_t bytes);
    /// True: it is in the queue. False: it waits as `waiter`.
    Result<bool> send(Caller const& caller, std::int32_t id, Message message, std::uint32_t flags, std::uint32_t waiter,
                      std::int64_t now, Deliver const& deliver, WokenList& woken);
    /// A message that fits, still in the queue: after it was copied out, take() it. Null: the caller waits as `waiter`.
    Result<Message const*> receive(Caller const& caller, std::int32_t id, std::int32_t type, std::uint32_t flags,
                                   std::uint32_t room, std::uint32_t waiter);
    void take(Caller const& caller, std::int32_t id, Message const* message, std::int64_t now, Deliver const& deliver,
              WokenList& woken);

    /// IPC_SET of the maximum: may let senders go on.
    Result<ipc::Unit> set_maximum(Caller const& caller, std::int32_t id, std::uint32_t maximum, std::int64_t now,
                                  Deliver const& deliver, WokenList& woken);
    Result<ipc::Unit> remove(Caller const& caller, std::int32_t id, WokenList& woken);
    void forget(std::uint32_t waiter);

    Identifiers<MessageQueue>& queues() { return queues_; }
    void clear(WokenList& woken);

private:
    /// After something changed: messages to receivers, and senders' messages into the queue.
    void settle(MessageQueue& queue, std::int64_t now, Deliver const& deliver, WokenList& woken);
    static std::list<Message>::iterator choose(MessageQueue& queue, std::int32_t type, std::uint32_t flags);
    bool fits(MessageQueue const& queue, std::size_t bytes) const;
    bool enqueue(MessageQueue& queue, Message& message, std::int32_t process, std::int64_t now);
    void dequeue(MessageQueue& queue, std::list<Message>::iterator message, std::int32_t process, std::int64_t now);
    void drop(std::int32_t id, MessageQueue& queue, WokenList& woken);

    proto::SystemVLimits const& limits_;
    std::shared_ptr<Budget> budget_;
    Identifiers<MessageQueue> queues_;
};

} // namespace sysv
