// Paths within procfs, links, and the ways out of it.
#include "procfs.hpp"
#include "text.hpp"

namespace proc {

auto ProcFs::walk(Sender const& sender, At at, Caller caller, ipc::Path const& path, bool follow) -> Result<Walk> {
    drop(at);
    drop_caller(caller);
    Thread* const thread = caller.unwrapped ? core.table.thread_of(caller.badge) : nullptr;
    PidNamespace* space = nullptr;
    Node start;
    if (auto* const mounted = core.table.badges.find<Mounted>(sender.badge, ObjectKind::ProcessDirectory)) {
        space = mounted->space;
        start = mounted->root;
    } else if (Open const* const file = open_of(sender)) {
        space = file->space;
        start = file->node;
    } else {
        return fail(Error::BadDescriptor);
    }
    if (at.unwrapped) {
        Open const* const directory = core.table.badges.find<Open>(at.badge, ObjectKind::ProcessFile);
        if (directory == nullptr) return fail(Error::BadDescriptor);
        space = directory->space;
        start = directory->node;
    }
    char storage[1024];
    auto const text = sender.read_path(path, storage);
    if (!text) return fail(text.error());
    return walk_from(thread, *space, start, *text, follow);
}

auto ProcFs::walk_from(Thread* caller, PidNamespace& space, Node node, std::string_view path, bool follow)
    -> Result<Walk> {
    std::string pending{path};
    std::vector<Node> parents;
    for (int links = 0;;) {
        std::size_t const begin = pending.find_first_not_of('/');
        if (begin == std::string::npos) {
            if (!pending.empty() && !is_directory(node.kind) && !is_link(node.kind)) return fail(Error::NotDirectory);
            return Walk{&space, node, caller, {}};
        }
        std::size_t const end = std::min(pending.find('/', begin), pending.size());
        std::string const name = pending.substr(begin, end - begin);
        std::string rest = pending.substr(end);
        bool const last = rest.find_first_not_of('/') == std::string::npos;
        if (name == "." || name == "..") {
            if (!is_directory(node.kind)) return fail(Error::NotDirectory);
            if (name == "..") {
                // Above the root the mount ends: vfs does not send such paths here.
                node = parents.empty() ? parent_of(node) : parents.back();
                if (!parents.empty()) parents.pop_back();
            }
            pending = std::move(rest);
            continue;
        }
        auto const found = look_up(core, space, node, name, caller != nullptr ? caller->process : nullptr);
        if (!found) return fail(found.error());
        Process const* const process = process_of(*found);
        if (node.kind == NodeKind::DescriptorDirectory || node.kind == NodeKind::DescriptorInfoDirectory) {
            if (!may_open(caller, node)) return fail(Error::Access);
        }
        if (!is_link(found->kind) || (last && !follow && rest.empty())) {
            parents.push_back(node);
            node = *found;
            pending = std::move(rest);
            continue;
        }
        if (++links > 40) return fail(Error::Loop);
        switch (found->kind) {
        case NodeKind::SelfLink:
        case NodeKind::ThreadSelfLink:
        case NodeKind::MountsLink:
        case NodeKind::NetLink: {
            auto const text = link_text(Walk{&space, *found, caller, {}});
            if (!text) return fail(text.error());
            pending = *text + rest;
            break; // relative to the root, where these links are
        }
        default: // magic: the end of the way in here
            if (process == nullptr || !may_open(caller, *found))
                return fail(process == nullptr ? Error::NoEntry : Error::Access);
            return Walk{&space, *found, caller, last ? std::string{} : rest};
        }
    }
}

bool ProcFs::may_open(Thread const* caller, Node const& node) const {
    switch (node.kind) {
    case NodeKind::Environment:
    case NodeKind::Maps:
    case NodeKind::Io:
    case NodeKind::MountStats:
    case NodeKind::DescriptorDirectory:
    case NodeKind::DescriptorInfoDirectory:
    case NodeKind::DescriptorInfo:
    case NodeKind::Descriptor:
    case NodeKind::Executable:
    case NodeKind::WorkingDirectory:
    case NodeKind::RootDirectory:
    case NodeKind::NamespaceLink: break;
    default: return true;
    }
    Process const* const target = process_of(node);
    if (target == nullptr || caller == nullptr) return false;
    if (caller->process == target) return true;
    return Core::may_inspect(*caller->process, *target);
}

bool ProcFs::owns(Thread const* caller, Node const& node) const {
    if (Group const* const group = group_of(node))
        return caller != nullptr && Core::owns_group(*caller->process, *group);
    Process const* const target = process_of(node);
    if (target == nullptr) return true; // the machine's: who may is asked at the write
    if (caller == nullptr) return false;
    Process const& process = *caller->process;
    // The files of a process that must not be looked into are root's (proc(5)).
    std::uint32_t const owner = target->dumpable ? target->credentials.effective_user : 0;
    return process.credentials.file_user == owner ||
           (process.user_space->users.maps_global(owner) && process.credentials.capable(capability::dac_override));
}

auto ProcFs::link_text(Walk const& walk) -> Result<std::string> {
    PidNamespace const& view = *walk.space;
    TextBuilder out;
    switch (walk.node.kind) {
    case NodeKind::SelfLink:
    case NodeKind::ThreadSelfLink: {
        std::int32_t const own = walk.caller == nullptr ? 0 : walk.caller->process->pid->number_in(view);
        if (own == 0) return fail(Error::NoEntry);
        out << own;
        if (walk.node.kind == NodeKind::ThreadSelfLink) out << "/task/" << walk.caller->pid->number_in(view);
        return out.take();
    }
    case NodeKind::MountsLink: return std::string{"self/mounts"};
    case NodeKind::NetLink: return std::string{"self/net"};
    default: break;
    }
    Process* const process = process_of(walk.node);
    if (process == nullptr) return fail(Error::NoEntry);
    if (!may_open(walk.caller, walk.node)) return fail(Error::Access);
    if (!process->alive()) return fail(Error::NoEntry);
    switch (walk.node.kind) {
    case NodeKind::Executable: {
        if (process->executable == nullptr) return fail(Error::NoEntry);
        std::string name = core.owners.file_name(process->executable->slot);
        return name.empty() ? Result<std::string>{fail(Error::NoEntry)} : name;
    }
    case NodeKind::WorkingDirectory: return core.owners.place(process->vfs_session, 1);
    case NodeKind::RootDirectory: return core.owners.place(process->vfs_session, 0);
    case NodeKind::Descriptor: {
        auto const file =
            core.machine.fetch(*process->cspace, linux_process::slot::descriptor_first + walk.node.number);
        if (!file) return fail(Error::NoEntry);
        std::string name;
        if (core.owners.file_status(process->vfs_session, *file)) name = core.owners.file_name(*file);
        core.machine.drop(*file);
        if (name.empty()) {
            auto const kind =
                static_cast<proto::FileKind>(process->memory->descriptor(process->files, walk.node.number).kind);
            name = kind == proto::FileKind::Socket ? "socket:[" : "anon_inode:[";
            name += (TextBuilder{} << (kind == proto::FileKind::Socket ? "" : "file")).take();
            if (kind == proto::FileKind::Socket) name += (TextBuilder{} << walk.node.number + 1).take();
            name += ']';
        }
        return name;
    }
    case NodeKind::NamespaceLink: {
        auto const inode = namespace_inode(walk);
        if (!inode) return fail(inode.error());
        return (out << namespace_entry(core, walk.node.number).shown << ":[" << *inode << ']').take();
    }
    default: return fail(Error::Invalid);
    }
}

ipc::Error ProcFs::leave(Sender& sender, Walk const& walk) {
    Process* const process = process_of(walk.node);
    if (process == nullptr || !process->alive()) return Error::NoEntry;
    proto::Continuation continuation{};
    std::string text;
    if (walk.node.kind == NodeKind::RootDirectory) {
        text = walk.rest;
    } else if (walk.node.kind == NodeKind::WorkingDirectory) {
        text = "." + walk.rest;
    } else {
        return Error::NotDirectory;
    }
    if (text.size() > continuation.rest.capacity) return Error::NameTooLong;
    continuation.rest = ipc::Text<180>{text};
    // The session of the process looked at: the path is as that process sees it. Who may come this far may do to it what ptrace may.
    ipc::OptionalCap<proto::Directory> const session{ipc::Cap<proto::Directory>{process->vfs_session}};
    return sender.fail_with(Error::Elsewhere, session, continuation).error();
}

auto ProcFs::open_foreign(Walk const& walk, Word32 flags) -> Result<CapabilityPointer> {
    Process* const process = process_of(walk.node);
    if (process == nullptr || !process->alive()) return fail(Error::NoEntry);
    if (!may_open(walk.caller, walk.node)) return fail(Error::Access);
    switch (walk.node.kind) {
    case NodeKind::Executable:
        if (process->executable == nullptr) return fail(Error::NoEntry);
        return core.owners.reopen(process->executable->slot, flags);
    case NodeKind::Descriptor: {
        auto const file =
            core.machine.fetch(*process->cspace, linux_process::slot::descriptor_first + walk.node.number);
        if (!file) return fail(Error::NoEntry);
        auto const status = core.owners.file_status(process->vfs_session, *file);
        if (!status) {
            // Another server's (or proc's own): the same open file, as a descriptor of one's own is.
            if (walk.caller != nullptr && walk.caller->process == process) return *file;
            core.machine.drop(*file);
            return fail(Error::NoDevice);
        }
        auto const opened = core.owners.reopen(*file, flags);
        core.machine.drop(*file);
        return opened;
    }
    default: return fail(Error::Invalid);
    }
}

auto ProcFs::open_executable(Process& process, Word badge, std::string_view path) -> Result<CapabilityPointer> {
    auto* const mounted = core.table.badges.find<Mounted>(badge, ObjectKind::ProcessDirectory);
    if (mounted == nullptr && badge != 0) return fail(Error::Access);
    auto const found =
        walk_from(process.leader(), mounted != nullptr ? *mounted->space : process.space(), Node{}, path, true);
    if (!found) return fail(found.error());
    if (!found->rest.empty()) return fail(Error::Access);
    if (found->node.kind != NodeKind::Executable && found->node.kind != NodeKind::Descriptor)
        return fail(Error::Access);
    return open_foreign(*found, 0);
}

} // namespace proc
