// The uts server that writes every change of a name to the log: another program for the role `uts`, to show that a role can be
// swapped (boot/run --server uts=build/servers/uts/uts-logging). Wiring only, but for the two operations it adds to.
#include "ipc/log.hpp"
#include "uts_server.hpp"

namespace {

class LoggingUtsServer : public uts::UtsServer {
public:
    using UtsServer::on;
    ipc::Result<ipc::Unit> on(proto::Uts::SetHostname operation, ipc::Sender& sender, proto::HostName const& name) {
        return logged("host", name, UtsServer::on(operation, sender, name));
    }
    ipc::Result<ipc::Unit> on(proto::Uts::SetDomainname operation, ipc::Sender& sender, proto::HostName const& name) {
        return logged("domain", name, UtsServer::on(operation, sender, name));
    }

private:
    static ipc::Result<ipc::Unit> logged(char const* which, proto::HostName const& name,
                                         ipc::Result<ipc::Unit> result) {
        ipc::log("uts: {} name {} {}", which, name.view(), result ? "set" : "refused");
        return result;
    }
};

} // namespace

int server_main(ipc::ServerInfo const&) {
    static LoggingUtsServer server;
    static_cast<void>(ipc::bind_no_senders(0));
    ipc::serve<proto::Namespace, proto::File, proto::Uts>(server);
}
