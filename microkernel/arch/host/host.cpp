// namespace arch for the host. Hardware entries: physical address | 1 present | 2 write | 4 large.
#include "../../kernel/objects.hpp"
#include "machine.hpp"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace arch {

namespace host {

Machine machine;
namespace {
alignas(1 << 22) unsigned char memory[memory_bytes];
std::uint64_t stamp;
} // namespace

void reset() {
    machine = {};
    // Nothing is zero that the kernel has not zeroed; from then on there is what the last kernel left.
    static bool const is_filled = (std::memset(memory, 0xa5, sizeof memory), true);
    static_cast<void>(is_filled);
}

} // namespace host

using host::machine;

namespace {
constexpr Word present = 1, writable = 2, large = 4;
Word* entries(void* table) { return static_cast<Word*>(table); }
Word entry(void const* table, Word index) { return static_cast<Word const*>(table)[index]; }
Word flags(Word rights) { return present | ((rights & abi::right::write) != 0 ? writable : 0); }
} // namespace

void* to_virtual(Address physical) { return host::memory + (physical - host::memory_start); }
Address to_physical(void const* address) {
    return static_cast<Address>(static_cast<unsigned char const*>(address) - host::memory) + host::memory_start;
}

void directory_initialize(void* directory) { entries(directory)[1023] = present; }
void directory_set_table(void* directory, Word index, Address table) {
    entries(directory)[index] = table | present | writable;
}
void directory_set_large(void* directory, Word index, Address frame, Word rights, Word) {
    entries(directory)[index] = frame | flags(rights) | large;
}
void directory_clear(void* directory, Word index) { entries(directory)[index] = 0; }
void table_set(void* table, Word index, Address frame, Word rights, Word) {
    entries(table)[index] = frame | flags(rights);
}
void table_clear(void* table, Word index) { entries(table)[index] = 0; }
Word entry_rights(void const* table, Word index) {
    Word const value = entry(table, index);
    if ((value & present) == 0) return 0;
    return abi::right::read | ((value & writable) != 0 ? abi::right::write : 0);
}
Address entry_physical(void const* table, Word index) { return entry(table, index) & 0xfffff000; }
void directory_destroy(void const* directory) {
    if (machine.directory == directory) machine.directory = nullptr;
}
void flush_page(void const*, Address) { ++machine.page_flushes; }
void flush_space(void const*) { ++machine.space_flushes; }

void* user_to_kernel(void const* directory, Address address, Word rights) {
    if (address >= abi::user_end) return nullptr;
    Word const upper = entry(directory, address >> 22);
    if ((upper & present) == 0) return nullptr;
    bool const write = (rights & abi::right::write) != 0;
    if ((upper & large) != 0) {
        if (write && (upper & writable) == 0) return nullptr;
        return to_virtual((upper & 0xffc00000) | (address & 0x3fffff));
    }
    Word const lower = entry(to_virtual(upper & 0xfffff000), address >> 12 & 1023);
    if ((lower & present) == 0 || (write && (lower & writable) == 0)) return nullptr;
    return to_virtual((lower & 0xfffff000) | (address & 0xfff));
}

void context_initialize(Context& context) { context.alive = true; }
void floating_point_reset(Context& context) { ++context.floating_point_resets; }
void floating_point_copy(Context& context, Context const& source) {
    std::copy(source.fpu, source.fpu + sizeof source.fpu, context.fpu);
}
void set_space(Context& context, void const* directory) {
    context.directory = directory;
    if (is_loaded(context)) machine.directory = directory;
}
bool has_space(Context const& context, void const* directory) { return context.directory == directory; }
void switch_to(kernel::Thread& thread) {
    machine.loaded = reinterpret_cast<Context*>(&thread); // its first member
    machine.directory = machine.loaded->directory;
}
bool is_loaded(Context const& context) { return machine.loaded == &context; }
void const* loaded_directory() { return machine.directory != nullptr ? machine.directory : host::memory; }
void context_destroy(Context& context) {
    context.alive = false;
    if (machine.loaded == &context) machine.loaded = nullptr;
}

bool interrupt_pending() {
    ++machine.preemption_points;
    return machine.preemption_points == machine.preempt_at ||
           (machine.preempt_every != 0 && machine.preemption_points % machine.preempt_every == 0);
}
void serve_interrupts() {
    ++machine.served;
    if (machine.tick_on_interrupt) kernel::handle_tick();
}
LatencyFigures take_latency() { return {}; }
void interrupt_mask(Word line) { machine.masked_lines |= 1u << line; }
void interrupt_unmask(Word line) { machine.masked_lines &= ~(1u << line); }
Word port_in(Word port, Word) {
    machine.last_port = port;
    return machine.port_value;
}
void port_out(Word port, Word, Word value) {
    machine.last_port = port;
    machine.last_port_value = value;
}
std::uint64_t time_stamp() { return ++host::stamp; }
Word ticks_per_millisecond() { return 1000; }
void log_write(char const* text, std::size_t length) { machine.log.append(text, length); }
void power_off(Word status) {
    std::fwrite(machine.log.data(), 1, machine.log.size(), stderr); // nothing else would tell why
    std::exit(static_cast<int>(status));
}

} // namespace arch
