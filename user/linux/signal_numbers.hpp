// Signals and flags of sigaction(2), i386.
#pragma once
#include <cstdint>

namespace vdso {
namespace signal_number {
inline constexpr std::uint32_t kill = 9, segv = 11, pipe = 13, alarm = 14, child = 17, cont = 18, stop = 19, ttin = 21,
                               ttou = 22;
inline constexpr std::uint32_t last = 64;
} // namespace signal_number
inline constexpr std::uint32_t signal_default = 0, signal_ignore = 1;
namespace action_flag {
inline constexpr std::uint32_t information = 4, on_stack = 0x08000000, restart = 0x10000000, no_defer = 0x40000000,
                               reset_hand = 0x80000000, restorer = 0x04000000;
} // namespace action_flag
enum MaskHow : std::uint32_t { mask_block = 0, mask_unblock = 1, mask_set = 2 };
} // namespace vdso
