// The server: every operation of every protocol that proc speaks, by the part that does it.
#pragma once
#include "domain/operations.hpp"
#include "memory_operations.hpp"
#include "namespaces/queue_notices.hpp"
#include "process/operations.hpp"
#include "procfs/operations.hpp"

namespace proc {

namespace notification_bit {
inline constexpr Word clock = 0, terminal = 1, no_senders = 2, queues = 3;
}

class Server : public ProcessOperations, public MemoryOperations, public DomainOperations, public ProcfsOperations {
public:
    Server(Core& core, GuestMachine& machine, FileCache& cache, Loader& loader)
        : ProcessOperations{core}, MemoryOperations{core, machine, cache, loader}, DomainOperations{core, loader},
          ProcfsOperations{core}, core_{core}, cache_{cache} {}

    using DomainOperations::on;
    using MemoryOperations::on;
    using MemoryOperations::on_fault;
    using ProcessOperations::on;
    using ProcfsOperations::on;

    void on_notification(Word bits) {
        if ((bits & Word{1} << notification_bit::clock) != 0) core_.clock_alarm();
        if ((bits & Word{1} << notification_bit::terminal) != 0) core_.terminal_signals();
        if ((bits & Word{1} << notification_bit::queues) != 0) {
            while (auto const notice = ipc::call<proto::MessageQueue::TakeNotice>(queues)) deliver(core_, *notice);
        }
        core_.settle();
    }
    void on_no_senders(Word badge) {
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
