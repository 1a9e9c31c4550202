// /proc/PID/mounts and mountinfo, proc(5).
#include "mount.hpp"

namespace vfs {
namespace {

void append_escaped(std::string& to, std::string_view text) {
    for (char const c : text) {
        if (c == ' ' || c == '\t' || c == '\n' || c == '\\') {
            to += '\\';
            to += static_cast<char>('0' + (c >> 6 & 3));
            to += static_cast<char>('0' + (c >> 3 & 7));
            to += static_cast<char>('0' + (c & 7));
        } else {
            to += c;
        }
    }
}

std::string number(std::uint64_t value) {
    char digits[20];
    int count = 0;
    do { digits[count++] = static_cast<char>('0' + value % 10); } while ((value /= 10) != 0);
    std::string text;
    while (count > 0) { text += digits[--count]; }
    return text;
}

std::string mount_options(Mount const& mount) {
    std::string text = mount.read_only() ? "ro" : "rw";
    if ((mount.flags & mount_flag::no_suid) != 0) { text += ",nosuid"; }
    if ((mount.flags & mount_flag::no_device) != 0) { text += ",nodev"; }
    if ((mount.flags & mount_flag::no_exec) != 0) { text += ",noexec"; }
    if ((mount.flags & mount_flag::no_atime) != 0) { text += ",noatime"; }
    if ((mount.flags & mount_flag::no_directory_atime) != 0) { text += ",nodiratime"; }
    if ((mount.flags & mount_flag::relative_atime) != 0) { text += ",relatime"; }
    return text;
}

} // namespace

std::string MountTable::text(Place root, std::uint32_t format) const {
    std::string out;
    std::vector<Mount*> order;
    // The tree in the order of mounting, from the mount that holds the session's root.
    collect(*root.mount, order);
    for (Mount const* mount : order) {
        bool reachable = true;
        std::string point = "/";
        if (mount != root.mount) {
            point = path_of({mount->parent.get(), mount->point.get()}, root, reachable);
            if (!reachable) { continue; }
        }
        std::string const options = mount_options(*mount);
        std::string super = mount->file_system->read_only ? "ro" : "rw";
        if (!mount->file_system->options.empty()) { super += "," + mount->file_system->options; }
        if (format == 0) {
            append_escaped(out, mount->source);
            out += ' ';
            append_escaped(out, point);
            out += " " + mount->file_system->type + " " + options;
            if (!mount->file_system->options.empty()) { out += "," + mount->file_system->options; }
            out += " 0 0\n";
            continue;
        }
        std::string below;
        for (Dentry const* at = mount->root.get(); at->parent; at = at->parent.get()) {
            below.insert(0, "/" + at->name);
        }
        if (mount->file_system->is_namespace_file()) { below = mount->root->name; }
        if (below.empty()) { below = "/"; }
        out += number(mount->id) + " " + number(mount->parent ? mount->parent->id : mount->id) +
               " 0:" + number(mount->file_system->device) + " ";
        append_escaped(out, below);
        out += ' ';
        append_escaped(out, point);
        out += " " + options;
        if (mount->group != 0) { out += " shared:" + number(mount->group); }
        if (mount->master != 0) { out += " master:" + number(mount->master); }
        if (mount->unbindable) { out += " unbindable"; }
        out += " - " + mount->file_system->type + " ";
        append_escaped(out, mount->source.empty() ? "none" : mount->source);
        out += " " + super + "\n";
    }
    return out;
}

} // namespace vfs
