// unshare and setns. What a new namespace needs is proc's to do; here it is a message.
#include "calls.hpp"
#include "descriptors.hpp"

namespace vdso {

using proto::Process;

Long sys_unshare(ThreadArea& thread) {
    // The copy that each process has of its files is its own already; so CLONE_FILES alone has nothing to do when unshared.
    return argument1(thread) == 0 ? 0 : finish(ipc::call<Process::Unshare>(process(thread), argument1(thread)));
}

Long sys_setns(ThreadArea& thread) {
    return find(thread, argument1(thread)) == nullptr
               ? bad_descriptor
               : finish(ipc::call<Process::SetNamespace>(process(thread), file(argument1(thread)), argument2(thread)));
}

} // namespace vdso
