// System calls on the address space: proc is the pager.
#include "calls.hpp"
#include "descriptors.hpp"

namespace vdso {

using proto::Process;

namespace {
inline constexpr Word map_anonymous = 0x20;

Long map(ThreadArea& thread, proto::MapArguments const& arguments, Word descriptor) {
    ipc::OptionalCap<proto::File> mapped;
    if ((arguments.flags & map_anonymous) == 0) {
        if (find(thread, descriptor) == nullptr) { return bad_descriptor; }
        mapped = file(descriptor);
    }
    return finish(ipc::call<Process::Map>(process(thread), arguments, mapped));
}
} // namespace

Long sys_brk(ThreadArea& thread) { return finish(ipc::call<Process::Break>(process(thread), argument1(thread))); }
Long sys_mmap2(ThreadArea& thread) {
    return map(thread, {argument1(thread), argument2(thread), argument3(thread), argument4(thread), argument6(thread)},
               argument5(thread));
}
Long sys_old_mmap(ThreadArea& thread) {
    struct {
        Word address, length, protection, flags, descriptor, offset;
    } a;
    if (!fetch(argument1(thread), a)) { return fault; }
    if (a.offset % abi::page_size != 0) { return invalid; }
    return map(thread, {a.address, a.length, a.protection, a.flags, a.offset / abi::page_size}, a.descriptor);
}
Long sys_munmap(ThreadArea& thread) {
    return finish(ipc::call<Process::Unmap>(process(thread), argument1(thread), argument2(thread)));
}
Long sys_mprotect(ThreadArea& thread) {
    return finish(
        ipc::call<Process::Protect>(process(thread), argument1(thread), argument2(thread), argument3(thread)));
}
Long sys_mremap(ThreadArea& thread) {
    return finish(ipc::call<Process::Remap>(process(thread), argument1(thread), argument2(thread), argument3(thread),
                                            argument4(thread), argument5(thread)));
}
Long sys_madvise(ThreadArea& thread) {
    return finish(ipc::call<Process::Advise>(process(thread), argument1(thread), argument2(thread), argument3(thread)));
}
Long sys_mincore(ThreadArea& thread) {
    Word const pages = (argument2(thread) + abi::page_size - 1) / abi::page_size;
    if (argument1(thread) % abi::page_size != 0) { return invalid; }
    if (!user_range(argument1(thread), argument2(thread))) { return refuse(Error::NoMemory); }
    for (Word i = 0; i < pages; ++i) { // present as far as anyone can tell: touching brings it in
        std::uint8_t const present = 1;
        if (!put(argument3(thread) + i, present)) { return fault; }
    }
    return 0;
}

} // namespace vdso
