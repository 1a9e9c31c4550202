#include "credentials.hpp"
#include <algorithm>

namespace proc {

namespace {
constexpr std::uint32_t unchanged = ~std::uint32_t{0};
using ipc::Error;
using ipc::fail;

bool one_of(std::uint32_t id, std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    return id == a || id == b || id == c;
}
} // namespace

bool Credentials::in_group(std::uint32_t id) const {
    return id == effective_group ||
           std::find(groups.begin(), groups.begin() + group_count, id) != groups.begin() + group_count;
}

void Credentials::fix_capabilities(std::uint32_t old_user, std::uint32_t old_effective, std::uint32_t old_saved,
                                   std::uint32_t root) {
    if ((secure_bits & securebit::no_setuid_fixup) != 0) return;
    bool const had_root = one_of(root, old_user, old_effective, old_saved);
    bool const has_root = one_of(root, user, effective_user, saved_user);
    if (had_root && !has_root) {
        if ((secure_bits & securebit::keep_capabilities) == 0) {
            permitted = 0;
            effective = 0;
        }
        ambient = 0;
    }
    if (old_effective == root && effective_user != root) effective = 0;
    if (old_effective != root && effective_user == root) effective = permitted;
}

void Credentials::fix_file_capabilities(std::uint32_t old_file, std::uint32_t root) {
    if ((secure_bits & securebit::no_setuid_fixup) != 0) return;
    if (old_file == root && file_user != root) effective &= ~capability::of_files;
    if (old_file != root && file_user == root) effective |= permitted & capability::of_files;
}

ipc::Result<std::uint32_t> Credentials::set_identity(std::uint32_t which, std::uint32_t a, std::uint32_t b,
                                                     std::uint32_t c, std::uint32_t root) {
    bool const of_group = (which & 1) != 0;
    std::uint32_t& real = of_group ? group : user;
    std::uint32_t& current = of_group ? effective_group : effective_user;
    std::uint32_t& saved = of_group ? saved_group : saved_user;
    std::uint32_t& file = of_group ? file_group : file_user;
    bool const privileged = capable(of_group ? capability::setgid : capability::setuid);
    std::uint32_t const old_user = user, old_effective = effective_user, old_saved = saved_user;
    switch (which) {
    case 0:
    case 1: // setuid, setgid
        if (a == unchanged) return fail(Error::Invalid);
        if (privileged) {
            real = saved = current = a;
        } else if (a == real || a == saved) {
            current = a;
        } else {
            return fail(Error::NotPermitted);
        }
        break;
    case 2:
    case 3: { // setreuid, setregid
        if (!privileged && ((a != unchanged && a != real && a != current) ||
                            (b != unchanged && b != real && b != current && b != saved))) {
            return fail(Error::NotPermitted);
        }
        std::uint32_t const old_real = real;
        if (a != unchanged) real = a;
        if (b != unchanged) current = b;
        if (a != unchanged || (b != unchanged && b != old_real)) saved = current;
        break;
    }
    case 4:
    case 5: // setresuid, setresgid
        if (!privileged) {
            for (std::uint32_t id : {a, b, c}) {
                if (id != unchanged && !one_of(id, real, current, saved)) return fail(Error::NotPermitted);
            }
        }
        if (a != unchanged) real = a;
        if (b != unchanged) current = b;
        if (c != unchanged) saved = c;
        break;
    case 6:
    case 7: { // setfsuid, setfsgid: never an error
        std::uint32_t const old = file;
        if (a != unchanged && (privileged || one_of(a, real, current, saved) || a == file)) file = a;
        if (!of_group) fix_file_capabilities(old, root);
        return old;
    }
    default: return fail(Error::Invalid);
    }
    file = current;
    if (!of_group) fix_capabilities(old_user, old_effective, old_saved, root);
    return 0;
}

ipc::Result<ipc::Unit> Credentials::set_groups(std::uint32_t const* ids, std::uint32_t count) {
    if (!capable(capability::setgid)) return fail(Error::NotPermitted);
    if (count > group_maximum) return fail(Error::Invalid);
    std::copy_n(ids, count, groups.begin());
    group_count = count;
    return ipc::Unit{};
}

ipc::Result<ipc::Unit> Credentials::set_capabilities(std::array<std::uint64_t, 3> const& sets) {
    auto const [new_effective, new_permitted, new_inheritable] = sets;
    if ((new_permitted & ~permitted) != 0 || (new_effective & ~new_permitted) != 0) return fail(Error::NotPermitted);
    if ((new_inheritable & ~(inheritable | permitted)) != 0 && !capable(capability::setpcap))
        return fail(Error::NotPermitted);
    if ((new_inheritable & ~(inheritable | bounding)) != 0) return fail(Error::NotPermitted);
    effective = new_effective;
    permitted = new_permitted;
    inheritable = new_inheritable;
    ambient &= permitted & inheritable;
    return ipc::Unit{};
}

void Credentials::become_owner() {
    effective = permitted = bounding = capability::all;
    inheritable = ambient = 0;
    secure_bits = 0;
}

ipc::Result<ipc::Unit> Credentials::set_secure_bits(std::uint32_t bits) {
    std::uint32_t const locked = (secure_bits & securebit::locks) >> 1;
    bool const against_lock = (locked & (secure_bits ^ bits)) != 0 || (secure_bits & securebit::locks & ~bits) != 0;
    if (against_lock || (bits & ~(securebit::every | securebit::locks)) != 0 || !capable(capability::setpcap))
        return fail(Error::NotPermitted);
    secure_bits = bits;
    return ipc::Unit{};
}

ipc::Result<std::uint32_t> Credentials::change_ambient(std::uint32_t operation, std::uint32_t number) {
    if (operation == 4) {
        if (number != 0) return fail(Error::Invalid);
        ambient = 0;
        return 0;
    }
    if (operation < 1 || operation > 4 || number > capability::last) return fail(Error::Invalid);
    std::uint64_t const bit = std::uint64_t{1} << number;
    if (operation == 1) return (ambient & bit) != 0 ? 1 : 0;
    if (operation == 2) {
        if ((permitted & inheritable & bit) == 0 || (secure_bits & securebit::no_ambient_raise) != 0)
            return fail(Error::NotPermitted);
        ambient |= bit;
    } else {
        ambient &= ~bit;
    }
    return 0;
}

bool Credentials::execute(std::uint32_t mode, std::uint32_t file_owner, std::uint32_t file_group_owner,
                          std::uint32_t root) {
    std::uint32_t const old_effective = effective_user, old_group = effective_group;
    if (!no_new_privileges) {
        if ((mode & 04000) != 0) effective_user = file_owner;
        if ((mode & 02010) == 02010) effective_group = file_group_owner;
    }
    bool const changed = effective_user != old_effective || effective_group != old_group;
    saved_user = file_user = effective_user;
    saved_group = file_group = effective_group;
    if (changed) ambient = 0;
    // Files have no capabilities of their own; root's programs count as having all of them.
    bool const root_counts = (secure_bits & securebit::no_root) == 0;
    if (root_counts && (effective_user == root || user == root)) {
        permitted = inheritable | bounding;
        effective = effective_user == root ? permitted : 0;
    } else {
        permitted = ambient;
        effective = ambient;
    }
    secure_bits &= ~securebit::keep_capabilities;
    return changed || user != effective_user || group != effective_group;
}

bool Credentials::may_signal(Credentials const& target) const {
    return effective_user == target.user || effective_user == target.saved_user || user == target.user ||
           user == target.saved_user;
}

bool Credentials::may_inspect(Credentials const& target) const {
    return file_user == target.user && file_user == target.effective_user && file_user == target.saved_user &&
           file_group == target.group && file_group == target.effective_group && file_group == target.saved_group;
}

proto::Credentials Credentials::for_vfs() const {
    proto::Credentials result; // its groups are long
    result.user = file_user;
    result.group = file_group;
    result.group_count = group_count;
    std::copy_n(groups.begin(), group_count, result.groups);
    result.capabilities = effective;
    return result;
}

} // namespace proc
