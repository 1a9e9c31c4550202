// lwIP cuts a packet into pieces by moving the starts of its buffers. A TCP segment stays queued until it is acknowledged, and is
// cut when the way has got narrower since it was made: its buffers must be as they were the next time. So a copy is cut.
#include "frame_copy.hpp"
#include "lwip/ip4_frag.h"
#include "lwip/ip6_frag.h"

extern "C" {

err_t cella_lwip_ip4_frag(pbuf* packet, netif* netif, ip4_addr_t const* destination);
err_t cella_lwip_ip6_frag(pbuf* packet, netif* netif, ip6_addr_t const* destination);

err_t ip4_frag(pbuf* packet, netif* netif, ip4_addr_t const* destination) {
    pbuf* const copy = netstack::shared_copy_of(packet);
    if (copy == nullptr) { return ERR_MEM; }
    auto const result = cella_lwip_ip4_frag(copy, netif, destination);
    pbuf_free(copy);
    return result;
}

err_t ip6_frag(pbuf* packet, netif* netif, ip6_addr_t const* destination) {
    pbuf* const copy = netstack::shared_copy_of(packet);
    if (copy == nullptr) { return ERR_MEM; }
    auto const result = cella_lwip_ip6_frag(copy, netif, destination);
    pbuf_free(copy);
    return result;
}

} // extern "C"
