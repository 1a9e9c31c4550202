// Protocol Process, the part that is not memory and exec: from a message to Core and back. `run` is how every operation of a
// thread is wrapped, P1's memory operations too.
#pragma once
#include "core.hpp"
#include "ipc/dispatch.hpp"

namespace proc {

/// Wraps a request of a thread: finds it by the badge, lets `function(Thread&)` work, and answers as the thread's state then asks:
/// not at all (it is gone), later (Deferred), or at once and then stopped.
class Requests {
public:
    explicit Requests(Core& core) : core{core} {}

    template <class M, class Function>
    ipc::Result<typename M::Reply> run(ipc::Sender& sender, Function&& function) {
        Thread* const thread = core.table.thread_of(sender.badge);
        if (thread == nullptr || thread->kernel == nullptr) return fail(Error::NoProcess);
        core.enter(*thread);
        ipc::Result<typename M::Reply> result = function(*thread);
        if (core.current == nullptr) { // it has ended: nobody waits
            if (any_ending()) core.settle();
            return fail(Error::NoProcess);
        }
        if (!result && result.error() == Error::Deferred) {
            core.current->reply = {sender.defer().reply};
        } else if (core.current->suspended) {
            ipc::reply<M>(sender.defer(), result);
            result = fail(Error::Deferred);
        }
        core.leave();
        if (any_ending()) core.settle();
        return result;
    }
    [[nodiscard]] bool any_ending() const {
        for (Domain const* domain : core.domains) {
            if (domain->ending) return true;
        }
        return false;
    }

    Core& core;
};

class ProcessOperations : public Requests {
public:
    using P = proto::Process;
    using Sender = ipc::Sender;
    using Word32 = std::uint32_t;
    template <class T>
    using Result = ipc::Result<T>;
    using Unit = ipc::Unit;
    using Requests::Requests;

    Result<std::int32_t> on(P::Clone, Sender& sender, proto::CloneArguments const& arguments) {
        return run<P::Clone>(sender, [&](Thread& thread) { return core.clone(thread, arguments); });
    }
    Result<Unit> on(P::Exit, Sender& sender, Word32 status, Word32 whole) {
        return run<P::Exit>(sender, [&](Thread& thread) -> Result<Unit> {
            if (whole != 0) {
                core.exit_process(*thread.process, static_cast<std::int32_t>((status & 0xff) << 8));
            } else {
                core.exit_thread(thread, status);
            }
            return Unit{};
        });
    }
    Result<proto::WaitResult> on(P::Wait, Sender& sender, Word32 which, std::int32_t id, Word32 options) {
        return run<P::Wait>(sender, [&](Thread& thread) { return core.wait(thread, which, id, options); });
    }
    // --- signals ---
    Result<Unit> on(P::Kill, Sender& sender, std::int32_t thread_group, std::int32_t pid, Word32 number) {
        return run<P::Kill>(sender, [&](Thread& thread) { return core.kill(thread, thread_group, pid, number); });
    }
    Result<proto::SignalAction> on(P::SetAction, Sender& sender, Word32 number, Word32 change,
                                   proto::SignalAction const& action) {
        return run<P::SetAction>(sender,
                                 [&](Thread& thread) { return core.set_action(thread, number, change != 0, action); });
    }
    Result<std::uint64_t> on(P::SetMask, Sender& sender, Word32 how, Word32 change, std::uint64_t mask) {
        return run<P::SetMask>(sender, [&](Thread& thread) { return core.set_mask(thread, how, change != 0, mask); });
    }
    Result<Unit> on(P::Suspend, Sender& sender, std::uint64_t mask) {
        return run<P::Suspend>(sender, [&](Thread& thread) { return core.suspend(thread, mask); });
    }
    Result<proto::DeliveredSignal> on(P::TakeSignal, Sender& sender) {
        return run<P::TakeSignal>(
            sender, [&](Thread& thread) -> Result<proto::DeliveredSignal> { return core.take_signal(thread); });
    }
    Result<std::uint64_t> on(P::Pending, Sender& sender) {
        return run<P::Pending>(sender, [&](Thread& thread) -> Result<std::uint64_t> { return core.pending(thread); });
    }
    Result<std::uint64_t> on(P::WakeForSignals, Sender& sender, std::uint64_t set) {
        return run<P::WakeForSignals>(
            sender, [&](Thread& thread) -> Result<std::uint64_t> { return core.wake_for_signals(thread, set); });
    }
    Result<proto::SignalInformation> on(P::WaitSignal, Sender& sender, std::uint64_t set, std::uint64_t nanoseconds) {
        return run<P::WaitSignal>(sender, [&](Thread& thread) { return core.wait_signal(thread, set, nanoseconds); });
    }
    Result<std::array<Word32, 3>> on(P::SetSignalStack, Sender& sender, Word32 change, Word32 address, Word32 size,
                                     Word32 flags) {
        return run<P::SetSignalStack>(
            sender, [&](Thread& thread) { return core.set_signal_stack(thread, change != 0, address, size, flags); });
    }
    // --- identity ---
    Result<std::int32_t> on(P::GetParent, Sender& sender) {
        return run<P::GetParent>(sender, [&](Thread& thread) -> Result<std::int32_t> {
            Process const* const parent = thread.process->parent;
            return parent == nullptr ? 0 : parent->pid->number_in(thread.process->space());
        });
    }
    Result<Unit> on(P::SetGroup, Sender& sender, std::int32_t pid, std::int32_t group) {
        return run<P::SetGroup>(sender, [&](Thread& thread) { return core.set_group(*thread.process, pid, group); });
    }
    Result<std::int32_t> on(P::GetGroup, Sender& sender, std::int32_t pid) {
        return run<P::GetGroup>(sender, [&](Thread& thread) { return core.get_group(*thread.process, pid); });
    }
    Result<std::int32_t> on(P::SetSession, Sender& sender) {
        return run<P::SetSession>(sender, [&](Thread& thread) { return core.set_session(*thread.process); });
    }
    Result<std::int32_t> on(P::GetSession, Sender& sender, std::int32_t pid) {
        return run<P::GetSession>(sender, [&](Thread& thread) { return core.get_session(*thread.process, pid); });
    }
    Result<proto::ProcessIdentity> on(P::GetIdentity, Sender& sender) {
        return run<P::GetIdentity>(sender, [&](Thread& thread) -> Result<proto::ProcessIdentity> {
            Credentials const& c = thread.process->credentials;
            auto user = [&](Word32 id) { return Core::user_in(*thread.process->user_space, id); };
            auto group = [&](Word32 id) { return Core::group_in(*thread.process->user_space, id); };
            return proto::ProcessIdentity{user(c.user),   user(c.effective_user),   user(c.saved_user),
                                          group(c.group), group(c.effective_group), group(c.saved_group)};
        });
    }
    Result<Word32> on(P::SetIdentity, Sender& sender, Word32 which, Word32 a, Word32 b, Word32 c) {
        return run<P::SetIdentity>(sender,
                                   [&](Thread& thread) { return core.set_identity(*thread.process, which, a, b, c); });
    }
    Result<Word32> on(P::Groups, Sender& sender, Word32 set, Word32 count, Word32 address) {
        return run<P::Groups>(sender,
                              [&](Thread& thread) { return core.groups(*thread.process, set != 0, count, address); });
    }
    // --- terminal ---
    Result<Unit> on(P::SetForeground, Sender& sender, ipc::Cap<proto::File> terminal, std::int32_t group) {
        auto result = run<P::SetForeground>(
            sender, [&](Thread& thread) { return core.set_foreground(thread, terminal.slot, group); });
        core.machine.drop(terminal.slot);
        return result;
    }
    Result<std::int32_t> on(P::Foreground, Sender& sender, ipc::Cap<proto::File> terminal) {
        auto result =
            run<P::Foreground>(sender, [&](Thread& thread) { return core.foreground(*thread.process, terminal.slot); });
        core.machine.drop(terminal.slot);
        return result;
    }
    Result<Unit> on(P::SetTerminal, Sender& sender, ipc::Cap<proto::File> terminal, Word32 steal) {
        auto result = run<P::SetTerminal>(
            sender, [&](Thread& thread) { return core.set_terminal(*thread.process, terminal.slot, steal != 0); });
        if (!result) core.machine.drop(terminal.slot);
        return result;
    }
    Result<ipc::Cap<proto::File>> on(P::OpenTerminal, Sender& sender, ipc::OptionalCap<proto::File> multiplexer,
                                     Word32 flags) {
        CapabilityPointer master = 0;
        auto const opened = run<P::OpenTerminal>(sender, [&](Thread& thread) -> Result<ipc::Cap<proto::File>> {
            if (multiplexer.slot == 0) {
                auto const terminal = core.controlling_terminal(*thread.process);
                if (!terminal) return fail(terminal.error());
                return ipc::Cap<proto::File>{*terminal};
            }
            auto const made = core.owners.new_pseudo_terminal(multiplexer.slot, flags);
            if (!made) return fail(made.error());
            master = *made;
            return ipc::Cap<proto::File>{master};
        });
        if (multiplexer.slot != 0) core.machine.drop(multiplexer.slot);
        if (master == 0) return opened;
        if (opened) {
            sender.delete_after_reply(master);
        } else { // answered already, or nobody is there any more
            core.machine.drop(master);
        }
        return opened;
    }
    // --- time ---
    Result<std::uint64_t> on(P::Sleep, Sender& sender, Word32 clock_number, Word32 absolute,
                             std::uint64_t nanoseconds) {
        return run<P::Sleep>(
            sender, [&](Thread& thread) { return core.sleep(thread, clock_number, absolute != 0, nanoseconds); });
    }
    Result<proto::IntervalTimer> on(P::SetTimer, Sender& sender, Word32 which, Word32 change,
                                    proto::IntervalTimer const& value) {
        return run<P::SetTimer>(
            sender, [&](Thread& thread) { return core.set_timer(*thread.process, which, change != 0, value); });
    }
    Result<Unit> on(P::WakeAt, Sender& sender, std::uint64_t deadline) {
        return run<P::WakeAt>(sender, [&](Thread& thread) -> Result<Unit> {
            core.wake_at(thread, deadline);
            return Unit{};
        });
    }
    Result<std::array<std::uint64_t, 4>> on(P::Usage, Sender& sender, std::int32_t who) {
        return run<P::Usage>(sender, [&](Thread& thread) { return core.usage(thread, who); });
    }
    Result<Unit> on(P::SetTime, Sender& sender, std::uint64_t wall) {
        return run<P::SetTime>(sender, [&](Thread& thread) -> Result<Unit> {
            if (!core.capable_here(*thread.process, capability::sys_time) || thread.process->domain->sealed)
                return fail(Error::NotPermitted);
            core.clock.set_wall(wall);
            core.table.all.each([&](Process& process) {
                process.threads.each([&](Thread& each) {
                    if (each.kernel != nullptr) core.fill_time(each);
                });
            });
            return Unit{};
        });
    }
    // --- threads ---
    Result<Word32> on(P::SetTls, Sender& sender, Word32 entry, Word32 base, Word32 limit, Word32 flags) {
        return run<P::SetTls>(sender, [&](Thread& thread) { return core.set_tls(thread, entry, base, limit, flags); });
    }
    Result<Word32> on(P::Futex, Sender& sender, Word32 address, Word32 operation, Word32 value, std::uint64_t deadline,
                      Word32 address2, Word32 value3) {
        return run<P::Futex>(sender, [&](Thread& thread) {
            return core.futex(thread, address, operation, value, deadline, address2, value3);
        });
    }
    Result<Word32> on(P::SetTidAddress, Sender& sender, Word32 address) {
        return run<P::SetTidAddress>(sender, [&](Thread& thread) -> Result<Word32> {
            thread.clear_child_tid = address;
            return static_cast<Word32>(thread.pid->number());
        });
    }
    Result<Unit> on(P::SetRobustList, Sender& sender, Word32 address) {
        return run<P::SetRobustList>(sender, [&](Thread& thread) -> Result<Unit> {
            thread.robust_list = address;
            return Unit{};
        });
    }
    // --- namespaces and limits ---
    Result<Unit> on(P::Unshare, Sender& sender, Word32 flags) {
        return run<P::Unshare>(sender, [&](Thread& thread) { return core.unshare(thread, flags); });
    }
    Result<std::array<std::uint64_t, 2>> on(P::Limit, Sender& sender, std::int32_t pid, Word32 resource, Word32 change,
                                            std::uint64_t soft, std::uint64_t hard) {
        return run<P::Limit>(sender, [&](Thread& thread) {
            return core.resource_limit(*thread.process, pid, resource, change != 0, soft, hard);
        });
    }
    Result<Word32> on(P::Control, Sender& sender, Word32 option, Word32 a, Word32 b, Word32 c, Word32 d) {
        return run<P::Control>(sender, [&](Thread& thread) { return core.control(thread, option, a, b, c, d); });
    }
    Result<std::array<std::uint64_t, 3>> on(P::CapabilitySets, Sender& sender, std::int32_t pid, Word32 change,
                                            std::array<std::uint64_t, 3> const& sets) {
        return run<P::CapabilitySets>(
            sender, [&](Thread& thread) { return core.capability_sets(*thread.process, pid, change != 0, sets); });
    }
    Result<std::array<std::uint64_t, 8>> on(P::SystemInformation, Sender& sender) {
        return run<P::SystemInformation>(sender, [&](Thread& thread) -> Result<std::array<std::uint64_t, 8>> {
            return core.system_information(*thread.process);
        });
    }
    Result<std::int32_t> on(P::Priority, Sender& sender, Word32 set, Word32 which, std::int32_t id,
                            std::int32_t value) {
        return run<P::Priority>(
            sender, [&](Thread& thread) { return core.priority(*thread.process, set != 0, which, id, value); });
    }
    Result<Unit> on(P::Unknown, Sender& sender, Word32 number) {
        return run<P::Unknown>(sender, [&](Thread& thread) -> Result<Unit> {
            core.unknown_call(*thread.process, number);
            return Unit{};
        });
    }
    Result<Unit> on(P::Capable, Sender& sender, Word32 number) {
        return run<P::Capable>(sender, [&](Thread& thread) -> Result<Unit> {
            if (number > capability::last || !thread.process->credentials.capable(number))
                return fail(Error::NotPermitted);
            return Unit{};
        });
    }
    Result<Unit> on(P::SetHostname, Sender& sender, Word32 domain, proto::HostName const& name) {
        return run<P::SetHostname>(sender, [&](Thread& thread) -> Result<Unit> {
            return core.set_host_name(*thread.process, domain != 0, name);
        });
    }
    Result<Unit> on(P::OpenSession, Sender& sender, proto::NamespaceKind kind) {
        return run<P::OpenSession>(sender, [&](Thread& thread) -> Result<Unit> {
            int const index = core.kinds.find(kind);
            if (index < 0) return fail(Error::NotSupported);
            auto const opened = core.open_session(*thread.process, static_cast<unsigned>(index));
            if (!opened) return fail(opened.error());
            return Unit{};
        });
    }
    Result<Unit> on(P::TellNetwork, Sender& sender) {
        return run<P::TellNetwork>(sender, [&](Thread& thread) { return core.tell_network(*thread.process); });
    }
    Result<Unit> on(P::UnshareKind, Sender& sender, ipc::Text<32> const& name) {
        return run<P::UnshareKind>(sender, [&](Thread& thread) { return core.unshare_kind(thread, name.view()); });
    }
    // --- pidfds ---
    Result<ipc::Cap<proto::File>> on(P::OpenProcess, Sender& sender, std::int32_t pid, Word32 flags) {
        return run<P::OpenProcess>(sender, [&](Thread& thread) -> Result<ipc::Cap<proto::File>> {
            auto const made = core.open_process(*thread.process, pid, flags);
            if (!made) return fail(made.error());
            return ipc::Cap<proto::File>{*made};
        });
    }
    Result<Unit> on(P::SignalProcess, Sender& sender, ipc::OptionalCap<proto::File> const& process, Word32 number,
                    Word32 with_information, proto::SignalInformation const& information) {
        Word const badge = own_badge(process);
        return run<P::SignalProcess>(sender, [&](Thread& thread) {
            return core.signal_process(thread, badge, number, with_information != 0 ? &information : nullptr);
        });
    }
    Result<proto::WaitResult> on(P::WaitProcess, Sender& sender, ipc::OptionalCap<proto::File> const& process,
                                 Word32 options) {
        Word const badge = own_badge(process);
        return run<P::WaitProcess>(sender, [&](Thread& thread) { return core.wait_process(thread, badge, options); });
    }

private:
    /// Of a capability that is proc's own; 0, and the capability dropped, if it is another server's.
    Word own_badge(ipc::OptionalCap<proto::File> const& file) {
        if (file.slot != 0) core.machine.drop(file.slot);
        return file.unwrapped ? file.badge : 0;
    }
};

} // namespace proc
