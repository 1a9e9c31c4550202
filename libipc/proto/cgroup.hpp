// Protocol Cgroup: the tree of control groups as a cgroup namespace shows it (cgroup_namespaces(7)), spoken on capabilities for the
// namespace itself or on sessions in it.
#pragma once
#include "directory.hpp"
#include "namespace.hpp"

namespace proto {
struct Cgroup {
    static constexpr abi::Word number = 23;
    /// The group that the namespace's processes are in, as the namespace shows it ("/" is its root): what /proc/PID/cgroup prints after "0::".
    using Path = ipc::Method<Cgroup, 1, ipc::Text<160>()>;
    using methods = ipc::Methods<Path>;
};
} // namespace proto
