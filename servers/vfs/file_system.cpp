#include "file_system.hpp"
#include "pipe.hpp"

namespace vfs {

FileSystem::FileSystem(Environment& environment, std::string_view type_, Ref<QuotaDomain> domain_)
    : type{type_}, domain{std::move(domain_)}, device{environment.next_device++}, environment_{environment} {
    ++environment_.file_systems;
}

FileSystem::~FileSystem() {
    --environment_.file_systems;
    if (server != 0) { environment_.port.drop(server); }
    if (file != 0) { environment_.port.drop(file); }
    if (terminals) {
        for (auto const& [index, access] : terminals->devices) { drop_access(access); }
        if (domain) { domain->terminals -= static_cast<std::uint32_t>(terminals->devices.size()); }
        std::erase(environment_.devpts, this);
    }
}

void FileSystem::drop_access(PseudoTerminals::Access const& access) {
    for (Slot const slot : access) {
        if (slot != 0) { environment_.port.drop(slot); }
    }
}

std::uint64_t FileSystem::magic() const {
    struct Magic {
        std::string_view type;
        std::uint32_t number;
    };
    static constexpr Magic known[] = {{"sysfs", 0x62656572},  {"pipefs", 0x50495045},  {"nsfs", 0x6e736673},
                                      {"ramfs", 0x858458f6},  {"devpts", 0x1cd1},      {"proc", 0x9fa0},
                                      {"mqueue", 0x19800202}, {"cgroup2", 0x63677270}, {"cgroup", 0x27e0eb}};
    for (Magic const& each : known) {
        if (each.type == type) { return each.number; }
    }
    return 0x01021994; // tmpfs
}

Result<Ref<Inode>> FileSystem::make(std::uint32_t mode, Ref<QuotaDomain> owner_domain, Credentials const* owner) {
    if (environment_.inodes + environment_.target_bytes / Environment::target_unit >= environment_.inode_maximum ||
        (limit_inodes != 0 && used_inodes >= limit_inodes)) {
        return fail(Error::NoSpace);
    }
    if (owner != nullptr) { environment_.acting = owner->process; }
    if (owner_domain && !owner_domain->charge(inode_charge, environment_.acting)) {
        environment_.quota_refused(*owner_domain);
        return fail(Error::Quota);
    }
    if (owner_domain) { ++owner_domain->files; }
    ++environment_.inodes;
    ++used_inodes;
    Ref<Inode> inode{new Inode{*this, next_inode++, mode, std::move(owner_domain)}};
    inode->access_time = inode->modify_time = inode->change_time = environment_.port.now();
    if (owner != nullptr) {
        inode->user = owner->user;
        inode->group = owner->group;
    }
    return inode;
}

Error FileSystem::make_root(std::uint32_t mode) {
    auto inode = make(mode::directory | (mode & mode::permissions), domain);
    if (!inode) { return inode.error(); }
    (*inode)->links = 2;
    root = Ref<Dentry>{new Dentry{*inode, {}, ""}};
    return Error::None;
}

void FileSystem::forget(Inode& inode) {
    --environment_.inodes;
    --used_inodes;
    environment_.target_bytes -= static_cast<std::uint32_t>(inode.target.size());
    if (inode.domain) {
        inode.domain->release(inode_charge);
        --inode.domain->files;
    }
}

void FileSystem::shut_down() {
    Ref<FileSystem> const self{this};
    if (root) {
        environment_.dentries.clear(*root);
        root.reset();
    }
}

} // namespace vfs
