// What tests of namespaces look at: everything that is held for processes, and what a process is in.
#pragma once
#include "fake_world.hpp"
#include "servers/proc/namespaces/change.hpp"
#include "servers/proc/namespaces/limits.hpp"
#include <doctest/doctest.h>

using namespace proc;
namespace f = clone_flag;

inline constexpr std::uint32_t every = f::new_user | f::new_mount | f::new_uts | f::new_ipc | f::new_pid | f::new_time;

/// Everything that others, and proc itself, hold for processes.
struct Holdings {
    std::map<CapabilityPointer, FakeOwners::Given> given;
    std::map<std::uint32_t, std::vector<std::array<std::uint32_t, 3>>> maps;
    std::size_t slots, minted;
    int cspaces;
    std::uint32_t processes, threads, pid_spaces, user_spaces, tasks, handles;
    bool operator==(Holdings const&) const = default;
};
inline Holdings holdings(World& world) {
    return {
        world.owners.given,    world.owners.maps,           world.machine.slots.size(),    world.owners.minted.size(),
        world.machine.cspaces, world.core.table.all.size(), world.core.table.thread_count, PidNamespace::count,
        UserNamespace::count,  world.domain->tasks,         world.core.handle_count};
}
/// What a process is in.
struct Place {
    NamespaceSet* set;
    PidNamespace *space, *children;
    UserNamespace* user;
    CapabilityPointer files;
    std::uint64_t effective;
    bool operator==(Place const&) const = default;
};
inline Place place(Process const& process) {
    return {process.namespaces,       &process.space(),    process.child_space,
            process.user_space.get(), process.vfs_session, process.credentials.effective};
}
inline auto unshare(World& world, Process& process, std::uint32_t flags) {
    return world.call(*process.leader(), [&] { return world.core.unshare(*process.leader(), flags); });
}
inline auto clone(World& world, Process& process, std::uint32_t flags, std::uint32_t descriptor = 0,
                  std::uint32_t address = 0) {
    return world.call(*process.leader(), [&] {
        return world.core.clone(*process.leader(), {flags, 0, 0, 0, 0, 17, address, descriptor});
    });
}
inline auto set_namespace(World& world, Process& process, Core::Joined joined, std::uint32_t flags) {
    return world.call(*process.leader(), [&] { return world.core.set_namespace(*process.leader(), joined, flags); });
}
inline void become_user(Process& process, std::uint32_t id) {
    process.credentials.set_identity(5, id, id, id, 0).value();
    process.credentials.set_identity(4, id, id, id, 0).value();
}
