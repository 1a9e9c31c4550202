// Open files of procfs: reading, listing, status; opening.
#include "procfs.hpp"
#include "text.hpp"
#include <cstring>

namespace proc {

namespace {
constexpr std::uint32_t o_access = 3, o_directory = 0200000, o_nofollow = 0400000, o_path = 010000000, at_nofollow = 0x100, at_empty = 0x1000;
constexpr std::uint32_t device_minor = 21; ///< st_dev of every procfs

std::uint32_t type_of(NodeKind kind) { return is_directory(kind) ? 0040000 : is_link(kind) ? 0120000 : 0100000; }

bool may_write(Node const& node) {
    return node.kind == NodeKind::Comm || node.kind == NodeKind::OomScoreAdjust || node.kind == NodeKind::HostName || node.kind == NodeKind::DomainName;
}
} // namespace

auto ProcFs::file_system(PidNamespace& space) -> Result<ipc::Cap<Dir>> {
    auto* mounted = new Mounted{&space, 0};
    mounted->badge = core.table.badges.allocate(ObjectKind::ProcessDirectory, mounted);
    space.retain();
    auto const cap = ipc::mint_session<Dir>(mounted->badge);
    if (!cap) no_senders(mounted->badge);
    return cap;
}

void ProcFs::no_senders(Word badge) {
    if (auto* const mounted = core.table.badges.find<Mounted>(badge, ObjectKind::ProcessDirectory)) {
        core.table.badges.release(badge);
        mounted->space->release();
        delete mounted;
    } else if (auto* const file = core.table.badges.find<Open>(badge, ObjectKind::ProcessFile)) {
        core.table.badges.release(badge);
        file->space->release();
        if (file->named != nullptr) file->named->release();
        delete file;
    }
}

proto::FileStatus ProcFs::status_of(PidNamespace const&, Node const& node) const {
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
    if (walk.node.kind == NodeKind::NamespaceLink) {
        Process* const process = process_of(walk.node);
        bool const children = namespace_names[walk.node.number] == "pid_for_children";
        file->named = children && process->child_space != nullptr ? process->child_space : &process->space();
        file->named->retain();
    }
    file->badge = core.table.badges.allocate(ObjectKind::ProcessFile, file);
    auto const cap = ipc::mint_session<F>(file->badge);
    if (!cap) {
        no_senders(file->badge);
        return fail(cap.error());
    }
    proto::FileKind const kind = is_directory(walk.node.kind) ? proto::FileKind::Directory : file->named != nullptr ? proto::FileKind::Namespace : proto::FileKind::Regular;
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
            bool const own_namespace = node.kind == NodeKind::NamespaceLink && namespace_names[node.number].starts_with("pid");
            if (own_namespace) return open_node(*found, flags);
            if (node.kind == NodeKind::WorkingDirectory || node.kind == NodeKind::RootDirectory) {
                // As any directory, by the session that is in it.
                found->rest = node.kind == NodeKind::RootDirectory ? "/" : "/.";
                return fail(leave(sender, *found));
            }
            auto const opened = open_foreign(*found, flags);
            if (!opened) return fail(opened.error());
            sender.delete_after_reply(*opened);
            auto kind = node.kind == NodeKind::NamespaceLink ? proto::FileKind::Namespace : proto::FileKind::Regular;
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
        if ((flags & o_access) != 0 && (flags & o_path) == 0 && !may_write(node)) return fail(Error::Access);
    }
    if ((flags & o_path) == 0 && !may_open(found->caller, node)) return fail(Error::Access);
    return open_node(*found, flags);
}

auto ProcFs::on(Dir::Stat, Sender& sender, At at, Caller caller, Word32 flags, ipc::Path const& path) -> Result<proto::FileStatus> {
    auto found = walk(sender, at, caller, path, (flags & at_nofollow) == 0);
    if (!found) return fail(found.error());
    if (!found->rest.empty()) return fail(leave(sender, *found));
    Node const& node = found->node;
    bool const follow = is_link(node.kind) && (flags & at_nofollow) == 0 && (flags & at_empty) == 0;
    if (!follow) return status_of(*found->space, node);
    if (node.kind == NodeKind::NamespaceLink) {
        proto::FileStatus status = status_of(*found->space, node);
        status.mode = 0100444;
        return status;
    }
    Process* const process = process_of(node);
    if (process == nullptr || !process->alive()) return fail(Error::NoEntry);
    if (node.kind == NodeKind::WorkingDirectory || node.kind == NodeKind::RootDirectory) {
        found->rest = node.kind == NodeKind::RootDirectory ? "/" : "/.";
        return fail(leave(sender, *found));
    }
    if (node.kind == NodeKind::Executable) {
        return process->executable == nullptr ? fail(Error::NoEntry) : core.owners.file_status(process->vfs_session, process->executable->slot);
    }
    auto const file = core.machine.fetch(*process->cspace, linux_process::slot::descriptor_first + node.number);
    if (!file) return fail(Error::NoEntry);
    auto status = core.owners.file_status(process->vfs_session, *file);
    core.machine.drop(*file);
    if (!status) {
        status = status_of(*found->space, node);
        status->mode = 0100600;
    }
    return status;
}

auto ProcFs::on(Dir::Access, Sender& sender, At at, Caller caller, Word32 mode, Word32, ipc::Path const& path) -> Result<Unit> {
    auto const found = walk(sender, at, caller, path, true);
    if (!found) return fail(found.error());
    if (!found->rest.empty()) return fail(leave(sender, *found));
    Node const& node = found->node;
    if (is_link(node.kind)) return Unit{};
    if ((mode & 2) != 0 && !may_write(node)) return fail(is_directory(node.kind) ? Error::Access : Error::Access);
    if ((mode & 1) != 0 && !is_directory(node.kind)) return fail(Error::Access);
    if ((mode & 4) != 0 && !may_open(found->caller, node)) return fail(Error::Access);
    return Unit{};
}

auto ProcFs::on(Dir::ReadLink, Sender& sender, At at, Caller caller, ipc::Path const& path, ipc::WriteBuffer) -> Result<proto::Transfer> {
    auto const found = walk(sender, at, caller, path, false);
    if (!found) return fail(found.error());
    if (!found->rest.empty()) return fail(leave(sender, *found));
    if (!is_link(found->node.kind)) return fail(Error::Invalid);
    auto const text = link_text(*found);
    if (!text) return fail(text.error());
    auto const done = sender.copy_out(0, std::as_bytes(std::span{*text}));
    return proto::Transfer{static_cast<std::uint32_t>(done.count), done.caller_fault};
}

std::string ProcFs::text_of(Open const& file) {
    using enum NodeKind;
    PidNamespace const& view = *file.space;
    Pid const* const opener_pid = Pid::find_global(file.opener);
    Process* const opener = opener_pid == nullptr ? nullptr : opener_pid->process;
    Process* const process = process_of(file.node);
    Thread* const thread = thread_of(file.node);
    if (file.node.process != 0 && process == nullptr) return {};
    // The machine as the container sees it.
    Process* const whose = process != nullptr ? process : opener;
    Domain* const domain = opener != nullptr ? opener->domain : core.root_domain;
    auto name_of = [&](bool domain_name) {
        if (opener == nullptr || opener->uts_session == nullptr) return std::string{"(none)\n"};
        auto const name = core.owners.host_name(opener->uts_session->slot, domain_name);
        return name ? std::string{name->view()} + "\n" : std::string{};
    };
    switch (file.node.kind) {
    case MemInfo: return domain == nullptr ? std::string{} : system_meminfo(core, *domain);
    case LoadAverage: return opener == nullptr ? std::string{} : system_loadavg(core, *opener, view);
    case Uptime: return system_uptime(core);
    case SystemStat: return domain == nullptr ? std::string{} : system_stat(core, *domain);
    case Version: return std::string{system_version()};
    case CpuInfo: return system_cpuinfo(core);
    case FileSystems: return std::string{system_filesystems()};
    case CommandLine: return "\n";
    case Devices: return "Character devices:\n  1 mem\n  4 tty\n  5 /dev/tty\n  5 /dev/console\n 10 misc\n\nBlock devices:\n";
    case Partitions: return "major minor  #blocks  name\n\n";
    case Swaps: return "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
    case Status: return process_status(core, *process, thread, view);
    case Stat: return process_stat(core, *process, thread, view);
    case Statm: return process_statm(*process);
    case Arguments: return process_arguments(*process, false);
    case Environment: return process_arguments(*process, true);
    case Comm: return std::string{process->comm()} + "\n";
    case Limits: return process_limits(*process);
    case Maps: return process_maps(core, *process);
    case Mounts: return process->alive() ? core.owners.mount_table(process->vfs_session, 0) : std::string{};
    case MountInfo: return process->alive() ? core.owners.mount_table(process->vfs_session, 1) : std::string{};
    case IdMap: return "         0          0 4294967295\n";
    case SetGroups: return "allow\n";
    case OomScore:
    case OomScoreAdjust:
    case Wchan: return file.node.kind == Wchan ? "0" : "0\n";
    case Cgroup: return "0::/\n";
    case LoginUser: return "4294967295";
    case Io: return "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n";
    case Schedstat: return (TextBuilder{} << core.cpu_time(*process) << " 0 0\n").take();
    case DescriptorInfo: return "pos:\t0\nflags:\t00\nmnt_id:\t1\n";
    case NetDevices: return whose != nullptr && whose->network_session != nullptr ? core.owners.network_devices(whose->network_session->slot) : std::string{};
    case NetTable: return "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
    case HostName: return name_of(false);
    case DomainName: return name_of(true);
    case OsType: return "Linux\n";
    case OsRelease: return "6.1.0-cella\n";
    case OsVersion: return "#1 Cella\n";
    case PidMaximum: return (TextBuilder{} << PidNamespace::pid_maximum << '\n').take();
    case ThreadsMaximum: return "4096\n";
    case Overcommit: return "1\n";
    case FileMaximum: return "65536\n";
    case SysvipcTable:
        return file.node.number == 0   ? "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n"
               : file.node.number == 1 ? "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n"
                                       : "       key      shmid perms       size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime        rss       swap\n";
    default: return {};
    }
}

auto ProcFs::read(Sender& sender, Open& file, std::uint64_t offset) -> Result<proto::Transfer> {
    if ((file.flags & o_path) != 0 || (file.flags & o_access) == 1) return fail(Error::BadDescriptor);
    if (is_directory(file.node.kind)) return fail(Error::IsDirectory);
    if (is_link(file.node.kind)) return fail(Error::Invalid);
    if (file.node.process != 0 && process_of(file.node) == nullptr) return fail(Error::NoProcess);
    if (offset == 0 || file.text.empty()) {
        Pid const* const opener = Pid::find_global(file.opener);
        core.reader = opener == nullptr ? nullptr : opener->process;
        file.text = text_of(file);
        core.reader = nullptr;
    }
    if (offset >= file.text.size()) return proto::Transfer{0, 0};
    std::string_view const part = std::string_view{file.text}.substr(static_cast<std::size_t>(offset), sender.write_length);
    auto const done = sender.copy_out(0, std::as_bytes(std::span{part}));
    return proto::Transfer{static_cast<std::uint32_t>(done.count), done.caller_fault};
}

auto ProcFs::on(F::Read, Sender& sender, Word32, ipc::WriteBuffer) -> Result<proto::Transfer> {
    Open* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    auto const done = read(sender, *file, file->offset);
    if (done) file->offset += done->count;
    return done;
}
auto ProcFs::on(F::ReadAt, Sender& sender, std::uint64_t offset, ipc::WriteBuffer) -> Result<proto::Transfer> {
    Open* const file = open_of(sender);
    return file == nullptr ? fail(Error::BadDescriptor) : read(sender, *file, offset);
}

auto ProcFs::on(F::Write, Sender& sender, Word32, ipc::ReadBuffer) -> Result<proto::Transfer> {
    Open* const file = open_of(sender);
    if (file == nullptr || (file->flags & o_access) == 0 || (file->flags & o_path) != 0) return fail(Error::BadDescriptor);
    char text[128];
    std::size_t const length = std::min<std::size_t>(sender.read_length, sizeof text);
    auto const got = sender.copy_in(0, std::as_writable_bytes(std::span{text, length}));
    if (got.count < length) return proto::Transfer{0, got.caller_fault};
    std::string_view value{text, length};
    while (!value.empty() && (value.back() == '\n' || value.back() == '\0')) value.remove_suffix(1);
    Pid const* const opener_pid = Pid::find_global(file->opener);
    Process* const opener = opener_pid == nullptr ? nullptr : opener_pid->process;
    Process* const process = process_of(file->node);
    switch (file->node.kind) {
    case NodeKind::Comm:
        if (process == nullptr || process != opener) return fail(Error::Invalid);
        process->set_name(value);
        break;
    case NodeKind::OomScoreAdjust: break;
    case NodeKind::HostName:
    case NodeKind::DomainName: {
        if (opener == nullptr || opener->uts_session == nullptr || !opener->credentials.capable(capability::sys_admin)) return fail(Error::NotPermitted);
        if (value.size() > 64) return fail(Error::Invalid);
        auto const done = core.owners.set_host_name(opener->uts_session->slot, file->node.kind == NodeKind::DomainName, proto::HostName{value});
        if (!done) return fail(done.error());
        break;
    }
    default: return fail(Error::Invalid);
    }
    return proto::Transfer{sender.read_length, 0};
}

auto ProcFs::on(F::Seek, Sender& sender, std::int64_t offset, Word32 whence) -> Result<std::uint64_t> {
    Open* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    std::int64_t const base = whence == 1 ? static_cast<std::int64_t>(file->offset) : 0;
    if (whence > 1 || offset > (std::int64_t{1} << 40) || base + offset < 0) return fail(Error::Invalid);
    file->offset = static_cast<std::uint64_t>(base + offset);
    return file->offset;
}

auto ProcFs::on(F::Stat, Sender& sender) -> Result<proto::FileStatus> {
    Open const* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    proto::FileStatus status = status_of(*file->space, file->node);
    if (file->named != nullptr) {
        status.inode = file->named->inode();
        status.mode = 0100444;
    }
    return status;
}

auto ProcFs::on(F::Poll, Sender& sender, Word32 events) -> Result<Word32> {
    return open_of(sender) == nullptr ? Result<Word32>{fail(Error::BadDescriptor)} : Result<Word32>{events & 0x45}; // POLLIN | POLLOUT | POLLRDNORM
}

auto ProcFs::on(F::GetDirectoryEntries, Sender& sender, ipc::WriteBuffer) -> Result<proto::Transfer> {
    Open* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    Node const& directory = file->node;
    if (!is_directory(directory.kind)) return fail(Error::NotDirectory);
    Process* const process = process_of(directory);
    if (directory.process != 0 && process == nullptr) return fail(Error::NoEntry);

    // Cursors: 0 ".", 1 "..", 2.. fixed entries, 256 + number for what has a number.
    constexpr std::uint64_t numbered = 256;
    auto const fixed = entries_of(directory.kind);
    std::byte buffer[2048];
    std::size_t const room = std::min<std::size_t>(sizeof buffer, sender.write_length);
    std::size_t used = 0;
    bool full = false;
    std::uint64_t cursor = file->offset;
    auto put = [&](std::string_view name, Node const& node, std::uint64_t next) {
        std::size_t const length = (19 + name.size() + 1 + 7) & ~std::size_t{7};
        if (used + length > room) {
            full = true;
            return false;
        }
        std::memset(buffer + used, 0, length);
        std::uint64_t const inode = node.inode();
        auto const record = static_cast<std::uint16_t>(length);
        std::uint8_t const type = is_directory(node.kind) ? 4 : is_link(node.kind) ? 10 : 8;
        std::memcpy(buffer + used, &inode, 8);
        std::memcpy(buffer + used + 8, &next, 8);
        std::memcpy(buffer + used + 16, &record, 2);
        std::memcpy(buffer + used + 18, &type, 1);
        std::memcpy(buffer + used + 19, name.data(), name.size());
        used += length;
        cursor = next;
        return true;
    };
    bool going = true;
    for (; going && cursor < 2 + fixed.size();) {
        if (cursor < 2) {
            going = put(cursor == 0 ? "." : "..", directory, cursor + 1);
        } else {
            Entry const& entry = fixed[static_cast<std::size_t>(cursor - 2)];
            Node node = directory;
            node.kind = entry.kind;
            node.number = static_cast<std::uint32_t>(cursor - 2);
            going = put(entry.name, node, cursor + 1);
        }
    }
    auto number = [&](std::uint64_t value, Node const& node) { return put((TextBuilder{} << value).take(), node, numbered + value + 1); };
    std::uint64_t first = cursor < numbered ? 0 : cursor - numbered;
    if (going) {
        switch (directory.kind) {
        case NodeKind::Root:
            for (std::int32_t pid = file->space->next_used(std::max<std::int32_t>(static_cast<std::int32_t>(first), 1)); going && pid != 0; pid = file->space->next_used(pid + 1)) {
                Pid const* const found = file->space->find(pid);
                if (found->process == nullptr || found->process->state == ProcessState::Building) continue;
                going = number(static_cast<std::uint64_t>(pid), Node{NodeKind::ProcessDirectory, 0555, found->global, 0, 0});
            }
            break;
        case NodeKind::TaskDirectory: {
            // In order of TID.
            for (;;) {
                Thread* best = nullptr;
                std::int32_t best_number = 0;
                process->threads.each([&](Thread& thread) {
                    std::int32_t const tid = thread.pid->number_in(*file->space);
                    if (tid >= static_cast<std::int32_t>(first) && (best == nullptr || tid < best_number)) {
                        best = &thread;
                        best_number = tid;
                    }
                });
                if (best == nullptr) break;
                if (!number(static_cast<std::uint64_t>(best_number), Node{NodeKind::ThreadDirectory, 0555, directory.process, best->pid->global, 0})) break;
                first = static_cast<std::uint64_t>(best_number) + 1;
            }
            break;
        }
        case NodeKind::DescriptorDirectory:
        case NodeKind::DescriptorInfoDirectory: {
            if (process->memory == nullptr) break;
            Word const highest = process->memory->files_highest(process->files);
            for (Word descriptor = static_cast<Word>(first); going && descriptor < highest; ++descriptor) {
                if (process->memory->descriptor(process->files, descriptor).open == 0) continue;
                Node node = directory;
                node.kind = directory.kind == NodeKind::DescriptorDirectory ? NodeKind::Descriptor : NodeKind::DescriptorInfo;
                node.number = descriptor;
                going = number(descriptor, node);
            }
            break;
        }
        case NodeKind::NamespaceDirectory:
            for (std::uint64_t i = first; going && i < std::size(namespace_names); ++i) {
                Node node = directory;
                node.kind = NodeKind::NamespaceLink;
                node.number = static_cast<std::uint32_t>(i);
                going = put(namespace_names[i], node, numbered + i + 1);
            }
            break;
        default: break;
        }
    }
    if (used == 0 && full) return fail(Error::Invalid); // not even one fits (getdents(2))
    auto const done = sender.copy_out(0, std::span{buffer, used});
    // A fault in the middle: the records are given again.
    if (done.count == used) file->offset = cursor;
    return proto::Transfer{done.count == used ? static_cast<std::uint32_t>(used) : 0, done.count == used ? 0 : done.caller_fault};
}

auto ProcFs::on(F::GetFlags, Sender& sender) -> Result<Word32> {
    Open const* const file = open_of(sender);
    return file == nullptr ? Result<Word32>{fail(Error::BadDescriptor)} : Result<Word32>{file->flags};
}
auto ProcFs::on(F::SetFlags, Sender& sender, Word32 flags) -> Result<Unit> {
    Open* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    file->flags = (file->flags & ~std::uint32_t{06000}) | (flags & 06000);
    return Unit{};
}

auto ProcFs::on(F::Name, Sender& sender, ipc::WriteBuffer) -> Result<Word32> {
    Open const* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    std::string const path = path_of(*file->space, file->node);
    std::string const text = path.empty() ? std::string{"/proc"} : "/proc/" + path;
    return static_cast<Word32>(sender.copy_out(0, std::as_bytes(std::span{text})).count);
}

auto ProcFs::on(F::Reopen, Sender& sender, Word32 flags) -> Result<std::tuple<ipc::Cap<F>, Word32>> {
    Open const* const file = open_of(sender);
    if (file == nullptr) return fail(Error::BadDescriptor);
    if ((flags & o_access) != 0 && !may_write(file->node)) return fail(Error::Access);
    Pid const* const opener = Pid::find_global(file->opener);
    auto opened = open_node(Walk{file->space, file->node, opener == nullptr || opener->process == nullptr ? nullptr : opener->process->leader(), {}}, flags);
    if (!opened) return fail(opened.error());
    return std::tuple{std::get<0>(*opened), static_cast<Word32>(std::get<1>(*opened).kind)};
}

auto ProcFs::on(N::Identify, Sender& sender) -> Result<proto::NamespaceIdentity> {
    Open const* const file = open_of(sender);
    if (file == nullptr || file->named == nullptr) return fail(Error::Invalid);
    return proto::NamespaceIdentity{proto::NamespaceKind::Pid, file->named->inode(), file->named->parent() == nullptr ? 0 : file->named->parent()->inode(), 0, 0,
                                    file->named->references()};
}

auto ProcFs::set_namespace(Process& process, ipc::OptionalCap<F> const& cap, Word32 flags) -> Result<Unit> {
    if (!process.credentials.capable(capability::sys_admin)) {
        drop(cap);
        return fail(Error::NotPermitted);
    }
    if (cap.unwrapped) {
        Open const* const file = core.table.badges.find<Open>(cap.badge, ObjectKind::ProcessFile);
        if (file == nullptr || file->named == nullptr || (flags != 0 && flags != clone_flag::new_pid)) return fail(Error::Invalid);
        if (!process.space().contains(*file->named)) return fail(Error::Invalid);
        file->named->retain();
        if (process.child_space != nullptr) process.child_space->release();
        process.child_space = file->named;
        return Unit{};
    }
    if (cap.slot == 0) return fail(Error::BadDescriptor);
    auto const identity = core.owners.identify_namespace(cap.slot);
    auto finish = [&](Result<Unit> result) {
        core.machine.drop(cap.slot);
        return result;
    };
    if (!identity) return finish(fail(Error::Invalid));
    std::uint32_t const wanted = identity->kind == proto::NamespaceKind::Uts       ? clone_flag::new_uts
                                 : identity->kind == proto::NamespaceKind::Network ? clone_flag::new_network
                                 : identity->kind == proto::NamespaceKind::Mount   ? clone_flag::new_mount
                                                                                   : 0;
    if (wanted == 0 || (flags != 0 && flags != wanted)) return finish(fail(Error::Invalid));
    auto const session = wanted == clone_flag::new_mount ? core.owners.join_mount_namespace(process.vfs_session, cap.slot, Core::number_for_vfs(process))
                                                         : core.owners.enter_namespace(cap.slot);
    if (!session) return finish(fail(session.error()));
    auto put = [&](SharedCapability*& place, Word slot) {
        core.release(place);
        place = new SharedCapability{*session};
        static_cast<void>(core.machine.install(*process.cspace, slot, *session));
    };
    switch (identity->kind) {
    case proto::NamespaceKind::Uts: put(process.uts_session, linux_process::slot::uts); break;
    case proto::NamespaceKind::Network: put(process.network_session, linux_process::slot::network); break;
    default:
        core.machine.drop(process.vfs_session);
        process.vfs_session = *session;
        static_cast<void>(core.machine.install(*process.cspace, linux_process::slot::vfs, *session));
        core.tell_credentials(process);
        break;
    }
    return finish(Unit{});
}

} // namespace proc
