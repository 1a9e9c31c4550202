// The seam between libipc and whatever is under it: sys_call enters the kernel in the guest and a loopback in host tests.
//
// Header-only without globals, heap or relocations, so that the vDSO can use it too.
#pragma once
#include "../../microkernel/abi/objects.hpp"

namespace ipc {

using abi::CapabilityPointer;
using abi::Word;

/// Registers of a system call. Words 2.. and capabilities lie in buffer().
struct SystemCall {
    abi::MessageInfo info; ///< in: with Syscall; out: with abi::Error
    Word target = 0;       ///< in: capability pointer; out (receive kinds): badge, or the word of a signal
    Word word0 = 0, word1 = 0;
    CapabilityPointer reply = 0; ///< in: Reply object, receive kinds
};

#ifdef CELLA_HOST_TEST

namespace host {
void sys_call(SystemCall& call);
abi::IpcBuffer* current_buffer();
/// Where the running call's buffers really are: 64-bit pointers do not fit the IPC buffer.
struct BulkPointers {
    void const* read = nullptr;
    void* write = nullptr;
};
BulkPointers& bulk_pointers();
/// ReplyBulkRead / ReplyBulkWrite with a host pointer as the local address.
void bulk(CapabilityPointer reply, abi::Invocation invocation, Word offset, void* local, Word count, Word& copied,
          Word& caller_fault);
} // namespace host

/// The calling thread's IPC buffer.
inline abi::IpcBuffer& buffer() { return *host::current_buffer(); }
/// Call, Send and NonBlockingSend: everything that uses no Reply object.
inline void sys_call(SystemCall& call) { host::sys_call(call); }
/// Receive, NonBlockingReceive and ReplyReceive.
inline void sys_receive(SystemCall& call) { host::sys_call(call); }

#else

/// The calling thread's IPC buffer.
inline abi::IpcBuffer& buffer() {
    abi::IpcBuffer* self;
    asm("movl %%fs:0, %0" : "=r"(self));
    return *self;
}

// The kernel returns to edx with the stack pointer in ecx. Position-independent code (the vDSO) gets its address from
// the stack, since an absolute one would need a relocation.
#ifdef __PIC__
#define CELLA_ENTER_KERNEL "call 1f\n\tjmp 2f\n1:\tpopl %%edx\n\tmovl %%esp, %%ecx\n\tsysenter\n2:\n\t"
#else
#define CELLA_ENTER_KERNEL "movl $1f, %%edx\n\tmovl %%esp, %%ecx\n\tsysenter\n1:\n\t"
#endif

#ifdef CELLA_VDSO
// The vDSO has one place where it enters the kernel (user/linux/entry.S), so that proc can tell whether a thread is about
// to wait. Same registers as sysenter; ecx and edx are lost.
#undef CELLA_ENTER_KERNEL
#define CELLA_ENTER_KERNEL "call vdso_enter_kernel\n\t"
#endif

/// Call, Send and NonBlockingSend: everything that uses no Reply object.
inline void sys_call(SystemCall& call) {
    asm volatile(CELLA_ENTER_KERNEL
                 : "+a"(call.info.raw), "+b"(call.target), "+S"(call.word0), "+D"(call.word1)
                 :
                 : "ecx", "edx", "memory", "cc");
}
/// Receive, NonBlockingReceive and ReplyReceive.
inline void sys_receive(SystemCall& call) {
    Word reply = call.reply;
    asm volatile("pushl %%ebp\n\tmovl %%ecx, %%ebp\n\t" CELLA_ENTER_KERNEL "popl %%ebp"
                 : "+a"(call.info.raw), "+b"(call.target), "+S"(call.word0), "+D"(call.word1), "+c"(reply)
                 :
                 : "edx", "memory", "cc");
}
#undef CELLA_ENTER_KERNEL

#endif

} // namespace ipc
