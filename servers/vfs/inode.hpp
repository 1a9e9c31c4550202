// An inode and its data: file pages, symbolic link text, device number or pipe.
#pragma once
#include "locks.hpp"
#include "page_store.hpp"
#include "port.hpp"
#include "quota.hpp"
#include <map>
#include <memory>

namespace vfs {

class FileSystem;
class Pipe;
class LocalSocket;

class Inode : public Counted {
public:
    /// Charged to `domain` and the file system by FileSystem::make, which alone makes inodes.
    Inode(FileSystem& file_system, std::uint32_t number, std::uint32_t mode, Ref<QuotaDomain> domain);
    Inode(Inode const&) = delete;
    Inode& operator=(Inode const&) = delete;
    void unreferenced();

    [[nodiscard]] std::uint32_t type() const { return mode & mode::type; }
    [[nodiscard]] bool is_directory() const { return type() == mode::directory; }
    [[nodiscard]] bool is_regular() const { return type() == mode::regular; }
    [[nodiscard]] bool is_link() const { return type() == mode::link; }
    [[nodiscard]] FileSystem& file_system() const { return *file_system_; }

    /// File data. `offset` and lengths within file_size_maximum. Both go as far as they can and report that.
    Transfer read(std::uint64_t offset, std::uint32_t length, std::uint32_t buffer_offset, Caller& caller);
    /// Errors: Quota, NoSpace if nothing could be written, FileTooBig.
    Result<Transfer> write(std::uint64_t offset, std::uint32_t length, std::uint32_t buffer_offset, Caller& caller);
    /// Same from this server's own memory (boot, symbolic links of it).
    Result<std::uint32_t> write(std::uint64_t offset, std::span<std::byte const> data);
    /// As write, from `source`: pages of the boot image are shared, others copied. Not for source == this.
    Result<std::uint32_t> copy_from(Inode& source, std::uint64_t source_offset, std::uint64_t offset,
                                    std::uint32_t length);
    Error truncate(std::uint64_t size);
    /// The data is this part of the boot image, copied only when written or mapped.
    void set_boot_data(std::uint32_t first_page, std::uint64_t bytes);
    /// A capability of page `index`'s frame and the bytes of it that are file. Errors: Range past the end, NoSpace, Quota.
    Result<Slot> lend(std::uint32_t index, bool writable, std::uint32_t& valid_bytes);

    /// Moves what it is charged for to another domain, never refused.
    void recharge(Ref<QuotaDomain> domain);
    [[nodiscard]] std::uint32_t page_count() const { return page_count_; }
    void modified(std::uint64_t now) { modify_time = change_time = now; }

    std::uint32_t number;
    std::uint32_t mode;
    std::uint32_t user = 0, group = 0;
    std::uint32_t links = 1;
    std::uint32_t device = 0; ///< of a device node, as makedev
    std::uint64_t size = 0;
    std::uint64_t access_time = 0, modify_time = 0, change_time = 0;
    std::uint64_t next_cookie = 3;       ///< of a directory: position of its next entry in getdents64
    std::string target;                  ///< of a symbolic link
    Ref<Pipe> pipe;                      ///< of a FIFO or an anonymous pipe, while somebody has it open
    LocalSocket* local_socket = nullptr; ///< bound to it; the socket keeps the inode
    Ref<QuotaDomain> domain;
    std::unique_ptr<LockList> locks; ///< made with the first lock
    std::uint32_t writers = 0;       ///< open for writing now
    std::uint32_t running = 0;       ///< open as a program that runs: not opened for writing

private:
    static constexpr std::uint32_t leaf_pages = 16;
    using Leaf = std::array<PageId, leaf_pages>;
    [[nodiscard]] PageId page(std::uint32_t index);
    /// The place of the page's number; makes the leaf.
    PageId& place(std::uint32_t index);
    /// A page of the store that may be written. `zero`: content matters if it is new.
    Result<PageId> own_page(std::uint32_t index, bool zero);
    void drop_pages(std::uint32_t first);
    Error charge_page();
    void release_pages(std::uint32_t count);

    Ref<FileSystem> file_system_;
    std::map<std::uint32_t, Leaf> leaves_;
    std::uint32_t cached_number_ = ~0u; ///< of cached_leaf_
    Leaf* cached_leaf_ = nullptr;
    std::uint32_t page_count_ = 0;
};

} // namespace vfs
