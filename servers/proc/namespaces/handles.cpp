#include "handles.hpp"
#include "../process/core.hpp"

namespace proc {

ipc::Result<CapabilityPointer> Core::enlist(Handle* handle) {
    handle->badge = table.badges.allocate(ObjectKind::Handle, handle);
    ++handle_count;
    auto made = handle_count > handle_maximum ? fail(Error::TooManyFilesSystem) : owners.mint_handle(handle->badge);
    if (!made) handle_gone(handle->badge);
    return made;
}

ipc::Result<CapabilityPointer> Core::make_handle(PidNamespace& space) {
    auto* handle = new Handle;
    handle->pid_space = &space;
    space.retain();
    return enlist(handle);
}

ipc::Result<CapabilityPointer> Core::make_handle(UserNamespace& space) {
    auto* handle = new Handle;
    handle->user_space = UserReference{&space};
    return enlist(handle);
}

ipc::Result<CapabilityPointer> Core::make_handle(SharedNamespace& space) {
    auto* handle = new Handle;
    handle->shared = &space;
    ++space.references;
    return enlist(handle);
}

ipc::Result<CapabilityPointer> Core::make_handle(Pid& process) {
    auto* handle = new Handle;
    handle->process = &process;
    process.retain();
    handle->next = process.handles;
    process.handles = handle;
    return enlist(handle);
}

void Core::handle_gone(Word badge) {
    Handle* const handle = handle_of(badge);
    if (handle == nullptr) return;
    table.badges.release(badge);
    --handle_count;
    for (Handle::Waiter const& waiter : handle->waiters) machine.drop(waiter.notification);
    if (handle->pid_space != nullptr) handle->pid_space->release();
    release(handle->shared);
    if (Pid* const pid = handle->process; pid != nullptr) {
        Handle** place = &pid->handles;
        while (*place != handle) place = &(*place)->next;
        *place = handle->next;
        pid->release();
    }
    delete handle;
}

bool Core::has_ended(Pid const& pid) { return pid.process == nullptr || pid.process->state == ProcessState::Zombie; }

std::uint32_t Handle::events_now() const {
    constexpr std::uint32_t readable = 1 | 0x40; // POLLIN | POLLRDNORM
    return process != nullptr && Core::has_ended(*process) ? readable : 0;
}

void Core::tell_handles(Pid& pid) {
    for (Handle* handle = pid.handles; handle != nullptr; handle = handle->next) {
        for (Handle::Waiter const& waiter : handle->waiters) {
            owners.signal(waiter.notification);
            machine.drop(waiter.notification);
        }
        handle->waiters.clear();
        handle->happened(handle->events_now());
    }
}

ipc::Result<CapabilityPointer> Core::open_process(Process& caller, std::int32_t number, std::uint32_t flags) {
    if (number <= 0) return fail(Error::Invalid);
    Pid* const pid = caller.space().find(number);
    if (pid == nullptr) return fail(Error::NoProcess);
    // A thread that leads nothing, or a number kept for a group only.
    if (pid->process == nullptr || pid->process->state == ProcessState::Building)
        return fail(pid->thread != nullptr ? Error::Invalid : Error::NoProcess);
    auto made = make_handle(*pid);
    if (made) pid->handles->flags = flags;
    return made;
}

ipc::Result<ipc::Unit> Core::give_process_handle(Process& to, Pid& pid, Word descriptor) {
    if (linux_process::slot::descriptor_first + descriptor >= Word{1} << to.cspace->radix)
        return fail(Error::TooManyFiles);
    auto made = make_handle(pid);
    if (!made) return fail(made.error());
    Word const badge = pid.handles->badge;
    if (auto installed = machine.install(*to.cspace, linux_process::slot::descriptor_first + descriptor, *made);
        !installed) {
        owners.forget_handle(badge);
        handle_gone(badge);
        return fail(installed.error());
    }
    return ipc::Unit{};
}

ipc::Result<ipc::Unit> Core::signal_process(Thread& caller, Word badge, std::uint32_t number,
                                            proto::SignalInformation const* information) {
    Handle const* const handle = handle_of(badge);
    if (handle == nullptr || handle->process == nullptr) return fail(Error::BadDescriptor);
    if (number > signal_count) return fail(Error::Invalid);
    Process& from = *caller.process;
    // Only of processes that the caller's PID namespace shows.
    if (handle->process->number_in(from.space()) == 0) return fail(Error::Invalid);
    Process* const target = handle->process->process;
    if (target == nullptr) return fail(Error::NoProcess);
    if (information != nullptr) {
        if (information->number != static_cast<std::int32_t>(number)) return fail(Error::Invalid);
        // Nobody may pretend to be the kernel or kill(2) to others.
        if (target != &from && (information->code >= 0 || information->code == signal_code::tkill))
            return fail(Error::NotPermitted);
    }
    if (!may_signal(from, *target, number)) return fail(Error::NotPermitted);
    if (number == 0) return ipc::Unit{};
    proto::SignalInformation sent{};
    if (information != nullptr) {
        sent = *information;
    } else {
        sent.number = static_cast<std::int32_t>(number);
        sent.code = signal_code::user;
        sent.pid = from.pid->number_in(target->space());
        sent.user = user_in(*target->user_space, from.credentials.user);
    }
    bool const above = &target->space() != &from.space() && from.space().contains(target->space());
    send(*target, sent, above);
    return ipc::Unit{};
}

} // namespace proc
