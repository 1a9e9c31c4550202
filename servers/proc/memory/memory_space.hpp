// The address space of a Linux process: its mappings, the pages present, and the kernel objects under them. proc is the
// pager: a page is here first and in the kernel's tables second. A page that is here may be missing there, or have fewer
// rights there than it could: the next fault puts that right.
#pragma once
#include "file_object.hpp"
#include "page_map.hpp"
#include <map>
#include <string>
#include <vector>

namespace proc {

namespace protection {
inline constexpr Word read = 1, write = 2, execute = 4;
} // namespace protection
/// Flags of mmap(2), i386.
namespace map_flag {
inline constexpr Word shared = 1, private_mapping = 2, shared_validate = 3, type_mask = 15, fixed = 0x10,
                      anonymous = 0x20, grows_down = 0x100, populate = 0x8000, fixed_no_replace = 0x100000;
} // namespace map_flag

/// One mapping: [start, end) with one protection and one origin.
struct Mapping {
    enum class Kind : std::uint8_t { Other, Heap, Stack };
    Address start = 0, end = 0;
    Word protection = 0;
    Word page_offset = 0;       ///< of `start` in the file
    FileObject* file = nullptr; ///< referenced; null: private anonymous
    Address file_end =
        0; ///< private file mapping: from here on the page reads as zero (an ELF segment); 0: no such bound
    bool shared = false;
    bool may_write = true; ///< shared: the file was open for writing; mprotect(2) gives the right to write no other
    Kind kind = Kind::Other;
    Attachment* attachment = nullptr; ///< referenced: the mapping is one of System V shared memory

    [[nodiscard]] bool readable() const { return protection != 0; }
    [[nodiscard]] bool writable() const { return (protection & protection::write) != 0; }
    [[nodiscard]] Word file_page(Address address) const { return page_offset + (address - start) / abi::page_size; }
};

enum class FaultOutcome { Resolved, NotMapped, NotAllowed, BeyondFile, OutOfMemory };

class MemorySpace {
public:
    /// Empty but for the vDSO, thread area 0 and descriptor table 0, whose contents are undefined but for what belonged to the
    /// same account. One reference. NoMemory.
    static Result<MemorySpace*> create(Account& account);
    /// A copy, copy-on-write; thread area `area` and descriptor table `files` of this space become area 0 and table 0 of the
    /// child (contents copied, but not the vDSO's stack). `stack`: the caller's stack pointer, whose page is copied at once.
    Result<MemorySpace*> fork(Word area, Word files, Address stack);
    void share() { ++references_; }
    /// At the last: everything unmapped, pages freed, the empty space back to the account's pool.
    void release();
    [[nodiscard]] Word references() const { return references_; }
    [[nodiscard]] Account& account() const { return *account_; }
    /// The pages of the vDSO's image, mapped in every space.
    static inline std::vector<Page*> vdso_pages;
    MemorySpace(MemorySpace const&) = delete;
    MemorySpace& operator=(MemorySpace const&) = delete;

    // --- thread areas and descriptor tables (linux_process layout) ---
    /// Again or NoMemory.
    Result<Word> add_area();
    void remove_area(Word number);
    /// In proc's window. Everything but what proc itself has just written is the process's word.
    [[nodiscard]] linux_process::ThreadArea& area(Word number) const;
    [[nodiscard]] abi::IpcBuffer& buffer(Word number) const;
    static Address area_address(Word number) { return linux_process::area_base + number * linux_process::area_size; }
    [[nodiscard]] SpaceBinding binding(Word area) const;
    /// Another descriptor table in this space (vfork child), a copy of table `from`.
    Result<Word> add_files(Word from);
    void remove_files(Word number);
    static Address files_address(Word number) { return linux_process::files_base + number * linux_process::files_size; }
    /// One past the highest open descriptor as the table says, never above descriptor_maximum.
    [[nodiscard]] Word files_highest(Word number) const;
    /// All zero beyond what is there.
    [[nodiscard]] linux_process::Descriptor descriptor(Word files, Word number) const;
    Status set_descriptor(Word files, Word number, linux_process::Descriptor const& value);
    void set_files_limit(Word files, Word limit);
    /// An empty table with room for `limit` descriptors.
    void clear_files(Word files, Word limit);
    /// Table 0 becomes a copy of another space's (exec after vfork).
    Status copy_files_from(MemorySpace const& other, Word files);

    // --- Linux's calls; arguments are checked here ---
    /// The new break, or the old one if it cannot be (brk(2) as the kernel has it).
    Address set_break(Address address);
    /// Takes references of its own of `file` and `attachment`. may_write: a shared mapping of it may be written, now or later.
    Result<Address> map(Address address, Word length, Word protection, Word flags, Word page_offset, FileObject* file,
                        bool may_write = true, Attachment* attachment = nullptr);
    /// shmdt(2): unmaps everything of the attachment whose beginning is mapped at `address`. Invalid: there is none.
    Status detach(Address address);
    Status unmap(Address address, Word length);
    Status protect(Address address, Word length, Word protection);
    Result<Address> remap(Address address, Word old_length, Word new_length, Word flags, Address new_address);
    Status advise(Address address, Word length, Word advice);
    /// Makes the range present (and writable). Fault, NoMemory.
    Status touch(Address address, Word length, bool write);
    FaultOutcome fault(Address address, bool write);

    // --- proc's own access; pages are made present as a program's access would. Fault, NoMemory ---
    Status copy_in(Address from, std::span<std::byte> to);
    Status copy_out(Address to, std::span<std::byte const> from);
    template <class T>
    Result<T> read(Address address) {
        T value;
        if (Status status = copy_in(address, std::as_writable_bytes(std::span{&value, 1})); !status)
            return fail(status.error());
        return value;
    }
    template <class T>
    Status write(Address address, T const& value) {
        return copy_out(address, std::as_bytes(std::span{&value, 1}));
    }
    /// NameTooLong: no NUL within `maximum` bytes.
    Result<std::string> read_string(Address address, std::size_t maximum);
    /// Names the memory at an address for futexes: equal keys are the same memory.
    struct MemoryKey {
        void const* object;
        std::uint64_t offset;
        bool operator==(MemoryKey const&) const = default;
    };
    Result<MemoryKey> key(Address address);

    // --- exec ---
    /// Unmaps the program (not thread areas, descriptor tables, vDSO) and forgets break and layout.
    void clear_program();
    /// Like map with MAP_FIXED, private: the file's bytes up to `file_end`, zeroes from there to `end`. All but file_end page-aligned.
    Status map_segment(Address start, Address end, Word protection, FileObject& file, Word page_offset,
                       Address file_end);
    Status map_stack();
    void set_break_start(Address address) { break_start_ = break_ = address; }
    /// Addresses for /proc/PID/stat, cmdline, environ; proc's own word, set by exec.
    struct Layout {
        Address code_start, code_end, data_start, data_end, stack_start, arguments_start, arguments_end,
            environment_start, environment_end;
    } layout{};

    // --- for procfs and limits ---
    [[nodiscard]] std::map<Address, Mapping> const& mappings() const { return mappings_; }
    [[nodiscard]] Word virtual_pages() const { return virtual_pages_; }
    [[nodiscard]] Word resident_pages() const { return resident_pages_; }
    [[nodiscard]] Address break_start() const { return break_start_; }
    [[nodiscard]] Address break_end() const { return break_; }
    /// RLIMIT_STACK, RLIMIT_DATA, RLIMIT_AS in bytes.
    std::uint64_t stack_limit = linux_process::stack_maximum, data_limit = ~0ull, space_limit = ~0ull;
    std::uint32_t faults = 0;

private:
    friend class Account;
    using Mappings = std::map<Address, Mapping>;
    static constexpr std::size_t mapping_maximum = 4096;
    static constexpr Word kept_tables = 4;           ///< an empty space keeps so many for the next process
    static constexpr std::size_t pooled_spaces = 32; ///< of one account
    static constexpr Address lowest = 0x10000;       ///< mmap_min_addr
    static constexpr Address program_end = linux_process::stack_top;

    explicit MemorySpace(Account& account) : account_{&account} {}
    ~MemorySpace() = default;
    Kernel& kernel() const { return account_->kernel(); }

    Status build();
    void tear_down();
    /// As if it were in use, so that it can be torn down.
    void leave_pool();
    std::uint64_t skeleton_bytes() const;
    Status need_table(Address address);
    /// Takes the reference over: `page` is here now, mapped with `rights` (0: not mapped in the kernel).
    Status insert(Address address, Page& page, Word rights);
    Status new_private_page(Address address);
    void drop_pages(Address start, Address end);
    /// stack_top and files (table 0; the owner of another table sets it).
    void set_up_area(Word number);
    Status copy_page_to(MemorySpace& child, Address address, Page& page);

    Mapping* find(Address address);
    bool split(Address address);
    void merge_around(Address start, Address end);
    bool add_mapping(Mapping mapping);
    void remove_mappings(Address start, Address end);
    void release_mapping(Mapping& mapping);
    bool range_free(Address start, Address end) const;
    Address find_free(Word length, Address hint) const;
    bool room_for(Word pages) const;
    Mapping* grow_stack(Address address);

    FaultOutcome resolve(Mapping& mapping, Address address, bool write);
    FaultOutcome resolve_present(Mapping& mapping, Address address, Page& page, bool write);
    FaultOutcome resolve_file(Mapping& mapping, Address address, bool write);
    FaultOutcome private_copy(Mapping& mapping, Address address, Page& source, Page* old);
    FaultOutcome special_fault(Address address);
    void map_around(Mapping& mapping, Address address);
    bool upgrade_around(Mapping& mapping, Address address);
    Word rights_of(Mapping const& mapping, Page const& page) const;
    Result<Page*> accessible(Address address, bool write);

    Account* account_;
    CapabilityPointer space_ = 0;
    Word references_ = 1;
    PageMap pages_;
    Mappings mappings_;
    Mapping* last_found_ = nullptr;
    Address break_start_ = 0, break_ = 0;
    Word virtual_pages_ = 0, resident_pages_ = 0;
    std::uint64_t areas_[(linux_process::area_count + 63) / 64]{};
    std::uint32_t files_used_ = 0;
    bool pooled_ = false;
};

} // namespace proc
