// The netns server. Wiring only.
#include "netns_server.hpp"

int server_main(ipc::ServerInfo const&) {
    static netns::NetnsServer server;
    static_cast<void>(ipc::bind_no_senders(0));
    ipc::serve<proto::Namespace, proto::File, proto::Network>(server);
}
