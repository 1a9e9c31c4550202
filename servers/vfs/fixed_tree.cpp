// File systems whose few entries never change: sysfs (folders that programs look for, which processors there are) and, where no server
// serves it, the root of cgroup2. Made anew for every mount.
#include "vfs.hpp"

namespace vfs {
namespace {

struct Item {
    std::string_view directory, name, text;
}; // text empty: a directory; beginning with a slash: a symbolic link there

constexpr Item sysfs_items[] = {
    {"", "block", {}},
    {"", "bus", {}},
    {"", "class", {}},
    {"class", "net", "/proc/self/net/class"}, // whose devices: the reader's network namespace's
    {"class", "tty", {}},
    {"", "dev", {}},
    {"", "devices", {}},
    {"devices", "system", {}},
    {"devices/system", "cpu", {}},
    {"devices/system/cpu", "cpu0", {}},
    {"devices/system/cpu", "online", "0\n"},
    {"devices/system/cpu", "possible", "0\n"},
    {"devices/system/cpu", "present", "0\n"},
    {"", "firmware", {}},
    {"", "fs", {}},
    {"fs", "cgroup", {}},
    {"", "kernel", {}},
    {"kernel", "mm", {}},
    {"", "module", {}},
    {"", "power", {}},
};
/// No controllers, and no groups below the root.
constexpr Item cgroup_items[] = {
    {"", "cgroup.controllers", "\n"},        {"", "cgroup.max.depth", "max\n"},
    {"", "cgroup.max.descendants", "max\n"}, {"", "cgroup.stat", "nr_descendants 0\nnr_dying_descendants 0\n"},
    {"", "cgroup.subtree_control", "\n"},
};

} // namespace

Error Vfs::populate_fixed(FileSystem& system) {
    system.fixed = true;
    for (Item const& item :
         system.type == "sysfs" ? std::span<Item const>{sysfs_items} : std::span<Item const>{cgroup_items}) {
        Dentry* directory = system.root.get();
        for (std::string_view rest = item.directory; !rest.empty();) {
            std::string_view const name = rest.substr(0, rest.find('/'));
            rest.remove_prefix(std::min(name.size() + 1, rest.size()));
            directory = environment_.dentries.find(*directory, name);
        }
        bool const is_link = item.text.starts_with('/'), is_file = !item.text.empty() && !is_link;
        auto inode = system.make(is_link   ? mode::link | 0777
                                 : is_file ? mode::regular | 0444
                                           : mode::directory | 0755,
                                 system.domain);
        if (!inode) { return inode.error(); }
        if (is_file) {
            if (auto const written = (*inode)->write(0, std::as_bytes(std::span{item.text})); !written) {
                return written.error();
            }
        } else if (is_link) {
            (*inode)->target = item.text;
            (*inode)->size = item.text.size();
            environment_.target_bytes += static_cast<std::uint32_t>(item.text.size());
        } else {
            (*inode)->links = 2;
            ++directory->inode->links;
        }
        static_cast<void>(environment_.dentries.link(*directory, item.name, std::move(*inode)));
    }
    return Error::None;
}

} // namespace vfs
