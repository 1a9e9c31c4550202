// Stands in for a server that stays down: whoever calls it is told that the server died, and nobody waits for ever.
#include "ipc/server.hpp"

int server_main(ipc::ServerInfo const&) {
    auto const reply = ipc::runtime().take_reply();
    ipc::SystemCall call;
    call.info = abi::MessageInfo{}.with(abi::Syscall::Receive);
    for (;;) {
        call.target = ipc::runtime().endpoint;
        call.reply = reply;
        ipc::sys_receive(call);
        // A signal and a plain Send leave nobody to answer: then there is only more to receive.
        bool const answering = ipc::object::Reply{reply}.has_caller();
        call.info =
            answering
                ? abi::MessageInfo{ipc::detail::error_label(ipc::Error::ServerDied), 0}.with(abi::Syscall::ReplyReceive)
                : abi::MessageInfo{}.with(abi::Syscall::Receive);
    }
}
