// clone, fork, vfork, unshare; the parts of a new process and the way into and out of exec.
#include "core.hpp"
#include <charconv>

namespace proc {

namespace slot = linux_process::slot;

void Core::release(SharedCapability*& shared) {
    if (shared != nullptr && --shared->references == 0) {
        machine.drop(shared->slot);
        delete shared;
    }
    shared = nullptr;
}

void Core::fill_time(Thread& thread) {
    auto& area = this->area(thread);
    std::uint64_t const boot = clock.boot_time_stamp(), wall = clock.wall_offset();
    area.tsc_per_millisecond = clock.ticks_per_millisecond();
    area.time_low = static_cast<Word>(boot);
    area.time_high = static_cast<Word>(boot >> 32);
    area.wall_low = static_cast<Word>(wall);
    area.wall_high = static_cast<Word>(wall >> 32);
}

void Core::fill_area(Thread& thread) {
    Process& process = *thread.process;
    auto& area = this->area(thread);
    PidNamespace const& space = process.space();
    area.stack_top = MemorySpace::area_address(thread.area) + (1 + linux_process::area_stack_pages) * abi::page_size;
    area.files = MemorySpace::files_address(process.files);
    area.signal_pending = 0;
    area.in_call = 0;
    area.process_id = static_cast<Word>(process.pid->number());
    area.thread_id = static_cast<Word>(thread.pid->number());
    area.parent_id = process.parent == nullptr ? 0 : static_cast<Word>(process.parent->pid->number_in(space));
    area.process_slot = thread.process_slot;
    area.wake_slot = thread.wake_slot;
    fill_time(thread);
    area.signal_mask_low = static_cast<Word>(thread.mask);
    area.signal_mask_high = static_cast<Word>(thread.mask >> 32);
    area.process_group = process.group == nullptr ? 0 : process.group->global;
}

/// The kernel thread for a Thread whose process has its memory (with thread.area) and CSpace, standing.
ipc::Result<ipc::Unit> Core::make_thread_parts(Thread& thread, linux_process::UserFrame const& frame) {
    Process& process = *thread.process;
    KernelCSpace& cspace = *process.cspace;
    auto made = machine.create_thread(process.domain->account, cspace, process.memory->binding(thread.area), thread.badge, thread.wake_slot);
    if (!made) return fail(made.error());
    thread.kernel = *made;
    if (auto status = machine.install_process(cspace, thread.process_slot, thread.badge); !status) return fail(status.error());
    fill_area(thread);
    area(thread).frame = frame;
    return ipc::Unit{};
}

ipc::Result<ipc::Unit> Core::install_sessions(Process& process) {
    if (process.vfs_session != 0) {
        if (auto status = machine.install(*process.cspace, slot::vfs, process.vfs_session); !status) return fail(status.error());
    }
    if (process.uts_session != nullptr) {
        if (auto status = machine.install(*process.cspace, slot::uts, process.uts_session->slot); !status) return fail(status.error());
    }
    if (process.network_session != nullptr) {
        if (auto status = machine.install(*process.cspace, slot::network, process.network_session->slot); !status) return fail(status.error());
    }
    return ipc::Unit{};
}

namespace {
/// Checks of flags alone, as clone(2) lists them.
bool clone_flags_valid(std::uint32_t flags, std::uint32_t exit_signal) {
    namespace f = clone_flag;
    if ((flags & f::sighand) != 0 && (flags & f::vm) == 0) return false;
    if ((flags & f::thread) != 0 && (flags & f::sighand) == 0) return false;
    if ((flags & f::new_mount) != 0 && (flags & f::fs) != 0) return false;
    if ((flags & f::new_pid) != 0 && (flags & (f::thread | f::parent)) != 0) return false;
    if ((flags & (f::new_user | f::new_ipc | f::new_cgroup | f::pidfd)) != 0) return false;
    return exit_signal <= signal_count;
}
constexpr std::uint32_t new_flags = clone_flag::new_mount | clone_flag::new_uts | clone_flag::new_pid | clone_flag::new_network;

/// A further thread's pair of slots in its CSpace, as an index; -1: none left.
int take_thread_slots(KernelCSpace& cspace) {
    constexpr int pairs = (static_cast<int>(slot::descriptor_first) - static_cast<int>(slot::thread_first)) / 2;
    for (int index = 0; index < pairs; ++index) {
        if ((cspace.thread_slots >> index & 1) == 0) {
            cspace.thread_slots |= Word{1} << index;
            return index;
        }
    }
    return -1;
}
} // namespace

ipc::Result<std::int32_t> Core::clone(Thread& parent_thread, proto::CloneArguments const& arguments) {
    namespace f = clone_flag;
    Process& parent = *parent_thread.process;
    std::uint32_t const exit_signal = arguments.exit_signal != 0 ? arguments.exit_signal : arguments.flags & 0xff;
    std::uint32_t const flags = arguments.flags & ~std::uint32_t{0xff};
    bool const as_thread = (flags & f::thread) != 0, share_memory = (flags & f::vm) != 0;

    // Validate: nothing is changed.
    if (!clone_flags_valid(flags, exit_signal)) return fail(Error::Invalid);
    if ((flags & new_flags) != 0 && !parent.credentials.capable(capability::sys_admin)) return fail(Error::NotPermitted);
    if (as_thread && parent.child_space != nullptr) return fail(Error::Invalid);
    if ((flags & f::parent) != 0 && parent.space().init == &parent) return fail(Error::Invalid);
    PidNamespace* space = parent.child_space != nullptr ? parent.child_space : &parent.space();
    if (as_thread) space = &parent.space();
    if (space->dead) return fail(Error::NoMemory);
    if ((flags & f::new_pid) != 0 && space->level() + 1 >= PidNamespace::maximum_depth) return fail(Error::NoSpace);
    if ((flags & f::settls) != 0) {
        auto const probe = parent.memory->read<std::array<std::uint32_t, 4>>(arguments.tls);
        if (!probe) return fail(Error::Fault);
        if ((*probe)[0] < 6 || (*probe)[0] > 8) return fail(Error::Invalid);
    }
    ResourceLimit const& process_limit = parent.limits[limit::processes];
    if (process_limit.soft != unlimited && parent.credentials.user != 0) {
        std::uint64_t same_user = 0;
        parent.domain->processes.each([&](Process& each) {
            if (each.credentials.user == parent.credentials.user) same_user += each.threads.size();
        });
        if (same_user >= process_limit.soft) return fail(Error::Again);
    }
    if (!reserve_task(*parent.domain, &parent)) return fail(Error::Again);

    // Reserve.
    Thread* thread = nullptr;
    Process* child = nullptr;
    PidNamespace* made_space = nullptr;
    if (as_thread) {
        thread = table.add_thread(parent);
        child = &parent;
    } else {
        if ((flags & f::new_pid) != 0) {
            made_space = new PidNamespace{space, next_inode()};
            space = made_space;
        }
        child = table.create(*space, *parent.domain);
        thread = child == nullptr ? nullptr : child->leader();
    }
    if (made_space != nullptr) made_space->release(); // its PID keeps it
    if (thread == nullptr) return fail(space->dead ? Error::NoMemory : Error::Again);
    ++parent.domain->tasks;
    auto undo = [&](Error error) -> ipc::Result<std::int32_t> {
        if (as_thread) {
            drop_thread(*thread);
        } else {
            abandon(*child);
        }
        return fail(error);
    };

    thread->mask = parent_thread.mask;
    auto frame = area(parent_thread).frame;
    Address const stack_in_use = frame.esp;
    frame.eax = 0;
    if (arguments.stack != 0) frame.esp = arguments.stack;
    bool const same_files = (flags & f::files) != 0 && share_memory;
    if (!as_thread) {
        parent.domain->processes.add(*child);
        if (!same_files) {
            auto cspace = machine.create_cspace(parent.domain->account);
            if (!cspace) return undo(Error::NoMemory);
            child->cspace = *cspace;
        }
    }
    if (same_files && !as_thread) {
        child->cspace = parent.cspace;
        ++child->cspace->references;
    }
    if (same_files || as_thread) {
        int const pair = take_thread_slots(*child->cspace);
        if (pair < 0) return undo(Error::Again);
        thread->process_slot = slot::thread_first + static_cast<Word>(2 * pair);
        thread->wake_slot = thread->process_slot + 1;
    }
    if (share_memory) {
        if (!as_thread) {
            parent.memory->share();
            child->memory = parent.memory;
        }
        auto area_number = parent.memory->add_area();
        if (!area_number) return undo(area_number.error());
        thread->area = *area_number;
        thread->has_area = true;
        child->files = parent.files;
        if (!same_files && !as_thread) {
            auto files = parent.memory->add_files(parent.files);
            if (!files) return undo(files.error());
            child->files = *files;
            child->own_files = true;
        }
    } else {
        auto memory = parent.memory->fork(parent_thread.area, parent.files, stack_in_use);
        if (!memory) return undo(Error::NoMemory);
        child->memory = *memory;
    }

    // Derive.
    if (!as_thread) {
        if (!same_files) {
            Word const count = parent.memory->files_highest(parent.files);
            if (auto status = machine.copy_descriptors(*parent.cspace, *child->cspace, count); !status) return undo(status.error());
            child->memory->set_files_limit(child->files, (Word{1} << child->cspace->radix) - slot::descriptor_first);
        }
        child->credentials = parent.credentials;
        auto session = owners.fork_vfs_session(parent.vfs_session, ((flags & f::fs) != 0 ? 1u : 0u) | ((flags & f::new_mount) != 0 ? 2u : 0u), 0, number_for_vfs(*child));
        if (!session) return undo(session.error());
        child->vfs_session = *session;
        for (auto [flag, member] : {std::pair{f::new_uts, &Process::uts_session}, std::pair{f::new_network, &Process::network_session}}) {
            SharedCapability* const old = parent.*member;
            if ((flags & flag) == 0 || old == nullptr) {
                child->*member = share(old);
                continue;
            }
            auto made = owners.new_namespace_session(old->slot);
            if (!made) return undo(made.error());
            child->*member = new SharedCapability{*made};
        }
        // With a shared CSpace the slots hold the parent's sessions already; one that differs needs a CSpace of its own.
        if (!same_files) {
            if (auto status = install_sessions(*child); !status) return undo(status.error());
        }
        child->parent = (flags & f::parent) != 0 ? parent.parent : &parent;
        child->group = nullptr;
        table.join_group(*child, parent.group);
        table.join_session(*child, parent.session);
    }
    if (auto status = make_thread_parts(*thread, frame); !status) return undo(Error::NoMemory);
    static_cast<void>(machine.copy_tls(*parent_thread.kernel, *thread->kernel));
    if ((flags & f::settls) != 0) {
        auto const entry = parent.memory->read<std::array<std::uint32_t, 4>>(arguments.tls);
        if (!entry) return undo(Error::Fault);
        if (auto status = set_tls(*thread, (*entry)[0], (*entry)[1], (*entry)[2], (*entry)[3]); !status) return undo(status.error());
    }

    // Commit: nothing fails from here on.
    if (!as_thread) {
        std::copy_n(parent.name, sizeof child->name, child->name);
        child->executable = share(parent.executable);
        child->limits = parent.limits;
        child->nice = parent.nice;
        child->dumpable = parent.dumpable;
        child->exit_signal = (flags & f::parent) != 0 ? parent.exit_signal : exit_signal;
        child->start_time = clock.now();
        if ((flags & f::sighand) != 0) {
            child->handlers = parent.handlers;
            ++child->handlers->references;
        } else {
            child->handlers = new SignalHandlers{*parent.handlers};
            child->handlers->references = 1;
        }
        if (child->parent != nullptr) child->parent->children.add(*child);
        if (space->init == nullptr) space->init = child;
        child->state = ProcessState::Running;
    }
    if (!share_memory || (flags & f::vfork) != 0) {
        thread->stack_address = parent_thread.stack_address;
        thread->stack_size = parent_thread.stack_size;
        thread->stack_flags = parent_thread.stack_flags;
    }
    std::int32_t const number = thread->pid->number_in(parent.space());
    if ((flags & f::parent_settid) != 0) static_cast<void>(parent.memory->write(arguments.parent_tid, number));
    if ((flags & f::child_settid) != 0) static_cast<void>(child->memory->write(arguments.child_tid, thread->pid->number()));
    if ((flags & f::child_cleartid) != 0) thread->clear_child_tid = arguments.child_tid;
    show_name(*thread);
    thread->suspended = must_stand(*child);
    static_cast<void>(machine.start(*thread->kernel, vdso_header().child_entry, !thread->suspended));
    if ((flags & f::vfork) != 0) {
        child->vfork_waiter = &parent_thread;
        parent_thread.blocked = Blocked::ChildExec;
        parent_thread.child_number = number;
        parent_thread.exec_child = child;
        return fail(Error::Deferred);
    }
    return number;
}

ipc::Result<ipc::Unit> Core::unshare(Thread& thread, std::uint32_t flags) {
    namespace f = clone_flag;
    Process& process = *thread.process;
    constexpr std::uint32_t known = new_flags | f::fs | f::files | f::thread | f::sighand | f::vm | f::sysvsem;
    if ((flags & ~known) != 0) return fail(Error::Invalid);
    if ((flags & (f::thread | f::sighand | f::vm)) != 0 && (process.threads.size() > 1 || process.memory->references() > 1)) return fail(Error::Invalid);
    if ((flags & new_flags) != 0 && !process.credentials.capable(capability::sys_admin)) return fail(Error::NotPermitted);
    if ((flags & f::new_pid) != 0) {
        if (process.child_space != nullptr) return fail(Error::Invalid);
        if (process.space().level() + 1 >= PidNamespace::maximum_depth) return fail(Error::NoSpace);
    }

    CapabilityPointer vfs = 0;
    SharedCapability *uts = nullptr, *network = nullptr;
    auto undo = [&](Error error) -> ipc::Result<ipc::Unit> {
        if (vfs != 0) machine.drop(vfs);
        release(uts);
        release(network);
        return fail(error);
    };
    if ((flags & (f::new_mount | f::fs)) != 0) {
        auto made = owners.fork_vfs_session(process.vfs_session, (flags & f::new_mount) != 0 ? 2 : 0, 0, number_for_vfs(process));
        if (!made) return undo(made.error());
        vfs = *made;
    }
    if ((flags & f::new_uts) != 0 && process.uts_session != nullptr) {
        auto made = owners.new_namespace_session(process.uts_session->slot);
        if (!made) return undo(made.error());
        uts = new SharedCapability{*made};
    }
    if ((flags & f::new_network) != 0 && process.network_session != nullptr) {
        auto made = owners.new_namespace_session(process.network_session->slot);
        if (!made) return undo(made.error());
        network = new SharedCapability{*made};
    }
    if (vfs != 0) std::swap(process.vfs_session, vfs);
    if (uts != nullptr) std::swap(process.uts_session, uts);
    if (network != nullptr) std::swap(process.network_session, network);
    static_cast<void>(install_sessions(process)); // the slots are there: it cannot fail
    if (vfs != 0) machine.drop(vfs);
    release(uts);
    release(network);
    if ((flags & f::new_pid) != 0) process.child_space = new PidNamespace{&process.space(), next_inode()};
    return ipc::Unit{};
}

ipc::Result<Process*> Core::create_process(Domain& domain, CapabilityPointer vfs_session) {
    if (domain.space->dead && domain.processes.empty()) {
        // Ended and started again: a fresh PID 1.
        domain.space->release();
        domain.space = new PidNamespace{nullptr, next_inode()};
        domain.end = proto::DomainEnd::Running;
        domain.exit_status = 0;
        domain.culprit = 0;
        domain.culprit_wanted = 0;
        domain.ending = false;
        ++domain.generation;
    }
    if (domain.space->dead || !reserve_task(domain, nullptr)) {
        machine.drop(vfs_session);
        return fail(domain.space->dead ? Error::NoMemory : Error::Again);
    }
    Process* process = table.create(*domain.space, domain);
    if (process == nullptr) {
        machine.drop(vfs_session);
        return fail(Error::Again);
    }
    ++domain.tasks;
    domain.processes.add(*process);
    process->vfs_session = vfs_session;
    process->handlers = new SignalHandlers;
    process->start_time = clock.now();
    process->exit_signal = 0;
    table.join_group(*process, process->pid);
    table.join_session(*process, process->pid);
    auto undo = [&](Error error) -> ipc::Result<Process*> {
        abandon(*process);
        return fail(error);
    };
    auto memory = MemorySpace::create(domain.account);
    if (!memory) return undo(Error::NoMemory);
    process->memory = *memory;
    auto cspace = machine.create_cspace(domain.account);
    if (!cspace) return undo(Error::NoMemory);
    process->cspace = *cspace;
    process->memory->clear_files(0, (Word{1} << process->cspace->radix) - slot::descriptor_first);
    if (auto status = install_sessions(*process); !status) return undo(Error::NoMemory);
    if (auto status = make_thread_parts(*process->leader(), {}); !status) return undo(Error::NoMemory);
    return process;
}

void Core::start_process(Process& process) {
    Thread& thread = *process.leader();
    if (process.space().init == nullptr) process.space().init = &process;
    process.state = ProcessState::Running;
    fill_area(thread);
    tell_credentials(process);
    thread.suspended = must_stand(process);
    static_cast<void>(machine.start(*thread.kernel, vdso_header().program_entry, !thread.suspended));
}

void Core::show_name(Thread const& thread) {
    char text[sizeof thread.process->name + 16];
    std::size_t length = thread.process->comm().copy(text, 9); // of 16 bytes, six are for the number
    text[length++] = ' ';
    auto const end = std::to_chars(text + length, text + sizeof text, thread.pid->numbers[0].number);
    machine.set_name(*thread.kernel, {text, static_cast<std::size_t>(end.ptr - text)});
}

void Core::begin_execute(Thread& thread) {
    Process& process = *thread.process;
    process.threads.each([&](Thread& other) {
        if (&other != &thread) {
            thread_epilogue(other);
            drop_thread(other);
        }
    });
    if (thread.pid != process.pid) {
        // The leader has ended or just did: the caller takes its number.
        thread.pid->thread = nullptr;
        thread.pid->release();
        thread.pid = process.pid;
        process.pid->retain();
        process.pid->thread = &thread;
    }
}

void Core::finish_execute(Process& process, std::string_view name, proto::FileStatus const& file) {
    Thread& thread = *process.leader();
    if (process.handlers->references > 1) {
        --process.handlers->references;
        process.handlers = new SignalHandlers{*process.handlers};
        process.handlers->references = 1;
    }
    for (proto::SignalAction& action : process.handlers->actions) action = {action.handler == 1 ? 1u : 0u, 0, 0, 0};
    thread.stack_address = thread.stack_size = 0;
    thread.stack_flags = 2;
    thread.clear_child_tid = thread.robust_list = 0;
    process.executed = true;
    process.set_name(name);
    show_name(thread);
    auto const old = process.credentials.effective;
    auto const old_user = process.credentials.file_user, old_group = process.credentials.file_group;
    process.dumpable = !process.credentials.execute(file.mode, file.user, file.group);
    if (process.credentials.effective != old || process.credentials.file_user != old_user || process.credentials.file_group != old_group) {
        tell_credentials(process);
    }
    if (Thread* waiter = process.vfork_waiter; waiter != nullptr) {
        process.vfork_waiter = nullptr;
        std::int32_t const number = waiter->child_number;
        PendingReply const reply = end_wait(*waiter);
        replies.clone(reply, number);
        answer_after(*waiter, reply);
    }
}

void Core::set_executable(Process& process, CapabilityPointer file) {
    release(process.executable);
    process.executable = new SharedCapability{file};
}

} // namespace proc
