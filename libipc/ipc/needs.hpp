// Looking up what the manifest gave this server.
#pragma once
#include "server_info.hpp"
#include <algorithm>
#include <charconv>
#include <string_view>

namespace ipc {

/// Slot of the capability that the manifest names so under `needs`, 0 if it does not.
inline abi::CapabilityPointer need(ServerInfo const& info, std::string_view name) {
    for (abi::Word i = 0; i < info.need_count; ++i) {
        if (std::string_view{info.needs[i].name} == name) { return info.needs[i].slot; }
    }
    return 0;
}

/// The number that the kernel's command line gives as `name=N` (boot/run --option name=N), `otherwise` if it gives none.
inline abi::Word option(ServerInfo const& info, std::string_view name, abi::Word otherwise) {
    std::string_view line{info.command_line};
    while (!line.empty()) {
        auto const word = line.substr(0, line.find(' '));
        line.remove_prefix(std::min(line.size(), word.size() + 1));
        if (word.size() <= name.size() + 1 || !word.starts_with(name) || word[name.size()] != '=') { continue; }
        abi::Word value = 0;
        auto const [end, error] = std::from_chars(word.data() + name.size() + 1, word.data() + word.size(), value);
        if (error == std::errc{} && end == word.data() + word.size()) { return value; }
    }
    return otherwise;
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
