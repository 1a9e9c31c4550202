// The address space of a Linux process: mappings (areas), the pages present, and the kernel objects under them. proc is the
// pager: every page is here first, in the kernel's tables second.
#pragma once
#include "file_object.hpp"
#include "user/linux/layout.hpp"
#include <map>
#include <string>
#include <vector>

namespace proc {

namespace protection { inline constexpr Word read = 1, write = 2, execute = 4; }
namespace map {
inline constexpr Word shared = 1, private_ = 2, type_mask = 15, fixed = 0x10, anonymous = 0x20, grows_down = 0x100, populate = 0x8000,
                      no_replace = 0x100000;
} // namespace map

/// One mapping: [start, end) with one protection and one origin.
struct Mapping {
    Address start, end;
    Word protection;
    bool shared;
    bool grows_down;                 ///< the stack
    FileObject* file;                ///< referenced; null: private anonymous
    Word page_offset;                ///< of `start` in the file
    Word file_bytes_end;             ///< address where file contents end (an ELF segment's bss); 0: no such bound
    enum class Kind : std::uint8_t { Other, Text, Heap, Stack, Vdso } kind;
};

enum class FaultOutcome { Resolved, NotMapped, NotAllowed, BeyondFile, OutOfMemory };

/// Words of a descriptor table through proc's window; entries may lie in pages that are not there yet (all zero).
class FileTableView;

class MemorySpace {
public:
    /// Empty but for the vDSO, thread area 0 and descriptor table 0. One reference. NoMemory.
    static Result<MemorySpace*> create(Account& account, FileCache& files);
    /// A copy, copy-on-write; `area` and `files` of the parent become area 0 and table 0 of the child (contents copied).
    /// `stack`: the caller's stack pointer, whose page is copied at once.
    Result<MemorySpace*> fork(Account& account, Word area, Word files, Address stack);
    void share() { ++references_; }
    /// At the last: everything unmapped, pages freed, objects back to the account's pool.
    void release();
    [[nodiscard]] Word references() const { return references_; }
    [[nodiscard]] Account& account() const { return *account_; }

    // --- thread areas and descriptor tables (linux_process layout) ---
    Result<Word> add_area();
    void remove_area(Word number);
    /// In proc's window. Everything but what proc itself wrote is the process's word.
    [[nodiscard]] linux_process::ThreadArea& area(Word number) const;
    [[nodiscard]] abi::IpcBuffer& buffer(Word number) const;
    static Address area_address(Word number) { return linux_process::area_base + number * linux_process::area_size; }
    [[nodiscard]] SpaceBinding binding(Word area) const;
    /// Another descriptor table in this space (vfork child), a copy of table `from`.
    Result<Word> add_files(Word from);
    void remove_files(Word number);
    static Address files_address(Word number) { return linux_process::files_base + number * linux_process::files_size; }
    /// 0 beyond the end. The table is the process's own word: numbers are checked here.
    [[nodiscard]] Word files_highest(Word number) const;
    [[nodiscard]] linux_process::Descriptor descriptor(Word files, Word number) const;
    Status set_descriptor(Word files, Word number, linux_process::Descriptor const& value);
    void set_files_limit(Word files, Word limit);

    // --- Linux's calls; addresses are checked here ---
    Result<Address> set_break(Address address);
    Result<Address> map(Address address, Word length, Word protection, Word flags, Word page_offset, FileObject* file);
    Status unmap(Address address, Word length);
    Status protect(Address address, Word length, Word protection);
    Result<Address> remap(Address address, Word old_length, Word new_length, Word flags, Address new_address);
    Status advise(Address address, Word length, Word advice);
    /// Makes the range present (and writable).
    Status touch(Address address, Word length, bool write);
    /// A page fault. write: it was a write.
    FaultOutcome fault(Address address, bool write, bool execute);

    // --- proc's own access; pages are made present as a program's access would. Fault, NoMemory ---
    Status copy_in(Address from, std::span<std::byte> to);
    Status copy_out(Address to, std::span<std::byte const> from);
    template <class T> Result<T> read(Address address) {
        T value;
        if (Status status = copy_in(address, std::as_writable_bytes(std::span{&value, 1})); !status) return fail(status.error());
        return value;
    }
    template <class T> Status write(Address address, T const& value) { return copy_out(address, std::as_bytes(std::span{&value, 1})); }
    /// NameTooLong: no NUL within `maximum` bytes.
    Result<std::string> read_string(Address address, std::size_t maximum);
    /// The page that backs an address (for futex keys): equal pointers are the same memory. Null: not present.
    Page* page_at(Address address);
    /// A futex key that holds for private and shared memory: {object, offset}.
    struct MemoryKey { void const* object; std::uint64_t offset; bool operator==(MemoryKey const&) const = default; };
    Result<MemoryKey> key(Address address);

    // --- exec ---
    /// Unmaps the program (not thread areas, descriptor tables, vDSO).
    void clear_program();
    /// For the loader: like map MAP_FIXED, with the file's bytes ending at `file_end` (zero from there on).
    Status map_segment(Address start, Address end, Word protection, FileObject* file, Word page_offset, Address file_end);
    Status map_stack();
    void set_break_start(Address address) { break_start_ = break_ = address; }
    /// Text addresses for /proc/PID/stat and cmdline, environ.
    struct Layout { Address code_start, code_end, data_start, data_end, stack_start, arguments_start, arguments_end, environment_start, environment_end; } layout{};

    // --- for procfs ---
    [[nodiscard]] std::map<Address, Mapping> const& mappings() const { return mappings_; }
    [[nodiscard]] Word virtual_pages() const { return virtual_pages_; }
    [[nodiscard]] Word resident_pages() const { return resident_pages_; }
    [[nodiscard]] Address break_start() const { return break_start_; }
    [[nodiscard]] Address break_end() const { return break_; }
    /// RLIMIT_STACK, RLIMIT_DATA, RLIMIT_AS in bytes; ~0: none.
    std::uint64_t stack_limit = 8 << 20, data_limit = ~0ull, space_limit = ~0ull;
    std::uint64_t minor_faults = 0;

private:
    struct Table;                    ///< the pages of 4 MiB
    using Mappings = std::map<Address, Mapping>;
    MemorySpace(Account& account, FileCache& files) : account_{&account}, files_{&files} {}
    ~MemorySpace();
    friend class Account;

    Status build();
    Status prepare_area(Word number);
    Table* table(Address address) const;
    Result<Table*> make_table(Address address);
    Page* page(Address address) const;
    void set_page(Address address, Page* page);
    Status insert(Address address, Page* page, Word rights);
    void drop_pages(Address start, Address end, bool unmap);
    Mapping* find(Address address);
    void split(Address address);
    void merge_around(Address start, Address end);
    void remove_mappings(Address start, Address end);
    void add_mapping(Mapping const& mapping);
    Result<Address> find_free(Word length, Address hint) const;
    bool range_free(Address start, Address end) const;
    FaultOutcome resolve(Mapping& mapping, Address page_address, bool write);
    FaultOutcome resolve_anonymous(Mapping& mapping, Address page_address, bool write);
    FaultOutcome resolve_file(Mapping& mapping, Address page_address, bool write);
    FaultOutcome make_writable(Mapping& mapping, Address page_address, Page* page);
    FaultOutcome special_fault(Address address);
    Word rights_of(Mapping const& mapping, Page const& page) const;
    std::byte* writable_bytes(Address address, Error& error);

    Account* account_;
    FileCache* files_;
    CapabilityPointer space_ = 0;
    Word references_ = 1;
    std::array<Table*, 768> tables_{};
    std::vector<Word> table_list_;   ///< indexes of tables present
    Mappings mappings_;
    Address break_start_ = 0, break_ = 0;
    Word virtual_pages_ = 0, resident_pages_ = 0;
    std::uint64_t areas_[2]{};       ///< bit per thread area in use
    std::uint32_t files_used_ = 0;
};

} // namespace proc
