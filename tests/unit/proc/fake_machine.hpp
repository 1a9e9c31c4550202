// A machine for host tests of proc's Core, whose threads do nothing.
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

} // namespace proc
