// The ipc server. Wiring only.
#include "guest_port.hpp"

int server_main(ipc::ServerInfo const& info) {
    static sysv::GuestPort port{info};
    static sysv::IpcServer server{port, info.heap_bytes / 2};
    server.set_generation(info.generation);
    server.set_limit(ipc::option(info, "namespaces", server.default_limit));
    static_cast<void>(ipc::bind_no_senders(sysv::no_senders_bit));
    ipc::serve<proto::Namespace, proto::File, proto::SystemV, proto::MessageQueue, proto::Directory, proto::EventSet>(
        server);
}
