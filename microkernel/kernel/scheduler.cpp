#include "scheduler.hpp"
#include "syscall.hpp"

namespace kernel {

constinit Cpu boot_cpu{};

namespace {

bool enqueue_checked(Thread& thread) { return !thread.queued && &thread != cpu().current && is_runnable(thread); }

void mark(Cpu& processor, Thread& thread) {
    thread.queued = true;
    processor.ready_bits[thread.priority / 32] |= Word{1} << thread.priority % 32;
    processor.ready_summary |= Word{1} << thread.priority / 32;
    if (processor.highest_ready < thread.priority) processor.highest_ready = thread.priority;
}

void unmark_if_empty(Cpu& processor, Word priority) {
    if (!processor.ready[priority].is_empty()) return;
    processor.ready_bits[priority / 32] &= ~(Word{1} << priority % 32);
    if (processor.ready_bits[priority / 32] == 0) processor.ready_summary &= ~(Word{1} << priority / 32);
    processor.highest_ready = -1;
    if (processor.ready_summary == 0) return;
    int const group = 31 - __builtin_clz(processor.ready_summary);
    processor.highest_ready = group * 32 + 31 - __builtin_clz(processor.ready_bits[group]);
}

} // namespace

void make_ready(Thread& thread) {
    if (!enqueue_checked(thread)) return;
    Cpu& processor = cpu();
    processor.ready[thread.priority].push_back(thread);
    mark(processor, thread);
}

void make_ready_first(Thread& thread) {
    if (!enqueue_checked(thread)) return;
    Cpu& processor = cpu();
    processor.ready[thread.priority].push_front(thread);
    mark(processor, thread);
}

void make_unready(Thread& thread) {
    if (!thread.queued) return;
    Cpu& processor = cpu();
    processor.ready[thread.priority].remove(thread);
    thread.queued = false;
    unmark_if_empty(processor, thread.priority);
}

void set_priority(Thread& thread, std::uint8_t priority) {
    bool const was_queued = thread.queued;
    make_unready(thread);
    thread.priority = priority;
    if (was_queued) make_ready(thread);
}

void schedule() {
    Cpu& processor = cpu();
    int const best = highest_ready(processor);
    if (Thread* const current = processor.current; current != nullptr) {
        bool const runnable = is_runnable(*current);
        if (runnable && best <= current->priority) return;
        processor.current = nullptr;
        if (runnable) make_ready_first(*current);
    }
    if (best < 0) return;
    Thread& next = *processor.ready[best].first;
    make_unready(next);
    processor.current = &next;
}

void leave_kernel() {
    Cpu& processor = cpu();
    if (processor.has_time_work) do_time_work();
    schedule();
    while (processor.current != nullptr && processor.current->restart) {
        Thread& thread = *processor.current;
        restart_syscall(thread);
        if (processor.has_time_work) do_time_work();
        schedule();
    }
    if (processor.current != nullptr && !arch::is_loaded(processor.current->context)) load(*processor.current);
}

} // namespace kernel
