// The kernel's binary interface, part 2: object types, invocations, faults.
//
// An invocation is a Call on a capability of a kernel object. The label is the Invocation, words and capabilities are
// the arguments, listed here as `words: ...; caps: ...`. The answer's MessageInfo::status is the error (label 0);
// `returns:` lists the words of a successful answer. A refused invocation has no effect.
#pragma once
#include "types.hpp"

namespace abi {

enum class ObjectType : Word {
    Untyped = 0, ///< size_bits 4..29
    CNode = 1,   ///< size_bits = log2 of the number of slots, 16 bytes each
    Thread = 2,  ///< size fixed
    Endpoint = 3,
    Notification = 4,
    Reply = 5,
    SchedContext = 6,
    AddressSpace = 7, ///< page directory and its shadow slots
    PageTable = 8,    ///< page table and its 1024 shadow slots
    Frame = 9,        ///< 4 KiB
    LargeFrame = 10,  ///< 4 MiB
    Count = 11,
};

/// log2 of the alignment and size in bytes of each object; a CNode's and an Untyped's follow from size_bits.
struct ObjectSize {
    Word align_bits;
    Word bytes;
};
inline constexpr Word slot_bits = 4; ///< log2 of sizeof(slot)
inline constexpr ObjectSize object_size(ObjectType type, Word size_bits) {
    switch (type) {
    case ObjectType::Untyped: return {size_bits, Word{1} << size_bits};
    case ObjectType::CNode: return {size_bits + slot_bits, Word{1} << (size_bits + slot_bits)};
    case ObjectType::Thread: return {10, 1024};
    case ObjectType::Endpoint: return {5, 32};
    case ObjectType::Notification: return {5, 32};
    case ObjectType::Reply: return {5, 32};
    case ObjectType::SchedContext: return {7, 128};
    case ObjectType::AddressSpace: return {12, 4096 + 768 * 16};
    case ObjectType::PageTable: return {12, 4096 + 1024 * 16};
    case ObjectType::Frame: return {page_bits, page_size};
    case ObjectType::LargeFrame: return {large_page_bits, Word{1} << large_page_bits};
    default: return {0, 0};
    }
}

/// Labels of invocations. Numbers are stable.
enum class Invocation : Word {
    /// words: ObjectType, size_bits, first slot, count; caps: destination CNode.
    /// Makes `count` objects in consecutive slots (raw indexes of that CNode, which must be empty). Objects are zeroed,
    /// save those of device Untyped. If the Untyped has no children left, its whole memory is available again.
    UntypedRetype = 1,
    /// words: -; returns: free bytes, size_bits, is device, physical address.
    UntypedInspect = 2,

    // CNode. The invoked capability is the destination CNode. A slot is (index, depth): depth 0 means index is the raw
    // slot number of this CNode; otherwise `depth` bits of index are resolved from this CNode, guards included.
    /// words: index, depth, source index, source depth, rights; caps: source CNode.
    CNodeCopy = 10,
    /// words: as Copy, then badge or guard (guard value << 5 | guard bits), then MintFlag bits; caps: source CNode.
    CNodeMint = 11,
    /// words: index, depth, source index, source depth; caps: source CNode.
    CNodeMove = 12,
    /// words: as Move, then badge or guard; caps: source CNode.
    CNodeMutate = 13,
    /// words: index, depth.
    CNodeDelete = 14,
    /// words: index, depth.
    CNodeRevoke = 15,
    /// words: index, depth: ends every send waiting with the badge of that endpoint capability (Error::ServerDied).
    CNodeCancelBadgedSends = 16,
    /// words: index, depth; caps: notification (a null capability unbinds). The slot holds an unbadged endpoint capability with all rights:
    /// from now on a capability minted from it with MintFlag::watched tells of its end. One binding per endpoint.
    CNodeBindNoSenders = 17,
    /// words: index, depth (the slot of BindNoSenders); returns: badge.
    /// A watched capability whose last descendant has gone is *dead*: it is queued, the notification is signalled, and
    /// copying it fails with IllegalOperation. NextDead takes the oldest dead one: deletes it and returns its badge. WouldBlock if none.
    CNodeNextDead = 18,
    /// words: first index, source first index, count (raw indexes); caps: source CNode. Copies every capability of the
    /// range to the same relative place; empty source slots and occupied destination slots are passed over. returns: number copied.
    CNodeCopyRange = 19,
    /// words: first index, count (raw). Deletes the range.
    CNodeDeleteRange = 20,

    /// words: IPC buffer address, guard (as in Mint) of the CSpace root; caps: CSpace root CNode, AddressSpace, IPC buffer Frame.
    ThreadConfigure = 30,
    /// caps: endpoint capability for fault messages (its badge identifies the thread); none: unset. Copied into the thread.
    ThreadSetFaultHandler = 31,
    /// words: priority 0..255, must be at most the caller's.
    ThreadSetPriority = 32,
    /// returns: Registers.
    ThreadReadRegisters = 33,
    /// words: resume afterwards (0/1), Registers. Only flags and selectors that user mode may have are taken.
    ThreadWriteRegisters = 34,
    /// Stops it and ends any wait, which is not restarted.
    ThreadSuspend = 35,
    ThreadResume = 36,
    /// If it waits (send, call, receive, notification), the wait ends with Error::Interrupted. returns: 1 if it waited.
    /// A Reply object it waited on loses its caller.
    ThreadInterrupt = 37,
    /// words: TLS entry 0..2, base, limit in pages - 1, flags (bit 0 present). Entries are GDT 6..8, read/write data, DPL 3.
    ThreadSetTls = 38,
    /// words: user address where `int 0x80` goes on, 0: none (then it is an Exception fault). All registers but eip
    /// are kept; eip and eflags go to IpcBuffer::redirect_*.
    ThreadSetRedirect = 39,
    /// caps: notification. While it receives on an endpoint, a signal on the notification is received too.
    ThreadBindNotification = 40,
    ThreadUnbindNotification = 41,
    /// words: up to 4 words of name (16 bytes), for debugging.
    ThreadSetName = 42,
    /// caps: AddressSpace, IPC buffer Frame; words: IPC buffer address. Changes them (exec).
    ThreadSetSpace = 43,
    /// words: guard; caps: CSpace root CNode.
    ThreadSetCSpace = 44,
    /// returns: ThreadState.
    ThreadGetState = 45,
    /// caps: Thread. Takes that thread's FPU and SSE registers as they are now (fork, clone); none: as after a processor's reset (exec).
    ThreadCopyFloatingPoint = 46,

    /// On SchedControl. words: budget, period in microseconds (equal: round robin with that time slice); caps: SchedContext.
    SchedControlConfigure = 50,
    /// caps: Thread or Notification.
    SchedContextBind = 51,
    SchedContextUnbind = 52,
    /// On SchedControl. caps: SchedContext, its parent from now on (none: no parent). Whoever runs on the context then uses up
    /// the parent's budget too, and stops while that is used up. IllegalOperation: the context has children; RangeError: the
    /// tree would be more than 8 levels deep. The children of a context that is destroyed go to its parent.
    SchedControlSetParent = 54,
    /// returns: consumed since the last call, in time-stamp ticks: low, high; with all that is below it in the tree.
    SchedContextConsumed = 53,

    /// words: address, rights, MapFlag bits; caps: AddressSpace. The mapping is a child capability of this one, kept by
    /// the page table: many mappings of one Frame capability may exist. DeleteFirst if something else is mapped there,
    /// FailedLookup if there is no page table.
    FrameMap = 60,
    /// returns: physical address.
    FrameGetAddress = 61,
    /// words: address; caps: AddressSpace.
    PageTableMap = 62,
    /// Removes it from its AddressSpace, and every mapping in it.
    PageTableUnmap = 63,
    /// words: address, pages. Absent pages are passed over. returns: number unmapped.
    AddressSpaceUnmap = 64,
    /// words: address, pages, rights: sets the rights of present mappings, never above their capability's. returns: number.
    AddressSpaceProtect = 65,
    /// words: source address, destination address, pages, rights mask, restrict source too (0/1); caps: source AddressSpace.
    /// Copies present mappings, as children of the same Frame capability, with rights & mask. Where no page table is in
    /// the destination or something is mapped, stops. With the last word 1 the source mappings lose the same rights.
    /// returns: pages gone through, mappings copied.
    AddressSpaceCopyRange = 66,
    /// words: address; returns: rights (0: not mapped), physical address.
    AddressSpaceQuery = 67,

    /// On IrqControl. words: interrupt line 0..15, destination slot (raw); caps: destination CNode.
    IrqControlGet = 70,
    IrqHandlerAcknowledge = 71,
    /// caps: notification.
    IrqHandlerSetNotification = 72,
    IrqHandlerClear = 73,

    /// On IoPortControl. words: first port, last port, destination slot (raw); caps: destination CNode.
    IoPortControlIssue = 80,
    /// words: port, size 1 2 4; returns: value.
    IoPortsIn = 81,
    /// words: port, size, value.
    IoPortsOut = 82,
    /// words: port, count, then count bytes packed (at most 240): written one after the other to an 8-bit port.
    IoPortsOutBytes = 83,

    // Call on a Reply object that has a caller.
    /// words: offset in the caller's readable buffer, local address, bytes (at most 64 KiB). returns: bytes copied, fault address
    /// in the caller's space (0: none), fault address in the local space (0: none).
    ReplyBulkRead = 90,
    /// words: offset in the caller's writable buffer, local address, bytes; returns: as BulkRead.
    ReplyBulkWrite = 91,
    /// words: new label, new length (at most 8), then the words; caps: endpoint. Hands the caller on: its call now waits on that endpoint with
    /// this message and that capability's badge, its buffers as declared. Words 0 and 1 cannot be changed by the caller
    /// meanwhile, later words can (they lie in its IPC buffer).
    ReplyForward = 92,
    /// returns: 1 if a caller waits.
    ReplyStatus = 93,

    // On Debug, a boot-time capability.
    /// words: count, bytes packed: to the kernel's log port.
    DebugWrite = 100,
    /// words: index of the first entry wanted; returns: index of the first one given, next index, then TraceEntry items (up to 7).
    DebugTrace = 101,
    /// words: n; returns: DebugThread of the n-th thread; RangeError past the last.
    DebugThread = 102,
    /// Checks the kernel's invariants; returns: 0 or the number of the first that fails.
    DebugCheck = 103,
    /// words: value. Ends QEMU through isa-debug-exit.
    DebugExit = 104,
    /// returns: counts: threads, free slots unknown (0), time-stamp ticks per millisecond, idle ticks low, high.
    DebugCounts = 105,
    /// returns, and begins anew: time stamps (low words) of the first and the last time that the kernel looked for interrupts in
    /// the middle of an operation (0: never), and the longest stretch between two of them.
    DebugLatency = 106,
};

namespace mint_flag {
inline constexpr Word watched = 1; ///< see CNodeBindNoSenders
} // namespace mint_flag

namespace map_flag {
inline constexpr Word uncached = 1;
} // namespace map_flag

/// Segment selectors of user threads; GDT entries 6..8 are the TLS entries of ThreadSetTls (selectors 0x33, 0x3b, 0x43).
/// Registers::fs 0 in WriteRegisters means `ipc_buffer`; a selector that user mode cannot load becomes null.
namespace selector {
inline constexpr Word user_code = 0x73, user_data = 0x7b, ipc_buffer = 0x93, tls_first = 0x33;
} // namespace selector

enum class ThreadState : Word {
    Inactive,
    Running,
    BlockedOnSend,
    BlockedOnReceive,
    BlockedOnReply,
    BlockedOnNotification,
    Idle
};

/// Label of a fault message. It arrives like a Call: answering its Reply with label 0 resumes the thread.
/// Labels of protocols start at 64 (protocol number << 6 | operation).
enum class Fault : Word {
    /// words: address, error code (bit 0 protection, 1 write, 2 user, 4 fetch), eip.
    Page = 1,
    /// words: vector, error code, eip, esp, eflags. Answer with 3 words eip, esp, eflags to change them.
    Exception = 2,
    /// words: capability pointer, eip: the CSpace or IPC buffer of the thread is unusable.
    Capability = 3,
};

struct TraceEntry {
    Word time_low, thread, event, a, b, c, d, e;
};
/// `waiting_on`: the endpoint or notification it waits on; BlockedOnReply: the endpoint it called. `receives_on`: the endpoint it last
/// received on, 0: never. Numbers that say which are the same, nothing else.
struct DebugThread {
    Word id, state, priority, waiting_on, waiting_object_type, name[4], receives_on;
};

/// Where the boot-time capabilities lie in root's CNode (radix 12, guard: the remaining bits, zero).
namespace boot_slot {
inline constexpr Word thread = 1, cnode = 2, address_space = 3, irq_control = 4, io_port_control = 5, sched_control = 6,
                      debug = 7, boot_info_frame = 8, ipc_buffer_frame = 9, sched_context = 10, image_page_tables = 16,
                      first_untyped = 32;
inline constexpr Word cnode_radix = 12;
} // namespace boot_slot

/// One range of physical memory given to root as an Untyped. Device memory (also the boot modules) is never zeroed by Retype.
struct BootUntyped {
    Address physical;
    std::uint8_t size_bits;
    std::uint8_t is_device;
    std::uint16_t reserved;
};
struct BootModule {
    Address physical;
    Word length;
    char name[56];
};
static_assert(sizeof(BootModule) == 64);

/// The page at boot_info_address in root's address space.
struct BootInfo {
    Word magic;         ///< boot_info_magic
    Word untyped_count; ///< slots first_untyped...
    Word module_count;  ///< the first module, root itself, is not listed
    Word first_free_slot;
    Word memory_bytes;
    Word tsc_per_millisecond;
    Address image_end; ///< first address after root's image, buffers and this page
    Word reserved;
    BootUntyped untypeds[160];
    BootModule modules[28];
    char command_line[512];
};
inline constexpr Word boot_info_magic = 0x43454c4c;
inline constexpr Address boot_info_address = 0x00100000;
inline constexpr Address root_ipc_buffer_address = 0x00101000;
static_assert(sizeof(BootInfo) <= page_size);

} // namespace abi
