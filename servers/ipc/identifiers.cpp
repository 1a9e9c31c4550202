#include "identifiers.hpp"
#include <algorithm>

namespace sysv {

bool Caller::in_group(std::uint32_t wanted) const {
    return group == wanted || std::find(groups.begin(), groups.end(), wanted) != groups.end();
}

bool Permissions::allow(Caller const& caller, std::uint32_t wanted) const {
    std::uint32_t granted = mode;
    if (caller.user == user || caller.user == creator) {
        granted >>= 6;
    } else if (caller.in_group(group) || caller.in_group(creator_group)) {
        granted >>= 3;
    }
    return (wanted & ~granted & 7) == 0 || caller.capable(capability::ipc_owner);
}

} // namespace sysv
