// The uts server. Wiring only.
#include "uts_server.hpp"

int server_main(ipc::ServerInfo const&) {
    static uts::UtsServer server;
    static_cast<void>(ipc::bind_no_senders(0));
    ipc::serve<proto::Namespace, proto::File, proto::Uts>(server);
}
