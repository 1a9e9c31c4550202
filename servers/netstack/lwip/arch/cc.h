/* lwIP's idea of the compiler and the machine. */
#pragma once
#include "../hooks.h"
#include <stdint.h>
#include <sys/types.h>

#define BYTE_ORDER LITTLE_ENDIAN
#define LWIP_NO_UNISTD_H 1
#define LWIP_NO_INTTYPES_H 0
#define lwip_htons(x) __builtin_bswap16(x)
#define lwip_htonl(x) __builtin_bswap32(x)
#define LWIP_CHKSUM cella_checksum
#define LWIP_PLATFORM_DIAG(x)
#define LWIP_PLATFORM_ASSERT(what) cella_assertion_failed(what, __FILE__, __LINE__)
#define LWIP_RAND() cella_random()
#define LWIP_PROVIDE_ERRNO 1
