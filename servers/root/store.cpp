#include "store.hpp"

namespace root {

using abi::Word;

ipc::Result<void> UntypedStore::make(abi::ObjectType type, Word size_bits, abi::CapabilityPointer slot) {
    auto const size = abi::object_size(type, size_bits);
    // Smallest first, so that small objects do not break into the large blocks that chunks are cut from.
    for (Word bits = 4; bits < 32; ++bits) {
        for (Word i = 0; i < boot_.untyped_count; ++i) {
            auto const& untyped = boot_.untypeds[i];
            if (untyped.is_device != 0 || untyped.size_bits != bits || (Word{1} << bits) < size.bytes) { continue; }
            if (ipc::object::Untyped{abi::boot_slot::first_untyped + i}.retype(type, size_bits, ipc::own_cnode(),
                                                                               slot)) {
                return {};
            }
        }
    }
    return ipc::fail(ipc::Error::NoMemory);
}

void ChunkStore::fill(UntypedStore& store, Word untyped_count) {
    for (Word i = 0; i < untyped_count; ++i) {
        if (store.boot().untypeds[i].is_device != 0) { continue; }
        ipc::object::Untyped const untyped{abi::boot_slot::first_untyped + i};
        auto const inspection = untyped.inspect();
        if (!inspection) { continue; }
        // One at a time: the free part begins anywhere, and the first chunk goes to the next whole MiB.
        for (Word left = inspection->free_bytes >> proto::Memory::chunk_bits; left > 0 && count_ < maximum; --left) {
            auto const slot = ipc::slots().take();
            if (slot == 0) { return; }
            if (!untyped.retype(abi::ObjectType::Untyped, proto::Memory::chunk_bits, ipc::own_cnode(), slot)) {
                ipc::slots().give(slot);
                break;
            }
            slots_[count_] = slot;
            free_list_[free_++] = static_cast<std::uint16_t>(count_++);
        }
    }
}

ipc::Result<Word> ChunkStore::allocate(Word owner) {
    if (free_ == 0) { return ipc::fail(ipc::Error::NoMemory); }
    Word const chunk = free_list_[--free_];
    owners_[chunk] = static_cast<std::uint8_t>(owner);
    return chunk;
}

ipc::Result<void> ChunkStore::release(Word chunk, Word owner) {
    if (chunk >= count_ || owners_[chunk] != owner) { return ipc::fail(ipc::Error::NotPermitted); }
    put_back(chunk);
    return {};
}

void ChunkStore::release_all(Word owner) {
    for (Word chunk = 0; chunk < count_; ++chunk) {
        if (owners_[chunk] == owner) { put_back(chunk); }
    }
}

void ChunkStore::put_back(Word chunk) {
    static_cast<void>(ipc::own_cnode().revoke(slots_[chunk]));
    owners_[chunk] = 0;
    free_list_[free_++] = static_cast<std::uint16_t>(chunk);
}

proto::MemoryStatus ChunkStore::status() const {
    constexpr std::uint64_t bytes = std::uint64_t{1} << proto::Memory::chunk_bits;
    return {count_ * bytes, free_ * bytes, 0};
}

} // namespace root
