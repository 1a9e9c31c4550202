#include "memory_blocks.hpp"

namespace netns {

using ipc::own_cnode;

ipc::Result<abi::CapabilityPointer> MemoryBlocks::take() {
    for (auto& chunk : chunks_) {
        for (std::uint32_t i = 0; i < blocks_per_chunk; ++i) {
            if ((chunk.used >> i & 1) == 0) {
                chunk.used |= 1U << i;
                return chunk.blocks[i];
            }
        }
    }
    auto const allocated = ipc::call<proto::Memory::Allocate>(memory_);
    if (!allocated) { return ipc::fail(allocated.error()); }
    auto const [untyped, number] = *allocated;
    Chunk chunk{untyped.slot, number, {}, 1};
    for (std::uint32_t i = 0; i < blocks_per_chunk; ++i) {
        auto const block = ipc::make_object(abi::ObjectType::Untyped, block_bits, ipc::object::Untyped{untyped.slot});
        if (!block) {
            while (i-- != 0) { ipc::release_slot(chunk.blocks[i]); }
            ipc::release_slot(untyped.slot);
            static_cast<void>(ipc::call<proto::Memory::Release>(memory_, number));
            return ipc::fail(block.error());
        }
        chunk.blocks[i] = *block;
    }
    chunks_.push_back(chunk);
    return chunk.blocks[0];
}

void MemoryBlocks::give(abi::CapabilityPointer block) {
    static_cast<void>(own_cnode().revoke(block));
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
        auto& chunk = chunks_[i];
        for (std::uint32_t k = 0; k < blocks_per_chunk; ++k) {
            if (chunk.blocks[k] == block) { chunk.used &= ~(1U << k); }
        }
        if (chunk.used == 0) {
            for (auto const slot : chunk.blocks) { ipc::release_slot(slot); }
            ipc::release_slot(chunk.slot);
            static_cast<void>(ipc::call<proto::Memory::Release>(memory_, chunk.number));
            chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(i));
            return;
        }
    }
}

} // namespace netns
