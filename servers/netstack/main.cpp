// One network namespace's stack. netns builds the process (proto/network_stack.hpp says what is where) and starts it here.
#include "guest/start.hpp"
#include "ipc/log.hpp"
#include "platform.hpp"
#include "stack_server.hpp"

#ifndef CELLA_STACK_SERVER
#define CELLA_STACK_SERVER netstack::StackServer
#endif

namespace {

namespace stack = proto::stack;

std::uint64_t time_stamp() {
    std::uint64_t stamp;
    asm volatile("rdtsc" : "=A"(stamp));
    return stamp;
}

class GuestPlatform final : public netstack::Platform {
public:
    explicit GuestPlatform(ipc::ServerInfo const& info) : ticks_{info.tsc_per_millisecond} {
        for (auto& word : state_) { word = static_cast<std::uint32_t>(time_stamp() * 2654435761U) ^ info.server_id; }
    }
    std::uint64_t nanoseconds() override {
        auto const now = time_stamp();
        return now / ticks_ * 1000000 + now % ticks_ * 1000000 / ticks_;
    }
    std::uint64_t stamp() override { return time_stamp(); }
    std::uint64_t stamp_of(std::uint64_t nanoseconds) override {
        return nanoseconds / 1000000 * ticks_ + nanoseconds % 1000000 * ticks_ / 1000000;
    }
    /// Good enough for ports and sequence numbers: a xorshift stirred by the time-stamp counter at every call.
    std::uint32_t random() override {
        auto value = state_[0] ^ static_cast<std::uint32_t>(time_stamp());
        value ^= value << 13;
        value ^= value >> 17;
        value ^= value << 5;
        state_[0] = state_[1];
        return state_[1] = value * 2246822519U + state_[0];
    }
    void* ring_memory(std::uint32_t number) override {
        return number < stack::maximum_rings ? reinterpret_cast<void*>(stack::ring_address + number * stack::ring_bytes)
                                             : nullptr;
    }
    void ring_peer(std::uint32_t number) override { ipc::signal(stack::ring_slot + number); }
    void ring_self() override {
        if (own_bell_ == 0) {
            auto const bell = ipc::mint_notification(stack::ring_bit);
            if (!bell) { return; }
            own_bell_ = bell->slot;
        }
        ipc::signal(own_bell_);
    }
    void ring_netns() override { ipc::signal(stack::doorbell_slot); }

private:
    std::uint32_t const ticks_;
    std::uint32_t state_[2];
    abi::CapabilityPointer own_bell_ = 0;
};

} // namespace

asm(".section .text._start, \"ax\", @progbits\n"
    ".globl _start\n"
    "_start:\n"
    "    xorl %ebp, %ebp\n"
    "    cld\n"
    "    andl $-16, %esp\n"
    "    call cella_start_stack\n"
    "    ud2\n"
    ".text\n");

extern "C" [[noreturn, gnu::used]] void cella_start_stack() {
    auto const& info = *reinterpret_cast<ipc::ServerInfo const*>(ipc::server_address::info);
    ipc::guest::initialize_runtime(reinterpret_cast<std::byte*>(stack::heap_address), info.heap_bytes,
                                   stack::first_free_slot, (abi::Word{1} << info.cnode_radix) - stack::kept_slots,
                                   true);
    ipc::guest::construct_globals();
    static GuestPlatform platform{info};
    netstack::platform_instance = &platform;
    static_cast<void>(ipc::bind_no_senders(stack::no_senders_bit));
    static CELLA_STACK_SERVER server{
        {reinterpret_cast<std::byte const*>(stack::configuration_address), stack::configuration_bytes},
        *reinterpret_cast<stack::StatusPage*>(stack::status_address)};
    ipc::serve<proto::NetworkStack, proto::File, proto::Socket, proto::EventSet>(server);
}
