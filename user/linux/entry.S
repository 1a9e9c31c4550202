/* Ways into the vDSO and out of it, its one entry to the kernel, and access to the program's memory with faults caught.
 *
 * What runs between text_start and text_end is "the vDSO at work": there proc only marks a signal pending, and the check
 * on the way out finds it. What lies before text_start (.text.program) keeps all its state in registers and on the
 * program's stack and counts as the program's own code: a signal may come in between, and return into it. */

/* ThreadArea (layout.hpp; checked in dispatch.cpp), from %fs:0 */
#define FRAME_EBX 512
#define FRAME_ECX 516
#define FRAME_EDX 520
#define FRAME_ESI 524
#define FRAME_EDI 528
#define FRAME_EBP 532
#define FRAME_EAX 536
#define FRAME_ESP 540
#define FRAME_EIP 544
#define FRAME_EFLAGS 548
#define FRAME_GS 552
#define STACK_TOP 560
#define SIGNAL_PENDING 568
#define PROCESS_ID 572
#define THREAD_ID 576
#define IN_CALL 616
#define REDIRECT_IP 300
#define REDIRECT_FLAGS 304

#define NR_GETPID 20
#define NR_GETTID 224
#define NR_SIGRETURN 119
#define NR_RT_SIGRETURN 173
#define STATUS_INTERRUPTED (12 << 14)
#define TABLE_SIZE 450
#define MINUS_EFAULT (-14)
#define VDSO_MAGIC 0x5644534f

    .section .vdso_header, "a"
    .globl vdso_header
vdso_header:
    .long VDSO_MAGIC
    .long program_entry
    .long child_entry
    .long signal_entry
    .long __kernel_vsyscall
    .long redirect_entry
    .long vdso_text_start, vdso_text_end
    .long call_window_start, call_window_end, call_window_retry
    .long exit_window_start, exit_window_end, exit_to_program
    .long fault_window_start, fault_window_end, fault_window_retry

/* --- program side --- */
    .section .text.program, "ax"
    .balign 16
    .globl __kernel_vsyscall
__kernel_vsyscall:
    cmpl $NR_GETPID, %eax
    je 1f
    cmpl $NR_GETTID, %eax
    jne call_entry
    movl %fs:THREAD_ID, %eax
    ret
1:  movl %fs:PROCESS_ID, %eax
    ret

/* Debuggers and unwinders know signal frames by exactly these bytes. */
    .balign 16
    nop
    .globl __kernel_sigreturn
__kernel_sigreturn:
    popl %eax
    movl $NR_SIGRETURN, %eax
    int $0x80
    .balign 16
    nop
    .globl __kernel_rt_sigreturn
__kernel_rt_sigreturn:
    movl $NR_RT_SIGRETURN, %eax
    int $0x80
    .balign 16

/* --- the vDSO at work --- */
    .text
    .globl vdso_text_start
vdso_text_start:

    .macro save_registers
    movl %ebx, %fs:FRAME_EBX
    movl %ecx, %fs:FRAME_ECX
    movl %edx, %fs:FRAME_EDX
    movl %esi, %fs:FRAME_ESI
    movl %edi, %fs:FRAME_EDI
    movl %ebp, %fs:FRAME_EBP
    movl %eax, %fs:FRAME_EAX
    movl %esp, %fs:FRAME_ESP
    movl %gs, %ebx
    movl %ebx, %fs:FRAME_GS
    .endm

    /* eax = ThreadArea */
    .macro thread_area
    movl %fs:0, %eax
    addl $512, %eax
    .endm

    .balign 16
call_entry:
    movl $1, %fs:IN_CALL
    popl %fs:FRAME_EIP
    save_registers
    movl %fs:STACK_TOP, %esp
    pushfl
    popl %fs:FRAME_EFLAGS
1:  cld /* EAX still is the number */
    cmpl $TABLE_SIZE, %eax
    jae 3f
    movl vdso_table(, %eax, 4), %ecx
2:  thread_area
    call *%ecx
    leal 514(%eax), %edx /* -512 and -514: restart_if_asked, restart_never */
    andl $~2, %edx
    jz 4f
    movl %eax, %fs:FRAME_EAX
    /* falls through */

/* The last check and the way back; every step can be done again. */
exit_window_start:
    .globl exit_to_program
exit_to_program:
    cmpl $0, %fs:SIGNAL_PENDING
    jne 5f
    movl $0, %fs:IN_CALL
    movl %fs:STACK_TOP, %esp
    pushl %fs:FRAME_EFLAGS
    popfl
    movl %fs:FRAME_EBX, %ebx
    movl %fs:FRAME_ECX, %ecx
    movl %fs:FRAME_EDX, %edx
    movl %fs:FRAME_ESI, %esi
    movl %fs:FRAME_EDI, %edi
    movl %fs:FRAME_EBP, %ebp
    movl %fs:FRAME_EAX, %eax
    movl %fs:FRAME_ESP, %esp
    jmp *%fs:FRAME_EIP
exit_window_end:
5:  movl $1, %fs:IN_CALL
    movl %fs:STACK_TOP, %esp
    cld
    thread_area
    call vdso_deliver_signals
    jmp exit_to_program

3:  movl $vdso_unknown_call, %ecx
    jmp 2b
4:  movl %eax, %edx
    thread_area
    call vdso_restart
    jmp exit_to_program

    .balign 16
redirect_entry:
    movl $1, %fs:IN_CALL
    save_registers
    movl %fs:STACK_TOP, %esp
    movl %fs:REDIRECT_IP, %ebx
    movl %ebx, %fs:FRAME_EIP
    movl %fs:REDIRECT_FLAGS, %ebx
    movl %ebx, %fs:FRAME_EFLAGS
    jmp 1b

/* The frame is complete, GS included: proc wrote it, or a signal frame was restored. */
    .globl vdso_exit_full
vdso_exit_full:
    movl %fs:FRAME_GS, %eax
    movl %eax, %gs
    jmp exit_to_program

program_entry:
child_entry:
    movl $1, %fs:IN_CALL
    movl %fs:STACK_TOP, %esp
    cld
    thread_area
    call vdso_thread_started
    jmp vdso_exit_full

signal_entry:
    movl $1, %fs:IN_CALL
    movl %fs:STACK_TOP, %esp
    cld
    thread_area
    call vdso_interrupted
    jmp vdso_exit_full

/* --- to the kernel --- registers as for sysenter, save ecx and edx, which are lost */
    .balign 16
    .globl vdso_enter_kernel
vdso_enter_kernel:
    cmpl $2, %fs:IN_CALL
    je 2f
    movl %esp, %ecx
    movl $1f, %edx
    sysenter
1:  ret
2:  movl %esp, %ecx
    movl $1b, %edx
call_window_start:
    cmpl $0, %fs:SIGNAL_PENDING
    jne call_window_retry
    sysenter
call_window_end:
call_window_retry:
    movl $STATUS_INTERRUPTED, %eax
    ret

/* --- the program's memory --- eax, edx, ecx = arguments; 0 or -EFAULT (lengths: >= 0). Every instruction in the window
 * has the same stack: edi and esi pushed. */
    .balign 16
    .globl vdso_copy /* (to, from, bytes) */
vdso_copy:
    pushl %esi
    pushl %edi
    movl %eax, %edi
    movl %edx, %esi
    movl %ecx, %edx
    shrl $2, %ecx
    andl $3, %edx
fault_window_start:
    rep movsl
    movl %edx, %ecx
    rep movsb
    xorl %eax, %eax
    popl %edi
    popl %esi
    ret
    .balign 16
    .globl vdso_string_length /* (string, most): most if no NUL among the first `most` bytes */
vdso_string_length:
    pushl %esi
    pushl %edi
    movl %eax, %edi
    movl %edx, %ecx
    xorl %eax, %eax
    testl %ecx, %ecx
    jz 1f
    movl %ecx, %esi
    repne scasb
    movl %esi, %eax
    jne 1f
    subl %ecx, %eax
    decl %eax
1:  popl %edi
    popl %esi
    ret
    .globl vdso_load /* (address, Word* value) */
vdso_load:
    pushl %esi
    pushl %edi
    movl (%eax), %ecx
    movl %ecx, (%edx)
    xorl %eax, %eax
    popl %edi
    popl %esi
    ret
    .globl vdso_store /* (address, value) */
vdso_store:
    pushl %esi
    pushl %edi
    movl %edx, (%eax)
    xorl %eax, %eax
    popl %edi
    popl %esi
    ret
fault_window_end:
fault_window_retry:
    movl $MINUS_EFAULT, %eax
    popl %edi
    popl %esi
    ret

/* What the compiler calls; arguments in eax, edx, ecx as everywhere here (-mregparm=3). */
    .globl memcpy
    .globl memmove
    .globl memset
memcpy:
    pushl %edi
    pushl %esi
    movl %eax, %edi
    movl %edx, %esi
    movl %ecx, %edx
    shrl $2, %ecx
    rep movsl
    movl %edx, %ecx
    andl $3, %ecx
    rep movsb
    popl %esi
    popl %edi
    ret
memmove:
    cmpl %edx, %eax
    jbe memcpy
    pushl %edi
    pushl %esi
    leal -1(%eax, %ecx), %edi
    leal -1(%edx, %ecx), %esi
    std
    rep movsb
    cld
    popl %esi
    popl %edi
    ret
memset:
    pushl %edi
    movl %eax, %edi
    pushl %eax
    movzbl %dl, %eax
    rep stosb
    popl %eax
    popl %edi
    ret
    .globl memcmp
memcmp:
    pushl %edi
    pushl %esi
    movl %eax, %edi
    movl %edx, %esi
    xorl %eax, %eax
    cmpl %eax, %ecx
    repe cmpsb
    je 1f
    movzbl -1(%edi), %eax
    movzbl -1(%esi), %edx
    subl %edx, %eax
1:  popl %esi
    popl %edi
    ret
    .globl strlen
strlen:
    movl %eax, %edx
1:  cmpb $0, (%eax)
    je 2f
    incl %eax
    jmp 1b
2:  subl %edx, %eax
    ret
    .section .vdso_last, "ax"
    .globl vdso_text_end
vdso_text_end:
    .section .note.GNU-stack, "", @progbits
