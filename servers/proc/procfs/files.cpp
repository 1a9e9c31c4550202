// The roots of procfs, and what all its open files have.
#include "common.hpp"
#include "procfs.hpp"

namespace proc {

using namespace procfs;

auto ProcFs::file_system(PidNamespace& space) -> Result<ipc::Cap<Dir>> {
    auto* mounted = new Mounted{&space, 0};
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
        if (file->named != nullptr) file->named->release();
        delete file;
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
    Open const* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    proto::FileStatus status = status_of(*file->space, file->node);
    if (file->named != nullptr) {
        status.inode = file->named->inode();
        status.mode = 0100444;
    }
    return status;
}

auto ProcFs::on(F::Poll, Sender& sender, Word32 events) -> Result<Word32> {
    return open_of(sender) == nullptr ? Result<Word32>{fail(Error::BadDescriptor)} : Result<Word32>{events & 0x45}; // POLLIN | POLLOUT | POLLRDNORM
}

auto ProcFs::on(F::GetFlags, Sender& sender) -> Result<Word32> {
    Open const* const file = open_of(sender);
    return file == nullptr ? Result<Word32>{fail(Error::BadDescriptor)} : Result<Word32>{file->flags};
}
auto ProcFs::on(F::SetFlags, Sender& sender, Word32 flags) -> Result<Unit> {
    Open* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    file->flags = (file->flags & ~std::uint32_t{06000}) | (flags & 06000);
    return Unit{};
}

auto ProcFs::on(F::Name, Sender& sender, ipc::WriteBuffer) -> Result<Word32> {
    Open const* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    std::string const path = path_of(*file->space, file->node);
    std::string const text = path.empty() ? std::string{"/proc"} : "/proc/" + path;
    return static_cast<Word32>(sender.copy_out(0, std::as_bytes(std::span{text})).count);
}

auto ProcFs::on(F::Reopen, Sender& sender, Word32 flags) -> Result<std::tuple<ipc::Cap<F>, Word32>> {
    Open const* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    if ((flags & o_access) != 0 && !may_write(file->node)) return fail(Error::Access);
    Pid const* const opener = Pid::find_global(file->opener);
    auto opened = open_node(Walk{file->space, file->node, opener == nullptr || opener->process == nullptr ? nullptr : opener->process->leader(), {}}, flags);
    if (!opened) return fail(opened.error());
    return std::tuple{std::get<0>(*opened), static_cast<Word32>(std::get<1>(*opened).kind)};
}

} // namespace proc
