// Files of EventFiles: epoll instances, counters, timers, signal descriptors.
#include "vfs.hpp"

namespace vfs {

Result<Slot> Vfs::open_event_file(Session& view, std::uint32_t flags, Ref<SpecialFile> made) {
    if (!event_inode_) { // as Linux: one inode for all of them
        auto inode = anonymous_->make(0600, {}, &first_view_.who);
        if (!inode) { return fail(Error::TooManyFilesSystem); }
        event_inode_ = *inode;
    }
    OpenFile* file = nullptr;
    auto const opened = make_file(view, OpenFile::Kind::EventFile,
                                  (flags & open_flag::nonblock) | open_flag::read_write, event_inode_, {}, &file);
    if (!opened) { return fail(opened.error()); }
    file->set_special(std::move(made));
    return opened->slot;
}

Result<Slot> Vfs::new_epoll(Session& view) {
    return open_event_file(view, 0, Ref<SpecialFile>{new Epoll{environment_.port, view.domain}});
}

Result<Slot> Vfs::new_event(Session& view, std::uint32_t initial, bool semaphore, std::uint32_t flags) {
    return open_event_file(view, flags, Ref<SpecialFile>{new EventFile{environment_.port, initial, semaphore}});
}

Result<Slot> Vfs::new_timer(Session& view, std::uint32_t clock, std::uint32_t flags) {
    return open_event_file(view, flags, Ref<SpecialFile>{new TimerFile{environment_.port, timers_, clock}});
}

Result<Slot> Vfs::new_signals(Session& view, std::uint64_t mask, std::uint32_t flags) {
    return open_event_file(view, flags, Ref<SpecialFile>{new SignalFile{mask}});
}

} // namespace vfs
