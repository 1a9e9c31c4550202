// The routing table of one stack: longest prefix first, then the lowest metric (ip-route(8), table main).
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace netstack {

/// Host-order addresses.
struct Route {
    using Address = std::uint32_t;
    std::uint32_t destination = 0, gateway = 0, source = 0; ///< 0: none
    std::uint32_t metric = 0, device = 0;
    std::uint8_t prefix = 0;
    [[nodiscard]] std::uint32_t mask() const { return prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix); }
    [[nodiscard]] bool matches(std::uint32_t address) const { return ((address ^ destination) & mask()) == 0; }
};

struct Route6 {
    using Address = std::array<std::uint8_t, 16>;
    Address destination{}, gateway{}; ///< gateway ::, none
    std::uint32_t metric = 0, device = 0;
    std::uint8_t prefix = 0;
    [[nodiscard]] bool has_gateway() const { return gateway != Address{}; }
    [[nodiscard]] bool matches(Address const& address) const {
        unsigned const bytes = prefix / 8, bits = prefix % 8;
        if (!std::equal(address.begin(), address.begin() + bytes, destination.begin())) { return false; }
        return bits == 0 || ((address[bytes] ^ destination[bytes]) >> (8 - bits)) == 0;
    }
};

template <class Route>
class BasicRouteTable {
public:
    void assign(std::vector<Route> routes) {
        routes_ = std::move(routes);
        std::stable_sort(routes_.begin(), routes_.end(), [](Route const& a, Route const& b) {
            return a.prefix != b.prefix ? a.prefix > b.prefix : a.metric < b.metric;
        });
    }
    /// The best route for which usable(route) holds; null: none.
    template <class Usable>
    [[nodiscard]] Route const* find(typename Route::Address const& destination, Usable usable) const {
        for (auto const& route : routes_) {
            if (route.matches(destination) && usable(route)) { return &route; }
        }
        return nullptr;
    }
    [[nodiscard]] std::vector<Route> const& routes() const { return routes_; }

private:
    std::vector<Route> routes_;
};
using RouteTable = BasicRouteTable<Route>;
using RouteTable6 = BasicRouteTable<Route6>;

} // namespace netstack
