// What entry.S leaves to C++ on the way to a handler and back; and what both believe about the thread area.
#include "delivery.hpp"
#include "vdso.hpp"

namespace {
using linux_process::ThreadArea;
static_assert(abi::ipc_buffer_end == 512 && offsetof(ThreadArea, frame) == 0 &&
              offsetof(linux_process::UserFrame, eip) == 32);
static_assert(offsetof(ThreadArea, process_id) == 572 - 512 && offsetof(ThreadArea, thread_id) == 576 - 512);
static_assert(offsetof(ThreadArea, in_call) == 616 - 512 && offsetof(ThreadArea, interrupted) == 624 - 512);
static_assert(offsetof(abi::IpcBuffer, redirect_flags) == 304);
static_assert(sizeof(linux_process::VdsoHeader) == 17 * 4 && offsetof(linux_process::VdsoHeader, windows) == 32);

} // namespace

/// entry.S: a number that has no handler (also in the table's gaps).
extern "C" [[gnu::used, gnu::cold]] vdso::Long vdso_unknown_call(ThreadArea& thread) {
    static_cast<void>(ipc::call<proto::Process::Unknown>(vdso::process(thread), thread.frame.eax));
    return vdso::not_implemented;
}

/// entry.S: a handler gave restart_if_asked or restart_never; EAX of the frame still is the number.
extern "C" [[gnu::used, gnu::cold]] void vdso_restart(ThreadArea& thread, vdso::Long result) {
    std::uint32_t const number = thread.frame.eax;
    vdso::end_interrupted_call(thread, number, vdso::handler_of(number), result);
}
