/* What the fast paths (fastpath.S) share: finding a slot, copying words, switching to a thread. Macros for the assembler; the stack
 * pointer is the end of the frame in the current thread's Context. */
#pragma once
#include "layout.h"

#define at(field) (CONTEXT_##field - CONTEXT_FRAME_END)(%esp)
#define thread(field) (THREAD_##field - CONTEXT_FRAME_END)(%esp)
#define CPU _ZN6kernel8boot_cpuE
#define GDT _ZN4arch18global_descriptorsE
#define IPC_BUFFER_DESCRIPTOR 0x90 /* offsets in the GDT, each one token: they are macro arguments */
#define TLS_DESCRIPTOR_0 0x30
#define TLS_DESCRIPTOR_1 0x38
#define TLS_DESCRIPTOR_2 0x40
#define CONTEXT_TLS_1 84
#define CONTEXT_TLS_2 92
#define ENTRY_STACK_POINTER (arch_entry_stack + 256 + 4) /* TSS.esp0 */

#define INFO_LABEL_AND_LENGTH 0xfffc007f

/* Capability pointer in `register` (ebx, ebp) -> slot; may change ecx and edx. */
    .macro find_slot register
    cmpl thread(CSPACE_SIZE), %\register
    jae 7f
    shll $4, %\register
    addl thread(CSPACE_SLOTS), %\register
    .subsection 1
7:  movl $8f, %ecx
    jmp .Lleaf_\register
    .previous
8:
    .endm

/* Thread::leaf_slot: the CSpace has two levels, and the pointer is in the first CNode of the second. Goes on at ecx. */
    .macro find_in_leaf register
    cmpl thread(LEAF_SIZE), %\register
    jae .Lslow
    movl thread(LEAF_SLOT), %edx
    movl %ss:(%edx), %edx
    subl thread(CSPACE_SLOTS), %edx
    cmpl $TYPE_CNODE, %edx
    jne .Lslow
    movl thread(LEAF_SLOT), %edx
    movl %ss:4(%edx), %edx
    cmpl thread(LEAF_WORD1), %edx
    jne .Lslow
    shll $4, %\register
    addl thread(CSPACE_SLOTS), %\register
    jmp *%ecx
    .endm

/* Goes to `otherwise` unless DS, ES and FS are as every thread begins. */
    .macro check_segments first, otherwise
    movl %ds, %ecx
    movl %fs, \first
    leal (%ecx, \first, 2), %ecx
    movl %es, \first
    leal -USUAL_SEGMENTS(%ecx, \first, 4), %ecx
    jecxz 8f
    jmp \otherwise
8:
    .endm

/* The processor goes on with `next`, whose frame says where; eax, ebx, esi, edi hold its message. */
    .macro switch_and_leave next, scratch
    movl CONTEXT_DIRECTORY(\next), \scratch
    cmpl at(DIRECTORY), \scratch
    je 9f
    movl \scratch, %cr3
9:  leal CONTEXT_FRAME_END(\next), %esp
    movl %esp, ENTRY_STACK_POINTER
    andl $INFO_LABEL_AND_LENGTH, %eax
    movl at(EIP), %edx
    movl at(ESP), %ecx
    movl at(EBP), %ebp
    cld
    sti
    sysexit
    .endm

/* Words 2 and up; the registers that the string instruction takes come back. 3 to 6: four words at once. */
    .macro copy_words words, next, scratch, mine
    .if \words == 6
    movl at(IPC_BUFFER), %ecx
    movl CONTEXT_IPC_BUFFER(\next), \scratch
    movl IPC_BUFFER_WORD_2(%ecx), \mine
    movl \mine, IPC_BUFFER_WORD_2(\scratch)
    movl (IPC_BUFFER_WORD_2 + 4)(%ecx), \mine
    movl \mine, (IPC_BUFFER_WORD_2 + 4)(\scratch)
    testb $3, %al /* 4 words, or 3, 5, 6 */
    jz 6f
    movl (IPC_BUFFER_WORD_2 + 8)(%ecx), \mine
    movl \mine, (IPC_BUFFER_WORD_2 + 8)(\scratch)
    movl (IPC_BUFFER_WORD_2 + 12)(%ecx), \mine
    movl \mine, (IPC_BUFFER_WORD_2 + 12)(\scratch)
6:
    .endif
    .if \words == 64
    movl %eax, %ecx
    andl $0x7f, %ecx
    subl $2, %ecx
    movl %esi, at(ESI)
    movl %edi, at(EDI)
    movl at(IPC_BUFFER), %esi
    addl $IPC_BUFFER_WORD_2, %esi
    movl CONTEXT_IPC_BUFFER(\next), %edi
    addl $IPC_BUFFER_WORD_2, %edi
    cld
    rep movsl
    movl at(ESI), %esi
    movl at(EDI), %edi
    .endif
    .endm

    .macro copy_descriptor from, offset
    movl \from(%ebp), %ecx
    movl %ecx, GDT+\offset
    movl 4+\from(%ebp), %ecx
    movl %ecx, GDT+4+\offset
    .endm

/* function(current thread, thread in ebp); afterwards every register but ecx is as before. */
    .macro call_keeping_registers function
    movl %eax, at(EAX)
    movl %edx, at(EDX)
    leal -CONTEXT_FRAME_END(%esp), %eax
    movl %ebp, %edx
    cld
    movl $arch_kernel_stack_top, %esp
    call \function
    movl ENTRY_STACK_POINTER, %esp
    movl at(EAX), %eax
    movl at(EDX), %edx
    .endm
