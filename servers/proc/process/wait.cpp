// wait4(2), waitid(2).
#include "core.hpp"

namespace proc {

namespace {
constexpr std::uint32_t o_nonblock = 04000;

/// Is this child one the call asks for (idtype and __WCLONE, __WALL)?
bool selected(Thread const& waiter, Process const& child) {
    switch (waiter.wait_which) {
    case 1:
    case 3:
        if (child.pid != waiter.wait_pid) return false;
        break;
    case 2:
        if (child.group != waiter.wait_pid) return false;
        break;
    default: break;
    }
    if ((waiter.wait_options & wait_option::all) != 0) return true;
    bool const clone_child = child.exit_signal != signal_number::child;
    return clone_child == ((waiter.wait_options & wait_option::clone) != 0);
}
} // namespace

bool Core::matches(Thread const& waiter, Process const& child) const { return selected(waiter, child); }

/// Looks for a child in a state asked for. `any`: there is a child that may yet get there.
bool Core::try_wait(Thread& waiter, proto::WaitResult& result, bool& any) {
    Process& parent = *waiter.process;
    std::uint32_t const options = waiter.wait_options;
    any = false;
    for (Process* child = parent.children.first(); child != nullptr; child = parent.children.next(*child)) {
        if (child->state == ProcessState::Building || !selected(waiter, *child)) continue;
        any = true;
        result = {};
        result.pid = child->pid->number_in(parent.space());
        result.user = user_in(*parent.user_space, child->credentials.user);
        if (child->state == ProcessState::Zombie) {
            if ((options & wait_option::exited) == 0) continue;
            result.status = child->exit_status;
            result.code = static_cast<std::uint32_t>((child->exit_status & 0x7f) == 0 ? signal_code::exited
                                                                                      : signal_code::killed);
            std::uint64_t const cpu = child->cpu_of_dead_threads + child->cpu_of_children;
            result.user_microseconds = static_cast<std::uint32_t>(cpu / 1000);
            if ((options & wait_option::no_wait) == 0) reap(*child);
            return true;
        }
        if (child->stopped && !child->stop_reported && (options & wait_option::stopped) != 0) {
            if ((options & wait_option::no_wait) == 0) child->stop_reported = true;
            result.status = static_cast<std::int32_t>(child->stop_signal << 8 | 0x7f);
            result.code = signal_code::stopped;
            return true;
        }
        if (!child->stopped && !child->continue_reported && (options & wait_option::continued) != 0) {
            if ((options & wait_option::no_wait) == 0) child->continue_reported = true;
            result.status = 0xffff;
            result.code = signal_code::continued;
            return true;
        }
    }
    return false;
}

namespace {
bool options_valid(std::uint32_t options) {
    namespace o = wait_option;
    constexpr std::uint32_t known =
        o::no_hang | o::stopped | o::exited | o::continued | o::no_wait | o::no_thread | o::all | o::clone;
    return (options & ~known) == 0 && (options & (o::exited | o::stopped | o::continued)) != 0;
}
} // namespace

ipc::Result<proto::WaitResult> Core::wait(Thread& thread, std::uint32_t which, std::int32_t id, std::uint32_t options) {
    if (!options_valid(options) || which > 2) return fail(Error::Invalid);
    Process& process = *thread.process;
    Pid* pid = nullptr;
    if (which == 1) {
        if (id <= 0) return fail(Error::Invalid);
        pid = process.space().find(id);
        if (pid == nullptr) return fail(Error::NoChild);
    } else if (which == 2) {
        if (id < 0) return fail(Error::Invalid);
        pid = id == 0 ? process.group : process.space().find(id);
        if (pid == nullptr) return fail(Error::NoChild);
    }
    return wait_for(thread, which, pid, options);
}

ipc::Result<proto::WaitResult> Core::wait_process(Thread& thread, Word badge, std::uint32_t options) {
    Handle const* const handle = handle_of(badge);
    if (handle == nullptr || handle->process == nullptr) return fail(Error::BadDescriptor);
    if (!options_valid(options)) return fail(Error::Invalid);
    auto result = wait_for(thread, 3, handle->process,
                           (handle->flags & o_nonblock) != 0 ? options | wait_option::no_hang : options);
    // A descriptor that must not block says so instead of finding nothing.
    if (result && result->pid == 0 && (handle->flags & o_nonblock) != 0 && (options & wait_option::no_hang) == 0)
        return fail(Error::Again);
    return result;
}

ipc::Result<proto::WaitResult> Core::wait_for(Thread& thread, std::uint32_t which, Pid* pid, std::uint32_t options) {
    namespace o = wait_option;
    thread.wait_which = which;
    thread.wait_options = options;
    thread.wait_pid = pid;
    proto::WaitResult result{};
    bool any = false;
    if (pid != nullptr) pid->retain();
    auto finish = [&] {
        if (pid != nullptr) pid->release();
        thread.wait_pid = nullptr;
    };
    if (try_wait(thread, result, any)) {
        finish();
        return result;
    }
    if (!any) {
        finish();
        return fail(Error::NoChild);
    }
    if ((options & o::no_hang) != 0) {
        finish();
        return proto::WaitResult{};
    }
    thread.blocked = Blocked::Wait;
    return fail(Error::Deferred);
}

void Core::wake_waiters(Process& parent) {
    parent.threads.each([&](Thread& thread) {
        if (thread.blocked != Blocked::Wait) return;
        proto::WaitResult result{};
        bool any = false;
        bool const found = try_wait(thread, result, any);
        if (!found && any) return;
        PendingReply const reply = end_wait(thread);
        if (found) {
            replies.wait(reply, result);
        } else {
            replies.wait(reply, ipc::fail(Error::NoChild));
        }
        answer_after(thread, reply);
    });
}

} // namespace proc
