// Builds a server's address space, CSpace and thread from its manifest entry and its program.
#pragma once
#include "elf.hpp"
#include "ipc/server_info.hpp"
#include "manifest.hpp"
#include "store.hpp"

namespace root {

/// What root keeps of a server for its whole life, restarts included. Slots are root's.
struct ServerRecord {
    ServerDefinition const* definition = nullptr;
    abi::Word number = 0; ///< 1..15: its badge at root
    std::span<std::byte const> program;
    abi::CapabilityPointer endpoint = 0; ///< survives restarts
    static constexpr abi::Word maximum_bodies = 16;
    abi::CapabilityPointer bodies[maximum_bodies] = {}; ///< Untyped memory that everything of one instance is made from
    abi::Word body_bits[maximum_bodies] = {};
    abi::Word body_count = 0;
    static constexpr abi::Word maximum_tables = 200;
    abi::CapabilityPointer tables[maximum_tables] = {}; ///< its page tables
    abi::Word table_count = 0;
    abi::CapabilityPointer thread = 0;  ///< 0: not built
    abi::CapabilityPointer objects = 0; ///< first of `object_slots` slots for the instance's objects
    abi::Word generation = 0, memory_bytes = 0;
    enum class State : abi::Word { Absent, Starting, Ready, Dead } state = State::Absent;
    static constexpr abi::Word object_slots = 8;
};

/// Badges of a server's fault messages at root: this much above its number, so that no server can send one.
inline constexpr abi::Word fault_badge_base = 16;

/// Capabilities and facts that every server's start needs.
struct World {
    UntypedStore* store = nullptr;
    Manifest const* manifest = nullptr;
    ServerRecord* servers = nullptr; ///< by number - 1
    abi::CapabilityPointer irq_control = 0, io_port_control = 0, sched_control = 0;
    std::span<std::byte const>
        stand_in;           ///< program that receives in place of a server that stays down (servers/nobody)
    abi::Address image = 0; ///< the boot archive in root's address space
    abi::Word image_bytes = 0;
};

/// First memory, endpoint and slots of a server; once. NoMemory.
ipc::Result<void> reserve_server(World& world, ServerRecord& server);
/// An instance: everything is made anew from the bodies, and the thread runs. On failure the bodies are empty again.
ipc::Result<void> start_server(World& world, ServerRecord& server);
/// Ends the instance: its objects, mappings and what it made from its memory are gone.
void stop_server(ServerRecord& server);

} // namespace root
