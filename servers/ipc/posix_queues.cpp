#include "posix_queues.hpp"
#include <algorithm>

namespace sysv {

void PosixQueue::insert(PosixMessage message) {
    auto const place = std::find_if(messages.begin(), messages.end(),
                                    [&](auto const& one) { return one.priority < message.priority; });
    bytes += static_cast<std::uint32_t>(message.text.size());
    messages.insert(place, std::move(message));
}

PosixMessage PosixQueue::take() {
    PosixMessage message = std::move(messages.front());
    messages.pop_front();
    bytes -= static_cast<std::uint32_t>(message.text.size());
    return message;
}

Result<QueuePointer> PosixQueues::open(Caller const& caller, std::string_view name, std::uint32_t flags,
                                       std::uint32_t mode, proto::MessageQueueAttributes const* attributes) {
    constexpr std::size_t longest_name = 255;
    std::uint32_t const access = flags & access_mode;
    if (name.empty()) { return fail(Error::NoEntry); }
    if (name.size() > longest_name) { return fail(Error::NameTooLong); }
    if (name.find('/') != name.npos) { return fail(Error::Access); }
    if (access == access_mode) { return fail(Error::Invalid); }
    if (auto const found = queues_.find(name); found != queues_.end()) {
        if ((flags & create) != 0 && (flags & exclusive) != 0) { return fail(Error::Exists); }
        constexpr std::uint32_t read = 4, write = 2, wanted[] = {read, write, read | write};
        if (!found->second->permissions.allow(caller, wanted[access])) { return fail(Error::Access); }
        return found->second;
    }
    if ((flags & create) == 0) { return fail(Error::NoEntry); }
    std::uint32_t const messages = attributes != nullptr ? attributes->maximum_messages : default_messages;
    std::uint32_t const bytes = attributes != nullptr ? attributes->message_bytes : default_bytes;
    bool const may_more = caller.capable(capability::sys_resource);
    if (messages == 0 || bytes == 0 || messages > (may_more ? hard_messages : default_messages) ||
        bytes > (may_more ? hard_bytes : default_bytes)) {
        return fail(Error::Invalid);
    }
    if (queues_.size() >= most_queues && !may_more) { return fail(Error::NoSpace); }
    // Room for all it may hold is taken at once, as Linux charges it to RLIMIT_MSGQUEUE.
    std::uint64_t const cost = 512 + std::uint64_t{messages} * (bytes + 64);
    if (!budget_->take(cost)) { return fail(Error::NoMemory); }
    auto queue = std::make_shared<PosixQueue>();
    queue->name = name;
    queue->permissions = Permissions::of(caller, private_key, mode);
    queue->maximum_messages = messages;
    queue->message_bytes = bytes;
    queue->budget = budget_;
    queue->cost = cost;
    queue->inode = ++last_inode_;
    queues_.emplace(std::string{name}, queue);
    return queue;
}

PosixQueue* PosixQueues::find(std::string_view name) const {
    auto const found = queues_.find(name);
    return found == queues_.end() ? nullptr : found->second.get();
}

PosixQueue const* PosixQueues::after(std::uint64_t inode) const {
    PosixQueue const* best = nullptr;
    for (auto const& [name, queue] : queues_) {
        if (queue->inode > inode && (best == nullptr || queue->inode < best->inode)) { best = queue.get(); }
    }
    return best;
}

Result<ipc::Unit> PosixQueues::unlink(Caller const& caller, std::string_view name) {
    auto const found = queues_.find(name);
    if (found == queues_.end()) { return fail(Error::NoEntry); }
    // The directory of mqueue is sticky and open to all: who owns the queue, or may override.
    auto const& permissions = found->second->permissions;
    constexpr unsigned fowner = 3;
    if (caller.user != permissions.user && !caller.capable(fowner)) { return fail(Error::NotPermitted); }
    queues_.erase(found);
    return ipc::Unit{};
}

} // namespace sysv
