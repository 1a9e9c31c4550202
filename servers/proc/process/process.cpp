#include "process.hpp"
#include <algorithm>

namespace proc {

namespace {
/// Chains of group and session members: `first` is in the Pid, the links are in the process.
void chain_add(Process*& first, Link<Process> Process::*link, Process& process) {
    process.*link = {nullptr, first, &first};
    if (first != nullptr) (first->*link).previous = &process;
    first = &process;
}
void chain_remove(Process*& first, Link<Process> Process::*link, Process& process) {
    Link<Process>& own = process.*link;
    if (own.list == nullptr) return;
    (own.previous != nullptr ? (own.previous->*link).next : first) = own.next;
    if (own.next != nullptr) (own.next->*link).previous = own.previous;
    own = {};
}

void prepare_timers(Thread& thread) {
    thread.wait_timer.owner = thread.wake_timer.owner = thread.hold_timer.owner = &thread;
    thread.wake_timer.kind = Timer::Kind::ThreadWake;
    thread.hold_timer.kind = Timer::Kind::ThreadHold;
}
} // namespace

void Process::set_name(std::string_view text) {
    std::size_t const length = std::min(text.size(), sizeof name - 1);
    std::copy_n(text.data(), length, name);
    std::fill(name + length, name + sizeof name, '\0');
}

Process* ProcessTable::create(PidNamespace& space, Domain& domain) {
    Pid* pid = Pid::create(space);
    if (pid == nullptr) return nullptr;
    auto* process = new Process;
    auto* thread = new Thread;
    process->pid = pid;
    process->domain = &domain;
    process->limits.fill({unlimited, unlimited});
    process->limits[limit::stack] = {8 << 20, unlimited};
    process->limits[limit::core] = {0, unlimited};
    process->limits[limit::files] = {1024, 1024};
    process->limits[limit::processes] = {unlimited, unlimited};
    process->real_timer.kind = Timer::Kind::IntervalReal;
    process->real_timer.owner = process;
    pid->process = process;
    pid->thread = thread;
    pid->retain();
    thread->pid = pid;
    thread->process = process;
    prepare_timers(*thread);
    thread->badge = badges.allocate(ObjectKind::Thread, thread);
    process->threads.add(*thread);
    all.add(*process);
    ++thread_count;
    return process;
}

Thread* ProcessTable::add_thread(Process& process) {
    Pid* pid = Pid::create(process.space());
    if (pid == nullptr) return nullptr;
    auto* thread = new Thread;
    thread->pid = pid;
    pid->thread = thread;
    thread->process = &process;
    prepare_timers(*thread);
    thread->badge = badges.allocate(ObjectKind::Thread, thread);
    process.threads.add(*thread);
    ++thread_count;
    return thread;
}

void ProcessTable::remove_thread(Thread& thread) {
    badges.release(thread.badge);
    thread.process->threads.remove(thread);
    if (thread.pid->thread == &thread) thread.pid->thread = nullptr;
    thread.pid->release();
    if (thread.wait_pid != nullptr) thread.wait_pid->release();
    --thread_count;
    delete &thread;
}

void ProcessTable::remove(Process& process) {
    join_group(process, nullptr);
    join_session(process, nullptr);
    if (process.parent != nullptr) process.parent->children.remove(process);
    all.remove(process);
    if (process.handlers != nullptr && --process.handlers->references == 0) delete process.handlers;
    if (process.child_space != nullptr) process.child_space->release();
    if (process.space().init == &process) process.space().init = nullptr;
    process.pid->process = nullptr;
    process.pid->release();
    delete &process;
}

void ProcessTable::join_group(Process& process, Pid* group) {
    if (group != nullptr) group->retain();
    if (process.group != nullptr) {
        chain_remove(process.group->group_first, &Process::group_link, process);
        process.group->release();
    }
    process.group = group;
    if (group != nullptr) chain_add(group->group_first, &Process::group_link, process);
}

void ProcessTable::join_session(Process& process, Pid* session) {
    if (session != nullptr) session->retain();
    if (process.session != nullptr) {
        chain_remove(process.session->session_first, &Process::session_link, process);
        process.session->release();
    }
    process.session = session;
    if (session != nullptr) chain_add(session->session_first, &Process::session_link, process);
}

Process* ProcessTable::find(PidNamespace const& viewer, std::int32_t number) const {
    Pid const* pid = viewer.find(number);
    return pid == nullptr ? nullptr : pid->process;
}

Thread* ProcessTable::find_thread(PidNamespace const& viewer, std::int32_t number) const {
    Pid const* pid = viewer.find(number);
    return pid == nullptr ? nullptr : pid->thread;
}

} // namespace proc
