// Path walk: path_resolution(7).
#pragma once
#include "session.hpp"

namespace vfs {

/// Where a walk starts: a session's working directory, or the directory of an *at() call.
struct Start {
    Place place;
    std::string_view inside; ///< path inside a file system served elsewhere
};

namespace walk_flag {
inline constexpr std::uint32_t follow = 1, ///< a symbolic link at the end
    parent = 2,                            ///< stop before the last component, which need not exist
    local = 4,                             ///< the root of a file system served elsewhere is a result (mount, umount)
    create = 8;                            ///< with follow: the last component need not exist (open with O_CREAT)
} // namespace walk_flag

struct Walked {
    enum class Last : std::uint8_t { Normal, Dot, DotDot, Root };
    Place place;           ///< what the path names, mounts crossed (not with `parent`); null: missing
    Place directory;       ///< of the last component; valid for Normal
    std::string_view last; ///< its name, valid until the next walk
    Last kind = Last::Root;
    bool trailing_slash = false;
};

/// A walk that left this server.
struct Elsewhere {
    Slot directory = 0; ///< Directory capability to go on with; this server keeps its slot
    bool attach_caller = false, attach_session = false;
    std::string rest;
};

/// Discretionary access: who may do what with an inode.
[[nodiscard]] bool permitted(Inode const& inode, Credentials const& who, std::uint32_t wanted);
/// Has the capability over this inode: it counts only where the user namespace maps its owner and group.
[[nodiscard]] bool has_capability_over(Credentials const& who, Inode const& inode, unsigned number);
[[nodiscard]] bool in_group(Credentials const& who, std::uint32_t group);

class Walker {
public:
    explicit Walker(DentryTable& dentries) : dentries_{dentries} {}
    /// Errors as path_resolution(7); NoEntry if the last component is missing (unless parent or create); Elsewhere with
    /// elsewhere() saying where. The result's places are not held.
    Result<Walked> walk(Session const& session, Start start, std::string_view path, std::uint32_t flags);
    [[nodiscard]] Elsewhere& elsewhere() { return elsewhere_; }

private:
    /// In a file system served elsewhere with `rest` to go. True: came out again at `place` with the new `rest`.
    Result<bool> leave(Session const& session, Place& place, std::string_view& rest);
    DentryTable& dentries_;
    Elsewhere elsewhere_;
    std::string text_[2]; ///< path while symbolic links are spliced in
};

} // namespace vfs
