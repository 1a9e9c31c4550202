// The file server's state and operations, apart from the message loop: sessions, open files and namespaces by badge, and
// what the protocols Directory, VfsSession, VfsControl and Namespace ask for.
#pragma once
#include "counters.hpp"
#include "epoll.hpp"
#include "local_names.hpp"
#include "open_file.hpp"
#include "walk.hpp"

namespace vfs {

/// The directory argument of an *at() call.
struct At {
    bool present = false;
    OpenFile* file = nullptr; ///< null though present: not one of ours
};

/// A handed-out namespace capability.
struct NamespaceHandle {
    Ref<MountNamespace> space;
};

/// A handed-out parcel.
struct ParcelHandle {
    Ref<Parcel> parcel;
};

struct RegisteredDevice {
    std::uint32_t major, first, count;
    Slot server;
};

class Vfs final : private LocalSocket::Host {
public:
    /// At most object_maximum open files, sessions and namespaces (capability slots bound it) and inode_maximum inodes (heap).
    Vfs(PageStore& pages, Port& port, std::uint32_t inode_maximum, std::uint32_t object_maximum);
    ~Vfs();
    Vfs(Vfs const&) = delete;
    Vfs& operator=(Vfs const&) = delete;

    // --- what a badge stands for; null: nothing or something else ---
    [[nodiscard]] OpenFile* file(Badge badge) const { return static_cast<OpenFile*>(object(badge, Kind::File)); }
    [[nodiscard]] Session* session(Badge badge) const { return static_cast<Session*>(object(badge, Kind::Session)); }
    [[nodiscard]] NamespaceHandle* name_space(Badge badge) const {
        return static_cast<NamespaceHandle*>(object(badge, Kind::Namespace));
    }
    [[nodiscard]] ParcelHandle* parcel(Badge badge) const {
        return static_cast<ParcelHandle*>(object(badge, Kind::Parcel));
    }
    /// The socket of an open file; null: it is none.
    [[nodiscard]] static LocalSocket* socket_of(OpenFile const* file) {
        return file != nullptr && file->kind == OpenFile::Kind::LocalSocket
                   ? static_cast<LocalSocket*>(file->special.get())
                   : nullptr;
    }
    /// Nobody holds its capability any more.
    void close(Badge badge);

    // --- Directory (directory_operations.cpp, open.cpp, rename.cpp) ---
    Result<Opened> open(Session& session, At at, std::uint32_t flags, std::uint32_t mode, std::string_view path,
                        Caller& caller);
    Result<proto::FileStatus> stat(Session& session, At at, std::uint32_t flags, std::string_view path);
    Error access(Session& session, At at, std::uint32_t wanted, std::string_view path);
    Result<Transfer> read_link(Session& session, At at, std::string_view path, Caller& caller);
    Error make_directory(Session& session, At at, std::uint32_t mode, std::string_view path);
    Error make_node(Session& session, At at, std::uint32_t mode, std::uint32_t device, std::string_view path);
    Error unlink(Session& session, At at, std::uint32_t flags, std::string_view path);
    Error rename(Session& session, At from, At to, std::uint32_t flags, std::string_view old_path,
                 std::string_view new_path);
    Error link(Session& session, At from, At to, std::uint32_t flags, std::string_view old_path,
               std::string_view new_path);
    Error symbolic_link(Session& session, At at, std::string_view target, std::string_view path);
    Error set_attributes(Session& session, At at, std::uint32_t flags, proto::AttributeChange const& change,
                         std::string_view path);
    Error truncate(Session& session, At at, std::uint64_t size, std::string_view path);
    Result<proto::FileSystemStatus> stat_file_system(Session& session, At at, std::string_view path);
    [[nodiscard]] proto::FileSystemStatus stat_file_system(Mount const* mount, Inode const& inode);
    /// chmod, chown, utimensat on an inode; `mount` null: anonymous.
    Error change(Credentials const& who, Mount const* mount, Inode& inode, proto::AttributeChange const& change);
    /// After Error::Elsewhere.
    [[nodiscard]] Elsewhere const& elsewhere() { return walker_.elsewhere(); }
    [[nodiscard]] std::string name_of(OpenFile const& file) const;
    Result<Opened> reopen(OpenFile& file, std::uint32_t flags);

    // --- VfsSession (session_operations.cpp, mount_operations.cpp) ---
    /// `verified`: the caller has shown a directory served elsewhere that the path leads to.
    Error change_directory(Session& session, At at, bool verified, std::string_view path);
    Error change_root(Session& session, std::string_view path);
    /// Path of root (0) or working directory (1) as the session sees it. NoEntry: removed.
    Result<std::string> describe(Session& session, std::uint32_t which);
    Result<Opened> open_place(Session& session, std::uint32_t which);
    /// Record locks of the session's process, or what is in the way of one (of its or of the open file's).
    Error lock(Session& session, OpenFile& file, proto::LockRequest const& request, Caller& caller);
    Result<proto::LockHeld> find_lock(Session& session, OpenFile& file, proto::LockRequest const& request);
    Result<std::array<Slot, 2>> pipe(Session& session, std::uint32_t flags);
    Result<Slot> anonymous_file(Session& session, std::uint64_t size);
    /// Takes over `server` (0: none) if it succeeds. With MS_BIND a `server` or `given` is a namespace's file, type its name (`net:[4026531840]`):
    /// the mount keeps that namespace.
    Error mount(Session& session, std::uint32_t flags, Slot server, std::string_view source, std::string_view target,
                std::string_view type, std::string_view data, MountNamespace* given = nullptr);
    Error unmount(Session& session, std::uint32_t flags, std::string_view path);
    Error pivot_root(Session& session, std::string_view new_root, std::string_view put_old);
    [[nodiscard]] std::string mount_text(Session& session, std::uint32_t format) {
        return mounts_.text(session.root.get(), format);
    }

    // --- AF_UNIX sockets (local_socket_operations.cpp, local_socket_options.cpp). Elsewhere: the session's network namespace is not known ---
    Result<Slot> create_socket(Session& session, std::uint32_t type);
    Result<std::array<Slot, 2>> socket_pair(Session& session, std::uint32_t type);
    Error bind_socket(Session& session, LocalSocket& socket, std::span<std::byte const> address);
    /// Deferred: the listener's queue is full.
    Error connect_socket(Session& session, LocalSocket& socket, std::span<std::byte const> address, Caller& caller);
    Error listen_socket(Session& session, LocalSocket& socket, std::uint32_t backlog);
    Result<Accepted> accept_socket(LocalSocket& listener, std::uint32_t flags, Caller& caller);
    Result<std::string> socket_name(LocalSocket const& socket, bool peer);
    /// `claimed`: SCM_CREDENTIALS; null: the session's. An empty address: to the peer.
    Result<Transfer> send_message(Session& session, LocalSocket& socket, Outgoing message,
                                  proto::MessageCredentials const* claimed, std::span<std::byte const> address,
                                  Caller& caller);
    Result<proto::SocketOption> socket_option(LocalSocket& socket, std::uint32_t level, std::uint32_t option);
    Error set_socket_option(LocalSocket& socket, std::uint32_t level, std::uint32_t option,
                            proto::SocketOption const& value);
    /// /proc/net/unix of that network namespace.
    [[nodiscard]] std::string socket_table(std::uint32_t network) const;
    // --- EventFiles (event_operations.cpp); flags: O_NONBLOCK ---
    Result<Slot> new_epoll(Session& session);
    Result<Slot> new_event(Session& session, std::uint32_t initial, bool semaphore, std::uint32_t flags);
    Result<Slot> new_timer(Session& session, std::uint32_t clock, std::uint32_t flags);
    Result<Slot> new_signals(Session& session, std::uint64_t mask, std::uint32_t flags);
    /// What the port's alarm was set for.
    void alarm() { timers_.due(); }
    // --- local_parcels.cpp ---
    Result<Slot> new_parcel(Session& session);
    /// A capability of the file, to be dropped after the reply; slot 0: it is another server's, Parcel::foreign has it.
    Result<std::pair<Slot, proto::FileKind>> take_from(Parcel const& parcel, std::uint32_t index);

    // --- VfsControl, Namespace (control_operations.cpp) ---
    Result<Slot> first_session();
    /// `owner`: of a new mount namespace; process: Credentials::process of the new session.
    /// Of the mount namespaces of each user in that user namespace (0: the first).
    void set_mount_limit(std::uint32_t user_namespace, std::uint32_t maximum) {
        users_.counts(users_.find(user_namespace).get()).maximum = maximum;
    }
    /// NoSpace: the session's user has as many mount namespaces as it may, or too many mounts.
    Result<Slot> fork_session(Session& from, bool share, bool new_namespace, std::uint32_t owner = 0,
                              std::uint32_t process = 0);
    /// Its root is not that of its mount namespace.
    [[nodiscard]] static bool is_chrooted(Session const& view);
    /// The session goes over to another namespace, at its root (VfsControl::JoinNamespace).
    Error join_name_space(Session& session, MountNamespace& space, bool permitted);
    Error set_user_map(proto::UserNamespace const& which, std::span<ipc::IdExtent const> users,
                       std::span<ipc::IdExtent const> groups) {
        return users_.set(which, users, groups);
    }
    void set_network(Session& session, std::uint32_t network, std::uint32_t user_namespace) {
        session.network = network;
        session.network_owner = users_.find(user_namespace);
    }
    void forget_user(std::uint32_t number) { users_.forget(number); }
    void set_credentials(Session& session, proto::Credentials const& who);
    Result<std::uint32_t> set_quota(std::uint64_t bytes, std::string_view path);
    Result<proto::DiskUsage> quota_usage(std::uint32_t domain) const;
    Error set_quota_policy(std::uint32_t domain, std::uint64_t bytes, bool tell);
    Error release_quota(std::uint32_t domain);
    Result<Slot> container_session(std::uint32_t domain, std::string_view path);
    /// Takes over `server` if it succeeds.
    Error mount_at(Session& session, Slot server, std::string_view type, std::string_view path);
    Error register_device(RegisteredDevice const& device);
    // --- devpts (pseudo_terminals.cpp) ---
    Result<proto::PseudoTerminal> new_terminal(OpenFile const& multiplexer);
    /// Takes over the slots if it succeeds. NoEntry: it has ended, or its file system has.
    Error set_terminal(proto::PseudoTerminal const& which, PseudoTerminals::Access const& access);
    void end_terminal(proto::PseudoTerminal const& which);
    Result<proto::FileStatus> terminal_status(proto::PseudoTerminal const& which) const;
    [[nodiscard]] std::array<std::uint64_t, 8> usage() const;
    /// Domain 0: none.
    proto::QuotaEvent take_quota_event();
    /// Signalled from now on when a domain with `tell` goes over its limit. Takes over the slot.
    void notify_quota(Slot notification);
    Result<Slot> name_space_capability(MountNamespace& space);

    // --- boot.cpp ---
    /// The first mount namespace, with /dev, filled from a cpio archive (newc; entries under root/, data page-aligned) that
    /// stays mapped. Without archive: an empty tree.
    Error start(std::span<std::byte const> archive);
    /// Device nodes of a container (the first namespace's has the virtual consoles as well).
    Error populate_devices(FileSystem& file_system, Dentry& directory, bool all);

    [[nodiscard]] MountTable& mounts() { return mounts_; }
    /// The capability is a mounted file system's.
    [[nodiscard]] bool is_mounted(Slot server) const;
    [[nodiscard]] Session const& first_view() const { return first_view_; }
    [[nodiscard]] Environment& environment() { return environment_; }
    [[nodiscard]] std::uint32_t open_files() const { return open_files_; }

private:
    friend class BootTree;
    enum class Kind : std::uint8_t { None, File, Session, Namespace, Parcel };
    struct Object {
        Badge badge = 0;
        Kind kind = Kind::None;
        void* pointer = nullptr;
    };
    static constexpr std::uint32_t index_bits = 16, first_index = 16;
    /// What one quota domain's sessions may hold of the server's objects.
    static constexpr std::uint32_t domain_objects = 4096;

    [[nodiscard]] void* object(Badge badge, Kind kind) const {
        std::uint32_t const index = badge & ((1u << index_bits) - 1);
        if (index >= objects_.size()) { return nullptr; }
        Object const& found = objects_[index];
        return found.badge == badge && found.kind == kind ? found.pointer : nullptr;
    }
    /// A capability for the object. Errors: TooManyFilesSystem.
    Result<Slot> enter_object(Kind kind, void* pointer, Badge& badge);
    void remove_object(Badge badge);
    Result<Opened> make_file(Session const& view, OpenFile::Kind kind, std::uint32_t flags, Ref<Inode> inode,
                             Place place, OpenFile** made = nullptr);
    Result<Opened> make_file(Credentials const& who, Ref<QuotaDomain> const& domain, OpenFile::Kind kind,
                             std::uint32_t flags, Ref<Inode> inode, Place place, OpenFile** made);
    Result<Slot> make_session(Session* session);

    [[nodiscard]] Result<Start> start_of(Session const& session, At at) const;
    Result<Walked> walk(Session const& session, At at, std::string_view path, std::uint32_t flags);
    [[nodiscard]] proto::FileStatus status_of(Credentials const& who, Place place) const;
    [[nodiscard]] static proto::FileStatus status_of(Credentials const& who, Inode const& inode);
    /// The directory may be changed: permission, and the mount is writable.
    Error may_change(Session const& session, Place directory) const;
    /// `entry` may be taken out of `directory` (sticky bit, mount points).
    Error may_remove(Session const& session, Place directory, Dentry const& entry, bool must_be_directory) const;
    /// Walk for mkdir, mknod, symlink, link: the place must not exist yet.
    Result<Walked> walk_new(Session& session, At at, std::string_view path, bool directory);
    /// Makes an inode with the ownership rules of a new entry and links it.
    Result<Ref<Dentry>> create(Session const& session, Place directory, std::string_view name, std::uint32_t mode,
                               std::uint32_t device = 0, std::string_view target = {});
    Ref<QuotaDomain> domain_for(Dentry const& directory) const;
    void removed(Dentry& entry, std::uint64_t now);
    Result<Opened> open_inode(Session& session, Place place, std::uint32_t flags, Caller& caller);
    /// The file of a namespace: the capability itself.
    Result<Opened> open_namespace(Place place);
    Result<Opened> open_fifo(Session& session, Place place, std::uint32_t flags, Caller& caller);
    Result<Opened> open_device(Session& session, Place place, std::uint32_t flags);
    Ref<Pipe> fresh_pipe(Session const& session);
    void close_abandoned(Inode& inode);

    Result<Ref<Mount>> new_mount(Session& session, std::uint32_t flags, Slot server, std::string_view source,
                                 std::string_view type, std::string_view data);
    Result<Ref<Mount>> namespace_mount(Session& session, Slot file, MountNamespace* given, std::string_view name);
    Error bind(Session& session, Place point, std::uint32_t flags, std::string_view source, Slot file,
               MountNamespace* given, std::string_view name);
    Error remount(Session& session, Place point, std::uint32_t flags, std::string_view data);
    Error move(Session& session, Place point, std::string_view source);
    Error parse_options(Credentials const& who, FileSystem& file_system, std::string_view data,
                        std::uint32_t& root_mode, std::uint32_t& user, std::uint32_t& group) const;
    /// devpts: options and ptmx of a new instance; options of one that is remounted. Errors: Invalid.
    Error start_terminals(Credentials const& who, FileSystem& file_system, std::string_view data);
    Error terminal_options(Credentials const& who, FileSystem& file_system, std::string_view data);
    /// The devpts that a node ptmx stands for: its own, or the one mounted on `pts` next to it. Null: none.
    [[nodiscard]] static FileSystem* devpts_of(Place multiplexer, DentryTable& dentries);
    [[nodiscard]] FileSystem* devpts(std::uint32_t instance) const;
    /// An instance of its own on /dev/pts, as a container or a machine begins with.
    Error mount_devpts(Session& view) {
        return mount(view, mount_flag::no_suid | mount_flag::no_exec, 0, "devpts", "/dev/pts", "devpts",
                     "gid=5,mode=620,ptmxmode=666");
    }
    Result<Opened> open_terminal(Place place, std::uint32_t flags);
    /// The entries of a sysfs or cgroup2.
    Error populate_fixed(FileSystem& file_system);
    QuotaDomain* domain(std::uint32_t number) const;

    PageStore& pages() override { return environment_.pages; }
    Port& port() override { return environment_.port; }
    TimerQueue& timers() override { return timers_; }
    Slot hand_out(Ref<Parcel> const& parcel) override;
    void let_go(OpenFile& file) override;
    void unname(LocalSocket& socket) override;
    void socket_made(LocalSocket& socket) override;
    void socket_ended(LocalSocket& socket) override;
    Result<Slot> open_socket(Credentials const& who, Ref<QuotaDomain> const& domain, std::uint32_t flags,
                             Ref<LocalSocket> socket);
    Result<Ref<LocalSocket>> find_socket(Session& session, LocalName const& name, LocalSocket::Type type);
    void connect_to(LocalSocket& target, LocalSocket& client, Identity const& who);
    void admit_connections(LocalSocket& listener);
    void serve_accepts(LocalSocket& listener);
    Result<Accepted> take_connection(LocalSocket& listener, std::uint32_t flags);
    void collect_sockets();
    void end_file(OpenFile& file);
    Result<Slot> open_event_file(Session& session, std::uint32_t flags, Ref<SpecialFile> made);

    UserNamespaces users_; ///< outlives the mount namespaces that it counts
    Environment environment_;
    TimerQueue timers_;
    MountTable mounts_;
    Walker walker_;
    std::vector<Object> objects_;
    std::deque<std::uint32_t> free_; ///< oldest first: a badge is used again as late as can be
    std::uint32_t object_maximum_;
    std::uint32_t open_files_ = 0, sessions_ = 0;
    Ref<FileSystem> anonymous_; ///< pipes, sockets, memory files
    Ref<Inode> event_inode_;    ///< of all files of EventFiles
    Ref<MountNamespace> first_;
    Session first_view_; ///< for paths that VfsControl names
    std::vector<Ref<QuotaDomain>> domains_;
    std::vector<Ref<Dentry>> domain_roots_; ///< folder of each domain
    std::vector<RegisteredDevice> devices_;
    LocalNames names_;
    LocalSocket *sockets_ = nullptr, *last_socket_ = nullptr;
    bool collection_due_ = false;
    std::uint32_t next_container_ = 1;
};

} // namespace vfs
