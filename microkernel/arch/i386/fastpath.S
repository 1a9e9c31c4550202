/* The fast paths of sysenter: Call to a waiting server, ReplyReceive to its caller, Signal that nobody waits for, and the
 * refusal of a null capability. They do what kernel/fastpath.cpp and kernel/syscall.cpp do, without going through memory.
 * A path checks everything first; where something is unusual, it leaves the system call to those with every register as
 * it came. Words 0 and 1 of a message stay in esi and edi, its MessageInfo in eax.
 *
 * The stack pointer is the end of the frame in the current thread's Context, so at() and thread() are its fields. Until
 * USUAL_SEGMENTS is checked, DS and ES are the user's: memory is reached through SS (esp, ebp, or a prefix). */
#include "fastpath_macros.h"

/* Of MessageInfo + 1: operation, buffers, capabilities, and the bits of a length beyond 2 (4: beyond 3 to 6). */
#define INFO_SIMPLE 0x3c7fc /* length 127 carries into the capabilities: not simple either */
#define SIMPLE(operation) ((operation) << 14)
#define FEW_WORDS 4
#define CALL 1
#define REPLY_RECEIVE 2
#define SEND 3
#define INVALID_CAPABILITY 2

    .text

/* Call. edx: endpoint, ebp: receiver, ebx: slot of the capability. */
    .macro call_path words
    movl %ebp, at(EBP)
    movl $0, at(CS)
    find_slot ebx
    movl %ss:(%ebx), %edx
    xorl $TYPE_ENDPOINT, %edx
    testb $15, %dl
    jnz .Lcall_no_endpoint
    testb $RIGHT_WRITE, %ss:4(%ebx)
    jz .Lslow_slot
    check_segments %ebp, .Lslow_slot
    testb $QUEUE_RECEIVING, ENDPOINT_STATE(%edx)
    jz .Lslow_slot
    movl ENDPOINT_FIRST(%edx), %ebp
    movzbl THREAD_PRIORITY(%ebp), %ecx
    cmpl CPU + CPU_HIGHEST_READY, %ecx
    jl .Lslow_slot
    movl thread(TIME), %ecx
    cmpl THREAD_TIME(%ebp), %ecx
    jne .Lother_time\@
.Lchecked\@:
    movl at(IPC_ADDRESS), %ecx
    xorl CONTEXT_IPC_ADDRESS(%ebp), %ecx
    orl at(HAZARDS), %ecx
    orl CONTEXT_HAZARDS(%ebp), %ecx
    orl CONTEXT_CS(%ebp), %ecx
    jnz .Lhazards\@
    /* From here on nothing can fail. */
.Lcommit\@:
    movl THREAD_QUEUE_NEXT(%ebp), %ecx
    movl %ecx, ENDPOINT_FIRST(%edx)
    testl %ecx, %ecx
    jnz .Lmore_wait\@
    andl $~3, ENDPOINT_STATE(%edx)
.Lunlinked\@:
    movl $STATE_RUNNING, THREAD_STATE(%ebp)
    movl $STATE_BLOCKED_ON_REPLY, thread(STATE)
    movl %edx, thread(CALLED)
    movl 4(%ebx), %ebx
    movl %ebx, thread(CALL_RIGHTS)
    movl THREAD_REPLY(%ebp), %ecx
    movl %ecx, thread(REPLY)
    leal -CONTEXT_FRAME_END(%esp), %edx
    movl %edx, REPLY_CALLER(%ecx)
    movl $0, REPLY_RECEIVER(%ecx)
    copy_words \words, %ebp, %edx, %ebx
    .if \words == 6
    movl thread(CALL_RIGHTS), %ebx
    .endif
    shrl $4, %ebx
    switch_and_leave %ebp, %ecx

.Lmore_wait\@:
    movl $0, THREAD_QUEUE_PREVIOUS(%ecx)
    movl $0, THREAD_QUEUE_NEXT(%ebp)
    jmp .Lunlinked\@
.Lother_time\@:
    movl THREAD_OWN_CONTEXT(%ebp), %ecx
    jecxz .Lother_context\@
    cmpl $0, SCHED_CONTEXT_USABLE(%ecx)
    jne .Lchecked\@
    jmp .Lslow_slot
.Lother_context\@: /* a passive server that another context's caller called last: lends it ours */
    call_keeping_registers arch_lend
    jmp .Lchecked\@
.Lhazards\@:
    movl $.Lcommit\@, at(ECX)
    jmp .Lexchange
    .endm

/* ReplyReceive. ebp: slot of the Reply, then caller; edx: endpoint; ebx: slot of the endpoint's capability. */
    .macro reply_receive_path words
    movl %ebp, at(EBP)
    movl $0, at(CS)
    find_slot ebp
    movl (%ebp), %ecx
    xorl $TYPE_REPLY, %ecx
    testb $15, %cl
    jnz .Lslow
    movl %ss:REPLY_CALLER(%ecx), %ebp
    testl %ebp, %ebp
    jz .Lslow
    find_slot ebx
    testb $RIGHT_READ, %ss:4(%ebx)
    jz .Lslow_slot
    movl %ss:(%ebx), %edx
    xorl $TYPE_ENDPOINT, %edx
    testb $15, %dl
    jnz .Lslow_slot
    testb $QUEUE_SENDING, %ss:ENDPOINT_STATE(%edx)
    jnz .Lslow_slot
    movl %edx, at(EDX)
    check_segments %edx, .Lslow_slot
    movl at(EDX), %edx
    movzbl THREAD_PRIORITY(%ebp), %ecx
    cmpl CPU + CPU_HIGHEST_READY, %ecx
    jl .Lslow_slot
    movl THREAD_TIME(%ebp), %ecx
    cmpl thread(TIME), %ecx
    jne .Lother_time\@
.Lchecked\@:
    movl at(IPC_ADDRESS), %ecx
    xorl CONTEXT_IPC_ADDRESS(%ebp), %ecx
    orl at(HAZARDS), %ecx
    orl CONTEXT_HAZARDS(%ebp), %ecx
    orl CONTEXT_CS(%ebp), %ecx
    jnz .Lhazards\@
.Lcommit\@:
    leal -CONTEXT_FRAME_END(%esp), %ebx
    cmpl $0, ENDPOINT_FIRST(%edx)
    jne .Lothers_wait\@
    movl %ebx, ENDPOINT_FIRST(%edx)
.Llinked\@:
    movl %ebx, ENDPOINT_LAST(%edx)
    orl $QUEUE_RECEIVING, ENDPOINT_STATE(%edx)
    movl %edx, thread(WAITING_ON)
    movl THREAD_REPLY(%ebp), %ecx
    movl %ecx, thread(REPLY)
    movl %ebx, REPLY_RECEIVER(%ecx)
    movl $0, REPLY_CALLER(%ecx)
    movl $STATE_BLOCKED_ON_RECEIVE, thread(STATE)
    movl $STATE_RUNNING, THREAD_STATE(%ebp)
    copy_words \words, %ebp, %edx, %ebx
    xorl %ebx, %ebx
    switch_and_leave %ebp, %ecx

.Lothers_wait\@:
    movl ENDPOINT_LAST(%edx), %ecx
    movl %ecx, thread(QUEUE_PREVIOUS)
    movl %ebx, THREAD_QUEUE_NEXT(%ecx)
    jmp .Llinked\@
.Lother_time\@:
    jecxz 2f
    cmpl $0, SCHED_CONTEXT_USABLE(%ecx)
    jne .Lchecked\@
2:  jmp .Lslow_slot
.Lhazards\@:
    movl $.Lcommit\@, at(ECX)
    jmp .Lexchange
    .endm

    .globl arch_sysenter
    .balign 16
arch_sysenter:
    movl (%esp), %esp
    movl %ecx, at(ESP)
    movl %edx, at(EIP)
    leal 1(%eax), %ecx
    andl $INFO_SIMPLE, %ecx
    cmpl $SIMPLE(REPLY_RECEIVE), %ecx
    je .Lreply_receive
    cmpl $SIMPLE(CALL), %ecx
    jne .Lother
    call_path 0
.Lreply_receive:
    reply_receive_path 0

.Lother:
    cmpl $(SIMPLE(CALL) | FEW_WORDS), %ecx
    je .Lcall_few
    cmpl $(SIMPLE(REPLY_RECEIVE) | FEW_WORDS), %ecx
    je .Lreply_receive_few
    movl %ebp, at(EBP)
    testl $0x780, %ecx /* capabilities or buffers */
    jnz .Lslow
    cmpl $SIMPLE(SEND), %ecx
    je .Lsend
    /* More words? */
    movl %eax, %edx
    andl $0x7f, %edx
    cmpl $64, %edx
    ja .Lslow
    andl $0x3c000, %ecx
    cmpl $SIMPLE(CALL), %ecx
    je .Lcall_many
    cmpl $SIMPLE(REPLY_RECEIVE), %ecx
    jne .Lslow
    reply_receive_path 64
.Lcall_many:
    call_path 64
.Lcall_few:
    call_path 6
.Lreply_receive_few:
    reply_receive_path 6

/* Signal without anybody to hear it. */
.Lsend:
    find_slot ebx
    movl %ss:(%ebx), %ecx
    xorl $TYPE_NOTIFICATION, %ecx
    testb $15, %cl
    jnz .Lslow_slot
    movl %ss:4(%ebx), %edx
    testb $RIGHT_WRITE, %dl
    jz .Lslow_slot
    movl %ss:NOTIFICATION_FIRST(%ecx), %ebp
    orl %ss:NOTIFICATION_BOUND(%ecx), %ebp
    jnz .Lslow_slot
    shrl $4, %edx
    orl %edx, %ss:NOTIFICATION_SIGNALS(%ecx)
    movl $1, %ss:NOTIFICATION_ACTIVE(%ecx)
    xorl %eax, %eax
.Lback: /* to the caller; ebx: slot, ebp in the frame */
    subl thread(CSPACE_SLOTS), %ebx
    shrl $4, %ebx
    movl at(EIP), %edx
    movl at(ESP), %ecx
    movl at(EBP), %ebp
    sti
    sysexit

.Lleaf_ebx:
    find_in_leaf ebx
.Lleaf_ebp:
    find_in_leaf ebp

/* edx: the capability's first word with the type changed. */
.Lcall_no_endpoint:
#ifndef CELLA_KERNEL_DEBUG /* which logs every refusal */
    cmpl $TYPE_ENDPOINT, %edx
    jne .Lslow_slot
    /* No capability at all: an entry in the trace ring (kernel::trace, Refused) and the error. */
    shrl $18, %eax
    movl %ss:arch_trace_next, %ecx
    incl %ss:arch_trace_next
    andl $(TRACE_CAPACITY - 1), %ecx
    shll $5, %ecx
    movl %eax, %ss:arch_trace_ring + 12(%ecx)
    rdtsc
    movl %eax, %ss:arch_trace_ring(%ecx)
    leal -CONTEXT_FRAME_END(%esp), %eax
    movl %eax, %ss:arch_trace_ring + 4(%ecx)
    movl $TRACE_REFUSED, %ss:arch_trace_ring + 8(%ecx)
    movl $INVALID_CAPABILITY, %ss:arch_trace_ring + 16(%ecx)
    subl thread(CSPACE_SLOTS), %ebx
    shrl $4, %ebx
    movl %ebx, %ss:arch_trace_ring + 20(%ecx)
    movl $0, %ss:arch_trace_ring + 24(%ecx)
    movl $0, %ss:arch_trace_ring + 28(%ecx)
    movl $(INVALID_CAPABILITY << 14), %eax
    movl at(EIP), %edx
    movl at(ESP), %ecx
    sti
    sysexit
#endif

/* What is the processor's from the current thread to the one in ebp: FS with the IPC buffer's descriptor, TLS descriptors
 * and GS, the FPU. Uses ecx only. GS is null while a thread runs that has no HAZARD_TLS.
 * Goes on where the frame's ecx says. */
.Lexchange:
    movl at(HAZARDS), %ecx
    orl CONTEXT_HAZARDS(%ebp), %ecx
    orl CONTEXT_CS(%ebp), %ecx
    jz 5f
    testl $~(HAZARD_TLS | HAZARD_FLOATING_POINT), %ecx
    jnz .Lslow_slot
    testl $HAZARD_FLOATING_POINT, %ecx
    jnz 4f
2:  movl $SELECTOR_IPC_BUFFER, at(FS)
    movl %gs, %ecx
    movl %ecx, at(GS)
    jecxz 1f
    orl $HAZARD_TLS, at(HAZARDS)
1:  testl $HAZARD_TLS, CONTEXT_HAZARDS(%ebp)
    jz 3f
    cmpl $SELECTOR_IPC_BUFFER, CONTEXT_FS(%ebp)
    jne 9f
    cmpl %ebp, arch_tls_owner
    jne 6f
7:  movl CONTEXT_GS(%ebp), %ecx
    movl $arch_kernel_stack_top, %esp /* for the fault, should the selector have become unusable: then it becomes null */
8:  movl %ecx, %gs
    movl ENTRY_STACK_POINTER, %esp
    .pushsection .fixups, "a"
    .long 8b, 1f
    .popsection
    jmp 5f
1:  xorl %ecx, %ecx
    jmp 8b
3:  xorl %ecx, %ecx
    movl %ecx, %gs
5:  movl at(IPC_ADDRESS), %ecx
    cmpl CONTEXT_IPC_ADDRESS(%ebp), %ecx
    je 1f
    copy_descriptor CONTEXT_IPC_SEGMENT,IPC_BUFFER_DESCRIPTOR
    movl $SELECTOR_IPC_BUFFER, %ecx
    movl %ecx, %fs
1:  jmp *at(ECX)
6:  copy_descriptor CONTEXT_TLS,TLS_DESCRIPTOR_0
    copy_descriptor CONTEXT_TLS_1,TLS_DESCRIPTOR_1
    copy_descriptor CONTEXT_TLS_2,TLS_DESCRIPTOR_2
    movl %ebp, arch_tls_owner
    jmp 7b
4:  /* One of them is the FPU's owner: if the current one, its use is over; if the next, its use goes on. */
    testl $HAZARD_FLOATING_POINT, CONTEXT_HAZARDS(%ebp)
    jnz 4f
    cmpb $0, arch_task_switched
    jne 2b
    movl arch_cr0_task_switched, %ecx
    movl %ecx, %cr0
    movb $1, arch_task_switched
    jmp 2b
4:  cmpb $0, arch_task_switched
    je 2b
    clts
    movb $0, arch_task_switched
    jmp 2b
9:  call_keeping_registers arch_exchange
    jmp *at(ECX)

/* To the slow path: ebx is a slot, or the pointer as it came. */
.Lslow_slot:
    subl thread(CSPACE_SLOTS), %ebx
    shrl $4, %ebx
.Lslow:
    movl %eax, at(EAX)
    movl %ebx, at(EBX)
    movl %esi, at(ESI)
    movl %edi, at(EDI)
    jmp arch_slow_system_call

    .section .note.GNU-stack, "", @progbits
