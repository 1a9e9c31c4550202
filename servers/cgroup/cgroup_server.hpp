// Cgroup namespaces (cgroup_namespaces(7)): which part of the tree of control groups the processes inside see.
#pragma once
#include "ipc/namespace_server.hpp"
#include "proto/cgroup.hpp"

namespace cgroup {

/// Every process is in the one group there is, which is the root of every namespace's view.
struct View {};
inline View inherit(View const&) { return {}; }

class CgroupServer : public ipc::NamespaceServer<View, proto::NamespaceKind::Cgroup> {
public:
    CgroupServer() : NamespaceServer{View{}} {}
    using NamespaceServer::on;

    ipc::Result<ipc::Text<160>> on(proto::Cgroup::Path, ipc::Sender& sender) {
        if (state_of(sender.badge) == nullptr && !opened(sender.badge, false)) {
            return ipc::fail(ipc::Error::NotPermitted);
        }
        return ipc::Text<160>{"/"};
    }
};

} // namespace cgroup
