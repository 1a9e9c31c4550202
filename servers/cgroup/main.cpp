// The cgroup server. Wiring only.
#include "cgroup_server.hpp"
#include "ipc/needs.hpp"

int server_main(ipc::ServerInfo const& info) {
    static cgroup::CgroupServer server;
    server.set_generation(info.generation);
    server.set_limit(ipc::option(info, "namespaces", server.default_limit));
    static_cast<void>(ipc::bind_no_senders(0));
    ipc::serve<proto::Namespace, proto::File, proto::Cgroup>(server);
}
