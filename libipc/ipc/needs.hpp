// Looking up what the manifest gave this server.
#pragma once
#include "server_info.hpp"
#include <string_view>

namespace ipc {

/// Slot of the capability that the manifest names so under `needs`, 0 if it does not.
inline abi::CapabilityPointer need(ServerInfo const& info, std::string_view name) {
    for (abi::Word i = 0; i < info.need_count; ++i) {
        if (std::string_view{info.needs[i].name} == name) { return info.needs[i].slot; }
    }
    return 0;
}

/// `visit(name, slot)` for each kind of namespace that `needs namespaces` gave this server, in the manifest's order: the name as
/// /proc/PID/ns shows it, and the kind's first namespace, over which every operation of protocol Namespace is allowed.
template <class Visitor>
void for_each_namespace(ServerInfo const& info, Visitor visit) {
    constexpr std::string_view prefix = "namespace:";
    for (abi::Word i = 0; i < info.need_count; ++i) {
        std::string_view const name{info.needs[i].name};
        if (name.starts_with(prefix)) { visit(name.substr(prefix.size()), info.needs[i].slot); }
    }
}

} // namespace ipc
