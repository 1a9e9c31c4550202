// Protocol ProcessControl and Domain: what the container manager asks of proc. A *domain* is one container's processes: a PID
// namespace, limits, memory taken from root for it alone, an init.
#pragma once
#include "process.hpp"

namespace proto {

struct DomainLimits {
    std::uint32_t processes; ///< 0: none
    std::uint64_t memory;    ///< bytes of user and kernel memory, 0: none
    std::uint32_t on_limit;  ///< 0 refuse, 1 kill
    std::uint32_t reserved;
};
enum class DomainEnd : std::uint32_t {
    Running,
    Exited,
    Signalled,
    OutOfMemory,
    ProcessLimit,
    MemoryLimit,
    DiskLimit,
    Stopped
};
struct DomainStatus {
    std::uint32_t processes, threads, paused, generation;
    std::uint64_t memory, memory_peak, cpu_nanoseconds;
    DomainEnd end;
    std::int32_t exit_status;     ///< wait(2) status of init
    std::uint32_t culprit;        ///< PID (inside) that went over the limit
    std::uint64_t culprit_wanted; ///< how much there would have been
    std::int32_t init;            ///< PID seen from the root container
    std::uint32_t refused_processes;
    std::uint64_t refused_memory;
};
struct ProcessSummary {
    std::int32_t pid, parent, inner_pid;
    std::uint32_t state, memory_kib, threads;
    std::uint64_t cpu_nanoseconds;
    ipc::Text<16> name;
};
/// Kernel memory and bookkeeping of proc as a whole, for leak tests: all must return to what they were.
struct ProcUsage {
    std::uint64_t processes, threads, domains, frames, free_frames, chunks, namespaces, slots;
};

struct Domain {
    static constexpr abi::Word number = 14;
    // A new process is put together step by step and then started; until then it is invisible and goes with Abandon.
    /// Into the domain: the first one is init (PID 1). `session`: its vfs session, kept. Returns a handle number of this domain.
    using Begin = ipc::Method<Domain, 1, std::uint32_t(ipc::Cap<VfsSession> session)>;
    using SetDescriptor =
        ipc::Method<Domain, 2, ipc::Unit(std::uint32_t handle, std::uint32_t descriptor, ipc::Cap<File>)>;
    /// Until then, and for the first process of the root container, the machine's first namespace of that kind. A program started beside
    /// a running init is in init's namespaces, whatever was set.
    using SetNamespace = ipc::Method<Domain, 3, ipc::Unit(std::uint32_t handle, NamespaceKind, ipc::Cap<Namespace>)>;
    /// The buffer holds path\0 argv...\0 envp...\0 with the counts given; terminal (if given, one of the descriptors) becomes the controlling
    /// terminal of a new session. Returns the PID inside. Errors as execve(2).
    using Start =
        ipc::Method<Domain, 4,
                    std::int32_t(std::uint32_t handle, std::uint32_t argument_count, std::uint32_t environment_count,
                                 std::int32_t terminal_descriptor, ipc::ReadBuffer)>;
    using Abandon = ipc::Method<Domain, 5, ipc::Unit(std::uint32_t handle)>;
    using Status = ipc::Method<Domain, 6, DomainStatus()>;
    using SetLimits = ipc::Method<Domain, 7, ipc::Unit(DomainLimits)>;
    using Pause = ipc::Method<Domain, 8, ipc::Unit()>;
    using Resume = ipc::Method<Domain, 9, ipc::Unit()>;
    /// To init from outside (SIGKILL and SIGSTOP always work).
    using Signal = ipc::Method<Domain, 10, ipc::Unit(std::uint32_t signal)>;
    /// Ends every process at once, paused or not, and gives back all memory. The capability stays usable for Status.
    /// `culprit` and `wanted`: as DomainStatus shows them.
    using Stop = ipc::Method<Domain, 11, ipc::Unit(DomainEnd why, std::uint32_t culprit, std::uint64_t wanted)>;
    /// The n-th process; NoProcess past the last.
    using List = ipc::Method<Domain, 12, ProcessSummary(std::uint32_t index)>;
    /// State of the process `inner_pid` started here: {running 1 / ended 0, wait status}. Ended ones started by Start are remembered until asked.
    using ProcessStatus = ipc::Method<Domain, 13, std::array<std::int32_t, 2>(std::int32_t inner_pid)>;
    using UnknownCalls =
        ipc::Method<Domain, 14,
                    std::array<std::uint32_t, 2>(std::uint32_t index)>; ///< {number, times}; NoData past the last
    /// The procfs of this domain's PID namespace, to mount at its /proc.
    using ProcFileSystem = ipc::Method<Domain, 15, ipc::Cap<Directory>()>;
    using methods = ipc::Methods<Begin, SetDescriptor, SetNamespace, Start, Abandon, Status, SetLimits, Pause, Resume,
                                 Signal, Stop, List, ProcessStatus, UnknownCalls, ProcFileSystem>;
};

struct ProcessControl {
    static constexpr abi::Word number = 15;
    /// sealed: nobody outside sees or signals its processes. The root container's own domain is made with sealed 0 and no limits.
    /// NoMemory with limits above what is free.
    using CreateDomain =
        ipc::Method<ProcessControl, 1, ipc::Cap<Domain>(DomainLimits, std::uint32_t sealed, ipc::Text<32> name)>;
    /// Something ended or went over a limit somewhere: signalled on this notification; look with Domain::Status / ProcessStatus.
    using Notify = ipc::Method<ProcessControl, 2, ipc::Unit(ipc::Cap<ipc::Notification>)>;
    using Usage = ipc::Method<ProcessControl, 3, ProcUsage()>;
    /// PID and user namespaces, as Namespace::List: the one with the lowest inode number above `after`; members: processes in it. NoData past the last.
    using ListNamespaces = ipc::Method<ProcessControl, 4, NamespaceIdentity(std::uint32_t after)>;
    /// How many processes are in another server's namespace of that inode number.
    using NamespaceMembers = ipc::Method<ProcessControl, 5, std::uint32_t(NamespaceKind, std::uint32_t inode)>;
    using methods = ipc::Methods<CreateDomain, Notify, Usage, ListNamespaces, NamespaceMembers>;
};

} // namespace proto
