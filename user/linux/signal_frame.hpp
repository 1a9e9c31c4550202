// What Linux puts on the stack of a signal handler (arch/x86, 32 bit): programs, debuggers and unwinders know it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace vdso {

struct SignalContext {
    std::uint32_t gs, fs, es, ds;
    std::uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax;
    std::uint32_t trap, error, eip, cs, eflags, esp_at_signal, ss;
    std::uint32_t floating_point; ///< address of a FloatingPointState, 0: none
    std::uint32_t old_mask, cr2;
};
static_assert(sizeof(SignalContext) == 88);
static_assert(offsetof(SignalContext, eax) == 44 && offsetof(SignalContext, eip) == 56 &&
              offsetof(SignalContext, floating_point) == 76);

/// The old FSAVE image, then FXSAVE's.
struct FloatingPointState {
    std::uint32_t legacy[27];
    std::uint16_t status, magic; ///< magic 0: the FXSAVE part is there
    alignas(4) std::uint8_t fxsave[512];
};
static_assert(sizeof(FloatingPointState) == 624 && offsetof(FloatingPointState, fxsave) == 112);

struct SignalFrame {
    std::uint32_t return_address, signal;
    SignalContext context;
    std::uint8_t unused_floating_point[sizeof(FloatingPointState)];
    std::uint32_t extra_mask;
    std::uint8_t return_code[8];
};
static_assert(sizeof(SignalFrame) == 732 && offsetof(SignalFrame, context) == 8 &&
              offsetof(SignalFrame, extra_mask) == 720);

/// siginfo_t.
struct SignalInfo {
    std::int32_t number, error, code;
    std::uint32_t fields
        [29]; ///< kill: pid, uid; SIGCHLD: pid, uid, status, utime, stime; faults: address; queue: pid, uid, value
};
static_assert(sizeof(SignalInfo) == 128);

struct SignalStack {
    std::uint32_t address;
    std::uint32_t flags;
    std::uint32_t size;
};
struct UserContext {
    std::uint32_t flags, link;
    SignalStack stack;
    SignalContext context;
    std::uint32_t mask[2];
};
static_assert(sizeof(UserContext) == 116);

struct RealTimeSignalFrame {
    std::uint32_t return_address, signal, info_address, context_address;
    SignalInfo info;
    UserContext context;
    std::uint8_t return_code[8];
};
static_assert(sizeof(RealTimeSignalFrame) == 268 && offsetof(RealTimeSignalFrame, info) == 16 &&
              offsetof(RealTimeSignalFrame, context) == 144);

/// Where a frame of `bytes` goes below `stack`, as the ABI aligns it: the stack is 16-byte aligned before the call.
constexpr std::uint32_t frame_address(std::uint32_t stack, std::uint32_t bytes) {
    return ((stack - bytes + 4) & ~15U) - 4;
}
/// Where the FloatingPointState goes: its FXSAVE part aligned for the processor.
constexpr std::uint32_t floating_point_address(std::uint32_t stack) {
    return ((stack - 512) & ~63U) - static_cast<std::uint32_t>(offsetof(FloatingPointState, fxsave));
}
/// Flags of EFLAGS that a signal handler may set for the code it returns to (FIX_EFLAGS without TF).
inline constexpr std::uint32_t changeable_flags = 0x50cd5, fixed_flags = 0x202;

} // namespace vdso
