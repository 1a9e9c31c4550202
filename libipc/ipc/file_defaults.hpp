// What a File answers that is none of the things its server has: the errno values Linux gives for a file whose driver lacks the
// operation. A server derives from it, says `using FileDefaults::on`, and declares the operations it does have.
#pragma once
#include "proto/file.hpp"
#include "sender.hpp"
#include "unused.hpp"
#include <utility>

namespace ipc {

class FileDefaults {
public:
    using File = proto::File;
    Result<File::Transfer> on(File::Read, Sender&, std::uint32_t, WriteBuffer) { return fail(Error::Invalid); }
    Result<File::Transfer> on(File::Write, Sender&, std::uint32_t, ReadBuffer) { return fail(Error::Invalid); }
    Result<File::Transfer> on(File::ReadAt, Sender&, std::uint64_t, WriteBuffer) { return fail(Error::Invalid); }
    Result<File::Transfer> on(File::WriteAt, Sender&, std::uint64_t, ReadBuffer) { return fail(Error::Invalid); }
    Result<std::uint64_t> on(File::Seek, Sender&, std::int64_t, std::uint32_t) { return fail(Error::IllegalSeek); }
    Result<proto::FileStatus> on(File::Stat, Sender&) { return fail(Error::BadDescriptor); }
    /// A file that cannot be waited for is always ready.
    Result<std::uint32_t> on(File::Poll, Sender&, std::uint32_t events) { return events & always_ready; }
    Result<std::uint32_t> on(File::PollArm, Sender&, std::uint32_t events, std::uint32_t, Cap<Notification> waker) {
        release_unused(waker);
        return events & always_ready;
    }
    Result<Unit> on(File::PollDisarm, Sender&, std::uint32_t) { return Unit{}; }
    Result<std::uint32_t> on(File::Ioctl, Sender&, std::uint32_t, std::uint32_t, ReadBuffer, WriteBuffer) {
        return fail(Error::NotTerminal);
    }
    Result<File::Transfer> on(File::GetDirectoryEntries, Sender&, WriteBuffer) { return fail(Error::NotDirectory); }
    Result<Unit> on(File::Truncate, Sender&, std::uint64_t) { return fail(Error::Invalid); }
    Result<Unit> on(File::Synchronize, Sender&) { return fail(Error::Invalid); }
    Result<std::uint32_t> on(File::GetFlags, Sender&) { return 0U; }
    Result<Unit> on(File::SetFlags, Sender&, std::uint32_t) { return Unit{}; }
    Result<Unit> on(File::SetAttributes, Sender&, proto::AttributeChange const&) { return fail(Error::NotPermitted); }
    Result<std::tuple<Cap<Frame>, proto::FilePage>> on(File::Page, Sender&, std::uint32_t, std::uint32_t) {
        return fail(Error::NoSuchDevice);
    }
    Result<std::uint32_t> on(File::Name, Sender&, WriteBuffer) { return fail(Error::BadDescriptor); }
    Result<Unit> on(File::Lock, Sender&, proto::LockRequest const&) { return fail(Error::Invalid); }
    Result<std::tuple<Cap<File>, std::uint32_t>> on(File::Reopen, Sender&, std::uint32_t) {
        return fail(Error::NoDevice);
    }
    Result<Unit> on(File::Attach, Sender&, OptionalCap<File> a, OptionalCap<File> b, OptionalCap<File> c) {
        release_unused(a, b, c);
        return fail(Error::Invalid);
    }
    Result<std::array<std::uint64_t, 8>> on(File::StatFileSystem, Sender&) { return fail(Error::NotImplemented); }
    Result<std::uint32_t> on(File::CopyFrom, Sender&, OptionalCap<File> source, std::uint64_t, std::uint64_t,
                             std::uint32_t) {
        release_unused(source);
        return fail(Error::CrossDevice);
    }

    Result<Cap<proto::EventSet>> on(File::NewEventSet, Sender&) { return fail(Error::NotPermitted); }

protected:
    ~FileDefaults() = default;
    static constexpr std::uint32_t always_ready = 0x145; ///< POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM

    /// The part of `text` from `offset` on, as much as the caller's buffer takes. Fault is in the answer.
    static proto::Transfer give_text(Sender const& sender, std::string_view text, std::uint64_t offset) {
        auto const rest = text.substr(static_cast<std::size_t>(std::min<std::uint64_t>(offset, text.size())));
        auto const part = rest.substr(0, sender.write_length);
        auto const done = sender.copy_out(0, std::as_bytes(std::span{part}));
        return {static_cast<std::uint32_t>(done.count), done.count < part.size() ? done.caller_fault : 0};
    }
    static Result<std::uint32_t> give_name(Sender const& sender, std::string_view name) {
        static_cast<void>(sender.copy_out(0, std::as_bytes(std::span{name})));
        return static_cast<std::uint32_t>(name.size());
    }
};

} // namespace ipc
