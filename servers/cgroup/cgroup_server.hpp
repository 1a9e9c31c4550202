// Cgroup namespaces (cgroup_namespaces(7)): which part of the tree of control groups the processes inside see.
#pragma once
#include "ipc/namespace_server.hpp"
#include "proto/cgroup.hpp"

namespace cgroup {

/// The group that is its root, by proc's number.
struct View {
    std::uint32_t root = 0;
};
inline View inherit(View const& parent) { return parent; }

class CgroupServer : public ipc::NamespaceServer<View, proto::NamespaceKind::Cgroup> {
public:
    CgroupServer() : NamespaceServer{View{}} {}
    using NamespaceServer::on;

    ipc::Result<std::uint32_t> on(proto::Cgroup::Root, ipc::Sender& sender) {
        auto const space = opened(sender.badge, false);
        if (!space) { return ipc::fail(ipc::Error::NotPermitted); }
        return space->state.root;
    }
    ipc::Result<ipc::Unit> on(proto::Cgroup::SetRoot, ipc::Sender& sender, ipc::OptionalCap<proto::Namespace> const& of,
                              std::uint32_t group) {
        ipc::release_unused(of);
        auto const space = opened(of.unwrapped ? of.badge : 0, false);
        if (sender.badge != ipc::first_namespace_badge || !space) { return ipc::fail(ipc::Error::NotPermitted); }
        space->state.root = group;
        return ipc::Unit{};
    }
};

} // namespace cgroup
