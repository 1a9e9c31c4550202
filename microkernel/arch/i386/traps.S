/* Every way into the kernel and out of it. Interrupts are off in the kernel, save in the idle loop.
 *
 * On entry from user mode the processor's stack pointer is the end of the frame in the current thread's Context
 * (TSS.esp0; for sysenter the word at SYSENTER_ESP), so what it and the code here push *is* the saved state.
 * FS and GS stay the user's: the kernel does not use them, switch_to() exchanges them. DS and ES are the flat user
 * segment at all times: a program that loads something else there finds it reset after an entry. */
#include "layout.h"

#define at(field) (CONTEXT_##field - CONTEXT_FRAME_END)(%esp)

    .text

    .macro flat_data_segments
    movl $SELECTOR_USER_DATA, %ecx
    movl %ecx, %ds
    movl %ecx, %es
    .endm

/* System calls come from fastpath.S when they are not as simple as hoped: all registers are in the frame. */
    .globl arch_slow_system_call
arch_slow_system_call:
    movl $0, at(CS)
    /* Both are the flat segment if their sum is: no other pair of loadable selectors adds up to it. */
    movl %ds, %ecx
    movl %es, %edx
    addl %ecx, %edx
    cmpl $(2 * SELECTOR_USER_DATA), %edx
    jne arch_flatten_segments
arch_usual_segments:
    cld
    leal -CONTEXT_FRAME_END(%esp), %eax
    movl $arch_kernel_stack_top, %esp
    call _ZN6kernel14handle_syscallERNS_6ThreadE
    .globl arch_leave
arch_leave:
    movl arch_entry_stack + 256 + 4, %esp
    cmpl $0, _ZN6kernel8boot_cpuE /* Cpu::current */
    je arch_idle
    cmpl $0, at(CS)
    jne arch_leave_by_iret
    movl at(EIP), %edx
    movl at(ESP), %ecx
    movl at(EAX), %eax
    movl at(EBX), %ebx
    movl at(ESI), %esi
    movl at(EDI), %edi
    movl at(EBP), %ebp
    sti /* takes effect after the next instruction */
    sysexit

arch_flatten_segments:
    flat_data_segments
    jmp arch_usual_segments

arch_leave_by_iret:
    /* The user's own SS may have become unusable, and iret must not fault. */
    cmpw $SELECTOR_USER_DATA, at(SS)
    jne 2f
1:  leal -CONTEXT_FRAME_END(%esp), %esi
    /* NT set by the user before sysenter would make iret a task switch. */
    movl $arch_kernel_stack_top, %esp
    pushl $2
    popfl
    movl %esi, %esp
    popl %edi
    popl %esi
    popl %ebp
    popl %ebx
    popl %edx
    popl %ecx
    popl %eax
    addl $4, %esp
    iret
2:  movl $SELECTOR_USER_DATA, at(SS)
    jmp 1b

arch_idle:
    movl $arch_kernel_stack_top, %esp
    sti
    hlt
    cli
    jmp arch_leave

/* void serve_interrupts(): what is pending is taken between sti and cli, on the kernel's stack. */
    .globl _ZN4arch16serve_interruptsEv
_ZN4arch16serve_interruptsEv:
    sti
    nop
    nop
    cli
    ret

/* --- int 0x80 ---
 * The stack pointer addresses the Context, so SS reaches everything and DS may be anything. */
    .globl arch_int80
    .balign 16
arch_int80:
    pushl %eax
    movl (CONTEXT_REDIRECT - CONTEXT_ERROR)(%esp), %eax
    testl %eax, %eax
    jz 1f
    pushl %edx
    movl (CONTEXT_IPC_BUFFER - CONTEXT_EAX)(%esp), %edx
    xchgl %eax, (CONTEXT_EIP - CONTEXT_EAX)(%esp)
    movl %eax, %ss:IPC_BUFFER_REDIRECT_IP(%edx)
    movl (CONTEXT_EFLAGS - CONTEXT_EAX)(%esp), %eax
    movl %eax, %ss:IPC_BUFFER_REDIRECT_FLAGS(%edx)
    popl %edx
    popl %eax
    iret
1:  popl %eax
    pushl $0
    pushl %eax
    movl $VECTOR_SYSCALL, %eax
    jmp arch_exception

/* --- exceptions --- eax = vector, the user's eax and the error code are pushed */
arch_exception:
    testb $3, (CONTEXT_CS - CONTEXT_EAX)(%esp)
    jz arch_kernel_exception
    pushl %ecx
    pushl %edx
    pushl %ebx
    pushl %ebp
    pushl %esi
    pushl %edi
    movl %eax, %edx
    flat_data_segments
    cld
    movl %esp, %eax
    movl %eax, _ZN6kernel8boot_cpuE /* Cpu::current */
    movl CONTEXT_ERROR(%esp), %ecx
    movl $arch_kernel_stack_top, %esp
    call arch_user_exception
    jmp arch_leave

/* A fault of the kernel's own code: a fixup or the end (trap.cpp). The stack is the kernel's. */
arch_kernel_exception:
    pushl %ecx
    pushl %edx
    pushl %ebx
    pushl %ebp
    pushl %esi
    pushl %edi
    movl %eax, %edx
    flat_data_segments
    cld
    movl %esp, %eax
    call arch_kernel_fault
    popl %edi
    popl %esi
    popl %ebp
    popl %ebx
    popl %edx
    popl %ecx
    popl %eax
    addl $4, %esp
    iret

/* Debug trap: with TF set in user mode the first one comes on arch_sysenter's first instruction, in the kernel. */
arch_trap_1:
    testb $3, 4(%esp)
    jnz 1f
    andl $~0x100, 8(%esp)
    iret
1:  pushl $0
    pushl %eax
    movl $1, %eax
    jmp arch_exception

    .macro trap number, has_error=0
arch_trap_\number:
    .if !\has_error
    pushl $0
    .endif
    pushl %eax
    movl $\number, %eax
    jmp arch_exception
    .endm

    trap 0
    trap 2
    trap 3
    trap 4
    trap 5
    trap 6
    trap 7
    trap 9
    trap 10, 1
    trap 11, 1
    trap 12, 1
    trap 13, 1
    trap 14, 1
    trap 15
    trap 16
    trap 17, 1
    trap 18
    trap 19
    trap 20
    trap 21
    trap 22
    trap 23
    trap 24
    trap 25
    trap 26
    trap 27
    trap 28
    trap 29
    trap 30
    trap 31
arch_trap_8: /* goes through a task gate */
    hlt
    jmp arch_trap_8

    .globl arch_double_fault
arch_double_fault:
    movl $arch_double_fault_report, %eax
    call *%eax

/* --- interrupts --- */
    .altmacro
    .macro interrupt number
arch_interrupt_\number:
    pushl $0
    pushl %eax
    movl $\number, %eax
    jmp arch_interrupt
    .endm
    .set line, 0
    .rept 16
    interrupt %line
    .set line, line + 1
    .endr
    .globl arch_timer
arch_timer:
    pushl $0
    pushl %eax
    movl $16, %eax
arch_interrupt:
    testb $3, (CONTEXT_CS - CONTEXT_EAX)(%esp)
    jz 1f
    pushl %ecx
    pushl %edx
    pushl %ebx
    pushl %ebp
    pushl %esi
    pushl %edi
    movl %eax, %edx
    flat_data_segments
    cld
    movl %edx, %eax
    movl %esp, _ZN6kernel8boot_cpuE /* Cpu::current */
    movl $arch_kernel_stack_top, %esp
    call arch_handle_interrupt
    jmp arch_leave
1:  /* In the kernel: from the idle loop or serve_interrupts(), with the kernel's data segments. */
    pushl %ecx
    pushl %edx
    call arch_handle_interrupt
    popl %edx
    popl %ecx
    popl %eax
    addl $4, %esp
    iret

    .globl arch_spurious
arch_spurious:
    iret

    .section .rodata
    .globl arch_trap_table
arch_trap_table:
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    .long arch_trap_\number
    .endr
    .globl arch_interrupt_table
arch_interrupt_table:
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    .long arch_interrupt_\number
    .endr
    .section .note.GNU-stack, "", @progbits
