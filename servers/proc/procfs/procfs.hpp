// /proc: protocols Directory and File on badges of ProcessDirectory (the root, as mounted) and ProcessFile (what was opened), and
// Namespace on the files of PID namespaces.
#pragma once
#include "ipc/server.hpp"
#include "tree.hpp"
#include <string>

namespace proc {

class ProcFs {
public:
    using F = proto::File;
    using N = proto::Namespace;
    using Dir = proto::Directory;
    using Sender = ipc::Sender;
    using At = proto::Directory::At const&;
    using Caller = proto::Directory::Caller const&;
    using Word32 = std::uint32_t;
    template <class T>
    using Result = ipc::Result<T>;
    using Unit = ipc::Unit;

    explicit ProcFs(Core& core) : core{core} {}

    /// A capability for the root of the procfs of that namespace (Process::ProcFileSystem, Domain::ProcFileSystem). It goes by no_senders.
    Result<ipc::Cap<Dir>> file_system(PidNamespace& space);
    /// Of the control groups from `root` down (Process::CgroupFileSystem), numbering processes as `space` does.
    Result<ipc::Cap<Dir>> group_file_system(PidNamespace& space, Group& root);
    /// Process::SetNamespace.
    Result<Unit> set_namespace(Thread& thread, ipc::OptionalCap<F> const& file, Word32 flags);
    /// Process::RelatedNamespace: a capability to be copied to the caller, which keeps it alive.
    Result<CapabilityPointer> related_namespace(Process& process, ipc::OptionalCap<F> const& file, Word32 request);
    /// Process::NamespaceAttribute.
    Result<Word32> namespace_attribute(Process& process, ipc::OptionalCap<F> const& file, Word32 request);
    /// For exec: what "self/exe", "PID/exe" and the like open; a path within the procfs with that badge (0: of its own PID namespace), asked by `process`. Owned by
    /// the caller.
    Result<CapabilityPointer> open_executable(Process& process, Word badge, std::string_view path);
    /// The badge is one of procfs and nobody holds it any more.
    void no_senders(Word badge);

    // --- Directory ---
    Result<std::tuple<ipc::Cap<F>, proto::OpenResult>> on(Dir::Open, Sender&, At, Caller, Word32 flags, Word32 mode,
                                                          ipc::Path const&);
    Result<proto::FileStatus> on(Dir::Stat, Sender&, At, Caller, Word32 flags, ipc::Path const&);
    Result<Unit> on(Dir::Access, Sender&, At, Caller, Word32 mode, Word32 flags, ipc::Path const&);
    Result<proto::Transfer> on(Dir::ReadLink, Sender&, At, Caller, ipc::Path const&, ipc::WriteBuffer);
    Result<Unit> on(Dir::MakeDirectory, Sender&, At, Caller, Word32 mode, ipc::Path const&);
    Result<Unit> on(Dir::MakeNode, Sender&, At at, Caller caller, Word32, Word32, ipc::Path const&) {
        return refuse(at, caller, Error::NotPermitted);
    }
    Result<Unit> on(Dir::Unlink, Sender&, At, Caller, Word32 flags, ipc::Path const&);
    Result<Unit> on(Dir::Rename, Sender&, At from, At to, Word32, ipc::ReadBuffer) {
        drop(to);
        drop(from);
        return fail(Error::NotPermitted);
    }
    Result<Unit> on(Dir::Link, Sender&, At from, At to, Word32, ipc::ReadBuffer) {
        drop(to);
        drop(from);
        return fail(Error::NotPermitted);
    }
    Result<Unit> on(Dir::SymbolicLink, Sender&, At at, ipc::ReadBuffer) {
        drop(at);
        return fail(Error::NotPermitted);
    }
    Result<Unit> on(Dir::SetAttributes, Sender&, At at, Caller caller, Word32, proto::AttributeChange const&,
                    ipc::Path const&) {
        return refuse(at, caller, Error::NotPermitted);
    }
    Result<Unit> on(Dir::Truncate, Sender&, At at, Caller caller, std::uint64_t, ipc::Path const&) {
        return refuse(at, caller, Error::Invalid);
    }
    Result<proto::FileSystemStatus> on(Dir::StatFileSystem, Sender& sender, At at, Caller caller,
                                       ipc::Path const& path) {
        auto const found = walk(sender, at, caller, path, true);
        return proto::FileSystemStatus{
            found && is_of_group(found->node.kind) ? group_magic : 0x9fa0, abi::page_size, 0, 0, 0, 0, 255, 0};
    }

    // --- File ---
    Result<proto::Transfer> on(F::Read, Sender&, Word32, ipc::WriteBuffer);
    Result<proto::Transfer> on(F::Write, Sender&, Word32, ipc::ReadBuffer);
    Result<proto::Transfer> on(F::ReadAt, Sender&, std::uint64_t offset, ipc::WriteBuffer);
    Result<proto::Transfer> on(F::WriteAt, Sender& sender, std::uint64_t, ipc::ReadBuffer buffer) {
        return on(F::Write{}, sender, 0, buffer);
    }
    Result<std::uint64_t> on(F::Seek, Sender&, std::int64_t offset, Word32 whence);
    Result<proto::FileStatus> on(F::Stat, Sender&);
    Result<Word32> on(F::Poll, Sender& sender, Word32 events);
    Result<Word32> on(F::PollArm, Sender& sender, Word32 events, Word32 token,
                      ipc::Cap<ipc::Notification> notification);
    Result<Unit> on(F::PollDisarm, Sender& sender, Word32 token);
    Result<Word32> on(F::Ioctl, Sender&, Word32, Word32, ipc::ReadBuffer, ipc::WriteBuffer) {
        return fail(Error::NotTerminal);
    }
    Result<proto::Transfer> on(F::GetDirectoryEntries, Sender&, ipc::WriteBuffer);
    Result<Unit> on(F::Truncate, Sender&, std::uint64_t) { return fail(Error::Invalid); }
    Result<Unit> on(F::Synchronize, Sender&) { return fail(Error::Invalid); }
    Result<Word32> on(F::GetFlags, Sender&);
    Result<Unit> on(F::SetFlags, Sender&, Word32 flags);
    Result<Unit> on(F::SetAttributes, Sender&, proto::AttributeChange const&) { return fail(Error::NotPermitted); }
    Result<std::tuple<ipc::Cap<ipc::Frame>, proto::FilePage>> on(F::Page, Sender&, Word32, Word32) {
        return fail(Error::NoSuchDevice);
    }
    Result<Word32> on(F::Name, Sender&, ipc::WriteBuffer);
    Result<Unit> on(F::Lock, Sender&, proto::LockRequest const&) { return fail(Error::Invalid); }
    Result<std::tuple<ipc::Cap<F>, Word32>> on(F::Reopen, Sender&, Word32 flags);
    Result<Unit> on(F::Attach, Sender&, ipc::OptionalCap<F> const& a, ipc::OptionalCap<F> const& b,
                    ipc::OptionalCap<F> const& c) {
        drop(a);
        drop(b);
        drop(c);
        return fail(Error::NotTerminal);
    }
    Result<Word32> on(F::CopyFrom, Sender&, ipc::OptionalCap<F> const& source, std::uint64_t, std::uint64_t, Word32) {
        drop(source);
        return fail(Error::Invalid);
    }
    Result<std::array<std::uint64_t, 8>> on(F::StatFileSystem, Sender& sender) {
        Open const* const file = open_of(sender);
        return std::array<std::uint64_t, 8>{
            file != nullptr && is_of_group(file->node.kind) ? group_magic : 0x9fa0, abi::page_size, 0, 0, 0, 0, 255, 0};
    }

    // --- Namespace, on the file of a PID or user namespace ---
    Result<proto::NamespaceIdentity> on(N::Identify, Sender&);
    Result<ipc::Cap<N>> on(N::Create, Sender&, ipc::OptionalCap<N> const& user, Word32, Word32) {
        if (user.slot != 0) core.machine.drop(user.slot);
        return fail(Error::NotSupported);
    }
    Result<ipc::Cap<proto::Session>> on(N::Enter, Sender&, std::uint64_t) { return fail(Error::NotSupported); }
    Result<ipc::Cap<proto::Session>> on(N::ForkSession, Sender&) { return fail(Error::NotSupported); }
    Result<ipc::Cap<N>> on(N::Of, Sender&) { return fail(Error::NotSupported); }
    Result<ipc::Cap<N>> on(N::Attenuate, Sender&, std::uint64_t) { return fail(Error::NotSupported); }
    Result<Unit> on(N::Destroy, Sender&) { return fail(Error::NotPermitted); }
    Result<Unit> on(N::Vouch, Sender&, ipc::OptionalCap<proto::Session> const& session,
                    proto::SessionCredentials const&) {
        if (session.slot != 0) core.machine.drop(session.slot);
        return fail(Error::NotSupported);
    }
    Result<Unit> on(N::SetUserMap, Sender&, Word32, Word32, Word32, ipc::ReadBuffer) {
        return fail(Error::NotSupported);
    }
    Result<proto::NamespaceIdentity> on(N::List, Sender&, Word32) { return fail(Error::NotSupported); }
    Result<ipc::Unit> on(N::SetLimit, Sender&, Word32) {
        return fail(Error::NotPermitted);
    } // its limits are its own to keep
    Result<ipc::Cap<N>> on(N::Recover, Sender&, ipc::OptionalCap<N> const& attenuated) {
        if (attenuated.slot != 0) core.machine.drop(attenuated.slot);
        return fail(Error::NotSupported);
    }

    Core& core;

private:
    static constexpr std::uint64_t group_magic = 0x63677270; ///< CGROUP2_SUPER_MAGIC
    struct Mounted {
        PidNamespace* space;
        Word badge;
        Node root;
        GroupReference group;
    }; ///< group: what a cgroup2 shows as its root
    /// Credentials of who opened a file, as far as writes ask for them.
    struct OpenerRights {
        Credentials credentials;
        UserReference space;
        [[nodiscard]] bool capable(UserNamespace const& over, std::uint32_t number) const {
            return Core::capable(credentials.effective, credentials.effective_user, *space, over, number);
        }
    };
    /// An open file of procfs.
    struct Open {
        PidNamespace* space; ///< one reference: whose procfs it is
        Node node;
        OpenerRights
            opener_rights;        ///< of its opener: what counts at a write is who opened the file (user_namespaces(7))
        std::uint32_t opener = 0; ///< Pid::global of the process that opened it, for texts that depend on it
        Word badge = 0;
        Word32 flags = 0;
        std::uint64_t offset = 0;
        std::string text;
    };
    /// Where a walk ended: a node, or beyond it a link's rest.
    struct Walk {
        PidNamespace* space;
        Node node;
        Thread* caller;
        std::string rest; ///< after a link that leads out of procfs
    };
    Result<Walk> walk(Sender const& sender, At at, Caller caller, ipc::Path const& path, bool follow);
    Result<Walk> walk_from(Thread* caller, PidNamespace& space, Node node, std::string_view path, bool follow);
    /// The reply Elsewhere for a walk that left procfs.
    ipc::Error leave(Sender& sender, Walk const& walk);
    Result<std::tuple<ipc::Cap<F>, proto::OpenResult>> open_node(Walk const& walk, Word32 flags);
    Result<CapabilityPointer> open_foreign(Walk const& walk, Word32 flags);
    // namespace_files.cpp
    struct OpenedNamespace {
        CapabilityPointer slot;
        bool keep;
        std::uint32_t inode;
    }; ///< keep: the slot is not the caller's to drop
    Result<OpenedNamespace> open_namespace(Walk const& walk);
    Result<std::uint32_t> namespace_inode(Walk const& walk);
    std::string map_text(Open const& file, Process& process);
    Result<Unit> write_map(Open const& file, Process& process, std::string_view text);
    Result<Unit> write_setgroups(Open const& file, Process& process, std::string_view text);
    Result<Unit> write_time_offsets(Open const& file, Process& process, std::string_view text);
    [[nodiscard]] Handle* handle_of(Sender const& sender) const { return core.handle_of(sender.badge); }
    [[nodiscard]] std::uint32_t inode_of(Handle const& handle) const;
    [[nodiscard]] proto::FileStatus handle_status(Handle const& handle) const;
    [[nodiscard]] std::string handle_name(Handle const& handle) const;
    /// The namespace or process behind a file that a program gave, and its capability to drop.
    Core::Joined joined_by(ipc::OptionalCap<F> const& file) const;
    Result<std::string> link_text(Walk const& walk);
    [[nodiscard]] bool may_open(Thread const* caller, Node const& node) const;
    /// Do the permission bits of a file that can be written let the caller write it?
    [[nodiscard]] bool owns(Thread const* caller, Node const& node) const;
    /// Ids as `viewer` (null: the first user namespace) sees them.
    proto::FileStatus status_of(Process const* viewer, Node const& node) const;
    std::string text_of(Open const& file);
    /// fdinfo/N.
    std::string descriptor_information(Process& process, Word descriptor);
    Result<proto::Transfer> read(Sender& sender, Open& file, std::uint64_t offset);
    Open* open_of(Sender const& sender) const {
        return core.table.badges.find<Open>(sender.badge, ObjectKind::ProcessFile);
    }
    void drop(ipc::OptionalCap<F> const& cap) {
        if (cap.slot != 0) core.machine.drop(cap.slot);
    }
    void drop_caller(Caller cap) {
        if (cap.slot != 0) core.machine.drop(cap.slot);
    }
    Result<Unit> refuse(At at, Caller caller, Error error) {
        drop(at);
        drop_caller(caller);
        return fail(error);
    }
};

} // namespace proc
