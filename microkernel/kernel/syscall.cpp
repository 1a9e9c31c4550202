// Dispatch of system calls.
#include "syscall.hpp"
#include "deletion.hpp"

namespace kernel {

namespace {

using abi::MessageInfo;
using abi::Syscall;

Error dispatch(Invocation& call) {
    switch (call.capability().type()) {
    case CapabilityType::Untyped: return invoke_untyped(call);
    case CapabilityType::CNode: return invoke_cnode(call);
    case CapabilityType::Thread: return invoke_thread(call);
    case CapabilityType::SchedContext: return invoke_sched_context(call);
    case CapabilityType::AddressSpace: return invoke_address_space(call);
    case CapabilityType::PageTable: return invoke_page_table(call);
    case CapabilityType::Frame: return invoke_frame(call);
    case CapabilityType::IrqHandler: return invoke_irq_handler(call);
    case CapabilityType::IoPorts: return invoke_io_ports(call);
    case CapabilityType::Reply: return invoke_reply(call);
    case CapabilityType::Control:
        switch (call.capability().control_kind()) {
        case ControlKind::Irq: return invoke_irq_control(call);
        case ControlKind::IoPort: return invoke_io_port_control(call);
        case ControlKind::Sched: return invoke_sched_control(call);
        case ControlKind::Debug: return invoke_debug(call);
        }
        break;
    default: break;
    }
    return call.refuse(Error::InvalidCapability, "no object to invoke");
}

void fail(Thread& thread, Error error, char const* reason) {
    Word const label = MessageInfo{thread.context.info()}.label();
    if (error != Error::WouldBlock) {
        trace(TraceEvent::Refused, &thread, label, static_cast<Word>(error), thread.context.capability());
        log_refusal(thread, label, error, reason);
    }
    thread.context.set_info(MessageInfo{}.with(error).raw);
}

/// Invokes a kernel object; false if it was preempted, and is to be started again. Results, if any, are the answer's words.
inline bool invoke(Thread& thread, Slot& slot) {
    MessageInfo const info{thread.context.info()};
    bool const has_buffer = thread.ipc_buffer != nullptr;
    Word const available = has_buffer ? abi::message_words : abi::register_words;
    Invocation call{thread, slot, static_cast<abi::Invocation>(info.label()),
                    info.length() < available ? info.length() : available, has_buffer ? info.capabilities() : 0};
    Error const error = dispatch(call);
    if (error == preempted) [[unlikely]] {
        preempt(thread);
        return false;
    }
    thread.progress[0] = thread.progress[1] = 0;
    if (error != Error::None) [[unlikely]] {
        fail(thread, error, call.reason);
        return true;
    }
    Word result_length = call.result_length;
    if (result_length > abi::register_words) [[unlikely]] {
        if (!has_buffer) result_length = abi::register_words;
        for (Word i = abi::register_words; i < result_length && !call.is_in_buffer; ++i)
            thread.ipc_buffer->message[i] = call.results[i];
    }
    // ThreadWriteRegisters of the thread itself, and the like, leave nothing to answer.
    thread.context.set_message(MessageInfo{0, result_length}.raw, 0, call.results[0], call.results[1]);
    return true;
}

void send_call(Thread& thread, Capability const& capability, MessageInfo info) {
    declare_buffers(thread, info);
    send(thread, capability.object<Endpoint>(),
         {.badge = capability.badge(),
          .is_call = true,
          .is_fault = false,
          .can_grant = capability.has(abi::right::grant),
          .can_grant_reply = capability.has(abi::right::grant_reply)},
         true);
}

void handle_call(Thread& thread, MessageInfo info) {
    Slot* const slot = lookup(thread, thread.context.capability());
    if (slot == nullptr || slot->is_empty()) return fail(thread, Error::InvalidCapability, "call on no capability");
    Capability const& capability = slot->capability;
    if (!capability.is(CapabilityType::Endpoint)) return static_cast<void>(invoke(thread, *slot));
    if (!capability.has(abi::right::write))
        return fail(thread, Error::InvalidCapability, "call without the write right");
    send_call(thread, capability, info);
}

void handle_send(Thread& thread, bool blocking) {
    Slot* const slot = lookup(thread, thread.context.capability());
    if (slot == nullptr) return fail(thread, Error::InvalidCapability, "send on no capability");
    Capability const& capability = slot->capability;
    switch (capability.type()) {
    case CapabilityType::Endpoint:
        if (!capability.has(abi::right::write)) break;
        send(thread, capability.object<Endpoint>(),
             {.badge = capability.badge(),
              .is_call = false,
              .is_fault = false,
              .can_grant = capability.has(abi::right::grant),
              .can_grant_reply = false},
             blocking);
        return;
    case CapabilityType::Notification:
        if (!capability.has(abi::right::write)) break;
        thread.context.set_info(MessageInfo{}.raw);
        signal(capability.object<Notification>(), capability.badge());
        return;
    case CapabilityType::Reply:
        if (capability.object<Reply>().caller == nullptr)
            return fail(thread, Error::IllegalOperation, "reply to nobody");
        answer(thread, capability.object<Reply>());
        thread.context.set_info(MessageInfo{}.raw);
        return;
    default: break;
    }
    fail(thread, Error::InvalidCapability, "send on what cannot be sent to");
}

/// The Reply object that a Receive names. False if it names something unusable.
bool find_reply(Thread& thread, Reply*& reply) {
    reply = nullptr;
    if (thread.context.reply() == 0) return true;
    Slot* const slot = lookup(thread, thread.context.reply());
    if (slot == nullptr || !slot->capability.is(CapabilityType::Reply)) return false;
    reply = slot->capability.object_pointer<Reply>();
    return true;
}

void handle_receive(Thread& thread, Reply* reply, bool blocking) {
    Slot* const slot = lookup(thread, thread.context.capability());
    if (slot == nullptr) return fail(thread, Error::InvalidCapability, "receive on no capability");
    Capability const& capability = slot->capability;
    if (capability.is(CapabilityType::Endpoint) && capability.has(abi::right::read)) {
        if (reply != nullptr && (reply->caller != nullptr || reply->receiver != nullptr))
            return fail(thread, Error::IllegalOperation, "receive with a Reply object in use");
        receive(thread, capability.object<Endpoint>(), reply, blocking);
    } else if (capability.is(CapabilityType::Notification) && capability.has(abi::right::read)) {
        wait(thread, capability.object<Notification>(), blocking);
    } else {
        fail(thread, Error::InvalidCapability, "receive on what cannot be received from");
    }
}

} // namespace

void preempt(Thread& thread) {
    trace(TraceEvent::Preempted, &thread, MessageInfo{thread.context.info()}.label());
    thread.restart = true;
    cpu().in_preemption = true;
    arch::serve_interrupts();
    cpu().in_preemption = false;
}

void perform_syscall(Thread& thread) {
    MessageInfo const info{thread.context.info()};
    if (thread.progress[1] == own_cspace_replaced) {
        if (delete_capability(thread.replaced) == preempted) return preempt(thread);
        thread.progress[0] = thread.progress[1] = 0;
        thread.context.set_message(MessageInfo{}.raw, 0, 0, 0);
        return;
    }
    if (!thread.cspace_root.capability.is(CapabilityType::CNode)) {
        raise_fault(thread, abi::Fault::Capability, 2, thread.context.capability(),
                    thread.context.instruction_pointer(), 0);
        return;
    }
    Reply* reply;
    switch (info.operation()) {
    case Syscall::Call: return handle_call(thread, info);
    case Syscall::Send: return handle_send(thread, true);
    case Syscall::NonBlockingSend: return handle_send(thread, false);
    case Syscall::ReplyReceive:
        if (!find_reply(thread, reply) || reply == nullptr)
            return fail(thread, Error::InvalidCapability, "reply through no Reply object");
        if (reply->caller != nullptr) answer(thread, *reply);
        return handle_receive(thread, reply, true);
    case Syscall::Receive:
    case Syscall::NonBlockingReceive:
        if (!find_reply(thread, reply)) return fail(thread, Error::InvalidCapability, "receive with no Reply object");
        return handle_receive(thread, reply, info.operation() == Syscall::Receive);
    case Syscall::Yield:
        thread.context.set_info(MessageInfo{}.raw);
        cpu().current = nullptr;
        make_ready(thread);
        return;
    }
    fail(thread, Error::InvalidArgument, "no such system call");
}

void restart_syscall(Thread& thread) {
    thread.restart = false;
    perform_syscall(thread);
    // However it ended (its own capability may be among what it deleted), the next call begins at the beginning.
    if (!thread.restart) thread.progress[0] = thread.progress[1] = 0;
}

void handle_slowly(Thread& thread) {
    perform_syscall(thread);
    leave_kernel();
}

namespace {

/// leave_kernel() for the usual end of an invocation: the caller goes on, and nobody else is to run.
inline void leave_after(Thread& thread) {
    Cpu const& processor = cpu();
    if (processor.current == &thread && is_runnable(thread) && processor.highest_ready <= thread.priority &&
        !processor.has_time_work) [[likely]]
        return;
    leave_kernel();
}

} // namespace

void handle_syscall(Thread& current) {
    cpu().current = &current;
    Syscall const operation = MessageInfo{current.context.info()}.operation();
    if (operation == Syscall::Call) [[likely]] {
        if (Slot* const slot = lookup(current, current.context.capability()); slot != nullptr) [[likely]] {
            if (slot->capability.type() != CapabilityType::Endpoint && !slot->is_empty()) [[likely]] {
                if (invoke(current, *slot)) [[likely]]
                    return leave_after(current);
                return leave_kernel();
            }
        }
        return fastpath_call(current);
    }
    if (operation == Syscall::ReplyReceive) return fastpath_reply_receive(current);
    if (operation == Syscall::Send) return fastpath_signal(current);
    handle_slowly(current);
}

} // namespace kernel
