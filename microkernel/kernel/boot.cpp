// Makes the first thread, root, out of nothing, and gives it everything there is.
#pragma GCC optimize("Os") // not where time counts
#include "boot_memory.hpp"
#include "interrupt.hpp"
#include "mapping.hpp"
#include "memory.hpp"
#include "object_creation.hpp"
#include "trace.hpp"
#include <algorithm>
#include <iterator>

namespace kernel {

namespace {

using abi::ObjectType;
namespace boot_slot = abi::boot_slot;

constexpr Address stack_top = 0x000F0000;
constexpr Word stack_pages = 16;
constexpr Word root_slice_ticks = 10'000 / tick_microseconds;

struct ElfHeader {
    unsigned char identification[16];
    std::uint16_t type, machine;
    Word version, entry, program_offset, section_offset, flags;
    std::uint16_t header_size, program_size, program_count, section_size, section_count, section_names;
};
struct ElfSegment {
    Word type, offset, address, physical, file_bytes, memory_bytes, flags, alignment;
};
constexpr Word segment_load = 1, segment_writable = 2;

[[noreturn]] void stop(char const* why) {
    log("kernel: cannot start root: ");
    log(why);
    log("\n");
    arch::power_off(1);
}

struct Root {
    BootAllocator& memory;
    Slot* slots;
    AddressSpace* space;
    Word next_table_slot = boot_slot::image_page_tables;

    Capability create(ObjectType type, Word size_bits, Word slot) {
        abi::ObjectSize const size = abi::object_size(type, size_bits);
        Address const physical = memory.allocate(size.bytes, size.align_bits);
        if (physical == 0) stop("out of memory");
        zero_bytes(arch::to_virtual(physical), size.bytes);
        Capability const capability = create_object(type, physical, size_bits, false);
        if (slot != 0) insert_original(slots[slot], capability, nullptr);
        return capability;
    }

    /// The kernel page of user `address`, mapped on first use, with a page table of its own where needed.
    unsigned char* page(Address address, Word rights) {
        Word const directory_index = address >> abi::large_page_bits, index = address >> abi::page_bits & 1023;
        Slot& entry = space->shadow[directory_index];
        if (entry.is_empty()) {
            if (next_table_slot == boot_slot::first_untyped) stop("image needs too many page tables");
            Slot& slot = slots[next_table_slot];
            Capability const table = create(ObjectType::PageTable, 0, next_table_slot++);
            insert_mapping(entry, {table.word0, reinterpret_cast<Word>(space) | Capability::mapped_bit}, slot);
            arch::directory_set_table(space->hardware, directory_index, arch::to_physical(&table.object<PageTable>()));
        }
        auto& table = entry.capability.object<PageTable>();
        Slot& mapping = table.shadow[index];
        if (mapping.is_empty()) {
            Capability frame = create(ObjectType::Frame, 0, 0);
            frame.word1 = reinterpret_cast<Word>(&table) | Capability::of_original_bit | directory_index << 1 |
                          Capability::mapped_bit;
            insert_original(mapping, frame, nullptr);
            mapping.clear_flag(Slot::revocable);
        }
        Word const all_rights = rights | arch::entry_rights(table.hardware, index);
        arch::table_set(table.hardware, index, mapping.capability.frame_physical(), all_rights, 0);
        return static_cast<unsigned char*>(arch::to_virtual(mapping.capability.frame_physical()));
    }
};

/// Loads the static ELF program. Returns its entry; `end` becomes the first address after it.
Address load_image(Root& root, abi::BootModule const& module, Address& end) {
    auto const* const bytes = static_cast<unsigned char const*>(arch::to_virtual(module.physical));
    auto const& header = *reinterpret_cast<ElfHeader const*>(bytes);
    constexpr unsigned char magic[] = {0x7f, 'E', 'L', 'F', 1, 1};
    if (module.length < sizeof header || !std::equal(std::begin(magic), std::end(magic), header.identification) ||
        header.type != 2 || header.machine != 3)
        stop("module 0 is no i386 ELF program");
    if (header.program_size != sizeof(ElfSegment) ||
        header.program_offset + std::uint64_t{header.program_count} * sizeof(ElfSegment) > module.length)
        stop("bad program headers");
    auto const* const segments = reinterpret_cast<ElfSegment const*>(bytes + header.program_offset);
    for (Word i = 0; i < header.program_count; ++i) {
        ElfSegment const& segment = segments[i];
        if (segment.type != segment_load || segment.memory_bytes == 0) continue;
        if (segment.file_bytes > segment.memory_bytes ||
            std::uint64_t{segment.offset} + segment.file_bytes > module.length ||
            segment.address < abi::root_ipc_buffer_address + abi::page_size || segment.address >= abi::user_end ||
            segment.memory_bytes > abi::user_end - segment.address)
            stop("bad segment");
        Word const rights = abi::right::read | ((segment.flags & segment_writable) != 0 ? abi::right::write : 0);
        for (Word done = 0; done < segment.memory_bytes;) {
            Address const address = segment.address + done;
            Word const in_page = address % abi::page_size;
            Word const piece = std::min(abi::page_size - in_page, segment.memory_bytes - done);
            unsigned char* const page = root.page(address, rights);
            if (done < segment.file_bytes)
                copy_bytes(page + in_page, bytes + segment.offset + done, std::min(piece, segment.file_bytes - done));
            done += piece;
        }
        end = std::max(end, (segment.address + segment.memory_bytes + abi::page_size - 1) & ~(abi::page_size - 1));
    }
    return header.entry;
}

void put_control(Root& root, Word slot, ControlKind kind) {
    insert_original(root.slots[slot], {static_cast<Word>(CapabilityType::Control), static_cast<Word>(kind)}, nullptr);
}

/// Maps the page at `address` and gives its frame capability to root as well.
void* shared_page(Root& root, Address address, Word slot) {
    Capability const frame = root.create(ObjectType::Frame, 0, slot);
    Word const directory_index = address >> abi::large_page_bits, index = address >> abi::page_bits & 1023;
    root.page(stack_top - abi::page_size, abi::right::read | abi::right::write); // the page table, if not there yet
    auto& table = root.space->shadow[directory_index].capability.object<PageTable>();
    Capability mapping = frame;
    mapping.word1 =
        reinterpret_cast<Word>(&table) | Capability::of_original_bit | directory_index << 1 | Capability::mapped_bit;
    insert_mapping(table.shadow[index], mapping, root.slots[slot]);
    arch::table_set(table.hardware, index, frame.frame_physical(), abi::right::read | abi::right::write, 0);
    return arch::to_virtual(frame.frame_physical());
}

/// Splits [start, end) into the largest aligned powers of two.
void give_range(Root& root, abi::BootInfo& info, MemoryRange range, bool device) {
    Address start = range.start;
    while (start < range.end && info.untyped_count < std::size(info.untypeds)) {
        Word const left = range.end - start;
        Word bits = 31 - static_cast<Word>(__builtin_clz(left));
        if (start != 0) bits = std::min(bits, static_cast<Word>(__builtin_ctz(start)));
        bits = std::min(bits, Word{29});
        if (bits < abi::page_bits) break;
        insert_original(root.slots[boot_slot::first_untyped + info.untyped_count],
                        Capability::untyped(start, bits, device), nullptr);
        info.untypeds[info.untyped_count++] = {start, static_cast<std::uint8_t>(bits),
                                               static_cast<std::uint8_t>(device), 0};
        start += Word{1} << bits;
    }
}

void fill_boot_info(Root& root, abi::BootInfo& info, BootMemory const& memory, Address image_end) {
    info.magic = abi::boot_info_magic;
    info.tsc_per_millisecond = arch::ticks_per_millisecond();
    info.image_end = image_end;
    for (Word i = 0; i < memory.free_count; ++i) info.memory_bytes += memory.free[i].end - memory.free[i].start;
    info.module_count = memory.module_count - 1;
    std::copy_n(memory.modules + 1, info.module_count, info.modules);
    if (memory.command_line != nullptr)
        for (std::size_t i = 0; i + 1 < sizeof info.command_line && memory.command_line[i] != 0; ++i)
            info.command_line[i] = memory.command_line[i];
    for (Word i = 0; i < memory.free_count; ++i) give_range(root, info, root.memory.rest(i), false);
    for (Word i = 0; i < memory.device_count; ++i) give_range(root, info, memory.devices[i], true);
    info.first_free_slot = boot_slot::first_untyped + info.untyped_count;
}

} // namespace

void boot(BootMemory const& memory) {
    Cpu& processor = cpu();
    initialize_interrupts();
    processor.orphans.budget = processor.orphans.period = processor.orphans.remaining = root_slice_ticks;
    processor.orphans.usable = 1;
    BootAllocator allocator{memory};

    Root root{.memory = allocator, .slots = nullptr, .space = nullptr};
    Capability cnode = root.create(ObjectType::CNode, boot_slot::cnode_radix, 0);
    cnode.set_guard(0, 32 - boot_slot::cnode_radix);
    root.slots = cnode.slots();
    insert_original(root.slots[boot_slot::cnode], cnode, nullptr);
    auto& thread = root.create(ObjectType::Thread, 0, boot_slot::thread).object<Thread>();
    root.space = root.create(ObjectType::AddressSpace, 0, boot_slot::address_space).object_pointer<AddressSpace>();
    auto& context = root.create(ObjectType::SchedContext, 0, boot_slot::sched_context).object<SchedContext>();
    put_control(root, boot_slot::irq_control, ControlKind::Irq);
    put_control(root, boot_slot::io_port_control, ControlKind::IoPort);
    put_control(root, boot_slot::sched_control, ControlKind::Sched);
    put_control(root, boot_slot::debug, ControlKind::Debug);

    Address image_end = abi::root_ipc_buffer_address + abi::page_size;
    Address const entry = load_image(root, memory.modules[0], image_end);
    for (Word i = 1; i <= stack_pages; ++i)
        root.page(stack_top - i * abi::page_size, abi::right::read | abi::right::write);
    auto& info = *static_cast<abi::BootInfo*>(shared_page(root, abi::boot_info_address, boot_slot::boot_info_frame));
    set_ipc_buffer(
        thread, abi::root_ipc_buffer_address,
        static_cast<abi::IpcBuffer*>(shared_page(root, abi::root_ipc_buffer_address, boot_slot::ipc_buffer_frame)));
    thread.ipc_buffer->self = abi::root_ipc_buffer_address;
    fill_boot_info(root, info, memory, image_end);

    insert_derived(thread.cspace_root, cnode, root.slots[boot_slot::cnode]);
    Capability const space = root.slots[boot_slot::address_space].capability;
    insert_derived(thread.address_space, space, root.slots[boot_slot::address_space]);
    update_cspace(thread);
    update_space(thread);
    Capability buffer = root.slots[boot_slot::ipc_buffer_frame].capability;
    buffer.word1 = reinterpret_cast<Word>(&thread) | 2;
    insert_derived(thread.ipc_buffer_frame, buffer, root.slots[boot_slot::ipc_buffer_frame]);
    abi::Registers registers{};
    registers.eip = entry;
    registers.esp = stack_top;
    thread.context.set_registers(registers);
    thread.name[0] = 'r' | 'o' << 8 | 'o' << 16 | 't' << 24;
    thread.priority = 255;
    configure(context, root_slice_ticks, root_slice_ticks);
    bind(context, thread);
    resume(thread);
    leave_kernel();
}

} // namespace kernel
