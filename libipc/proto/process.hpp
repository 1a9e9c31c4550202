// Protocol Process: what a process asks of proc, by way of its vDSO. The badge is the *thread*. Addresses are user addresses of
// the caller: proc is its pager and reads and writes its memory itself, so there are no bulk buffers here.
#pragma once
#include "directory.hpp"
#include "network.hpp"
#include "uts.hpp"
#include "vfs.hpp"

namespace proto {

/// flags without the signal. CLONE_PIDFD: the descriptor, which the vDSO has reserved, and where its number is written.
struct CloneArguments {
    std::uint32_t flags, stack, parent_tid, child_tid, tls, exit_signal, pidfd, pidfd_descriptor;
};
struct WaitResult {
    std::int32_t pid, status;
    std::uint32_t user_microseconds, system_microseconds;
    std::uint32_t code, user, flags;
};
struct SignalAction {
    std::uint32_t handler, flags, restorer;
    std::uint64_t mask;
};
/// siginfo_t's useful part.
struct SignalInformation {
    std::int32_t number, error, code;
    std::int32_t pid;
    std::uint32_t user;
    std::int32_t status;
    std::uint32_t address, value;
};
struct DeliveredSignal {
    SignalInformation information;
    SignalAction action;
    std::uint64_t old_mask;
    std::uint32_t stack_address, stack_size;
};
struct MapArguments {
    std::uint32_t address, length, protection, flags, page_offset;
};
struct IntervalTimer {
    std::uint64_t interval, value;
};
struct ProcessIdentity {
    std::uint32_t user, effective_user, saved_user, group, effective_group, saved_group;
};

/// Process::RelatedNamespace: no ioctl_ns(2).
inline constexpr std::uint32_t namespace_itself = 0;

struct Process {
    static constexpr abi::Word number = 8;
    // --- life ---
    /// fork, vfork, clone, clone3. The child starts at ThreadArea's saved user frame with eax = 0 (user/linux/layout.hpp).
    using Clone = ipc::Method<Process, 1, std::int32_t(CloneArguments)>;
    /// execve: user addresses of path, argv, envp; `directory` for execveat. On success the call does not return.
    using Execute = ipc::Method<Process, 2,
                                ipc::Unit(std::uint32_t path, std::uint32_t argv, std::uint32_t envp,
                                          std::uint32_t flags, ipc::OptionalCap<File> directory)>;
    /// status as exit(2) takes it; whole: exit_group.
    using Exit = ipc::Method<Process, 3, ipc::Unit(std::uint32_t status, std::uint32_t whole)>;
    /// wait4 and waitid: which as waitid's idtype (P_ALL 0, P_PID 1, P_PGID 2, P_PIDFD 3), options W*. pid 0: WNOHANG found none.
    using Wait = ipc::Method<Process, 4, WaitResult(std::uint32_t which, std::int32_t id, std::uint32_t options)>;
    // --- memory ---
    using Break = ipc::Method<Process, 5, std::uint32_t(std::uint32_t address)>;
    using Map = ipc::Method<Process, 6, std::uint32_t(MapArguments, ipc::OptionalCap<File>)>;
    using Unmap = ipc::Method<Process, 7, ipc::Unit(std::uint32_t address, std::uint32_t length)>;
    using Protect =
        ipc::Method<Process, 8, ipc::Unit(std::uint32_t address, std::uint32_t length, std::uint32_t protection)>;
    using Remap = ipc::Method<Process, 9,
                              std::uint32_t(std::uint32_t address, std::uint32_t old_length, std::uint32_t new_length,
                                            std::uint32_t flags, std::uint32_t new_address)>;
    using Advise =
        ipc::Method<Process, 10, ipc::Unit(std::uint32_t address, std::uint32_t length, std::uint32_t advice)>;
    /// Makes the range present (and writable if write). Fault if some of it is not mapped so: the vDSO's answer to a Transfer's fault.
    using Touch = ipc::Method<Process, 11, ipc::Unit(std::uint32_t address, std::uint32_t length, std::uint32_t write)>;
    // --- signals ---
    /// kill (thread_group 0 and pid as kill(2)), tgkill, tkill, rt_sigqueueinfo.
    using Kill = ipc::Method<Process, 12, ipc::Unit(std::int32_t thread_group, std::int32_t pid, std::uint32_t signal)>;
    using SetAction = ipc::Method<Process, 13, SignalAction(std::uint32_t signal, std::uint32_t change, SignalAction)>;
    /// how as rt_sigprocmask; change 0 only reads. Returns the old mask. (The mask also stands in ThreadArea::signal_mask, for reading.)
    using SetMask =
        ipc::Method<Process, 14, std::uint64_t(std::uint32_t how, std::uint32_t change, std::uint64_t mask)>;
    /// Waits with that mask until a handler is due (RestartSystemCall never; CallInterrupted).
    using Suspend = ipc::Method<Process, 15, ipc::Unit(std::uint64_t mask)>;
    /// The next deliverable signal with a handler, its mask already in force; number 0 if none. Asked by the vDSO when signal_pending is set.
    using TakeSignal = ipc::Method<Process, 16, DeliveredSignal()>;
    using Pending = ipc::Method<Process, 17, std::uint64_t()>;
    /// rt_sigtimedwait: nanoseconds, ~0: for ever.
    using WaitSignal = ipc::Method<Process, 18, SignalInformation(std::uint64_t set, std::uint64_t nanoseconds)>;
    using SetSignalStack = ipc::Method<Process, 19,
                                       std::array<std::uint32_t, 3>(std::uint32_t change, std::uint32_t address,
                                                                    std::uint32_t size, std::uint32_t flags)>;
    // --- identity ---
    using GetParent = ipc::Method<Process, 20, std::int32_t()>;
    using SetGroup = ipc::Method<Process, 21, ipc::Unit(std::int32_t pid, std::int32_t group)>;
    using GetGroup = ipc::Method<Process, 22, std::int32_t(std::int32_t pid)>;
    using SetSession = ipc::Method<Process, 23, std::int32_t()>;
    using GetSession = ipc::Method<Process, 24, std::int32_t(std::int32_t pid)>;
    using GetIdentity = ipc::Method<Process, 25, ProcessIdentity()>;
    /// which: 0 setuid 1 setgid 2 setreuid 3 setregid 4 setresuid 5 setresgid 6 setfsuid 7 setfsgid; values -1: unchanged.
    using SetIdentity =
        ipc::Method<Process, 26, std::uint32_t(std::uint32_t which, std::uint32_t a, std::uint32_t b, std::uint32_t c)>;
    /// getgroups/setgroups by user address of 32-bit gids; returns the count.
    using Groups =
        ipc::Method<Process, 27, std::uint32_t(std::uint32_t set, std::uint32_t count, std::uint32_t address)>;
    // --- terminal ---
    using SetForeground = ipc::Method<Process, 28, ipc::Unit(ipc::Cap<File> terminal, std::int32_t group)>;
    using Foreground = ipc::Method<Process, 29, std::int32_t(ipc::Cap<File> terminal)>;
    using SetTerminal =
        ipc::Method<Process, 30, ipc::Unit(ipc::Cap<File> terminal, std::uint32_t steal)>; ///< TIOCSCTTY
    /// open of /dev/tty: the session's terminal. DeviceMissing: ENXIO. With the file that vfs gave for a ptmx (pseudo_terminal_multiplexer): the master
    /// of a new pseudo terminal; errors as VfsControl::NewTerminal. flags: open(2).
    using OpenTerminal =
        ipc::Method<Process, 31, ipc::Cap<File>(ipc::OptionalCap<File> multiplexer, std::uint32_t flags)>;
    // --- time ---
    /// clock 0 real, 1 monotonic, 7 boottime; absolute per TIMER_ABSTIME. Returns the nanoseconds left when a signal ended it.
    using Sleep =
        ipc::Method<Process, 32, std::uint64_t(std::uint32_t clock, std::uint32_t absolute, std::uint64_t nanoseconds)>;
    /// which as setitimer; change 0 only reads. Returns the old value.
    using SetTimer = ipc::Method<Process, 33, IntervalTimer(std::uint32_t which, std::uint32_t change, IntervalTimer)>;
    /// One signal on the notification at the deadline (monotonic); 0 cancels. For poll, select, epoll time-outs: at most one per thread.
    using WakeAt = ipc::Method<Process, 34, ipc::Unit(std::uint64_t deadline)>;
    /// times, getrusage, CPU clocks: who -1 children, 0 self, 1 thread: {user ns, system ns, max rss KiB, minor faults}.
    using Usage = ipc::Method<Process, 35, std::array<std::uint64_t, 4>(std::int32_t who)>;
    using SetTime = ipc::Method<Process, 36, ipc::Unit(std::uint64_t wall_nanoseconds)>;
    // --- threads ---
    /// set_thread_area: entry -1: choose. Returns the entry (6..8).
    using SetTls =
        ipc::Method<Process, 37,
                    std::uint32_t(std::uint32_t entry, std::uint32_t base, std::uint32_t limit, std::uint32_t flags)>;
    /// operation FUTEX_* without CLOCK_REALTIME bit; deadline monotonic ns, ~0: none. PRIVATE and shared alike.
    using Futex = ipc::Method<Process, 38,
                              std::uint32_t(std::uint32_t address, std::uint32_t operation, std::uint32_t value,
                                            std::uint64_t deadline, std::uint32_t address2, std::uint32_t value3)>;
    using SetTidAddress = ipc::Method<Process, 39, std::uint32_t(std::uint32_t address)>;
    using SetRobustList = ipc::Method<Process, 40, ipc::Unit(std::uint32_t address)>;
    // --- namespaces and limits ---
    using Unshare = ipc::Method<Process, 41, ipc::Unit(std::uint32_t flags)>;
    using SetNamespace = ipc::Method<Process, 42, ipc::Unit(ipc::OptionalCap<File>, std::uint32_t flags)>;
    /// The procfs of the caller's PID namespace, for mount(2) of type proc.
    using ProcFileSystem = ipc::Method<Process, 43, ipc::Cap<Directory>()>;
    using Limit =
        ipc::Method<Process, 44,
                    std::array<std::uint64_t, 2>(std::int32_t pid, std::uint32_t resource, std::uint32_t change,
                                                 std::uint64_t soft, std::uint64_t hard)>;
    /// Control of a number that vfs knows a process of the caller's container by: its number in the caller's PID namespace, 0 if it has none.
    static constexpr std::uint32_t lock_holder = 0xce000001;
    using Control = ipc::Method<Process, 45,
                                std::uint32_t(std::uint32_t option, std::uint32_t a, std::uint32_t b, std::uint32_t c,
                                              std::uint32_t d)>; ///< prctl(2)
    using CapabilitySets =
        ipc::Method<Process, 46,
                    std::array<std::uint64_t, 3>(std::int32_t pid, std::uint32_t change, std::array<std::uint64_t, 3>)>;
    /// {uptime ns, total bytes, free bytes, shared bytes, processes, load1, load5, load15} as the caller's container sees them.
    using SystemInformation = ipc::Method<Process, 47, std::array<std::uint64_t, 8>()>;
    using Priority =
        ipc::Method<Process, 48,
                    std::int32_t(std::uint32_t set, std::uint32_t which, std::int32_t id, std::int32_t value)>;
    /// The CSpace has no room for descriptor `descriptor`: proc gives a larger one (same slots). TooManyFiles at the limit.
    using GrowDescriptors = ipc::Method<Process, 49, std::uint32_t(std::uint32_t descriptor)>;
    /// A capability of the process by number (pidfd_open).
    using OpenProcess = ipc::Method<Process, 50, ipc::Cap<File>(std::int32_t pid, std::uint32_t flags)>;
    /// A system call with that number is not there: counted by name for `ctool inspect`.
    using Unknown = ipc::Method<Process, 51, ipc::Unit(std::uint32_t number)>;
    /// May the caller do what capabilities(7) numbers `capability`? For vDSO checks before uts, mount. NotPermitted.
    using Capable = ipc::Method<Process, 52, ipc::Unit(std::uint32_t capability)>;
    using SetHostname =
        ipc::Method<Process, 53, ipc::Unit(std::uint32_t domain, HostName)>; ///< checks CAP_SYS_ADMIN, then asks uts
    /// The caller's session at the owner of that kind goes into its slot (linux_process::slot::uts, network, ipc, time, cgroup): asked by the
    /// vDSO that finds the slot empty, which it is after fork, unshare and setns. NotSupported: the machine has no such kind.
    using OpenSession = ipc::Method<Process, 54, ipc::Unit(NamespaceKind kind)>;
    /// unshare(2) for the kind that the manifest gives that name (also one without a CLONE_NEW* flag). Invalid: no such kind.
    using UnshareKind = ipc::Method<Process, 55, ipc::Unit(ipc::Text<32> name)>;
    /// ioctl_ns(2) on an open /proc/PID/ns/ file: NS_GET_USERNS (0xb701) and NS_GET_PARENT (0xb702). NotPermitted: out of the caller's sight;
    /// Invalid: not hierarchical; NotTerminal: no namespace.
    /// namespace_itself: the capability at its owner that a file of another server's namespace stands for, for what is asked there.
    using RelatedNamespace =
        ipc::Method<Process, 56, ipc::Cap<File>(ipc::OptionalCap<File> name_space, std::uint32_t request)>;
    /// NS_GET_NSTYPE (0xb703): CLONE_NEW* flag, 0 for a kind that has none; NS_GET_OWNER_UID (0xb704): only a user namespace, else Invalid.
    using NamespaceAttribute =
        ipc::Method<Process, 57, std::uint32_t(ipc::OptionalCap<File> name_space, std::uint32_t request)>;
    /// pidfd_send_signal(2); with_information 0: as kill(2). BadDescriptor: no pidfd.
    using SignalProcess = ipc::Method<Process, 58,
                                      ipc::Unit(ipc::OptionalCap<File> process, std::uint32_t signal,
                                                std::uint32_t with_information, SignalInformation)>;
    /// waitid(2) with P_PIDFD; options as Wait.
    using WaitProcess = ipc::Method<Process, 59, WaitResult(ipc::OptionalCap<File> process, std::uint32_t options)>;
    /// vfs is told which network namespace the caller's session belongs to (VfsControl::SetNetwork): asked by the vDSO when vfs does not know.
    using TellNetwork = ipc::Method<Process, 60, ipc::Unit()>;
    /// Which of `set` are pending for the caller. None: its notification is signalled once, as WakeAt's, when one is (signalfd(2); at most one
    /// set per thread, 0 takes it back).
    using WakeForSignals = ipc::Method<Process, 62, std::uint64_t(std::uint64_t set)>;
    /// shmdt(2). Invalid: no attachment of shared memory begins there.
    using Detach = ipc::Method<Process, 63, ipc::Unit(std::uint32_t address)>;
    /// The control groups of the caller's cgroup namespace, for mount(2) of type cgroup2.
    using CgroupFileSystem = ipc::Method<Process, 61, ipc::Cap<Directory>()>;
    using methods =
        ipc::Methods<Clone, Execute, Exit, Wait, Break, Map, Unmap, Protect, Remap, Advise, Touch, Kill, SetAction,
                     SetMask, Suspend, TakeSignal, Pending, WaitSignal, SetSignalStack, GetParent, SetGroup, GetGroup,
                     SetSession, GetSession, GetIdentity, SetIdentity, Groups, SetForeground, Foreground, SetTerminal,
                     OpenTerminal, Sleep, SetTimer, WakeAt, Usage, SetTime, SetTls, Futex, SetTidAddress, SetRobustList,
                     Unshare, SetNamespace, ProcFileSystem, Limit, Control, CapabilitySets, SystemInformation, Priority,
                     GrowDescriptors, OpenProcess, Unknown, Capable, SetHostname, OpenSession, UnshareKind,
                     RelatedNamespace, NamespaceAttribute, SignalProcess, WaitProcess, TellNetwork, WakeForSignals,
                     Detach, CgroupFileSystem>;
};

} // namespace proto
