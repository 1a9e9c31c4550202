// A file system: a tmpfs (also what devtmpfs, sysfs and the like are here), the home of anonymous files and pipes, or the
// stand-in of one that another server serves.
#pragma once
#include "dentry.hpp"
#include "user_namespace.hpp"
#include <map>
#include <optional>

namespace vfs {

class FileSystem;

/// An instance of devpts: its options (ids global) and the terminals that are its nodes.
struct PseudoTerminals {
    /// Capabilities that open a terminal for reading, writing, both: Directory.
    using Access = std::array<Slot, 3>;
    std::optional<std::uint32_t> user, group; ///< of new nodes; none: those of who opens ptmx
    std::uint32_t mode = 0600, multiplexer_mode = 0;
    std::uint32_t maximum = terminal_maximum;
    std::map<std::uint32_t, Access> devices; ///< by index
    /// In all instances that one quota domain pays for, and in all of them.
    static constexpr std::uint32_t domain_maximum = 64, terminal_maximum = 256;
};

/// What all of vfs shares.
struct Environment {
    Environment(PageStore& pages_, Port& port_, std::uint32_t inode_maximum_)
        : pages{pages_}, port{port_}, inode_maximum{inode_maximum_} {}
    PageStore& pages;
    Port& port;
    DentryTable dentries;
    std::uint32_t inode_maximum; ///< heap bounds it
    std::uint32_t inodes = 0;
    std::uint32_t target_bytes = 0; ///< of symbolic links: they count as inodes, target_unit bytes each
    static constexpr std::uint32_t target_unit = 512;
    std::uint32_t file_systems = 0;
    std::uint32_t next_device = 16; ///< minor number of st_dev, major 0
    Slot quota_notification = 0;
    std::vector<FileSystem*> devpts; ///< all instances
    std::uint32_t acting =
        0; ///< Credentials::process of whom the current operation is for: named if a quota refuses it
    /// A domain went over its limit.
    void quota_refused(QuotaDomain const& domain) {
        if (domain.event && quota_notification != 0) { port.signal(quota_notification); }
    }
};

class MountNamespace;
/// Keeps a mount namespace alive.
class Pin {
public:
    virtual ~Pin() = default;
    [[nodiscard]] virtual MountNamespace* mounts() const = 0;
};

class FileSystem : public Counted {
public:
    FileSystem(Environment& environment, std::string_view type, Ref<QuotaDomain> domain);
    FileSystem(FileSystem const&) = delete;
    FileSystem& operator=(FileSystem const&) = delete;
    void unreferenced() { delete this; }
    ~FileSystem();

    /// A new inode, charged. Errors: Quota, NoSpace.
    Result<Ref<Inode>> make(std::uint32_t mode, Ref<QuotaDomain> domain, Credentials const* owner = nullptr);
    /// Makes the root directory; once.
    Error make_root(std::uint32_t mode);
    void forget(Inode& inode);
    [[nodiscard]] bool take_page() {
        if (limit_pages != 0 && used_pages >= limit_pages) { return false; }
        ++used_pages;
        return true;
    }
    void give_pages(std::uint32_t count) { used_pages -= count; }
    /// The last mount of it has gone: the tree goes, but for what is open.
    void shut_down();
    [[nodiscard]] Environment& environment() const { return environment_; }
    [[nodiscard]] bool foreign() const { return server != 0; }
    [[nodiscard]] bool is_namespace_file() const { return type == "nsfs"; }
    void drop_access(PseudoTerminals::Access const& access);
    /// f_type of statfs(2).
    [[nodiscard]] std::uint64_t magic() const;

    std::string type;
    Ref<Dentry> root;
    Ref<QuotaDomain> domain;
    Slot server = 0; ///< Directory capability of a file system served elsewhere
    Slot file = 0;   ///< nsfs: the capability of the namespace, which an open of this answers
    std::unique_ptr<PseudoTerminals> terminals; ///< of a devpts
    std::unique_ptr<Pin> pinned;                ///< nsfs: a mount namespace, which is this server's own
    std::uint32_t pinned_number = 0;            ///< MountNamespace::number of it
    bool read_only = false;                     ///< for every mount of it
    bool fixed = false;                         ///< its entries and their contents do not change
    bool no_device = false;                     ///< device nodes do not open: mounted from a user namespace
    Ref<UserNamespace> owner;                   ///< of who mounted it (null: the first)
    std::uint32_t mounts = 0;
    std::uint32_t device;
    std::uint32_t next_inode = 1;
    std::uint64_t limit_pages = 0, used_pages = 0, limit_inodes = 0, used_inodes = 0; ///< limits 0: none
    std::string options; ///< as mount(2) got them, those that are shown

private:
    Environment& environment_;
};

} // namespace vfs
