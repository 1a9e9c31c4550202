// Redirection of `int 0x80`: all registers but eip arrive, eip and eflags lie in the IPC buffer.
#include "kernel_test.hpp"

extern "C" {
void redirect_target();
abi::Word redirect_registers[8];
}
asm(R"(
    .text
    .globl redirect_target
redirect_target:
    movl %eax, redirect_registers
    movl %ebx, redirect_registers + 4
    movl %ecx, redirect_registers + 8
    movl %edx, redirect_registers + 12
    movl %esi, redirect_registers + 16
    movl %edi, redirect_registers + 20
    movl %ebp, redirect_registers + 24
    movl %esp, redirect_registers + 28
    movl $77, %eax
    jmp *%fs:300
)");

namespace test {

void test_machine() {
    CHECK(invoke(abi::boot_slot::thread, Invocation::ThreadSetRedirect, {reinterpret_cast<Word>(redirect_target)})
              .good());
    Word eax = 1, ebx = 2, ecx = 3, edx = 4, esi = 5, edi = 6, esp_before = 0, after = 0;
    asm volatile("movl %%esp, %6\n\tpushl %%ebp\n\tmovl $7, %%ebp\n\tstc\n\tint $0x80\n1:\tpopl %%ebp\n\tmovl $1b, %7"
                 : "+a"(eax), "+b"(ebx), "+c"(ecx), "+d"(edx), "+S"(esi), "+D"(edi), "=m"(esp_before), "=m"(after)
                 :
                 : "cc", "memory");
    CHECK(eax == 77 && ebx == 2 && ecx == 3 && edx == 4 && esi == 5 && edi == 6);
    for (Word index = 0; index < 7; ++index) CHECK(redirect_registers[index] == index + 1);
    CHECK(redirect_registers[7] == esp_before - 4);
    CHECK(buffer().redirect_ip == after && (buffer().redirect_flags & 0x201) == 0x201);
    CHECK(invoke(abi::boot_slot::thread, Invocation::ThreadSetRedirect, {0}).good());
}

} // namespace test
