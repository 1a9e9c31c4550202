#include "transfer.hpp"
#include "calls.hpp"
#include "event_files.hpp"
#include "local_sockets.hpp"
#include "signal_numbers.hpp"

namespace vdso {

namespace {
using proto::File;
inline constexpr Word transfer_maximum = 0x7ffff000;
inline constexpr Word touch_maximum = 0x20000; ///< bytes made present at a time

/// What a failed transfer gives after `done` bytes.
[[gnu::noinline, gnu::cold]] Long failed(ThreadArea& thread, Error error, Word done, bool write, bool no_signal) {
    if (done != 0) { return static_cast<Long>(done); }
    if (error == Error::Background) { return background(thread, write ? signal_number::ttou : signal_number::ttin); }
    if (error == Error::BrokenPipe && write && !no_signal) { raise(thread, signal_number::pipe); }
    return refuse(error);
}
} // namespace

bool touch(ThreadArea& thread, Address address, Address end, bool write) {
    if (address >= end) { end = address + 1; }
    Word const bytes = std::min(end - address, touch_maximum);
    if (ipc::call<proto::Process::Touch>(process(thread), address, bytes, write ? 1U : 0U)) { return true; }
    // The buffer may end where memory does: the page itself is what counts.
    return bytes > 1 && ipc::call<proto::Process::Touch>(process(thread), address, 1U, write ? 1U : 0U).has_value();
}

Long background(ThreadArea& thread, Word signal) {
    // Who ignores or blocks it reads EIO, and writes all the same.
    bool const blocked = (pair(thread.signal_mask_low, thread.signal_mask_high) >> (signal - 1) & 1) != 0;
    auto const action = ipc::call<proto::Process::SetAction>(process(thread), signal, 0U, proto::SignalAction{});
    bool const ignored = action && action->handler == signal_ignore;
    if (blocked || ignored || thread.restarting > 64) { return refuse(Error::InputOutput); }
    static_cast<void>(ipc::call<proto::Process::Kill>(process(thread), 0, 0, signal));
    return restart_if_asked;
}

namespace {

/// One message's outcome: count and fault if there is no error.
struct Attempt {
    Error error;
    Word count;
    Address fault;
};
Attempt outcome(ipc::Result<proto::Transfer> const& result) {
    return result ? Attempt{Error::None, result->count, result->fault} : Attempt{result.error(), 0, 0};
}

Attempt attempt_read(ThreadArea& thread, Word descriptor, bool regular, Word address, Word length,
                     std::uint64_t const* offset) {
    Interruptible const waiting{thread, !regular};
    ipc::WriteBuffer const buffer{pointer<void>(address), length};
    return outcome(offset != nullptr ? ipc::call<File::ReadAt>(file(descriptor), *offset, buffer)
                                     : ipc::call<File::Read>(file(descriptor), thread.process_group, buffer));
}
Attempt attempt_write(ThreadArea& thread, Word descriptor, bool regular, Word group, Word address, Word length,
                      std::uint64_t const* offset) {
    Interruptible const waiting{thread, !regular};
    ipc::ReadBuffer const buffer{pointer<void>(address), length};
    return outcome(offset != nullptr ? ipc::call<File::WriteAt>(file(descriptor), *offset, buffer)
                                     : ipc::call<File::Write>(file(descriptor), group, buffer));
}

/// After the first attempt. The descriptor was open.
[[gnu::noinline]] Long go_on_reading(ThreadArea& thread, Word descriptor, bool regular, Word address, Word length,
                                     std::uint64_t const* offset, Attempt got) {
    for (Word done = 0;;) {
        if (got.error == Error::Elsewhere) { // a signal descriptor
            return read_signals(thread, descriptor, address, length);
        }
        if (got.error != Error::None) { return failed(thread, got.error, done, false, false); }
        done += got.count;
        if (got.fault == 0 || done >= length) { return static_cast<Long>(done); }
        if (!touch(thread, got.fault, address + length, true)) { return done != 0 ? static_cast<Long>(done) : fault; }
        if (done != 0 && !regular) {
            return static_cast<Long>(done); // the rest might not be there yet
        }
        std::uint64_t const at = offset != nullptr ? *offset + done : 0;
        got =
            attempt_read(thread, descriptor, regular, address + done, length - done, offset != nullptr ? &at : nullptr);
    }
}
[[gnu::noinline]] Long go_on_writing(ThreadArea& thread, Word descriptor, bool regular, Word address, Word length,
                                     std::uint64_t const* offset, bool no_signal, Attempt got) {
    Word group = thread.process_group;
    for (Word done = 0;;) {
        if (got.error == Error::Elsewhere) { // a socket whose reader asks who sends
            return send_shown(thread, descriptor, {address, length, no_signal ? proto::message_flag::no_signal : 0}, {},
                              {});
        }
        if (got.error != Error::None) {
            Long const result = failed(thread, got.error, done, true, no_signal);
            if (got.error != Error::Background || result != refuse(Error::InputOutput) || group == 0) { return result; }
            group = 0; // TOSTOP does not hold who ignores SIGTTOU
        } else {
            done += got.count;
            if (got.fault == 0 || done >= length) { return static_cast<Long>(done); }
            if (!touch(thread, got.fault, address + length, false)) {
                return done != 0 ? static_cast<Long>(done) : fault;
            }
        }
        std::uint64_t const at = offset != nullptr ? *offset + done : 0;
        got = attempt_write(thread, descriptor, regular, group, address + done, length - done,
                            offset != nullptr ? &at : nullptr);
    }
}

/// What the stubs would make of an answer in which `call` came back.
[[gnu::noinline]] Attempt understand(ipc::SystemCall const& call) {
    if (call.info.raw == abi::MessageInfo{0, 2}.raw) { return {Error::None, call.word0, call.word1}; }
    return {(call.info.raw >> 14) == 0 ? Error::BadMessage
                                       : ipc::detail::error_reply<ipc::detail::Slots::ChosenByCaller>(call.info),
            0, 0};
}

/// File::Read and File::Write as the stubs would send them: one word out, the two words of a Transfer back, all in registers.
/// True: word0 of `call` is the number of bytes and there is nothing more to say.
template <class M, Word buffer_flag>
[[gnu::always_inline]] inline bool quick(ThreadArea& thread, Word descriptor, bool regular, ipc::SystemCall& call) {
    static_assert(std::is_same_v<typename M::Reply, proto::Transfer> && sizeof(proto::Transfer) == 8);
    call.info = abi::MessageInfo{M::label(), 1, 0, buffer_flag}.with(abi::Syscall::Call);
    call.target = slot_of(descriptor);
    call.word0 = thread.process_group;
    thread.in_call = regular ? 1 : 2;
    ipc::sys_call(call);
    thread.in_call = 1;
    return call.info.raw == abi::MessageInfo{0, 2}.raw && call.word1 == 0;
}

} // namespace

Long sys_read(ThreadArea& thread) {
    Word const descriptor = argument1(thread), length = argument3(thread);
    Descriptor const* const open = find(thread, descriptor);
    if (open == nullptr) [[unlikely]] { return bad_descriptor; }
    if (length > transfer_maximum) [[unlikely]] { return read_bytes(thread, descriptor, argument2(thread), length); }
    bool const regular = is_regular(*open);
    abi::IpcBuffer& buffer = ipc::buffer();
    buffer.write_address = argument2(thread);
    buffer.write_length = length;
    ipc::SystemCall call;
    if (quick<File::Read, abi::MessageInfo::write_buffer>(thread, descriptor, regular, call)) [[likely]] {
        return static_cast<Long>(call.word0);
    }
    return go_on_reading(thread, descriptor, regular, argument2(thread), length, nullptr, understand(call));
}

Long sys_write(ThreadArea& thread) {
    Word const descriptor = argument1(thread), length = argument3(thread);
    Descriptor const* const open = find(thread, descriptor);
    if (open == nullptr) [[unlikely]] { return bad_descriptor; }
    if (length > transfer_maximum) [[unlikely]] { return write_bytes(thread, descriptor, argument2(thread), length); }
    bool const regular = is_regular(*open);
    abi::IpcBuffer& buffer = ipc::buffer();
    buffer.read_address = argument2(thread);
    buffer.read_length = length;
    ipc::SystemCall call;
    if (quick<File::Write, abi::MessageInfo::read_buffer>(thread, descriptor, regular, call)) [[likely]] {
        return static_cast<Long>(call.word0);
    }
    return go_on_writing(thread, descriptor, regular, argument2(thread), length, nullptr, false, understand(call));
}

Long read_bytes(ThreadArea& thread, Word descriptor, Word address, Word length, std::uint64_t const* offset) {
    Descriptor const* const open = find(thread, descriptor);
    if (open == nullptr) { return bad_descriptor; }
    bool const regular = is_regular(*open);
    length = std::min(length, transfer_maximum);
    return go_on_reading(thread, descriptor, regular, address, length, offset,
                         attempt_read(thread, descriptor, regular, address, length, offset));
}

Long write_bytes(ThreadArea& thread, Word descriptor, Word address, Word length, std::uint64_t const* offset,
                 bool no_signal) {
    Descriptor const* const open = find(thread, descriptor);
    if (open == nullptr) { return bad_descriptor; }
    bool const regular = is_regular(*open);
    length = std::min(length, transfer_maximum);
    return go_on_writing(thread, descriptor, regular, address, length, offset, no_signal,
                         attempt_write(thread, descriptor, regular, thread.process_group, address, length, offset));
}

} // namespace vdso
