// The hot part of the translation tables, inline: fork copies and unmaps pages by the hundred.
#pragma once
#include "../../abi/objects.hpp"
#include "layout.h"

namespace arch {

using abi::Address;
using abi::Word;

namespace page_entry {
inline constexpr Word present = 1, writable = 2, user = 4, write_through = 8, cache_disabled = 16, large = 128;
inline constexpr Word frame_mask = ~(abi::page_size - 1);
} // namespace page_entry

inline void* to_virtual(Address physical) { return reinterpret_cast<void*>(physical + KERNEL_BASE); }
inline Address to_physical(void const* kernel_address) {
    return reinterpret_cast<Address>(kernel_address) - KERNEL_BASE;
}

inline Word entry_flags(Word rights, Word map_flags) {
    if (rights == 0) return 0;
    Word const caching =
        (map_flags & abi::map_flag::uncached) != 0 ? page_entry::write_through | page_entry::cache_disabled : 0;
    // Right::write is bit 0, the processor's bit for it is 1.
    return page_entry::present | page_entry::user | (rights & abi::right::write) << 1 | caching;
}
static_assert(abi::right::write << 1 == page_entry::writable);

inline void table_set(void* table, Word index, Address frame_physical, Word rights, Word map_flags) {
    static_cast<Word*>(table)[index] = frame_physical | entry_flags(rights, map_flags);
}

inline void table_clear(void* table, Word index) { static_cast<Word*>(table)[index] = 0; }

inline Word entry_rights(void const* table_or_directory, Word index) {
    Word const value = static_cast<Word const*>(table_or_directory)[index];
    if ((value & page_entry::present) == 0) return 0;
    return abi::right::read | (value & page_entry::writable) >> 1;
}

inline Address entry_physical(void const* table_or_directory, Word index) {
    return static_cast<Word const*>(table_or_directory)[index] & page_entry::frame_mask;
}

} // namespace arch
