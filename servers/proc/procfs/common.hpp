// What procfs's parts share.
#pragma once
#include "tree.hpp"

namespace proc::procfs {

inline constexpr std::uint32_t o_access = 3, o_directory = 0200000, o_nofollow = 0400000, o_path = 010000000, at_nofollow = 0x100, at_empty = 0x1000;
inline constexpr std::uint32_t device_minor = 21; ///< st_dev of every procfs

/// S_IFMT bits.
constexpr std::uint32_t type_of(NodeKind kind) { return is_directory(kind) ? 0040000 : is_link(kind) ? 0120000 : 0100000; }

/// Files that can be opened for writing.
constexpr bool may_write(Node const& node) {
    return node.kind == NodeKind::Comm || node.kind == NodeKind::OomScoreAdjust || node.kind == NodeKind::HostName || node.kind == NodeKind::DomainName;
}

} // namespace proc::procfs
