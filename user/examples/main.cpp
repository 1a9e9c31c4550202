// The seed server. Wiring only.
#include "seed_server.hpp"

int server_main(ipc::ServerInfo const&) {
    static seed::SeedServer server;
    static_cast<void>(ipc::bind_no_senders(0));
    ipc::serve<proto::Namespace, proto::File>(server);
}
