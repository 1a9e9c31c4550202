// Rules for packets that pass through a network namespace's stack: address translation and filtering, a small nftables.
//
// Filter rules are asked for every packet that is forwarded, or that a bridge passes from one port to another; the first
// that matches decides, none: it passes. Packets of a connection that was let through pass in both directions without
// being asked for again. Translation rules are asked for the first packet of a connection (of a `ping`, by its identifier):
// DestinationNat when it comes in, before the route is chosen; SourceNat and Masquerade when it goes out. The connection keeps
// what was decided. Addresses are in network order, ports in the host's.
//
// A DestinationNat rule that names no destination means packets to the namespace's own addresses, and is asked for those that the
// namespace sends to itself, too (their in_device is the loopback). If it names a range of ports and to_port, the ports map one to one.
// A connection whose destination was changed leaves under the out device's address, without a rule, if it goes back where it came from
// or begins in this namespace: otherwise its answers would take another way. A filter rule sees the changed destination. A bridge's
// name means the bridge and all its ports. Filter rules are asked for packets of both families, a rule with addresses for those of its
// own; translation rules know IPv4 only. Of other protocols a bridge drops what a rule without addresses, protocol and ports drops;
// ARP and IPv6's questions for neighbours always pass.
#pragma once
#include <cstdint>
#include <string_view>

namespace proto {

enum class PacketAction : std::uint8_t { Accept = 1, Drop, Masquerade, SourceNat, DestinationNat };

/// Whose packets a rule is about; Any with addresses: IPv4's.
enum class PacketFamily : std::uint8_t { Any = 0, Six = 6 };

struct PacketRule {
    PacketAction action;
    std::uint8_t protocol; ///< 0: any; IPPROTO_ICMP (of either family), IPPROTO_TCP, IPPROTO_UDP
    std::uint8_t source_prefix, destination_prefix; ///< bits compared, 0: any
    std::uint8_t source[16], destination[16];       ///< IPv4: the first four
    std::uint16_t first_port, last_port;            ///< of the destination, host order, both included; 0, 0: any
    std::uint8_t to_address[4];                     ///< SourceNat, DestinationNat
    std::uint16_t to_port;                          ///< DestinationNat; 0: as it was
    PacketFamily family;
    std::uint8_t reserved[3];
    std::uint8_t not_in_device, not_out_device; ///< 1: any device but the one named
    char in_device[16], out_device[16];         ///< names, empty: any; as the namespace calls them
    bool operator==(PacketRule const&) const = default;
};
static_assert(sizeof(PacketRule) == 84);
inline constexpr unsigned packet_rules_maximum = 128;

} // namespace proto
