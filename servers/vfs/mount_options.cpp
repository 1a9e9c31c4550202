// File systems as mount(2) makes them: types, options, the file of a namespace.
#include "vfs.hpp"
#include <algorithm>
#include <charconv>

namespace vfs {
namespace {

/// `user`: may be mounted from a user namespace. `local`: made here; `served`: another server's, whose Directory comes along.
struct Type {
    std::string_view name;
    bool user, local, served;
};
constexpr Type types[] = {{"tmpfs", true, true, false},     {"ramfs", true, true, false},
                          {"devtmpfs", false, true, false}, {"sysfs", true, true, false},
                          {"devpts", true, true, false},    {"proc", true, false, true},
                          {"mqueue", true, false, true},    {"cgroup2", true, true, true}};

/// "10", "64k", "16m", "1g"; "50%" of `whole`.
bool parse_size(std::string_view text, std::uint64_t whole, std::uint64_t& bytes) {
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
    if (error != std::errc{}) { return false; }
    std::string_view const unit{end, static_cast<std::size_t>(text.data() + text.size() - end)};
    if (unit.empty()) { return true; }
    if (unit.size() != 1) { return false; }
    switch (unit[0] | 0x20) {
    case 'k': bytes <<= 10; return true;
    case 'm': bytes <<= 20; return true;
    case 'g': bytes <<= 30; return true;
    case '%' | 0x20: bytes = whole / 100 * bytes; return true;
    default: return false;
    }
}

} // namespace

Error Vfs::parse_options(Credentials const& who, FileSystem& system, std::string_view data, std::uint32_t& root_mode,
                         std::uint32_t& user, std::uint32_t& group) const {
    while (!data.empty()) {
        std::string_view const option = data.substr(0, data.find(','));
        data.remove_prefix(std::min(option.size() + 1, data.size()));
        std::size_t const equals = option.find('=');
        if (option.empty()) { continue; }
        if (equals == option.npos) { return Error::Invalid; }
        std::string_view const key = option.substr(0, equals), value = option.substr(equals + 1);
        std::uint64_t number = 0;
        if (key == "size" || key == "nr_blocks") {
            if (!parse_size(value, environment_.port.memory()[0], number)) { return Error::Invalid; }
            system.limit_pages = key == "size" ? (number + page_size - 1) / page_size : number;
        } else if (key == "nr_inodes") {
            if (!parse_size(value, 0, number)) { return Error::Invalid; }
            system.limit_inodes = number;
        } else if (key == "mode") {
            if (std::from_chars(value.data(), value.data() + value.size(), root_mode, 8).ec != std::errc{}) {
                return Error::Invalid;
            }
        } else if (key == "uid") {
            if (std::from_chars(value.data(), value.data() + value.size(), user).ec != std::errc{}) {
                return Error::Invalid;
            }
            auto const global = who.global_user(user);
            if (!global) { return Error::Invalid; }
            user = *global;
        } else if (key == "gid") {
            if (std::from_chars(value.data(), value.data() + value.size(), group).ec != std::errc{}) {
                return Error::Invalid;
            }
            auto const global = who.global_group(group);
            if (!global) { return Error::Invalid; }
            group = *global;
        } else if (key != "huge" && key != "mpol" && key != "hidepid" && key != "subset") {
            return Error::Invalid;
        }
    }
    if (system.limit_pages != 0) { system.options = "size=" + std::to_string(system.limit_pages * 4) + "k"; }
    if (system.limit_inodes != 0) {
        system.options += (system.options.empty() ? "nr_inodes=" : ",nr_inodes=") + std::to_string(system.limit_inodes);
    }
    if (root_mode != 01777) {
        char text[12];
        auto const end = std::to_chars(text, text + sizeof text, root_mode, 8).ptr;
        system.options += (system.options.empty() ? "mode=" : ",mode=") + std::string{text, end};
    }
    return Error::None;
}

namespace {

/// In a mount namespace of another user namespace than the first, what proc and sysfs show must be in full view there already
/// (mount_namespaces(7)): a new mount would show what others have covered, or let be written what they made read-only.
bool reveals_too_much(MountTable const& mounts, MountNamespace const& space, std::string_view type,
                      std::uint32_t flags) {
    if (!space.owner || (type != "proc" && type != "sysfs")) { return false; }
    return std::none_of(mounts.mounts().begin(), mounts.mounts().end(), [&](Mount const* mount) {
        return mount->space == &space && mount->file_system->type == type &&
               mount->root.get() == mount->file_system->root.get() &&
               (mount->locked_flags & mount_flag::read_only & ~flags) == 0 &&
               std::none_of(mount->children.begin(), mount->children.end(),
                            [](Mount const* child) { return child->locked; });
    });
}

} // namespace

Result<Ref<Mount>> Vfs::new_mount(Session& view, std::uint32_t flags, Slot server, std::string_view source,
                                  std::string_view type, std::string_view data) {
    auto const known =
        std::find_if(std::begin(types), std::end(types), [&](Type const& each) { return each.name == type; });
    if (known == std::end(types) || !(server != 0 ? known->served : known->local)) { return fail(Error::NoSuchDevice); }
    // Over the namespace that the file system will belong to, besides the one of the mounts.
    if (!has_capability_over(view.who, known->user ? view.who.users.get() : nullptr, capability::sys_admin)) {
        return fail(Error::NotPermitted);
    }
    // What sysfs shows is of a network namespace: over that one. Who has not said which it is (Process::TellNetwork) is in none that counts.
    if (type == "sysfs" &&
        (view.network == 0 ? static_cast<bool>(view.who.users)
                           : !has_capability_over(view.who, view.network_owner.get(), capability::sys_admin))) {
        return fail(Error::NotPermitted);
    }
    if (reveals_too_much(mounts_, *view.space, type, flags)) { return fail(Error::NotPermitted); }
    if (mounts_.count() >= mount_maximum) { return fail(Error::NoSpace); }
    Ref<FileSystem> const system{new FileSystem{environment_, type, view.domain}};
    system->owner = view.who.users;
    system->no_device = static_cast<bool>(view.who.users);
    std::uint32_t root_mode = 01777, user = view.who.user, group = view.who.group;
    if (type == "tmpfs") {
        if (Error const error = parse_options(view.who, *system, data, root_mode, user, group); error != Error::None) {
            return fail(error);
        }
    } else {
        root_mode = type == "mqueue" ? 01777 : known->served ? 0555 : 0755;
    }
    if (Error const error = system->make_root(root_mode); error != Error::None) { return fail(error); }
    system->root->inode->user = user;
    system->root->inode->group = group;
    system->root->inode->size = 40;
    Error error = Error::None;
    if (type == "devpts") { error = start_terminals(view.who, *system, data); }
    if (type == "devtmpfs") { error = populate_devices(*system, *system->root, false); }
    if (type == "sysfs" || (type == "cgroup2" && server == 0)) { error = populate_fixed(*system); }
    if (error != Error::None) {
        system->shut_down();
        return fail(error);
    }
    Ref<Mount> made{new Mount{mounts_, system, system->root, source.empty() ? "none" : source}};
    made->flags = kept_flags(flags);
    system->read_only = (flags & mount_flag::read_only) != 0;
    system->server = server; // from here on the capability is the file system's
    return made;
}

Result<Ref<Mount>> Vfs::namespace_mount(Session& view, Slot file, MountNamespace* given, std::string_view name) {
    // `kind:[inode]`: the caller read it from the file. It is shown, nothing goes by it.
    std::uint32_t inode = 0;
    std::size_t const bracket = name.find(":[");
    if (bracket == name.npos || bracket == 0 || name.back() != ']' || name.size() > 64) { return fail(Error::Invalid); }
    auto const [end, error] = std::from_chars(name.data() + bracket + 2, name.data() + name.size() - 1, inode);
    if (error != std::errc{} || end != name.data() + name.size() - 1) { return fail(Error::Invalid); }
    // A namespace that a mount in itself keeps would never end: only newer ones go into older ones.
    if (given != nullptr && given->number <= view.space->number) { return fail(Error::Invalid); }
    if (mounts_.count() >= mount_maximum) { return fail(Error::NoSpace); }
    Ref<FileSystem> const system{new FileSystem{environment_, "nsfs", view.domain}};
    system->device = 4;
    auto root = system->make(mode::regular | 0444, view.domain);
    if (!root) { return fail(root.error()); }
    (*root)->number = inode;
    system->root = Ref<Dentry>{new Dentry{*root, {}, name}};
    Ref<Mount> made{new Mount{mounts_, system, system->root, "nsfs"}};
    made->flags = 0;
    if (given != nullptr) {
        struct Keep final : Pin {
            explicit Keep(MountNamespace* space_) : space{space_} {}
            [[nodiscard]] MountNamespace* mounts() const override { return space.get(); }
            Ref<MountNamespace> space;
        };
        system->pinned = std::make_unique<Keep>(given);
        system->pinned_number = given->number;
    }
    system->file = file; // from here on the capability is the file system's
    return made;
}

} // namespace vfs
