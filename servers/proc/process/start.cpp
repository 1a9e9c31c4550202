// Processes that nobody forked (a container's first ones), and the way into and out of exec.
#include "../namespaces/change.hpp"
#include <charconv>

namespace proc {

namespace slot = linux_process::slot;

ipc::Result<Process*> Core::create_process(Domain& domain, CapabilityPointer vfs_session) {
    if (domain.space->dead && domain.processes.empty()) {
        // Ended and started again: a fresh PID 1.
        domain.space->release();
        domain.space = new PidNamespace{nullptr, next_pid_inode(), *first_user_space};
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
    process->user_space = first_user_space;
    process->handlers = new SignalHandlers;
    process->start_time = clock.now();
    enter_group(*process, *domain.groups);
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
    process->namespaces = first_namespaces();
    if (auto status = machine.install(*process->cspace, slot::vfs, vfs_session); !status) return undo(Error::NoMemory);
    if (auto status = make_thread_parts(*process->leader(), {}); !status) return undo(Error::NoMemory);
    return process;
}

void Core::start_process(Process& process) {
    Thread& thread = *process.leader();
    if (process.space().init == nullptr) process.space().init = &process;
    process.state = ProcessState::Running;
    fill_area(thread);
    publish_credentials(process);
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

bool Core::execute_credentials(Credentials& credentials, UserNamespace const& space, proto::FileStatus const& file) {
    // The bits of owners that the user namespace does not know do not count.
    bool const known = space.users.maps_global(file.user) && space.groups.maps_global(file.group);
    return credentials.execute(known ? file.mode : file.mode & ~Word{06000}, file.user, file.group, space.root_user());
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
    Credentials const old = process.credentials;
    bool const secure = execute_credentials(process.credentials, *process.user_space, file);
    Credentials const& now = process.credentials;
    process.dumpable = !secure;
    // A new program is in the time namespace of its children.
    if (process.namespaces != nullptr && process.namespaces->time_children != nullptr) {
        NamespaceChange change{*this, process};
        change.enter_time();
        change.commit();
    }
    if (now.effective != old.effective || now.file_user != old.file_user || now.file_group != old.file_group)
        publish_credentials(process);
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
