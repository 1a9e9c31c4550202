// Invariants, part 1: threads and the processor's queues.
#pragma GCC optimize("Os") // not where time counts
#include "invariants.hpp"
#include "derivation.hpp"
#include "scheduler.hpp"

namespace kernel {

namespace {

bool ready_queues_hold() {
    Cpu const& processor = cpu();
    for (Word priority = 0; priority < 256; ++priority) {
        ThreadQueue const& queue = processor.ready[priority];
        bool const bit = (processor.ready_bits[priority / 32] >> priority % 32 & 1) != 0;
        if (bit == queue.is_empty()) return false;
        Thread const* previous = nullptr;
        for (Thread const* thread = queue.first; thread != nullptr; thread = thread->queue_next) {
            if (!thread->queued || thread->priority != priority || thread->queue_previous != previous) return false;
            if (!is_runnable(*thread) || thread == processor.current) return false;
            previous = thread;
        }
        if (previous != nullptr && previous != queue.last) return false;
    }
    for (Word group = 0; group < 8; ++group)
        if (((processor.ready_summary >> group & 1) != 0) != (processor.ready_bits[group] != 0)) return false;
    int highest = 255;
    while (highest >= 0 && processor.ready[highest].is_empty()) --highest;
    if (processor.highest_ready != highest) return false;
    return processor.current == nullptr ||
           (!processor.current->queued && processor.current->state == ThreadState::Running);
}

/// The thread's own fields against its state. That the queue it names holds it is found by counting; outside a wait
/// `waiting_on` and `reply` are stale.
bool thread_holds(Thread const& thread, WaitCounts& counts) {
    bool const running = thread.state == ThreadState::Running;
    if (thread.queued != (is_runnable(thread) && &thread != cpu().current) || (thread.restart && !running))
        return false;
    switch (thread.state) {
    case ThreadState::Inactive: break;
    case ThreadState::Running:
        if (thread.message.is_fault) return false;
        break;
    case ThreadState::BlockedOnSend: ++counts.sending; break;
    case ThreadState::BlockedOnReceive:
        if (((thread.context.hazards & hazard::no_reply) != 0) != (thread.reply == nullptr)) return false;
        ++counts.receiving;
        counts.receiving_with_reply += thread.reply != nullptr ? 1 : 0;
        break;
    case ThreadState::BlockedOnReply: ++counts.calling; break;
    case ThreadState::BlockedOnNotification:
        if (thread.borrowed_context != nullptr) return false;
        ++counts.on_notifications;
        break;
    default: return false;
    }
    Capability const& buffer = thread.ipc_buffer_frame.capability;
    if ((thread.ipc_buffer != nullptr) != buffer.is(CapabilityType::Frame)) return false;
    if (thread.ipc_buffer != nullptr && (!buffer.is_ipc_buffer() || buffer.ipc_buffer_thread() != &thread))
        return false;
    if (((thread.context.hazards & hazard::no_buffer) != 0) != (thread.ipc_buffer == nullptr)) return false;
    if (((thread.context.hazards & hazard::fault) != 0) != thread.message.is_fault) return false;
    bool const signalled = thread.bound_notification != nullptr && thread.bound_notification->is_active;
    if (((thread.context.hazards & hazard::signal) != 0) != signalled) return false;
    return thread.bound_notification == nullptr || thread.bound_notification->bound_thread == &thread;
}

/// What the thread repeats of its slots is what they say.
bool roots_hold(Thread const& thread) {
    Capability const& root = thread.cspace_root.capability;
    bool const simple = root.is(CapabilityType::CNode) && root.guard() == 0 && root.guard_bits() + root.radix() == 32;
    if (thread.cspace_size != (simple ? root.slot_count() : 0) || (simple && thread.cspace_slots != root.slots()))
        return false;
    if (thread.leaf_slot != nullptr && (simple || !root.is(CapabilityType::CNode) || thread.leaf_slot != root.slots()))
        return false;
    if ((thread.leaf_slot == nullptr) != (thread.leaf_size == 0)) return false;
    Capability const& space = thread.address_space.capability;
    if (space.is(CapabilityType::AddressSpace) != thread.address_space.has_flag(Slot::in_thread))
        return space.is_null();
    return arch::has_space(thread.context,
                           space.is(CapabilityType::AddressSpace) ? space.object<AddressSpace>().hardware : nullptr);
}

bool contexts_hold(Thread const& thread, WaitCounts& counts) {
    if (thread.own_context != nullptr && thread.own_context->bound_thread != &thread) return false;
    if (thread.time != (thread.borrowed_context != nullptr ? thread.borrowed_context : thread.own_context))
        return false;
    counts.bound += thread.own_context != nullptr ? 1 : 0;
    if (thread.borrowed_context == nullptr) return thread.borrow_next == nullptr && thread.borrow_previous == nullptr;
    ++counts.borrowing;
    return thread.own_context == nullptr;
}

} // namespace

Word check_invariants() {
    Broken broken = Broken::Nothing;
    WaitCounts counts;
    if (!ready_queues_hold()) broken = Broken::ReadyQueues;
    Thread const* previous = nullptr;
    for (Thread const* thread = cpu().all_threads; thread != nullptr && broken == Broken::Nothing;
         thread = thread->all_next) {
        ++counts.threads;
        if (thread->all_previous != previous || !thread_holds(*thread, counts) || !roots_hold(*thread))
            broken = Broken::ThreadStates;
        else if (!contexts_hold(*thread, counts)) broken = Broken::SchedContexts;
        previous = thread;
    }
    if (broken == Broken::Nothing && counts.threads != cpu().thread_count) broken = Broken::ThreadStates;
    if (broken == Broken::Nothing) broken = check_objects(counts);
    return static_cast<Word>(broken);
}

} // namespace kernel
