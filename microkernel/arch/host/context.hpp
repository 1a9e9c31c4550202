// A thread's machine state when the kernel runs as a program of the host: registers that nothing executes.
#pragma once
#include "../../abi/objects.hpp"

namespace arch {

using abi::Address;
using abi::Word;

struct alignas(16) Context {
    abi::Registers values;
    abi::IpcBuffer* ipc_buffer;
    Address ipc_address, redirect;
    Word tls_base[3];
    Word hazards;
    void const* directory;
    bool alive;
    unsigned floating_point_resets; ///< for tests
    unsigned char fpu[512];         ///< as large as the real one

    [[nodiscard]] Word info() const { return values.eax; }
    [[nodiscard]] Word capability() const { return values.ebx; }
    [[nodiscard]] Word word0() const { return values.esi; }
    [[nodiscard]] Word word1() const { return values.edi; }
    [[nodiscard]] Word reply() const { return values.ebp; }
    void set_message(Word info, Word badge, Word word0, Word word1) {
        values.eax = info;
        values.ebx = badge;
        values.esi = word0;
        values.edi = word1;
    }
    void set_info(Word info) { values.eax = info; }
    [[nodiscard]] Address instruction_pointer() const { return values.eip; }
    [[nodiscard]] Address stack_pointer() const { return values.esp; }
    [[nodiscard]] Word flags() const { return values.eflags; }
    void set_flow(Address eip, Address esp, Word flags) {
        values.eip = eip;
        values.esp = esp;
        values.eflags = flags;
    }
    [[nodiscard]] abi::Registers registers() const { return values; }
    void set_registers(abi::Registers const& from) { values = from; }
    void set_ipc_buffer(Address user, abi::IpcBuffer* kernel) {
        ipc_address = user;
        ipc_buffer = kernel;
    }
    void set_redirect(Address entry) { redirect = entry; }
    void set_tls(Word entry, Address base, Word, bool present) { tls_base[entry] = present ? base : 0; }
};

} // namespace arch
