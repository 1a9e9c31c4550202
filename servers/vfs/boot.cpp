// The first file tree: from the boot image's cpio archive, with /dev on top.
#include "vfs.hpp"
#include <map>

namespace vfs {
namespace {

/// One member of a cpio archive in the "newc" format.
struct Member {
    std::string_view name;
    std::uint32_t inode, mode, user, group, links, time, device_major, device_minor;
    std::size_t offset, size; ///< of the data, from the start of the archive
};

std::uint32_t hexadecimal(char const* text) {
    std::uint32_t value = 0;
    for (int i = 0; i < 8; ++i) {
        char const c = text[i];
        value = value << 4 | static_cast<std::uint32_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

/// Takes the member at `at`; false at the trailer or where the archive makes no sense.
bool next_member(std::span<std::byte const> archive, std::size_t& at, Member& member) {
    constexpr std::size_t header = 110;
    if (at + header > archive.size()) { return false; }
    char const* const text = reinterpret_cast<char const*>(archive.data()) + at;
    if (std::string_view{text, 6} != "070701") { return false; }
    auto field = [&](int index) { return hexadecimal(text + 6 + index * 8); };
    std::size_t const name_size = field(11);
    member = {{}, field(0), field(1), field(2), field(3), field(4), field(5), field(9), field(10), 0, field(6)};
    if (name_size == 0 || name_size > archive.size() - at - header) { return false; }
    member.name = std::string_view{text + header, name_size};
    member.name = member.name.substr(0, member.name.find('\0')); // the name is padded so that the data starts a page
    member.offset = (at + header + name_size + 3) & ~std::size_t{3};
    if (member.offset > archive.size() || member.size > archive.size() - member.offset) { return false; }
    at = (member.offset + member.size + 3) & ~std::size_t{3};
    return member.name != "TRAILER!!!";
}

} // namespace

Error Vfs::populate_devices(FileSystem&, Dentry& directory, bool all) {
    struct Node {
        std::string_view name;
        std::uint32_t type_and_mode, major, minor;
        std::string_view target;
    };
    static constexpr Node nodes[] = {
        {"null", mode::character | 0666, 1, 3, {}},
        {"zero", mode::character | 0666, 1, 5, {}},
        {"full", mode::character | 0666, 1, 7, {}},
        {"random", mode::character | 0666, 1, 8, {}},
        {"urandom", mode::character | 0666, 1, 9, {}},
        {"tty", mode::character | 0666, 5, 0, {}},
        {"console", mode::character | 0600, 5, 1, {}},
        {"ptmx", mode::link | 0777, 0, 0, "pts/ptmx"},
        {"pts", mode::directory | 0755, 0, 0, {}},
        {"fd", mode::link | 0777, 0, 0, "/proc/self/fd"},
        {"stdin", mode::link | 0777, 0, 0, "/proc/self/fd/0"},
        {"stdout", mode::link | 0777, 0, 0, "/proc/self/fd/1"},
        {"stderr", mode::link | 0777, 0, 0, "/proc/self/fd/2"},
    };
    Session view{first_view_};
    view.umask = 0;
    Mount* const mount = first_view_.root.mount.get(); // only names the directory: nothing is looked at through it
    Place const place{mount, &directory};
    auto make = [&](std::string_view name, std::uint32_t bits, std::uint32_t device, std::string_view target) {
        auto const made = create(view, place, name, bits, device, target);
        return made ? Error::None : made.error();
    };
    for (Node const& node : nodes) {
        if (environment_.dentries.find(directory, node.name) != nullptr) { continue; }
        if (Error const error = make(node.name, node.type_and_mode, make_device(node.major, node.minor), node.target);
            error != Error::None) {
            return error;
        }
    }
    if (!all) { return Error::None; }
    if (Error const error = make("container", mode::character | 0600, make_device(10, 200), {}); error != Error::None) {
        return error;
    }
    if (Error const error = make("kmsg", mode::character | 0600, make_device(1, 11), {}); error != Error::None) {
        return error;
    }
    for (std::uint32_t minor = 0; minor < 8; ++minor) {
        char const digit = static_cast<char>('0' + minor);
        for (std::string_view const prefix : {"tty", "vc"}) {
            if (Error const error =
                    make(std::string{prefix} + digit, mode::character | 0620, make_device(4, minor), {});
                error != Error::None) {
                return error;
            }
        }
    }
    return Error::None;
}

Error Vfs::start(std::span<std::byte const> archive) {
    Ref<FileSystem> const root{new FileSystem{environment_, "tmpfs", {}}};
    if (Error const error = root->make_root(0755); error != Error::None) { return error; }
    root->root->inode->size = 40;
    first_ = Ref<MountNamespace>{new MountNamespace{mounts_}};
    Ref<Mount> const mount{new Mount{mounts_, root, root->root, "tmpfs"}};
    mount->space = first_.get();
    first_->root = mount;
    first_view_.space = first_;
    first_view_.root = first_view_.working = Place{mount.get(), root->root.get()};
    first_view_.who.capabilities = ~std::uint64_t{0};

    environment_.pages.set_boot_image(archive.data());
    std::map<std::uint32_t, Ref<Inode>> hard_links;
    Member member{};
    std::size_t at = 0;
    std::uint32_t const umask = std::exchange(first_view_.umask, 0);
    while (next_member(archive, at, member)) {
        std::string_view name = member.name;
        if (name.starts_with("./")) { name.remove_prefix(2); }
        bool const is_root = name == "root";
        if (!is_root && !name.starts_with("root/")) { continue; }
        std::string const path{is_root ? std::string_view{"/"} : name.substr(4)};
        // Folders that the archive leaves out.
        for (std::size_t slash = path.find('/', 1); slash != path.npos; slash = path.find('/', slash + 1)) {
            make_directory(first_view_, {}, 0755, path.substr(0, slash));
        }
        Ref<Inode> inode;
        auto const found = walk(first_view_, {}, path, walk_flag::parent);
        if (!found) { return found.error(); }
        if (found->place) {
            inode = found->place.dentry->inode;
        } else if (auto const same = hard_links.find(member.inode); same != hard_links.end() && member.links > 1) {
            inode = same->second;
            environment_.dentries.link(*found->directory.dentry, found->last, inode);
            ++inode->links;
        } else {
            std::string_view target;
            if ((member.mode & mode::type) == mode::link) {
                target = {reinterpret_cast<char const*>(archive.data()) + member.offset, member.size};
            }
            auto const made = create(first_view_, found->directory, found->last, member.mode,
                                     make_device(member.device_major, member.device_minor), target);
            if (!made) { return made.error(); }
            inode = (*made)->inode;
            if (member.links > 1 && !inode->is_directory()) { hard_links[member.inode] = inode; }
        }
        inode->mode = inode->type() | (member.mode & mode::permissions);
        inode->user = member.user;
        inode->group = member.group;
        if (inode->is_regular() && member.size != 0) {
            if (member.offset % page_size == 0) {
                inode->set_boot_data(static_cast<std::uint32_t>(member.offset / page_size), member.size);
            } else if (auto const written = inode->write(0, archive.subspan(member.offset, member.size)); !written) {
                return written.error();
            }
        }
        inode->access_time = inode->modify_time = inode->change_time = std::uint64_t{member.time} * 1000000000u;
    }
    for (std::string_view const folder : {"/dev", "/proc", "/sys", "/tmp", "/containers"}) {
        make_directory(first_view_, {},
                       folder == "/tmp"                        ? 01777
                       : folder == "/proc" || folder == "/sys" ? 0555
                                                               : 0755,
                       folder);
    }
    first_view_.umask = umask;
    // /dev is a file system of its own, as programs expect.
    if (Error const error = this->mount(first_view_, mount_flag::no_suid, 0, "dev", "/dev", "tmpfs", "mode=0755");
        error != Error::None) {
        return error;
    }
    auto const dev = walk(first_view_, {}, "/dev", walk_flag::follow);
    if (!dev) { return dev.error(); }
    dev->place.mount->file_system->type = "devtmpfs";
    if (Error const error = populate_devices(*dev->place.mount->file_system, *dev->place.dentry, true);
        error != Error::None) {
        return error;
    }
    return mount_devpts(first_view_);
}

} // namespace vfs
