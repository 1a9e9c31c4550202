// proc: processes, signals, PID namespaces, exec, the pager. Wiring only.
#include "guest/heap.hpp"
#include "ipc/log.hpp"
#include "ipc/needs.hpp"
#include "machine/vdso_image.hpp"
#include "process/seams_guest.hpp"
#include "program_files.hpp"
#include "proto/memory.hpp"
#include "server.hpp"

namespace {
void require(bool good, std::string_view what) {
    if (!good) ipc::stop(what);
}

/// What proc's records of processes may come to, taken from root chunk by chunk.
constexpr std::size_t heap_maximum = 128 << 20;
proc::GuestKernel* heap_source = nullptr;

bool has_piece(std::size_t bytes) {
    auto& heap = ipc::guest::heap();
    void* const piece = heap.allocate_pages(bytes);
    heap.free(piece);
    return piece != nullptr;
}

/// Below a quarter in use there is always enough; above it is tried, since what is free may be in pieces. The heap grows by what is needed at
/// once; only when it cannot, the whole of `bytes` must be there.
bool heap_low(std::size_t bytes) {
    constexpr std::size_t at_once = 512 << 10;
    auto& heap = ipc::guest::heap();
    if (heap.used_bytes() < heap.total_bytes() / 4 || has_piece(bytes)) return false;
    if (bytes > at_once && has_piece(at_once) && heap.can_extend(proc::chunk_bytes)) return false;
    while (heap.can_extend(proc::chunk_bytes)) {
        auto const more = heap_source->extend_heap(heap.end());
        if (more == 0) return true;
        heap.extend(more);
        if (has_piece(std::min(bytes, at_once))) return false;
    }
    return true;
}
} // namespace

int server_main(ipc::ServerInfo const& info) {
    using namespace proc;
    ipc::Cap<proto::Memory> const memory{ipc::need(info, "memory")};
    static GuestKernel kernel;
    require(kernel.initialize(memory, info.cnode_radix).has_value(), "proc: no CSpace root");
    heap_source = &kernel;
    Account::heap_low = heap_low;
    static_cast<void>(ipc::guest::heap().reserve(heap_maximum)); // or it stays as it is
    static GuestMachine machine{kernel, ipc::object::SchedControl{ipc::need(info, "sched-control")}};
    static GuestFiles pages{ipc::Cap<proto::VfsControl>{ipc::need(info, "vfs-control")}};
    static FileCache cache{kernel, pages};
    static Account system{kernel, 0}; // what belongs to no domain: the vDSO's image
    require(load_vdso(system).has_value(), "proc: the vDSO's image is bad");

    ipc::Cap<proto::Clock> const timer{ipc::need(info, "clock")};
    ipc::Cap<proto::TerminalControl> const terminals{ipc::need(info, "tty-control")};
    auto parameters = ipc::call<proto::Clock::Parameters>(timer);
    if (!parameters) parameters = proto::ClockParameters{0, 0, info.tsc_per_millisecond, 0};
    static GuestOwners owners{{ipc::Cap<proto::VfsControl>{ipc::need(info, "vfs-control")}, terminals, memory}};
    static GuestReplies replies;
    static GuestClock clock{timer, *parameters};
    static Core core{machine, kernel, owners, replies, clock};
    static GuestProgramFiles files;
    static Loader loader{core, machine, cache, files};
    static Server server{core, machine, cache, loader};
    files.procfs = &server;
    owners.manager = &server.notification;
    owners.core = &core;
    ipc::for_each_namespace(info, [](std::string_view name, abi::CapabilityPointer first) {
        auto const identity = owners.identify_namespace(first);
        require(identity && core.kinds.add(name, identity->kind, first),
                "proc: too many kinds of namespaces, or one whose owner does not answer");
    });
    for (UserNamespace::Quota& quota : core.first_user_space->quotas)
        quota.maximum = ipc::option(info, "namespaces", UserNamespace::default_maximum);
    core.cgroup_kind = core.kinds.find(proto::NamespaceKind::Cgroup);
    core.time_kind = core.kinds.find(proto::NamespaceKind::Time);
    UserNamespace::observer = &owners;

    static_cast<void>(ipc::bind_no_senders(notification_bit::no_senders));
    if (auto alarm = ipc::mint_notification(notification_bit::clock))
        static_cast<void>(ipc::call<proto::Clock::Register>(timer, *alarm));
    if (auto signals = ipc::mint_notification(notification_bit::terminal)) {
        static_cast<void>(ipc::call<proto::TerminalControl::NotifySignals>(terminals, *signals));
    }
    if (int const kind = core.kinds.find(proto::NamespaceKind::Ipc); kind >= 0) {
        server.queues = ipc::Cap<proto::MessageQueue>{core.kinds[static_cast<unsigned>(kind)].first};
        owners.queues = server.queues;
        if (auto arrived = ipc::mint_notification(notification_bit::queues)) owners.queues_notification = *arrived;
    }
    ipc::serve<proto::Process, proto::ProcessControl, proto::Domain, proto::Directory, proto::File, proto::Namespace,
               proto::EventSet>(server);
}
