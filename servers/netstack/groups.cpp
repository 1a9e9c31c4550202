#include "groups.hpp"
#include "devices.hpp"
#include "lwip/mld6.h"
#include <algorithm>

namespace netstack {

namespace {
struct Membership {
    ip6_addr_t group;
    std::uint32_t sockets;
};
std::vector<Membership> memberships;

auto find(ip6_addr_t const& group) {
    return std::ranges::find_if(memberships,
                                [&](Membership const& entry) { return ip6_addr_cmp_zoneless(&entry.group, &group); });
}
void leave_one(ip6_addr_t const& group) {
    auto const found = find(group);
    if (found != memberships.end() && --found->sockets == 0) { memberships.erase(found); }
}
} // namespace

Groups::~Groups() {
    for (auto const& group : own_) { leave_one(group); }
}

bool Groups::join(ip6_addr_t const& group) {
    if (std::ranges::any_of(own_, [&](auto const& other) { return ip6_addr_cmp_zoneless(&other, &group); })) {
        return false;
    }
    own_.push_back(group);
    if (auto const found = find(group); found != memberships.end()) {
        ++found->sockets;
    } else {
        memberships.push_back({group, 1});
    }
    return true;
}

bool Groups::leave(ip6_addr_t const& group) {
    auto const found =
        std::ranges::find_if(own_, [&](auto const& other) { return ip6_addr_cmp_zoneless(&other, &group); });
    if (found == own_.end()) { return false; }
    own_.erase(found);
    leave_one(group);
    return true;
}

bool Groups::joined(ip6_addr_t const& group) { return find(group) != memberships.end(); }

} // namespace netstack

// lwIP's listener discovery is not built: bridges pass every group to every port, so nobody has to be told of one.
extern "C" {

/// Only whether it is null counts: lwIP asks it whether a packet to a group is for this stack.
mld_group* mld6_lookfor_group(netif* netif, ip6_addr_t const* group) {
    static mld_group some;
    if (ip6_addr_issolicitednode(group)) {
        for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; ++i) {
            if (ip6_addr_isvalid(netif_ip6_addr_state(netif, i)) &&
                ip6_addr_cmp_solicitednode(group, netif_ip6_addr(netif, i))) {
                return &some;
            }
        }
    }
    bool const routers = ip6_addr_isallrouters_linklocal(group) && netstack::devices_instance->forwards6();
    return routers || netstack::Groups::joined(*group) ? &some : nullptr;
}
void mld6_input(pbuf* packet, netif*) { pbuf_free(packet); }
err_t mld6_stop(netif*) { return ERR_OK; }
void mld6_report_groups(netif*) {}
err_t mld6_joingroup_netif(netif*, ip6_addr_t const*) { return ERR_OK; }
err_t mld6_leavegroup_netif(netif*, ip6_addr_t const*) { return ERR_OK; }

} // extern "C"
