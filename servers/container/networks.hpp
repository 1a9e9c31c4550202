// The networks that containers are joined to: what they are called, whose addresses they have, what may pass.
// A network is a bridge in the machine's first network namespace. Knows no kernel: runs in a host test.
#pragma once
#include "address6.hpp"
#include "proto/packet_rules.hpp"
#include <array>
#include <cstdint>
#include <expected>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace container {

using Address4 = std::uint32_t; ///< host order

struct Subnet {
    Address4 address = 0; ///< of the network itself: the bits behind the prefix are zero
    std::uint8_t prefix = 24;
    /// "10.1.2.0/24". nullopt: not so, or no room for a gateway and a container (prefix over 30), or under 8.
    static std::optional<Subnet> parse(std::string_view text);
    [[nodiscard]] Address4 mask() const { return ~Address4{0} << (32 - prefix); }
    [[nodiscard]] bool contains(Address4 other) const { return ((other ^ address) & mask()) == 0; }
    [[nodiscard]] bool overlaps(Subnet const& other) const {
        return contains(other.address) || other.contains(address);
    }
    [[nodiscard]] Address4 gateway() const { return address + 1; }
    [[nodiscard]] std::string text() const;
    bool operator==(Subnet const&) const = default;
};

std::string address_text(Address4 address);
std::optional<Address4> parse_address(std::string_view text);
std::array<std::uint8_t, 4> address_bytes(Address4 address);

/// HOST:PORT or HOST:PORT/udp: connections to HOST of the machine go to PORT of the container.
struct Publication {
    std::uint8_t protocol = 6;
    std::uint16_t host_port = 0, port = 0;
    static std::optional<Publication> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
};

/// What containers of a network may reach: `allow` or `deny`, then `all` or [tcp:|udp:|icmp:]ADDRESS[/PREFIX][:PORT]; an IPv6
/// address that a port follows is in brackets, with its prefix. Without an address it holds for both families.
struct Policy {
    std::string text; ///< as given: "deny 10.0.0.0/8"
    proto::PacketRule rule{};
    static std::optional<Policy> parse(std::string_view text);
};

/// A container on a network.
struct Attachment {
    std::string network;
    std::vector<Publication> publications;
    std::uint32_t rate = 0; ///< bytes a second, 0: the network's
    // While it runs.
    Address4 address = 0;     ///< 0: not connected
    std::string outer, inner; ///< names of the ends of its wire
};

struct NetworkDefinition {
    std::string name, device; ///< the bridge is called `device`
    Subnet subnet;
    std::optional<Subnet6> subnet6; ///< beside it
    bool nat = false;               ///< out to the world, with the machine's address
    std::uint32_t rate = 0;
    std::vector<Policy> policies;
    /// The IPv6 address of whoever has that one; nothing: the network has none.
    [[nodiscard]] std::optional<Address6> address6(Address4 address) const {
        return subnet6 ? std::optional{subnet6->host(address - subnet.address)} : std::nullopt;
    }
};

class Networks {
public:
    static constexpr std::string_view default_name = "default";
    static constexpr std::size_t maximum = 64;

    Networks();
    [[nodiscard]] std::list<NetworkDefinition> const& all() const { return all_; }
    NetworkDefinition* find(std::string_view name);
    /// A network of that name; without a subnet the first /24 of 10.89.0.0/16 that is free. The error says what is wrong: CODE, text.
    struct Refusal {
        std::string code, text;
    };
    std::expected<NetworkDefinition*, Refusal> add(std::string_view name, std::optional<Subnet> subnet,
                                                   std::optional<Subnet6> subnet6 = {});
    void remove(std::string_view name);

    /// The lowest address of the network that no attachment has; nullopt: none is left.
    static std::optional<Address4> free_address(NetworkDefinition const& network,
                                                std::span<Attachment const* const> attachments);
    /// Everything that may and may not pass, for all networks, in the order in which it is asked for.
    [[nodiscard]] std::vector<proto::PacketRule> rules(std::span<Attachment const* const> attachments) const;

private:
    std::list<NetworkDefinition> all_;
    unsigned next_device_ = 0;
};

/// Who has which addresses.
struct Host {
    std::string_view name;
    Address4 address;
    std::optional<Address6> address6 = {};
};
/// /etc/hosts of a container: itself (`own`: its addresses), then who else is on its networks.
std::string hosts_text(std::string_view own_name, std::span<Host const> own, std::span<Host const> others);

} // namespace container
