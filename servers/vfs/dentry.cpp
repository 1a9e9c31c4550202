#include "dentry.hpp"

namespace vfs {

void Dentry::unreferenced() {
    for (Dentry* at = this; at != nullptr;) {
        Dentry* const above = at->parent.release();
        delete at;
        at = above != nullptr && --above->references == 0 ? above : nullptr;
    }
}

std::uint32_t DentryTable::hash(Dentry const& directory, std::string_view name) {
    std::uint32_t value = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(&directory) >> 4) * 2654435761u;
    for (char const c : name) { value = (value ^ static_cast<unsigned char>(c)) * 16777619u; }
    return value ^ value >> 15;
}

Dentry* DentryTable::find(Dentry const& directory, std::string_view name) const {
    std::uint32_t const wanted = hash(directory, name);
    for (Dentry* entry = buckets_[wanted & (buckets_.size() - 1)]; entry != nullptr; entry = entry->hash_next) {
        if (entry->hash == wanted && entry->parent == &directory && entry->name == name) { return entry; }
    }
    return nullptr;
}

void DentryTable::insert(Dentry& entry) {
    if (count_ >= buckets_.size()) {
        std::vector<Dentry*> larger(buckets_.size() * 2);
        for (Dentry* chain : buckets_) {
            while (chain != nullptr) {
                Dentry* const next = chain->hash_next;
                Dentry*& head = larger[chain->hash & (larger.size() - 1)];
                chain->hash_next = head;
                head = chain;
                chain = next;
            }
        }
        buckets_ = std::move(larger);
    }
    Dentry& directory = *entry.parent;
    entry.hash = hash(directory, entry.name);
    Dentry*& head = buckets_[entry.hash & (buckets_.size() - 1)];
    entry.hash_next = head;
    head = &entry;
    ++count_;
    entry.cookie = directory.inode->next_cookie++;
    entry.newer = nullptr;
    entry.older = directory.newest_child;
    if (entry.older != nullptr) { entry.older->newer = &entry; }
    directory.newest_child = &entry;
    entry.linked = true;
}

void DentryTable::remove(Dentry& entry) {
    Dentry** link = &buckets_[entry.hash & (buckets_.size() - 1)];
    while (*link != &entry) { link = &(*link)->hash_next; }
    *link = entry.hash_next;
    entry.hash_next = nullptr;
    --count_;
    if (entry.newer != nullptr) {
        entry.newer->older = entry.older;
    } else {
        entry.parent->newest_child = entry.older;
    }
    if (entry.older != nullptr) { entry.older->newer = entry.newer; }
    entry.newer = entry.older = nullptr;
    entry.linked = false;
}

Ref<Dentry> DentryTable::link(Dentry& directory, std::string_view name, Ref<Inode> inode) {
    Ref<Dentry> entry{new Dentry{std::move(inode), Ref<Dentry>{&directory}, name}};
    insert(*entry);
    ++entry->references; // the directory's
    return entry;
}

void DentryTable::unlink(Dentry& entry) {
    remove(entry);
    Ref<Dentry> const directorys{&entry};
    --entry.references;
}

void DentryTable::move(Dentry& entry, Dentry& directory, std::string_view name) {
    Ref<Dentry> const old_parent = entry.parent;
    remove(entry);
    entry.parent = Ref<Dentry>{&directory};
    entry.name = name;
    insert(entry);
}

void DentryTable::clear(Dentry& root) {
    Dentry* at = &root;
    for (;;) {
        while (at->newest_child != nullptr) { at = at->newest_child; }
        if (at == &root) { return; }
        Dentry* const directory = at->parent.get();
        unlink(*at);
        at = directory;
    }
}

} // namespace vfs
