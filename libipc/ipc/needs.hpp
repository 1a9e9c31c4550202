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

} // namespace ipc
