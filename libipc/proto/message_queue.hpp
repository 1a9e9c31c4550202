// Protocol MessageQueue: POSIX message queues (mq_overview(7)). Open and Unlink on a session of an IPC namespace; the rest on the open queue, which
// speaks File too (Read shows its state as a file of mqueue does, Poll says when it can be sent to or received from).
#pragma once
#include "file.hpp"
#include "namespace.hpp"

namespace proto {
struct MessageQueueAttributes { std::uint32_t flags, maximum_messages, message_bytes, messages; }; ///< struct mq_attr; flags: O_NONBLOCK
struct QueueMessage { std::uint32_t length, priority; abi::Address fault; };
struct MessageQueue {
    static constexpr abi::Word number = 21;
    /// flags and mode as mq_open(2); the name has no slash. With O_CREAT: given 0 takes the default attributes.
    using Open = ipc::Method<MessageQueue, 1, ipc::Cap<File>(std::uint32_t flags, std::uint32_t mode, std::uint32_t given, MessageQueueAttributes, ipc::Path)>;
    using Unlink = ipc::Method<MessageQueue, 2, ipc::Unit(ipc::Path)>;
    /// May wait, until `deadline` (monotonic nanoseconds, ~0: for ever): TimedOut. Returns 0, or the caller's address that was not present.
    using Send = ipc::Method<MessageQueue, 3, std::uint32_t(std::uint32_t priority, std::uint64_t deadline, ipc::ReadBuffer)>;
    using Receive = ipc::Method<MessageQueue, 4, QueueMessage(std::uint64_t deadline, ipc::WriteBuffer)>;
    /// The attributes as they were; change: sets O_NONBLOCK of `flags`.
    using Attributes = ipc::Method<MessageQueue, 5, MessageQueueAttributes(std::uint32_t change, std::uint32_t flags)>;
    using methods = ipc::Methods<Open, Unlink, Send, Receive, Attributes>;
};
} // namespace proto
