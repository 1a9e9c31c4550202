// Where the firewall meets lwIP and the devices: packets that come in, are forwarded, bridged or sent, as it wants to see them.
#pragma once
#include "devices.hpp"
#include "firewall.hpp"

namespace netstack {

class PacketPath final : public StackView {
public:
    PacketPath(Devices& devices, std::uint32_t seed) : devices_{devices}, firewall_{*this, seed} {}

    /// Before lwIP looks at an incoming IP packet. True: it was taken (and freed).
    bool input(pbuf* packet, netif* netif);
    /// lwIP found that the packet is for somebody else. 1 forwards it, 0 drops it (whoever must hear of it has), -1 leaves it to lwIP's
    /// own rules.
    int may_forward(pbuf* packet);
    /// A packet of this stack's own. Null: it is as it must be; otherwise the one to send in its place, for the caller to free.
    pbuf* output(pbuf* packet, bool sums);
    /// The bridge may pass the frame from one port to another. `settled`: no other port gets it.
    bool bridged(Device const& bridge, Device const& from, Device const& to, bool settled, pbuf* frame);

    /// An IPv6 packet may go from one device to the other.
    [[nodiscard]] bool forwards6(pbuf* packet, Device const& from, Device const& to);

    void assign(RuleSet rules) { firewall_.assign(std::move(rules)); }
    std::uint64_t expire(std::uint64_t now) { return firewall_.expire(now); }
    [[nodiscard]] bool has_connections() const { return firewall_.connection_count() != 0; }
    /// The bridge port that what is being delivered came by, 0: none.
    std::uint32_t arrival_port = 0;

private:
    bool is_local(std::uint32_t address) override;
    std::optional<Exit> exit(std::uint32_t destination) override;
    bool has_connection(Tuple const& incoming) override;
    bool port_in_use(std::uint8_t protocol, std::uint16_t port) override;
    std::uint32_t port_towards(Device& bridge, Interface& interface, std::uint32_t next_hop);
    void deliver_to_loopback(pbuf* packet);

    Devices& devices_;
    Firewall firewall_;
    PacketSide in_{}; ///< of the packet that input() saw last
    bool delivering_ = false;
};

} // namespace netstack
