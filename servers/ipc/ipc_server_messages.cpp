// Message queues, limits, and what /proc shows.
#include "ipc_server.hpp"

namespace sysv {

Messages::Deliver IpcServer::deliverer() {
    return [this](std::uint32_t number, Message const& message) {
        auto const found = waiters_.find(number);
        if (found == waiters_.end()) { return false; }
        auto const waiter = found->second;
        waiters_.erase(found);
        std::size_t const part = std::min<std::size_t>(message.text.size(), waiter.room);
        auto const done = ipc::copy_out(waiter.call, 0, std::span{message.text}.first(part));
        bool const whole = done.count == part;
        // Its memory is not there: it makes it present and asks again.
        ipc::reply<V::Receive>(waiter.call,
                               whole ? proto::ReceivedMessage{message.type, static_cast<std::uint32_t>(part), 0}
                                     : proto::ReceivedMessage{0, 0, done.caller_fault != 0 ? done.caller_fault : 1});
        return whole;
    };
}

Result<std::int32_t> IpcServer::on(V::GetQueue, Sender& sender, std::int32_t key, std::uint32_t flags) {
    auto const who = request(sender, V::GetQueue::number);
    if (!who) { return fail(who.error()); }
    return who->space->messages.get(*who->caller, key, flags, port_.wall_seconds());
}

Result<std::uint32_t> IpcServer::on(V::Send, Sender& sender, std::int32_t id, std::int32_t type, std::uint32_t flags,
                                    ipc::ReadBuffer) {
    auto const who = request(sender, V::Send::number);
    if (!who) { return fail(who.error()); }
    auto& messages = who->space->messages;
    if (auto const may = messages.may_send(*who->caller, id, type, sender.read_length); !may) {
        return fail(may.error());
    }
    Message message{type, std::vector<std::byte>(sender.read_length)};
    auto const fetched = sender.copy_in(0, message.text);
    if (fetched.count < message.text.size()) {
        if (fetched.caller_fault == 0) { return fail(Error::Fault); }
        return fetched.caller_fault;
    }
    sweep(*who->space);
    WokenList woken;
    auto const waiter = next_waiter();
    auto const done =
        messages.send(*who->caller, id, std::move(message), flags, waiter, port_.wall_seconds(), deliverer(), woken);
    answer(woken);
    if (!done) { return fail(done.error()); }
    if (*done) { return 0U; }
    wait(sender, Waiter::Kind::Sender, *who->pointer, waiter, ~std::uint64_t{0});
    return fail(Error::Deferred);
}

Result<proto::ReceivedMessage> IpcServer::on(V::Receive, Sender& sender, std::int32_t id, std::int32_t type,
                                             std::uint32_t flags, ipc::WriteBuffer) {
    auto const who = request(sender, V::Receive::number);
    if (!who) { return fail(who.error()); }
    auto& messages = who->space->messages;
    sweep(*who->space);
    auto const waiter = next_waiter();
    auto const found = messages.receive(*who->caller, id, type, flags, sender.write_length, waiter);
    if (!found) { return fail(found.error()); }
    if (*found == nullptr) {
        wait(sender, Waiter::Kind::Receiver, *who->pointer, waiter, ~std::uint64_t{0});
        return fail(Error::Deferred);
    }
    Message const& message = **found;
    std::size_t const part = std::min<std::size_t>(message.text.size(), sender.write_length);
    auto const copied = sender.copy_out(0, std::span{message.text}.first(part));
    if (copied.count < part) {
        if (copied.caller_fault == 0) { return fail(Error::Fault); }
        return proto::ReceivedMessage{0, 0, copied.caller_fault};
    }
    proto::ReceivedMessage const received{message.type, static_cast<std::uint32_t>(part), 0};
    WokenList woken;
    messages.take(*who->caller, id, &message, port_.wall_seconds(), deliverer(), woken);
    answer(woken);
    return received;
}

Result<std::tuple<std::int32_t, proto::MessageQueueStatus>> IpcServer::on(V::ControlQueue, Sender& sender,
                                                                          std::int32_t id, std::uint32_t command,
                                                                          proto::SystemVPermissions const& wanted,
                                                                          std::uint32_t maximum_bytes) {
    using Reply = std::tuple<std::int32_t, proto::MessageQueueStatus>;
    auto const who = request(sender, V::ControlQueue::number);
    if (!who) { return fail(who.error()); }
    auto& messages = who->space->messages;
    auto const now = port_.wall_seconds();
    if (command == V::remove || command == V::set) {
        sweep(*who->space);
        WokenList woken;
        Result<Unit> done = Unit{};
        if (command == V::remove) {
            done = messages.remove(*who->caller, id, woken);
        } else {
            auto* const queue = messages.queues().find(id);
            if (queue == nullptr) { return fail(Error::Invalid); }
            auto const before = queue->permissions;
            done = change(*who, queue->permissions, wanted);
            if (done) {
                auto const owner = queue->permissions;
                queue->permissions = before; // who may is decided by who owned it when the call came
                done = messages.set_maximum(*who->caller, id, maximum_bytes, now, deliverer(), woken);
                if (done) {
                    queue->permissions = owner;
                    queue->change_time = now;
                }
            }
        }
        answer(woken);
        return done ? Result<Reply>{Reply{}} : fail(done.error());
    }
    if (command < V::status || command > V::any_status_by_index) { return fail(Error::Invalid); }
    auto const queue = look(messages.queues(), *who->caller, id, command);
    if (!queue) { return fail(queue.error()); }
    auto const& one = **queue;
    return Reply{command == V::status ? 0 : messages.queues().id_at(id),
                 {shown(*who, one.permissions), one.bytes, static_cast<std::uint32_t>(one.messages.size()),
                  one.maximum_bytes, one.last_sender, one.last_receiver, one.send_time, one.receive_time,
                  one.change_time}};
}

Result<proto::SystemVLimits> IpcServer::on(V::Limits, Sender& sender) {
    auto const who = request(sender, V::Limits::number);
    if (!who) { return fail(who.error()); }
    return who->space->limits;
}

Result<ipc::Unit> IpcServer::on(V::SetLimits, Sender& sender, proto::SystemVLimits const& limits) {
    auto const who = request(sender, V::SetLimits::number);
    if (!who) { return fail(who.error()); }
    if (!who->caller->capable(capability::sys_resource)) { return fail(Error::NotPermitted); }
    constexpr std::uint32_t most = Identifiers<Segment>::maximum, positive = 0x7fffffff;
    bool const good = limits.shmmni <= most && limits.semmni <= most && limits.msgmni <= most &&
                      limits.semmsl <= 65535 && limits.semmns <= positive && limits.semopm <= 1024 &&
                      limits.msgmax <= positive && limits.msgmnb <= positive;
    if (!good) { return fail(Error::Invalid); }
    who->space->limits = limits;
    return Unit{};
}

Result<proto::SystemVUse> IpcServer::on(V::Use, Sender& sender) {
    auto const who = request(sender, V::Use::number);
    if (!who) { return fail(who.error()); }
    auto& space = *who->space;
    proto::SystemVUse use{};
    use.segments = static_cast<std::uint32_t>(space.segments.segments().size());
    use.pages = space.segments.pages();
    use.sets = static_cast<std::uint32_t>(space.semaphores.sets().size());
    use.semaphores = space.semaphores.total();
    use.queues = static_cast<std::uint32_t>(space.messages.queues().size());
    space.messages.queues().each([&](std::int32_t, MessageQueue const& queue) {
        use.messages += static_cast<std::uint32_t>(queue.messages.size());
        use.message_bytes += queue.bytes;
    });
    use.highest_segment = space.segments.segments().highest();
    use.highest_set = space.semaphores.sets().highest();
    use.highest_queue = space.messages.queues().highest();
    return use;
}

Result<proto::Transfer> IpcServer::on(V::Table, Sender& sender, std::uint32_t which, std::uint32_t offset,
                                      ipc::WriteBuffer) {
    auto const who = request(sender, V::Table::number);
    if (!who) { return fail(who.error()); }
    auto const ids = [&](std::uint32_t global, bool group) { return group ? who->group(global) : who->user(global); };
    switch (which) {
    case 0: return give_text(sender, segment_table(*who->space, ids), offset);
    case 1: return give_text(sender, semaphore_table(*who->space, ids), offset);
    case 2: return give_text(sender, queue_table(*who->space, ids), offset);
    default: return fail(Error::Invalid);
    }
}

} // namespace sysv
