/* lwIP's ip4_frag.c with the function that cuts packets under another name: everybody else calls ours (fragments.cpp). */
#define ip4_frag cella_lwip_ip4_frag
#include "../core/ipv4/ip4_frag.c" /* beside the folder of lwIP's headers */
