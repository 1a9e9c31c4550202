#include "program_files.hpp"
#include <algorithm>

namespace proc {

Result<ProgramFiles::Opened> GuestProgramFiles::open(Process& process, CapabilityPointer directory,
                                                     std::string_view path) {
    // Never waits: a FIFO is opened for reading without a writer, then refused for what it is.
    constexpr Word read_only_no_block = 04000;
    ipc::OptionalCap<proto::File> at;
    at.slot = path.starts_with('/') ? 0 : directory;
    if (path.empty()) {
        auto const status = ipc::call<proto::File::Stat>(ipc::Cap<proto::File>{directory});
        if (!status) return fail(status.error());
        auto again = ipc::call<proto::File::Reopen>(ipc::Cap<proto::File>{directory}, 0u);
        if (!again) return fail(again.error());
        bool const regular = (status->mode & 0170000) == 0100000;
        return Opened{std::get<0>(*again).slot, regular ? proto::FileKind::Regular : proto::FileKind::Other};
    }
    ipc::Cap<proto::Directory> const session{process.vfs_session};
    auto opened = ipc::call<proto::Directory::Open>(session, at, ipc::OptionalCap<proto::Process>{}, read_only_no_block,
                                                    0u, ipc::Path{path});
    if (opened) return Opened{std::get<0>(*opened).slot, std::get<1>(*opened).kind};
    if (opened.error() != Error::Elsewhere) return fail(opened.error());
    auto reader = ipc::last_reply();
    auto const elsewhere = reader.read<ipc::OptionalCap<proto::Directory>>();
    if (!elsewhere) return fail(Error::InputOutput);
    auto const rest = reader.read<proto::Continuation>();
    if (elsewhere->slot != 0) ipc::release_slot(elsewhere->slot);
    if (!rest || procfs == nullptr) return fail(Error::InputOutput);
    // A reply does not say whose capability it brought. The rest of the way to a device is its minor number: nothing that could be
    // run, as is no directory of procfs; every other way leads into a procfs, and that is proc's own.
    std::string_view const way = rest->rest.view();
    if ((rest->flags & 1) == 0) return fail(Error::Access); // mqueue, cgroup2: nothing there is run
    if (std::ranges::all_of(way, [](char c) { return c >= '0' && c <= '9'; })) return fail(Error::Access);
    auto file = procfs->open_executable(process, 0, way);
    if (!file) return fail(file.error());
    return Opened{*file, proto::FileKind::Regular};
}

} // namespace proc
