// The uts server that dies of a wild write when somebody names a host "crash": for the test of root's restart policy. Wiring only,
// but for that.
#include "uts_server.hpp"

namespace {

class FailingUtsServer : public uts::UtsServer {
public:
    using UtsServer::on;
    ipc::Result<ipc::Unit> on(proto::Uts::SetHostname operation, ipc::Sender& sender, proto::HostName const& name) {
        static std::uintptr_t volatile nowhere = 4; // volatile: the compiler must not see what becomes of it
        if (name.view() == "crash") { *reinterpret_cast<char volatile*>(nowhere) = 0; }
        return UtsServer::on(operation, sender, name);
    }
};

} // namespace

int server_main(ipc::ServerInfo const& info) {
    static FailingUtsServer server;
    server.set_generation(info.generation);
    static_cast<void>(ipc::bind_no_senders(0));
    ipc::serve<proto::Namespace, proto::File, proto::Uts>(server);
}
