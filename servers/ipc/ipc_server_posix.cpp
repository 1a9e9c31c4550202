// POSIX message queues: protocol MessageQueue on sessions and open queues, and File on open queues.
#include "ipc_server.hpp"

namespace sysv {

namespace {
constexpr std::uint32_t read_only = 0, write_only = 1, access_mode = PosixQueues::access_mode,
                        non_blocking = PosixQueues::non_blocking;
constexpr std::uint32_t poll_in = 0x41, poll_out = 0x104; // POLLIN | POLLRDNORM, POLLOUT | POLLWRNORM
} // namespace

std::uint32_t IpcServer::OpenQueue::ready(std::uint32_t events) const {
    std::uint32_t now = 0;
    if ((flags & access_mode) != write_only && !queue->messages.empty()) { now |= poll_in; }
    if ((flags & access_mode) != read_only && !queue->full()) { now |= poll_out; }
    return now & events;
}

IpcServer::OpenQueue* IpcServer::open_queue(Word badge) {
    auto const found = open_queues_.find(badge);
    return found == open_queues_.end() ? nullptr : &found->second;
}

Result<ipc::Cap<proto::File>> IpcServer::on(M::Open, Sender& sender, std::uint32_t flags, std::uint32_t mode,
                                            std::uint32_t given, proto::MessageQueueAttributes const& attributes,
                                            ipc::Path const& path) {
    char storage[256];
    auto const who = request(sender, 0);
    if (!who) { return fail(who.error()); }
    auto const name = sender.read_path(path, storage);
    if (!name) { return fail(name.error()); }
    auto queue = who->space->posix.open(*who->caller, *name, flags, mode, given != 0 ? &attributes : nullptr);
    if (!queue) { return fail(queue.error()); }
    auto const session = sessions_.find(sender.badge);
    return give(std::move(*queue), flags, session != sessions_.end() ? session->second : SessionData{});
}

ipc::Word IpcServer::free_badge() {
    return new_badge([&](Word candidate) {
        return attachments_.contains(candidate) || open_queues_.contains(candidate) ||
               directories_.contains(candidate) || event_set(candidate) != nullptr;
    });
}

Result<ipc::Cap<proto::File>> IpcServer::give(QueuePointer queue, std::uint32_t flags, SessionData const& opener) {
    Word const badge = free_badge();
    auto const capability = ipc::mint_session<File>(badge);
    if (!capability) { return fail(capability.error()); }
    if (queue->made == 0) { queue->made = port_.wall_seconds(); }
    auto& open = open_queues_[badge];
    open.queue = std::move(queue);
    open.flags = flags & (access_mode | non_blocking);
    open.opener = opener.caller.process;
    open.opener_space = opener.process_space;
    open.opener_user = opener.caller.user;
    return *capability;
}

// --- mq_notify ---

Result<ipc::Unit> IpcServer::on(M::Notify, Sender& sender, ipc::OptionalCap<proto::Session> own, std::uint32_t change,
                                std::uint32_t signal, std::uint32_t value) {
    constexpr std::uint32_t last_signal = 64;
    ipc::release_unused(own);
    auto* const open = open_queue(sender.badge);
    if (open == nullptr) { return fail(Error::BadDescriptor); }
    auto const session = own.unwrapped ? sessions_.find(own.badge) : sessions_.end();
    if (session == sessions_.end()) { return fail(Error::NotPermitted); }
    auto const& [badge, who] = *session;
    auto& registration = open->queue->registration;
    if (change == 0) {
        if (registration && registration->session == badge) { registration.reset(); }
        return Unit{};
    }
    if (signal > last_signal) { return fail(Error::Invalid); }
    if (registration) { return fail(Error::Busy); }
    registration = {badge, sender.badge, who.caller.process, who.process_space, signal, value};
    return Unit{};
}

void IpcServer::tell(PosixQueue& queue, OpenQueue const& from) {
    if (!queue.registration) { return; }
    auto const told = *queue.registration;
    queue.registration.reset();
    if (told.signal == 0) { return; }
    notices_.push_back(
        {told.process, told.process_space, told.signal, told.value, from.opener, from.opener_space, from.opener_user});
    if (watcher_) { ipc::signal(watcher_.get()); }
}

Result<ipc::Unit> IpcServer::on(M::Watch, Sender& sender, ipc::Cap<ipc::Notification> watcher) {
    ipc::Owned<ipc::Notification> owned{watcher};
    if (sender.badge != ipc::first_namespace_badge) { return fail(Error::NotPermitted); }
    watcher_ = std::move(owned);
    return Unit{};
}

Result<proto::QueueNotice> IpcServer::on(M::TakeNotice, Sender& sender) {
    if (sender.badge != ipc::first_namespace_badge) { return fail(Error::NotPermitted); }
    if (notices_.empty()) { return fail(Error::NoData); }
    auto const first = notices_.front();
    notices_.pop_front();
    return first;
}

Result<ipc::Unit> IpcServer::on(M::Unlink, Sender& sender, ipc::Path const& path) {
    char storage[256];
    auto const who = request(sender, 0);
    if (!who) { return fail(who.error()); }
    auto const name = sender.read_path(path, storage);
    if (!name) { return fail(name.error()); }
    return who->space->posix.unlink(*who->caller, *name);
}

void IpcServer::sweep(PosixQueue& queue) {
    for (auto entry = waiters_.begin(); entry != waiters_.end();) {
        if (entry->second.queue.get() != &queue || ipc::pending(entry->second.call)) {
            ++entry;
            continue;
        }
        queue.forget(entry->first);
        ipc::discard(entry->second.call);
        entry = waiters_.erase(entry);
    }
}

/// Whoever can go on does, and who polls is told.
void IpcServer::settle(PosixQueue& queue) {
    for (bool again = true; again;) {
        again = false;
        while (!queue.receiving.empty() && !queue.messages.empty()) {
            auto const found = waiters_.find(queue.receiving.front());
            queue.receiving.pop_front();
            if (found == waiters_.end()) { continue; }
            auto const call = found->second.call;
            waiters_.erase(found);
            auto const& message = queue.messages.front();
            auto const done = ipc::copy_out(call, 0, message.text);
            bool const whole = done.count == message.text.size();
            ipc::reply<M::Receive>(
                call, whole ? proto::QueueMessage{static_cast<std::uint32_t>(done.count), message.priority, 0}
                            : proto::QueueMessage{0, 0, done.caller_fault != 0 ? done.caller_fault : 1});
            if (whole) { static_cast<void>(queue.take()); }
            again = true;
        }
        while (!queue.sending.empty() && !queue.full()) {
            auto one = std::move(queue.sending.front());
            queue.sending.pop_front();
            auto const found = waiters_.find(one.waiter);
            if (found == waiters_.end()) { continue; }
            auto const call = found->second.call;
            waiters_.erase(found);
            queue.insert(std::move(one.message));
            ipc::reply<M::Send>(call, 0U);
            again = true;
        }
    }
    for (auto& [badge, open] : open_queues_) {
        if (open.queue.get() != &queue) { continue; }
        std::erase_if(open.polls, [&](auto const& poll) {
            bool const now = open.ready(poll.events) != 0;
            if (now) { ipc::signal(poll.waker.get()); }
            return now;
        });
        // Edge-triggered, too: each message that comes or goes is news (__do_notify of Linux).
        open.happened(open.events_now());
    }
}

void IpcServer::wait(Sender& sender, Waiter::Kind kind, QueuePointer const& queue, std::uint32_t number,
                     std::uint64_t deadline) {
    Waiter waiter{kind, sender.defer(), {}, sender.write_length, deadline, queue};
    waiters_[number] = std::move(waiter);
    if (deadline != ~std::uint64_t{0}) { arm(); }
}

Result<std::uint32_t> IpcServer::on(M::Send, Sender& sender, std::uint32_t priority, std::uint64_t deadline,
                                    ipc::ReadBuffer) {
    auto* const open = open_queue(sender.badge);
    if (open == nullptr || (open->flags & access_mode) == read_only) { return fail(Error::BadDescriptor); }
    auto& queue = *open->queue;
    if (priority >= PosixQueues::priorities) { return fail(Error::Invalid); }
    if (sender.read_length > queue.message_bytes) { return fail(Error::MessageSize); }
    PosixMessage message{priority, std::vector<std::byte>(sender.read_length)};
    auto const fetched = sender.copy_in(0, message.text);
    if (fetched.count < message.text.size()) {
        if (fetched.caller_fault == 0) { return fail(Error::Fault); }
        return fetched.caller_fault;
    }
    sweep(queue);
    if (!queue.full()) {
        bool const was_empty = queue.messages.empty();
        queue.insert(std::move(message));
        settle(queue);
        if (was_empty && !queue.messages.empty()) { tell(queue, *open); }
        return 0U;
    }
    if ((open->flags & non_blocking) != 0) { return fail(Error::Again); }
    if (deadline <= port_.monotonic()) { return fail(Error::TimedOut); }
    auto const waiter = next_waiter();
    queue.sending.push_back({waiter, std::move(message)});
    wait(sender, Waiter::Kind::QueueSender, open->queue, waiter, deadline);
    return fail(Error::Deferred);
}

Result<proto::QueueMessage> IpcServer::on(M::Receive, Sender& sender, std::uint64_t deadline, ipc::WriteBuffer) {
    auto* const open = open_queue(sender.badge);
    if (open == nullptr || (open->flags & access_mode) == write_only) { return fail(Error::BadDescriptor); }
    auto& queue = *open->queue;
    if (sender.write_length < queue.message_bytes) { return fail(Error::MessageSize); }
    sweep(queue);
    if (!queue.messages.empty()) {
        auto const& first = queue.messages.front();
        auto const done = sender.copy_out(0, first.text);
        if (done.count < first.text.size()) {
            if (done.caller_fault == 0) { return fail(Error::Fault); }
            return proto::QueueMessage{0, 0, done.caller_fault};
        }
        auto const message = queue.take();
        settle(queue);
        return proto::QueueMessage{static_cast<std::uint32_t>(message.text.size()), message.priority, 0};
    }
    if ((open->flags & non_blocking) != 0) { return fail(Error::Again); }
    if (deadline <= port_.monotonic()) { return fail(Error::TimedOut); }
    auto const waiter = next_waiter();
    queue.receiving.push_back(waiter);
    wait(sender, Waiter::Kind::QueueReceiver, open->queue, waiter, deadline);
    return fail(Error::Deferred);
}

Result<proto::MessageQueueAttributes> IpcServer::on(M::Attributes, Sender& sender, std::uint32_t change,
                                                    std::uint32_t flags) {
    auto* const open = open_queue(sender.badge);
    if (open == nullptr) { return fail(Error::BadDescriptor); }
    if (change != 0 && (flags & ~non_blocking) != 0) { return fail(Error::Invalid); }
    auto const& queue = *open->queue;
    proto::MessageQueueAttributes const before{open->flags & non_blocking, queue.maximum_messages, queue.message_bytes,
                                               static_cast<std::uint32_t>(queue.messages.size())};
    if (change != 0) { open->flags = (open->flags & ~non_blocking) | flags; }
    return before;
}

// --- File ---

Result<proto::Transfer> IpcServer::on(File::Read, Sender& sender, std::uint32_t, ipc::WriteBuffer) {
    auto* const open = open_queue(sender.badge);
    if (open == nullptr) { return fail(Error::Invalid); }
    constexpr std::uint32_t none = 1; // SIGEV_NONE; SIGEV_SIGNAL is 0
    auto const field = [](std::int64_t number, std::size_t width) {
        std::string text = std::to_string(number);
        text.resize(std::max(text.size(), width), ' ');
        return text;
    };
    auto const& told = open->queue->registration;
    auto const given = give_text(
        sender,
        "QSIZE:" + field(open->queue->bytes, 10) + " NOTIFY:" + field(told && told->signal == 0 ? none : 0, 5) +
            " SIGNO:" + field(told ? told->signal : 0, 5) + " NOTIFY_PID:" + field(told ? told->process : 0, 6) + "\n",
        open->offset);
    open->offset += given.count;
    return given;
}

Result<std::uint32_t> IpcServer::on(File::Poll, Sender& sender, std::uint32_t events) {
    if (auto const* const set = event_set(sender.badge)) { return set->poll(events); }
    auto const* const open = open_queue(sender.badge);
    return open == nullptr ? events & always_ready : open->ready(events);
}

Result<std::uint32_t> IpcServer::on(File::PollArm, Sender& sender, std::uint32_t events, std::uint32_t token,
                                    ipc::Cap<ipc::Notification> waker) {
    if (auto* const set = event_set(sender.badge)) { return set->arm(events, token, waker); }
    ipc::Owned<ipc::Notification> owned{waker};
    auto* const open = open_queue(sender.badge);
    if (open == nullptr) { return events & always_ready; }
    auto const now = open->ready(events);
    if (now == 0) { open->polls.push_back({events, token, std::move(owned)}); }
    return now;
}

Result<ipc::Unit> IpcServer::on(File::PollDisarm, Sender& sender, std::uint32_t token) {
    if (auto* const set = event_set(sender.badge)) { set->disarm(token); }
    if (auto* const open = open_queue(sender.badge)) {
        std::erase_if(open->polls, [&](auto const& poll) { return poll.token == token; });
    }
    return Unit{};
}

Result<ipc::Unit> IpcServer::on(File::SetFlags, Sender& sender, std::uint32_t flags) {
    if (auto* const open = open_queue(sender.badge)) {
        open->flags = (open->flags & access_mode) | (flags & non_blocking);
    }
    return Unit{};
}

} // namespace sysv
