// The machine at boot: what the Multiboot loader says is checked and becomes kernel::BootMemory.
#pragma GCC optimize("Os") // not where time counts
#include "machine.hpp"

extern "C" {
extern char arch_kernel_end[];
}

namespace arch {

namespace {

struct MultibootInformation {
    Word flags, memory_lower, memory_upper, boot_device, command_line, module_count, modules, symbols[4], map_length,
        map;
};
struct MultibootModule {
    Word start, end, name, reserved;
};
struct [[gnu::packed]] MultibootRange {
    Word size;
    std::uint64_t start, length;
    Word type;
};

constexpr Word has_command_line = 4, has_modules = 8, has_map = 64, type_ram = 1;
constexpr Address window_bytes = KERNEL_WINDOW_END - KERNEL_BASE;
constexpr Address low_memory_end = 0x100000;
constexpr Word loader_magic = 0x2badb002;

constinit kernel::BootMemory memory{};
constinit char command_line[512]{};

/// Strings of the loader lie in memory that is about to be given away.
void copy_text(char* to, std::size_t capacity, Address from) {
    std::size_t index = 0;
    if (from != 0 && from < window_bytes) {
        auto const* text = static_cast<char const*>(to_virtual(from));
        for (; index + 1 < capacity && text[index] != 0; ++index) to[index] = text[index];
    }
    to[index] = 0;
}

Address page_up(Address address) { return (address + abi::page_size - 1) & ~(abi::page_size - 1); }
Address page_down(Address address) { return address & ~(abi::page_size - 1); }

void add_free(Address start, Address end) {
    if (start < end && memory.free_count < 32) memory.free[memory.free_count++] = {start, end};
}

/// Takes a range out of the free memory. True if it lay in one piece of it.
bool take(Address start, Address end) {
    for (Word index = 0; index < memory.free_count; ++index) {
        kernel::MemoryRange& range = memory.free[index];
        if (start < range.start || end > range.end) continue;
        Address const rest_end = range.end;
        range.end = start;
        if (range.start == range.end) {
            range = {end, rest_end};
            if (end == rest_end) range = memory.free[--memory.free_count];
        } else {
            add_free(end, rest_end);
        }
        return true;
    }
    return false;
}

void read_map(MultibootInformation const& information) {
    Address at = information.map;
    while (at < information.map + information.map_length) {
        auto const& range = *static_cast<MultibootRange const*>(to_virtual(at));
        at += range.size + sizeof range.size;
        if (range.type != type_ram || range.start >= window_bytes) {
            if (range.type == type_ram) log("kernel: memory above 768 MiB is not used\n");
            continue;
        }
        std::uint64_t end = range.start + range.length;
        if (end > window_bytes) {
            log("kernel: memory above 768 MiB is not used\n");
            end = window_bytes;
        }
        Address const start = page_up(static_cast<Address>(range.start));
        add_free(start < low_memory_end ? low_memory_end : start, page_down(static_cast<Address>(end)));
    }
}

/// Ranges are kept apart even where they touch: each module begins an Untyped of its own, so that root finds it.
void add_device(Address start, Address end) {
    if (memory.device_count == sizeof memory.devices / sizeof memory.devices[0]) fail("too many modules");
    memory.devices[memory.device_count++] = {start, end};
}

void read_modules(MultibootInformation const& information) {
    constexpr Word most = sizeof memory.modules / sizeof memory.modules[0];
    if (information.module_count == 0) fail("no module 0, the root server");
    if (information.module_count > most) fail("too many modules");
    auto const* modules = static_cast<MultibootModule const*>(to_virtual(information.modules));
    for (Word index = 0; index < information.module_count; ++index) {
        MultibootModule const& from = modules[index];
        if (from.start > from.end || from.end > window_bytes - abi::page_size) fail("a module lies outside the window");
        abi::BootModule& to = memory.modules[index];
        to.physical = from.start;
        to.length = from.end - from.start;
        copy_text(to.name, sizeof to.name, from.name);
    }
    memory.module_count = information.module_count;
}

} // namespace

[[noreturn]] void fail(char const* why) {
    log("kernel: cannot boot: ");
    log(why);
    log("\n");
    power_off(126);
}

extern "C" void arch_boot(Word magic, Address information_address) {
    log_initialize();
    if (magic != loader_magic) fail("not started by a Multiboot loader");
    auto const& information = *static_cast<MultibootInformation const*>(to_virtual(information_address));
    if ((information.flags & has_map) == 0 || (information.flags & has_modules) == 0)
        fail("no memory map or no modules");
    if ((information.flags & has_command_line) != 0)
        copy_text(command_line, sizeof command_line, information.command_line);
    memory.command_line = command_line;
    read_map(information);
    if (!take(low_memory_end, page_up(to_physical(arch_kernel_end)))) fail("the kernel does not lie in memory");
    read_modules(information);
    add_device(0xa0000, 0x100000);      // VGA memory and ROMs
    add_device(0xe0000000, 0xfec00000); // PCI devices
    for (Word index = 0; index < memory.module_count; ++index) {
        abi::BootModule const& module = memory.modules[index];
        if (module.length == 0) continue;
        Address const start = page_down(module.physical), end = page_up(module.physical + module.length);
        if (!take(start, end)) fail("modules overlap or do not lie in memory");
        add_device(start, end);
    }
    descriptors_initialize();
    floating_point_initialize();
    interrupts_initialize();
    timer_initialize();
    kernel::boot(memory);
}

} // namespace arch
