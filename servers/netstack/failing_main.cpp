// The stack that dies of a wild write when a program sets SO_MARK to 0xdead: for the test of recovery. Wiring only, but for that.
#include "stack_server.hpp"

namespace netstack {

class FailingStackServer final : public StackServer {
public:
    using StackServer::on;
    using StackServer::StackServer;
    Result<ipc::Unit> on(proto::Socket::SetOption operation, ipc::Sender& sender, std::uint32_t level,
                         std::uint32_t option, proto::SocketOption const& value) {
        static std::uintptr_t volatile nowhere = 0x12345678; // volatile: the compiler must not see what becomes of it
        constexpr std::uint32_t mark = 36, deadly = 0xdead;
        if (level == level::socket && option == mark && option_word(value) == deadly) {
            *reinterpret_cast<char volatile*>(nowhere) = 0;
        }
        return StackServer::on(operation, sender, level, option, value);
    }
};

} // namespace netstack

#define CELLA_STACK_SERVER netstack::FailingStackServer
#include "main.cpp"
