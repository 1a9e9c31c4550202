// A world for host tests of proc's Core: a machine whose threads do nothing, owners that count what they gave out, replies that
// are kept, a clock that stands until it is moved.
#pragma once
#include "fake_owners.hpp"
#include "servers/proc/machine/fake_kernel.hpp"
#include "servers/proc/process/core.hpp"
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <variant>

namespace proc {

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
