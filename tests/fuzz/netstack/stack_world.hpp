// One stack of netstack on the host, as the fuzz target uses it: a wire, a bridge with two ports, sockets of every kind, and
// connections in several states.
#pragma once
#include "../../../servers/netstack/platform.hpp"
#include "../../../servers/netstack/stack_server.hpp"
#include "host/world.hpp"
#include <array>
#include <vector>

namespace fuzz {

using Frame = std::vector<std::uint8_t>;

/// Ethernet and IPv4: type, version, lengths and header checksum as they should be.
void repair_headers(Frame& frame);
/// TCP: the numbers of the live connection number `which` of the frame's family, so that the segment is one of it; the frame's own are small differences.
void join_connection(Frame& frame, std::size_t which);

/// What a configuration has besides devices and addresses; bits.
namespace feature {
inline constexpr std::uint8_t rules = 1, rate = 2, no_forwarding = 4, wire_down = 8, card = 16, second_address = 32,
                              no_bridge_address = 64, no_second_port = 128;
}

class StackWorld {
public:
    StackWorld();
    ~StackWorld();
    StackWorld(StackWorld const&) = delete;
    StackWorld& operator=(StackWorld const&) = delete;

    /// To the stack's own hardware address on that device.
    static void address(Frame& frame, std::size_t device);
    void inject(std::size_t device, Frame const& frame, std::uint32_t flags);
    /// Another configuration: bits of `feature`.
    void reconfigure(std::uint8_t features);
    void pass(std::uint64_t milliseconds);
    void use_socket(std::size_t which, unsigned operation, std::uint32_t argument);
    /// Another's memory: the ring's other side writes what it likes.
    void spoil_ring(std::size_t device, std::size_t word, std::uint32_t value);

    static inline std::uint64_t frames = 0; ///< ever injected

private:
    struct Host final : netstack::Platform {
        std::uint64_t now = 1000000000;
        std::uint32_t seed = 1;
        std::array<std::uint64_t*, 3> rings{};
        std::uint64_t nanoseconds() override { return now; }
        std::uint64_t stamp() override { return now; }
        std::uint64_t stamp_of(std::uint64_t nanoseconds) override { return nanoseconds; }
        std::uint32_t random() override { return seed = seed * 1664525 + 1013904223; }
        void* ring_memory(std::uint32_t number) override { return number < rings.size() ? rings[number] : nullptr; }
        void ring_peer(std::uint32_t) override {}
        void ring_self() override { again = true; }
        bool again = false;
        void ring_netns() override {}
    };
    void configure(std::uint8_t features);
    static void configure6(proto::stack::ConfigurationWriter& writer, std::uint8_t features);
    void open_sockets();
    /// Established, half-closed and half-open connections, as their remote ends would make them.
    void make_connections();
    void segment(std::size_t which, std::uint8_t flags);
    void call_in(std::uint16_t port);
    void segment6(std::size_t which, std::uint8_t flags);
    void call_in6(std::uint16_t port);
    void open_sockets6();
    void make_connections6();
    void open(std::uint32_t domain, std::uint32_t type, std::uint32_t protocol);
    void set_blocking(std::size_t which, bool blocking);
    void notify(abi::Word bit);
    void drain(std::size_t device);

    Host host_;
    std::vector<std::byte> area_;
    std::unique_ptr<proto::stack::StatusPage> status_ = std::make_unique<proto::stack::StatusPage>();
    ipc::host::World world_;
    std::unique_ptr<netstack::StackServer> server_;
    std::size_t number_ = 0;
    ipc::Cap<proto::NetworkStack> control_;
    std::vector<ipc::Cap<proto::Socket>> sockets_;
    unsigned waiting_ = 0; ///< callers and pollers ever
};

} // namespace fuzz
