// What netns needs of the machine: processes that run a stack each, and ring pairs between them. The guest's is in
// guest_stacks.cpp; unit tests have their own.
#pragma once
#include "ipc/server.hpp"
#include "network_namespace.hpp"
#include "proto/network_stack.hpp"
#include <span>

namespace netns {

struct Stacks {
    /// Starts a stack that reads `configuration(number)`. `network_badge`: of the capability by which it forwards to netns.
    /// large: for a namespace of many devices and sockets. Returns its number (1..). NoMemory.
    virtual ipc::Result<std::uint32_t> start(abi::Word network_badge, bool large) = 0;
    /// Kills it and starts it anew: its callers and those who poll its sockets wake, capabilities of its endpoint stay valid, rings
    /// and what its status page saves are the new one's. NoMemory: it is not running, and is to be stopped.
    virtual ipc::Result<void> restart(std::uint32_t number) = 0;
    /// Ends it; its memory is free again.
    virtual void stop(std::uint32_t number) = 0;
    virtual ipc::Cap<proto::NetworkStack> control(std::uint32_t number) = 0;
    virtual std::span<std::byte> configuration(std::uint32_t number) = 0;
    virtual proto::stack::StatusPage const& status(std::uint32_t number) = 0;
    /// Signals that bit of its notification.
    virtual void signal(std::uint32_t number, abi::Word bit) = 0;

    /// In the place of a ring pair's number: the machine's card, which one stack at a time has.
    static constexpr std::uint32_t card_ring = 0xffffffff;
    /// The card's address. NoDevice: there is none.
    virtual ipc::Result<HardwareAddress> find_card() = 0;
    /// A new ring pair; its number (1..). NoMemory.
    virtual ipc::Result<std::uint32_t> make_ring() = 0;
    virtual void remove_ring(std::uint32_t ring) = 0;
    /// Maps it into a stack, which signals `peer`'s stack through it (0: nobody yet). Its number there (0..). NoMemory.
    virtual ipc::Result<std::uint32_t> attach(std::uint32_t ring, std::uint32_t number, std::uint32_t peer) = 0;
    virtual void set_peer(std::uint32_t number, std::uint32_t local_ring, std::uint32_t peer) = 0;
    virtual void detach(std::uint32_t number, std::uint32_t local_ring) = 0;

protected:
    ~Stacks() = default;
};

} // namespace netns
