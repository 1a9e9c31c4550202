// The stack's program as it lies in the boot image: the archive (cpio, newc; file data begins at page boundaries) and the ELF
// headers, read with nothing believed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace netns {

struct Segment {
    std::uint32_t address, memory_bytes, file_offset, file_bytes;
    bool writable;
};
struct ProgramImage {
    static constexpr std::size_t maximum_segments = 8;
    std::span<std::byte const> file;
    std::uint32_t entry = 0;
    Segment segments[maximum_segments];
    std::size_t segment_count = 0;
};

[[nodiscard]] std::optional<std::span<std::byte const>> find_in_archive(std::span<std::byte const> archive,
                                                                        std::string_view path);
/// Every segment inside the file and below `limit`; nothing otherwise.
[[nodiscard]] std::optional<ProgramImage> read_program(std::span<std::byte const> file, std::uint32_t limit);

} // namespace netns
