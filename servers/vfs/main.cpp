// The file server. Wiring only.
#include "frames.hpp"
#include "ipc/log.hpp"
#include "ipc/needs.hpp"
#include "server.hpp"

namespace {
/// What an inode with its name takes of the heap at the most (half of which is theirs), and an open file or session (a quarter).
/// The last quarter is for page tables, mounts and texts: running out of heap would end the server.
constexpr abi::Word heap_per_inode = 640, heap_per_object = 448;
/// Slots kept back for Reply objects, chunks and received capabilities.
constexpr abi::Word slots_kept_back = 1024;
constexpr abi::Word no_senders_bit = 0, clock_bit = 1;
} // namespace

int server_main(ipc::ServerInfo const& info) {
    static_cast<void>(ipc::bind_no_senders(no_senders_bit));
    ipc::Cap<proto::Memory> const memory{ipc::need(info, "memory")};
    ipc::Cap<proto::Clock> const clock{ipc::need(info, "clock")};
    proto::ClockParameters parameters{0, 0, info.tsc_per_millisecond, 0};
    if (clock) {
        if (auto const told = ipc::call<proto::Clock::Parameters>(clock)) { parameters = *told; }
    }
    abi::Address const window = ipc::server_address::window;
    static vfs::RealPort port{memory, clock, parameters};
    if (auto const alarm = ipc::mint_notification(clock_bit); alarm && clock) {
        static_cast<void>(ipc::call<proto::Clock::Register>(clock, *alarm));
    }
    static vfs::FrameStore pages{memory, window, 1024};
    abi::Word const slot_count = abi::Word{1} << info.cnode_radix;
    abi::Word const objects = std::min(slot_count > 2 * slots_kept_back ? slot_count - slots_kept_back : slot_count / 2,
                                       info.heap_bytes / 4 / heap_per_object);
    static vfs::Vfs files{pages, port, info.heap_bytes / 2 / heap_per_inode, objects};
    std::span<std::byte const> archive;
    if (info.boot_image_bytes != 0) {
        archive = {reinterpret_cast<std::byte const*>(ipc::server_address::boot_image), info.boot_image_bytes};
    }
    if (auto const error = files.start(archive); error != ipc::Error::None) {
        ipc::log("vfs: the boot image's files: error {}", error);
    }
    static vfs::Server server{files};
    ipc::serve<proto::File, proto::Directory, proto::VfsSession, proto::VfsControl, proto::Namespace,
               proto::LocalSockets, proto::Socket, proto::MessageSocket, proto::Parcel, proto::EventSet,
               proto::EventFiles, proto::Epoll, proto::Timer, proto::SignalFile>(server);
}
