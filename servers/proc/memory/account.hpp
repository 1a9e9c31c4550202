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
    std::byte* data =
        nullptr; ///< in proc's window. A file's page may be revoked at any time: read it by FileObject::copy
    CapabilityPointer frame = 0; ///< 0: a file's page that is not here
    Word references = 0;         ///< how many tables (and owners) hold it
    Account* account = nullptr;  ///< whose frame it is; null: a file's
    Chunk* chunk = nullptr;      ///< an account's frame: what it was made from
    FileObject* file = nullptr;
    Page* next = nullptr;  ///< in the free list
    Word valid_bytes = 0;  ///< a file's page: how much of it lies in the file
    bool zero = false;     ///< free list: known to be all zero
    bool writable = false; ///< a file's page: the frame may be written
    bool hot = false;      ///< has been copied on a write since a fork: the next fork copies it at once
};

class Account {
public:
    /// limit in bytes, 0: none.
    Account(Kernel& kernel, std::uint64_t limit);
    ~Account();
    Account(Account const&) = delete;
    Account& operator=(Account const&) = delete;

    /// A frame with one reference; zeroed if `zero`, else with anything in it (never let it be seen before it is overwritten).
    /// NoMemory: the limit or root's store is reached (on_refused is called).
    Result<Page*> take_page(bool zero);
    /// A chunk of frames alone that are all free goes back to root once there are spare_frames others.
    static constexpr std::uint64_t spare_frames = 256;
    /// One reference less; the last frees an account's page (a file's stays in its cache).
    static void release(Page& page) {
        if (--page.references == 0 && page.account != nullptr) page.account->free_page(page);
    }

    /// A kernel object from the pool or made now; counted. NoMemory.
    Result<CapabilityPointer> take_object(abi::ObjectType type, Word size_bits);
    /// Back into the pool: it must be as good as new for the next user.
    void give_object(abi::ObjectType type, Word size_bits, CapabilityPointer object);

    /// Empty address spaces with their tables, for MemorySpace alone.
    std::vector<MemorySpace*> spaces;
    /// Pools of the machine.
    KernelCSpace* cspaces = nullptr;
    KernelThread* threads = nullptr;
    std::size_t idle_threads = 0; ///< in the pool
    std::size_t all_threads = 0;  ///< made, the idle ones included
    /// The pools are longer than is worth keeping.
    [[nodiscard]] bool overfull() const { return idle_threads > idle_maximum && idle_threads > all_threads / 2; }
    /// Gives memory back to root: of each pool all but the first `keep`, then every chunk in which nothing is in use.
    void trim(std::size_t keep = 0);
    static constexpr std::size_t idle_maximum = 96, idle_kept = 32;
    /// Every account there is: when root has no chunk left, what others keep idle is given back first.
    static inline std::vector<Account*> all;

    [[nodiscard]] std::uint64_t limit() const { return limit_; }
    void set_limit(std::uint64_t bytes) { limit_ = bytes; }
    /// Bytes of frames and objects in use (not what waits in pools).
    [[nodiscard]] std::uint64_t used() const { return used_; }
    [[nodiscard]] std::uint64_t peak() const { return peak_; }
    [[nodiscard]] std::uint64_t refused() const { return refused_; }
    [[nodiscard]] std::size_t chunks() const { return chunks_.size(); }
    [[nodiscard]] Kernel& kernel() const { return kernel_; }
    /// Something put together leaves its pool again (false: the limit forbids it), or enters it. `frames` of the bytes are frames.
    bool charge(std::uint64_t bytes, Word frames = 0);
    void uncharge(std::uint64_t bytes, Word frames = 0);
    /// Called when something was refused, with the bytes asked for (on-limit kill).
    void (*on_refused)(void* argument, std::uint64_t wanted) = nullptr;
    void* on_refused_argument = nullptr;
    /// No process of the domain is left: gives every chunk back to root, pools included.
    void clear();
    /// proc's own heap has no `bytes` in one piece: nothing that would make records for programs may start. Who can be refused
    /// first (a new process) asks for the most. Null (host tests): there is always enough.
    static inline bool (*heap_low)(std::size_t bytes) = nullptr;
    static constexpr std::size_t heap_for_chunk = 64 << 10, heap_for_mapping = 256 << 10, heap_for_process = 3 << 20;
    static bool short_of_heap(std::size_t bytes = heap_for_mapping) { return heap_low != nullptr && heap_low(bytes); }
    /// Told of pooled threads that are deleted with their account.
    static inline void (*on_thread_deleted)(KernelThread& thread) = nullptr;
    /// Over all accounts, for ProcUsage.
    static inline std::uint64_t total_chunks = 0, total_frames_used = 0, total_frames_free = 0;

private:
    friend class MemorySpace;
    struct Pool {
        abi::ObjectType type;
        Word size_bits;
        std::vector<CapabilityPointer> free;
    };
    void free_page(Page& page);
    bool allowed(std::uint64_t bytes);
    void count(std::uint64_t bytes);
    bool grow_frames();
    bool make_frames(Chunk& chunk, Word count);
    Chunk* add_chunk();
    void release_chunk(Chunk& chunk);
    void destroy(CapabilityPointer object);
    Pool& pool(abi::ObjectType type, Word size_bits);

    Kernel& kernel_;
    std::uint64_t limit_, used_ = 0, peak_ = 0, refused_ = 0;
    std::uint64_t frames_free_ = 0;
    std::vector<Chunk*> chunks_;
    std::size_t hint_ = 0; ///< no chunk before this one has a free frame
    std::vector<Pool> pools_;
};

} // namespace proc
