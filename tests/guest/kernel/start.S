    .text
    .globl _start
_start:
    xorl %ebp, %ebp
    call main
1:  jmp 1b

/* First instruction of each thread that start() makes: entry and argument are on its stack. */
    .globl thread_entry
thread_entry:
    popl %eax
    call *%eax
    call thread_end
1:  jmp 1b
    .section .note.GNU-stack, "", @progbits
