// Credentials, limits, prctl(2), priorities, TLS entries.
#include "core.hpp"

namespace proc {

ipc::Result<std::uint32_t> Core::set_identity(Process& process, std::uint32_t which, std::uint32_t a, std::uint32_t b,
                                              std::uint32_t c) {
    UserNamespace const& space = *process.user_space;
    bool const of_group = (which & 1) != 0;
    // The ids are as the process's user namespace knows them.
    for (std::uint32_t* id : {&a, &b, &c}) {
        if (*id == ~std::uint32_t{0}) continue;
        auto const global = (of_group ? space.groups : space.users).to_global(*id);
        if (!global && which < 6) return fail(Error::Invalid);
        *id = global.value_or(~std::uint32_t{0});
    }
    Credentials changed = process.credentials;
    auto result = changed.set_identity(which, a, b, c, space.root_user());
    if (!result) return result;
    bool const less = changed.effective_user != process.credentials.effective_user ||
                      changed.effective_group != process.credentials.effective_group;
    process.credentials = changed;
    if (less) {
        process.dumpable = false;
        process.parent_death_signal = 0;
    }
    publish_credentials(process);
    return which < 6 ? *result : of_group ? group_in(space, *result) : user_in(space, *result);
}

std::uint32_t Core::number_for_vfs(Process const& process) {
    return static_cast<std::uint32_t>(process.pid->number_in(*process.domain->space));
}

void Core::tell_credentials(Process const& process) {
    if (process.vfs_session == 0) return;
    proto::Credentials told = process.credentials.for_vfs();
    told.user_namespace = number_for_owners(*process.user_space);
    told.process = number_for_vfs(process);
    owners.set_credentials(process.vfs_session, told);
}

ipc::Result<std::uint32_t> Core::groups(Process& process, bool set, std::uint32_t count, Address address) {
    Credentials& credentials = process.credentials;
    UserNamespace const& space = *process.user_space;
    std::array<std::uint32_t, Credentials::group_maximum> ids{};
    if (set) {
        if (!credentials.capable(capability::setgid) || !space.setgroups_allowed || space.groups.empty())
            return fail(Error::NotPermitted);
        if (count > Credentials::group_maximum) return fail(Error::Invalid);
        auto const bytes = std::as_writable_bytes(std::span{ids.data(), count});
        if (count != 0) {
            if (auto status = process.memory->copy_in(address, bytes); !status) return fail(status.error());
        }
        for (std::uint32_t i = 0; i < count; ++i) {
            auto const global = space.groups.to_global(ids[i]);
            if (!global) return fail(Error::Invalid);
            ids[i] = *global;
        }
        if (auto status = credentials.set_groups(ids.data(), count); !status) return fail(status.error());
        publish_credentials(process);
        return 0;
    }
    if (count == 0) return credentials.group_count;
    if (count < credentials.group_count) return fail(Error::Invalid);
    for (std::uint32_t i = 0; i < credentials.group_count; ++i) ids[i] = group_in(space, credentials.groups[i]);
    if (credentials.group_count != 0) {
        if (auto status =
                process.memory->copy_out(address, std::as_bytes(std::span{ids.data(), credentials.group_count}));
            !status)
            return fail(status.error());
    }
    return credentials.group_count;
}

ipc::Result<std::array<std::uint64_t, 2>> Core::resource_limit(Process& caller, std::int32_t pid,
                                                               std::uint32_t resource, bool change, std::uint64_t soft,
                                                               std::uint64_t hard) {
    if (resource >= limit_count) return fail(Error::Invalid);
    Process* const target = pid == 0 ? &caller : table.find(caller.space(), pid);
    if (target == nullptr || !target->alive()) return fail(Error::NoProcess);
    if (target != &caller && !capable(caller, *target->user_space, capability::sys_resource) &&
        !caller.credentials.may_inspect(target->credentials)) {
        return fail(Error::NotPermitted);
    }
    ResourceLimit const old = target->limits[resource];
    if (change) {
        if (soft > hard) return fail(Error::Invalid);
        if (hard > old.hard && !capable_here(caller, capability::sys_resource)) return fail(Error::NotPermitted);
        if (resource == limit::files && hard > linux_process::descriptor_maximum && hard > old.hard)
            return fail(Error::NotPermitted);
        target->limits[resource] = {soft, hard};
        if (resource == limit::stack)
            target->memory->stack_limit = std::min<std::uint64_t>(soft, linux_process::stack_maximum);
        if (resource == limit::data) target->memory->data_limit = soft;
        if (resource == limit::address_space) target->memory->space_limit = soft;
    }
    return std::array<std::uint64_t, 2>{old.soft, old.hard};
}

ipc::Result<std::uint32_t> Core::control(Thread& thread, std::uint32_t option, std::uint32_t a, std::uint32_t b,
                                         std::uint32_t, std::uint32_t) {
    Process& process = *thread.process;
    Credentials& credentials = process.credentials;
    switch (option) {
    case proto::Process::lock_holder: {
        Process const* const holder = table.find(*process.domain->space, static_cast<std::int32_t>(a));
        return holder == nullptr ? 0 : static_cast<std::uint32_t>(holder->pid->number_in(process.space()));
    }
    case 1: // PR_SET_PDEATHSIG
        if (a > signal_count) return fail(Error::Invalid);
        process.parent_death_signal = a;
        return 0;
    case 2: // PR_GET_PDEATHSIG
        if (auto status = process.memory->write(a, process.parent_death_signal); !status) return fail(status.error());
        return 0;
    case 3: return process.dumpable ? 1 : 0;
    case 4: // PR_SET_DUMPABLE
        if (a > 1) return fail(Error::Invalid);
        process.dumpable = a == 1;
        return 0;
    case 7: return (credentials.secure_bits & securebit::keep_capabilities) != 0 ? 1 : 0;
    case 8: // PR_SET_KEEPCAPS
        if (a > 1) return fail(Error::Invalid);
        if ((credentials.secure_bits & securebit::keep_capabilities << 1) != 0) return fail(Error::NotPermitted);
        credentials.secure_bits =
            (credentials.secure_bits & ~securebit::keep_capabilities) | (a == 1 ? securebit::keep_capabilities : 0);
        return 0;
    case 15: { // PR_SET_NAME
        char name[16] = {};
        for (std::uint32_t i = 0; i < 15; ++i) {
            auto const letter = process.memory->read<char>(a + i);
            if (!letter) return fail(letter.error());
            if (*letter == '\0') break;
            name[i] = *letter;
        }
        process.set_name(name);
        show_name(thread);
        return 0;
    }
    case 16: // PR_GET_NAME
        if (auto status = process.memory->copy_out(a, std::as_bytes(std::span{process.name})); !status)
            return fail(status.error());
        return 0;
    case 21: return 0; // PR_GET_SECCOMP
    case 23:           // PR_CAPBSET_READ
        if (a > capability::last) return fail(Error::Invalid);
        return static_cast<std::uint32_t>(credentials.bounding >> a & 1);
    case 24: // PR_CAPBSET_DROP
        if (!credentials.capable(capability::setpcap)) return fail(Error::NotPermitted);
        if (a > capability::last) return fail(Error::Invalid);
        credentials.bounding &= ~(std::uint64_t{1} << a);
        return 0;
    case 27: return credentials.secure_bits; // PR_GET_SECUREBITS
    case 28:                                 // PR_SET_SECUREBITS
        if (auto status = credentials.set_secure_bits(a); !status) return fail(status.error());
        return 0;
    case 29: // PR_SET_TIMERSLACK
    case 36: // PR_SET_CHILD_SUBREAPER
        return a == 0 || option == 29 ? ipc::Result<std::uint32_t>{0u} : fail(Error::Invalid);
    case 30: return 50000; // PR_GET_TIMERSLACK
    case 38:               // PR_SET_NO_NEW_PRIVS
        if (a != 1 || b != 0) return fail(Error::Invalid);
        credentials.no_new_privileges = true;
        return 0;
    case 39: return credentials.no_new_privileges ? 1 : 0;
    case 47: return credentials.change_ambient(a, b); // PR_CAP_AMBIENT
    default: return fail(Error::Invalid);
    }
}

ipc::Result<std::array<std::uint64_t, 3>> Core::capability_sets(Process& caller, std::int32_t pid, bool change,
                                                                std::array<std::uint64_t, 3> const& sets) {
    Process* const target = pid == 0 ? &caller : table.find(caller.space(), pid);
    if (target == nullptr) return fail(Error::NoProcess);
    if (change) {
        if (target != &caller) return fail(Error::NotPermitted);
        if (auto status = caller.credentials.set_capabilities(sets); !status) return fail(status.error());
        publish_credentials(caller);
    }
    Credentials const& credentials = target->credentials;
    return std::array<std::uint64_t, 3>{credentials.effective, credentials.permitted, credentials.inheritable};
}

ipc::Result<std::int32_t> Core::priority(Process& caller, bool set, std::uint32_t which, std::int32_t id,
                                         std::int32_t value) {
    if (which > 2) return fail(Error::Invalid);
    bool any = false, refused = false;
    std::int32_t best = 20;
    value = std::clamp(value, -20, 19);
    table.all.each([&](Process& each) {
        if (!each.alive() || each.pid->number_in(caller.space()) == 0) return;
        bool const chosen =
            which == 0 ? (id == 0 ? &each == &caller : each.pid->number_in(caller.space()) == id)
            : which == 1
                ? (id == 0 ? each.group == caller.group : each.group->number_in(caller.space()) == id)
                : each.credentials.user ==
                      (id == 0 ? caller.credentials.user
                               : caller.user_space->users.to_global(static_cast<std::uint32_t>(id)).value_or(~0u));
        if (!chosen) return;
        any = true;
        if (set) {
            bool const privileged = capable(caller, *each.user_space, capability::sys_nice);
            if (!privileged && (value < each.nice || caller.credentials.effective_user != each.credentials.user)) {
                refused = true;
            } else {
                each.nice = value;
            }
        }
        best = std::min(best, each.nice);
    });
    if (!any) return fail(Error::NoProcess);
    if (refused) return fail(Error::Access);
    return set ? 0 : best;
}

ipc::Result<std::uint32_t> Core::set_tls(Thread& thread, std::uint32_t entry, std::uint32_t base, std::uint32_t limit,
                                         std::uint32_t flags) {
    if (entry == ~0u) {
        for (Word i = 0; i < 3 && entry == ~0u; ++i) {
            if ((thread.kernel->tls[i].flags & 1) == 0) entry = 6 + i;
        }
        if (entry == ~0u) return fail(Error::NoProcess);
    }
    if (entry < 6 || entry > 8) return fail(Error::Invalid);
    // Flags as struct user_desc has them: bit 4 limit in pages, bit 5 not present.
    TlsEntry value{base, (flags & 0x10) != 0 ? limit : limit >> abi::page_bits, (flags & 0x20) != 0 ? 0u : 1u};
    if (auto status = machine.set_tls(*thread.kernel, entry - 6, value); !status) return fail(Error::Invalid);
    return entry;
}

void Core::unknown_call(Process& process, std::uint32_t number) {
    auto& calls = process.domain->unknown_calls;
    for (auto& each : calls) {
        if (each.number == number) {
            ++each.times;
            return;
        }
    }
    if (calls.size() < 64) calls.push_back({number, 1});
}

} // namespace proc
