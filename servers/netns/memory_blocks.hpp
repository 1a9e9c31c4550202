// Blocks of Untyped memory for stacks and rings, cut from root's chunks of 1 MiB and given back when a chunk is whole again.
#pragma once
#include "ipc/objects.hpp"
#include "proto/memory.hpp"
#include <vector>

namespace netns {

class MemoryBlocks {
public:
    static constexpr abi::Word block_bits = 18, blocks_per_chunk = 1 << (proto::Memory::chunk_bits - block_bits);
    explicit MemoryBlocks(ipc::Cap<proto::Memory> memory) : memory_{memory} {}

    /// Slot of an Untyped of 256 KiB with nothing made from it. NoMemory.
    ipc::Result<abi::CapabilityPointer> take();
    /// Everything made from it is gone afterwards.
    void give(abi::CapabilityPointer block);

private:
    struct Chunk {
        abi::CapabilityPointer slot;
        std::uint32_t number;
        abi::CapabilityPointer blocks[blocks_per_chunk];
        std::uint32_t used; ///< bit per block
    };
    ipc::Cap<proto::Memory> memory_;
    std::vector<Chunk> chunks_;
};

} // namespace netns
