// Translation tables: the hardware's entries and nothing else.
#include "machine.hpp"

extern "C" arch::Word arch_boot_directory[1024];

namespace arch {

namespace {

constexpr Word present = 1, writable = 2, user = 4, write_through = 8, cache_disabled = 16, large = 128;
constexpr Word frame_mask = ~(abi::page_size - 1);
constexpr Word kernel_first_entry = KERNEL_BASE >> abi::large_page_bits;

Word entry_flags(Word rights, Word map_flags) {
    if (rights == 0) return 0;
    return present | user | ((rights & abi::right::write) != 0 ? writable : 0) |
           ((map_flags & abi::map_flag::uncached) != 0 ? write_through | cache_disabled : 0);
}

Word& entry(void* table, Word index) { return static_cast<Word*>(table)[index]; }

} // namespace

void* to_virtual(Address physical) { return reinterpret_cast<void*>(physical + KERNEL_BASE); }
Address to_physical(void const* kernel_address) { return reinterpret_cast<Address>(kernel_address) - KERNEL_BASE; }

void directory_initialize(void* directory) {
    for (Word index = kernel_first_entry; index < 1024; ++index) entry(directory, index) = arch_boot_directory[index];
}

void directory_set_table(void* directory, Word index, Address table_physical) {
    entry(directory, index) = table_physical | present | writable | user;
}

void directory_set_large(void* directory, Word index, Address frame_physical, Word rights, Word map_flags) {
    entry(directory, index) = frame_physical | large | entry_flags(rights, map_flags);
}

void directory_clear(void* directory, Word index) { entry(directory, index) = 0; }

void table_set(void* table, Word index, Address frame_physical, Word rights, Word map_flags) {
    entry(table, index) = frame_physical | entry_flags(rights, map_flags);
}

void table_clear(void* table, Word index) { entry(table, index) = 0; }

Word entry_rights(void const* table_or_directory, Word index) {
    Word const value = static_cast<Word const*>(table_or_directory)[index];
    if ((value & present) == 0) return 0;
    return (value & writable) != 0 ? abi::right::read | abi::right::write : abi::right::read;
}

Address entry_physical(void const* table_or_directory, Word index) {
    return static_cast<Word const*>(table_or_directory)[index] & frame_mask;
}

void* user_to_kernel(void const* directory, Address address, Word rights) {
    if (address >= abi::user_end) return nullptr;
    Word const wanted = present | user | ((rights & abi::right::write) != 0 ? writable : 0);
    Word const above = static_cast<Word const*>(directory)[address >> abi::large_page_bits];
    if ((above & wanted) != wanted) return nullptr;
    Word physical;
    if ((above & large) != 0) {
        constexpr Word offset_mask = (Word{1} << abi::large_page_bits) - 1;
        physical = (above & ~offset_mask) | (address & offset_mask);
    } else {
        auto const* table = static_cast<Word const*>(to_virtual(above & frame_mask));
        Word const page = table[address >> abi::page_bits & 1023];
        if ((page & wanted) != wanted) return nullptr;
        physical = (page & frame_mask) | (address & ~frame_mask);
    }
    // Device memory outside the window has no kernel address: to the kernel it is not there.
    return physical < KERNEL_WINDOW_END - KERNEL_BASE ? to_virtual(physical) : nullptr;
}

} // namespace arch
