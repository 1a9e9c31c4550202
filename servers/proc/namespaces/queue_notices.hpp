// What a process asked to be told of by mq_notify(3): the ipc server signals proc, which fetches it and sends the signal.
#pragma once
#include "../../../libipc/proto/message_queue.hpp"
#include "../process/core.hpp"

namespace proc {

/// Sends the signal, unless the process has ended.
void deliver(Core& core, proto::QueueNotice const& notice);

} // namespace proc
