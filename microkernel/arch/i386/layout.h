/* Numbers that assembly and C++ share: offsets in arch::Context (checked in switch.cpp), selectors, vectors. */
#pragma once

#define CONTEXT_EDI 0
#define CONTEXT_ESI 4
#define CONTEXT_EBP 8
#define CONTEXT_EBX 12
#define CONTEXT_EDX 16
#define CONTEXT_ECX 20
#define CONTEXT_EAX 24
#define CONTEXT_ERROR 28
#define CONTEXT_EIP 32
#define CONTEXT_CS 36
#define CONTEXT_EFLAGS 40
#define CONTEXT_ESP 44
#define CONTEXT_SS 48
#define CONTEXT_FRAME_END 52 /* TSS.esp0 of a running thread points here */
#define CONTEXT_REDIRECT 60
#define CONTEXT_IPC_BUFFER 64

#define CONTEXT_FS 52
#define CONTEXT_GS 56
#define CONTEXT_IPC_SEGMENT 68
#define CONTEXT_TLS 76
#define CONTEXT_HAZARDS 104
#define CONTEXT_DIRECTORY 108
#define CONTEXT_IPC_ADDRESS 112

/* kernel::Thread and other objects, for fastpath.S (checked in fast.cpp). */
#define THREAD_STATE 640
#define THREAD_PRIORITY 644
#define THREAD_QUEUE_NEXT 648
#define THREAD_QUEUE_PREVIOUS 652
#define THREAD_WAITING_ON 656
#define THREAD_REPLY 660
#define THREAD_OWN_CONTEXT 664
#define THREAD_TIME 668
#define THREAD_CSPACE_SLOTS 672
#define THREAD_CSPACE_SIZE 676
#define THREAD_CALL_RIGHTS 680
#define THREAD_CALLED 684
#define THREAD_LEAF_SLOT 688
#define THREAD_LEAF_SIZE 692
#define THREAD_LEAF_WORD1 696
#define ENDPOINT_FIRST 0
#define ENDPOINT_LAST 4
#define ENDPOINT_STATE 8
#define REPLY_CALLER 0
#define REPLY_RECEIVER 4
#define NOTIFICATION_FIRST 0
#define NOTIFICATION_SIGNALS 8
#define NOTIFICATION_ACTIVE 12
#define NOTIFICATION_BOUND 16
#define SCHED_CONTEXT_USABLE 0
#define CPU_HIGHEST_READY 4
#define IPC_BUFFER_WORD_2 12

#define TRACE_REFUSED 1
#define TRACE_CAPACITY 1024

#define STATE_RUNNING 1
#define STATE_BLOCKED_ON_RECEIVE 3
#define STATE_BLOCKED_ON_REPLY 4
#define TYPE_CNODE 2
#define TYPE_ENDPOINT 4
#define TYPE_NOTIFICATION 5
#define TYPE_REPLY 6
#define RIGHT_WRITE 1
#define RIGHT_READ 2
#define QUEUE_SENDING 1
#define QUEUE_RECEIVING 2
/* Hazards that arch_exchange deals with; all others are the slow path's. */
#define HAZARD_TLS 0x100
#define HAZARD_FLOATING_POINT 0x200

#define IPC_BUFFER_REDIRECT_IP 300
#define IPC_BUFFER_REDIRECT_FLAGS 304

/* GDT: Linux's numbers, so that programs see the selectors they know. SYSENTER wants 12..15 in this order. */
#define SELECTOR_TLS_FIRST 6
#define SELECTOR_KERNEL_CODE 0x60
#define SELECTOR_KERNEL_DATA 0x68
#define SELECTOR_USER_CODE 0x73
#define SELECTOR_USER_DATA 0x7b
#define SELECTOR_TSS 0x80
#define SELECTOR_DOUBLE_FAULT_TSS 0x88
#define SELECTOR_IPC_BUFFER 0x93
/* ds + 2 fs + 4 es of a thread that has not changed them; nothing else adds up to it, but for the privilege in the selectors */
#define USUAL_SEGMENTS (5 * SELECTOR_USER_DATA + 2 * SELECTOR_IPC_BUFFER)
#define GDT_ENTRIES 19

#define VECTOR_IRQ_FIRST 32
#define VECTOR_TIMER 48
#define VECTOR_SYSCALL 128
#define VECTOR_SPURIOUS 255

#define KERNEL_BASE 0xC0000000
#define KERNEL_WINDOW_END 0xF0000000
#define KERNEL_STACK_BYTES 16384
