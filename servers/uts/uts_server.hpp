// UTS namespaces: the host and domain names that uname(2) shows (uts_namespaces(7)).
//
// The worked example of a namespace server: ipc::NamespaceServer owns the namespaces and sessions, this adds what there is to
// ask of one. A new kind of namespace is a copy of this folder with another State, another protocol, and a block in the manifest.
#pragma once
#include "ipc/namespace_server.hpp"
#include "proto/uts.hpp"

namespace uts {

struct Names {
    proto::HostName host, domain;
};
/// A new namespace begins with its parent's names.
inline Names inherit(Names const& parent) { return parent; }

class UtsServer : public ipc::NamespaceServer<Names, proto::NamespaceKind::Uts> {
public:
    /// `host`: the first namespace's host name.
    explicit UtsServer(std::string_view host = "oshost")
        : NamespaceServer{{proto::HostName{host}, proto::HostName{"(none)"}}} {}
    using NamespaceServer::on;

    // On a session. NotPermitted: the capability is no session.
    ipc::Result<ipc::Unit> on(proto::Uts::SetHostname, ipc::Sender& sender, proto::HostName const& name);
    ipc::Result<proto::HostName> on(proto::Uts::Hostname, ipc::Sender& sender);
    ipc::Result<ipc::Unit> on(proto::Uts::SetDomainname, ipc::Sender& sender, proto::HostName const& name);
    ipc::Result<proto::HostName> on(proto::Uts::Domainname, ipc::Sender& sender);
};

} // namespace uts
