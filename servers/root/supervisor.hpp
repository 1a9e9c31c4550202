// Root after boot: hands out memory, watches over the servers, ends the machine. Protocols Memory and Supervisor.
#pragma once
#include "builder.hpp"
#include "ipc/server.hpp"
#include "proto/memory.hpp"

namespace root {

class Supervisor {
public:
    Supervisor(World& world, ChunkStore& chunks) : world_{world}, chunks_{chunks} {}

    using Chunk = std::tuple<ipc::Cap<ipc::Untyped>, std::uint32_t>;
    ipc::Result<Chunk> on(proto::Memory::Allocate, ipc::Sender& sender);
    ipc::Result<ipc::Unit> on(proto::Memory::Release, ipc::Sender& sender, std::uint32_t chunk);
    ipc::Result<proto::MemoryStatus> on(proto::Memory::Status, ipc::Sender& sender);
    ipc::Result<ipc::Unit> on(proto::Supervisor::Ready, ipc::Sender& sender);
    ipc::Result<proto::ServerStatus> on(proto::Supervisor::Server, ipc::Sender& sender, std::uint32_t index);
    ipc::Result<ipc::Unit> on(proto::Supervisor::PowerOff, ipc::Sender& sender, std::uint32_t status);
    /// A server's thread faulted: it is ended, and started again if its manifest entry says so.
    ipc::Result<ipc::FaultAnswer> on_fault(abi::Fault fault, ipc::Sender& sender, ipc::FaultWords const& words);

private:
    /// The server with that badge, if its manifest entry lists `need`; null otherwise.
    ServerRecord* entitled(abi::Word badge, Need::Kind need);
    void restart(ServerRecord& server);
    /// For good: its clients' calls fail from now on. Without a server that is never restarted the machine ends.
    void stay_down(ServerRecord& server);

    World& world_;
    ChunkStore& chunks_;
};

} // namespace root
