// The ipc server that dies of a wild write when somebody asks for the semaphores of key 0xdead: for the test of its restart. Wiring as in
// main.cpp, but for that.
#include "guest_port.hpp"
#include "ipc/needs.hpp"
#include "ipc_server.hpp"

namespace {

class FailingIpcServer : public sysv::IpcServer {
public:
    using IpcServer::IpcServer;
    using IpcServer::on;
    ipc::Result<std::int32_t> on(proto::SystemV::GetSet operation, ipc::Sender& sender, std::int32_t key,
                                 std::uint32_t count, std::uint32_t flags) {
        static std::uintptr_t volatile nowhere = 4; // volatile: the compiler must not see what becomes of it
        if (key == 0xdead) { *reinterpret_cast<char volatile*>(nowhere) = 0; }
        return IpcServer::on(operation, sender, key, count, flags);
    }
};

} // namespace

int server_main(ipc::ServerInfo const& info) {
    static sysv::GuestPort port{info};
    static FailingIpcServer server{port, info.heap_bytes / 2};
    server.set_generation(info.generation);
    static_cast<void>(ipc::bind_no_senders(sysv::no_senders_bit));
    ipc::serve<proto::Namespace, proto::File, proto::SystemV, proto::MessageQueue, proto::Directory>(server);
}
