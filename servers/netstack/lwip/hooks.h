/* Where lwIP asks us: C linkage, since lwIP is C. Defined in lwip_glue.cpp and devices.cpp. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct netif;
struct pbuf;
struct ip4_addr;
struct ip6_addr;

void* cella_lwip_malloc(size_t bytes);
void cella_lwip_free(void* memory);
void* cella_lwip_calloc(size_t count, size_t bytes);
/* Null: no route. source may be null. */
struct netif* cella_route(struct ip4_addr const* source, struct ip4_addr const* destination);
struct ip4_addr const* cella_next_hop(struct netif* netif, struct ip4_addr const* destination);
struct netif* cella_route6(struct ip6_addr const* source, struct ip6_addr const* destination);
struct ip6_addr const* cella_next_hop6(struct netif* netif, struct ip6_addr const* destination);
/* Nonzero: the packet was taken (and freed). */
int cella_ip_input(struct pbuf* packet, struct netif* netif);
int cella_ip6_input(struct pbuf* packet, struct netif* netif);
/* 1 yes, 0 no, -1 lwIP's own rules. */
int cella_may_forward(struct pbuf* packet, uint32_t destination);
/* The Internet checksum of bytes (RFC 1071), not inverted, in the order that they lie in. */
uint16_t cella_checksum(void const* data, int bytes);
uint32_t cella_initial_sequence(void);
uint32_t cella_random(void);
void cella_assertion_failed(char const* what, char const* file, int line);

#ifdef __cplusplus
}
#endif
