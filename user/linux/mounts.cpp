// System calls on where a process stands (its root and working directory) and on its mounts.
#include "calls.hpp"
#include "path_calls.hpp"
#include "proto/message_queue.hpp"
#include "sessions.hpp"

namespace vdso {

namespace {
using ChangeDirectory = proto::VfsSession::ChangeDirectory;
/// Into another server's file system: vfs keeps the path, and takes an open directory there as proof that it leads to one.
[[gnu::noinline, gnu::cold]] Long change_directory_elsewhere(ThreadArea& thread, ipc::Path const& path) {
    constexpr Word directory_only = 0x10000;
    Long const opened = open_at(thread, at_current_directory, reinterpret_cast<Word>(path.data), directory_only, 0);
    if (opened < 0) { return opened; }
    // /proc/PID/cwd and root lead back into vfs: then the directory is its own.
    ipc::OptionalCap<proto::File> const directory{file(static_cast<Word>(opened))};
    Long result = finish(ipc::call<ChangeDirectory>(vfs, directory, ipc::Path{std::string_view{""}}));
    if (result != 0) { result = finish(ipc::call<ChangeDirectory>(vfs, directory, path)); }
    static_cast<void>(close_descriptor(thread, static_cast<Word>(opened)));
    return result;
}
[[gnu::noinline, gnu::cold]] Long change_to_foreign(Word descriptor) {
    char name[512];
    auto const length = ipc::call<proto::File::Name>(file(descriptor), ipc::WriteBuffer{name, sizeof name - 1});
    if (!length) { return refuse(length.error()); }
    return finish(
        ipc::call<ChangeDirectory>(vfs, ipc::OptionalCap<proto::File>{file(descriptor)},
                                   ipc::Path{std::string_view{name, std::min<std::size_t>(*length, sizeof name - 1)}}));
}
} // namespace

Long sys_chdir(ThreadArea& thread) {
    auto const path = fetch_path(argument1(thread));
    if (!path) { return refuse(path.error()); }
    if (path->length == 0) { return no_entry; }
    auto const changed = ipc::call<ChangeDirectory>(vfs, ipc::OptionalCap<proto::File>{}, *path);
    return !changed && changed.error() == Error::Elsewhere ? change_directory_elsewhere(thread, *path)
                                                           : finish(changed);
}
Long sys_fchdir(ThreadArea& thread) {
    Descriptor const* const open = find(thread, argument1(thread));
    if (open == nullptr) { return bad_descriptor; }
    if ((open->reserved & descriptor_flag::foreign) != 0) {
        return open->kind == static_cast<std::uint8_t>(proto::FileKind::Directory)
                   ? change_to_foreign(argument1(thread))
                   : refuse(Error::NotDirectory);
    }
    return finish(ipc::call<ChangeDirectory>(vfs, ipc::OptionalCap<proto::File>{file(argument1(thread))},
                                             ipc::Path{std::string_view{""}}));
}
Long sys_chroot(ThreadArea& thread) {
    auto const path = fetch_path(argument1(thread));
    if (!path) { return refuse(path.error()); }
    return path->length == 0 ? no_entry : finish(ipc::call<proto::VfsSession::ChangeRoot>(vfs, *path));
}
Long sys_getcwd(ThreadArea& thread) {
    for (;;) {
        auto const text = ipc::call<proto::VfsSession::GetWorkingDirectory>(
            vfs, ipc::WriteBuffer{pointer<void>(argument1(thread)), argument2(thread)});
        if (!text) { return refuse(text.error()); }
        if (text->fault == 0) { return static_cast<Long>(text->count); }
        if (!touch(thread, text->fault, argument1(thread) + argument2(thread), true)) { return fault; }
    }
}
Long sys_umask(ThreadArea& thread) {
    return finish(ipc::call<proto::VfsSession::SetUmask>(vfs, argument1(thread) & 0777));
}

// --- mounts ---
namespace {
namespace mount_flag {
inline constexpr Word remount = 32, bind = 4096, move = 8192, propagation = 1U << 17 | 1U << 18 | 1U << 19 | 1U << 20;
} // namespace mount_flag

/// MS_BIND of a file in another server's file system, which only a namespace's (/proc/PID/ns/KIND) can be: vfs gets the file itself, and its
/// name to show. Otherwise EINVAL.
[[gnu::noinline]] Long bind_namespace(ThreadArea& thread, Word flags) {
    Long const number =
        open_at(thread, at_current_directory, argument1(thread), open_flag::path_only | open_flag::close_on_exec, 0);
    if (number < 0) { return number; }
    Word const descriptor = static_cast<Word>(number);
    char name[64];
    TwoPaths texts;
    Long result = -static_cast<Long>(Error::Invalid);
    auto const target = fetch_path(argument2(thread));
    auto const length = find(thread, descriptor)->kind == static_cast<Word>(proto::FileKind::Namespace)
                            ? ipc::call<proto::File::Name>(file(descriptor), ipc::WriteBuffer{name, sizeof name})
                            : ipc::Result<std::uint32_t>{ipc::fail(Error::Invalid)};
    if (target && length && *length <= sizeof name) {
        Error error = Error::None;
        for (ipc::Path const text : {ipc::Path{std::string_view{""}}, *target,
                                     ipc::Path{std::string_view{name, *length}}, ipc::Path{std::string_view{""}}}) {
            error = error == Error::None ? texts.add(text) : error;
        }
        result = error != Error::None
                     ? refuse(error)
                     : finish(ipc::call<proto::VfsSession::Mount>(
                           vfs, flags, ipc::OptionalCap<Directory>{file(descriptor).as<Directory>()}, texts.buffer()));
    }
    static_cast<void>(close_descriptor(thread, descriptor));
    return result;
}

[[gnu::noinline]] Long mount(ThreadArea& thread) {
    TwoPaths texts;
    Word const flags = argument4(thread);
    bool is_proc = false, is_queues = false, is_groups = false;
    for (Word const address : {argument1(thread), argument2(thread), argument3(thread), argument5(thread)}) {
        ipc::Path text{std::string_view{""}};
        if (address != 0) {
            auto const fetched = fetch_path(address);
            if (!fetched) { return refuse(fetched.error()); }
            text = *fetched;
        }
        if (address == argument3(thread) && address != 0) {
            is_proc = std::string_view{text.data, text.length} == "proc";
            is_queues = std::string_view{text.data, text.length} == "mqueue";
            is_groups = std::string_view{text.data, text.length} == "cgroup2";
            if (std::string_view{text.data, text.length} ==
                "sysfs") { // vfs asks whose network namespace the caller is in
                static_cast<void>(ipc::call<proto::Process::TellNetwork>(process(thread)));
            }
        }
        if (Error const error = texts.add(text); error != Error::None) { return refuse(error); }
    }
    bool const fresh =
        (flags & (mount_flag::remount | mount_flag::bind | mount_flag::move | mount_flag::propagation)) == 0;
    if (!fresh || (!is_proc && !is_queues && !is_groups)) {
        auto const done =
            ipc::call<proto::VfsSession::Mount>(vfs, flags, ipc::OptionalCap<Directory>{}, texts.buffer());
        if (!done && done.error() == Error::Elsewhere) { return bind_namespace(thread, flags); }
        return finish(done);
    }
    Long const number = reserve(thread);
    if (number < 0) { return number; }
    Word const slot = slot_of(static_cast<Word>(number));
    Long result;
    auto const root = is_proc     ? ipc::call_into<proto::Process::ProcFileSystem>(slot, process(thread))
                      : is_groups ? ipc::call_into<proto::Process::CgroupFileSystem>(slot, process(thread))
                                  : session_call_into<proto::MessageQueue::FileSystem>(
                                        thread, proto::NamespaceKind::Ipc, slot,
                                        ipc::Cap<proto::MessageQueue>{linux_process::slot::ipc});
    if (!root) {
        result = refuse(root.error());
    } else {
        result =
            finish(ipc::call<proto::VfsSession::Mount>(vfs, flags, ipc::OptionalCap<Directory>{*root}, texts.buffer()));
        clear_slot(static_cast<Word>(number));
    }
    release(thread, static_cast<Word>(number));
    return result;
}
Long unmount(Word address, Word flags) {
    auto const path = fetch_path(address);
    if (!path) { return refuse(path.error()); }
    return finish(ipc::call<proto::VfsSession::Unmount>(vfs, flags, *path));
}
} // namespace

Long sys_mount(ThreadArea& thread) { return mount(thread); }
Long sys_umount(ThreadArea& thread) { return unmount(argument1(thread), 0); }
Long sys_umount2(ThreadArea& thread) { return unmount(argument1(thread), argument2(thread)); }
Long sys_pivot_root(ThreadArea& thread) {
    TwoPaths paths;
    for (Error const error : {paths.add(argument1(thread)), paths.add(argument2(thread))}) {
        if (error != Error::None) { return refuse(error); }
    }
    return finish(ipc::call<proto::VfsSession::PivotRoot>(vfs, paths.buffer()));
}

} // namespace vdso
