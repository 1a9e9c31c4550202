// What fastpath.S knows of the kernel's objects, and what it calls.
#include "../../kernel/ipc.hpp"
#include "../../kernel/trace.hpp"
#include "machine.hpp"

namespace arch {

using kernel::Capability;
using kernel::CapabilityType;
using kernel::Cpu;
using kernel::Endpoint;
using kernel::EndpointState;
using kernel::Notification;
using kernel::Reply;
using kernel::SchedContext;
using kernel::Thread;
using kernel::ThreadState;

#define SAME(type, member, number) static_assert(offsetof(type, member) == (number), "layout.h says otherwise")
SAME(Context, edi, CONTEXT_EDI);
SAME(Context, esi, CONTEXT_ESI);
SAME(Context, ebp, CONTEXT_EBP);
SAME(Context, ebx, CONTEXT_EBX);
SAME(Context, edx, CONTEXT_EDX);
SAME(Context, ecx, CONTEXT_ECX);
SAME(Context, eax, CONTEXT_EAX);
SAME(Context, error_code, CONTEXT_ERROR);
SAME(Context, eip, CONTEXT_EIP);
SAME(Context, cs, CONTEXT_CS);
SAME(Context, eflags, CONTEXT_EFLAGS);
SAME(Context, esp, CONTEXT_ESP);
SAME(Context, ss, CONTEXT_SS);
SAME(Context, fs, CONTEXT_FRAME_END);
SAME(Context, redirect, CONTEXT_REDIRECT);
SAME(Context, ipc_buffer, CONTEXT_IPC_BUFFER);
SAME(Context, gs, CONTEXT_GS);
SAME(Context, ipc_segment, CONTEXT_IPC_SEGMENT);
SAME(Context, tls, CONTEXT_TLS);
SAME(Context, hazards, CONTEXT_HAZARDS);
SAME(Context, directory, CONTEXT_DIRECTORY);
SAME(Context, ipc_address, CONTEXT_IPC_ADDRESS);
SAME(Thread, context, 0);
SAME(Thread, state, THREAD_STATE);
SAME(Thread, priority, THREAD_PRIORITY);
SAME(Thread, queue_next, THREAD_QUEUE_NEXT);
SAME(Thread, queue_previous, THREAD_QUEUE_PREVIOUS);
SAME(Thread, waiting_on, THREAD_WAITING_ON);
SAME(Thread, reply, THREAD_REPLY);
SAME(Thread, own_context, THREAD_OWN_CONTEXT);
SAME(Thread, time, THREAD_TIME);
SAME(Thread, cspace_slots, THREAD_CSPACE_SLOTS);
SAME(Thread, cspace_size, THREAD_CSPACE_SIZE);
SAME(Thread, call_rights, THREAD_CALL_RIGHTS);
SAME(Thread, called, THREAD_CALLED);
SAME(Thread, leaf_slot, THREAD_LEAF_SLOT);
SAME(Thread, leaf_size, THREAD_LEAF_SIZE);
SAME(Thread, leaf_word1, THREAD_LEAF_WORD1);
SAME(Endpoint, queue.first, ENDPOINT_FIRST);
SAME(Endpoint, queue.last, ENDPOINT_LAST);
SAME(Endpoint, state_and_badge, ENDPOINT_STATE);
SAME(Reply, caller, REPLY_CALLER);
SAME(Reply, receiver, REPLY_RECEIVER);
SAME(Notification, queue.first, NOTIFICATION_FIRST);
SAME(Notification, signals, NOTIFICATION_SIGNALS);
SAME(Notification, is_active, NOTIFICATION_ACTIVE);
SAME(Notification, bound_thread, NOTIFICATION_BOUND);
SAME(SchedContext, usable, SCHED_CONTEXT_USABLE);
SAME(Cpu, current, 0);
SAME(Cpu, highest_ready, CPU_HIGHEST_READY);
SAME(abi::IpcBuffer, message[2], IPC_BUFFER_WORD_2);
SAME(abi::IpcBuffer, redirect_ip, IPC_BUFFER_REDIRECT_IP);
SAME(abi::IpcBuffer, redirect_flags, IPC_BUFFER_REDIRECT_FLAGS);
#undef SAME
#define SAME(value, number) static_assert(static_cast<Word>(value) == (number), "layout.h says otherwise")
SAME(ThreadState::Running, STATE_RUNNING);
SAME(ThreadState::BlockedOnReceive, STATE_BLOCKED_ON_RECEIVE);
SAME(ThreadState::BlockedOnReply, STATE_BLOCKED_ON_REPLY);
SAME(CapabilityType::CNode, TYPE_CNODE);
SAME(CapabilityType::Endpoint, TYPE_ENDPOINT);
SAME(CapabilityType::Notification, TYPE_NOTIFICATION);
SAME(CapabilityType::Reply, TYPE_REPLY);
SAME(abi::right::write, RIGHT_WRITE);
SAME(abi::right::read, RIGHT_READ);
SAME(EndpointState::Sending, QUEUE_SENDING);
SAME(EndpointState::Receiving, QUEUE_RECEIVING);
SAME(kernel::TraceEvent::Refused, TRACE_REFUSED);
SAME(kernel::trace_capacity, TRACE_CAPACITY);
SAME(sizeof(abi::TraceEntry), 32);
SAME(sizeof(kernel::Slot), 16);
#undef SAME
static_assert(kernel::hazard::first_of_machine <= HAZARD_TLS);

namespace {

/// Whether only threads that have not changed DS, ES and FS pass check_segments, whatever selectors user mode can load.
consteval bool usual_segments_are_unique() {
    constexpr Word indexes[] = {0,
                                SELECTOR_TLS_FIRST,
                                SELECTOR_TLS_FIRST + 1,
                                SELECTOR_TLS_FIRST + 2,
                                SELECTOR_USER_CODE >> 3,
                                SELECTOR_USER_DATA >> 3,
                                SELECTOR_IPC_BUFFER >> 3};
    for (Word ds_index : indexes)
        for (Word es_index : indexes)
            for (Word fs_index : indexes)
                for (Word privileges = 0; privileges < 64; ++privileges) {
                    Word const ds = ds_index << 3 | (privileges & 3), es = es_index << 3 | (privileges >> 2 & 3),
                               fs = fs_index << 3 | privileges >> 4;
                    bool const usual = ds_index == SELECTOR_USER_DATA >> 3 && es_index == SELECTOR_USER_DATA >> 3 &&
                                       fs_index == SELECTOR_IPC_BUFFER >> 3;
                    if (ds + 2 * fs + 4 * es == USUAL_SEGMENTS && !usual) return false;
                }
    return true;
}
static_assert(usual_segments_are_unique());

} // namespace

extern "C" {
void arch_lend(Thread& current, Thread& receiver);
/// A passive receiver that last ran on another context.
void arch_lend(Thread& current, Thread& receiver) { kernel::lend(receiver, current.time); }
}

} // namespace arch
