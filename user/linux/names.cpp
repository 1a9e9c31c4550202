// System calls that make, move and remove names in directories.
#include "calls.hpp"
#include "path_calls.hpp"

namespace vdso {

namespace {

inline constexpr Word mode_fifo = 0x1000;

Long make_node(ThreadArea& thread, Word descriptor, Word address, Word mode, Word device) {
    constexpr Word type_mask = 0xf000, directory_type = 0x4000, regular_type = 0x8000;
    if ((mode & type_mask) == directory_type) { return refuse(Error::NotPermitted); }
    if ((mode & type_mask) == 0) { mode |= regular_type; }
    Word const special = (mode & type_mask) == mode_fifo || (mode & type_mask) == regular_type ? 0 : device;
    return finish(
        at_path(thread, descriptor, address,
                [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path path) {
                    return ipc::call<Directory::MakeNode>(directory, at, caller, mode, special, path);
                }));
}
Long make_directory(ThreadArea& thread, Word descriptor, Word address, Word mode) {
    return finish(
        at_path(thread, descriptor, address,
                [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path path) {
                    return ipc::call<Directory::MakeDirectory>(directory, at, caller, mode, path);
                }));
}
Long unlink_at(ThreadArea& thread, Word descriptor, Word address, Word flags) {
    if ((flags & ~at_flag::remove_directory) != 0) { return invalid; }
    return finish(
        at_path(thread, descriptor, address,
                [&](ipc::Cap<Directory> directory, Directory::At at, Directory::Caller caller, ipc::Path path) {
                    return ipc::call<Directory::Unlink>(directory, at, caller, flags, path);
                }));
}

/// The `at` of an operation that vfs alone can do.
Error directory_argument(ThreadArea& thread, Word descriptor, Directory::At& at) {
    if (descriptor == at_current_directory) { return Error::None; }
    if (find(thread, descriptor) == nullptr) { return Error::BadDescriptor; }
    at = file(descriptor);
    return Error::None;
}
template <class Operation>
[[gnu::noinline]] Long two_paths(ThreadArea& thread, Word from_directory, Word from, Word to_directory, Word to,
                                 Operation operation) {
    TwoPaths paths;
    Directory::At from_at, to_at;
    for (Error const error : {paths.add(from), paths.add(to)}) {
        if (error != Error::None) { return refuse(error); }
    }
    // An absolute path does not look at its directory, which need not be open.
    char const* const bytes = static_cast<char const*>(paths.buffer().data);
    Error error = bytes[0] == '/' ? Error::None : directory_argument(thread, from_directory, from_at);
    if (error == Error::None && bytes[paths.second()] != '/') {
        error = directory_argument(thread, to_directory, to_at);
    }
    if (error != Error::None) { return refuse(error); }
    auto const result = operation(from_at, to_at, paths.buffer());
    // vfs cannot rename or link in another server's file system.
    return !result && result.error() == Error::Elsewhere ? refuse(Error::CrossDevice) : finish(result);
}
Long rename_at(ThreadArea& thread, Word from_directory, Word from, Word to_directory, Word to, Word flags) {
    return two_paths(thread, from_directory, from, to_directory, to,
                     [&](Directory::At from_at, Directory::At to_at, ipc::ReadBuffer buffer) {
                         return ipc::call<Directory::Rename>(vfs.as<Directory>(), from_at, to_at, flags, buffer);
                     });
}
Long link_at(ThreadArea& thread, Word from_directory, Word from, Word to_directory, Word to, Word flags) {
    return two_paths(thread, from_directory, from, to_directory, to,
                     [&](Directory::At from_at, Directory::At to_at, ipc::ReadBuffer buffer) {
                         return ipc::call<Directory::Link>(vfs.as<Directory>(), from_at, to_at, flags, buffer);
                     });
}
[[gnu::noinline]] Long symbolic_link(ThreadArea& thread, Word target, Word directory, Word link) {
    TwoPaths paths;
    Directory::At at;
    for (Error const error : {paths.add(target), paths.add(link), directory_argument(thread, directory, at)}) {
        if (error != Error::None) { return refuse(error); }
    }
    auto const result = ipc::call<Directory::SymbolicLink>(vfs.as<Directory>(), at, paths.buffer());
    return !result && result.error() == Error::Elsewhere ? refuse(Error::NotPermitted) : finish(result);
}

} // namespace

Long sys_mkdir(ThreadArea& thread) {
    return make_directory(thread, at_current_directory, argument1(thread), argument2(thread));
}
Long sys_mkdirat(ThreadArea& thread) {
    return make_directory(thread, argument1(thread), argument2(thread), argument3(thread));
}
Long sys_mknod(ThreadArea& thread) {
    return make_node(thread, at_current_directory, argument1(thread), argument2(thread), argument3(thread));
}
Long sys_mknodat(ThreadArea& thread) {
    return make_node(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread));
}
Long sys_unlink(ThreadArea& thread) { return unlink_at(thread, at_current_directory, argument1(thread), 0); }
Long sys_rmdir(ThreadArea& thread) {
    return unlink_at(thread, at_current_directory, argument1(thread), at_flag::remove_directory);
}
Long sys_unlinkat(ThreadArea& thread) {
    return unlink_at(thread, argument1(thread), argument2(thread), argument3(thread));
}
Long sys_rename(ThreadArea& thread) {
    return rename_at(thread, at_current_directory, argument1(thread), at_current_directory, argument2(thread), 0);
}
Long sys_renameat(ThreadArea& thread) {
    return rename_at(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread), 0);
}
Long sys_renameat2(ThreadArea& thread) {
    return rename_at(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread),
                     argument5(thread));
}
Long sys_link(ThreadArea& thread) {
    return link_at(thread, at_current_directory, argument1(thread), at_current_directory, argument2(thread), 0);
}
Long sys_linkat(ThreadArea& thread) {
    return link_at(thread, argument1(thread), argument2(thread), argument3(thread), argument4(thread),
                   argument5(thread));
}
Long sys_symlink(ThreadArea& thread) {
    return symbolic_link(thread, argument1(thread), at_current_directory, argument2(thread));
}
Long sys_symlinkat(ThreadArea& thread) {
    return symbolic_link(thread, argument1(thread), argument2(thread), argument3(thread));
}

} // namespace vdso
