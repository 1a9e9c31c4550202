#include "walk.hpp"
#include <algorithm>

namespace vfs {

bool in_group(Credentials const& who, std::uint32_t group) {
    if (who.group == group) { return true; }
    std::uint32_t const* end = who.groups + std::min<std::uint32_t>(who.group_count, std::size(who.groups));
    return std::find(who.groups, end, group) != end;
}

bool has_capability_over(Credentials const& who, Inode const& inode, unsigned number) {
    return has_capability(who, number) && who.maps(inode.user, inode.group);
}

bool permitted(Inode const& inode, Credentials const& who, std::uint32_t wanted) {
    std::uint32_t bits = inode.mode;
    if (who.user == inode.user) {
        bits >>= 6;
    } else if (in_group(who, inode.group)) {
        bits >>= 3;
    }
    if ((wanted & ~bits & 7) == 0) { return true; }
    if (inode.is_directory()) {
        if (has_capability_over(who, inode, capability::dac_override)) { return true; }
        return (wanted & may::write) == 0 && has_capability_over(who, inode, capability::dac_read_search);
    }
    if (has_capability_over(who, inode, capability::dac_override) &&
        ((wanted & may::execute) == 0 || (inode.mode & 0111) != 0)) {
        return true;
    }
    return wanted == may::read && has_capability_over(who, inode, capability::dac_read_search);
}

namespace {
void skip_slashes(std::string_view& path) { path.remove_prefix(std::min(path.find_first_not_of('/'), path.size())); }
} // namespace

Result<bool> Walker::leave(Session const& session, Place& place, std::string_view& rest) {
    // `..` is taken by the text: what the other server has in between is its own affair, but a path never climbs out there.
    int depth = 0;
    std::string_view ahead = rest;
    while (!ahead.empty()) {
        skip_slashes(ahead);
        std::string_view const name = ahead.substr(0, ahead.find('/'));
        ahead.remove_prefix(name.size());
        if (name.empty() || name == ".") { continue; }
        if (name != "..") {
            ++depth;
        } else if (--depth < 0) {
            place = MountTable::parent_of(place, session.root.get());
            rest = ahead;
            return true;
        }
    }
    skip_slashes(rest);
    elsewhere_.directory = place.mount->file_system->server;
    elsewhere_.attach_caller = place.mount->file_system->type == "proc" ||
                               place.mount->file_system->type == "cgroup2"; // /proc/self; whose PIDs
    elsewhere_.attach_session = place.mount->file_system->type == "mqueue";
    elsewhere_.rest = rest;
    if (rest.size() > decltype(proto::Continuation::rest)::capacity) { return fail(Error::NameTooLong); }
    return fail(Error::Elsewhere);
}

Result<Walked> Walker::walk(Session const& session, Start start, std::string_view path, std::uint32_t flags) {
    if (path.empty()) { return fail(Error::NoEntry); }
    if (path.size() >= path_maximum) { return fail(Error::NameTooLong); }
    Place place = start.place;
    std::string_view rest = path;
    unsigned spare = 0; // which of text_ is free for the next splice
    if (path[0] == '/') {
        place = session.root.get();
    } else if (!start.inside.empty()) {
        text_[0].assign(start.inside).append("/").append(path);
        rest = text_[0];
        spare = 1;
    }
    unsigned links = 0;
    Walked result;
    result.kind = Walked::Last::Root;
    for (;;) {
        if (place.mount->foreign()) [[unlikely]] {
            std::string_view left = rest;
            skip_slashes(left);
            if (!(left.empty() && (flags & walk_flag::local) != 0)) {
                auto const out = leave(session, place, rest);
                if (!out) { return fail(out.error()); }
                result.kind = Walked::Last::DotDot;
                if (rest.find_first_not_of('/') == rest.npos) {
                    result.place = place;
                    return result;
                }
                continue;
            }
        }
        skip_slashes(rest);
        if (rest.empty()) {
            result.place = place;
            return result;
        }
        std::string_view const name = rest.substr(0, rest.find('/'));
        std::string_view const after = rest.substr(name.size());
        bool const is_last = after.find_first_not_of('/') == after.npos;
        Inode const& directory = *place.dentry->inode;
        if (!directory.is_directory()) { return fail(Error::NotDirectory); }
        if (!permitted(directory, session.who, may::execute)) { return fail(Error::Access); }
        result.trailing_slash = is_last && !after.empty();
        if (name[0] == '.' && (name.size() == 1 || (name.size() == 2 && name[1] == '.'))) {
            result.kind = name.size() == 1 ? Walked::Last::Dot : Walked::Last::DotDot;
            if (name.size() == 2) { place = MountTable::parent_of(place, session.root.get()); }
            rest = after;
            if (is_last && !place.mount->foreign()) {
                result.place = place;
                return result;
            }
            continue;
        }
        if (name.size() > name_maximum) { return fail(Error::NameTooLong); }
        result.kind = Walked::Last::Normal;
        Dentry* const child = dentries_.find(*place.dentry, name);
        if (is_last) {
            result.directory = place;
            result.last = name;
            if ((flags & walk_flag::parent) != 0) {
                result.place = child != nullptr ? Place{place.mount, child} : Place{};
                return result;
            }
        }
        if (child == nullptr) {
            if (is_last && (flags & walk_flag::create) != 0) {
                result.place = {};
                return result;
            }
            return fail(Error::NoEntry);
        }
        Place const next = MountTable::cross({place.mount, child});
        Inode const& found = *next.dentry->inode;
        if (found.is_link() && (!is_last || (flags & walk_flag::follow) != 0 || result.trailing_slash)) {
            if (++links > link_maximum) { return fail(Error::Loop); }
            if (found.target.size() + after.size() >= path_maximum) { return fail(Error::NameTooLong); }
            std::string& text = text_[spare];
            text.assign(found.target).append(after);
            spare ^= 1;
            rest = text;
            if (found.target[0] == '/') { place = session.root.get(); }
            continue;
        }
        place = next;
        rest = after;
        if (is_last) {
            if (place.mount->foreign() && (flags & walk_flag::local) == 0) { continue; }
            if (result.trailing_slash && !found.is_directory() && (flags & walk_flag::create) == 0) {
                return fail(Error::NotDirectory);
            }
            result.place = place;
            return result;
        }
    }
}

} // namespace vfs
