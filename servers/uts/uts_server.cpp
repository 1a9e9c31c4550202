#include "uts_server.hpp"

namespace uts {

using ipc::Error;
using ipc::fail;
using ipc::Result;

Result<ipc::Unit> UtsServer::on(proto::Uts::SetHostname, ipc::Sender& sender, proto::HostName const& name) {
    auto* const names = state_of(sender.badge, proto::Uts::SetHostname::number);
    if (names == nullptr) { return fail(unknown(sender.badge)); }
    names->host = name;
    return ipc::Unit{};
}

Result<proto::HostName> UtsServer::on(proto::Uts::Hostname, ipc::Sender& sender) {
    auto const* const names = state_of(sender.badge, proto::Uts::Hostname::number);
    if (names == nullptr) { return fail(unknown(sender.badge)); }
    return names->host;
}

Result<ipc::Unit> UtsServer::on(proto::Uts::SetDomainname, ipc::Sender& sender, proto::HostName const& name) {
    auto* const names = state_of(sender.badge, proto::Uts::SetDomainname::number);
    if (names == nullptr) { return fail(unknown(sender.badge)); }
    names->domain = name;
    return ipc::Unit{};
}

Result<proto::HostName> UtsServer::on(proto::Uts::Domainname, ipc::Sender& sender) {
    auto const* const names = state_of(sender.badge, proto::Uts::Domainname::number);
    if (names == nullptr) { return fail(unknown(sender.badge)); }
    return names->domain;
}

} // namespace uts
