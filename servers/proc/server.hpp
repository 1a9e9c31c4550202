// The server: every operation of every protocol that proc speaks, by the part that does it.
#pragma once
#include "domain/operations.hpp"
#include "ipc/event_sets.hpp"
#include "memory_operations.hpp"
#include "namespaces/queue_notices.hpp"
#include "process/operations.hpp"
#include "procfs/operations.hpp"

namespace proc {

namespace notification_bit {
inline constexpr Word clock = 0, terminal = 1, no_senders = 2, queues = 3;
}

class Server : public ProcessOperations,
               public MemoryOperations,
               public DomainOperations,
               public ProcfsOperations,
               public ipc::EventSetServer<Server> {
public:
    Server(Core& core, GuestMachine& machine, FileCache& cache, Loader& loader)
        : ProcessOperations{core}, MemoryOperations{core, machine, cache, loader}, DomainOperations{core, loader},
          ProcfsOperations{core}, core_{core}, cache_{cache} {}

    using DomainOperations::on;
    using EventSetServer<Server>::on;
    using MemoryOperations::on;
    using MemoryOperations::on_fault;
    using ProcessOperations::on;
    using ProcfsOperations::on;

    // A set of epoll is polled like the pidfds in it.
    ipc::Result<Word> on(proto::File::Poll, ipc::Sender& sender, Word events) {
        if (auto const* const set = event_set(sender.badge)) return set->poll(events);
        return ProcFs::on(proto::File::Poll{}, sender, events);
    }
    ipc::Result<Word> on(proto::File::PollArm, ipc::Sender& sender, Word events, Word token,
                         ipc::Cap<ipc::Notification> notification) {
        if (auto* const set = event_set(sender.badge)) return set->arm(events, token, notification);
        return ProcFs::on(proto::File::PollArm{}, sender, events, token, notification);
    }
    ipc::Result<ipc::Unit> on(proto::File::PollDisarm, ipc::Sender& sender, Word token) {
        if (auto* const set = event_set(sender.badge)) set->disarm(token);
        return ProcFs::on(proto::File::PollDisarm{}, sender, token);
    }
    // For EventSetServer.
    ipc::EventSource* event_source(Word badge) {
        Handle* const handle = core_.handle_of(badge);
        return handle != nullptr && handle->process != nullptr ? handle : nullptr;
    }
    Word badge_for_event_set() { return core_.table.badges.allocate(ObjectKind::EventSet, this); }
    void badge_unused(Word badge) { core_.table.badges.release(badge); }

    void on_notification(Word bits) {
        if ((bits & Word{1} << notification_bit::clock) != 0) core_.clock_alarm();
        if ((bits & Word{1} << notification_bit::terminal) != 0) core_.terminal_signals();
        if ((bits & Word{1} << notification_bit::queues) != 0) {
            while (auto const notice = ipc::call<proto::MessageQueue::TakeNotice>(queues)) deliver(core_, *notice);
        }
        core_.settle();
    }
    void on_no_senders(Word badge) {
        if (end_event_set(badge)) {
            core_.table.badges.release(badge);
            return;
        }
        if (Domain* domain = core_.table.badges.find<Domain>(badge, ObjectKind::Domain); domain != nullptr) {
            core_.release_domain(*domain);
            cache_.purge(); // files of a container that is gone must not hold its blocks
        } else {
            ProcfsOperations::on_no_senders(badge);
        }
    }

    ipc::Cap<proto::MessageQueue> queues; ///< the first IPC namespace

private:
    Core& core_;
    FileCache& cache_;
};

} // namespace proc
