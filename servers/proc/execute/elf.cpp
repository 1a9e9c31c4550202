#include "elf.hpp"
#include "../memory/memory_space.hpp"
#include <algorithm>
#include <cstring>

namespace proc {

namespace {
struct Header {
    unsigned char identification[16];
    std::uint16_t type, machine;
    std::uint32_t version, entry, program_headers, section_headers, flags;
    std::uint16_t header_size, program_header_size, program_header_count, section_header_size, section_header_count,
        section_names;
};
static_assert(sizeof(Header) == elf_header_bytes);
struct ProgramHeader {
    std::uint32_t type, offset, virtual_address, physical_address, file_size, memory_size, flags, alignment;
};
static_assert(sizeof(ProgramHeader) == elf_program_header_bytes);

constexpr std::uint16_t type_executable = 2, type_dynamic = 3, machine_386 = 3;
constexpr std::uint32_t segment_load = 1, segment_interpreter = 3;
constexpr std::uint32_t flag_execute = 1, flag_write = 2, flag_read = 4;
constexpr Word page_mask = abi::page_size - 1;
constexpr Word interpreter_maximum = 256;

Header header_of(std::span<std::byte const> bytes) {
    Header header;
    std::memcpy(&header, bytes.data(), sizeof header);
    return header;
}

/// Adds a PT_LOAD segment. False: it cannot be mapped.
bool add_segment(ElfProgram& program, ProgramHeader const& entry, std::uint64_t file_size) {
    if (entry.memory_size == 0) return entry.file_size == 0;
    std::uint64_t const end = std::uint64_t{entry.virtual_address} + entry.memory_size;
    if (entry.file_size > entry.memory_size || std::uint64_t{entry.offset} + entry.file_size > file_size ||
        end > linux_process::stack_top || (entry.virtual_address & page_mask) != (entry.offset & page_mask)) {
        return false;
    }
    ElfProgram::Segment segment{};
    segment.start = entry.virtual_address & ~page_mask;
    segment.end = (static_cast<Address>(end) + page_mask) & ~page_mask;
    segment.file_end = entry.virtual_address + entry.file_size;
    segment.page_offset = entry.offset / abi::page_size;
    if (entry.file_size == 0) segment.file_end = segment.start;
    segment.protection = ((entry.flags & flag_read) != 0 ? protection::read : 0) |
                         ((entry.flags & flag_write) != 0 ? protection::write : 0) |
                         ((entry.flags & flag_execute) != 0 ? protection::execute : 0);
    if (!program.segments.empty() && segment.start < program.segments.back().end) return false;
    program.segments.push_back(segment);
    program.memory_end = static_cast<Address>(end);
    if ((entry.flags & flag_execute) != 0 && program.code_end == 0) {
        program.code_start = entry.virtual_address;
        program.code_end = segment.file_end;
    }
    if ((entry.flags & flag_write) != 0) {
        if (program.data_start == 0) program.data_start = entry.virtual_address;
        program.data_end = segment.file_end;
    }
    return true;
}
} // namespace

Result<ElfTable> read_elf_table(std::span<std::byte const> bytes, std::uint64_t file_size) {
    if (bytes.size() < elf_header_bytes) return fail(Error::NotExecutable);
    Header const header = header_of(bytes);
    constexpr unsigned char expected[] = {0x7f, 'E', 'L', 'F', 1, 1, 1}; // 32 bits, little-endian, version 1
    if (std::memcmp(header.identification, expected, sizeof expected) != 0 || header.machine != machine_386 ||
        header.version != 1 || (header.type != type_executable && header.type != type_dynamic) ||
        header.program_header_size != elf_program_header_bytes || header.program_header_count == 0 ||
        header.program_header_count > elf_program_header_maximum ||
        header.program_headers + std::uint64_t{header.program_header_count} * elf_program_header_bytes > file_size) {
        return fail(Error::NotExecutable);
    }
    return ElfTable{header.program_headers, header.program_header_count};
}

Result<ElfProgram> read_elf(std::span<std::byte const> bytes, std::span<std::byte const> table,
                            std::uint64_t file_size) {
    auto const where = read_elf_table(bytes, file_size);
    if (!where) return fail(where.error());
    if (table.size() < where->count * elf_program_header_bytes) return fail(Error::NotExecutable);
    Header const header = header_of(bytes);
    ElfProgram program;
    program.relocatable = header.type == type_dynamic;
    program.entry = header.entry;
    program.program_header_count = where->count;
    for (Word i = 0; i < where->count; ++i) {
        ProgramHeader entry;
        std::memcpy(&entry, table.data() + i * elf_program_header_bytes, sizeof entry);
        if (entry.type == segment_interpreter) {
            if (entry.file_size < 2 || entry.file_size > interpreter_maximum ||
                std::uint64_t{entry.offset} + entry.file_size > file_size) {
                return fail(Error::NotExecutable);
            }
            program.interpreter_offset = entry.offset;
            program.interpreter_size = entry.file_size;
        }
        if (entry.type != segment_load) continue;
        if (!add_segment(program, entry, file_size)) return fail(Error::NotExecutable);
        Word const table_end = where->offset + where->count * elf_program_header_bytes;
        if (entry.offset <= where->offset && table_end <= entry.offset + entry.file_size) {
            program.program_headers = entry.virtual_address + (where->offset - entry.offset);
        }
    }
    if (program.segments.empty()) return fail(Error::NotExecutable);
    program.lowest = program.segments.front().start;
    program.highest = program.segments.back().end;
    if (!program.relocatable && program.lowest < 0x10000) return fail(Error::NotExecutable);
    bool const entry_inside = std::ranges::any_of(program.segments, [&](auto const& segment) {
        return program.entry >= segment.start && program.entry < segment.end;
    });
    if (!entry_inside) return fail(Error::NotExecutable);
    return program;
}

} // namespace proc
