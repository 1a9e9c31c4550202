// One rtnetlink(7) request after the other on one namespace's configuration; netlink_requests.hpp is the way in.
#pragma once
#include "netlink_message.hpp"
#include "netlink_requests.hpp"
#include <algorithm>
#include <utility>

namespace netns {

using netlink::Attributes;
using netlink::Header;
namespace nl = netlink;

inline constexpr std::uint8_t family_internet = 2, family_bridge = 7, family_internet6 = 10;
namespace link_attribute {
inline constexpr std::uint16_t address = 1, broadcast = 2, name = 3, mtu = 4, link = 5, discipline = 6, stats = 7,
                               master = 10, queue = 13, state = 16, mode = 17, info = 18, namespace_pid = 19,
                               stats64 = 23, group = 27, namespace_descriptor = 28, promiscuity = 30, carrier = 33,
                               link_namespace = 37;
inline constexpr std::uint16_t info_kind = 1, info_data = 2, veth_peer = 1;
} // namespace link_attribute
namespace address_attribute {
inline constexpr std::uint16_t address = 1, local = 2, label = 3, broadcast = 4, cache = 6, flags = 8;
} // namespace address_attribute
namespace route_attribute {
inline constexpr std::uint16_t destination = 1, from = 2, interface = 4, gateway = 5, priority = 6, source = 7,
                               cache = 12, table = 15, preference = 20;
} // namespace route_attribute
namespace neighbour_attribute {
inline constexpr std::uint16_t destination = 1, hardware = 2;
} // namespace neighbour_attribute
namespace link_flag {
inline constexpr std::uint32_t up = 1, broadcast = 2, loopback = 8, running = 0x40, no_arp = 0x80, multicast = 0x1000,
                               lower_up = 0x10000;
} // namespace link_flag
inline constexpr std::uint8_t table_main = 254, table_local = 255, route_unicast = 1, protocol_boot = 3;
inline constexpr std::uint16_t state_permanent = 0x80, state_reachable = 2;
inline constexpr std::size_t datagram_maximum = 8192;

/// Requests on one namespace, one after the other.
class NetlinkHandler {
public:
    NetlinkHandler(NetworkNamespace& space, NetlinkAnswer& answer, std::uint32_t port, std::optional<Error> moved,
                   std::span<proto::stack::DeviceStatus const> counters,
                   std::span<proto::stack::NeighbourStatus const> neighbours,
                   std::span<proto::stack::NeighbourStatus6 const> neighbours6)
        : space_{space}, answer_{answer}, port_{port}, moved_{moved}, counters_{counters}, neighbours_{neighbours},
          neighbours6_{neighbours6} {}

    /// None, an errno for the acknowledgement, or Elsewhere: see WantedMove.
    Error handle(Header const& header, std::span<std::byte const> body) {
        header_ = header;
        header_.port = port_;
        bool const dump = (header.flags & nl::flag::dump) != 0 && is_get(header.type);
        switch (header.type) {
        case nl::get_link: return get_links(body, dump);
        case nl::new_link:
        case nl::set_link:
            return with<nl::LinkMessage>(body, [&](auto const& m, Attributes const& a) { return new_link(m, a); });
        case nl::delete_link:
            return with<nl::LinkMessage>(body, [&](auto const& m, Attributes const& a) { return delete_link(m, a); });
        case nl::get_address: return get_addresses(body, dump);
        case nl::new_address:
            return with<nl::AddressMessage>(body,
                                            [&](auto const& m, Attributes const& a) { return new_address(m, a); });
        case nl::delete_address:
            return with<nl::AddressMessage>(body,
                                            [&](auto const& m, Attributes const& a) { return delete_address(m, a); });
        case nl::get_route: return get_routes(body, dump);
        case nl::new_route:
            return with<nl::RouteMessage>(body, [&](auto const& m, Attributes const& a) { return new_route(m, a); });
        case nl::delete_route:
            return with<nl::RouteMessage>(body, [&](auto const& m, Attributes const& a) { return delete_route(m, a); });
        case nl::get_neighbour: return get_neighbours(body, dump);
        case nl::new_neighbour:
            return with<nl::NeighbourMessage>(body,
                                              [&](auto const& m, Attributes const& a) { return new_neighbour(m, a); });
        case nl::delete_neighbour:
            return with<nl::NeighbourMessage>(
                body, [&](auto const& m, Attributes const& a) { return delete_neighbour(m, a); });
        case nl::get_rule: finish_dump(); return Error::None;
        default: return Error::NotSupported;
        }
    }
    static bool is_get(std::uint16_t type) {
        return type == nl::get_link || type == nl::get_address || type == nl::get_route || type == nl::get_neighbour ||
               type == nl::get_rule;
    }
    [[nodiscard]] bool answered() const { return answered_; }

    void acknowledge(Header const& header, Error error) {
        auto& datagram = answer_.datagrams.emplace_back();
        nl::Writer writer{datagram};
        struct {
            std::int32_t error;
            Header request;
        } const body{-static_cast<std::int32_t>(error), header};
        header_ = header;
        header_.port = port_;
        writer.begin(nl::error, 0, header_, body);
        writer.end();
    }

private:
    template <class Message, class Function>
    Error with(std::span<std::byte const> body, Function function) {
        Message message;
        if (body.size() < sizeof message) { return Error::Invalid; }
        std::memcpy(&message, body.data(), sizeof message);
        return function(message, Attributes{body.subspan(std::min(nl::align(sizeof message), body.size()))});
    }
    static Error error_of(Result<void> const& result) { return result ? Error::None : result.error(); }

    /// Where the next message of an answer goes: a new datagram when the last one is full.
    std::vector<std::byte>& target(bool dump) {
        answered_ = true;
        if (!dump || answer_.datagrams.empty() || !dumping_ ||
            answer_.datagrams.back().size() > datagram_maximum - 1024) {
            answer_.datagrams.emplace_back();
        }
        dumping_ = dump;
        return answer_.datagrams.back();
    }
    void finish_dump() {
        nl::Writer writer{target(true)};
        writer.begin(nl::done, nl::flag::multi, header_, std::int32_t{0});
        writer.end();
        dumping_ = false;
    }
    [[nodiscard]] std::uint16_t multi(bool dump) const { return dump ? nl::flag::multi : std::uint16_t{0}; }

    Link* link_of(std::uint32_t index, std::string_view name) {
        return index != 0 ? space_.find(index) : name.empty() ? nullptr : space_.find(name);
    }

    void put_link(Link const& link, bool dump, std::uint8_t family = 0);
    Error get_links(std::span<std::byte const> body, bool dump);
    Error create_link(nl::LinkMessage const& message, Attributes const& attributes, std::string_view name);
    Error new_link(nl::LinkMessage const& message, Attributes const& attributes);
    Error delete_link(nl::LinkMessage const& message, Attributes const& attributes);

    /// What a message about an address says it is, of either family.
    template <class Address>
    static std::optional<Address> address_in(Attributes const& attributes) {
        auto const local = attributes.get<Address>(address_attribute::local);
        return local ? local : attributes.get<Address>(address_attribute::address);
    }
    /// What a message about a route says that both families have.
    template <class Route>
    static Route route_in(nl::RouteMessage const& message, Attributes const& attributes) {
        namespace at = route_attribute;
        using Address = decltype(Route::destination);
        Route route;
        route.prefix = message.prefix;
        route.protocol = message.protocol != 0 ? message.protocol : protocol_boot;
        route.destination = attributes.get<Address>(at::destination).value_or(Address{});
        route.gateway = attributes.get<Address>(at::gateway).value_or(Address{});
        route.metric = attributes.get<std::uint32_t>(at::priority).value_or(0);
        route.device = attributes.get<std::uint32_t>(at::interface).value_or(0);
        return route;
    }

    Error get_addresses(std::span<std::byte const> body, bool dump);
    Error new_address(nl::AddressMessage const& message, Attributes const& attributes);
    Error delete_address(nl::AddressMessage const& message, Attributes const& attributes);
    void put_route(RouteEntry const& route, bool dump, Address4 const* exact = nullptr, std::uint8_t table = table_main,
                   std::uint8_t type = route_unicast);
    Error get_routes(std::span<std::byte const> body, bool dump);
    static RouteEntry route_of(nl::RouteMessage const& message, Attributes const& attributes);
    Error new_route(nl::RouteMessage const& message, Attributes const& attributes);
    Error delete_route(nl::RouteMessage const& message, Attributes const& attributes);
    Error get_neighbours(std::span<std::byte const> body, bool dump);
    Error new_neighbour(nl::NeighbourMessage const& message, Attributes const& attributes);
    Error delete_neighbour(nl::NeighbourMessage const& message, Attributes const& attributes);

    void dump_addresses6();
    Error new_address6(nl::AddressMessage const& message, Attributes const& attributes);
    Error delete_address6(nl::AddressMessage const& message, Attributes const& attributes);
    /// What a route's message says besides the route.
    struct RouteKind6 {
        std::uint8_t table, type;
        Address6 destination{}, source{}; ///< where a packet would go that was asked about, and from where
    };
    void put_route6(RouteEntry6 const& route, bool dump, RouteKind6 const& kind);
    void dump_routes6();
    Error get_route6(Attributes const& attributes);
    Error new_route6(nl::RouteMessage const& message, Attributes const& attributes);
    Error delete_route6(nl::RouteMessage const& message, Attributes const& attributes);
    void dump_neighbours6();
    Error change_neighbour6(nl::NeighbourMessage const& message, Attributes const& attributes, bool add);

    NetworkNamespace& space_;
    NetlinkAnswer& answer_;
    std::uint32_t const port_;
    std::optional<Error> moved_;
    std::span<proto::stack::DeviceStatus const> counters_;
    std::span<proto::stack::NeighbourStatus const> neighbours_;
    std::span<proto::stack::NeighbourStatus6 const> neighbours6_;
    Header header_{};
    bool dumping_ = false, answered_ = false;
};

} // namespace netns
