// Signals on the way back to the program: handlers, their stack frames, and what becomes of the interrupted system call.
#include "delivery.hpp"
#include "signal_frame.hpp"
#include "signal_numbers.hpp"
#include "sockets.hpp"

extern "C" char const __kernel_vsyscall[], __kernel_sigreturn[8], __kernel_rt_sigreturn[8];

namespace vdso {

namespace {

using proto::DeliveredSignal;

/// True: there is one.
bool take(ThreadArea& thread, DeliveredSignal& delivered) {
    thread.signal_pending = 0;
    auto const taken = ipc::call<proto::Process::TakeSignal>(process(thread));
    if (!taken || taken->information.number == 0) { return false; }
    delivered = *taken;
    if (thread.masked != 0) { // as sigsuspend(2): the handler returns to the mask from before the call
        delivered.old_mask = pair(thread.old_mask_low, thread.old_mask_high);
        thread.masked = 0;
    }
    return true;
}

Word address_of(char const* symbol) { return reinterpret_cast<Word>(symbol); }

void save_context(ThreadArea const& thread, SignalContext& context, Word old_mask, Word floating_point,
                  Word fault_address) {
    auto const& frame = thread.frame;
    context = {};
    context.gs = frame.gs;
    context.es = context.ds = context.ss = abi::selector::user_data;
    context.cs = abi::selector::user_code;
    context.edi = frame.edi;
    context.esi = frame.esi;
    context.ebp = frame.ebp;
    context.esp = context.esp_at_signal = frame.esp;
    context.ebx = frame.ebx;
    context.edx = frame.edx;
    context.ecx = frame.ecx;
    context.eax = frame.eax;
    context.eip = frame.eip;
    context.eflags = frame.eflags;
    context.floating_point = floating_point;
    context.old_mask = old_mask;
    context.cr2 = fault_address;
}

/// The program's floating-point state to the user stack; the handler starts with a fresh one.
bool save_floating_point(Word address) {
    alignas(16) FloatingPointState state;
    static_assert(offsetof(FloatingPointState, fxsave) % 16 == 0);
    asm volatile("fxsave (%0)" : : "r"(state.fxsave) : "memory");
    std::memset(state.fxsave + 464, 0, 48); // what FXSAVE leaves: no extended state
    asm volatile("fnsave (%0)" : : "r"(&state) : "memory");
    state.status = static_cast<std::uint16_t>(state.legacy[1]);
    state.magic = 0;
    Word const fresh = 0x1f80;
    asm volatile("ldmxcsr %0" : : "m"(fresh));
    return put_bytes(address, &state, sizeof state);
}

void restore_floating_point(Word address) {
    alignas(16) std::uint8_t image[512];
    if (address == 0 ||
        !fetch_bytes(image, address + static_cast<Word>(offsetof(FloatingPointState, fxsave)), sizeof image)) {
        asm volatile("fninit");
        return;
    }
    Word mxcsr;
    std::memcpy(&mxcsr, image + 24, sizeof mxcsr);
    mxcsr &= 0xffbf;
    std::memcpy(image + 24, &mxcsr, sizeof mxcsr);
    asm volatile("fxrstor (%0)" : : "r"(image) : "memory");
}

void fill_information(SignalInfo& info, proto::SignalInformation const& from) {
    info = {};
    info.number = from.number;
    info.error = from.error;
    info.code = from.code;
    constexpr std::uint64_t faults = 1U << 4 | 1U << 5 | 1U << 7 | 1U << 8 | 1U << 11; // ILL TRAP BUS FPE SEGV
    if (from.code > 0 && from.number < 32 && (faults >> from.number & 1) != 0) {
        info.fields[0] = from.address;
        return;
    }
    info.fields[0] = static_cast<Word>(from.pid);
    info.fields[1] = from.user;
    if (from.number == static_cast<std::int32_t>(signal_number::child) && from.code > 0) {
        info.fields[2] = static_cast<Word>(from.status);
    } else {
        info.fields[2] = from.value;
    }
}

/// Redirects the frame to the handler. False: the stack cannot take it.
bool enter_handler(ThreadArea& thread, DeliveredSignal const& delivered) {
    auto& frame = thread.frame;
    auto const& action = delivered.action;
    Word stack = frame.esp;
    bool const on_alternate = delivered.stack_size != 0 && stack - delivered.stack_address <= delivered.stack_size;
    if ((action.flags & action_flag::on_stack) != 0 && delivered.stack_size != 0 && !on_alternate) {
        stack = delivered.stack_address + delivered.stack_size;
    }
    Word const floating_point = floating_point_address(stack);
    if (!save_floating_point(floating_point)) { return false; }
    auto const signal = static_cast<Word>(delivered.information.number);
    bool const own_restorer = (action.flags & action_flag::restorer) != 0 && action.restorer != 0;
    Word handler_edx = 0, handler_ecx = 0, address;
    if ((action.flags & action_flag::information) != 0) {
        RealTimeSignalFrame image;
        address = frame_address(floating_point, sizeof image);
        image.return_address = own_restorer ? action.restorer : address_of(__kernel_rt_sigreturn);
        image.signal = signal;
        image.info_address = handler_edx = address + static_cast<Word>(offsetof(RealTimeSignalFrame, info));
        image.context_address = handler_ecx = address + static_cast<Word>(offsetof(RealTimeSignalFrame, context));
        fill_information(image.info, delivered.information);
        image.context.flags = image.context.link = 0;
        image.context.stack = {delivered.stack_address,
                               delivered.stack_size == 0 ? 2U
                               : on_alternate            ? 1U
                                                         : 0U,
                               delivered.stack_size};
        save_context(thread, image.context.context, static_cast<Word>(delivered.old_mask), floating_point,
                     delivered.information.address);
        image.context.mask[0] = static_cast<Word>(delivered.old_mask);
        image.context.mask[1] = static_cast<Word>(delivered.old_mask >> 32);
        std::memcpy(image.return_code, __kernel_rt_sigreturn, sizeof image.return_code);
        if (!put(address, image)) { return false; }
    } else {
        struct {
            Word return_address, signal;
            SignalContext context;
        } image;
        address = frame_address(floating_point, sizeof(SignalFrame));
        image.return_address = own_restorer ? action.restorer : address_of(__kernel_sigreturn);
        image.signal = signal;
        save_context(thread, image.context, static_cast<Word>(delivered.old_mask), floating_point,
                     delivered.information.address);
        struct {
            Word extra_mask;
            std::uint8_t code[8];
        } tail;
        tail.extra_mask = static_cast<Word>(delivered.old_mask >> 32);
        std::memcpy(tail.code, __kernel_sigreturn, sizeof tail.code);
        if (!put(address, image) || !put(address + static_cast<Word>(offsetof(SignalFrame, extra_mask)), tail)) {
            return false;
        }
    }
    frame.esp = address;
    frame.eip = action.handler;
    frame.eax = signal;
    frame.edx = handler_edx;
    frame.ecx = handler_ecx;
    frame.eflags = fixed_flags;
    return true;
}

void deliver(ThreadArea& thread, DeliveredSignal const& delivered) {
    if (!enter_handler(thread, delivered)) {
        // No stack for the handler: the end, whatever the program wanted to do about SIGSEGV.
        static_cast<void>(
            ipc::call<proto::Process::SetAction>(process(thread), signal_number::segv, 1U, proto::SignalAction{}));
        static_cast<void>(ipc::call<proto::Process::SetMask>(process(thread), mask_unblock, 1U,
                                                             std::uint64_t{1} << (signal_number::segv - 1)));
        raise(thread, signal_number::segv);
    }
}

/// One signal; if there are more, proc has set signal_pending again and the last check finds it.
void deliver_next(ThreadArea& thread) {
    DeliveredSignal delivered;
    if (take(thread, delivered)) { deliver(thread, delivered); }
}

/// The program makes the system call again when the handler has returned: as if it came back to before its call.
void rewind(ThreadArea& thread, Word number) {
    auto& frame = thread.frame;
    if (put(frame.esp - 4, frame.eip)) {
        frame.esp -= 4;
        frame.eip = address_of(__kernel_vsyscall);
        frame.eax = number;
    } else {
        frame.eax = static_cast<Word>(refuse(Error::Interrupted));
    }
}

/// A frame that the program made up must not fault here: the processor says whether the selector can be read through.
bool loadable(Word selector) {
    bool readable;
    asm("verr %w1" : "=@ccz"(readable) : "r"(selector));
    return readable;
}

[[noreturn]] void restore(ThreadArea& thread, SignalContext const& context, std::uint64_t mask) {
    auto& frame = thread.frame;
    frame.edi = context.edi;
    frame.esi = context.esi;
    frame.ebp = context.ebp;
    frame.esp = context.esp;
    frame.ebx = context.ebx;
    frame.edx = context.edx;
    frame.ecx = context.ecx;
    frame.eax = context.eax;
    frame.eip = context.eip;
    frame.eflags = (context.eflags & changeable_flags) | fixed_flags;
    frame.gs = loadable(context.gs & 0xffff) ? context.gs & 0xffff : 0;
    restore_floating_point(context.floating_point);
    static_cast<void>(ipc::call<proto::Process::SetMask>(process(thread), mask_set, 1U, mask));
    vdso_exit_full();
}

[[noreturn]] void bad_frame(ThreadArea& thread) {
    raise(thread, signal_number::segv);
    vdso_exit_full();
}

} // namespace

void raise(ThreadArea& thread, Word signal) {
    static_cast<void>(ipc::call<proto::Process::Kill>(process(thread), static_cast<Long>(thread.process_id),
                                                      static_cast<Long>(thread.thread_id), signal));
}

void end_interrupted_call(ThreadArea& thread, Word number, Handler handler, Long result) {
    for (Word repeats = 1;; ++repeats) {
        DeliveredSignal delivered;
        if (take(thread, delivered)) {
            if (result == restart_if_asked && (delivered.action.flags & action_flag::restart) != 0 &&
                !has_socket_time(thread, handler)) {
                rewind(thread, number);
            } else {
                thread.frame.eax = static_cast<Word>(refuse(Error::Interrupted));
            }
            deliver(thread, delivered);
            return;
        }
        thread.restarting = repeats;
        result = handler(thread);
        thread.restarting = 0;
        if (result != restart_if_asked && result != restart_never) {
            thread.frame.eax = static_cast<Word>(result);
            return;
        }
    }
}

Long sys_sigreturn(ThreadArea& thread) {
    // ESP is past the return address and the popped signal number.
    Word const address = thread.frame.esp - 8;
    SignalContext context;
    Word extra_mask;
    if (!fetch(address + static_cast<Word>(offsetof(SignalFrame, context)), context) ||
        !fetch(address + static_cast<Word>(offsetof(SignalFrame, extra_mask)), extra_mask)) {
        bad_frame(thread);
    }
    restore(thread, context, pair(context.old_mask, extra_mask));
}

Long sys_rt_sigreturn(ThreadArea& thread) {
    UserContext context;
    if (!fetch(thread.frame.esp - 4 + static_cast<Word>(offsetof(RealTimeSignalFrame, context)), context)) {
        bad_frame(thread);
    }
    restore(thread, context.context, pair(context.mask[0], context.mask[1]));
}

} // namespace vdso

/// entry.S: a signal was pending at the last check.
extern "C" [[gnu::used]] void vdso_deliver_signals(linux_process::ThreadArea& thread) { vdso::deliver_next(thread); }

/// entry.S: proc sent the thread here from program code, whose registers are in ThreadArea::interrupted.
extern "C" [[gnu::used]] void vdso_interrupted(linux_process::ThreadArea& thread) {
    auto const& from = thread.interrupted;
    thread.frame = {from.ebx, from.ecx, from.edx, from.esi,    from.edi, from.ebp,
                    from.eax, from.esp, from.eip, from.eflags, from.gs,  1};
    vdso::deliver_next(thread);
}

/// entry.S: a thread's first steps; proc has filled the frame.
extern "C" [[gnu::used]] void vdso_thread_started(linux_process::ThreadArea& thread) {
    thread.restarting = thread.masked = 0;
    thread.frame.eflags = (thread.frame.eflags & vdso::changeable_flags) | vdso::fixed_flags;
}
