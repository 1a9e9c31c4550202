#include "transfer.hpp"
#include "signal_numbers.hpp"

namespace vdso {

namespace {
using proto::File;
inline constexpr Word transfer_maximum = 0x7ffff000;
inline constexpr Word touch_maximum = 0x20000; ///< bytes made present at a time

/// What a failed transfer gives after `done` bytes.
[[gnu::noinline, gnu::cold]] Long failed(ThreadArea& thread, Error error, Word done, bool write, bool no_signal) {
    if (done != 0) {
        return static_cast<Long>(done);
    }
    if (error == Error::Background) {
        return background(thread, write ? signal_number::ttou : signal_number::ttin);
    }
    if (error == Error::BrokenPipe && write && !no_signal) {
        raise(thread, signal_number::pipe);
    }
    return refuse(error);
}
} // namespace

bool touch(ThreadArea& thread, Address address, Address end, bool write) {
    if (address >= end) {
        end = address + 1;
    }
    Word const bytes = std::min(end - address, touch_maximum);
    if (ipc::call<proto::Process::Touch>(process(thread), address, bytes, write ? 1U : 0U)) {
        return true;
    }
    // The buffer may end where memory does: the page itself is what counts.
    return bytes > 1 && ipc::call<proto::Process::Touch>(process(thread), address, 1U, write ? 1U : 0U).has_value();
}

Long background(ThreadArea& thread, Word signal) {
    // Who ignores or blocks it reads EIO, and writes all the same.
    bool const blocked = (pair(thread.signal_mask_low, thread.signal_mask_high) >> (signal - 1) & 1) != 0;
    auto const action = ipc::call<proto::Process::SetAction>(process(thread), signal, 0U, proto::SignalAction{});
    bool const ignored = action && action->handler == signal_ignore;
    if (blocked || ignored || thread.restarting > 64) {
        return refuse(Error::InputOutput);
    }
    static_cast<void>(ipc::call<proto::Process::Kill>(process(thread), 0, 0, signal));
    return restart_if_asked;
}

Long read_bytes(ThreadArea& thread, Word descriptor, Word address, Word length, std::uint64_t const* offset) {
    Descriptor const* const open = find(thread, descriptor);
    if (open == nullptr) {
        return bad_descriptor;
    }
    bool const regular = is_regular(*open);
    length = std::min(length, transfer_maximum);
    Word done = 0;
    for (;;) {
        ipc::Result<proto::Transfer> got;
        {
            Interruptible const waiting{thread, !regular};
            ipc::WriteBuffer const buffer{pointer<void>(address + done), length - done};
            got = offset != nullptr ? ipc::call<File::ReadAt>(file(descriptor), *offset + done, buffer)
                                    : ipc::call<File::Read>(file(descriptor), thread.process_group, buffer);
        }
        if (!got) [[unlikely]] {
            return failed(thread, got.error(), done, false, false);
        }
        done += got->count;
        if (got->fault == 0 || done >= length) {
            return static_cast<Long>(done);
        }
        if (!touch(thread, got->fault, address + length, true)) {
            return done != 0 ? static_cast<Long>(done) : fault;
        }
        if (done != 0 && !regular) {
            return static_cast<Long>(done); // the rest might not be there yet
        }
    }
}

Long write_bytes(ThreadArea& thread, Word descriptor, Word address, Word length, std::uint64_t const* offset, bool no_signal) {
    Descriptor const* const open = find(thread, descriptor);
    if (open == nullptr) {
        return bad_descriptor;
    }
    bool const regular = is_regular(*open);
    length = std::min(length, transfer_maximum);
    Word done = 0;
    Word group = thread.process_group;
    for (;;) {
        ipc::Result<proto::Transfer> got;
        {
            Interruptible const waiting{thread, !regular};
            ipc::ReadBuffer const buffer{pointer<void>(address + done), length - done};
            got = offset != nullptr ? ipc::call<File::WriteAt>(file(descriptor), *offset + done, buffer)
                                    : ipc::call<File::Write>(file(descriptor), group, buffer);
        }
        if (!got) [[unlikely]] {
            Long const result = failed(thread, got.error(), done, true, no_signal);
            if (got.error() == Error::Background && result == refuse(Error::InputOutput) && group != 0) {
                group = 0; // TOSTOP does not hold who ignores SIGTTOU
                continue;
            }
            return result;
        }
        done += got->count;
        if (got->fault == 0 || done >= length) {
            return static_cast<Long>(done);
        }
        if (!touch(thread, got->fault, address + length, false)) {
            return done != 0 ? static_cast<Long>(done) : fault;
        }
    }
}

} // namespace vdso
