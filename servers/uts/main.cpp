// The uts server. Wiring only.
#include "ipc/needs.hpp"
#include "uts_server.hpp"

int server_main(ipc::ServerInfo const& info) {
    static uts::UtsServer server;
    server.set_generation(info.generation);
    server.set_limit(ipc::option(info, "namespaces", server.default_limit));
    static_cast<void>(ipc::bind_no_senders(0));
    ipc::serve<proto::Namespace, proto::File, proto::Uts>(server);
}
