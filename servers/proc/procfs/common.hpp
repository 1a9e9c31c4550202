// What procfs's parts share.
#pragma once
#include "tree.hpp"

namespace proc::procfs {

inline constexpr std::uint32_t o_access = 3, o_directory = 0200000, o_nofollow = 0400000, o_path = 010000000,
                               at_nofollow = 0x100, at_empty = 0x1000;
inline constexpr std::uint32_t device_minor = 21;   ///< st_dev of every procfs
constexpr std::uint32_t namespace_device_minor = 4; ///< of nsfs, as every owner of namespaces says

/// S_IFMT bits.
constexpr std::uint32_t type_of(NodeKind kind) {
    return is_directory(kind) ? 0040000 : is_link(kind) ? 0120000 : 0100000;
}

/// Files that can be opened for writing.
constexpr bool may_write(Node const& node) {
    switch (node.kind) {
    case NodeKind::Comm:
    case NodeKind::OomScoreAdjust:
    case NodeKind::HostName:
    case NodeKind::DomainName:
    case NodeKind::IpcLimit:
    case NodeKind::PidMaximum:
    case NodeKind::NamespaceLimit:
    case NodeKind::GroupKill:
    case NodeKind::GroupMaxDepth:
    case NodeKind::GroupMaxDescendants:
    case NodeKind::GroupProcesses:
    case NodeKind::GroupSubtree:
    case NodeKind::GroupType:
    case NodeKind::NetSetting:
    case NodeKind::NetSetting6:
    case NodeKind::UserMap:
    case NodeKind::GroupMap:
    case NodeKind::ProjectMap:
    case NodeKind::SetGroups:
    case NodeKind::TimeOffsets: return true;
    default: return false;
    }
}

} // namespace proc::procfs
