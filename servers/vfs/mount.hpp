// Mounts and mount namespaces, with the propagation of mount_namespaces(7).
#pragma once
#include "file_system.hpp"
#include <list>
#include <map>

namespace vfs {

class MountNamespace;
class MountTable;
inline constexpr std::size_t mount_maximum = 12288; ///< mounts in all: a quarter of a KiB of heap each

/// Of mount(2)'s flags those that a mount keeps.
constexpr std::uint32_t kept_flags(std::uint32_t flags) {
    std::uint32_t kept = flags & mount_flag::kept;
    if ((kept & (mount_flag::no_atime | mount_flag::strict_atime)) == 0) { kept |= mount_flag::relative_atime; }
    return kept & ~mount_flag::strict_atime;
}

/// One mount. It lives while it is in a namespace or something holds a place in it.
class Mount : public Counted {
public:
    Mount(MountTable& table, Ref<FileSystem> file_system, Ref<Dentry> root, std::string_view source);
    ~Mount();
    [[gnu::noinline]] void unreferenced(); // inlined, g++ 12 believes that counts reach zero twice

    MountTable& table;
    std::uint32_t id;
    Ref<FileSystem> file_system;
    Ref<Dentry> root;
    std::string source;
    std::uint32_t flags = mount_flag::relative_atime; ///< of mount_flag::kept
    MountNamespace* space = nullptr;                  ///< null: detached
    Ref<Mount> parent;                                ///< null: root of its namespace, or detached
    Ref<Dentry> point;                                ///< where in the parent
    std::vector<Mount*> children;                     ///< each held by the tree
    std::uint32_t group = 0;                          ///< peer group of a shared mount, 0: private
    std::uint32_t master = 0;                         ///< group this mount receives from, 0: no slave
    bool unbindable = false;
    std::list<Mount*>::iterator position; ///< in the list of all
    bool locked = false; ///< a less privileged user namespace got it with others: it cannot show what is below
    std::uint32_t locked_flags = 0; ///< of `flags`, those that such a namespace cannot take away

    [[nodiscard]] bool foreign() const { return file_system->foreign(); }
    [[nodiscard]] bool read_only() const { return (flags & mount_flag::read_only) != 0 || file_system->read_only; }
};

/// A place in a tree: a name as seen through a mount. Does not hold what it names.
struct Place {
    Mount* mount = nullptr;
    Dentry* dentry = nullptr;
    bool operator==(Place const&) const = default;
    explicit operator bool() const { return mount != nullptr; }
};
/// A place that is held.
struct HeldPlace {
    Ref<Mount> mount;
    Ref<Dentry> dentry;
    HeldPlace() = default;
    HeldPlace(Place place) : mount{place.mount}, dentry{place.dentry} {}
    [[nodiscard]] Place get() const { return {mount.get(), dentry.get()}; }
    explicit operator bool() const { return static_cast<bool>(mount); }
};

class MountNamespace : public Counted {
public:
    explicit MountNamespace(MountTable& table);
    ~MountNamespace();
    void unreferenced();
    [[nodiscard]] proto::NamespaceIdentity identity() const;
    MountTable& table;
    std::uint32_t number; ///< inode number of the namespace
    std::uint32_t parent_number = 0;
    Ref<Mount> root;
    Ref<QuotaDomain> domain;           ///< pays for what is mounted inside
    Ref<UserNamespace> owner;          ///< who may change its mounts (null: the first user namespace)
    UserNamespaces* counted = nullptr; ///< where it is counted, as `counted_user`'s
    std::uint32_t counted_user = 0;
    Badge badge = 0; ///< of its Namespace capability, 0: none given out
    std::uint32_t sessions = 0;
    bool contained = false; ///< a container's or a copy of one: no device nodes are made
};

/// All mounts of the server.
class MountTable {
public:
    explicit MountTable(Environment& environment) : environment_{environment} {}
    [[nodiscard]] Environment& environment() const { return environment_; }
    [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(mounts_.size()); }
    [[nodiscard]] std::uint32_t namespaces() const { return static_cast<std::uint32_t>(spaces_.size()); }
    /// The one with the lowest number above `after`; null past the last.
    [[nodiscard]] MountNamespace const* next_namespace(std::uint32_t after) const {
        auto const found = spaces_.upper_bound(after);
        return found == spaces_.end() ? nullptr : found->second;
    }

    /// The mount on exactly that place, or null.
    [[nodiscard]] static Mount* mounted_on(Place place);
    /// The place one sees at `place`: the root of the topmost mount on it.
    [[nodiscard]] static Place cross(Place place);
    /// Parent directory, over mount points, but not above `limit`.
    [[nodiscard]] static Place parent_of(Place place, Place limit);
    /// Path from `root` to `place`; `reachable` false: it is not below it. Ends at the namespace's root then.
    [[nodiscard]] std::string path_of(Place place, Place root, bool& reachable) const;

    /// Puts `mount` (with what is below it) on `point` and on what that propagates to. Takes over the tree's hold of it.
    Error attach(Ref<Mount> mount, Place point);
    /// Copies the mount at `source` as a bind mount of that directory, not yet attached; recursive: with the mounts below.
    Result<Ref<Mount>> copy(Place source, bool recursive, MountNamespace* space, bool all = false);
    /// A mount below `source` is locked: a bind mount without it would show what it hides.
    [[nodiscard]] static bool has_locked_children(Place source);
    /// umount2. Errors: Invalid (not a mount point of this namespace, or locked), Busy.
    Error unmount(Mount& mount, std::uint32_t flags);
    Error move(Mount& mount, Place point);
    /// type: one of mount_flag::shared, make_private, slave, unbindable.
    void set_propagation(Mount& mount, std::uint32_t type, bool recursive);
    /// The namespace's root becomes `new_root`, the old one is put on `put_old`.
    Error pivot(Place new_root, Place put_old, Place old_root);
    /// A copy of the namespace that belongs to `owner`; places of the session are translated through `moved`. For another owner its mounts
    /// are locked and receive, but do not send.
    Result<Ref<MountNamespace>> copy(MountNamespace& from, Ref<UserNamespace> owner,
                                     std::vector<std::pair<Mount*, Mount*>>& moved);
    void detach_all(MountNamespace& space);
    /// Detaches what is mounted on an entry that is being removed (in other namespaces).
    void detach_on(Dentry& dentry);
    [[nodiscard]] bool is_local_mount_point(Dentry const& dentry, MountNamespace const* space) const;

    /// /proc/PID/mounts (format 0) or mountinfo (1).
    [[nodiscard]] std::string text(Place root, std::uint32_t format) const;

    std::list<Mount*> const& mounts() const { return mounts_; }

private:
    friend class Mount;
    friend class MountNamespace;
    void connect(Mount& mount, Place point);
    void disconnect(Mount& mount);
    /// Takes mount and everything below out of the tree; what nobody uses goes.
    void detach_tree(Mount& mount);
    void collect(Mount& mount, std::vector<Mount*>& into) const;
    /// Mounts that a change at `point` propagates to, save point.mount itself.
    [[nodiscard]] std::vector<Mount*> receivers(Place point) const;
    void set_space(Mount& mount, MountNamespace* space);
    /// Locks what is below `top`, and the flags of all.
    void lock_tree(Mount& top);

    Environment& environment_;
    std::list<Mount*> mounts_;
    std::uint32_t next_id_ = 1, next_group_ = 1,
                  next_namespace_ = proto::first_namespace_inode(proto::NamespaceKind::Mount);
    std::map<std::uint32_t, MountNamespace*> spaces_;
};

} // namespace vfs
