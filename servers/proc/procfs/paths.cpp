// Protocol Directory: opening, status, access, links.
#include "common.hpp"
#include "procfs.hpp"

namespace proc {

using namespace procfs;

proto::FileStatus ProcFs::status_of(Process const* viewer, Node const& node) const {
    proto::FileStatus status{};
    status.inode = node.inode();
    status.mode = type_of(node.kind) | node.mode;
    status.links = is_directory(node.kind) ? 2 : 1;
    status.device_minor = device_minor;
    status.block_size = 1024;
    std::uint64_t time = core.clock.wall_offset();
    if (Process const* const process = process_of(node)) {
        time += process->start_time;
        if (process->dumpable || node.kind == NodeKind::ProcessDirectory) {
            status.user = process->credentials.effective_user;
            status.group = process->credentials.effective_group;
        }
        if (node.kind == NodeKind::Descriptor) status.size = 64;
    }
    if (Group const* const group = group_of(node)) {
        status.user = group->user;
        status.group = group->group;
        if (node.kind == NodeKind::GroupDirectory) status.links += static_cast<std::uint32_t>(group->children().size());
        status.size = 0;
    }
    UserNamespace const& users = viewer != nullptr ? *viewer->user_space : *core.first_user_space;
    status.user = Core::user_in(users, status.user);
    status.group = Core::group_in(users, status.group);
    status.access_time = status.modify_time = status.change_time = time;
    return status;
}

auto ProcFs::open_node(Walk const& walk, Word32 flags) -> Result<std::tuple<ipc::Cap<F>, proto::OpenResult>> {
    auto* file = new Open{};
    file->space = walk.space;
    file->space->retain();
    file->node = walk.node;
    file->opener = walk.caller == nullptr ? 0 : walk.caller->process->pid->global;
    file->flags = flags & ~std::uint32_t{02000000 | 0100 | 0200 | 01000};
    if (walk.caller != nullptr)
        file->opener_rights = {walk.caller->process->credentials, walk.caller->process->user_space};
    file->badge = core.table.badges.allocate(ObjectKind::ProcessFile, file);
    auto const cap = ipc::mint_session<F>(file->badge);
    if (!cap) {
        no_senders(file->badge);
        return fail(cap.error());
    }
    proto::FileKind const kind = is_directory(walk.node.kind) ? proto::FileKind::Directory : proto::FileKind::Regular;
    return std::tuple{*cap, proto::OpenResult{kind, static_cast<std::uint32_t>(walk.node.inode())}};
}

auto ProcFs::on(Dir::Open, Sender& sender, At at, Caller caller, Word32 flags, Word32, ipc::Path const& path)
    -> Result<std::tuple<ipc::Cap<F>, proto::OpenResult>> {
    bool const link_itself = (flags & o_nofollow) != 0 && (flags & o_path) != 0;
    auto found = walk(sender, at, caller, path, (flags & o_nofollow) == 0);
    if (!found) return fail(found.error() == Error::NoEntry && (flags & 0100) != 0 ? Error::Access : found.error());
    if ((flags & 0300) == 0300 && (flags & o_path) == 0) return fail(Error::Exists); // O_CREAT | O_EXCL
    if (!found->rest.empty()) return fail(leave(sender, *found));
    Node const& node = found->node;
    if (is_link(node.kind)) {
        if ((flags & o_nofollow) != 0 && !link_itself) return fail(Error::Loop);
        if (!link_itself) {
            if (node.kind == NodeKind::NamespaceLink) {
                // Nobody has the right by its mode: root may, and finds that most kinds take no writing.
                bool const overrides =
                    found->caller != nullptr && found->caller->process->credentials.capable(capability::dac_override);
                if ((flags & o_access) != 0 && (flags & o_path) == 0 && !overrides) return fail(Error::Access);
                auto const opened = open_namespace(*found);
                if (!opened) return fail(opened.error());
                if (!opened->keep) sender.delete_after_reply(opened->slot);
                return std::tuple{ipc::Cap<F>{opened->slot},
                                  proto::OpenResult{proto::FileKind::Namespace, opened->inode}};
            }
            if (node.kind == NodeKind::WorkingDirectory || node.kind == NodeKind::RootDirectory) {
                // As any directory, by the session that is in it.
                found->rest = node.kind == NodeKind::RootDirectory ? "/" : "/.";
                return fail(leave(sender, *found));
            }
            auto const opened = open_foreign(*found, flags);
            if (!opened) return fail(opened.error());
            sender.delete_after_reply(*opened);
            auto kind = proto::FileKind::Regular;
            if (node.kind == NodeKind::Descriptor) {
                Process const* const process = process_of(node);
                kind = static_cast<proto::FileKind>(process->memory->descriptor(process->files, node.number).kind);
            }
            return std::tuple{ipc::Cap<F>{*opened}, proto::OpenResult{kind, static_cast<std::uint32_t>(node.inode())}};
        }
        return open_node(*found, flags);
    }
    if (is_directory(node.kind)) {
        if ((flags & o_access) != 0 && (flags & o_path) == 0) return fail(Error::IsDirectory);
    } else {
        if ((flags & o_directory) != 0) return fail(Error::NotDirectory);
        if ((flags & o_access) != 0 && (flags & o_path) == 0 && !(may_write(node) && owns(found->caller, node)))
            return fail(Error::Access);
    }
    if ((flags & o_path) == 0 && !may_open(found->caller, node)) return fail(Error::Access);
    return open_node(*found, flags);
}

auto ProcFs::on(Dir::Stat, Sender& sender, At at, Caller caller, Word32 flags, ipc::Path const& path)
    -> Result<proto::FileStatus> {
    auto found = walk(sender, at, caller, path, (flags & at_nofollow) == 0);
    if (!found) return fail(found.error());
    if (!found->rest.empty()) return fail(leave(sender, *found));
    Node const& node = found->node;
    bool const follow = is_link(node.kind) && (flags & at_nofollow) == 0 && (flags & at_empty) == 0;
    if (!follow) return status_of(found->caller != nullptr ? found->caller->process : nullptr, node);
    if (node.kind == NodeKind::NamespaceLink) {
        auto const inode = namespace_inode(*found);
        if (!inode) return fail(inode.error());
        proto::FileStatus status{};
        status.inode = *inode;
        status.mode = 0100444;
        status.links = 1;
        status.device_minor = namespace_device_minor;
        status.block_size = 4096;
        return status;
    }
    Process* const process = process_of(node);
    if (process == nullptr || !process->alive()) return fail(Error::NoEntry);
    if (node.kind == NodeKind::WorkingDirectory || node.kind == NodeKind::RootDirectory) {
        found->rest = node.kind == NodeKind::RootDirectory ? "/" : "/.";
        return fail(leave(sender, *found));
    }
    if (node.kind == NodeKind::Executable) {
        return process->executable == nullptr
                   ? fail(Error::NoEntry)
                   : core.owners.file_status(process->vfs_session, process->executable->slot);
    }
    auto const file = core.machine.fetch(*process->cspace, linux_process::slot::descriptor_first + node.number);
    if (!file) return fail(Error::NoEntry);
    auto status = core.owners.file_status(process->vfs_session, *file);
    core.machine.drop(*file);
    if (!status) {
        status = status_of(found->caller != nullptr ? found->caller->process : nullptr, node);
        status->mode = 0100600;
    }
    return status;
}

auto ProcFs::on(Dir::Access, Sender& sender, At at, Caller caller, Word32 mode, Word32, ipc::Path const& path)
    -> Result<Unit> {
    auto const found = walk(sender, at, caller, path, true);
    if (!found) return fail(found.error());
    if (!found->rest.empty()) return fail(leave(sender, *found));
    Node const& node = found->node;
    if (is_link(node.kind)) return Unit{};
    bool const group = is_of_group(node.kind);
    if ((mode & 2) != 0 && !(may_write(node) || node.kind == NodeKind::GroupDirectory)) return fail(Error::Access);
    if ((mode & 2) != 0 && group && !owns(found->caller, node)) return fail(Error::Access);
    if ((mode & 1) != 0 && !is_directory(node.kind)) return fail(Error::Access);
    if ((mode & 4) != 0 && !may_open(found->caller, node)) return fail(Error::Access);
    return Unit{};
}

auto ProcFs::on(Dir::MakeDirectory, Sender& sender, At at, Caller caller, Word32, ipc::Path const& path)
    -> Result<Unit> {
    char storage[1024];
    auto const text = sender.read_path(path, storage);
    if (!text) return refuse(at, caller, text.error());
    std::string_view whole = *text;
    while (whole.ends_with('/')) whole.remove_suffix(1);
    std::size_t const slash = whole.rfind('/');
    std::string_view const parent = slash == std::string_view::npos ? std::string_view{} : whole.substr(0, slash),
                           name = whole.substr(slash + 1);
    auto const found = walk(sender, at, caller, ipc::Path{parent}, true);
    if (!found) return fail(found.error());
    if (!found->rest.empty()) return fail(leave(sender, *found));
    if (!is_directory(found->node.kind)) return fail(Error::NotDirectory);
    if (name.empty() || name == "." || name == ".." || look_up(core, *found->space, found->node, name))
        return fail(Error::Exists);
    Group* const group = group_of(found->node);
    if (group == nullptr || found->caller == nullptr) return fail(Error::NoEntry);
    if (!owns(found->caller, found->node)) return fail(Error::Access);
    Credentials const& who = found->caller->process->credentials;
    auto const made = group->make_child(name, who.file_user, who.file_group);
    if (!made) return fail(made.error());
    return Unit{};
}

auto ProcFs::on(Dir::Unlink, Sender& sender, At at, Caller caller, Word32 flags, ipc::Path const& path)
    -> Result<Unit> {
    constexpr Word32 remove_directory = 0x200;
    auto const found = walk(sender, at, caller, path, false);
    if (!found) return fail(found.error());
    if (!found->rest.empty()) return fail(leave(sender, *found));
    Group* const group = group_of(found->node);
    if (group == nullptr) return fail(Error::NotPermitted);
    bool const directory = found->node.kind == NodeKind::GroupDirectory;
    if (directory != ((flags & remove_directory) != 0))
        return fail(directory ? Error::IsDirectory : Error::NotDirectory);
    if (!directory) return fail(Error::NotPermitted);
    if (group->parent() == nullptr) return fail(Error::Busy);
    if (found->caller == nullptr || !Core::owns_group(*found->caller->process, *group->parent()))
        return fail(Error::Access);
    return group->remove();
}

auto ProcFs::on(Dir::ReadLink, Sender& sender, At at, Caller caller, ipc::Path const& path, ipc::WriteBuffer)
    -> Result<proto::Transfer> {
    auto const found = walk(sender, at, caller, path, false);
    if (!found) return fail(found.error());
    if (!found->rest.empty()) return fail(leave(sender, *found));
    if (!is_link(found->node.kind)) return fail(Error::Invalid);
    auto const text = link_text(*found);
    if (!text) return fail(text.error());
    auto const done = sender.copy_out(0, std::as_bytes(std::span{*text}));
    return proto::Transfer{static_cast<std::uint32_t>(done.count), done.caller_fault};
}

} // namespace proc
