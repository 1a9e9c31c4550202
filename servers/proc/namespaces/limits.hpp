// The files of /proc/sys/user, in their order.
#pragma once
#include "../../../libipc/proto/namespace.hpp"
#include <array>

namespace proc {
inline constexpr std::array namespace_limit_kinds = {proto::NamespaceKind::Cgroup, proto::NamespaceKind::Ipc,
                                                     proto::NamespaceKind::Mount,  proto::NamespaceKind::Network,
                                                     proto::NamespaceKind::Pid,    proto::NamespaceKind::Time,
                                                     proto::NamespaceKind::User,   proto::NamespaceKind::Uts};
} // namespace proc
