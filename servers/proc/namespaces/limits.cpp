// Limits that programs read and set: /proc/sys/user/max_*_namespaces and /proc/sys/kernel/pid_max.
#include "limits.hpp"
#include "../process/core.hpp"
#include <charconv>

namespace proc {

namespace {
ipc::Result<std::uint32_t> parse(std::string_view value, std::uint32_t least, std::uint32_t most) {
    std::uint32_t number = 0;
    auto const [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc{} || end != value.data() + value.size() || number < least || number > most)
        return fail(Error::Invalid);
    return number;
}
} // namespace

std::string Core::namespace_limit(Process& process, std::uint32_t index) {
    if (index >= namespace_limit_kinds.size()) return {};
    return std::to_string(process.user_space->quota(namespace_limit_kinds[index]).maximum) + "\n";
}

ipc::Result<ipc::Unit> Core::set_namespace_limit(Process& process, std::uint32_t index, std::string_view value) {
    using proto::NamespaceKind;
    UserNamespace& space = *process.user_space;
    bool const first = space.parent() == nullptr;
    if (!capable(process, space, capability::sys_resource) || (first && process.domain != root_domain))
        return fail(Error::NotPermitted);
    auto const number = parse(value, 0, UserNamespace::no_limit);
    if (!number) return fail(number.error());
    NamespaceKind const kind = namespace_limit_kinds[index];
    if (kind == NamespaceKind::Mount) { // vfs counts its own
        if (auto const set = owners.set_mount_limit(space, *number); !set) return set;
    } else if (first && kind != NamespaceKind::User && kind != NamespaceKind::Pid) {
        // Of the others those are counted here that belong to programs; their owners never bound them more tightly.
        int const place = kinds.find(kind);
        if (place < 0) return fail(Error::NotSupported);
        if (*number > UserNamespace::default_maximum) {
            auto const set = owners.set_namespace_limit(kinds[static_cast<unsigned>(place)].first, *number);
            if (!set) return set;
        }
    }
    space.quota(kind).maximum = *number;
    return ipc::Unit{};
}

ipc::Result<ipc::Unit> Core::set_pid_maximum(Process& process, std::string_view value) {
    if (process.domain != root_domain || process.user_space->parent() != nullptr ||
        process.credentials.effective_user != 0)
        return fail(Error::NotPermitted);
    auto const number = parse(value, PidNamespace::pid_maximum_least, PidNamespace::pid_maximum_most);
    if (!number) return fail(number.error());
    PidNamespace::pid_maximum = static_cast<std::int32_t>(*number);
    return ipc::Unit{};
}

} // namespace proc
