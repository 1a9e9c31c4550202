/* Multiboot header and the way from the loader's flat, unpaged mode to arch_boot() in the kernel's window. */
#include "layout.h"

#define MULTIBOOT_MAGIC 0x1BADB002
#define MULTIBOOT_FLAGS 0x3 /* modules on page boundaries, memory map */

    .section .multiboot, "a"
    .balign 4
    .long MULTIBOOT_MAGIC
    .long MULTIBOOT_FLAGS
    .long -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

    .section .boot, "ax"
    .globl _start
_start: /* linked at its physical address; eax = loader's magic, ebx = multiboot information */
    cld
    cli
    movl %eax, %esi
    /* The window: 192 pages of 4 MiB, global, from KERNEL_BASE; and the same first page at 0 until the jump. */
    movl $(arch_boot_directory - KERNEL_BASE), %edi
    movl $0x83, (%edi)
    addl $(KERNEL_BASE >> 20), %edi
    movl $0x183, %eax
    movl $((KERNEL_WINDOW_END - KERNEL_BASE) >> 22), %ecx
1:  stosl
    addl $0x400000, %eax
    loop 1b
    /* The first 4 MiB page by page, but for the one below the kernel's stack: who gets there ends in a double fault. */
    movl $(arch_first_pages - KERNEL_BASE), %edi
    leal 0x003(%edi), %eax
    movl %eax, arch_boot_directory - KERNEL_BASE + (KERNEL_BASE >> 20)
    movl $0x103, %eax
    movl $1024, %ecx
1:  stosl
    addl $0x1000, %eax
    loop 1b
    movl $(arch_kernel_stack_guard - KERNEL_BASE), %eax
    shrl $12, %eax
    movl $0, arch_first_pages - KERNEL_BASE(, %eax, 4)
    /* The local APIC's page, not cached. */
    movl $0xFEC0019B, arch_boot_directory - KERNEL_BASE + (0xFEC00000 >> 20)
    movl $(arch_boot_directory - KERNEL_BASE), %eax
    movl %eax, %cr3
    movl %cr4, %eax
    orl $0x690, %eax /* PSE, PGE, OSFXSR, OSXMMEXCPT */
    movl %eax, %cr4
    movl %cr0, %eax
    andl $~0x60000004, %eax /* caches on, no emulation */
    orl $0x80010022, %eax   /* PG, WP, NE, MP */
    movl %eax, %cr0
    movl $2f, %eax
    jmp *%eax

    .text
2:  movl $arch_kernel_stack_top, %esp
    xorl %ebp, %ebp
    pushl %ebp
    popfl
    movl $0, arch_boot_directory
    movl %cr3, %eax
    movl %eax, %cr3
    movl %esi, %eax
    movl %ebx, %edx
    call arch_boot
    jmp arch_leave

    .bss
    .balign 4096
    .globl arch_boot_directory
arch_boot_directory:
    .skip 4096
arch_first_pages:
    .skip 4096
    .globl arch_kernel_stack_guard
arch_kernel_stack_guard: /* not mapped */
    .skip 4096
    .globl arch_kernel_stack_top
    .skip KERNEL_STACK_BYTES
arch_kernel_stack_top:
    .section .note.GNU-stack, "", @progbits
