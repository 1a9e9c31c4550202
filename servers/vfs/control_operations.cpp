// Protocols VfsControl and Namespace.
#include "vfs.hpp"
#include <algorithm>

namespace vfs {

Result<Slot> Vfs::first_session() {
    auto* const view = new Session{first_view_};
    view->badge = 0;
    view->locks.reset();
    return make_session(view);
}

Result<Slot> Vfs::fork_session(Session& from, bool share, bool new_namespace, std::uint32_t owner,
                               std::uint32_t process) {
    if (share) {
        from.shared = true;
        return environment_.port.minted(from.badge);
    }
    auto* const view = new Session{from};
    view->shared = false;
    view->network = 0; // who is on its way to another one need not say so here
    if (process == 0 || process != from.who.process) { view->locks.reset(); } // another process's
    view->who.process = process;
    if (new_namespace) {
        if (!from.space->root) {
            delete view;
            return fail(Error::Invalid);
        }
        Ref<UserNamespace> const users = users_.find(owner);
        if (!users_.charge(users.get(), from.who.user)) {
            delete view;
            return fail(Error::NoSpace);
        }
        std::vector<std::pair<Mount*, Mount*>> moved;
        auto space = mounts_.copy(*from.space, users, moved);
        if (!space) {
            users_.uncharge(users.get(), from.who.user);
            delete view;
            return fail(space.error());
        }
        auto translate = [&](HeldPlace& place) {
            for (auto const& [old, fresh] : moved) {
                if (place.mount == old) {
                    place.mount = Ref<Mount>{fresh};
                    return;
                }
            }
        };
        (*space)->counted = &users_;
        (*space)->counted_user = from.who.user;
        view->space = *space;
        translate(view->root);
        translate(view->working);
    }
    return make_session(view);
}

bool Vfs::is_chrooted(Session const& view) {
    MountNamespace const& space = *view.space;
    return !space.root || view.root.get() != MountTable::cross({space.root.get(), space.root->root.get()});
}

Error Vfs::join_name_space(Session& view, MountNamespace& space, bool permitted) {
    Credentials const& who = view.who;
    if (!permitted && (!has_capability_over(who, space.owner.get(), capability::sys_admin) ||
                       !has_capability(who, capability::sys_chroot) || !has_capability(who, capability::sys_admin))) {
        return Error::NotPermitted;
    }
    if (!space.root || view.shared) { return Error::Invalid; }
    view.space = Ref<MountNamespace>{&space};
    view.root = view.working = MountTable::cross({space.root.get(), space.root->root.get()});
    view.working_rest.clear();
    view.domain = space.domain;
    return Error::None;
}

void Vfs::set_credentials(Session& view, proto::Credentials const& who) {
    view.who.assign(who);
    if (who.user_namespace != (view.who.users ? view.who.users->number : 0)) {
        view.who.users = users_.find(who.user_namespace);
    }
}

QuotaDomain* Vfs::domain(std::uint32_t number) const {
    return number == 0 || number > domains_.size() ? nullptr : domains_[number - 1].get();
}

Result<std::uint32_t> Vfs::set_quota(std::uint64_t bytes, std::string_view path) {
    auto const found = walk(first_view_, {}, path, walk_flag::follow);
    if (!found) { return fail(found.error() == Error::Elsewhere ? Error::NotSupported : found.error()); }
    Dentry& folder = *found->place.dentry;
    if (!folder.inode->is_directory()) { return fail(Error::NotDirectory); }
    for (Ref<Dentry> const& root : domain_roots_) {
        if (root == &folder) { return fail(Error::Exists); }
    }
    std::size_t index = 0;
    while (index < domains_.size() && domains_[index]) { ++index; }
    if (index == domains_.size()) {
        domains_.emplace_back();
        domain_roots_.emplace_back();
    }
    Ref<QuotaDomain> const made{new QuotaDomain};
    made->number = static_cast<std::uint32_t>(index + 1);
    made->limit = bytes;
    QuotaDomain* const old = folder.inode->domain.get();
    for_each_below(folder, [&](Dentry& entry) {
        if (entry.inode->domain.get() == old) { entry.inode->recharge(made); }
    });
    domains_[index] = made;
    domain_roots_[index] = Ref<Dentry>{&folder};
    return made->number;
}

Result<proto::DiskUsage> Vfs::quota_usage(std::uint32_t number) const {
    QuotaDomain const* const found = domain(number);
    if (found == nullptr) { return fail(Error::NoEntry); }
    return proto::DiskUsage{found->limit, found->used, found->files, found->denied};
}

Error Vfs::set_quota_policy(std::uint32_t number, std::uint64_t bytes, bool tell) {
    QuotaDomain* const found = domain(number);
    if (found == nullptr) { return Error::NoEntry; }
    found->limit = bytes;
    found->tell = tell;
    return Error::None;
}

Error Vfs::release_quota(std::uint32_t number) {
    QuotaDomain* const found = domain(number);
    if (found == nullptr) { return Error::NoEntry; }
    Ref<Dentry> const folder = domain_roots_[number - 1];
    if (folder->linked) { // the contents stay, and are the surrounding domain's
        Ref<QuotaDomain> const outer = folder->parent->inode->domain;
        for_each_below(*folder, [&](Dentry& entry) {
            if (entry.inode->domain.get() == found) { entry.inode->recharge(outer); }
        });
    }
    // What is still open elsewhere keeps the domain until it is closed.
    found->limit = 0;
    found->tell = found->event = false;
    domains_[number - 1].reset();
    domain_roots_[number - 1].reset();
    return Error::None;
}

Result<Slot> Vfs::container_session(std::uint32_t number, std::string_view path) {
    Ref<QuotaDomain> const pays{domain(number)};
    if (number != 0 && !pays) { return fail(Error::NoEntry); }
    auto const found = walk(first_view_, {}, path, walk_flag::follow);
    if (!found) { return fail(found.error() == Error::Elsewhere ? Error::NotSupported : found.error()); }
    if (!found->place.dentry->inode->is_directory()) { return fail(Error::NotDirectory); }
    Ref<MountNamespace> const space{new MountNamespace{mounts_}};
    space->contained = true;
    space->parent_number = first_->number;
    space->domain = pays;
    auto root = mounts_.copy(found->place, false, space.get());
    if (!root) { return fail(root.error()); }
    (*root)->group = (*root)->master = 0; // what is mounted inside is nobody else's affair
    (*root)->unbindable = false;
    // Nodes that came with an image are none of this container's devices.
    (*root)->flags |= mount_flag::no_device;
    (*root)->locked_flags |= mount_flag::no_device;
    space->root = *root;
    Session view{first_view_};
    view.badge = 0;
    view.space = space;
    view.root = view.working = Place{root->get(), (*root)->root.get()};
    view.domain = pays;
    view.network = 0;
    view.container = next_container_++;
    auto folder = [&](std::string_view name, std::uint32_t bits) {
        std::uint32_t const old = std::exchange(view.umask, 0);
        Error const error = make_directory(view, {}, bits, name);
        view.umask = old;
        if (error != Error::Exists) { return error; }
        // Whoever prepared the folder does not choose where the mount goes.
        auto const there = walk(view, {}, name, 0);
        if (!there) { return there.error(); }
        Inode const& inode = *there->place.dentry->inode;
        return inode.is_link() ? Error::Loop : inode.is_directory() ? Error::None : Error::NotDirectory;
    };
    struct Folder {
        std::string_view path;
        std::uint32_t bits;
    };
    for (Folder const each : {Folder{"/proc", 0555}, Folder{"/dev", 0755}, Folder{"/tmp", 01777}}) {
        if (Error const error = folder(each.path, each.bits); error != Error::None) { return fail(error); }
    }
    if (Error const error =
            mount(view, mount_flag::no_suid | mount_flag::no_device, 0, "tmpfs", "/tmp", "tmpfs", "mode=1777");
        error != Error::None) {
        return fail(error);
    }
    if (Error const error = mount(view, mount_flag::no_suid, 0, "dev", "/dev", "devtmpfs", {}); error != Error::None) {
        return fail(error);
    }
    if (Error const error = mount_devpts(view); error != Error::None) { return fail(error); }
    return make_session(new Session{view});
}

Error Vfs::register_device(RegisteredDevice const& device) {
    if (device.count == 0) { return Error::Invalid; }
    for (RegisteredDevice& known : devices_) {
        if (known.major == device.major && known.first == device.first) { // its server was started again
            environment_.port.drop(known.server);
            known = device;
            return Error::None;
        }
    }
    devices_.push_back(device);
    return Error::None;
}

std::array<std::uint64_t, 8> Vfs::usage() const {
    std::uint64_t limits = 0;
    for (Ref<QuotaDomain> const& each : domains_) { limits += each ? each->limit : 0; }
    return {environment_.port.memory()[1] + environment_.pages.free_bytes(),
            environment_.pages.used_pages() * page_size,
            environment_.inodes,
            open_files_,
            sessions_,
            mounts_.count(),
            limits,
            mounts_.namespaces()};
}

proto::QuotaEvent Vfs::take_quota_event() {
    for (Ref<QuotaDomain> const& each : domains_) {
        if (each && std::exchange(each->event, false)) { return each->first; }
    }
    return {};
}

void Vfs::notify_quota(Slot notification) {
    if (environment_.quota_notification != 0) { environment_.port.drop(environment_.quota_notification); }
    environment_.quota_notification = notification;
}

Result<Slot> Vfs::name_space_capability(MountNamespace& space) {
    // One capability per namespace.
    if (space.badge != 0) { return environment_.port.minted(space.badge); }
    auto* const handle = new NamespaceHandle{Ref<MountNamespace>{&space}};
    Badge badge = 0;
    auto const slot = enter_object(Kind::Namespace, handle, badge);
    if (!slot) {
        delete handle;
        return slot;
    }
    space.badge = badge;
    return slot;
}

} // namespace vfs
