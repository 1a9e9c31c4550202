#include "messages.hpp"
#include <algorithm>

namespace sysv {

Result<std::int32_t> Messages::get(Caller const& caller, std::int32_t key, std::uint32_t flags, std::int64_t now) {
    auto const check = [](MessageQueue const&) { return Error::None; };
    return sysv::get(queues_, caller, key, flags, check, [&]() -> Result<std::int32_t> {
        if (queues_.size() >= limits_.msgmni) { return fail(Error::NoSpace); }
        if (!budget_->take(sizeof(MessageQueue))) { return fail(Error::NoMemory); }
        MessageQueue queue;
        queue.permissions = Permissions::of(caller, key, flags);
        queue.maximum_bytes = limits_.msgmnb;
        queue.change_time = now;
        return queues_.add(std::move(queue));
    });
}

Result<ipc::Unit> Messages::may_send(Caller const& caller, std::int32_t id, std::int32_t type, std::size_t bytes) {
    if (bytes > limits_.msgmax || type < 1) { return fail(Error::Invalid); }
    auto const* const queue = queues_.find(id);
    if (queue == nullptr) { return fail(Error::Invalid); }
    if (!queue->permissions.allow(caller, 2)) { return fail(Error::Access); }
    return ipc::Unit{};
}

bool Messages::fits(MessageQueue const& queue, std::size_t bytes) const {
    return queue.bytes + bytes <= queue.maximum_bytes && queue.messages.size() + 1 <= queue.maximum_bytes;
}

bool Messages::enqueue(MessageQueue& queue, Message& message, std::int32_t process, std::int64_t now) {
    if (!budget_->take(message.text.size() + message_cost)) { return false; }
    queue.bytes += static_cast<std::uint32_t>(message.text.size());
    queue.messages.push_back(std::move(message));
    queue.last_sender = process;
    queue.send_time = now;
    return true;
}

void Messages::dequeue(MessageQueue& queue, std::list<Message>::iterator message, std::int32_t process,
                       std::int64_t now) {
    queue.bytes -= static_cast<std::uint32_t>(message->text.size());
    budget_->give(message->text.size() + message_cost);
    queue.messages.erase(message);
    queue.last_receiver = process;
    queue.receive_time = now;
}

std::list<Message>::iterator Messages::choose(MessageQueue& queue, std::int32_t type, std::uint32_t flags) {
    auto& messages = queue.messages;
    if (type == 0) { return messages.begin(); }
    if (type > 0) {
        bool const except = (flags & except_flag) != 0;
        return std::find_if(messages.begin(), messages.end(),
                            [&](Message const& message) { return (message.type == type) != except; });
    }
    auto best = messages.end();
    std::int64_t const most = -static_cast<std::int64_t>(type);
    for (auto message = messages.begin(); message != messages.end(); ++message) {
        if (message->type <= most && (best == messages.end() || message->type < best->type)) { best = message; }
    }
    return best;
}

void Messages::settle(MessageQueue& queue, std::int64_t now, Deliver const& deliver, WokenList& woken) {
    for (bool again = true; again;) {
        again = false;
        for (auto receiver = queue.receiving.begin(); receiver != queue.receiving.end();) {
            auto const message = choose(queue, receiver->type, receiver->flags);
            if (message == queue.messages.end()) {
                ++receiver;
                continue;
            }
            auto const wanted = *receiver;
            receiver = queue.receiving.erase(receiver);
            if (message->text.size() > wanted.room && (wanted.flags & no_error_flag) == 0) {
                woken.push_back({wanted.waiter, Error::ArgumentsTooLong});
            } else if (deliver(wanted.waiter, *message)) {
                dequeue(queue, message, wanted.process, now);
            }
        }
        while (!queue.sending.empty() && fits(queue, queue.sending.front().message.text.size())) {
            auto& first = queue.sending.front();
            bool const sent = enqueue(queue, first.message, first.process, now);
            woken.push_back({first.waiter, sent ? Error::None : Error::NoMemory});
            queue.sending.pop_front();
            again = again || sent;
        }
    }
}

Result<bool> Messages::send(Caller const& caller, std::int32_t id, Message message, std::uint32_t flags,
                            std::uint32_t waiter, std::int64_t now, Deliver const& deliver, WokenList& woken) {
    if (auto const may = may_send(caller, id, message.type, message.text.size()); !may) { return fail(may.error()); }
    auto& queue = *queues_.find(id);
    if (queue.sending.empty() && fits(queue, message.text.size())) {
        if (!enqueue(queue, message, caller.process, now)) { return fail(Error::NoMemory); }
        settle(queue, now, deliver, woken);
        return true;
    }
    if ((flags & no_wait_flag) != 0) { return fail(Error::Again); }
    queue.sending.push_back({waiter, std::move(message), caller.process});
    return false;
}

Result<Message const*> Messages::receive(Caller const& caller, std::int32_t id, std::int32_t type, std::uint32_t flags,
                                         std::uint32_t room, std::uint32_t waiter) {
    if ((flags & copy_flag) != 0) {
        return fail(Error::NotImplemented);
    } // as a kernel without CONFIG_CHECKPOINT_RESTORE
    auto* const queue = queues_.find(id);
    if (queue == nullptr || room > 0x7fffffff) { return fail(Error::Invalid); }
    if (!queue->permissions.allow(caller, 4)) { return fail(Error::Access); }
    auto const message = choose(*queue, type, flags);
    if (message != queue->messages.end()) {
        if (message->text.size() > room && (flags & no_error_flag) == 0) { return fail(Error::ArgumentsTooLong); }
        return &*message;
    }
    if ((flags & no_wait_flag) != 0) { return fail(Error::NoMessage); }
    queue->receiving.push_back({waiter, type, caller.process, flags, room});
    return nullptr;
}

void Messages::take(Caller const& caller, std::int32_t id, Message const* message, std::int64_t now,
                    Deliver const& deliver, WokenList& woken) {
    auto& queue = *queues_.find(id);
    auto const found =
        std::find_if(queue.messages.begin(), queue.messages.end(), [&](Message const& one) { return &one == message; });
    dequeue(queue, found, caller.process, now);
    settle(queue, now, deliver, woken);
}

Result<ipc::Unit> Messages::set_maximum(Caller const& caller, std::int32_t id, std::uint32_t maximum, std::int64_t now,
                                        Deliver const& deliver, WokenList& woken) {
    auto* const queue = queues_.find(id);
    if (queue == nullptr) { return fail(Error::Invalid); }
    if (!queue->permissions.owned_by(caller) ||
        (maximum > limits_.msgmnb && !caller.capable(capability::sys_resource))) {
        return fail(Error::NotPermitted);
    }
    queue->maximum_bytes = maximum;
    settle(*queue, now, deliver, woken);
    return ipc::Unit{};
}

void Messages::drop(std::int32_t id, MessageQueue& queue, WokenList& woken) {
    for (auto const& one : queue.sending) { woken.push_back({one.waiter, Error::IdentifierRemoved}); }
    for (auto const& one : queue.receiving) { woken.push_back({one.waiter, Error::IdentifierRemoved}); }
    budget_->give(sizeof(MessageQueue) + queue.bytes + queue.messages.size() * message_cost);
    queues_.remove(id);
}

Result<ipc::Unit> Messages::remove(Caller const& caller, std::int32_t id, WokenList& woken) {
    auto* const queue = queues_.find(id);
    if (queue == nullptr) { return fail(Error::Invalid); }
    if (!queue->permissions.owned_by(caller)) { return fail(Error::NotPermitted); }
    drop(id, *queue, woken);
    return ipc::Unit{};
}

void Messages::forget(std::uint32_t waiter) {
    queues_.each([&](std::int32_t, MessageQueue& queue) {
        queue.sending.remove_if([&](auto const& one) { return one.waiter == waiter; });
        queue.receiving.remove_if([&](auto const& one) { return one.waiter == waiter; });
    });
}

void Messages::clear(WokenList& woken) {
    while (queues_.size() != 0) {
        std::int32_t const id = queues_.id_at(queues_.highest());
        drop(id, *queues_.find(id), woken);
    }
}

} // namespace sysv
