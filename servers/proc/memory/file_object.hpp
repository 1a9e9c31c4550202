// What can be mapped beside private anonymous memory: a file whose page frames its server hands out (File::Page), cached once
// for all processes, or anonymous shared memory.
#pragma once
#include "../../../libipc/proto/file.hpp"
#include "account.hpp"
#include <map>
#include <memory>

namespace proc {

/// Where files' pages come from: their servers in the guest, plain buffers in host tests.
class PageSource {
public:
    virtual ~PageSource() = default;
    struct Fetched {
        CapabilityPointer frame;
        Word valid_bytes;
    };
    /// Fails beyond the end of the file. The capability is the caller's.
    virtual Result<Fetched> page(CapabilityPointer file, Word index, bool shared_write) = 0;
    virtual Result<proto::FileStatus> status(CapabilityPointer file) = 0;
    /// Nobody may open the file for writing, or may again. Errors: TextBusy (somebody has).
    virtual Status deny_write(CapabilityPointer file, bool deny) = 0;
    /// Another attachment of what `attachment` is one of (File::Reopen); owned by the caller.
    virtual Result<CapabilityPointer> attach_again(CapabilityPointer) { return fail(Error::NotSupported); }
};

/// The capability that stands for one attachment of a shared memory segment (shmat(2)): the parts of one mapping share it, and when the last of them has
/// gone its owner hears of that.
class Attachment {
public:
    /// Takes the capability over. One reference.
    Attachment(Kernel& kernel, CapabilityPointer capability) : kernel_{kernel}, capability_{capability} {}
    void share() { ++references_; }
    void release() {
        if (--references_ != 0) return;
        kernel_.drop(capability_);
        delete this;
    }
    [[nodiscard]] CapabilityPointer capability() const { return capability_; }

private:
    ~Attachment() = default;
    Kernel& kernel_;
    CapabilityPointer capability_;
    Word references_ = 1;
};

class FileCache;

class FileObject {
public:
    /// The page, fetched the first time and kept. `writable`: for a shared mapping that may write. Fails beyond the end of the file.
    Result<Page*> page(Word index, bool writable);
    /// The same if it is here already, else null.
    Page* cached(Word index, bool writable) const;
    /// Where page `index` lies in proc's window if its neighbours in the same 1 MiB lie beside it; null: nowhere.
    std::byte const* window(Word index, bool writable) const;
    /// Copies a page's bytes (at most a page). Fault: the file was truncated meanwhile.
    Status copy(Page& page, Word offset, std::span<std::byte> target);
    /// From the file; returns how much there was before its end.
    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> target);
    /// The frame has been taken away by its server (truncation).
    void forget(Page& page);
    void share() { ++references_; }
    /// It is run: as long as it is referenced, nobody may write to it. Errors: TextBusy.
    Status run();
    void release();
    /// For the mapping's copy in a forked process: an attachment of its own, or another reference of this one if none is to be had.
    Attachment* attach_again(Attachment& attachment);
    [[nodiscard]] CapabilityPointer file() const { return file_; }
    /// As of the last open.
    [[nodiscard]] proto::FileStatus const& status() const { return status_; }
    [[nodiscard]] bool anonymous() const { return file_ == 0; }

private:
    friend class FileCache;
    struct Segment { ///< 1 MiB of the file
        std::byte* window = nullptr;
        std::array<Page, chunk_pages> pages;
    };
    using Segments = std::map<Word, std::unique_ptr<Segment>>;
    using AnonymousPages = std::map<Word, std::unique_ptr<std::array<Page*, chunk_pages>>>;
    explicit FileObject(FileCache& cache) : cache_{cache} {}
    ~FileObject();
    Page* slot(Segments const& segments, Word index) const;
    Result<Page*> make_slot(Segments& segments, Word index);
    void drop(Segments& segments);
    Result<Page*> anonymous_page(Word index);

    FileCache& cache_;
    CapabilityPointer file_ = 0;       ///< owned
    CapabilityPointer write_file_ = 0; ///< opened for writing, owned; 0: none
    Account* account_ = nullptr;       ///< of anonymous shared memory
    proto::FileStatus status_{};
    Word references_ = 0;
    bool running_ = false; ///< writing is denied
    Segments pages_, writable_pages_;
    AnonymousPages anonymous_pages_;
};

class FileCache {
public:
    FileCache(Kernel& kernel, PageSource& source) : kernel_{kernel}, source_{source} {}
    ~FileCache();
    /// The object of an open file, one reference added. Takes the capability over, also when it fails. for_write: it is to
    /// be mapped shared and writable, and open for that.
    Result<FileObject*> open(CapabilityPointer file, bool for_write = false);
    /// Shared anonymous memory, one reference.
    FileObject& create_anonymous(Account& account);
    /// Drops the files that nobody maps (a few are kept for the next exec).
    void purge();
    [[nodiscard]] std::size_t size() const { return objects_.size(); }

private:
    friend class FileObject;
    void unused(FileObject& object);
    void probe_unused();
    void destroy(FileObject& object);
    static constexpr std::size_t keep = 4;
    Kernel& kernel_;
    PageSource& source_;
    std::vector<FileObject*> objects_, unused_; ///< unused_: oldest first, also in objects_
    std::size_t next_probe_ = 0;
};

} // namespace proc
