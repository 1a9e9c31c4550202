// Directory entries: the tree of names, and a table that finds a name in a directory in O(1).
#pragma once
#include "inode.hpp"
#include <vector>

namespace vfs {

/// One name. A linked entry is held by its directory; one that was removed lives while something has it open.
class Dentry : public Counted {
public:
    Dentry(Ref<Inode> inode_, Ref<Dentry> parent_, std::string_view name_)
        : inode{std::move(inode_)}, parent{std::move(parent_)}, name{name_} {}
    /// A removed chain of directories goes one after the other: recursion would need a deep stack.
    void unreferenced();

    Ref<Inode> inode;
    Ref<Dentry> parent; ///< null: root of a file system
    std::string name;
    std::uint64_t cookie = 0;  ///< its place in getdents64: larger is newer
    std::uint32_t mounted = 0; ///< mounts on it, in all namespaces
    bool linked = false;

    // Children from the newest to the oldest; links of this entry among its siblings.
    Dentry* newest_child = nullptr;
    Dentry* newer = nullptr;
    Dentry* older = nullptr;
    Dentry* hash_next = nullptr;
    std::uint32_t hash = 0;
};

class DentryTable {
public:
    DentryTable() : buckets_(256) {}
    [[nodiscard]] Dentry* find(Dentry const& directory, std::string_view name) const;
    /// Enters a new entry of `inode` into `directory`. There is none of that name.
    Ref<Dentry> link(Dentry& directory, std::string_view name, Ref<Inode> inode);
    /// Takes it out of its directory; the caller cares for link counts and times.
    void unlink(Dentry& entry);
    /// Under another name, perhaps in another directory.
    void move(Dentry& entry, Dentry& directory, std::string_view name);
    /// Takes out everything below `root`.
    void clear(Dentry& root);

private:
    static std::uint32_t hash(Dentry const& directory, std::string_view name);
    void insert(Dentry& entry);
    void remove(Dentry& entry);
    std::vector<Dentry*> buckets_;
    std::size_t count_ = 0;
};

/// `entry` lies below `directory`, or is it.
[[nodiscard]] inline bool is_below(Dentry const* entry, Dentry const* directory) {
    for (; entry != nullptr; entry = entry->parent.get()) {
        if (entry == directory) { return true; }
    }
    return false;
}

/// Calls visit(Dentry&) for `root` and everything below; visit must not change the tree.
template <class Visit>
void for_each_below(Dentry& root, Visit visit) {
    Dentry* at = &root;
    for (;;) {
        visit(*at);
        if (at->newest_child != nullptr) {
            at = at->newest_child;
            continue;
        }
        while (at != &root && at->older == nullptr) { at = at->parent.get(); }
        if (at == &root) { return; }
        at = at->older;
    }
}

} // namespace vfs
