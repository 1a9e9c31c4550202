// What proc's memory half asks of the kernel and of root: chunks, objects made from them, mappings. Abstract, so that
// accounts and address spaces run in host tests over FakeKernel (fake_kernel.hpp).
#pragma once
#include "../../../libipc/ipc/method.hpp"
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
    Word number = 0; ///< root's
    CapabilityPointer untyped = 0;
    CapabilityPointer node = 0; ///< capability pointer of its slot 0
    CapabilityPointer node_capability = 0;
    std::byte* window = nullptr; ///< 1 MiB, from reserve_window
};
inline constexpr Word chunk_slots = 512;
inline constexpr Word chunk_bytes = 1 << 20;
inline constexpr Word chunk_pages = chunk_bytes / abi::page_size;

class Kernel {
public:
    virtual ~Kernel() = default;
    /// NoMemory: root has none left.
    virtual Result<ChunkMemory> allocate_chunk() = 0;
    /// Everything made from it is gone afterwards.
    virtual void release_chunk(ChunkMemory const& chunk) = 0;
    /// Makes `count` zeroed objects in the slots node + first... NoMemory: the chunk is too full for that.
    virtual Status make(ChunkMemory const& chunk, abi::ObjectType type, Word size_bits, Word first, Word count) = 0;

    /// 1 MiB of proc's own address space, aligned, with page tables and nothing mapped. Null: none left.
    virtual std::byte* reserve_window() = 0;
    /// Whatever was mapped there goes with the capabilities it was mapped by.
    virtual void release_window(std::byte* window) = 0;
    virtual Status map_window(CapabilityPointer frame, std::byte const* place, Word rights) = 0;
    /// Does the capability (of a frame of a file) still exist?
    virtual bool valid(CapabilityPointer frame) = 0;
    /// Deletes a capability of proc's own CSpace and frees its slot.
    virtual void drop(CapabilityPointer capability) = 0;
    /// Ends an object made with make(); its slot and memory come back with the chunk.
    virtual void destroy(CapabilityPointer object) = 0;
    virtual Result<CapabilityPointer> duplicate(CapabilityPointer capability) = 0;

    /// rights: abi::right::read | write. Exists: something is mapped there. NoEntry: the capability is gone.
    virtual Status map(CapabilityPointer space, CapabilityPointer frame, Address address, Word rights) = 0;
    virtual Status map_table(CapabilityPointer space, CapabilityPointer table, Address address) = 0;
    virtual void unmap_table(CapabilityPointer table) = 0;
    virtual void unmap(CapabilityPointer space, Address address, Word pages) = 0;
    /// Returns how many of the pages were mapped.
    virtual Word protect(CapabilityPointer space, Address address, Word pages, Word rights) = 0;
    /// Copies present mappings to the same addresses with rights & mask; restrict: the source loses those rights too.
    virtual void copy_range(CapabilityPointer from, CapabilityPointer to, Address address, Word pages, Word mask,
                            bool restrict) = 0;
    /// Copies present mappings of proc's window, read-only.
    virtual void copy_window(std::byte const* from, CapabilityPointer to, Address address, Word pages) = 0;
};

} // namespace proc
