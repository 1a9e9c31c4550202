/* How lwIP is built for a netstack: one thread, no operating system under it, our own sockets, timers, routes and devices. */
#pragma once
#include "hooks.h"

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0
#define LWIP_NETIF_API 0
#define LWIP_TIMERS 0 /* stack_timers.cpp calls what is due */

/* All memory is the server's heap, which grows on demand. */
#define MEM_LIBC_MALLOC 1
#define MEMP_MEM_MALLOC 1
#ifdef __LP64__ /* unit tests */
#define MEM_ALIGNMENT 8
#else
#define MEM_ALIGNMENT 4
#endif
#define mem_clib_malloc cella_lwip_malloc
#define mem_clib_free cella_lwip_free
#define mem_clib_calloc cella_lwip_calloc

#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_IPV6_FORWARD 1
#define LWIP_IPV6_FRAG 1
#define LWIP_IPV6_REASS 1
#ifdef __LP64__
#define IPV6_FRAG_COPYHEADER 1
#endif
#define LWIP_IPV6_NUM_ADDRESSES 8
#define LWIP_IPV6_ADDRESS_LIFETIMES                                                                                    \
    1 /* an address that is not static has no /64 around it: our routes say what is near */
#define LWIP_ICMP6_HL 64
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS                                                                                  \
    0 /* addresses come from netns and are unique there; advertisements are not for lwIP (cella_ip6_input) */
#define LWIP_IPV6_SEND_ROUTER_SOLICIT 0
#define LWIP_IPV6_AUTOCONFIG 0
#define LWIP_ND6_ALLOW_RA_UPDATES 0
#define LWIP_IPV6_MLD 1 /* groups.cpp answers for it */
#define LWIP_MULTICAST_TX_OPTIONS 0
#define LWIP_ND6_NUM_NEIGHBORS 64
#define LWIP_ND6_NUM_DESTINATIONS 64
#define LWIP_ICMP6 1
#define LWIP_MULTICAST_PING 1
#define LWIP_ARP 1
#define ARP_QUEUEING 1
#define ARP_TABLE_SIZE 64
#define ETHARP_SUPPORT_STATIC_ENTRIES 1
#define ETHARP_TABLE_MATCH_NETIF 0
#define IP_FORWARD 1
#define IP_FORWARD_ALLOW_TX_ON_RX_NETIF 1
#define IP_REASSEMBLY 1
#define IP_FRAG 1
#define IP_REASS_MAX_PBUFS 128
#define LWIP_RAW 1
#define LWIP_UDP 1
#define LWIP_TCP 1
#define LWIP_DHCP 0
#define LWIP_DNS 0
#define LWIP_IGMP 0
#define LWIP_BROADCAST_PING 0
#define IP_SOF_BROADCAST 0
#define IP_SOF_BROADCAST_RECV 0
#define SO_REUSE 1
#define LWIP_TCP_KEEPALIVE 1
#define TCP_LISTEN_BACKLOG 1
#define TCP_DEFAULT_LISTEN_BACKLOG 128

/* Loopback and veth carry frames far larger than Ethernet's: the segment size follows the device (TCP_CALCULATE_EFF_SEND_MSS). */
#define TCP_MSS 32768
#define LWIP_SUPPORT_CUSTOM_PBUF 1
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 2
#define TCP_WND 131072
#define TCP_WND_UPDATE_THRESHOLD 65536 /* a program reads in pieces of 64 KiB: one acknowledgement for each */
#define TCP_SND_BUF 131072
#define TCP_SND_QUEUELEN 512
#define TCP_SNDLOWAT 32768
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1 /* they assume segments far below 64 KiB */
#define TCP_SNDQUEUELOWAT 64
#define TCP_QUEUE_OOSEQ 1
#define TCP_OVERSIZE 0
#define LWIP_TCP_RTO_TIME 1000
#define IP_DEFAULT_TTL 64
#define TCP_MAXRTX 12
#define TCP_SYNMAXRTX 6
#define MEMP_NUM_TCP_PCB 4096

#define LWIP_NETIF_HWADDRHINT 0
#define LWIP_SINGLE_NETIF 0
#define LWIP_NETIF_TX_SINGLE_PBUF 0
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_CHECKSUM_ON_COPY 0
#define LWIP_STATS 0
#define LWIP_HAVE_LOOPIF 0
#define LWIP_NETIF_LOOPBACK 0
#define LWIP_ICMP 1
#define PBUF_LINK_HLEN 16
#define ETH_PAD_SIZE 2
#define LWIP_HOOK_FILENAME "hooks.h"
/* lwIP knows only masks of 32 bits here: what a broadcast is, is ours to say (its own stays in ip4_addr.c under its name). */
#ifndef CELLA_LWIP_OWN_BROADCAST
#define ip4_addr_isbroadcast_u32 cella_is_broadcast
#endif
#define LWIP_HOOK_IP4_ROUTE_SRC(source, destination) cella_route(source, destination)
#define LWIP_HOOK_ETHARP_GET_GW(netif, destination) cella_next_hop(netif, destination)
#define LWIP_HOOK_IP4_INPUT(packet, netif) cella_ip_input(packet, netif)
#define LWIP_HOOK_IP4_CANFORWARD(packet, destination) cella_may_forward(packet, destination)
#define LWIP_HOOK_IP6_ROUTE(source, destination) cella_route6(source, destination)
#define LWIP_HOOK_ND6_GET_GW(netif, destination) cella_next_hop6(netif, destination)
#define LWIP_HOOK_IP6_INPUT(packet, netif) cella_ip6_input(packet, netif)
#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port) cella_initial_sequence()
