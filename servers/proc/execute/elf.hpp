// Reading an i386 ELF program: pure checks of headers, so that a bad file is refused before anything is changed.
#pragma once
#include "../machine/kernel.hpp"
#include <span>
#include <vector>

namespace proc {

/// What execve needs to know of an ELF file. Addresses as in the file (a relocatable program's begin at 0).
struct ElfProgram {
    struct Segment {
        Address start, end; ///< whole pages in memory
        Address file_end;   ///< where file contents end (bytes)
        Word page_offset;   ///< of `start` in the file
        Word protection;    ///< proc::protection bits
    };
    bool relocatable = false; ///< ET_DYN
    Address entry = 0;
    Address program_headers = 0; ///< where they lie in memory, 0: in no segment
    Word program_header_count = 0;
    Address lowest = 0, highest = 0; ///< pages spanned by all segments
    Address memory_end = 0;          ///< first byte after the last segment's memory
    Address code_start = 0, code_end = 0, data_start = 0, data_end = 0;
    Word interpreter_offset = 0, interpreter_size = 0; ///< PT_INTERP, in the file; size 0: none
    std::vector<Segment> segments;                     ///< ascending, not overlapping
};

inline constexpr Word elf_header_bytes = 52, elf_program_header_bytes = 32, elf_program_header_maximum = 64;

/// Where the program headers are, from the first elf_header_bytes. NotExecutable.
struct ElfTable {
    Word offset, count;
};
Result<ElfTable> read_elf_table(std::span<std::byte const> header, std::uint64_t file_size);
/// header as above; table: the program headers. NotExecutable for anything that could not be run.
Result<ElfProgram> read_elf(std::span<std::byte const> header, std::span<std::byte const> table,
                            std::uint64_t file_size);

} // namespace proc
