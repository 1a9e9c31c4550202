#include "supervisor.hpp"
#include "ipc/log.hpp"
#include "ipc/wait_graph.hpp"

namespace root {

using abi::Word;
using ipc::fail;
using ipc::Result;

namespace {
constexpr Word restart_limit = 5; ///< more deaths than that and the server stays down: it would only die again
}

ServerRecord* Supervisor::entitled(Word badge, Need::Kind need) {
    if (badge == 0 || badge > world_.manifest->server_count) { return nullptr; }
    auto& server = world_.servers[badge - 1];
    for (std::size_t i = 0; i < server.definition->need_count; ++i) {
        if (server.definition->needs[i].kind == need) { return &server; }
    }
    return nullptr;
}

Result<Supervisor::Chunk> Supervisor::on(proto::Memory::Allocate, ipc::Sender& sender) {
    if (entitled(sender.badge, Need::Kind::Memory) == nullptr) { return fail(ipc::Error::NotPermitted); }
    auto const chunk = chunks_.allocate(sender.badge);
    if (!chunk) { return fail(chunk.error()); }
    return Chunk{ipc::Cap<ipc::Untyped>{chunks_.slot(*chunk)}, *chunk};
}

Result<ipc::Unit> Supervisor::on(proto::Memory::Release, ipc::Sender& sender, std::uint32_t chunk) {
    if (auto released = chunks_.release(chunk, sender.badge); !released) { return fail(released.error()); }
    return ipc::Unit{};
}

Result<proto::MemoryStatus> Supervisor::on(proto::Memory::Status, ipc::Sender&) { return chunks_.status(); }

Result<ipc::Unit> Supervisor::on(proto::Supervisor::Ready, ipc::Sender& sender) {
    if (sender.badge == 0 || sender.badge > world_.manifest->server_count) { return fail(ipc::Error::NotPermitted); }
    world_.servers[sender.badge - 1].state = ServerRecord::State::Ready;
    return ipc::Unit{};
}

Result<proto::ServerStatus> Supervisor::on(proto::Supervisor::Server, ipc::Sender&, std::uint32_t index) {
    if (index >= world_.manifest->server_count) { return fail(ipc::Error::Range); }
    auto const& server = world_.servers[index];
    return proto::ServerStatus{server.definition->name, static_cast<Word>(server.state), server.generation,
                               server.memory_bytes, server.definition->priority};
}

Result<ipc::Unit> Supervisor::on(proto::Supervisor::PowerOff, ipc::Sender& sender, std::uint32_t status) {
    if (entitled(sender.badge, Need::Kind::Supervisor) == nullptr) { return fail(ipc::Error::NotPermitted); }
    ipc::log("@@cella exit {}@@", status);
    static_cast<void>(ipc::object::Debug{ipc::server_slot::debug}.exit(0));
    return ipc::Unit{};
}

Result<ipc::FaultAnswer> Supervisor::on_fault(abi::Fault fault, ipc::Sender& sender, ipc::FaultWords const& words) {
    Word const number = sender.badge - fault_badge_base;
    if (sender.badge <= fault_badge_base || number > world_.manifest->server_count) {
        return fail(ipc::Error::NotPermitted);
    }
    auto& server = world_.servers[number - 1];
    if (fault == abi::Fault::Page) {
        ipc::log("root: {} died: page fault at {x} (code {x}), eip {x}", server.definition->name, words[0], words[1],
                 words[2]);
    } else {
        ipc::log("root: {} died: fault {} ({} {}), eip {x}", server.definition->name, static_cast<Word>(fault),
                 words[0], words[1], words[2]);
    }
    // The caller of this fault is about to be destroyed: there is nobody to answer, the Reply goes back to the pool.
    auto const pending = sender.defer();
    restart(server);
    ipc::discard(pending);
    return fail(ipc::Error::Deferred);
}

void Supervisor::stay_down(ServerRecord& server) {
    ipc::log("root: {} stays down", server.definition->name);
    if (server.definition->restart_always) {
        // Nobody is to wait for it: another program receives in its place and refuses everything.
        server.program = world_.stand_in;
        if (!start_server(world_, server)) { ipc::log("root: and nothing answers in its place"); }
        server.state = ServerRecord::State::Dead;
        return;
    }
    ipc::object::Debug const debug{ipc::server_slot::debug};
    ipc::log("root: nothing goes on without {}; who waited on whom:", server.definition->name);
    for (auto const& line : ipc::WaitGraph{debug}.lines()) { ipc::log("{}", line); }
    static_cast<void>(debug.exit(1));
}

void Supervisor::restart(ServerRecord& server) {
    stop_server(server);
    chunks_.release_all(server.number);
    if (!server.definition->restart_always || server.generation == restart_limit) {
        stay_down(server);
        return;
    }
    ++server.generation;
    if (auto started = start_server(world_, server); !started) {
        ipc::log("root: {} cannot be started again: error {}", server.definition->name,
                 static_cast<Word>(started.error()));
    }
}

} // namespace root
