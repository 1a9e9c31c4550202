// From the saved frame to the handler of the system call.
#include "delivery.hpp"
#include "vdso.hpp"

namespace {
using linux_process::ThreadArea;
static_assert(abi::ipc_buffer_end == 512 && offsetof(ThreadArea, frame) == 0 && offsetof(linux_process::UserFrame, eip) == 32);
static_assert(offsetof(ThreadArea, process_id) == 572 - 512 && offsetof(ThreadArea, thread_id) == 576 - 512);
static_assert(offsetof(ThreadArea, in_call) == 616 - 512 && offsetof(ThreadArea, interrupted) == 624 - 512);
static_assert(offsetof(abi::IpcBuffer, redirect_flags) == 304);
static_assert(sizeof(linux_process::VdsoHeader) == 17 * 4 && offsetof(linux_process::VdsoHeader, windows) == 32);

[[gnu::noinline, gnu::cold]] void unknown_call(ThreadArea& thread, std::uint32_t number) {
    static_cast<void>(ipc::call<proto::Process::Unknown>(vdso::process(thread), number));
    thread.frame.eax = static_cast<std::uint32_t>(vdso::not_implemented);
}
} // namespace

/// entry.S: the frame is saved; EAX of the frame becomes the result.
extern "C" [[gnu::used]] void vdso_dispatch(ThreadArea& thread) {
    std::uint32_t const number = thread.frame.eax;
    vdso::Handler const handler = vdso::handler_of(number);
    if (handler == nullptr) [[unlikely]] {
        unknown_call(thread, number);
        return;
    }
    vdso::Long const result = handler(thread);
    if (result == vdso::restart_if_asked || result == vdso::restart_never) [[unlikely]] {
        vdso::end_interrupted_call(thread, number, handler, result);
        return;
    }
    thread.frame.eax = static_cast<std::uint32_t>(result);
}
