#include "timers.hpp"
#include "devices.hpp"
#include "lwip/ip4_frag.h"
#include "lwip/ip6_frag.h"
#include "lwip/nd6.h"
#include "lwip/priv/tcp_priv.h"
#include "packet_path.hpp"
#include "platform.hpp"
#include <algorithm>

namespace netstack {

namespace {
std::uint64_t reassembling_until = 0;
bool reassembling = false;

bool tcp_busy() { return tcp_active_pcbs != nullptr || tcp_tw_pcbs != nullptr; }

/// One periodic job. Its time is 0 while it is not wanted.
template <class Work>
void run_one(std::uint64_t& due, std::uint64_t now, bool wanted, std::uint64_t period, Work work) {
    if (!wanted) {
        due = 0;
        return;
    }
    if (due == 0) { due = now + period; }
    if (now >= due) {
        work();
        due = now + period;
    }
}
} // namespace

void StackTimers::fragment_seen() {
    reassembling = true;
    constexpr std::uint64_t longest = std::max(IP_REASS_MAXAGE, IPV6_REASS_MAXAGE);
    reassembling_until = now_milliseconds() + (longest + 1) * IP_TMR_INTERVAL;
}

void StackTimers::run(std::uint64_t now) {
    run_one(tcp_, now, tcp_busy(), TCP_TMR_INTERVAL, [] { tcp_tmr(); });
    run_one(neighbours_, now, devices_instance->needs_neighbours(), ARP_TMR_INTERVAL, [] { etharp_tmr(); });
    run_one(neighbours6_, now, Devices::knows_neighbours6(), ND6_TMR_INTERVAL, [] { nd6_tmr(); });
    reassembling = reassembling && now < reassembling_until;
    run_one(reassembly_, now, reassembling, IP_TMR_INTERVAL, [] {
        ip_reass_tmr();
        ip6_reass_tmr();
    });
    auto& path = devices_instance->path();
    if (!path.has_connections()) {
        connections_ = 0;
    } else if (connections_ == 0 || now >= connections_) {
        connections_ = path.expire(now);
    }
    if (devices_instance->release_due() != 0 && now >= devices_instance->release_due()) {
        devices_instance->release_shaped();
    }
    release_ = devices_instance->release_due();
}

bool StackTimers::more_wanted() const {
    auto const release = devices_instance->release_due();
    if ((connections_ == 0 && devices_instance->path().has_connections()) ||
        (release != 0 && (release_ == 0 || release < release_))) {
        return true;
    }
    if (neighbours6_ == 0 && Devices::knows_neighbours6()) { return true; }
    return (tcp_ == 0 && tcp_busy()) || (neighbours_ == 0 && devices_instance->needs_neighbours()) ||
           (reassembly_ == 0 && reassembling);
}

std::uint64_t StackTimers::next(std::uint64_t now) {
    run(now);
    std::uint64_t next = 0;
    for (auto const due : {tcp_, neighbours_, neighbours6_, reassembly_, connections_, release_}) {
        if (due != 0 && (next == 0 || due < next)) { next = due; }
    }
    return next;
}

} // namespace netstack
