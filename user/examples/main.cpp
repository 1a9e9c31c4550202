// The seed server. Wiring only.
#include "seed_server.hpp"

int server_main(ipc::ServerInfo const& info) {
    static seed::SeedServer server;
    server.set_generation(info.generation); // started again, it takes no session of its predecessor for one of its own
    static_cast<void>(ipc::bind_no_senders(0));
    ipc::serve<proto::Namespace, proto::File>(server);
}
