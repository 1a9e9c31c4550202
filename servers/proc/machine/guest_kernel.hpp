// The kernel and root as proc's memory half sees them, in the guest. proc's CSpace gets a root of its own: slot 0 is the CNode that
// root gave, slots 1.. are the CNodes of chunks, each made from the chunk it holds the capabilities of.
#pragma once
#include "../../../libipc/ipc/objects.hpp"
#include "../../../libipc/proto/memory.hpp"
#include "../../../libipc/proto/vfs.hpp"
#include "../memory/file_object.hpp"

namespace proc {

class GuestKernel final : public Kernel {
public:
    /// Gives proc its CSpace root. Failure: no memory for it.
    Status initialize(ipc::Cap<proto::Memory> memory, Word own_radix);
    /// Resolves any capability pointer of proc, as a source of copies: depth 32.
    [[nodiscard]] ipc::object::CNode root() const { return root_; }

    /// A chunk's pages, mapped from `end` on, one after the other: how many bytes. They stay proc's.
    Word extend_heap(std::byte* end);

    Result<ChunkMemory> allocate_chunk() override;
    void release_chunk(ChunkMemory const& chunk) override;
    Status make(ChunkMemory const& chunk, abi::ObjectType type, Word size_bits, Word first, Word count) override;
    std::byte* reserve_window() override;
    void release_window(std::byte* window) override;
    Status map_window(CapabilityPointer frame, std::byte const* place, Word rights) override;
    bool valid(CapabilityPointer frame) override;
    void drop(CapabilityPointer capability) override;
    void destroy(CapabilityPointer object) override { static_cast<void>(root_.remove(object, 32)); }
    Result<CapabilityPointer> duplicate(CapabilityPointer capability) override;
    Status map(CapabilityPointer space, CapabilityPointer frame, Address address, Word rights) override;
    Status map_table(CapabilityPointer space, CapabilityPointer table, Address address) override;
    void unmap_table(CapabilityPointer table) override;
    void unmap(CapabilityPointer space, Address address, Word pages) override;
    Word protect(CapabilityPointer space, Address address, Word pages, Word rights) override;
    void copy_range(CapabilityPointer from, CapabilityPointer to, Address address, Word pages, Word mask,
                    bool restrict) override;
    void copy_window(std::byte const* from, CapabilityPointer to, Address address, Word pages) override;

private:
    static constexpr Word root_radix = 12, below_bits = 32 - root_radix, chunk_radix = 9;
    static constexpr Word window_count = (abi::user_end - ipc::server_address::window) / chunk_bytes;
    static_assert((Word{1} << chunk_radix) == chunk_slots && window_count < (Word{1} << root_radix));
    static Word window_index(std::byte const* window) {
        return (reinterpret_cast<Address>(window) - ipc::server_address::window) / chunk_bytes;
    }

    ipc::object::CNode root_;
    ipc::Cap<proto::Memory> memory_;
    std::uint8_t window_used_[window_count]{}, window_table_[window_count / 4]{};
    Word window_hint_ = 0;
};

/// Pages from the servers that own the files.
class GuestFiles final : public PageSource {
public:
    explicit GuestFiles(ipc::Cap<proto::VfsControl> vfs) : vfs_{vfs} {}
    Result<Fetched> page(CapabilityPointer file, Word index, bool shared_write) override;
    Result<proto::FileStatus> status(CapabilityPointer file) override;
    Status deny_write(CapabilityPointer file, bool deny) override;
    Result<CapabilityPointer> attach_again(CapabilityPointer attachment) override;

private:
    ipc::Cap<proto::VfsControl> vfs_;
};

} // namespace proc
