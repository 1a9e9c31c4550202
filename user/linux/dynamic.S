/* The dynamic section by hand: the image is linked at its final address, so it needs a symbol table and no relocations.
 * What glibc's and musl's start-up look up, with Linux's symbol versions. One hash bucket: there are few symbols. */
#define STT_FUNC_GLOBAL 0x12
#define VERSION_LINUX_2_5 2
#define VERSION_LINUX_2_6 3

    .macro symbol name
    .long name_\name - strings, \name, 0
    .byte STT_FUNC_GLOBAL, 0
    .short 1
    .endm
    .macro string name
name_\name: .asciz "\name"
    .endm

    .section .vdso_dynamic_data, "a"
    .balign 4
symbols:
    .long 0, 0, 0, 0
    symbol __kernel_vsyscall
    symbol __kernel_sigreturn
    symbol __kernel_rt_sigreturn
    symbol __vdso_clock_gettime
    symbol __vdso_clock_gettime64
    symbol __vdso_gettimeofday
    symbol __vdso_time
symbols_end:

hash:
    .long 1, 8 /* buckets, symbols */
    .long 1
    .long 0, 2, 3, 4, 5, 6, 7, 0

versions:
    .short 0, VERSION_LINUX_2_5, VERSION_LINUX_2_5, VERSION_LINUX_2_5
    .short VERSION_LINUX_2_6, VERSION_LINUX_2_6, VERSION_LINUX_2_6, VERSION_LINUX_2_6

version_definitions: /* version, flags, index, auxiliary count, hash, offset of them, offset of the next */
    .short 1, 1, 1, 1
    .long 0x0fcef091, 20, 28
    .long name_self - strings, 0
    .short 1, 0, VERSION_LINUX_2_5, 1
    .long 0x03ae75f5, 20, 28
    .long name_linux_2_5 - strings, 0
    .short 1, 0, VERSION_LINUX_2_6, 1
    .long 0x03ae75f6, 20, 0
    .long name_linux_2_6 - strings, 0

strings:
    .byte 0
name_self: .asciz "linux-gate.so.1"
name_linux_2_5: .asciz "LINUX_2.5"
name_linux_2_6: .asciz "LINUX_2.6"
    string __kernel_vsyscall
    string __kernel_sigreturn
    string __kernel_rt_sigreturn
    string __vdso_clock_gettime
    string __vdso_clock_gettime64
    string __vdso_gettimeofday
    string __vdso_time
strings_end:

    .section .vdso_dynamic, "a"
    .balign 4
    .long 14, name_self - strings           /* SONAME */
    .long 4, hash
    .long 5, strings
    .long 6, symbols
    .long 10, strings_end - strings
    .long 11, 16                            /* SYMENT */
    .long 0x6ffffff0, versions              /* VERSYM */
    .long 0x6ffffffc, version_definitions   /* VERDEF */
    .long 0x6ffffffd, 3                     /* VERDEFNUM */
    .long 0, 0
    .section .note.GNU-stack, "", @progbits
