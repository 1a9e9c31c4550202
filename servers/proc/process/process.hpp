// The records of processes and threads, and the table of them. Plain data; who changes what:
//   process/   life (clone, exit, wait), groups, credentials, limits      signal/  signals, stop and continue, delivery
//   memory/    MemorySpace                                                machine/ KernelThread, KernelCSpace
#pragma once
#include "../../../libipc/proto/process.hpp"
#include "../../../user/linux/layout.hpp"
#include "../cgroup/group.hpp"
#include "../namespaces/kinds.hpp"
#include "badges.hpp"
#include "credentials.hpp"
#include "list.hpp"
#include "pid.hpp"
#include <array>
#include <string_view>
#include <vector>

namespace proc {

class MemorySpace;   ///< memory/memory.hpp: one Linux address space, shared by CLONE_VM
struct KernelThread; ///< machine/machine.hpp: the kernel's side of a thread
struct KernelCSpace; ///< machine/machine.hpp: CNode and descriptor table, shared by CLONE_FILES
class Domain;        ///< domain/domain.hpp
using abi::CapabilityPointer;

using SignalSet = std::uint64_t; ///< bit n-1: signal n
inline constexpr std::uint32_t signal_count = 64;
constexpr SignalSet signal_bit(std::uint32_t number) { return SignalSet{1} << (number - 1); }

/// Dispositions, shared by threads and by CLONE_SIGHAND.
struct SignalHandlers {
    std::uint32_t references = 1;
    std::array<proto::SignalAction, signal_count + 1> actions{};
};

/// Signals generated and not yet taken. Of 1..31 one each, of 32..64 all, in order.
struct SignalQueue {
    SignalSet set = 0;
    std::vector<proto::SignalInformation> entries;
};

/// A call to proc that waits. The meaning of a..d is the owner's of that kind.
enum class Blocked : std::uint8_t { None, Wait, Sleep, Suspend, SignalWait, Futex, ChildExec };

/// A capability of proc's own that several processes use (sessions without state of their own, the executable's File): fork
/// counts instead of copying. Made with one reference.
struct SharedCapability {
    CapabilityPointer slot = 0;
    std::uint32_t references = 1;
};
inline SharedCapability* share(SharedCapability* shared) {
    if (shared != nullptr) ++shared->references;
    return shared;
}

/// A reply that is owed. On the guest the slot of the Reply object (ipc::Pending), 0: none.
struct PendingReply {
    abi::Word slot = 0;
    explicit operator bool() const { return slot != 0; }
};

/// An entry of the timer queue; `index` is its place in the heap, -1: not armed.
struct Timer {
    enum class Kind : std::uint8_t { ThreadWait, ThreadWake, ThreadHold, IntervalReal };
    std::uint64_t deadline = 0; ///< monotonic nanoseconds
    std::int32_t index = -1;
    Kind kind = Kind::ThreadWait;
    void* owner = nullptr; ///< Thread, or Process for IntervalReal
};

struct Thread {
    Process* process = nullptr;
    Pid* pid = nullptr;             ///< one reference
    Word badge = 0;                 ///< of its Process capability and of its faults (ObjectKind::Thread)
    KernelThread* kernel = nullptr; ///< null: not made yet, or destroyed
    bool has_area = false;          ///< `area` was added to a shared MemorySpace and must be removed
    Word area = 0;                  ///< number of its thread area in the process's MemorySpace
    CapabilityPointer process_slot = linux_process::slot::process,
                      wake_slot = linux_process::slot::wake; ///< in its CSpace
    Link<Thread> link;                                       ///< Process::threads

    SignalSet mask = 0;
    SignalSet saved_mask = 0; ///< what Suspend put aside; valid with `restore_mask`
    bool restore_mask = false;
    bool suspended = false; ///< it must not run: stop, pause (a call that waits in proc goes on waiting)
    SignalQueue pending;
    std::uint32_t stack_address = 0, stack_size = 0, stack_flags = 2; ///< sigaltstack(2), flags SS_DISABLE

    Blocked blocked = Blocked::None;
    PendingReply reply;                             ///< valid while blocked
    std::uint32_t wait_which = 0, wait_options = 0; ///< Wait
    Pid* wait_pid = nullptr;                        ///< Wait for P_PID, P_PGID (one reference)
    SignalSet wait_set = 0;                         ///< SignalWait
    SignalSet watched_signals = 0;                  ///< WakeForSignals
    std::uint64_t sleep_until = 0;
    std::uint32_t sleep_absolute = 0;
    std::uint32_t futex_bits = 0;
    void const* futex_object = nullptr; ///< MemorySpace::MemoryKey
    std::uint64_t futex_offset = 0;
    std::int32_t child_number = 0; ///< ChildExec: what the clone call returns
    Process* exec_child = nullptr; ///< ChildExec: whose vfork_waiter this is
    Link<Thread> futex_link;
    Timer wait_timer, wake_timer;
    Timer hold_timer; ///< until a call that must not be given up comes back (Core::hold)
    std::uint32_t hold_tries = 0;

    std::uint32_t clear_child_tid = 0, robust_list = 0;
    std::uint64_t cpu_nanoseconds = 0; ///< as last read from its scheduling context
    std::uint32_t faults = 0;
};

enum class ProcessState : std::uint8_t { Building, Running, Zombie, Dead };

struct ResourceLimit {
    std::uint64_t soft, hard;
};
inline constexpr std::uint64_t unlimited = ~std::uint64_t{0};
inline constexpr unsigned limit_count = 16;
namespace limit {
inline constexpr unsigned cpu = 0, file_size = 1, data = 2, stack = 3, core = 4, processes = 6, files = 7,
                          address_space = 9;
}

struct Process {
    Pid* pid = nullptr;        ///< its leader's, also when the leader has ended (one reference)
    Process* parent = nullptr; ///< null: the init of a tree
    Domain* domain = nullptr;
    ProcessState state = ProcessState::Building;
    char name[16] = {}; ///< comm
    Link<Process> sibling, group_link, session_link, domain_link, all_link;
    List<Process, &Process::sibling> children;
    List<Thread, &Thread::link> threads; ///< the leader first while it lives
    PidNamespace* child_space = nullptr; ///< of its children after unshare(CLONE_NEWPID); null: its own (one reference)
    UserReference user_space;
    NamespaceSet* namespaces = nullptr; ///< one reference; null once it is a zombie
    /// Its sessions at the owners of `namespaces`, by kind, owned; 0: not opened (Core::open_session).
    std::array<CapabilityPointer, NamespaceKinds::maximum> sessions{};

    GroupReference control_group; ///< also a zombie's
    bool in_group = false;        ///< counted as a member of it: alive

    // What it is made of. Null once it is a zombie.
    MemorySpace* memory = nullptr;
    KernelCSpace* cspace = nullptr;
    Word files = 0;                         ///< number of its descriptor table in `memory`
    bool own_files = false;                 ///< `files` was added to a shared MemorySpace and must be removed
    CapabilityPointer vfs_session = 0;      ///< proc's copy, owned
    bool session_shared = false;            ///< it is or was another process's, too (CLONE_FS)
    bool network_told = false;              ///< vfs may know its network namespace (Core::tell_network)
    SharedCapability* executable = nullptr; ///< File of the program (/proc/PID/exe)

    // Groups and sessions (one reference each).
    Pid* group = nullptr;
    Pid* session = nullptr;
    CapabilityPointer terminal = 0; ///< session leader only: its controlling terminal's File, owned
    bool executed = false;          ///< has called execve since its fork (setpgid(2) EACCES)

    // Signals.
    SignalHandlers* handlers = nullptr; ///< one reference
    SignalQueue pending;
    bool stopped = false;                                ///< by a signal
    bool stop_reported = true, continue_reported = true; ///< wait(2) has seen it
    std::uint32_t stop_signal = 0;
    std::uint32_t exit_signal = 17; ///< to the parent, 0: none
    std::uint32_t parent_death_signal = 0;
    std::int32_t exit_status = 0; ///< wait(2) status
    bool exiting = false;
    bool dumpable = true;
    Thread* vfork_waiter = nullptr; ///< the parent's thread that waits for exec or exit

    Credentials credentials;
    std::array<ResourceLimit, limit_count> limits{};
    std::int32_t nice = 0;

    std::uint64_t start_time = 0;                                      ///< monotonic nanoseconds
    std::uint64_t cpu_of_dead_threads = 0, cpu_of_children = 0;        ///< nanoseconds
    std::uint32_t maximum_resident = 0, children_maximum_resident = 0; ///< KiB
    std::uint32_t faults = 0, children_faults = 0;
    Timer real_timer;
    std::uint64_t real_interval = 0;
    std::uint32_t remembered_handle = 0; ///< nonzero: started through Domain::Start

    [[nodiscard]] std::string_view comm() const { return {name}; }
    void set_name(std::string_view text);
    [[nodiscard]] Thread* leader() const { return threads.first(); }
    [[nodiscard]] bool alive() const { return state == ProcessState::Running; }
    [[nodiscard]] PidNamespace& space() const { return pid->space(); }
};

/// All processes. One instance per proc.
class ProcessTable {
public:
    ProcessTable() = default;
    /// A process with one thread (no kernel parts), in `space`, in state Building, in no group, session or family yet.
    /// Null if no PID is to be had there.
    Process* create(PidNamespace& space, Domain& domain);
    /// A further thread. Null as above.
    Thread* add_thread(Process& process);
    /// Its PID may live on as a group's or session's. The kernel parts are gone already.
    void remove_thread(Thread& thread);
    /// Takes the process (no threads left) out of everything and deletes it.
    void remove(Process& process);

    void join_group(Process& process, Pid* group); ///< null: leaves only
    void join_session(Process& process, Pid* session);
    [[nodiscard]] Thread* thread_of(Word badge) const { return badges.find<Thread>(badge, ObjectKind::Thread); }
    /// The process with that PID as `viewer` numbers it (also zombies).
    [[nodiscard]] Process* find(PidNamespace const& viewer, std::int32_t number) const;
    [[nodiscard]] Thread* find_thread(PidNamespace const& viewer, std::int32_t number) const;

    Badges badges;
    List<Process, &Process::all_link> all;
    std::uint32_t thread_count = 0;
};

/// Visits the members of a process group / session.
template <class Visitor>
void each_in_group(Pid const& group, Visitor visit) {
    for (Process* member = group.group_first; member != nullptr;) {
        Process* following = member->group_link.next;
        visit(*member);
        member = following;
    }
}
template <class Visitor>
void each_in_session(Pid const& session, Visitor visit) {
    for (Process* member = session.session_first; member != nullptr;) {
        Process* following = member->session_link.next;
        visit(*member);
        member = following;
    }
}

} // namespace proc
