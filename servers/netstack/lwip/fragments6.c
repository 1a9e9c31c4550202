/* lwIP's ip6_frag.c with the function that cuts packets under another name: everybody else calls ours (fragments.cpp). */
#define ip6_frag cella_lwip_ip6_frag
#include "../core/ipv6/ip6_frag.c" /* beside the folder of lwIP's headers */
