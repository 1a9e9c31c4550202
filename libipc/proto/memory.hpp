// Protocol Memory: root's store of untyped memory, in chunks of 1 MiB (256 frames). The badge is the server.
// Protocol Supervisor: what a server tells root about itself, and what the container manager asks about the system.
#pragma once
#include "../ipc/method.hpp"

namespace proto {
struct MemoryStatus {
    std::uint64_t total, free, reserved;
};
struct Memory {
    static constexpr abi::Word number = 2;
    static constexpr abi::Word chunk_bits = 20;
    /// One chunk as an Untyped capability, and its number. NoMemory if there is none.
    using Allocate = ipc::Method<Memory, 1, std::tuple<ipc::Cap<ipc::Untyped>, std::uint32_t>()>;
    /// Root revokes the chunk: every object made from it is gone.
    using Release = ipc::Method<Memory, 2, ipc::Unit(std::uint32_t chunk)>;
    using Status = ipc::Method<Memory, 3, MemoryStatus()>;
    using methods = ipc::Methods<Allocate, Release, Status>;
};
struct ServerStatus {
    ipc::Text<24> name;
    std::uint32_t state, generation, memory_bytes, priority;
};
struct Supervisor {
    static constexpr abi::Word number = 1;
    /// Ready to serve: root starts those that need it.
    using Ready = ipc::Method<Supervisor, 1, ipc::Unit()>;
    using Server = ipc::Method<Supervisor, 2, ServerStatus(std::uint32_t index)>; ///< Range past the end
    /// Ends the machine; status goes to boot/run (`@@cella exit N@@` on the log).
    using PowerOff = ipc::Method<Supervisor, 3, ipc::Unit(std::uint32_t status)>;
    using methods = ipc::Methods<Ready, Server, PowerOff>;
};
} // namespace proto
