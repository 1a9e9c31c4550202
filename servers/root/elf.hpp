// The little of ELF that root needs: static i386 executables (System V ABI, Intel386 supplement, chapter 5).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace root {

struct Segment {
    std::uint32_t address, memory_bytes, file_offset, file_bytes;
    bool writable, executable;
};
struct Executable {
    static constexpr std::size_t maximum_segments = 8;
    std::uint32_t entry = 0;
    Segment segments[maximum_segments];
    std::size_t segment_count = 0;
};

/// Reads the program headers; every PT_LOAD lies inside the file and below 3 GiB, or nothing is returned.
[[nodiscard]] std::optional<Executable> read_executable(std::span<std::byte const> file);

} // namespace root
