// The way of a packet through rules: translated when it comes in, filtered when it is forwarded or bridged, named anew when it
// leaves. Packets of known connections are not asked about again.
//
// A packet is shown to arrive() first; then, if the stack forwards it, to forward(), with nothing else in between.
#pragma once
#include "translation.hpp"

namespace netstack {

/// Some rule is there, or a connection that an earlier rule translated: what the packet path tests before it asks anything.
inline bool firewall_active = false;
/// Some rule is about packets that bridges pass.
inline bool firewall_filters = false;

class Firewall {
public:
    enum class Verdict : std::uint8_t {
        Pass,
        Drop,
        Loopback,     ///< it is for 127.0.0.0/8 of this namespace now: only the loopback takes it
        TimeExceeded, ///< its way ends here; nothing was changed
        PassAlways,   ///< forward(): this namespace's own, whether it forwards others' or not
    };
    struct Packet {
        std::span<std::byte> bytes; ///< from the IP header on, as far as it is in one piece
        std::size_t total = 0;      ///< of the whole
        PacketSide in{};
        bool own = false; ///< made by this namespace
        bool sums = true; ///< TCP's and UDP's checksum is there
    };

    Firewall(StackView& stack, std::uint32_t seed) : connections_{seed}, connections6_{seed}, stack_{stack} {}
    Firewall(Firewall const&) = delete;
    Firewall& operator=(Firewall const&) = delete;
    ~Firewall() { firewall_active = firewall_filters = false; }

    /// Connections stay, with what was decided for them.
    void assign(RuleSet rules);
    /// A packet comes in, or this namespace sends it to itself. May rewrite it.
    Verdict arrive(Packet const& packet, std::uint64_t now);
    /// The packet that arrive() was shown last is to be forwarded. May rewrite it.
    Verdict forward(Packet const& packet, std::uint64_t now);
    /// A packet that this namespace's sockets send belongs to a connection whose destination was changed to this namespace: it
    /// must be rewritten by leave() (on a copy: its sender may need it again).
    bool must_rewrite(Packet const& packet, std::uint64_t now);
    void leave(Packet const& packet, std::uint64_t now);
    /// A bridge wants to pass an IPv4 packet from one port to another. `settled`: the other port is the only one.
    bool bridged(Packet const& packet, PacketSide out, bool settled, std::uint64_t now);
    /// An IPv6 packet is to be forwarded, or passed on by a bridge (`settled` as above). Questions for neighbours are never asked about.
    bool passes6(Packet const& packet, PacketSide out, bool settled, std::uint64_t now);
    /// As bridged() for any other protocol. ARP is never asked about: without it there are no neighbours to filter.
    bool bridged_foreign(PacketSide in, PacketSide out) const;
    /// Some filter rule names that device as the one that packets leave by.
    [[nodiscard]] bool asks_for_port(std::uint32_t port) const { return rules_.filter.names_out_device(port); }

    /// Ends connections whose time is over. When it is wanted next, in milliseconds; 0: not at all.
    std::uint64_t expire(std::uint64_t now);
    [[nodiscard]] std::size_t connection_count() const { return connections_.size() + connections6_.size(); }

private:
    /// What arrive() found out about a packet that has no connection yet.
    struct Pending {
        bool known = false;    ///< it has one
        bool readable = false; ///< there is a header
        bool trackable = false;
        bool own = false;
        Tuple original, leaving;
        std::uint8_t tcp_flags = 0;
    };
    Verdict arrive_error(PacketHeader& header, Packet const& packet, std::uint64_t now);
    Verdict arrive_new(PacketHeader& header, Packet const& packet, std::uint64_t now);
    Verdict destined(std::uint32_t destination, Packet const& packet);
    static void rewrite_error(PacketHeader& header, ConnectionTable::Found found);
    /// What the filter says of a packet that is passed on as it is.
    template <class Header, class Connections, class Fragments>
    bool filtered(Header& header, Connections& connections, Fragments& fragments, PacketSide in, PacketSide out,
                  bool settled, std::uint64_t now) const;
    void update_active();

    RuleSet rules_;
    ConnectionTable connections_;
    FragmentTable fragments_;
    ConnectionTable6 connections6_;
    FragmentTable6 fragments6_;
    StackView& stack_;
    Pending pending_;
};

} // namespace netstack
