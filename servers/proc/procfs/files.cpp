// The roots of procfs, and what all its open files have.
#include "common.hpp"
#include "procfs.hpp"

namespace proc {

using namespace procfs;

auto ProcFs::file_system(PidNamespace& space) -> Result<ipc::Cap<Dir>> {
    auto* mounted = new Mounted{&space, 0, {}, {}};
    mounted->badge = core.table.badges.allocate(ObjectKind::ProcessDirectory, mounted);
    space.retain();
    auto const cap = ipc::mint_session<Dir>(mounted->badge);
    if (!cap) no_senders(mounted->badge);
    return cap;
}

auto ProcFs::group_file_system(PidNamespace& space, Group& root) -> Result<ipc::Cap<Dir>> {
    auto* mounted =
        new Mounted{&space, 0, Node{NodeKind::GroupDirectory, 0755, 0, 0, root.number()}, GroupReference{&root}};
    mounted->badge = core.table.badges.allocate(ObjectKind::ProcessDirectory, mounted);
    space.retain();
    auto const cap = ipc::mint_session<Dir>(mounted->badge);
    if (!cap) no_senders(mounted->badge);
    return cap;
}

void ProcFs::no_senders(Word badge) {
    if (auto* const mounted = core.table.badges.find<Mounted>(badge, ObjectKind::ProcessDirectory)) {
        core.table.badges.release(badge);
        mounted->space->release();
        delete mounted;
    } else if (auto* const file = core.table.badges.find<Open>(badge, ObjectKind::ProcessFile)) {
        core.table.badges.release(badge);
        file->space->release();
        delete file;
    } else {
        core.handle_gone(badge);
    }
}

auto ProcFs::on(F::Seek, Sender& sender, std::int64_t offset, Word32 whence) -> Result<std::uint64_t> {
    Open* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    std::int64_t const base = whence == 1 ? static_cast<std::int64_t>(file->offset) : 0;
    if (whence > 1 || offset > (std::int64_t{1} << 40) || base + offset < 0) return fail(Error::Invalid);
    file->offset = static_cast<std::uint64_t>(base + offset);
    return file->offset;
}

auto ProcFs::on(F::Stat, Sender& sender) -> Result<proto::FileStatus> {
    if (Handle const* const handle = handle_of(sender)) return handle_status(*handle);
    Open const* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    Pid const* const opener = Pid::find_global(file->opener);
    proto::FileStatus status = status_of(opener == nullptr ? nullptr : opener->process, file->node);
    return status;
}

auto ProcFs::on(F::Poll, Sender& sender, Word32 events) -> Result<Word32> {
    constexpr Word32 in = 1 | 0x40, out = 4; // POLLIN | POLLRDNORM, POLLOUT
    if (Handle const* const handle = handle_of(sender)) {
        if (handle->process != nullptr) return handle->events_now() & events;
        return events & (in | out);
    }
    return open_of(sender) == nullptr ? Result<Word32>{fail(Error::BadDescriptor)}
                                      : Result<Word32>{events & (in | out)};
}

auto ProcFs::on(F::PollArm, Sender& sender, Word32 events, Word32 token, ipc::Cap<ipc::Notification> notification)
    -> Result<Word32> {
    auto const now = on(F::Poll{}, sender, events);
    Handle* const handle = handle_of(sender);
    constexpr std::size_t most = 1024;
    if (now && *now == 0 && handle != nullptr && handle->waiters.size() < most) {
        handle->waiters.push_back({token, notification.slot});
    } else {
        core.machine.drop(notification.slot);
    }
    return now;
}

auto ProcFs::on(F::PollDisarm, Sender& sender, Word32 token) -> Result<Unit> {
    if (Handle* const handle = handle_of(sender)) {
        std::erase_if(handle->waiters, [&](Handle::Waiter const& waiter) {
            if (waiter.token == token) core.machine.drop(waiter.notification);
            return waiter.token == token;
        });
    }
    return Unit{};
}

auto ProcFs::on(F::GetFlags, Sender& sender) -> Result<Word32> {
    constexpr Word32 read_write = 2;
    if (Handle const* const handle = handle_of(sender))
        return handle->process != nullptr ? read_write | handle->flags : 0;
    Open const* const file = open_of(sender);
    return file == nullptr ? Result<Word32>{fail(Error::BadDescriptor)} : Result<Word32>{file->flags};
}
auto ProcFs::on(F::SetFlags, Sender& sender, Word32 flags) -> Result<Unit> {
    if (Handle* const handle = handle_of(sender)) {
        handle->flags = flags & 04000;
        return Unit{};
    }
    Open* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    file->flags = (file->flags & ~std::uint32_t{06000}) | (flags & 06000);
    return Unit{};
}

auto ProcFs::on(F::Name, Sender& sender, ipc::WriteBuffer) -> Result<Word32> {
    if (Handle const* const handle = handle_of(sender)) {
        std::string const name = handle_name(*handle);
        return static_cast<Word32>(sender.copy_out(0, std::as_bytes(std::span{name})).count);
    }
    Open const* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    std::string const path = path_of(core, *file->space, file->node);
    std::string const text = path.empty() ? std::string{"/proc"} : "/proc/" + path;
    return static_cast<Word32>(sender.copy_out(0, std::as_bytes(std::span{text})).count);
}

auto ProcFs::on(F::Reopen, Sender& sender, Word32 flags) -> Result<std::tuple<ipc::Cap<F>, Word32>> {
    if (Handle const* const handle = handle_of(sender)) {
        if (handle->process != nullptr) return fail(Error::NoDevice);
        auto const made = handle->shared != nullptr      ? core.make_handle(*handle->shared)
                          : handle->pid_space != nullptr ? core.make_handle(*handle->pid_space)
                                                         : core.make_handle(*handle->user_space);
        if (!made) return fail(made.error());
        return std::tuple{ipc::Cap<F>{*made}, static_cast<Word32>(proto::FileKind::Namespace)};
    }
    Open const* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    if ((flags & o_access) != 0 && !may_write(file->node)) return fail(Error::Access);
    Pid const* const opener = Pid::find_global(file->opener);
    auto opened = open_node(Walk{file->space,
                                 file->node,
                                 opener == nullptr || opener->process == nullptr ? nullptr : opener->process->leader(),
                                 {}},
                            flags);
    if (!opened) return fail(opened.error());
    return std::tuple{std::get<0>(*opened), static_cast<Word32>(std::get<1>(*opened).kind)};
}

} // namespace proc
