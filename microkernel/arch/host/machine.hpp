// The machine that tests give the kernel: memory, an interrupt that comes when the test wants it, ports, a log.
#pragma once
#include "../../kernel/arch.hpp"
#include <string>

namespace arch::host {

inline constexpr Word memory_bytes = 64 << 20;
inline constexpr Address memory_start = 0x01000000; ///< physical

struct Machine {
    Word preempt_every = 0; ///< every n-th preemption point finds an interrupt; 0: none ever
    Word preempt_at = 0;    ///< this preemption point too, counted from 1; 0: none
    Word preemption_points = 0;
    Word served = 0;               ///< calls of serve_interrupts
    bool tick_on_interrupt = true; ///< such an interrupt is a tick
    Word masked_lines = 0xffff;
    Word port_value = 0; ///< read from any port
    Word last_port = 0, last_port_value = 0;
    std::string log;
    Context* loaded = nullptr;       ///< whose state the processor holds
    void const* directory = nullptr; ///< that it translates with; null: the kernel's own
    Word page_flushes = 0, space_flushes = 0;
};
extern Machine machine;

/// Empty memory and a machine in its first state.
void reset();

} // namespace arch::host
