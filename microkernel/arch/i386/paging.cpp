// Translation tables: the hardware's entries and nothing else.
#include "machine.hpp"

extern "C" arch::Word arch_boot_directory[1024];

namespace arch {

namespace {

using namespace page_entry;
constexpr Word kernel_first_entry = KERNEL_BASE >> abi::large_page_bits;

Word& entry(void* table, Word index) { return static_cast<Word*>(table)[index]; }

} // namespace

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
