// PageStore over root's memory: each chunk is an Untyped of 1 MiB; its first page is a CNode that holds the frames of the
// other 255.
#pragma once
#include "ipc/objects.hpp"
#include "page_store.hpp"
#include "proto/memory.hpp"

namespace vfs {

class FrameStore final : public PageStore {
public:
    /// `memory`: root's. The pages appear from `window` on.
    FrameStore(ipc::Cap<proto::Memory> memory, abi::Address window, std::uint32_t maximum_chunks);

private:
    bool grow(std::uint32_t chunk) override;
    void shrink(std::uint32_t chunk) override;
    bool map(std::uint32_t chunk, std::uint32_t index) override;
    Result<Slot> lend_frame(std::uint32_t chunk, std::uint32_t index, bool writable) override;
    void revoke_frame(std::uint32_t chunk, std::uint32_t index) override;

    struct Chunk {
        Slot untyped, cnode;
        std::uint32_t number;
    };
    ipc::Cap<proto::Memory> memory_;
    abi::Address window_;
    std::vector<Chunk> chunks_;
    std::vector<Slot> tables_; ///< page table of each 4 MiB of the window, made when first needed
    Slot passage_, lent_;      ///< a frame on its way through this CSpace; the one lent last
    bool lent_full_ = false;
};

} // namespace vfs
