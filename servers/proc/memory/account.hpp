// A domain's memory: chunks from root, the frames and kernel objects made from them, and the pools in which what is no
// longer in use waits for the next process of the domain.
#pragma once
#include "../machine/machine.hpp"
#include <array>
#include <vector>

namespace proc {

class MemorySpace;
class Account;
class FileObject;
struct Chunk;

/// One page of memory that address spaces map: an account's frame, or a file's.
struct Page {
    std::byte* data = nullptr;       ///< in proc's window; a file's page: null until somebody needs to read it
    CapabilityPointer frame = 0;
    Word references = 0;             ///< mappings in address spaces' tables, and its FileObject if it has one
    Word index = 0;                  ///< a file's page: which
    Account* account = nullptr;      ///< whose frame it is; null: a file's
    FileObject* file = nullptr;
    Page* next = nullptr;            ///< in the free list
    bool zero = false;               ///< free list: known to be all zero
    Word valid_bytes = 0;            ///< a file's page: how much of it lies in the file
};

class Account {
public:
    /// limit in bytes, 0: none.
    Account(Kernel& kernel, std::uint64_t limit);
    ~Account();
    Account(Account const&) = delete;
    Account& operator=(Account const&) = delete;

    /// A frame with one reference; zeroed if `zero`, else with anything in it (never let it be seen before it is overwritten).
    /// NoMemory: the limit or root's store is reached (refused_ counts it).
    Result<Page*> take_page(bool zero);
    void reference(Page& page) { ++page.references; }
    /// One reference less; the last frees it (also a page of a file).
    static void release(Page& page);

    /// A kernel object from the pool or made now; counted. NoMemory.
    Result<CapabilityPointer> take_object(abi::ObjectType type, Word size_bits);
    /// Back into the pool: it must be as good as new for the next user.
    void give_object(abi::ObjectType type, Word size_bits, CapabilityPointer object);

    /// Empty address spaces with their tables, for MemorySpace alone.
    std::vector<MemorySpace*> spaces;
    /// Pools of the machine.
    KernelCSpace* cspaces = nullptr;
    KernelThread* threads = nullptr;

    [[nodiscard]] std::uint64_t limit() const { return limit_; }
    void set_limit(std::uint64_t bytes) { limit_ = bytes; }
    /// Bytes of frames and objects in use (not what waits in pools).
    [[nodiscard]] std::uint64_t used() const { return used_; }
    [[nodiscard]] std::uint64_t peak() const { return peak_; }
    [[nodiscard]] std::uint64_t refused() const { return refused_; }
    [[nodiscard]] std::uint64_t frames_used() const { return frames_used_; }
    [[nodiscard]] std::uint64_t frames_free() const { return frames_free_; }
    [[nodiscard]] std::size_t chunks() const { return chunks_.size(); }
    [[nodiscard]] Kernel& kernel() const { return kernel_; }
    /// Charged when an object leaves or enters a pool of which the account only keeps the list.
    bool charge(std::uint64_t bytes);
    void uncharge(std::uint64_t bytes) { used_ -= bytes; }
    /// Called when something was refused for want of memory within the limit (on-limit kill): argument as given.
    void (*on_refused)(void* argument, std::uint64_t wanted) = nullptr;
    void* on_refused_argument = nullptr;
    /// Nothing is in use any more: gives every chunk back to root, pools included. Anything still mapped is unmapped by that.
    void clear();
    /// Totals over all accounts, for ProcUsage.
    static inline std::uint64_t total_chunks = 0, total_frames_used = 0, total_frames_free = 0;

private:
    struct Pool { abi::ObjectType type; Word size_bits; std::vector<CapabilityPointer> free; };
    bool grow_frames();
    bool add_chunk();
    Pool& pool(abi::ObjectType type, Word size_bits);

    Kernel& kernel_;
    std::uint64_t limit_, used_ = 0, peak_ = 0, refused_ = 0, frames_used_ = 0, frames_free_ = 0;
    std::vector<Chunk*> chunks_;
    Page* free_ = nullptr;
    std::vector<Pool> pools_;
};

} // namespace proc
