// What can be mapped beside private anonymous memory: a file whose page frames its server hands out (File::Page), cached once
// for all processes, or anonymous shared memory.
#pragma once
#include "account.hpp"
#include "proto/file.hpp"
#include <unordered_map>

namespace proc {

/// Where a FileObject's pages come from: its server in the guest, a plain buffer in host tests.
class PageSource {
public:
    virtual ~PageSource() = default;
    struct Fetched { CapabilityPointer frame; Word valid_bytes; };
    /// Fails beyond the end of the file.
    virtual Result<Fetched> page(CapabilityPointer file, Word index, bool shared_write) = 0;
    virtual Result<proto::FileStatus> status(CapabilityPointer file) = 0;
};

class FileCache;

class FileObject {
public:
    /// The page, cached after the first time. `writable`: the frame must carry write right (shared mapping of a writable file).
    /// The reference is the cache's: take one of your own to keep it.
    Result<Page*> page(Word index, bool writable);
    /// If it is cached already.
    Page* cached(Word index);
    /// For reading by proc itself: the page's bytes.
    Result<std::byte const*> bytes(Page& page);
    /// Copies from the file; returns how much there was before its end.
    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer);
    /// The frame has been taken away (truncation).
    void forget(Page& page);
    void share() { ++references_; }
    void release();
    [[nodiscard]] CapabilityPointer file() const { return file_; }
    [[nodiscard]] proto::FileStatus const& status() const { return status_; }
    [[nodiscard]] bool anonymous() const { return file_ == 0; }
private:
    friend class FileCache;
    friend class Account;
    FileObject(FileCache& cache) : cache_{cache} {}
    ~FileObject() = default;
    void drop_pages();
    FileCache& cache_;
    CapabilityPointer file_ = 0;     ///< owned
    Account* account_ = nullptr;     ///< of anonymous shared memory
    proto::FileStatus status_{};
    Word references_ = 0;
    std::unordered_map<Word, Page*> pages_, writable_pages_;
};

class FileCache {
public:
    FileCache(Kernel& kernel, PageSource& source) : kernel_{kernel}, source_{source} {}
    ~FileCache();
    /// The object of an open file, one reference added. Takes the capability over (drops it if the file is known already).
    Result<FileObject*> open(CapabilityPointer file);
    Result<FileObject*> create_anonymous(Account& account);
    /// Drops what nobody maps any more (a few files are kept for the next exec).
    void purge();
private:
    friend class FileObject;
    void unused(FileObject& object);
    void destroy(FileObject& object);
    static constexpr std::size_t keep = 6;
    Kernel& kernel_;
    PageSource& source_;
    std::vector<FileObject*> objects_, unused_;
};

} // namespace proc
