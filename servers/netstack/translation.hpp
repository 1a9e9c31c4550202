// Address translation of a connection's first packet: where it goes instead, and whose name it bears when it leaves.
#pragma once
#include "connections.hpp"
#include "filter.hpp"
#include "proto/packet_rules.hpp"

namespace netstack {

/// What translation and the filter ask of the stack they belong to. Addresses and ports in network order.
struct StackView {
    struct Exit {
        PacketSide side;
        std::uint32_t address; ///< of the interface that packets leave by
    };
    [[nodiscard]] virtual bool is_local(std::uint32_t address) = 0; ///< also all of 127.0.0.0/8
    /// How a packet to that address leaves; nothing: no route.
    [[nodiscard]] virtual std::optional<Exit> exit(std::uint32_t destination) = 0;
    /// A connection of this stack's own sockets has exactly these ends (as its incoming packets name them).
    [[nodiscard]] virtual bool has_connection(Tuple const& incoming) = 0;
    /// A socket of this stack holds the port.
    [[nodiscard]] virtual bool port_in_use(std::uint8_t protocol, std::uint16_t port) = 0;

protected:
    ~StackView() = default;
};

/// The ends that a DestinationNat rule gives: its ports map one to one if it names several.
Tuple with_destination(Tuple tuple, proto::PacketRule const& rule);

/// Source ports for translated connections lie where stacks look for ports of their own last, host order.
inline constexpr std::uint16_t first_translated_port = 32768, last_translated_port = 49151;

/// Makes `leaving` distinct: no other connection's answers look like its own. Its port is kept if it can be; otherwise the
/// search starts at one that depends on who sends, so that a restarted stack finds the same.
/// False: nothing free, or the protocol has no ports and another connection has these ends.
bool choose_source_port(Tuple& leaving, Tuple const& original, ConnectionTable& connections, StackView& stack,
                        std::uint64_t now);

} // namespace netstack
