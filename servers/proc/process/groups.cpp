// Process groups, sessions, controlling terminals.
#include "core.hpp"

namespace proc {

bool Core::orphaned(Pid const& group, Process const* without) const {
    for (Process* member = group.group_first; member != nullptr; member = member->group_link.next) {
        if (member == without || member->state != ProcessState::Running || member->exiting) continue;
        Process const* const parent = member->parent;
        if (parent == nullptr || parent == without || parent->exiting) continue;
        // A shell that is init of its namespace does job control like any other.
        if (parent->session == member->session && parent->group != member->group) return false;
    }
    return true;
}

namespace {
void publish_group(Core& core, Process& process) {
    process.threads.each([&](Thread& thread) {
        if (thread.kernel != nullptr)
            core.area(thread).process_group = process.group == nullptr ? 0 : process.group->global;
    });
}
} // namespace

ipc::Result<ipc::Unit> Core::set_group(Process& caller, std::int32_t pid, std::int32_t group) {
    if (pid < 0 || group < 0) return fail(Error::Invalid);
    PidNamespace& view = caller.space();
    Process* const target = pid == 0 ? &caller : table.find(view, pid);
    if (target == nullptr || target->state == ProcessState::Building) return fail(Error::NoProcess);
    if (target != &caller) {
        if (target->parent != &caller) return fail(Error::NoProcess);
        if (target->session != caller.session) return fail(Error::NotPermitted);
        if (target->executed) return fail(Error::Access);
    }
    if (target->session == target->pid) return fail(Error::NotPermitted);
    Pid* wanted = target->pid;
    if (group != 0 && group != target->pid->number_in(view)) {
        wanted = view.find(group);
        if (wanted == nullptr || wanted->group_first == nullptr || wanted->group_first->session != target->session)
            return fail(Error::NotPermitted);
    }
    if (wanted != target->group) {
        table.join_group(*target, wanted);
        publish_group(*this, *target);
    }
    return ipc::Unit{};
}

ipc::Result<std::int32_t> Core::get_group(Process& caller, std::int32_t pid) const {
    Process const* const target = pid == 0 ? &caller : table.find(caller.space(), pid);
    if (target == nullptr || target->group == nullptr) return fail(Error::NoProcess);
    return target->group->number_in(caller.space());
}

ipc::Result<std::int32_t> Core::set_session(Process& caller) {
    if (caller.pid->group_first != nullptr) return fail(Error::NotPermitted);
    table.join_group(caller, caller.pid);
    table.join_session(caller, caller.pid);
    publish_group(*this, caller);
    return caller.pid->number();
}

ipc::Result<std::int32_t> Core::get_session(Process& caller, std::int32_t pid) const {
    Process const* const target = pid == 0 ? &caller : table.find(caller.space(), pid);
    if (target == nullptr || target->session == nullptr) return fail(Error::NoProcess);
    return target->session->number_in(caller.space());
}

ipc::Result<CapabilityPointer> Core::controlling_terminal(Process& caller) const {
    Process const* const leader = caller.session == nullptr ? nullptr : caller.session->process;
    if (leader == nullptr || leader->terminal == 0) return fail(Error::NoDevice);
    return leader->terminal;
}

ipc::Result<ipc::Unit> Core::set_foreground(Thread& thread, CapabilityPointer terminal, std::int32_t group) {
    Process& caller = *thread.process;
    if (group < 0) return fail(Error::Invalid);
    auto const session = owners.terminal_session(terminal);
    if (!session) return fail(Error::NotTerminal);
    if (*session != caller.session->global || !controlling_terminal(caller)) return fail(Error::NotTerminal);
    Pid* const wanted = caller.space().find(group);
    if (wanted == nullptr || wanted->group_first == nullptr) return fail(Error::NoProcess);
    if (wanted->group_first->session != caller.session) return fail(Error::NotPermitted);
    // From the background: SIGTTOU, unless the caller cares not to get it.
    auto const now = owners.terminal_foreground(terminal);
    if (now && *now != caller.group->global && (thread.mask & signal_bit(signal_number::ttou)) == 0 &&
        caller.handlers->actions[signal_number::ttou].handler != 1 && !orphaned(*caller.group)) {
        proto::SignalInformation information{};
        information.number = static_cast<std::int32_t>(signal_number::ttou);
        information.code = signal_code::kernel;
        send_group(*caller.group, information);
        return fail(Error::RestartSystemCall);
    }
    return owners.set_terminal_foreground(terminal, wanted->global);
}

ipc::Result<std::int32_t> Core::foreground(Process& caller, CapabilityPointer terminal) {
    auto const session = owners.terminal_session(terminal);
    if (!session || *session != caller.session->global) return fail(Error::NotTerminal);
    auto const group = owners.terminal_foreground(terminal);
    if (!group) return fail(group.error());
    Pid const* const pid = Pid::find_global(*group);
    // No such group any more: a number that no group has (tcgetpgrp(3)).
    return pid == nullptr ? PidNamespace::pid_maximum : pid->number_in(caller.space());
}

ipc::Result<ipc::Unit> Core::set_terminal(Process& caller, CapabilityPointer terminal, bool steal) {
    auto const session = owners.terminal_session(terminal);
    if (!session) return fail(Error::NotTerminal);
    if (caller.session == caller.pid && *session == caller.session->global && caller.terminal != 0) {
        machine.drop(terminal);
        return ipc::Unit{};
    }
    if (caller.session != caller.pid || caller.terminal != 0) return fail(Error::NotPermitted);
    if (*session != 0) {
        Pid const* const holder = Pid::find_global(*session);
        Process* const leader = holder == nullptr ? nullptr : holder->process;
        if (leader != nullptr && leader->terminal != 0) {
            if (!steal || !capable_here(caller, capability::sys_admin)) return fail(Error::NotPermitted);
            machine.drop(leader->terminal);
            leader->terminal = 0;
        }
    }
    if (auto done = owners.set_terminal_session(terminal, caller.session->global); !done) return done;
    static_cast<void>(owners.set_terminal_foreground(terminal, caller.group->global));
    caller.terminal = terminal;
    return ipc::Unit{};
}

void Core::terminal_signals() {
    while (auto const next = owners.take_terminal_signal()) {
        Pid* const group = Pid::find_global(next->group);
        if (group == nullptr || next->signal == 0 || next->signal > signal_count) continue;
        proto::SignalInformation information{};
        information.number = static_cast<std::int32_t>(next->signal);
        information.code = signal_code::kernel;
        auto const deliver = [&] {
            if (next->leader_only == 0) {
                send_group(*group, information);
            } else if (group->process != nullptr) {
                send(*group->process, information, true);
            }
        };
        group->retain();
        deliver();
        if (next->signal == signal_number::hup) {
            information.number = static_cast<std::int32_t>(signal_number::cont);
            deliver();
        }
        group->release();
    }
}

} // namespace proc
