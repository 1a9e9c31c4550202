// What proc's memory half asks of the kernel and of root: chunks, objects made from them, mappings. Abstract, so that
// accounts and address spaces run in host tests over FakeKernel (fake.hpp).
#pragma once
#include "ipc/method.hpp"
#include "../../../microkernel/abi/objects.hpp"

namespace proc {

using abi::Address;
using abi::CapabilityPointer;
using abi::Word;
using ipc::Error;
using ipc::fail;
using ipc::Result;
using Status = Result<ipc::Unit>;
inline Status done() { return ipc::Unit{}; }

/// 1 MiB of memory from root. Objects made from it get the slots node+0, node+1, ... (at most `chunk_slots`), its frames
/// appear one after the other from `window`.
struct ChunkMemory {
    Word number = 0;                 ///< root's
    CapabilityPointer untyped = 0;
    CapabilityPointer node = 0;      ///< capability pointer of its slot 0
    CapabilityPointer node_capability = 0;
    Word index = 0;                  ///< of its place in the window
    std::byte* window = nullptr;
};
inline constexpr Word chunk_slots = 512;
inline constexpr Word chunk_bytes = 1 << 20;

class Kernel {
public:
    virtual ~Kernel() = default;
    /// NoMemory: root has none left.
    virtual Result<ChunkMemory> allocate_chunk() = 0;
    /// Everything made from it is gone afterwards.
    virtual void release_chunk(ChunkMemory const& chunk) = 0;
    /// Makes `count` zeroed objects in the slots node + first... NoMemory: the chunk is too full for that.
    virtual Status make(ChunkMemory const& chunk, abi::ObjectType type, Word size_bits, Word first, Word count) = 0;
    /// Maps a frame read/write in proc's window at chunk.window + index * 4096.
    virtual Status map_window(ChunkMemory const& chunk, CapabilityPointer frame, Word index) = 0;
    /// Maps a frame of a file read-only in proc's window.
    virtual Result<std::byte const*> map_file_window(CapabilityPointer frame) = 0;
    /// The place is free again; the mapping goes with the frame's capability.
    virtual void unmap_file_window(std::byte const* place) = 0;
    /// Deletes proc's capability of a file's frame and frees its slot.
    virtual void drop(CapabilityPointer capability) = 0;

    /// rights: abi::right::read | write. NoEntry: there is no page table. Exists: something else is mapped there.
    virtual Status map(CapabilityPointer space, CapabilityPointer frame, Address address, Word rights) = 0;
    virtual Status map_table(CapabilityPointer space, CapabilityPointer table, Address address) = 0;
    virtual void unmap(CapabilityPointer space, Address address, Word pages) = 0;
    virtual void protect(CapabilityPointer space, Address address, Word pages, Word rights) = 0;
    /// Copies present mappings with rights & mask; restrict: the source loses those rights too. The kernel may stop early: returns when done.
    virtual void copy_range(CapabilityPointer from, CapabilityPointer to, Address address, Word pages, Word mask, bool restrict) = 0;
    virtual void copy_range_to(CapabilityPointer from, Address source, CapabilityPointer to, Address destination, Word pages, Word mask) = 0;
};

} // namespace proc
