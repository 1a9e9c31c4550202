// Signals on the way back to the program.
#pragma once
#include "vdso.hpp"

namespace vdso {

/// The call `number` gave restart_if_asked or restart_never: delivers what is due and settles what the program finds.
[[gnu::cold]] void end_interrupted_call(ThreadArea& thread, Word number, Handler handler, Long result);
Long sys_sigreturn(ThreadArea& thread);
Long sys_rt_sigreturn(ThreadArea& thread);

} // namespace vdso
