#include "ipc_server.hpp"

namespace sysv {

namespace {
constexpr std::uint64_t for_ever = ~std::uint64_t{0};
} // namespace

// --- sessions, waiting ---

void IpcServer::vouched(Word session, SpacePointer&, proto::SessionCredentials const& credentials) {
    auto& data = sessions_[session];
    auto const count = std::min<std::size_t>(credentials.group_count, std::size(credentials.groups));
    data.caller = {credentials.user,
                   credentials.group,
                   {credentials.groups, credentials.groups + count},
                   credentials.capabilities,
                   credentials.process};
    data.user_space = credentials.user_space;
    data.process_space = credentials.process_space;
}

void IpcServer::session_ended(Word session, SpacePointer& space) {
    sessions_.erase(session);
    for (auto& [badge, open] : open_queues_) {
        if (auto& registration = open.queue->registration; registration && registration->session == session) {
            registration.reset();
        }
    }
    sweep(*space);
    WokenList woken;
    space->semaphores.session_ended(session, port_.wall_seconds(), woken);
    answer(woken);
}

void IpcServer::namespace_ended(SpacePointer& space) {
    WokenList woken;
    space->semaphores.clear(woken);
    space->messages.clear(woken);
    space->segments.clear();
    answer(woken);
}

IpcServer::Maps const& IpcServer::maps_of(std::uint32_t user_space) const {
    static Maps const identity{ipc::IdMap::identity(), ipc::IdMap::identity()};
    static Maps const nothing{};
    if (user_space == 0 || user_space == proto::first_namespace_inode(proto::NamespaceKind::User)) { return identity; }
    auto const maps = maps_.find(user_space);
    return maps != maps_.end() ? maps->second : nothing;
}

Result<IpcServer::Request> IpcServer::request(Sender const& sender, Word operation) {
    static Caller const nobody{ipc::IdMap::no_id, ipc::IdMap::no_id, {}, 0, 0};
    // The namespace itself, of which proc keeps a capability: what /proc shows and sets.
    static Caller const overseer{0, 0, {}, ~std::uint64_t{0}, 0};
    if (operation == V::Limits::number || operation == V::SetLimits::number || operation == V::Table::number) {
        if (auto const space = opened(sender.badge, true)) {
            return Request{space->state.get(), &space->state, &overseer, &maps_of(0)};
        }
    }
    auto const* const space = state_of(sender.badge, operation);
    if (space == nullptr) { return fail(unknown(sender.badge)); }
    auto const session = sessions_.find(sender.badge);
    if (session == sessions_.end()) { return Request{space->get(), space, &nobody, &maps_of(0)}; }
    return Request{space->get(), space, &session->second.caller, &maps_of(session->second.user_space)};
}

std::uint32_t IpcServer::next_waiter() {
    do { ++last_waiter_; } while (last_waiter_ == 0 || waiters_.contains(last_waiter_));
    return last_waiter_;
}

std::uint32_t IpcServer::wait(Sender& sender, Waiter::Kind kind, SpacePointer const& space, std::uint32_t waiter,
                              std::uint64_t deadline) {
    waiters_[waiter] = {kind, sender.defer(), space, sender.write_length, deadline, {}};
    if (deadline != for_ever) { arm(); }
    return waiter;
}

void IpcServer::arm() {
    std::uint64_t first = for_ever;
    for (auto const& [number, waiter] : waiters_) { first = std::min(first, waiter.deadline); }
    port_.arm(first == for_ever ? 0 : first);
}

void IpcServer::forget(std::uint32_t waiter, Waiter const& data) {
    if (data.queue != nullptr) { data.queue->forget(waiter); }
    if (auto const space = data.space.lock()) {
        if (data.kind == Waiter::Kind::Semaphore) {
            space->semaphores.forget(waiter);
        } else {
            space->messages.forget(waiter);
        }
    }
}

void IpcServer::sweep(Space& space) {
    for (auto entry = waiters_.begin(); entry != waiters_.end();) {
        auto const owner = entry->second.space.lock();
        if (owner.get() != &space || ipc::pending(entry->second.call)) {
            ++entry;
            continue;
        }
        forget(entry->first, entry->second);
        ipc::discard(entry->second.call);
        entry = waiters_.erase(entry);
    }
}

void IpcServer::answer(WokenList const& woken) {
    for (auto const& one : woken) {
        auto const found = waiters_.find(one.waiter);
        if (found == waiters_.end()) { continue; }
        auto const waiter = found->second;
        waiters_.erase(found);
        if (one.result != Error::None) {
            ipc::reply_error(waiter.call, one.result);
        } else if (waiter.kind == Waiter::Kind::Semaphore) {
            ipc::reply<V::Operate>(waiter.call, Unit{});
        } else {
            ipc::reply<V::Send>(waiter.call, 0U);
        }
    }
}

void IpcServer::on_notification(Word) {
    std::uint64_t const now = port_.monotonic();
    for (auto entry = waiters_.begin(); entry != waiters_.end();) {
        if (entry->second.deadline > now) {
            ++entry;
            continue;
        }
        auto const waiter = entry->second;
        forget(entry->first, waiter);
        entry = waiters_.erase(entry);
        ipc::reply_error(waiter.call, waiter.queue != nullptr ? Error::TimedOut : Error::Again);
    }
    arm();
}

void IpcServer::on_no_senders(Word badge) {
    if (end_event_set(badge)) { return; }
    auto const found = attachments_.find(badge);
    if (found == attachments_.end()) {
        if (auto const open = open_queues_.find(badge); open != open_queues_.end()) {
            if (auto& registration = open->second.queue->registration;
                registration && registration->descriptor == badge) {
                registration.reset();
            }
            open_queues_.erase(open);
        } else if (directories_.erase(badge) == 0) {
            NamespaceServer::on_no_senders(badge);
        }
        return;
    }
    auto const gone = std::move(found->second);
    attachments_.erase(found);
    if (auto const space = gone.counted ? gone.space.lock() : nullptr) {
        space->segments.detach(gone.id, gone.process, port_.wall_seconds());
    }
}

Result<ipc::Unit> IpcServer::on(Protocol::SetUserMap, Sender& sender, std::uint32_t user_inode, std::uint32_t uid_count,
                                std::uint32_t gid_count, ipc::ReadBuffer) {
    if (sender.badge != ipc::first_namespace_badge) { return fail(Error::NotPermitted); }
    if (uid_count > ipc::IdMap::maximum_extents || gid_count > ipc::IdMap::maximum_extents) {
        return fail(Error::Invalid);
    }
    if (uid_count == 0 && gid_count == 0) {
        maps_.erase(user_inode);
        return Unit{};
    }
    std::vector<ipc::IdExtent> extents(uid_count + gid_count);
    auto const bytes = std::as_writable_bytes(std::span{extents});
    if (sender.copy_in(0, bytes).count < bytes.size()) { return fail(Error::Fault); }
    auto const map = [&](std::size_t from, std::size_t count) -> Result<ipc::IdMap> {
        if (count == 0) { return ipc::IdMap{}; }
        return ipc::IdMap::of(std::span{extents}.subspan(from, count));
    };
    auto users = map(0, uid_count), groups = map(uid_count, gid_count);
    if (!users || !groups) { return fail(Error::Invalid); }
    maps_[user_inode] = {std::move(*users), std::move(*groups)};
    return Unit{};
}

proto::SystemVPermissions IpcServer::shown(Request const& request, Permissions const& one) {
    return {one.key,
            request.user(one.user),
            request.group(one.group),
            request.user(one.creator),
            request.group(one.creator_group),
            one.mode,
            one.sequence};
}

Result<ipc::Unit> IpcServer::change(Request const& request, Permissions& permissions,
                                    proto::SystemVPermissions const& wanted) {
    auto const user = request.maps->users.to_global(wanted.user);
    auto const group = request.maps->groups.to_global(wanted.group);
    if (!permissions.owned_by(*request.caller)) { return fail(Error::NotPermitted); }
    if (!user || !group) { return fail(Error::Invalid); }
    permissions.user = *user;
    permissions.group = *group;
    permissions.mode = (permissions.mode & ~0777U) | (wanted.mode & 0777);
    return Unit{};
}

// --- semaphores ---

Result<std::int32_t> IpcServer::on(V::GetSet, Sender& sender, std::int32_t key, std::uint32_t count,
                                   std::uint32_t flags) {
    auto const who = request(sender, V::GetSet::number);
    if (!who) { return fail(who.error()); }
    return who->space->semaphores.get(*who->caller, key, count, flags, port_.wall_seconds());
}

Result<ipc::Unit> IpcServer::on(V::Operate, Sender& sender, std::int32_t id, std::uint32_t count,
                                std::uint64_t deadline, ipc::ReadBuffer) {
    auto const who = request(sender, V::Operate::number);
    if (!who) { return fail(who.error()); }
    if (count == 0 || id < 0) { return fail(Error::Invalid); }
    if (count > who->space->limits.semopm) { return fail(Error::ArgumentsTooLong); }
    std::vector<SemaphoreOperation> operations(count);
    auto const bytes = std::as_writable_bytes(std::span{operations});
    if (sender.copy_in(0, bytes).count < bytes.size()) { return fail(Error::Fault); }
    sweep(*who->space);
    WokenList woken;
    auto const waiter = next_waiter();
    auto const done =
        who->space->semaphores.operate(*who->caller, id, operations, sender.badge, waiter, port_.wall_seconds(), woken);
    answer(woken);
    if (!done) { return fail(done.error()); }
    if (*done) { return Unit{}; }
    wait(sender, Waiter::Kind::Semaphore, *who->pointer, waiter, deadline);
    return fail(Error::Deferred);
}

Result<std::tuple<std::int32_t, proto::SemaphoreStatus>> IpcServer::on(V::ControlSet, Sender& sender, std::int32_t id,
                                                                       std::uint32_t command,
                                                                       proto::SystemVPermissions const& wanted) {
    using Reply = std::tuple<std::int32_t, proto::SemaphoreStatus>;
    auto const who = request(sender, V::ControlSet::number);
    if (!who) { return fail(who.error()); }
    auto& sets = who->space->semaphores.sets();
    if (command == V::remove) {
        sweep(*who->space);
        WokenList woken;
        auto const done = who->space->semaphores.remove(*who->caller, id, woken);
        answer(woken);
        return done ? Result<Reply>{Reply{}} : fail(done.error());
    }
    if (command == V::set) {
        auto* const set = sets.find(id);
        if (set == nullptr) { return fail(Error::Invalid); }
        if (auto const done = change(*who, set->permissions, wanted); !done) { return fail(done.error()); }
        set->change_time = port_.wall_seconds();
        return Reply{};
    }
    if (command < V::status || command > V::any_status_by_index) { return fail(Error::Invalid); }
    auto const set = look(sets, *who->caller, id, command);
    if (!set) { return fail(set.error()); }
    auto const& one = **set;
    return Reply{command == V::status ? 0 : sets.id_at(id),
                 {shown(*who, one.permissions), static_cast<std::uint32_t>(one.semaphores.size()), one.operation_time,
                  one.change_time}};
}

Result<std::int32_t> IpcServer::on(V::ControlSemaphore, Sender& sender, std::int32_t id, std::uint32_t index,
                                   std::uint32_t command, std::int32_t value) {
    auto const who = request(sender, V::ControlSemaphore::number);
    if (!who) { return fail(who.error()); }
    sweep(*who->space);
    WokenList woken;
    auto const done =
        who->space->semaphores.control(*who->caller, id, index, command, value, port_.wall_seconds(), woken);
    answer(woken);
    return done;
}

Result<proto::Transfer> IpcServer::on(V::GetAll, Sender& sender, std::int32_t id, ipc::WriteBuffer) {
    auto const who = request(sender, V::GetAll::number);
    if (!who) { return fail(who.error()); }
    auto const values = who->space->semaphores.values(*who->caller, id);
    if (!values) { return fail(values.error()); }
    auto const bytes = std::as_bytes(std::span{*values});
    auto const done = sender.copy_out(0, bytes);
    return Transfer{static_cast<std::uint32_t>(values->size()), done.count < bytes.size() ? done.caller_fault : 0};
}

Result<proto::Transfer> IpcServer::on(V::SetAll, Sender& sender, std::int32_t id, ipc::ReadBuffer) {
    auto const who = request(sender, V::SetAll::number);
    if (!who) { return fail(who.error()); }
    auto const count = who->space->semaphores.count(*who->caller, id, 2);
    if (!count) { return fail(count.error()); }
    std::vector<std::uint16_t> values(*count);
    auto const bytes = std::as_writable_bytes(std::span{values});
    auto const done = sender.copy_in(0, bytes);
    if (done.count < bytes.size()) {
        if (done.caller_fault == 0) { return fail(Error::Fault); }
        return Transfer{0, done.caller_fault};
    }
    sweep(*who->space);
    WokenList woken;
    auto const set = who->space->semaphores.set_values(*who->caller, id, values, port_.wall_seconds(), woken);
    answer(woken);
    if (!set) { return fail(set.error()); }
    return Transfer{static_cast<std::uint32_t>(*count), 0};
}

} // namespace sysv
