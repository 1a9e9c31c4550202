#include "elf.hpp"
#include <cstring>

namespace root {
namespace {

struct Header {
    unsigned char identity[16];
    std::uint16_t type, machine;
    std::uint32_t version, entry, program_offset, section_offset, flags;
    std::uint16_t header_size, program_size, program_count, section_size, section_count, names;
};
static_assert(sizeof(Header) == 52);
struct ProgramHeader {
    std::uint32_t type, offset, address, physical, file_size, memory_size, flags, alignment;
};
static_assert(sizeof(ProgramHeader) == 32);

} // namespace

std::optional<Executable> read_executable(std::span<std::byte const> file) {
    constexpr std::uint32_t load = 1, executable_flag = 1, writable_flag = 2, limit = 0xC0000000;
    Header header;
    if (file.size() < sizeof header) { return {}; }
    std::memcpy(&header, file.data(), sizeof header);
    if (std::memcmp(header.identity, "\177ELF\1\1", 6) != 0 || header.type != 2 || header.machine != 3 ||
        header.program_size != sizeof(ProgramHeader)) {
        return {};
    }
    Executable result;
    result.entry = header.entry;
    for (std::uint32_t i = 0; i < header.program_count; ++i) {
        std::uint64_t const at = std::uint64_t{header.program_offset} + i * sizeof(ProgramHeader);
        if (at + sizeof(ProgramHeader) > file.size()) { return {}; }
        ProgramHeader program;
        std::memcpy(&program, file.data() + at, sizeof program);
        if (program.type != load || program.memory_size == 0) { continue; }
        if (result.segment_count == Executable::maximum_segments || program.file_size > program.memory_size ||
            std::uint64_t{program.offset} + program.file_size > file.size() ||
            std::uint64_t{program.address} + program.memory_size > limit) {
            return {};
        }
        result.segments[result.segment_count++] = {program.address,
                                                   program.memory_size,
                                                   program.offset,
                                                   program.file_size,
                                                   (program.flags & writable_flag) != 0,
                                                   (program.flags & executable_flag) != 0};
    }
    if (result.segment_count == 0) { return {}; }
    return result;
}

} // namespace root
