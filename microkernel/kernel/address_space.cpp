// Invocations of AddressSpace, PageTable and Frame.
#include "deletion.hpp"
#include "mapping.hpp"
#include "syscall.hpp"
#include <algorithm>

namespace kernel {

namespace {

constexpr Word entries = 1024;
constexpr Word pages_between_preemptions = 64;

Word directory_index(Address address) { return address >> abi::large_page_bits; }
Word table_index(Address address) { return address >> abi::page_bits & (entries - 1); }
/// Whether `pages` pages from `address` on lie in user space.
bool is_user_range(Address address, Word pages) {
    return address < abi::user_end && pages <= (abi::user_end - address) >> abi::page_bits;
}

void set_table_entry(PageTable& table, Word index, Capability const& mapping, Word rights) {
    if (rights == 0) arch::table_clear(table.hardware, index);
    else arch::table_set(table.hardware, index, mapping.frame_physical(), rights, mapping.frame_map_flags());
}

void set_large_entry(AddressSpace& space, Word index, Capability const& mapping, Word rights) {
    if (rights == 0) arch::directory_clear(space.hardware, index);
    else arch::directory_set_large(space.hardware, index, mapping.frame_physical(), rights, mapping.frame_map_flags());
}

/// What the hardware can do: no write without read.
Word usable_rights(Word rights) { return (rights & abi::right::read) != 0 ? rights & 3 : 0; }

Capability make_mapping(Capability frame, void const* table, Word index, Word original_bit, Word map_flags) {
    frame.word1 = reinterpret_cast<Word>(table) | original_bit | index << 1 | Capability::mapped_bit;
    if ((map_flags & abi::map_flag::uncached) != 0) frame.word0 |= Capability::frame_uncached;
    return frame;
}

[[gnu::noinline]] Error map_frame(Invocation& call) {
    Capability const& frame = call.capability();
    Address const address = call.word(0);
    Word const rights = usable_rights(call.word(1) & frame.frame_rights()), flags = call.word(2);
    Slot* const space_slot = call.extra(0, CapabilityType::AddressSpace);
    if (space_slot == nullptr) return call.refuse(Error::InvalidCapability, "no AddressSpace given");
    Word const bytes = frame.is_large() ? Word{1} << abi::large_page_bits : abi::page_size;
    if ((address & (bytes - 1)) != 0)
        return call.refuse(Error::AlignmentError, "address is not aligned to the frame's size");
    if (!is_user_range(address, bytes >> abi::page_bits))
        return call.refuse(Error::RangeError, "address outside user space");
    auto& space = space_slot->capability.object<AddressSpace>();
    Word const index = directory_index(address);
    Word const original = call.slot.has_flag(Slot::revocable) ? Capability::of_original_bit : 0;
    if (frame.is_large()) {
        if (!space.shadow[index].is_empty()) return call.refuse(Error::DeleteFirst, "something is mapped there");
        Capability const mapping = make_mapping(frame, &space, index, original, flags);
        insert_mapping(space.shadow[index], mapping, call.slot);
        set_large_entry(space, index, mapping, rights);
        return call.result();
    }
    PageTable* const table = find_table(space, address);
    if (table == nullptr) {
        if (!space.shadow[index].is_empty()) return call.refuse(Error::DeleteFirst, "a large frame is mapped there");
        return call.refuse(Error::FailedLookup, "no page table for the address");
    }
    Slot& shadow = table->shadow[table_index(address)];
    if (!shadow.is_empty()) return call.refuse(Error::DeleteFirst, "something is mapped there");
    Capability const mapping = make_mapping(frame, table, index, original, flags);
    insert_mapping(shadow, mapping, call.slot);
    set_table_entry(*table, table_index(address), mapping, rights);
    return call.result();
}

/// Arguments of Unmap and Protect; the range is gone through from `progress[0]` on.
Error check_range(Invocation& call) {
    Address const address = call.word(0);
    if (address % abi::page_size != 0) return call.refuse(Error::AlignmentError, "address is not page-aligned");
    if (!is_user_range(address, call.word(1))) return call.refuse(Error::RangeError, "range outside user space");
    return Error::None;
}

/// change_range for one page below a table.
[[gnu::noinline]] Error change_page(Invocation& call, AddressSpace& space, PageTable& table, Address address,
                                    Word wanted, bool protect) {
    Word const index = table_index(address);
    Slot& mapping = table.shadow[index];
    if (mapping.is_empty()) return call.result(0);
    if (protect) {
        set_table_entry(table, index, mapping.capability, wanted & mapping.capability.frame_rights());
    } else {
        arch::table_clear(table.hardware, index);
        empty_mapping(mapping);
    }
    arch::flush_page(space.hardware, address);
    return call.result(1);
}

/// Unmaps (`protect` false) or protects the mappings of a range. progress: pages gone through, mappings changed.
[[gnu::noinline]] Error change_range(Invocation& call, bool protect) {
    if (Error const error = check_range(call); error != Error::None) return error;
    auto& space = call.capability().object<AddressSpace>();
    Address const start = call.word(0);
    Word const pages = call.word(1), wanted = usable_rights(call.word(2));
    if (pages == 1)
        if (PageTable* const table = find_table(space, start); table != nullptr)
            return change_page(call, space, *table, start, wanted, protect);
    auto& [done, changed] = call.caller.progress;
    Word since_check = 0;
    Address flushed = 0;
    Word to_flush = 0;
    bool stop = false;
    while (done < pages && !stop) {
        Address const address = start + (done << abi::page_bits);
        Word const index = table_index(address);
        Word const chunk = std::min(entries - index, pages - done);
        Slot& entry = space.shadow[directory_index(address)];
        if (entry.capability.is(CapabilityType::Frame)) {
            if (chunk == entries) { // a large mapping goes as a whole or not at all
                Word const rights = wanted & entry.capability.frame_rights();
                if (protect) set_large_entry(space, directory_index(address), entry.capability, rights);
                else unmap_frame(entry), empty_mapping(entry);
                ++changed;
                to_flush += 2;
            }
            done += chunk;
        } else if (entry.is_empty()) {
            done += chunk;
        } else {
            auto& table = entry.capability.object<PageTable>();
            Word i = index;
            for (Word const end = index + chunk; i < end && !stop; ++i) {
                Slot& mapping = table.shadow[i];
                if (mapping.is_empty()) continue;
                if (protect) {
                    set_table_entry(table, i, mapping.capability, wanted & mapping.capability.frame_rights());
                } else {
                    arch::table_clear(table.hardware, i);
                    empty_mapping(mapping);
                }
                flushed = start + ((done + (i - index)) << abi::page_bits);
                ++to_flush;
                ++changed;
                stop = ++since_check % pages_between_preemptions == 0 && should_preempt();
            }
            done += i - index;
        }
        if (done < pages && !stop) stop = should_preempt();
    }
    if (to_flush == 1) arch::flush_page(space.hardware, flushed);
    else if (to_flush != 0) arch::flush_space(space.hardware);
    if (done < pages) return preempted;
    return call.result(changed);
}

struct CopyCounts {
    Word pages, copied;
    bool stopped, restricted;
};

/// Copies mappings [from, from + count) of one table to another: the inner loop of fork.
[[gnu::flatten]] CopyCounts copy_mappings(PageTable& source, Word from, PageTable& destination, Word to, Word count,
                                          Word directory_index, Word mask, bool restrict_source) {
    CopyCounts counts{};
    Word const location = reinterpret_cast<Word>(&destination) | directory_index << 1 | Capability::mapped_bit;
    for (; counts.pages < count; ++counts.pages) {
        Slot& mapping = source.shadow[from + counts.pages];
        if (mapping.is_empty()) continue;
        Slot& copy = destination.shadow[to + counts.pages];
        if (!copy.is_empty()) {
            counts.stopped = true;
            break;
        }
        Word const old_rights = arch::entry_rights(source.hardware, from + counts.pages);
        Word const rights = usable_rights(old_rights & mask);
        insert_mapping(copy,
                       {mapping.capability.word0, (mapping.capability.word1 & Capability::of_original_bit) | location},
                       mapping);
        if (rights != 0)
            arch::table_set(destination.hardware, to + counts.pages, copy.capability.frame_physical(), rights,
                            copy.capability.frame_map_flags());
        if (restrict_source && rights != old_rights) {
            set_table_entry(source, from + counts.pages, mapping.capability, rights);
            counts.restricted = true;
        }
        ++counts.copied;
    }
    return counts;
}

[[gnu::noinline]] Error copy_range(Invocation& call) {
    Address const from = call.word(0), to = call.word(1);
    Word const pages = call.word(2), mask = call.word(3);
    bool const restrict_source = call.word(4) != 0;
    Slot* const source_slot = call.extra(0, CapabilityType::AddressSpace);
    if (source_slot == nullptr) return call.refuse(Error::InvalidCapability, "no source AddressSpace given");
    if ((from | to) % abi::page_size != 0) return call.refuse(Error::AlignmentError, "address is not page-aligned");
    if (!is_user_range(from, pages) || !is_user_range(to, pages))
        return call.refuse(Error::RangeError, "range outside user space");
    auto& source = source_slot->capability.object<AddressSpace>();
    auto& destination = call.capability().object<AddressSpace>();
    auto& [done, copied] = call.caller.progress;
    bool restricted = false, stopped = false, preempt = false;
    for (bool first = true; done < pages && !stopped; first = false) {
        preempt = !first && should_preempt();
        if (preempt) break;
        Address const source_address = from + (done << abi::page_bits), address = to + (done << abi::page_bits);
        Word const source_index = table_index(source_address), index = table_index(address);
        Slot& source_entry = source.shadow[directory_index(source_address)];
        Slot& entry = destination.shadow[directory_index(address)];
        Word chunk = std::min(entries - source_index, pages - done);
        if (source_entry.is_empty()) {
            done += chunk;
            continue;
        }
        if (source_entry.capability.is(CapabilityType::Frame)) {
            if (chunk == entries && index == 0) { // whole large pages to large pages; others are passed over
                if (!entry.is_empty()) break;
                Word const old_rights = arch::entry_rights(source.hardware, directory_index(source_address));
                Word const rights = usable_rights(old_rights & mask);
                Word const original = source_entry.capability.word1 & Capability::of_original_bit;
                insert_mapping(
                    entry, make_mapping(source_entry.capability, &destination, directory_index(address), original, 0),
                    source_entry);
                set_large_entry(destination, directory_index(address), entry.capability, rights);
                if (restrict_source && rights != old_rights) {
                    set_large_entry(source, directory_index(source_address), source_entry.capability, rights);
                    restricted = true;
                }
                ++copied;
            }
            done += chunk;
            continue;
        }
        chunk = std::min(chunk, entries - index);
        auto& source_table = source_entry.capability.object<PageTable>();
        if (!entry.capability.is(CapabilityType::PageTable)) {
            // Nothing to copy needs no table.
            Word i = 0;
            while (i < chunk && source_table.shadow[source_index + i].is_empty()) ++i;
            done += i;
            stopped = i < chunk;
            continue;
        }
        chunk = std::min(chunk, pages_between_preemptions * 4);
        CopyCounts const counts = copy_mappings(source_table, source_index, entry.capability.object<PageTable>(), index,
                                                chunk, directory_index(address), mask, restrict_source);
        done += counts.pages;
        copied += counts.copied;
        restricted |= counts.restricted;
        stopped = counts.stopped;
    }
    if (restricted) arch::flush_space(source.hardware);
    if (preempt && !stopped) return preempted;
    return call.result(done, copied);
}

[[gnu::noinline]] Error query(Invocation& call) {
    auto& space = call.capability().object<AddressSpace>();
    Address const address = call.word(0);
    if (address >= abi::user_end) return call.refuse(Error::RangeError, "address outside user space");
    Slot const& entry = space.shadow[directory_index(address)];
    if (entry.capability.is(CapabilityType::Frame))
        return call.result(arch::entry_rights(space.hardware, directory_index(address)),
                           entry.capability.frame_physical() | (address & ((Word{1} << abi::large_page_bits) - 1)));
    PageTable const* const table = find_table(space, address);
    if (table == nullptr || table->shadow[table_index(address)].is_empty()) return call.result(0, 0);
    return call.result(arch::entry_rights(table->hardware, table_index(address)),
                       table->shadow[table_index(address)].capability.frame_physical() | address % abi::page_size);
}

[[gnu::noinline]] Error map_table(Invocation& call) {
    Address const address = call.word(0);
    Slot* const space_slot = call.extra(0, CapabilityType::AddressSpace);
    if (space_slot == nullptr) return call.refuse(Error::InvalidCapability, "no AddressSpace given");
    if (address >= abi::user_end) return call.refuse(Error::RangeError, "address outside user space");
    if (has_children(call.slot) || call.capability().is_mapped())
        return call.refuse(Error::IllegalOperation, "the table is mapped");
    auto& space = space_slot->capability.object<AddressSpace>();
    Word const index = directory_index(address);
    if (!space.shadow[index].is_empty()) return call.refuse(Error::DeleteFirst, "something is mapped there");
    Capability const table = call.capability();
    insert_mapping(space.shadow[index], {table.word0, reinterpret_cast<Word>(&space) | Capability::mapped_bit},
                   call.slot);
    arch::directory_set_table(space.hardware, index, arch::to_physical(&table.object<PageTable>()));
    return call.result();
}

} // namespace

Error invoke_frame(Invocation& call) {
    switch (call.label) {
    case abi::Invocation::FrameMap: return map_frame(call);
    case abi::Invocation::FrameGetAddress: return call.result(call.capability().frame_physical());
    default: return call.refuse(Error::IllegalOperation, "not a Frame invocation");
    }
}

Error invoke_page_table(Invocation& call) {
    switch (call.label) {
    case abi::Invocation::PageTableMap: return map_table(call);
    case abi::Invocation::PageTableUnmap: return revoke(call.slot); // its one descendant is the mapping
    default: return call.refuse(Error::IllegalOperation, "not a PageTable invocation");
    }
}

Error invoke_address_space(Invocation& call) {
    switch (call.label) {
    case abi::Invocation::AddressSpaceUnmap: return change_range(call, false);
    case abi::Invocation::AddressSpaceProtect: return change_range(call, true);
    case abi::Invocation::AddressSpaceCopyRange: return copy_range(call);
    case abi::Invocation::AddressSpaceQuery: return query(call);
    default: return call.refuse(Error::IllegalOperation, "not an AddressSpace invocation");
    }
}

} // namespace kernel
