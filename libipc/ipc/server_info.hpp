// What root gives every server, and where. Root's half is servers/root, the server's half is libipc/guest.
#pragma once
#include "../../microkernel/abi/objects.hpp"

namespace ipc {

/// A server's CSpace is one CNode (radix from the manifest, guard zero), with these slots filled by root.
namespace server_slot {
inline constexpr abi::Word
    thread = 1,
    cnode = 2, address_space = 3,
    untyped = 4,      ///< the server's memory budget for kernel objects and frames of its own
    endpoint = 5,     ///< where it receives: unbadged, all rights; owned by root, so it survives a restart
    notification = 6, ///< bound to the thread: interrupts, timers, no-senders
    debug = 7,        ///< Debug capability (log, trace), only DebugWrite is used by most
    supervisor = 8,   ///< root, badge = server id: protocol Memory and Supervisor
    sched_context = 9,
    first_need = 32,  ///< what the manifest names under `needs`, in that order (ServerInfo::needs says what is where)
    first_free = 128; ///< free for the server from here to the end of the CNode
} // namespace server_slot

/// User addresses in every server.
namespace server_address {
inline constexpr abi::Address info = 0x00100000; ///< ServerInfo page, read-only
inline constexpr abi::Address ipc_buffer = 0x00101000;
inline constexpr abi::Address stack_top = 0x00180000; ///< 256 KiB below
inline constexpr abi::Address image = 0x00400000;     ///< the server is linked here
inline constexpr abi::Address heap = 0x10000000;      ///< `heap_bytes` mapped read/write
inline constexpr abi::Address window = 0x40000000;    ///< free for the server's own mappings up to 0xC0000000
inline constexpr abi::Address boot_image =
    0x30000000; ///< the cpio module, read-only, for servers with `needs: boot-image`
} // namespace server_address

struct ServerNeed {
    char name[24];
    abi::Word slot;
    abi::Word argument;
};
static_assert(sizeof(ServerNeed) == 32);
struct ServerInfo {
    abi::Word magic; ///< server_info_magic
    abi::Word server_id;
    char name[24];
    abi::Word cnode_radix;
    abi::Word heap_bytes;
    abi::Word untyped_bits; ///< log2 of the size of slot `untyped`
    abi::Word boot_image_bytes;
    abi::Word tsc_per_millisecond;
    abi::Word generation; ///< 0 at boot, counts restarts
    abi::Word need_count;
    ServerNeed needs[48];
    char command_line[512]; ///< of the kernel, key=value words
};
inline constexpr abi::Word server_info_magic = 0x53525652;
static_assert(sizeof(ServerInfo) <= abi::page_size);

} // namespace ipc
