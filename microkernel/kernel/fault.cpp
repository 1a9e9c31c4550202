// Faults of user mode become messages to the thread's fault handler.
#include "ipc.hpp"
#include "trace.hpp"

namespace kernel {

void send_fault(Thread& thread) {
    Capability const& handler = thread.fault_handler.capability;
    constexpr Word needed = abi::right::write;
    if (!handler.is(CapabilityType::Endpoint) || !handler.has(needed)) {
        trace(TraceEvent::FaultWithoutHandler, &thread, thread.fault_label, thread.fault[0], thread.fault[1],
              thread.fault[2]);
        make_unready(thread);
        end_fault(thread);
        thread.state = ThreadState::Inactive;
        thread.stopped_by_fault = true;
        return;
    }
    thread.context.hazards &= ~hazard::buffers;
    PendingMessage const message{
        .badge = handler.badge(), .is_call = true, .is_fault = true, .can_grant = false, .can_grant_reply = false};
    thread.message = message;
    thread.context.hazards |= hazard::fault;
    send(thread, handler.object<Endpoint>(), message, true);
}

void raise_fault(Thread& thread, abi::Fault kind, Word length, Word first, Word second, Word third, Word fourth,
                 Word fifth) {
    thread.fault_kind = thread.fault_label = static_cast<Word>(kind);
    thread.fault_length = length;
    thread.fault[0] = first;
    thread.fault[1] = second;
    thread.fault[2] = third;
    thread.fault[3] = fourth;
    thread.fault[4] = fifth;
    send_fault(thread);
}

void handle_exception(Thread& current, Word vector, Word code) {
    trace(TraceEvent::Exception, &current, vector, code, current.context.instruction_pointer());
    raise_fault(current, abi::Fault::Exception, 5, vector, code, current.context.instruction_pointer(),
                current.context.stack_pointer(), current.context.flags());
    leave_kernel();
}

} // namespace kernel
