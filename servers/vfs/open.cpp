// open(2).
#include "vfs.hpp"
#include <algorithm>

namespace vfs {

Result<Opened> Vfs::open(Session& view, At at, std::uint32_t flags, std::uint32_t mode, std::string_view path,
                         Caller& caller) {
    bool const only_path = (flags & open_flag::path) != 0;
    if (only_path) {
        flags &= open_flag::path | open_flag::directory | open_flag::no_follow | open_flag::close_on_exec;
    }
    bool const creates = (flags & open_flag::create) != 0;
    bool const follow = (flags & open_flag::no_follow) == 0 && !(creates && (flags & open_flag::exclusive) != 0);
    bool const temporary = (flags & open_flag::temporary) != 0;
    auto const found = walk(view, at, path, (follow ? walk_flag::follow : 0) | (creates ? walk_flag::create : 0));
    if (!found) { return fail(found.error()); }
    if (temporary) {
        if ((flags & open_flag::directory) == 0 || (flags & open_flag::access_mode) == open_flag::read_only) {
            return fail(Error::Invalid);
        }
        if (!found->place.dentry->inode->is_directory()) { return fail(Error::NotDirectory); }
        if (Error const error = may_change(view, found->place); error != Error::None) { return fail(error); }
        Dentry& directory = *found->place.dentry;
        auto inode = directory.inode->file_system().make(mode::regular | (mode & mode::permissions & ~view.umask),
                                                         domain_for(directory), &view.who);
        if (!inode) { return fail(inode.error()); }
        (*inode)->links = 0;
        // A name in no directory; link(2) with AT_EMPTY_PATH gives it one.
        Ref<Dentry> const entry{new Dentry{*inode, Ref<Dentry>{&directory}, ""}};
        return make_file(view, OpenFile::Kind::Regular, flags & ~open_flag::temporary, *inode,
                         {found->place.mount, entry.get()});
    }
    if (creates && !only_path) {
        if (found->kind != Walked::Last::Normal || found->trailing_slash) {
            return fail(found->place && (flags & open_flag::exclusive) != 0 && found->kind != Walked::Last::Normal
                            ? Error::Exists
                            : Error::IsDirectory);
        }
        if (!found->place) {
            if (Error const error = may_change(view, found->directory); error != Error::None) { return fail(error); }
            Mount* const mount = found->directory.mount;
            auto const made = create(view, found->directory, found->last, mode::regular | (mode & mode::permissions));
            if (!made) { return fail(made.error()); }
            return make_file(view, OpenFile::Kind::Regular, flags, (*made)->inode, {mount, made->get()});
        }
        if ((flags & open_flag::exclusive) != 0) { return fail(Error::Exists); }
    }
    Place const place = found->place;
    Inode const& inode = *place.dentry->inode;
    if (inode.file_system().is_namespace_file()) {
        if ((flags & open_flag::directory) != 0) { return fail(Error::NotDirectory); }
        return open_namespace(place);
    }
    if (only_path) {
        if ((flags & open_flag::directory) != 0 && !inode.is_directory()) { return fail(Error::NotDirectory); }
        return make_file(view, OpenFile::Kind::Path, flags, place.dentry->inode, place);
    }
    if (inode.is_link()) { return fail(Error::Loop); }
    if (inode.is_directory() && creates) { return fail(Error::IsDirectory); }
    if ((flags & open_flag::directory) != 0 && !inode.is_directory()) { return fail(Error::NotDirectory); }
    return open_inode(view, place, flags, caller);
}

Result<Opened> Vfs::open_namespace(Place place) {
    FileSystem const& system = place.dentry->inode->file_system();
    proto::OpenResult const result{proto::FileKind::Namespace, place.dentry->inode->number};
    if (system.pinned == nullptr) { return Opened{system.file, result}; }
    auto const slot = name_space_capability(*system.pinned->mounts());
    if (!slot) { return fail(slot.error()); }
    return Opened{*slot, result};
}

Result<Opened> Vfs::open_inode(Session& view, Place place, std::uint32_t flags, Caller& caller) {
    Inode& inode = *place.dentry->inode;
    std::uint32_t const access_mode = flags & open_flag::access_mode;
    std::uint32_t wanted = access_mode == open_flag::write_only  ? may::write
                           : access_mode == open_flag::read_only ? may::read
                                                                 : may::read | may::write;
    if ((flags & open_flag::truncate) != 0) { wanted |= may::write; }
    std::uint32_t const type = inode.type();
    if (type == mode::directory && (wanted & may::write) != 0) { return fail(Error::IsDirectory); }
    if ((type == mode::character || type == mode::block) &&
        ((place.mount->flags & mount_flag::no_device) != 0 || inode.file_system().no_device)) {
        return fail(Error::Access);
    }
    if (!permitted(inode, view.who, wanted)) { return fail(Error::Access); }
    if ((wanted & may::write) != 0 && type == mode::regular && place.mount->read_only()) {
        return fail(Error::ReadOnly);
    }
    if ((wanted & may::write) != 0 && type == mode::regular && inode.file_system().fixed) {
        return fail(Error::Access);
    }
    if ((wanted & may::write) != 0 && inode.running != 0) { return fail(Error::TextBusy); }
    if ((flags & open_flag::no_atime) != 0 && view.who.user != inode.user &&
        !has_capability_over(view.who, inode, capability::fowner)) {
        return fail(Error::NotPermitted);
    }
    switch (type) {
    case mode::regular: {
        auto opened = make_file(view, OpenFile::Kind::Regular, flags, place.dentry->inode, place);
        if (opened && (flags & open_flag::truncate) != 0) {
            inode.truncate(0);
            inode.modified(environment_.port.now());
        }
        return opened;
    }
    case mode::directory: return make_file(view, OpenFile::Kind::Directory, flags, place.dentry->inode, place);
    case mode::fifo: return open_fifo(view, place, flags, caller);
    case mode::character: return open_device(view, place, flags);
    default: return fail(Error::NoDevice);
    }
}

Result<Opened> Vfs::open_device(Session& view, Place place, std::uint32_t flags) {
    Inode const& inode = *place.dentry->inode;
    std::uint32_t const major = device_major(inode.device), minor = device_minor(inode.device);
    auto local = [&](OpenFile::Kind kind) { return make_file(view, kind, flags, place.dentry->inode, place); };
    if (major == 1) {
        switch (minor) {
        case 3: return local(OpenFile::Kind::Null);
        case 5: return local(OpenFile::Kind::Zero);
        case 7: return local(OpenFile::Kind::Full);
        case 8:
        case 9: return local(OpenFile::Kind::Random);
        case 11: return local(OpenFile::Kind::Null); // kmsg
        default: return fail(Error::NoDevice);
        }
    }
    if (major == 5 && minor == 0) { // only the caller knows its terminal; the file is a stand-in
        auto opened = local(OpenFile::Kind::Null);
        if (opened) { opened->result = {proto::FileKind::Terminal, proto::controlling_terminal}; }
        return opened;
    }
    if (major == multiplexer_major && minor == multiplexer_minor) { // tty makes the terminal; the file shows it where
        if (devpts_of(place, environment_.dentries) == nullptr) { return fail(Error::NoSuchDevice); }
        auto opened = local(OpenFile::Kind::Null);
        if (opened) { opened->result = {proto::FileKind::Terminal, proto::pseudo_terminal_multiplexer}; }
        return opened;
    }
    if (major == terminal_major) { return open_terminal(place, flags); }
    for (RegisteredDevice const& device : devices_) {
        if (device.major == major && minor - device.first < device.count) {
            Elsewhere& away = walker_.elsewhere();
            away.directory = device.server;
            away.attach_caller = away.attach_session = false;
            away.rest = std::to_string(minor);
            return fail(Error::Elsewhere);
        }
    }
    return fail(Error::NoDevice);
}

Ref<Pipe> Vfs::fresh_pipe(Session const& view) {
    return Ref<Pipe>{new Pipe{environment_.pages, environment_.port, view.domain}};
}

void Vfs::close_abandoned(Inode& inode) {
    Ref<Pipe> const pipe = inode.pipe;
    if (!pipe) { return; }
    for (Badge const badge : pipe->take_abandoned()) {
        environment_.port.forget(badge);
        close(badge);
    }
}

Result<Opened> Vfs::open_fifo(Session& view, Place place, std::uint32_t flags, Caller& caller) {
    Ref<Inode> const inode = place.dentry->inode;
    close_abandoned(*inode);
    std::uint32_t const access_mode = flags & open_flag::access_mode;
    bool const reads = access_mode != open_flag::write_only, writes = access_mode != open_flag::read_only;
    bool const nonblock = (flags & open_flag::nonblock) != 0;
    if (writes && !reads && nonblock && (!inode->pipe || inode->pipe->readers() == 0)) { return fail(Error::NoDevice); }
    if (!inode->pipe) { inode->pipe = fresh_pipe(view); }
    OpenFile* file = nullptr;
    auto opened = make_file(view, OpenFile::Kind::Pipe, flags, inode, place, &file);
    if (!opened) {
        if (inode->pipe->readers() == 0 && inode->pipe->writers() == 0) { inode->pipe.reset(); }
        return opened;
    }
    Ref<Pipe> const pipe = inode->pipe;
    file->set_pipes(reads ? pipe : Ref<Pipe>{}, writes ? pipe : Ref<Pipe>{});
    if (reads && writes) { return opened; }
    if (!nonblock && (reads ? pipe->writers() : pipe->readers()) == 0) {
        pipe->wait_for_open(caller.defer(), *opened, writes, file->badge);
        return fail(Error::Deferred);
    }
    return opened;
}

Result<Opened> Vfs::reopen(OpenFile& file, std::uint32_t flags) {
    flags &= ~(open_flag::create | open_flag::exclusive | open_flag::no_follow);
    std::uint32_t const access_mode = flags & open_flag::access_mode;
    switch (file.kind) {
    case OpenFile::Kind::Pipe: {
        if (file.inode->type() != mode::fifo) { return fail(Error::NoDevice); }
        Ref<Pipe> const pipe = file.input ? file.input : file.output;
        OpenFile* fresh = nullptr;
        auto opened =
            make_file(file.opener, file.domain, OpenFile::Kind::Pipe, flags, file.inode, file.place.get(), &fresh);
        if (opened) {
            fresh->set_pipes(access_mode != open_flag::write_only ? pipe : Ref<Pipe>{},
                             access_mode != open_flag::read_only ? pipe : Ref<Pipe>{});
        }
        return opened;
    }
    case OpenFile::Kind::LocalSocket:
    case OpenFile::Kind::EventFile: return fail(Error::NoDevice);
    case OpenFile::Kind::Path: return fail(Error::Loop);
    default: {
        if (access_mode != open_flag::read_only && file.inode->running != 0) { return fail(Error::TextBusy); }
        // What the file was not open for, its new description is not either: whoever holds the old one may not be its owner.
        if (access_mode != open_flag::read_only && !file.writable()) { return fail(Error::Access); }
        if (access_mode != open_flag::write_only && !file.readable()) { return fail(Error::Access); }
        auto opened = make_file(file.opener, file.domain, file.kind, flags, file.inode, file.place.get(), nullptr);
        if (opened && (flags & open_flag::truncate) != 0 && file.kind == OpenFile::Kind::Regular &&
            access_mode != open_flag::read_only) {
            file.inode->truncate(0);
            file.inode->modified(environment_.port.now());
        }
        return opened;
    }
    }
}

} // namespace vfs
