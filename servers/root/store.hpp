// Root's memory: the Untyped capabilities of the boot, from which servers are built and the 1 MiB chunks of protocol Memory are cut.
#pragma once
#include "ipc/objects.hpp"
#include "proto/memory.hpp"

namespace root {

/// The Untyped capabilities that the kernel handed over at boot, in root's slots.
class UntypedStore {
public:
    explicit UntypedStore(abi::BootInfo const& boot) : boot_{boot} {}

    /// One object of that type in `slot` of root's CNode, from the smallest Untyped with room for it. NoMemory if there is none.
    ipc::Result<void> make(abi::ObjectType type, abi::Word size_bits, abi::CapabilityPointer slot);

    /// Calls `each(slot, physical, size_bits)` for every device Untyped inside [physical, physical + length), in the order of addresses.
    template <class Each>
    void for_devices(abi::Address physical, abi::Word length, Each each) const {
        for (abi::Address at = physical; at < physical + length;) {
            abi::Word found = boot_.untyped_count;
            for (abi::Word i = 0; i < boot_.untyped_count; ++i) {
                if (boot_.untypeds[i].is_device != 0 && boot_.untypeds[i].physical == at) { found = i; }
            }
            if (found == boot_.untyped_count) { return; }
            each(abi::boot_slot::first_untyped + found, at, abi::Word{boot_.untypeds[found].size_bits});
            at += abi::Word{1} << boot_.untypeds[found].size_bits;
        }
    }

    abi::BootInfo const& boot() const { return boot_; }

private:
    abi::BootInfo const& boot_;
};

/// The chunks of protocol Memory. Root keeps each chunk's first capability; owners get copies, which Release revokes.
class ChunkStore {
public:
    static constexpr abi::Word maximum = 1024;

    /// Cuts all memory that is left in the store into chunks.
    void fill(UntypedStore& store, abi::Word untyped_count);
    /// Number of a free chunk, now `owner`'s; NoMemory if there is none.
    ipc::Result<abi::Word> allocate(abi::Word owner);
    /// NotPermitted if the chunk is not `owner`'s. Every object made from it is gone afterwards.
    ipc::Result<void> release(abi::Word chunk, abi::Word owner);
    /// After a server's death.
    void release_all(abi::Word owner);
    [[nodiscard]] abi::CapabilityPointer slot(abi::Word chunk) const { return slots_[chunk]; }
    [[nodiscard]] proto::MemoryStatus status() const;

private:
    void put_back(abi::Word chunk);
    abi::CapabilityPointer slots_[maximum] = {};
    std::uint8_t owners_[maximum] = {}; ///< 0: free
    std::uint16_t free_list_[maximum] = {};
    abi::Word count_ = 0, free_ = 0;
};

} // namespace root
