// Invocations on the loopback's threads: they keep what they are told, and do not run.
#include "world.hpp"

namespace ipc::host {

using abi::Error;
using abi::Invocation;

Error World::invoke_thread(Invocation invocation, HostThread& thread, Word& result_length) {
    auto const object_of = [&](Word index) -> ObjectPointer {
        Capability const* const given = extra(index);
        return given != nullptr ? given->object : nullptr;
    };
    switch (invocation) {
    case Invocation::ThreadConfigure:
        thread.ipc_buffer = word(0);
        thread.guard = word(1);
        thread.cspace = object_of(0);
        thread.space = object_of(1);
        thread.ipc_frame = object_of(2);
        return thread.cspace && thread.space && thread.ipc_frame ? Error::None : Error::InvalidCapability;
    case Invocation::ThreadSetFaultHandler:
        thread.fault_handler = extra(0) != nullptr ? *extra(0) : Capability{};
        return Error::None;
    case Invocation::ThreadSetPriority: thread.priority = word(0); return Error::None;
    case Invocation::ThreadReadRegisters:
        std::memcpy(&context_->buffer.message[0], &thread.registers, sizeof thread.registers);
        result_length = abi::register_count;
        return Error::None;
    case Invocation::ThreadWriteRegisters:
        std::memcpy(&thread.registers, &context_->buffer.message[1], sizeof thread.registers);
        if (word(0) != 0) { thread.state = abi::ThreadState::Running; }
        return Error::None;
    case Invocation::ThreadSuspend: thread.state = abi::ThreadState::Inactive; return Error::None;
    case Invocation::ThreadResume: thread.state = abi::ThreadState::Running; return Error::None;
    case Invocation::ThreadInterrupt:
        ++thread.interrupts;
        word(0) = thread.state != abi::ThreadState::Running && thread.state != abi::ThreadState::Inactive ? 1 : 0;
        result_length = 1;
        return Error::None;
    case Invocation::ThreadSetTls:
        if (word(0) > 2) { return Error::RangeError; }
        thread.tls[word(0)] = {word(1), word(2), word(3)};
        return Error::None;
    case Invocation::ThreadSetRedirect: thread.redirect = word(0); return Error::None;
    case Invocation::ThreadBindNotification: thread.bound_notification = object_of(0); return Error::None;
    case Invocation::ThreadUnbindNotification: thread.bound_notification = nullptr; return Error::None;
    case Invocation::ThreadSetName: {
        char const* const text = reinterpret_cast<char const*>(&context_->buffer.message[0]);
        thread.name.assign(text, strnlen(text, 16));
        return Error::None;
    }
    case Invocation::ThreadSetSpace:
        thread.ipc_buffer = word(0);
        thread.space = object_of(0);
        thread.ipc_frame = object_of(1);
        return Error::None;
    case Invocation::ThreadSetCSpace:
        thread.guard = word(0);
        thread.cspace = object_of(0);
        return Error::None;
    case Invocation::ThreadCopyFloatingPoint: return Error::None;
    case Invocation::ThreadGetState:
        word(0) = static_cast<Word>(thread.state);
        result_length = 1;
        return Error::None;
    default: return Error::IllegalOperation;
    }
}

} // namespace ipc::host
