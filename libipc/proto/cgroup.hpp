// Protocol Cgroup: where in the tree of control groups a cgroup namespace begins (cgroup_namespaces(7)), spoken on capabilities for the
// namespace itself. The groups are proc's, who knows the processes in them, and are named by its numbers.
#pragma once
#include "directory.hpp"
#include "namespace.hpp"

namespace proto {
struct Cgroup {
    static constexpr abi::Word number = 23;
    /// The group that the namespace shows as `/`; 0: none was set, here or in the one that it was made from.
    using Root = ipc::Method<Cgroup, 2, std::uint32_t()>;
    /// On the control capability, for a namespace that is attached.
    using SetRoot = ipc::Method<Cgroup, 3, ipc::Unit(ipc::OptionalCap<Namespace>, std::uint32_t group)>;
    using methods = ipc::Methods<Root, SetRoot>;
};
} // namespace proto
