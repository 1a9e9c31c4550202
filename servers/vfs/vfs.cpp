// Objects behind badges, and what the operations share.
#include "vfs.hpp"
#include <algorithm>

namespace vfs {

Vfs::Vfs(PageStore& pages, Port& port, std::uint32_t inode_maximum, std::uint32_t object_maximum)
    : environment_{pages, port, inode_maximum}, timers_{port}, mounts_{environment_}, walker_{environment_.dentries},
      objects_(first_index), object_maximum_{
                                 std::min<std::uint32_t>(object_maximum, (1u << index_bits) - first_index)} {
    anonymous_ = Ref<FileSystem>{new FileSystem{environment_, "pipefs", {}}};
}

Vfs::~Vfs() {
    for (std::size_t i = 0; i < objects_.size(); ++i) {
        if (objects_[i].kind != Kind::None) { close(objects_[i].badge); }
    }
    collect_sockets();
    event_inode_ = {};
    first_view_ = {};
    domain_roots_.clear();
    if (first_) { mounts_.detach_all(*first_); }
    for (RegisteredDevice const& device : devices_) { environment_.port.drop(device.server); }
}

// A badge is an index and, above it, how often that index was used: what is still on its way to a closed object does not
// reach the next one.
Result<Slot> Vfs::enter_object(Kind kind, void* pointer, Badge& badge) {
    std::uint32_t index = 0;
    // Fresh indexes first, so that a freed one rests long.
    if (objects_.size() - first_index < object_maximum_) {
        index = static_cast<std::uint32_t>(objects_.size());
        objects_.push_back({index, Kind::None, nullptr});
    } else if (!free_.empty()) {
        index = free_.front();
        free_.pop_front();
    } else {
        return fail(Error::TooManyFilesSystem);
    }
    Object& entry = objects_[index];
    auto const slot = environment_.port.mint(entry.badge);
    if (!slot) {
        free_.push_back(index);
        return fail(Error::TooManyFilesSystem);
    }
    entry.kind = kind;
    entry.pointer = pointer;
    badge = entry.badge;
    return slot;
}

void Vfs::remove_object(Badge badge) {
    std::uint32_t const index = badge & ((1u << index_bits) - 1);
    Object& entry = objects_[index];
    entry.kind = Kind::None;
    entry.pointer = nullptr;
    entry.badge = (badge + (1u << index_bits)) & ((1u << abi::badge_bits) - 1);
    free_.push_back(index);
}

void Vfs::close(Badge badge) {
    if (OpenFile* const found = file(badge)) {
        if (found->in_flight != 0) {
            found->unheld = true;
            collection_due_ = collection_due_ || found->kind == OpenFile::Kind::LocalSocket;
        } else {
            end_file(*found);
        }
    } else if (ParcelHandle* const handle = parcel(badge)) {
        remove_object(badge);
        delete handle;
    } else if (Session* const view = session(badge)) {
        remove_object(badge);
        --sessions_;
        --view->space->sessions;
        if (view->domain) { --view->domain->objects; }
        delete view;
    } else if (NamespaceHandle* const handle = name_space(badge)) {
        remove_object(badge);
        if (handle->space->badge == badge) { handle->space->badge = 0; }
        delete handle;
    }
    if (collection_due_) { collect_sockets(); }
}

Result<Opened> Vfs::make_file(Session const& view, OpenFile::Kind kind, std::uint32_t flags, Ref<Inode> inode,
                              Place place, OpenFile** made) {
    return make_file(view.who, view.domain, kind, flags, std::move(inode), place, made);
}

Result<Opened> Vfs::make_file(Credentials const& who, Ref<QuotaDomain> const& domain, OpenFile::Kind kind,
                              std::uint32_t flags, Ref<Inode> inode, Place place, OpenFile** made) {
    if (domain && domain->objects >= domain_objects) { return fail(Error::TooManyFilesSystem); }
    auto* const opened = new OpenFile{environment_, kind, flags, std::move(inode), place};
    auto const slot = enter_object(Kind::File, opened, opened->badge);
    if (!slot) {
        delete opened;
        return fail(slot.error());
    }
    opened->domain = domain;
    opened->opener = who;
    if (domain) { ++domain->objects; }
    ++open_files_;
    if (made != nullptr) { *made = opened; }
    return Opened{*slot, {opened->protocol_kind(), opened->inode->number}};
}

Result<Slot> Vfs::make_session(Session* view) {
    if (view->domain && view->domain->objects >= domain_objects) {
        delete view;
        return fail(Error::TooManyFilesSystem);
    }
    auto const slot = enter_object(Kind::Session, view, view->badge);
    if (!slot) {
        delete view;
        return slot;
    }
    ++sessions_;
    ++view->space->sessions;
    if (view->domain) { ++view->domain->objects; }
    return slot;
}

Result<Start> Vfs::start_of(Session const& view, At at) const {
    if (!at.present) { return Start{view.working.get(), view.working_rest}; }
    if (at.file == nullptr) { return fail(Error::BadDescriptor); }
    if (!at.file->place) { return fail(Error::NotDirectory); }
    return Start{at.file->place.get(), {}};
}

Result<Walked> Vfs::walk(Session const& view, At at, std::string_view path, std::uint32_t flags) {
    if (!path.empty() && path[0] == '/') { at = {}; }
    auto const start = start_of(view, at);
    if (!start) { return fail(start.error()); }
    return walker_.walk(view, *start, path, flags);
}

proto::FileStatus Vfs::status_of(Credentials const& who, Place place) const {
    proto::FileStatus status = status_of(who, *place.dentry->inode);
    status.mount_id = place.mount->id;
    return status;
}

proto::FileStatus Vfs::status_of(Credentials const& who, Inode const& inode) {
    proto::FileStatus status{};
    status.inode = inode.number;
    status.mode = inode.mode;
    status.links = inode.links;
    status.user = who.shown_user(inode.user);
    status.group = who.shown_group(inode.group);
    status.size = inode.size;
    status.blocks512 = std::uint64_t{inode.page_count()} * 8;
    status.block_size = page_size;
    status.access_time = inode.access_time;
    status.modify_time = inode.modify_time;
    status.change_time = inode.change_time;
    status.device_minor = inode.file_system().device;
    status.special_major = device_major(inode.device);
    status.special_minor = device_minor(inode.device);
    return status;
}

Error Vfs::may_change(Session const& view, Place directory) const {
    if (directory.mount->read_only()) { return Error::ReadOnly; }
    if (directory.mount->file_system->fixed) { return Error::NotPermitted; }
    if (!directory.dentry->linked && directory.dentry->parent) { return Error::NoEntry; }
    if (!permitted(*directory.dentry->inode, view.who, may::write | may::execute)) { return Error::Access; }
    return Error::None;
}

Error Vfs::may_remove(Session const& view, Place directory, Dentry const& entry, bool must_be_directory) const {
    if (Error const error = may_change(view, directory); error != Error::None) { return error; }
    Inode const& above = *directory.dentry->inode;
    Inode const& inode = *entry.inode;
    if ((above.mode & mode::sticky) != 0 && inode.user != view.who.user && above.user != view.who.user &&
        !has_capability_over(view.who, inode, capability::fowner)) {
        return Error::NotPermitted;
    }
    if (must_be_directory && !inode.is_directory()) { return Error::NotDirectory; }
    if (!must_be_directory && inode.is_directory()) { return Error::IsDirectory; }
    if (mounts_.is_local_mount_point(entry, view.space.get())) { return Error::Busy; }
    return Error::None;
}

bool Vfs::is_mounted(Slot server) const {
    return server != 0 && std::any_of(mounts_.mounts().rbegin(), mounts_.mounts().rend(), // a new one is the last
                                      [&](Mount const* mount) {
                                          return mount->file_system->server == server ||
                                                 mount->file_system->file == server;
                                      });
}

Ref<QuotaDomain> Vfs::domain_for(Dentry const& directory) const { return directory.inode->domain; }

Result<Ref<Dentry>> Vfs::create(Session const& view, Place directory, std::string_view name, std::uint32_t mode,
                                std::uint32_t device, std::string_view target) {
    Inode& above = *directory.dentry->inode;
    if ((mode & mode::type) != mode::link) { mode &= ~(view.umask & 0777); }
    auto inode = above.file_system().make(mode, domain_for(*directory.dentry), &view.who);
    if (!inode) { return fail(inode.error()); }
    Inode& fresh = **inode;
    if ((above.mode & mode::set_group) != 0) {
        fresh.group = above.group;
        if (fresh.is_directory()) { fresh.mode |= mode::set_group; }
    }
    fresh.device = device;
    if (fresh.is_directory()) {
        fresh.links = 2;
        fresh.size = 40;
        ++above.links;
    }
    if (fresh.is_link()) {
        fresh.target = target;
        environment_.target_bytes += static_cast<std::uint32_t>(target.size());
        fresh.size = target.size();
    }
    above.size += 20;
    above.modified(fresh.modify_time);
    return environment_.dentries.link(*directory.dentry, name, std::move(*inode));
}

void Vfs::removed(Dentry& entry, std::uint64_t now) {
    Ref<Dentry> const hold{&entry};
    Inode& above = *entry.parent->inode;
    Inode& inode = *entry.inode;
    mounts_.detach_on(entry);
    environment_.dentries.unlink(entry);
    above.size -= 20;
    above.modified(now);
    inode.change_time = now;
    if (inode.is_directory()) {
        inode.links = 0;
        --above.links;
    } else {
        --inode.links;
    }
}

std::string Vfs::name_of(OpenFile const& file) const {
    if (!file.place) {
        switch (file.protocol_kind()) {
        case proto::FileKind::Epoll: return "anon_inode:[eventpoll]";
        case proto::FileKind::Event: return "anon_inode:[eventfd]";
        case proto::FileKind::Timer: return "anon_inode:[timerfd]";
        case proto::FileKind::SignalQueue: return "anon_inode:[signalfd]";
        default: break;
        }
        std::string const number = std::to_string(file.inode->number);
        switch (file.inode->type()) {
        case mode::fifo: return "pipe:[" + number + "]";
        case mode::socket: return "socket:[" + number + "]";
        default: return "/memfd:anonymous (deleted)";
        }
    }
    bool reachable = true;
    std::string path = mounts_.path_of(file.place.get(), {}, reachable);
    Dentry const& entry = *file.place.dentry;
    if (!entry.linked && entry.parent) { path += " (deleted)"; }
    return path;
}

} // namespace vfs
