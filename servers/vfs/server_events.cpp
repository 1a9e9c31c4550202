// Protocols EventSet, EventFiles, Epoll, Timer and SignalFile.
#include "ipc/unused.hpp"
#include "server.hpp"

namespace vfs {
namespace {
constexpr std::uint32_t readable = poll_event::in | poll_event::read_normal;
constexpr std::uint32_t semaphore_flag = 1; // EFD_SEMAPHORE

Result<ipc::Cap<proto::File>> file_of(Result<Slot> const& made) {
    if (!made) { return fail(made.error()); }
    return ipc::Cap<proto::File>{*made};
}
/// The open file as what it is; null: it is something else.
template <class Special>
Special* special(OpenFile const* file, proto::FileKind kind) {
    return file != nullptr && file->special && file->protocol_kind() == kind
               ? static_cast<Special*>(file->special.get())
               : nullptr;
}
TimerFile* timer_of(OpenFile const* file) { return special<TimerFile>(file, proto::FileKind::Timer); }
SignalFile* signals_of(OpenFile const* file) { return special<SignalFile>(file, proto::FileKind::SignalQueue); }
} // namespace

Result<ipc::Unit> Server::on(E::Control, Sender& sender, std::uint32_t operation, std::uint32_t descriptor,
                             FileCap target, proto::EpollEvent const& event) {
    Epoll* const instance = Epoll::of(file(sender));
    if (target.slot != 0) { sender.delete_after_reply(target.slot); }
    if (instance == nullptr) { return fail(Error::Invalid); }
    if (!target.unwrapped) { return fail(target.slot != 0 ? Error::CrossDevice : Error::BadDescriptor); }
    OpenFile* const watched = vfs_.file(target.badge);
    if (watched == nullptr) { return fail(Error::NotPermitted); } // a session's or a namespace's capability
    return unit(instance->change_watch(operation, descriptor, *watched, event));
}

Result<proto::EventSet::Collect::Reply> Server::on(E::Collect, Sender& sender, std::uint32_t token,
                                                   std::uint64_t pending,
                                                   ipc::OptionalCap<ipc::Notification> notification,
                                                   ipc::WriteBuffer const&) {
    OpenFile* const open = file(sender);
    Epoll* const instance = Epoll::of(open);
    bool kept = false;
    Result<E::Collect::Reply> result = fail(Error::Invalid);
    if (instance != nullptr) {
        if (pending == 0) { open->disarm(token); }
        SenderCaller caller{sender};
        proto::Collected const told = instance->collect(caller, pending);
        if (told.count == 0 && told.fault == 0 && notification.slot != 0) {
            auto const ready = open->arm(readable, token, notification.slot);
            if (!ready) { return ipc::release_slot(notification.slot), fail(ready.error()); }
            kept = *ready == 0;
        }
        auto const [first, nested] = told.parts != 0 ? instance->part(0) : std::pair<Slot, proto::EpollPart>{};
        ipc::Cap<proto::EventSet> const part{nested.nested == 0 ? first : 0};
        result = std::tuple{told, ipc::OptionalCap<proto::EventSet>{part}};
    }
    if (!kept) { ipc::release_unused(notification); }
    return result;
}

Result<ipc::Cap<proto::File>> Server::on(W::NewEpoll, Sender& sender) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    return file_of(vfs_.new_epoll(*who));
}

Result<ipc::Cap<proto::File>> Server::on(W::NewEvent, Sender& sender, std::uint32_t initial, std::uint32_t flags) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    return file_of(vfs_.new_event(*who, initial, (flags & semaphore_flag) != 0, flags));
}

Result<ipc::Cap<proto::File>> Server::on(W::NewTimer, Sender& sender, std::uint32_t clock, std::uint32_t flags) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    return file_of(vfs_.new_timer(*who, clock, flags));
}

Result<ipc::Cap<proto::File>> Server::on(W::NewSignals, Sender& sender, std::uint64_t mask, std::uint32_t flags) {
    Session* const who = session(sender);
    if (who == nullptr) { return fail(Error::BadDescriptor); }
    return file_of(vfs_.new_signals(*who, mask, flags));
}

Result<proto::Epoll::Part::Reply> Server::on(I::Part, Sender& sender, std::uint32_t index) {
    Epoll const* const instance = Epoll::of(file(sender));
    if (instance == nullptr) { return fail(Error::Invalid); }
    auto const [slot, told] = instance->part(index);
    if (slot == 0) { return fail(Error::NoData); }
    return std::tuple{ipc::Cap<proto::EventSet>{slot}, told};
}

Result<ipc::Unit> Server::on(I::AddPart, Sender& sender, ipc::OptionalCap<proto::EventSet> set) {
    Epoll* const instance = Epoll::of(file(sender));
    Error const error = instance == nullptr || set.slot == 0 ? Error::Invalid : instance->add_part(set.slot);
    if (error != Error::None) { ipc::release_unused(set); }
    return unit(error);
}

Result<proto::TimerValue> Server::on(T::Set, Sender& sender, std::uint32_t absolute, proto::TimerValue const& value) {
    TimerFile* const timer = timer_of(file(sender));
    if (timer == nullptr) { return fail(Error::Invalid); }
    return timer->set(absolute != 0, value);
}

Result<proto::TimerValue> Server::on(T::Get, Sender& sender) {
    TimerFile* const timer = timer_of(file(sender));
    if (timer == nullptr) { return fail(Error::Invalid); }
    return timer->get();
}

Result<std::uint32_t> Server::on(T::Clock, Sender& sender) {
    TimerFile const* const timer = timer_of(file(sender));
    if (timer == nullptr) { return fail(Error::Invalid); }
    return timer->clock;
}

Result<std::uint64_t> Server::on(G::Mask, Sender& sender) {
    SignalFile const* const signals = signals_of(file(sender));
    if (signals == nullptr) { return fail(Error::Invalid); }
    return signals->mask;
}

Result<ipc::Unit> Server::on(G::SetMask, Sender& sender, std::uint64_t mask) {
    SignalFile* const signals = signals_of(file(sender));
    if (signals == nullptr) { return fail(Error::Invalid); }
    signals->mask = mask;
    return Unit{};
}

} // namespace vfs
