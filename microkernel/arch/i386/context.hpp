// Machine state of a thread on i386. It is the start of kernel::Thread; entry code (traps.S) saves into it directly.
#pragma once
#include "../../abi/objects.hpp"
#include "layout.h"
#include "paging.hpp"

namespace arch {

using abi::Address;
using abi::Word;

struct Context;
/// The context whose state the processor holds, by TSS.esp0; null at first and after it was destroyed.
Context* loaded_context();
/// Writes the descriptors of the loaded context to the GDT again and reloads FS and GS.
void reload_descriptors(Context& context);
/// The TLS entries of the context are about to change: the GDT does not hold them any more.
void forget_tls(Context const& context);
/// FS and GS of the loaded context are in the processor only: bring them to the Context.
void save_selectors(Context& context);

struct SegmentDescriptor {
    Word low, high;
    bool operator==(SegmentDescriptor const&) const = default;
};

/// Read/write data segment for user mode. `limit` is its last unit, `in_pages` the unit.
constexpr SegmentDescriptor user_data_descriptor(Address base, Word limit, bool in_pages) {
    return {(limit & 0xffff) | base << 16,
            (base >> 16 & 0xff) | 0xf200 | (limit & 0xf0000) | (in_pages ? 0xc00000 : 0x400000) | (base & 0xff000000)};
}

struct alignas(16) Context {
    // --- the frame: offsets in layout.h ---
    Word edi, esi, ebp, ebx, edx, ecx, eax;
    Word error_code;
    /// cs is 0 while the thread is in a system call by sysenter: it leaves by sysexit, and ecx, edx and eflags are not kept.
    Word eip, cs, eflags, esp, ss;
    // --- TSS.esp0 points here while the thread runs ---
    Word fs, gs;
    Address redirect;              ///< user address for `int 0x80`; 0: none, and 0 while there is no IPC buffer
    abi::IpcBuffer* ipc_buffer;    ///< kernel address, null: none
    SegmentDescriptor ipc_segment; ///< %fs: base is the buffer's user address
    SegmentDescriptor tls[3];      ///< GDT 6..8
    Address wanted_redirect;       ///< as set, in force while there is an IPC buffer
    Word hazards;                  ///< kernel::hazard, and hazard_* below: what keeps it from the fast paths
    Word directory;                ///< physical address for CR3
    Address ipc_address;           ///< user address of the IPC buffer: the base of ipc_segment
    alignas(
        16) unsigned char fpu[512]; ///< fxsave image; the processor's registers are newer while it is the FPU's owner

    static constexpr Word user_flags = 0x240dd5; ///< CF PF AF ZF SF TF DF OF AC ID
    static constexpr Word fixed_flags = 0x202;   ///< IF and the bit that is always set

    static constexpr Word hazard_tls = HAZARD_TLS; ///< has a TLS entry, or uses FS or GS otherwise
    static constexpr Word hazard_floating_point = HAZARD_FLOATING_POINT; ///< the FPU's registers hold its state

    // --- arguments of the system call ---
    [[nodiscard]] Word info() const { return eax; }
    [[nodiscard]] Word capability() const { return ebx; }
    [[nodiscard]] Word word0() const { return esi; }
    [[nodiscard]] Word word1() const { return edi; }
    [[nodiscard]] Word reply() const { return ebp; }
    /// Result of the system call.
    void set_message(Word info, Word badge, Word word0, Word word1) {
        eax = info;
        ebx = badge;
        esi = word0;
        edi = word1;
    }
    /// Result of the system call that carries no message: only MessageInfo changes.
    void set_info(Word info) { eax = info; }

    [[nodiscard]] bool in_system_call() const { return cs == 0; }
    [[nodiscard]] Address instruction_pointer() const { return eip; }
    [[nodiscard]] Address stack_pointer() const { return esp; }
    [[nodiscard]] Word flags() const { return in_system_call() ? fixed_flags : eflags; }
    /// Answer to an exception: goes on there. Flags that user mode may not have are dropped.
    void set_flow(Address new_eip, Address new_esp, Word new_flags) {
        leave_system_call();
        eip = new_eip;
        esp = new_esp;
        eflags = (new_flags & user_flags) | fixed_flags;
    }

    [[nodiscard]] abi::Registers registers() const {
        if (loaded_context() == this) save_selectors(const_cast<Context&>(*this));
        bool const fast = in_system_call();
        return {eip, esp, flags(), eax, ebx, fast ? esp : ecx, fast ? eip : edx, esi, edi, ebp, fs, gs};
    }
    void set_registers(abi::Registers const& from) {
        edi = from.edi, esi = from.esi, ebp = from.ebp, ebx = from.ebx, edx = from.edx, ecx = from.ecx, eax = from.eax;
        eip = from.eip, esp = from.esp;
        eflags = (from.eflags & user_flags) | fixed_flags;
        cs = SELECTOR_USER_CODE, ss = SELECTOR_USER_DATA;
        // A privilege of 3 makes the processor refuse the kernel's segments; a refused selector becomes null (switch.cpp).
        fs = (from.fs & 0xffff) == 0 ? SELECTOR_IPC_BUFFER : ((from.fs & 0xffff) | 3);
        gs = (from.gs & 0xffff) == 0 ? 0 : ((from.gs & 0xffff) | 3);
        if (gs != 0 || fs != SELECTOR_IPC_BUFFER) hazards |= hazard_tls;
        if (loaded_context() == this) reload_descriptors(*this);
    }

    /// `user` is the address the thread sees, `kernel` the same page in the kernel's window, null: none.
    void set_ipc_buffer(Address user, abi::IpcBuffer* kernel) {
        ipc_buffer = kernel;
        ipc_address = user;
        ipc_segment = user_data_descriptor(user, 0xfff, false);
        redirect = kernel != nullptr ? wanted_redirect : 0;
        if (loaded_context() == this) save_selectors(*this), reload_descriptors(*this);
    }
    void set_redirect(Address entry) {
        wanted_redirect = entry;
        redirect = ipc_buffer != nullptr ? entry : 0;
    }
    /// entry 0..2; limit in pages - 1.
    void set_tls(Word entry, Address base, Word limit, bool present) {
        forget_tls(*this);
        bool const loaded = loaded_context() == this;
        if (loaded) save_selectors(*this);
        tls[entry] = present ? user_data_descriptor(base, limit & 0xfffff, true) : SegmentDescriptor{0, 0};
        bool const in_use = ((tls[0].high | tls[1].high | tls[2].high | gs) != 0) || fs != SELECTOR_IPC_BUFFER;
        hazards = in_use ? hazards | hazard_tls : hazards & ~hazard_tls;
        if (loaded) reload_descriptors(*this);
    }

private:
    void leave_system_call() {
        if (!in_system_call()) return;
        ecx = esp, edx = eip;
        cs = SELECTOR_USER_CODE, ss = SELECTOR_USER_DATA;
    }
};
static_assert(sizeof(Context) == 640 || sizeof(void*) != 4);

} // namespace arch
