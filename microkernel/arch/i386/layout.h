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
#define GDT_ENTRIES 19

#define VECTOR_IRQ_FIRST 32
#define VECTOR_TIMER 48
#define VECTOR_SYSCALL 128
#define VECTOR_SPURIOUS 255

#define KERNEL_BASE 0xC0000000
#define KERNEL_WINDOW_END 0xF0000000
#define KERNEL_STACK_BYTES 16384
