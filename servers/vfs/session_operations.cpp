// Protocol VfsSession but for mounting.
#include "vfs.hpp"

namespace vfs {

Error Vfs::change_directory(Session& view, At at, bool verified, std::string_view path) {
    if (path.empty()) { // fchdir
        if (!at.present) { return Error::NoEntry; }
        if (at.file == nullptr) { return Error::BadDescriptor; }
        if (!at.file->place || !at.file->inode->is_directory()) { return Error::NotDirectory; }
        if (!permitted(*at.file->inode, view.who, may::execute)) { return Error::Access; }
        view.working = at.file->place;
        view.working_rest.clear();
        return Error::None;
    }
    auto const found = walk(view, verified ? At{} : at, path, walk_flag::follow | walk_flag::local);
    if (!found) {
        if (found.error() != Error::Elsewhere || !verified) { return found.error(); }
        for (Mount* mount : mounts_.mounts()) {
            // The walk ended in this one: the session's namespace has it where its capability says.
            if (mount->space == view.space.get() && mount->foreign() &&
                mount->file_system->server == walker_.elsewhere().directory) {
                view.working = Place{mount, mount->root.get()};
                view.working_rest = walker_.elsewhere().rest;
                while (!view.working_rest.empty() && view.working_rest.back() == '/') { view.working_rest.pop_back(); }
                return Error::None;
            }
        }
        return Error::NoEntry;
    }
    Inode const& inode = *found->place.dentry->inode;
    if (!inode.is_directory()) { return Error::NotDirectory; }
    if (!permitted(inode, view.who, may::execute)) { return Error::Access; }
    view.working = found->place;
    view.working_rest.clear();
    return Error::None;
}

Error Vfs::change_root(Session& view, std::string_view path) {
    auto const found = walk(view, {}, path, walk_flag::follow);
    if (!found) { return found.error() == Error::Elsewhere ? Error::NotSupported : found.error(); }
    Inode const& inode = *found->place.dentry->inode;
    if (!inode.is_directory()) { return Error::NotDirectory; }
    if (!permitted(inode, view.who, may::execute)) { return Error::Access; }
    if (!has_capability_over(view.who, view.who.users.get(), capability::sys_chroot)) { return Error::NotPermitted; }
    view.root = found->place;
    return Error::None;
}

Result<std::string> Vfs::describe(Session& view, std::uint32_t which) {
    bool reachable = true;
    if (which == 0) { return mounts_.path_of(view.root.get(), {}, reachable); }
    if (which != 1) { return fail(Error::Invalid); }
    Dentry const& entry = *view.working.dentry;
    if (!entry.linked && entry.parent) { return fail(Error::NoEntry); }
    std::string path = mounts_.path_of(view.working.get(), view.root.get(), reachable);
    if (!reachable) { path.insert(0, "(unreachable)"); }
    if (!view.working_rest.empty()) {
        if (path != "/") { path += "/"; }
        path += view.working_rest;
    }
    return path;
}

Result<Opened> Vfs::open_place(Session& view, std::uint32_t which) {
    if (which > 1) { return fail(Error::Invalid); }
    Place const place = which == 0 ? view.root.get() : view.working.get();
    OpenFile* made = nullptr;
    auto opened = make_file(view, OpenFile::Kind::Path, open_flag::path, place.dentry->inode, place, &made);
    if (opened) {
        made->view = std::make_unique<Session>(view);
        made->view->badge = 0;
        made->view->working = place;
        if (which == 0) { made->view->working_rest.clear(); }
    }
    return opened;
}

Result<std::array<Slot, 2>> Vfs::pipe(Session& view, std::uint32_t flags) {
    auto inode = anonymous_->make(mode::fifo | 0600, {}, &view.who);
    if (!inode) { return fail(Error::TooManyFilesSystem); }
    std::uint32_t const kept = flags & (open_flag::nonblock | open_flag::direct);
    OpenFile* reader = nullptr;
    OpenFile* writer = nullptr;
    auto const first = make_file(view, OpenFile::Kind::Pipe, kept | open_flag::read_only, *inode, {}, &reader);
    if (!first) { return fail(first.error()); }
    auto const second = make_file(view, OpenFile::Kind::Pipe, kept | open_flag::write_only, *inode, {}, &writer);
    if (!second) {
        environment_.port.forget(reader->badge);
        close(reader->badge);
        return fail(second.error());
    }
    Ref<Pipe> const made = fresh_pipe(view);
    (*inode)->pipe = made;
    reader->set_pipes(made, {});
    writer->set_pipes({}, made);
    return std::array{first->slot, second->slot};
}

Result<Slot> Vfs::anonymous_file(Session& view, std::uint64_t size) {
    auto inode = anonymous_->make(mode::regular | 0777, view.domain, &view.who);
    if (!inode) { return fail(inode.error()); }
    (*inode)->links = 0;
    environment_.acting = view.who.process;
    if (Error const error = (*inode)->truncate(size); error != Error::None) { return fail(error); }
    auto const made = make_file(view, OpenFile::Kind::Regular, open_flag::read_write, *inode, {});
    if (!made) { return fail(made.error()); }
    return made->slot;
}

Error Vfs::lock(Session& view, OpenFile& file, proto::LockRequest const& request, Caller& caller) {
    if (!view.locks) { view.locks = Ref<LockOwner>{new LockOwner{environment_.port, view.domain}}; }
    LockOwner& owner = *view.locks;
    owner.process = view.who.process;
    owner.container = view.container;
    Error const error = file.lock(request, caller, &owner);
    if ((error == Error::None && request.type != LockList::unlock) || error == Error::Deferred) {
        owner.add(*file.inode);
    }
    return error;
}

Result<proto::LockHeld> Vfs::find_lock(Session& view, OpenFile& file, proto::LockRequest const& request) {
    if (request.owner == proto::LockRequest::open_file || request.owner > proto::LockRequest::process ||
        request.type == LockList::unlock) {
        return fail(Error::Invalid);
    }
    bool const own = request.owner == proto::LockRequest::process;
    auto const wanted = file.wanted_lock(request, own ? view.locks.get() : nullptr);
    if (!wanted) { return fail(wanted.error()); }
    auto const found = file.inode->locks ? file.inode->locks->find(*wanted) : std::nullopt;
    if (!found) { return proto::LockHeld{LockList::unlock, 0, 0, 0, 0}; }
    std::int32_t const holder = found->kind == Lock::Kind::Description ? -1
                                : found->owner->container == view.container
                                    ? static_cast<std::int32_t>(found->owner->process)
                                    : 0;
    bool const to_end = found->end >= static_cast<std::uint64_t>(INT64_MAX);
    return proto::LockHeld{found->type, 0, holder, static_cast<std::int64_t>(found->start),
                           to_end ? 0 : static_cast<std::int64_t>(found->end - found->start)};
}

} // namespace vfs
