// Protocol MessageQueue: POSIX message queues (mq_overview(7)). Open and Unlink on a session of an IPC namespace; the rest on the open queue, which
// speaks File too (Read shows its state as a file of mqueue does, Poll says when it can be sent to or received from).
#pragma once
#include "directory.hpp"
#include "namespace.hpp"

namespace proto {
struct MessageQueueAttributes {
    std::uint32_t flags, maximum_messages, message_bytes, messages;
}; ///< struct mq_attr; flags: O_NONBLOCK
/// A message that came to an empty queue whose arrival a process waits for (mq_notify(3)). Processes are numbers in their PID namespaces.
struct QueueNotice {
    std::int32_t process;
    std::uint32_t process_space, signal, value; ///< signal as it was given to Notify, not 0
    std::int32_t sender;                        ///< who opened the descriptor that it was sent on
    std::uint32_t sender_space, sender_user;    ///< a global id
};
struct QueueMessage {
    std::uint32_t length, priority;
    abi::Address fault;
};
struct MessageQueue {
    static constexpr abi::Word number = 21;
    /// flags and mode as mq_open(2); the name has no slash. With O_CREAT: given 0 takes the default attributes.
    using Open = ipc::Method<MessageQueue, 1,
                             ipc::Cap<File>(std::uint32_t flags, std::uint32_t mode, std::uint32_t given,
                                            MessageQueueAttributes, ipc::Path)>;
    using Unlink = ipc::Method<MessageQueue, 2, ipc::Unit(ipc::Path)>;
    /// May wait, until `deadline` (monotonic nanoseconds, ~0: for ever): TimedOut. Returns 0, or the caller's address that was not present.
    using Send =
        ipc::Method<MessageQueue, 3, std::uint32_t(std::uint32_t priority, std::uint64_t deadline, ipc::ReadBuffer)>;
    using Receive = ipc::Method<MessageQueue, 4, QueueMessage(std::uint64_t deadline, ipc::WriteBuffer)>;
    /// The attributes as they were; change: sets O_NONBLOCK of `flags`.
    using Attributes = ipc::Method<MessageQueue, 5, MessageQueueAttributes(std::uint32_t change, std::uint32_t flags)>;
    /// On a session: the file system of the namespace's queues, for mount(2) of type mqueue. Who asks it for something attaches its session as the
    /// operation's caller (Continuation flags bit 1). NotPermitted: without CAP_SYS_ADMIN.
    using FileSystem = ipc::Method<MessageQueue, 6, ipc::Cap<Directory>()>;
    /// On an open queue. change 1: the process of the session `own` is told once, when a message comes to the empty queue and nobody waits for it; signal
    /// 0: it is not told (SIGEV_NONE). 0: no longer. Errors: Busy (some process is told already), Invalid (no such signal), NotPermitted (no session).
    using Notify = ipc::Method<MessageQueue, 7,
                               ipc::Unit(ipc::OptionalCap<Session> own, std::uint32_t change, std::uint32_t signal,
                                         std::uint32_t value)>;
    /// Control, on the first namespace: signalled when there are notices; the next of them. NoData: none.
    using Watch = ipc::Method<MessageQueue, 8, ipc::Unit(ipc::Cap<ipc::Notification>)>;
    using TakeNotice = ipc::Method<MessageQueue, 9, QueueNotice()>;
    /// Control, on the first namespace: whether the file is one of this server's that can be mapped (System V shared memory): proc calls no file of a
    /// server that may be waiting for it. BadDescriptor: it is not.
    using MayMap = ipc::Method<MessageQueue, 10, ipc::Unit(ipc::OptionalCap<File>)>;
    using methods =
        ipc::Methods<Open, Unlink, Send, Receive, Attributes, FileSystem, Notify, Watch, TakeNotice, MayMap>;
};
} // namespace proto
