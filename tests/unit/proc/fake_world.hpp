// A world for host tests of proc's Core: a machine whose threads do nothing, owners that count what they gave out, replies that
// are kept, a clock that stands until it is moved.
#pragma once
#include "servers/proc/machine/fake_kernel.hpp"
#include "servers/proc/process/core.hpp"
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <variant>

namespace proc {

class FakeMachine final : public Machine {
public:
    struct State {
        abi::ThreadState state = abi::ThreadState::Inactive;
        abi::Registers registers{};
        bool wait_ended = false;
        int wakes = 0, floating_point = 0;
    };
    std::map<KernelThread*, State> threads;
    std::map<std::pair<KernelCSpace*, Word>, CapabilityPointer> slots;
    int cspaces = 0, capabilities = 0;
    int fail_after = -1; ///< operation that may fail and is the n-th from now fails

    bool failing() { return fail_after >= 0 && fail_after-- == 0; }
    Result<KernelCSpace*> create_cspace(Account& account) override {
        if (failing()) return fail(Error::NoMemory);
        ++cspaces;
        auto* cspace = new KernelCSpace;
        cspace->references = 1;
        cspace->account = &account;
        return cspace;
    }
    void release_cspace(KernelCSpace& cspace) override {
        if (--cspace.references != 0) return;
        std::erase_if(slots, [&](auto const& entry) { return entry.first.first == &cspace; });
        --cspaces;
        delete &cspace;
    }
    Status install(KernelCSpace& cspace, Word slot, CapabilityPointer source) override {
        if (failing()) return fail(Error::NoMemory);
        slots[{&cspace, slot}] = source;
        return done();
    }
    Status install_process(KernelCSpace& cspace, Word slot, Word badge) override {
        if (failing()) return fail(Error::NoMemory);
        slots[{&cspace, slot}] = badge;
        return done();
    }
    void remove(KernelCSpace& cspace, Word first, Word count) override {
        for (Word i = 0; i < count; ++i) slots.erase({&cspace, first + i});
    }
    Status copy_descriptors(KernelCSpace& from, KernelCSpace& to, Word count) override {
        if (failing()) return fail(Error::NoMemory);
        for (Word i = 0; i < count; ++i) {
            if (auto found = slots.find({&from, 64 + i}); found != slots.end()) slots[{&to, 64 + i}] = found->second;
        }
        return done();
    }
    Result<CapabilityPointer> fetch(KernelCSpace& cspace, Word slot) override {
        auto found = slots.find({&cspace, slot});
        if (found == slots.end()) return fail(Error::BadDescriptor);
        ++capabilities;
        return found->second;
    }
    Result<Word> grow(KernelCSpace&, Word descriptor, std::span<KernelThread* const>) override {
        return descriptor + 1;
    }
    void drop(CapabilityPointer capability) override {
        --capabilities;
        if (on_drop) on_drop(capability);
    }
    std::function<void(CapabilityPointer)> on_drop;
    Result<CapabilityPointer> duplicate(CapabilityPointer capability) override {
        ++capabilities;
        return capability;
    }
    Result<KernelThread*> create_thread(Account& account, KernelCSpace& cspace, SpaceBinding const&, Word badge,
                                        Word) override {
        if (failing()) return fail(Error::NoMemory);
        auto* thread = new KernelThread;
        thread->cspace = &cspace;
        thread->account = &account;
        thread->badge = badge;
        ++cspace.references;
        threads[thread] = {};
        return thread;
    }
    void destroy_thread(KernelThread& thread) override {
        release_cspace(*thread.cspace);
        threads.erase(&thread);
        delete &thread;
    }
    Status set_space(KernelThread&, SpaceBinding const&) override { return done(); }
    Status set_cspace(KernelThread& thread, KernelCSpace& cspace) override {
        thread.cspace = &cspace;
        return done();
    }
    void suspend(KernelThread& thread) override {
        State& state = threads.at(&thread);
        state.wait_ended =
            state.wait_ended || (state.state != abi::ThreadState::Running && state.state != abi::ThreadState::Inactive);
        state.state = abi::ThreadState::Inactive;
    }
    void resume(KernelThread& thread) override { threads.at(&thread).state = abi::ThreadState::Running; }
    bool interrupt(KernelThread& thread) override {
        State& state = threads.at(&thread);
        bool const waited = state.state != abi::ThreadState::Running && state.state != abi::ThreadState::Inactive;
        if (waited) state.state = abi::ThreadState::Running;
        return waited;
    }
    Result<abi::Registers> read_registers(KernelThread& thread) override { return threads.at(&thread).registers; }
    Status write_registers(KernelThread& thread, abi::Registers const& registers, bool resume) override {
        State& state = threads.at(&thread);
        state.registers = registers;
        if (resume) state.state = abi::ThreadState::Running;
        return done();
    }
    Status copy_floating_point(KernelThread const& from, KernelThread& to) override {
        threads.at(&to).floating_point = threads.at(const_cast<KernelThread*>(&from)).floating_point;
        return done();
    }
    void reset_floating_point(KernelThread& thread) override { threads.at(&thread).floating_point = 0; }
    Status start(KernelThread& thread, Address eip, bool resume) override {
        State& state = threads.at(&thread);
        state.registers = {};
        state.registers.eip = eip;
        if (resume) state.state = abi::ThreadState::Running;
        return done();
    }
    Result<abi::ThreadState> state(KernelThread& thread) override { return threads.at(&thread).state; }
    Status set_tls(KernelThread& thread, Word entry, TlsEntry value) override {
        thread.tls[entry] = value;
        return done();
    }
    std::uint64_t consumed(KernelThread&) override { return 0; }
    void set_name(KernelThread&, std::string_view) override {}
    void wake(KernelThread& thread) override { ++threads.at(&thread).wakes; }
};

class FakeOwners final : public Owners, public UserNamespace::Observer {
public:
    explicit FakeOwners(FakeMachine& machine) : machine_{machine} {
        machine.on_drop = [this](CapabilityPointer dropped) { given.erase(dropped); };
        UserNamespace::observer = this;
    }
    std::map<CapabilityPointer, std::uint32_t> terminals; ///< file -> session
    std::map<CapabilityPointer, std::uint32_t> foregrounds;
    std::deque<proto::TerminalSignal> signals;
    std::string host = "cella";
    std::uint64_t free = 64 << 20;
    int manager = 0;
    CapabilityPointer next = 500;

    ipc::Result<CapabilityPointer> give() {
        if (machine_.failing()) return ipc::fail(Error::NoMemory);
        ++machine_.capabilities;
        return ++next;
    }
    std::array<std::uint64_t, 2> file_position(CapabilityPointer) override { return {0, 0}; }
    /// What each capability given out stands for, until it is dropped.
    struct Given {
        char what;
        std::uint32_t inode;
        CapabilityPointer from;
        std::uint32_t user;
        bool operator==(Given const&) const = default;
    };
    std::map<CapabilityPointer, Given> given;
    std::map<std::uint32_t, std::vector<std::array<std::uint32_t, 3>>> maps; ///< of user namespaces, as told
    std::map<CapabilityPointer, proto::Credentials> credentials;
    std::map<CapabilityPointer, proto::SessionCredentials> vouched;
    std::map<Word, CapabilityPointer> minted; ///< handles by badge
    std::vector<CapabilityPointer> signalled;
    std::map<std::uint32_t, std::array<std::int64_t, 2>> offsets;
    bool chrooted = false;
    std::uint32_t next_inode = 9000;
    int created = 0;

    ipc::Result<CapabilityPointer> give(Given what) {
        auto made = give();
        if (made) given[*made] = what;
        return made;
    }
    ipc::Result<CapabilityPointer> fork_vfs_session(CapabilityPointer from, std::uint32_t flags,
                                                    UserNamespace const& owner, std::uint32_t) override {
        return give({'v', (flags & 2) != 0 ? ++next_inode : 0, from, Core::number_for_owners(owner)});
    }
    void set_credentials(CapabilityPointer session, proto::Credentials const& told) override {
        credentials[session] = told;
    }
    ipc::Result<ipc::Unit> join_mount_namespace(CapabilityPointer session, CapabilityPointer name_space,
                                                bool) override {
        if (machine_.failing()) return ipc::fail(Error::NoMemory);
        auto const space = given.find(name_space);
        if (space == given.end() || space->second.what != 'm') return ipc::fail(Error::Invalid);
        given[session].inode = space->second.inode;
        return ipc::Unit{};
    }
    bool is_chrooted(CapabilityPointer) override { return chrooted; }
    ipc::Result<ipc::Unit> publish_maps(UserNamespace const& space) override {
        if (machine_.failing()) return ipc::fail(Error::NoMemory);
        auto& lines = maps[space.inode()];
        lines.clear();
        for (auto const& each : space.users.extents()) lines.push_back({each.inside, each.global, each.count});
        return ipc::Unit{};
    }
    void forget_maps(UserNamespace const& space) override { maps.erase(space.inode()); }
    void user_namespace_ends(UserNamespace const& space) override { forget_maps(space); }
    ~FakeOwners() override { UserNamespace::observer = nullptr; }
    ipc::Result<CapabilityPointer> create_namespace(CapabilityPointer from, UserNamespace& owner) override {
        auto made = give({'n', next_inode + 1, from, owner.inode()});
        if (made) ++next_inode, ++created;
        return made;
    }
    ipc::Result<ipc::Unit> set_namespace_limit(CapabilityPointer first, std::uint32_t maximum) override {
        namespace_limits[first] = maximum;
        return ipc::Unit{};
    }
    std::map<CapabilityPointer, std::uint32_t> namespace_limits;
    ipc::Result<ipc::Unit> set_mount_limit(UserNamespace const& space, std::uint32_t maximum) override {
        mount_limits[space.inode()] = maximum;
        return ipc::Unit{};
    }
    std::map<std::uint32_t, std::uint32_t> mount_limits; ///< by user namespace
    ipc::Result<ipc::Unit> set_root_group(CapabilityPointer, CapabilityPointer name_space,
                                          std::uint32_t group) override {
        root_groups[name_space] = group;
        return ipc::Unit{};
    }
    std::uint32_t root_group(CapabilityPointer name_space) override {
        return root_groups.contains(name_space) ? root_groups.at(name_space) : 0;
    }
    std::map<CapabilityPointer, std::uint32_t> root_groups;
    ipc::Result<CapabilityPointer> enter_namespace(CapabilityPointer name_space, std::uint64_t) override {
        return give({'s', 0, name_space, 0});
    }
    void watch_queues() override { ++watches; }
    int watches = 0;
    void vouch(CapabilityPointer, CapabilityPointer session, proto::SessionCredentials const& told) override {
        vouched[session] = told;
    }
    ipc::Result<CapabilityPointer> namespace_of(CapabilityPointer session) override {
        return give({'m', 0, session, 0});
    }
    ipc::Result<proto::NamespaceIdentity> identify_namespace(CapabilityPointer name_space) override {
        auto const found = given.find(name_space);
        bool const made = found != given.end() && found->second.what == 'n';
        std::uint32_t owner = made ? found->second.user : 0;
        if (found != given.end() && found->second.what == 'm') {
            if (auto const session = given.find(found->second.from); session != given.end())
                owner = session->second.user;
        }
        // Capabilities below 100 are first namespaces: 10 uts, 11 ipc, 12 time.
        CapabilityPointer root = name_space;
        while (given.contains(root)) root = given.at(root).from;
        auto const kind = root == 10   ? proto::NamespaceKind::Uts
                          : root == 11 ? proto::NamespaceKind::Ipc
                          : root == 12 ? proto::NamespaceKind::Time
                                       : proto::NamespaceKind::Mount;
        return proto::NamespaceIdentity{
            kind, made ? found->second.inode : root, 0, owner != 0 ? owner : UserNamespace::first_inode, 0, 0};
    }
    ipc::Result<CapabilityPointer> recovered(CapabilityPointer, CapabilityPointer name_space) override {
        auto const found = given.find(name_space);
        return give(found == given.end() ? Given{'a', 0, name_space, 0} : found->second);
    }
    ipc::Result<CapabilityPointer> attenuated(CapabilityPointer name_space, std::uint64_t) override {
        return give({'a', 0, name_space, 0});
    }
    std::array<std::int64_t, 2> time_offsets(CapabilityPointer name_space, bool) override {
        return offsets[name_space];
    }
    ipc::Result<ipc::Unit> set_time_offset(CapabilityPointer name_space, std::uint32_t clock, std::int64_t seconds,
                                           std::uint32_t nanoseconds) override {
        offsets[name_space][clock == 7 ? 1 : 0] = seconds * 1'000'000'000 + nanoseconds;
        return ipc::Unit{};
    }
    ipc::Result<CapabilityPointer> mint_handle(Word badge) override {
        if (machine_.failing()) return ipc::fail(Error::NoMemory);
        return minted[badge] = ++next;
    }
    void forget_handle(Word badge) override { minted.erase(badge); }
    void signal(CapabilityPointer notification) override { signalled.push_back(notification); }
    ipc::Result<ipc::Unit> set_terminal_session(CapabilityPointer file, std::uint32_t session) override {
        terminals[file] = session;
        return ipc::Unit{};
    }
    ipc::Result<std::uint32_t> terminal_session(CapabilityPointer file) override {
        auto found = terminals.find(file);
        if (found == terminals.end()) return ipc::fail(Error::NotTerminal);
        return found->second;
    }
    ipc::Result<ipc::Unit> set_terminal_foreground(CapabilityPointer file, std::uint32_t group) override {
        foregrounds[file] = group;
        return ipc::Unit{};
    }
    ipc::Result<std::uint32_t> terminal_foreground(CapabilityPointer file) override { return foregrounds[file]; }
    ipc::Result<CapabilityPointer> new_pseudo_terminal(CapabilityPointer, std::uint32_t) override {
        return ipc::fail(Error::NoSpace);
    }
    ipc::Result<proto::TerminalSignal> take_terminal_signal() override {
        if (signals.empty()) return ipc::fail(Error::NoData);
        auto signal = signals.front();
        signals.pop_front();
        return signal;
    }
    ipc::Result<ipc::Unit> set_host_name(CapabilityPointer, bool, proto::HostName const& name) override {
        host = name.view();
        return ipc::Unit{};
    }
    ipc::Result<proto::HostName> host_name(CapabilityPointer, bool) override { return proto::HostName{host}; }
    ipc::Result<proto::FileStatus> file_status(CapabilityPointer, CapabilityPointer) override {
        return proto::FileStatus{};
    }
    std::string file_name(CapabilityPointer) override { return "/bin/busybox"; }
    ipc::Result<CapabilityPointer> reopen(CapabilityPointer, std::uint32_t) override { return give(); }
    std::string place(CapabilityPointer, std::uint32_t which) override { return which == 0 ? "/" : "/root"; }
    std::string mount_table(CapabilityPointer, std::uint32_t) override { return "tmpfs / tmpfs rw 0 0\n"; }
    std::string network_table(CapabilityPointer, std::uint32_t table) override { return table == 1 ? "lo\n" : ""; }
    ipc::Result<std::array<std::int32_t, 2>> network_setting(CapabilityPointer, std::uint32_t setting,
                                                             std::array<std::int32_t, 2> const* change) override {
        if (change != nullptr) settings[setting] = *change;
        return settings[setting];
    }
    std::array<std::array<std::int32_t, 2>, 8> settings{};
    std::uint64_t free_memory() override { return free; }
    std::uint64_t total_memory() override { return 96 << 20; }
    void notify_manager() override { ++manager; }

private:
    FakeMachine& machine_;
};

class FakeReplies final : public Replies {
public:
    struct Answer {
        Word slot;
        Error error;
        std::variant<std::monostate, std::int32_t, std::uint32_t, std::uint64_t, proto::WaitResult,
                     proto::SignalInformation>
            value;
    };
    std::vector<Answer> answers;
    template <class T>
    void put(PendingReply to, ipc::Result<T> const& result) {
        answers.push_back({to.slot, result ? Error::None : result.error(), {}});
        if constexpr (!std::is_same_v<T, ipc::Unit>) {
            if (result) answers.back().value = *result;
        }
    }
    void clone(PendingReply to, ipc::Result<std::int32_t> const& r) override { put(to, r); }
    void wait(PendingReply to, ipc::Result<proto::WaitResult> const& r) override { put(to, r); }
    void sleep(PendingReply to, ipc::Result<std::uint64_t> const& r) override { put(to, r); }
    void suspend(PendingReply to, ipc::Result<ipc::Unit> const& r) override { put(to, r); }
    void signal_wait(PendingReply to, ipc::Result<proto::SignalInformation> const& r) override { put(to, r); }
    void futex(PendingReply to, ipc::Result<std::uint32_t> const& r) override { put(to, r); }
    void discard(PendingReply) override {}
};

class FakeClock final : public Clock {
public:
    std::uint64_t time = 1'000'000'000, armed = 0;
    [[nodiscard]] std::uint64_t now() const override { return time; }
    [[nodiscard]] std::uint64_t wall_offset() const override { return 1'700'000'000'000'000'000; }
    void set_wall(std::uint64_t) override {}
    void arm(std::uint64_t deadline) override { armed = deadline; }
    [[nodiscard]] Word ticks_per_millisecond() const override { return 1'000'000; }
    [[nodiscard]] std::uint64_t boot_time_stamp() const override { return 0; }
};

/// A world with one domain and its init.
struct World {
    FakeKernel kernel;
    FakeMachine machine;
    FakeOwners owners{machine};
    FakeReplies replies;
    FakeClock clock;
    Core core{machine, kernel, owners, replies, clock};
    Domain* domain = nullptr;
    Process* init = nullptr;
    Word next_reply = 1;

    explicit World(proto::DomainLimits const& limits = {}) {
        core.kinds.add("uts", proto::NamespaceKind::Uts, 10);
        core.kinds.add("ipc", proto::NamespaceKind::Ipc, 11);
        core.kinds.add("time", proto::NamespaceKind::Time, 12);
        core.time_kind = 2;
        domain = core.create_domain(limits, false, "root");
        core.root_domain = domain;
        init = begin(*domain);
    }
    ~World() {
        while (!core.domains.empty()) core.release_domain(*core.domains.back());
    }
    Process* begin(Domain& in) {
        auto session = owners.give();
        auto made = core.create_process(in, *session);
        if (!made) return nullptr;
        (*made)->set_name("init");
        (*made)->exit_signal = 17;
        core.start_process(**made);
        return *made;
    }
    /// As Requests::run does it: false if the thread is gone afterwards.
    template <class Function>
    auto call(Thread& thread, Function function) {
        core.enter(thread);
        auto result = function();
        if (core.current != nullptr && !result && result.error() == Error::Deferred)
            core.current->reply = {next_reply++};
        core.leave();
        core.settle();
        return result;
    }
    Process* fork(Process& parent, std::uint32_t flags = 0) {
        auto pid = call(*parent.leader(), [&] { return core.clone(*parent.leader(), {flags, 0, 0, 0, 0, 17, 0, 0}); });
        return pid ? core.table.find(parent.space(), *pid) : nullptr;
    }
    void exit(Process& process, std::uint32_t status) {
        call(*process.leader(), [&]() -> ipc::Result<ipc::Unit> {
            core.exit_process(process, static_cast<std::int32_t>(status << 8));
            return ipc::Unit{};
        });
    }
    auto kill(Process& from, std::int32_t pid, std::uint32_t number) {
        return call(*from.leader(), [&] { return core.kill(*from.leader(), 0, pid, number); });
    }
    auto wait(Process& parent, std::int32_t pid, std::uint32_t options = 4) {
        return call(*parent.leader(),
                    [&] { return core.wait(*parent.leader(), pid == -1 ? 0 : 1, pid == -1 ? 0 : pid, options); });
    }
    void handler(Process& process, std::uint32_t number, std::uint32_t address, std::uint32_t flags = 0,
                 SignalSet mask = 0) {
        static_cast<void>(core.set_action(*process.leader(), number, true, {address, flags, 0, mask}));
    }
    FakeMachine::State& state(Process& process) { return machine.threads.at(process.leader()->kernel); }
};

} // namespace proc
