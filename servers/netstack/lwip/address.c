/* lwIP's ip4_addr.c with its rule for broadcasts under its own name: everybody else asks cella_is_broadcast (lwipopts.h). */
#define CELLA_LWIP_OWN_BROADCAST
#include "../core/ipv4/ip4_addr.c" /* beside the folder of lwIP's headers */
