// clone, fork, vfork.
#include "../namespaces/change.hpp"

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
    auto const [monotonic, boottime] = time_offsets(*thread.process);
    area.time_offset_low = static_cast<Word>(monotonic);
    area.time_offset_high = static_cast<Word>(monotonic >> 32);
    area.boot_offset_low = static_cast<Word>(boottime);
    area.boot_offset_high = static_cast<Word>(boottime >> 32);
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
    auto made = machine.create_thread(process.domain->account, cspace, process.memory->binding(thread.area),
                                      thread.badge, thread.wake_slot);
    if (!made) return fail(made.error());
    thread.kernel = *made;
    if (auto status = machine.install_process(cspace, thread.process_slot, thread.badge); !status)
        return fail(status.error());
    fill_area(thread);
    area(thread).frame = frame;
    return ipc::Unit{};
}

namespace {
namespace f = clone_flag;

/// Checks of flags alone, as clone(2) lists them.
bool clone_flags_valid(std::uint32_t flags, std::uint32_t exit_signal, std::uint32_t kinds) {
    auto both = [flags](std::uint32_t a, std::uint32_t b) { return (flags & a) != 0 && (flags & b) != 0; };
    auto without = [flags](std::uint32_t a, std::uint32_t b) { return (flags & a) != 0 && (flags & b) == 0; };
    if (without(f::sighand, f::vm) || without(f::thread, f::sighand)) return false;
    if (both(f::new_mount | f::new_user, f::fs) || both(f::new_ipc, f::sysvsem)) return false;
    if (both(f::new_pid, f::thread | f::parent) || both(f::new_user, f::thread | f::parent)) return false;
    if (both(f::pidfd, f::thread | f::detached)) return false;
    // A thread shares all there is; a clock is of a memory.
    if (both(f::thread, f::new_all & ~f::new_user)) return false;
    if (both(f::new_time, f::vm) && (flags & f::vfork) == 0) return false;
    constexpr std::uint32_t own = f::new_mount | f::new_pid | f::new_user;
    return (flags & f::new_all & ~own & ~kinds) == 0 && exit_signal <= signal_count;
}

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
    Process& parent = *parent_thread.process;
    std::uint32_t const exit_signal = arguments.exit_signal, flags = arguments.flags;
    bool const as_thread = (flags & f::thread) != 0, share_memory = (flags & f::vm) != 0;

    // Validate: nothing is changed.
    if (!clone_flags_valid(flags, exit_signal, kinds.flags())) return fail(Error::Invalid);
    if (as_thread && parent.child_space != nullptr) return fail(Error::Invalid);
    if ((flags & f::parent) != 0 && parent.space().init == &parent) return fail(Error::Invalid);
    PidNamespace* space = parent.child_space != nullptr ? parent.child_space : &parent.space();
    if (as_thread) space = &parent.space();
    if (space->dead) return fail(Error::NoMemory);
    if ((flags & f::vm) != 0 && (flags & f::vfork) == 0 && parent.namespaces->time_children != nullptr)
        return fail(Error::Invalid);
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
        bool const privileged =
            capable_here(parent, capability::sys_resource) || capable_here(parent, capability::sys_admin);
        if (same_user >= process_limit.soft && !privileged) return fail(Error::Again);
    }
    if (!reserve_task(*parent.domain, &parent)) return fail(Error::Again);

    // The child's namespaces: user first, everything else belongs to it. Whatever fails later takes them along.
    NamespaceChange change{*this, parent};
    if ((flags & f::new_user) != 0) {
        if (auto made = change.create_user(); !made) return fail(made.error());
    }
    if ((flags & f::new_all & ~f::new_user) != 0) {
        if (!change.capable(capability::sys_admin)) return fail(Error::NotPermitted);
        if ((flags & f::new_pid) != 0) {
            if (auto made = change.create_pid(); !made) return fail(made.error());
        }
        if (auto made = change.create_kinds(flags); !made) return fail(made.error());
    }

    // Reserve.
    Thread* thread = nullptr;
    Process* child = nullptr;
    PidNamespace* const made_space = change.take_pid();
    if (as_thread) {
        thread = table.add_thread(parent);
        child = &parent;
    } else {
        if (made_space != nullptr) space = made_space;
        child = table.create(*space, *parent.domain);
        thread = child == nullptr ? nullptr : child->leader();
    }
    bool const dead = space->dead;
    if (made_space != nullptr) made_space->release(); // its PID keeps it
    if (thread == nullptr) return fail(dead ? Error::NoMemory : Error::Again);
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
            if (auto status = machine.copy_descriptors(*parent.cspace, *child->cspace, count); !status)
                return undo(status.error());
            child->memory->set_files_limit(child->files, (Word{1} << child->cspace->radix) - slot::descriptor_first);
        }
        change.give_to(*child);
        auto session = owners.fork_vfs_session(
            parent.vfs_session, ((flags & f::fs) != 0 ? 1u : 0u) | ((flags & f::new_mount) != 0 ? 2u : 0u),
            *child->user_space, number_for_vfs(*child));
        if (!session) return undo(session.error());
        child->vfs_session = *session;
        if ((flags & f::new_user) != 0) tell_credentials(*child);
        if ((flags & f::fs) != 0) { // what one of them tells vfs counts for all
            parent.session_shared = child->session_shared = true;
            parent.network_told = child->network_told = true;
        }
        if ((flags & f::new_network) != 0) forget_network(*child);
        // With a shared CSpace the slot holds the parent's session already; one that differs needs a CSpace of its own.
        if (!same_files) {
            if (auto status = machine.install(*child->cspace, slot::vfs, child->vfs_session); !status)
                return undo(status.error());
        }
        child->parent = (flags & f::parent) != 0 ? parent.parent : &parent;
        child->group = nullptr;
        table.join_group(*child, parent.group);
        table.join_session(*child, parent.session);
    }
    if (auto status = make_thread_parts(*thread, frame); !status) return undo(Error::NoMemory);
    if (auto status = machine.copy_floating_point(*parent_thread.kernel, *thread->kernel); !status)
        return undo(Error::NoMemory);
    static_cast<void>(machine.copy_tls(*parent_thread.kernel, *thread->kernel));
    if ((flags & f::settls) != 0) {
        auto const entry = parent.memory->read<std::array<std::uint32_t, 4>>(arguments.tls);
        if (!entry) return undo(Error::Fault);
        if (auto status = set_tls(*thread, (*entry)[0], (*entry)[1], (*entry)[2], (*entry)[3]); !status)
            return undo(status.error());
    }

    if ((flags & f::pidfd) != 0) {
        if (auto status = give_process_handle(parent, *thread->pid, arguments.pidfd_descriptor); !status)
            return undo(status.error());
        if (!parent.memory->write(arguments.pidfd, arguments.pidfd_descriptor)) {
            machine.remove(*parent.cspace, slot::descriptor_first + arguments.pidfd_descriptor, 1);
            return undo(Error::Fault);
        }
        // The child's copy of the table was made while the number was being chosen; the descriptor is the parent's alone.
        if (!same_files) static_cast<void>(child->memory->set_descriptor(child->files, arguments.pidfd_descriptor, {}));
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
        enter_group(*child, *parent.control_group);
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
    if ((flags & f::child_settid) != 0)
        static_cast<void>(child->memory->write(arguments.child_tid, thread->pid->number()));
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

} // namespace proc
