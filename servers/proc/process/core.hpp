// The logic of processes: life, signals, groups, time. One object; its parts are in the .cpp files named at each section. It is
// called with one thread's request at a time (enter .. leave) and answers waiting calls of others through Replies.
#pragma once
#include "../domain/domain.hpp"
#include "../memory/memory.hpp"
#include "../namespaces/handles.hpp"
#include "process.hpp"
#include "seams.hpp"
#include "timers.hpp"

namespace proc {

enum class NodeKind : std::uint8_t; ///< procfs/tree.hpp

namespace signal_number {
inline constexpr std::uint32_t hup = 1, interrupt = 2, quit = 3, ill = 4, trap = 5, abort = 6, bus = 7, fpe = 8,
                               kill = 9, usr1 = 10, segv = 11, usr2 = 12, pipe = 13, alarm = 14, term = 15, child = 17,
                               cont = 18, stop = 19, tstp = 20, ttin = 21, ttou = 22, urg = 23, xcpu = 24, xfsz = 25,
                               vtalrm = 26, prof = 27, winch = 28, io = 29, power = 30, sys = 31;
}
namespace signal_code {
inline constexpr std::int32_t user = 0, kernel = 0x80, timer = -2, tkill = -6, queue = -1;
inline constexpr std::int32_t exited = 1, killed = 2, dumped = 3, trapped = 4, stopped = 5, continued = 6; ///< CLD_*
} // namespace signal_code
namespace wait_option {
inline constexpr std::uint32_t no_hang = 1, stopped = 2, exited = 4, continued = 8, no_wait = 0x01000000,
                               no_thread = 0x20000000, all = 0x40000000, clone = 0x80000000;
}

class Core {
public:
    Core(Machine& machine, Kernel& kernel, Owners& owners, Replies& replies, Clock& clock)
        : machine{machine}, kernel{kernel}, owners{owners}, replies{replies}, clock{clock}, first_user_space{
                                                                                                new UserNamespace} {
        first_user_space->release(); // the reference keeps it
    }
    ~Core() { release(first_set_); }
    Core(Core const&) = delete;
    Core& operator=(Core const&) = delete;

    // --- one request (core.cpp) ---
    /// A message of this thread is being handled: it is in a call that this handler will answer. Ends what an interrupted call of its
    /// left behind.
    void enter(Thread& thread) {
        current = &thread;
        // Its last call waited here and was ended from outside (interrupt): nobody wants that answer any more.
        if (thread.blocked != Blocked::None) [[unlikely]] {
            if (PendingReply const reply = end_wait(thread)) replies.discard(reply);
        }
    }
    /// The current thread has been answered, or it waits: now it is stopped if it must be.
    void leave() {
        if (current != nullptr && current->suspended && current->blocked == Blocked::None && current->kernel != nullptr)
            [[unlikely]] {
            machine.suspend(*current->kernel);
        }
        current = nullptr;
    }
    /// Ends domains that went over a limit; once per message, after it was answered or instead.
    void settle();

    // --- clone, exec (clone.cpp, start.cpp) ---
    ipc::Result<std::int32_t> clone(Thread& parent, proto::CloneArguments const& arguments); ///< Deferred: vfork
    // --- namespaces (namespaces/*.cpp) ---
    ipc::Result<ipc::Unit> unshare(Thread& thread, std::uint32_t flags);
    ipc::Result<ipc::Unit> unshare_kind(Thread& thread, std::string_view name);
    /// What setns(2) is given: a namespace of proc's own, a process (pidfd), or another server's namespace.
    struct Joined {
        PidNamespace* pid = nullptr;
        UserNamespace* user = nullptr;
        Pid* process = nullptr;
        SharedNamespace* shared = nullptr;
        CapabilityPointer other = 0;
    };
    /// setns(2) into a namespace of another server's that proc has already.
    ipc::Result<ipc::Unit> join_namespace(Thread& thread, SharedNamespace& shared, std::uint32_t flags);
    /// `joined.other` is set to 0 if it is kept.
    ipc::Result<ipc::Unit> set_namespace(Thread& thread, Joined& joined, std::uint32_t flags);
    /// CAP_* `number` over `over`, for a process with these credentials in the user namespace `own` (user_namespaces(7)).
    [[nodiscard]] static bool capable(std::uint64_t effective, std::uint32_t effective_user, UserNamespace const& own,
                                      UserNamespace const& over, std::uint32_t number);
    [[nodiscard]] static bool capable(Process const& process, UserNamespace const& over, std::uint32_t number) {
        return capable(process.credentials.effective, process.credentials.effective_user, *process.user_space, over,
                       number);
    }
    /// Over the machine as a whole.
    [[nodiscard]] bool capable_here(Process const& process, std::uint32_t number) const {
        return capable(process, *first_user_space, number);
    }
    /// May it do what ptrace(2)'s read access allows to `target`?
    [[nodiscard]] static bool may_inspect(Process const& process, Process const& target);
    /// Its session at the owner of that kind, opened and put into its CSpace if it is not. NotSupported: it is in no such namespace.
    ipc::Result<CapabilityPointer> open_session(Process& process, unsigned kind);
    void close_session(Process& process, unsigned kind);
    /// sethostname(2), setdomainname(2): CAP_SYS_ADMIN over the owner of the UTS namespace.
    ipc::Result<ipc::Unit> set_host_name(Process& process, bool domain, proto::HostName const& name);
    /// Its host or domain name; empty: it is in no UTS namespace.
    std::string host_name(Process& process, bool domain);
    std::string network_table(Process& process, std::uint32_t table);
    /// Which network namespace the process's AF_UNIX sockets belong to.
    ipc::Result<ipc::Unit> tell_network(Process& process);
    /// It is another one from now on.
    void forget_network(Process& process);
    /// Its inode number; no_network if the process has none.
    std::uint32_t network_of(Process& process);
    static constexpr std::uint32_t no_network = 0xffffffff;
    ipc::Result<std::array<std::int32_t, 2>> network_setting(Process& process, std::uint32_t setting,
                                                             std::array<std::int32_t, 2> const* change);
    // Limits that /proc/sys shows (namespaces/limits.cpp).
    /// /proc/sys/user/max_KIND_namespaces as the process's user namespace has it; by namespace_limit_kinds.
    [[nodiscard]] static std::string namespace_limit(Process& process, std::uint32_t index);
    /// CAP_SYS_RESOURCE over that user namespace; the first one's are the root container's alone. Invalid: no such number.
    ipc::Result<ipc::Unit> set_namespace_limit(Process& process, std::uint32_t index, std::string_view value);
    /// /proc/sys/kernel/pid_max, for the whole machine: root of the root container alone.
    ipc::Result<ipc::Unit> set_pid_maximum(Process& process, std::string_view value);
    // Control groups (cgroup/files.cpp).
    /// The group that its cgroup namespace shows as `/`.
    [[nodiscard]] Group& root_group_of(Process const& process) const;
    /// Moves it there, or puts it there first.
    static void enter_group(Process& process, Group& group);
    /// It ends: no member any more, though it still says where it was.
    static void leave_group(Process& process);
    /// A file of the group; processes are numbered as the reader's PID namespace does.
    [[nodiscard]] std::string group_text(Group const& group, NodeKind kind, Process const* reader) const;
    /// Errors as Linux's: Invalid, NoProcess, Access, NoDevice (removed), NoEntry (another tree).
    ipc::Result<ipc::Unit> write_group(Group& group, NodeKind kind, Process& writer, std::string_view value);
    /// May it change the group's directory and files?
    [[nodiscard]] static bool owns_group(Process const& process, Group const& group);
    // What /proc shows of the process's IPC namespace (namespaces/ipc_files.cpp).
    /// Text of /proc/sysvipc: 0 shm, 1 sem, 2 msg.
    std::string ipc_table(Process& process, std::uint32_t which);
    /// /proc/sys/kernel's files of limits by their index in `ipc_limit_names`.
    std::string ipc_limit(Process& process, std::uint32_t index);
    ipc::Result<ipc::Unit> set_ipc_limit(Process& process, std::uint32_t index, std::string_view value);
    /// The effective capabilities that the process has over `over`.
    [[nodiscard]] static std::uint64_t capabilities_over(Process const& process, UserNamespace const& over);
    /// Its credentials or capabilities have changed: vfs is told, and every owner it has a session at.
    void publish_credentials(Process& process);
    /// A user namespace as vfs numbers it: 0 is the first.
    [[nodiscard]] static std::uint32_t number_for_owners(UserNamespace const& space) {
        return space.parent() == nullptr ? 0 : space.inode();
    }
    /// Its time namespace has changed: the clocks of its threads.
    void publish_time(Process& process);
    /// A process enters a time namespace.
    void freeze(SharedNamespace& time);
    /// Of its time namespace: monotonic, boottime; nanoseconds.
    [[nodiscard]] std::array<std::int64_t, 2> time_offsets(Process const& process) const;
    /// What a process has of a kind; null: nothing.
    [[nodiscard]] static SharedNamespace* namespace_of(Process const& process, unsigned kind) {
        return process.namespaces == nullptr ? nullptr : process.namespaces->at[kind];
    }
    /// Asked of its owner the first time. 0: it does not answer.
    std::uint32_t inode_of(SharedNamespace& name_space);
    void release(SharedNamespace*& name_space);
    // A namespace that nobody has looked at yet is a note of what it is a copy of; its owner makes it when that is needed.
    /// What a new one of that kind begins as a copy of: `from`, or what that has not changed from; null: the machine's first.
    SharedNamespace& origin_for(SharedNamespace* from, unsigned kind);
    /// The caller holds its one reference; `owner` has been charged for it, as `user`'s.
    SharedNamespace& make_copy(SharedNamespace& origin, UserReference const& owner, std::uint32_t user);
    /// Its capability at its owner, asked for now if it has not been.
    ipc::Result<CapabilityPointer> materialize(SharedNamespace& name_space);
    /// What it holds is about to change: those that are copies of it as it was become real. Errors as materialize.
    ipc::Result<ipc::Unit> settle_copies(SharedNamespace& name_space);
    /// All there are, so that their owners' lists are whole.
    void materialize_all();
    void release(NamespaceSet*& set);
    /// The machine's first ones: what a container's first process begins with. A set of the caller's own.
    NamespaceSet* first_namespaces();
    /// With a reference more to each namespace; the caller's own.
    NamespaceSet* copy_of(NamespaceSet const& set);
    std::uint32_t next_pid_inode() {
        return proto::namespace_inode(proto::NamespaceKind::Pid, ++last_pid_inode_ & serial_mask);
    }
    std::uint32_t next_user_inode() {
        return proto::namespace_inode(proto::NamespaceKind::User, ++last_user_inode_ & serial_mask);
    }
    // --- handles: namespaces and processes as capabilities (namespaces/handles.cpp) ---
    [[nodiscard]] Handle* handle_of(Word badge) const { return table.badges.find<Handle>(badge, ObjectKind::Handle); }
    /// A capability, to be copied to whoever shall have it; proc's own copy goes with the last of the others.
    ipc::Result<CapabilityPointer> make_handle(PidNamespace& space);
    ipc::Result<CapabilityPointer> make_handle(UserNamespace& space);
    ipc::Result<CapabilityPointer> make_handle(SharedNamespace& space);
    ipc::Result<CapabilityPointer> make_handle(Pid& process);
    void handle_gone(Word badge); ///< nobody has it any more
    ipc::Result<CapabilityPointer> open_process(Process& caller, std::int32_t number, std::uint32_t flags);
    /// CLONE_PIDFD: a handle of `pid` as descriptor of `to`, whose slot is empty.
    ipc::Result<ipc::Unit> give_process_handle(Process& to, Pid& pid, Word descriptor);
    ipc::Result<ipc::Unit> signal_process(Thread& caller, Word badge, std::uint32_t number,
                                          proto::SignalInformation const* information);
    ipc::Result<proto::WaitResult> wait_process(Thread& thread, Word badge, std::uint32_t options);
    [[nodiscard]] static bool has_ended(Pid const& pid);
    std::uint32_t handle_count = 0;
    static constexpr std::uint32_t handle_maximum = 16384;
    // ids as the process's user namespace shows them, and back
    [[nodiscard]] static std::uint32_t user_in(UserNamespace const& space, std::uint32_t id) {
        return space.users.from_global(id);
    }
    [[nodiscard]] static std::uint32_t group_in(UserNamespace const& space, std::uint32_t id) {
        return space.groups.from_global(id);
    }
    static constexpr std::uint32_t serial_mask = (std::uint32_t{1} << proto::namespace_serial_bits) - 1;
    /// A process in the domain without family, with empty memory and CSpace: Domain::Begin. `session` is taken over.
    ipc::Result<Process*> create_process(Domain& domain, CapabilityPointer vfs_session);
    /// Its thread starts at VdsoHeader::program_entry (memory and ThreadArea::frame are exec's work). Tells who was waiting for an exec.
    void start_process(Process& process);
    /// Before exec replaces anything: all other threads end, `thread` becomes the leader.
    void begin_execute(Thread& thread);
    /// The new program is in place: signal handlers, credentials, name; wakes a vfork parent. Returns whether AT_SECURE is due; call
    /// execute_is_secure first to fill the auxiliary vector.
    void finish_execute(Process& process, std::string_view name, proto::FileStatus const& file);
    /// Writes what proc owns in the thread's area: stack, numbers, slots, time, mask.
    void fill_area(Thread& thread);
    void fill_time(Thread& thread);
    /// Tells the kernel what its wait graph calls the thread: the program's name and the PID in the outermost namespace that sees it.
    void show_name(Thread const& thread);
    /// What execve makes of credentials; whether AT_SECURE is due.
    static bool execute_credentials(Credentials& credentials, UserNamespace const& space,
                                    proto::FileStatus const& file);
    void set_executable(Process& process, CapabilityPointer file); ///< taken over
    void release(SharedCapability*& shared);

    // --- exit, wait (exit.cpp, wait.cpp) ---
    void exit_thread(Thread& thread, std::uint32_t status);
    /// Ends the whole process. status: of wait(2).
    void exit_process(Process& process, std::int32_t status);
    ipc::Result<proto::WaitResult> wait(Thread& thread, std::uint32_t which, std::int32_t id, std::uint32_t options);
    /// A child of it changed state.
    void wake_waiters(Process& parent);
    /// Takes back a process that was never started.
    void abandon(Process& process);

    // --- signals (signal/*.cpp) ---
    /// To the process; `from_above`: from an ancestor of its PID namespace or from Cella itself.
    void send(Process& process, proto::SignalInformation const& information, bool from_above = false);
    void send(Thread& thread, proto::SignalInformation const& information, bool from_above = false);
    void send_group(Pid const& group, proto::SignalInformation const& information, bool from_above = true);
    /// A fault of the thread itself: cannot be ignored or held back.
    void force(Thread& thread, proto::SignalInformation const& information);
    /// An unresolvable page fault or an exception: the signal for it, or the vDSO's fix-up. The fault's reply is void afterwards.
    void memory_fault(Thread& thread, Address address, Address eip, bool bus_error, bool protection);
    void exception(Thread& thread, Word vector, Word error, Address eip);
    ipc::Result<ipc::Unit> kill(Thread& caller, std::int32_t thread_group, std::int32_t pid, std::uint32_t number);
    ipc::Result<proto::SignalAction> set_action(Thread& thread, std::uint32_t number, bool change,
                                                proto::SignalAction const& action);
    ipc::Result<SignalSet> set_mask(Thread& thread, std::uint32_t how, bool change, SignalSet mask);
    ipc::Result<ipc::Unit> suspend(Thread& thread, SignalSet mask);
    proto::DeliveredSignal take_signal(Thread& thread);
    [[nodiscard]] SignalSet pending(Thread const& thread) const {
        return (thread.pending.set | thread.process->pending.set) & thread.mask;
    }
    SignalSet wake_for_signals(Thread& thread, SignalSet set);
    ipc::Result<proto::SignalInformation> wait_signal(Thread& thread, SignalSet set, std::uint64_t nanoseconds);
    ipc::Result<std::array<std::uint32_t, 3>> set_signal_stack(Thread& thread, bool change, std::uint32_t address,
                                                               std::uint32_t size, std::uint32_t flags);
    void stop_process(Process& process, std::uint32_t number);
    void continue_process(Process& process);
    void pause(Domain& domain);
    void unpause(Domain& domain);
    [[nodiscard]] bool may_signal(Process const& from, Process const& to, std::uint32_t number) const;

    // --- groups, sessions, terminals (groups.cpp) ---
    ipc::Result<ipc::Unit> set_group(Process& caller, std::int32_t pid, std::int32_t group);
    ipc::Result<std::int32_t> get_group(Process& caller, std::int32_t pid) const;
    ipc::Result<std::int32_t> set_session(Process& caller);
    ipc::Result<std::int32_t> get_session(Process& caller, std::int32_t pid) const;
    ipc::Result<ipc::Unit> set_foreground(Thread& caller, CapabilityPointer terminal, std::int32_t group);
    ipc::Result<std::int32_t> foreground(Process& caller, CapabilityPointer terminal);
    /// Takes the capability over if it succeeds.
    ipc::Result<ipc::Unit> set_terminal(Process& caller, CapabilityPointer terminal, bool steal);
    ipc::Result<CapabilityPointer> controlling_terminal(Process& caller) const; ///< not owned
    void terminal_signals();                                                    ///< tty's notification
    [[nodiscard]] bool orphaned(Pid const& group, Process const* without = nullptr) const;

    // --- time, futex (time.cpp, futex.cpp) ---
    ipc::Result<std::uint64_t> sleep(Thread& thread, std::uint32_t clock_number, bool absolute,
                                     std::uint64_t nanoseconds);
    ipc::Result<proto::IntervalTimer> set_timer(Process& process, std::uint32_t which, bool change,
                                                proto::IntervalTimer const& value);
    void wake_at(Thread& thread, std::uint64_t deadline);
    void clock_alarm(); ///< the clock's notification
    void arm_clock();
    ipc::Result<std::array<std::uint64_t, 4>> usage(Thread& thread, std::int32_t who);
    std::array<std::uint64_t, 8> system_information(Process& process);
    /// {total, free} in bytes as the domain's processes see them: its limit, or the machine.
    std::pair<std::uint64_t, std::uint64_t> memory_of(Domain& domain);
    std::uint64_t cpu_time(Process& process); ///< nanoseconds, threads that ended included
    std::uint64_t thread_time(Thread& thread);
    ipc::Result<std::uint32_t> futex(Thread& thread, std::uint32_t address, std::uint32_t operation,
                                     std::uint32_t value, std::uint64_t deadline, std::uint32_t address2,
                                     std::uint32_t value3);
    std::uint32_t futex_wake(MemorySpace& memory, Address address, std::uint32_t count, std::uint32_t bits);

    // --- identity, limits, control (identity.cpp) ---
    ipc::Result<std::uint32_t> set_identity(Process& process, std::uint32_t which, std::uint32_t a, std::uint32_t b,
                                            std::uint32_t c);
    /// Its number in its container's PID namespace, which vfs and the container manager speak of.
    [[nodiscard]] static std::uint32_t number_for_vfs(Process const& process);
    /// vfs learns what the process may do (VfsControl::SetCredentials).
    void tell_credentials(Process const& process);
    ipc::Result<std::uint32_t> groups(Process& process, bool set, std::uint32_t count, Address address);
    ipc::Result<std::array<std::uint64_t, 2>> resource_limit(Process& caller, std::int32_t pid, std::uint32_t resource,
                                                             bool change, std::uint64_t soft, std::uint64_t hard);
    ipc::Result<std::uint32_t> control(Thread& thread, std::uint32_t option, std::uint32_t a, std::uint32_t b,
                                       std::uint32_t c, std::uint32_t d);
    ipc::Result<std::array<std::uint64_t, 3>> capability_sets(Process& caller, std::int32_t pid, bool change,
                                                              std::array<std::uint64_t, 3> const& sets);
    ipc::Result<std::int32_t> priority(Process& caller, bool set, std::uint32_t which, std::int32_t id,
                                       std::int32_t value);
    ipc::Result<std::uint32_t> set_tls(Thread& thread, std::uint32_t entry, std::uint32_t base, std::uint32_t limit,
                                       std::uint32_t flags);
    void unknown_call(Process& process, std::uint32_t number);

    // --- domains (domain/domain.cpp) ---
    Domain* create_domain(proto::DomainLimits const& limits, bool sealed, std::string_view name);
    /// culprit, wanted: for DomainStatus, if it was still running.
    void stop_domain(Domain& domain, proto::DomainEnd why, std::uint32_t culprit = 0, std::uint64_t wanted = 0);
    proto::DomainStatus domain_status(Domain& domain);
    /// Nobody holds its capability: everything in it ends, then it goes itself.
    void release_domain(Domain& domain);
    /// As ps shows it: R S T Z.
    char state_letter(Process& process);
    /// At most one more task fits; false (and counted, perhaps the domain's end) if not.
    bool reserve_task(Domain& domain, Process const* culprit);
    void memory_refused(Domain& domain, std::uint64_t wanted);
    /// A page or object for `thread` could not be had: ends the largest process of its domain. False if that was the thread's own.
    bool out_of_memory(Thread& thread);
    void init_ended(Domain& domain, Process& init);

    [[nodiscard]] linux_process::ThreadArea& area(Thread const& thread) const {
        return thread.process->memory->area(thread.area);
    }
    /// Ends a wait in proc: timers, futex queue, PID reference; the reply is the caller's to give.
    PendingReply end_wait(Thread& thread);

    ProcessTable table;
    TimerQueue timers;
    Machine& machine;
    Kernel& kernel;
    Owners& owners;
    Replies& replies;
    Clock& clock;
    Thread* current = nullptr; ///< whose request is being handled
    Process* reader = nullptr; ///< who reads a file of procfs now: it runs, whatever its state here
    std::vector<Domain*> domains;
    Domain* root_domain = nullptr;
    UserReference const first_user_space;
    NamespaceKinds kinds;
    int cgroup_kind = -1; ///< index of the kind cgroup in `kinds`, -1: there is none
    int time_kind = -1;   ///< index of the kind time in `kinds`, -1: there is none

private:
    void generate(Process& process, Thread* thread, proto::SignalInformation const& information, bool from_above);
    bool act(Thread& thread); ///< false: the process has ended
    void act_all(Process& process);
    void poke(Thread& thread);
    void interrupt_wait(Thread& thread);
    void answer_after(Thread& thread, PendingReply reply);
    void hold(Thread& thread);
    void hold_now(Thread& thread);
    void let_go(Thread& thread);
    void set_thread_mask(Thread& thread, SignalSet mask);
    bool must_stand(Process const& process) const { return process.stopped || process.domain->paused; }
    void notify_parent(Process& process, std::int32_t code, std::int32_t status);
    void reap(Process& process);
    void release_parts(Process& process);
    void reparent_children(Process& process);
    bool matches(Thread const& waiter, Process const& child) const;
    bool try_wait(Thread& waiter, proto::WaitResult& result, bool& any);
    void end_namespace(PidNamespace& space, Process& init);
    void thread_epilogue(Thread& thread);
    void drop_thread(Thread& thread);
    ipc::Result<ipc::Unit> make_thread_parts(Thread& thread, linux_process::UserFrame const& frame);
    void update_load();
    ipc::Result<CapabilityPointer> enlist(Handle* handle);
    void vouch(Process& process, unsigned kind);
    void tell_handles(Pid& pid); ///< poll(2)s on its pidfds: it has ended
    ipc::Result<proto::WaitResult> wait_for(Thread& thread, std::uint32_t which, Pid* pid, std::uint32_t options);

    std::uint32_t last_pid_inode_ = 0, last_user_inode_ = 0;
    NamespaceSet* first_set_ = nullptr;
    List<Thread, &Thread::futex_link> futexes_[64];
    std::uint64_t load_time_ = 0;
    std::uint64_t load_[3] = {}; ///< 16.16 fixed point
};

} // namespace proc
