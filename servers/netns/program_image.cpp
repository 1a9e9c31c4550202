#include "program_image.hpp"
#include <charconv>
#include <cstring>

namespace netns {
namespace {

std::optional<std::uint32_t> field(char const* text) {
    std::uint32_t value = 0;
    auto const [end, error] = std::from_chars(text, text + 8, value, 16);
    if (error != std::errc{} || end != text + 8) { return {}; }
    return value;
}
constexpr std::size_t align4(std::size_t value) { return (value + 3) & ~std::size_t{3}; }

struct Header {
    unsigned char identity[16];
    std::uint16_t type, machine;
    std::uint32_t version, entry, program_offset, section_offset, flags;
    std::uint16_t header_size, program_size, program_count, section_size, section_count, names;
};
struct ProgramHeader {
    std::uint32_t type, offset, address, physical, file_size, memory_size, flags, alignment;
};

} // namespace

std::optional<std::span<std::byte const>> find_in_archive(std::span<std::byte const> archive, std::string_view path) {
    constexpr std::size_t header_bytes = 110, size_field = 54, name_size_field = 94;
    for (std::size_t at = 0; at + header_bytes <= archive.size();) {
        auto const* const header = reinterpret_cast<char const*>(archive.data() + at);
        auto const size = field(header + size_field), name_size = field(header + name_size_field);
        if (std::string_view{header, 6} != "070701" || !size || !name_size || *name_size == 0) { return {}; }
        auto const name_at = at + header_bytes;
        if (*name_size > archive.size() - name_at) { return {}; }
        auto const data_at = align4(name_at + *name_size);
        if (data_at > archive.size() || *size > archive.size() - data_at) { return {}; }
        std::string_view name{header + header_bytes, *name_size};
        name = name.substr(0, name.find('\0'));
        if (name == "TRAILER!!!") { return {}; }
        if (name == path) { return archive.subspan(data_at, *size); }
        at = align4(data_at + *size);
    }
    return {};
}

std::optional<ProgramImage> read_program(std::span<std::byte const> file, std::uint32_t limit) {
    constexpr std::uint32_t load = 1, writable_flag = 2;
    Header header;
    if (file.size() < sizeof header) { return {}; }
    std::memcpy(&header, file.data(), sizeof header);
    if (std::memcmp(header.identity, "\177ELF\1\1", 6) != 0 || header.type != 2 || header.machine != 3 ||
        header.program_size != sizeof(ProgramHeader)) {
        return {};
    }
    ProgramImage image;
    image.file = file;
    image.entry = header.entry;
    for (std::uint32_t i = 0; i < header.program_count; ++i) {
        std::uint64_t const at = std::uint64_t{header.program_offset} + i * sizeof(ProgramHeader);
        if (at + sizeof(ProgramHeader) > file.size()) { return {}; }
        ProgramHeader program;
        std::memcpy(&program, file.data() + at, sizeof program);
        if (program.type != load || program.memory_size == 0) { continue; }
        if (image.segment_count == ProgramImage::maximum_segments || program.file_size > program.memory_size ||
            std::uint64_t{program.offset} + program.file_size > file.size() ||
            std::uint64_t{program.address} + program.memory_size > limit ||
            program.address % 4096 != program.offset % 4096) {
            return {};
        }
        image.segments[image.segment_count++] = {program.address, program.memory_size, program.offset,
                                                 program.file_size, (program.flags & writable_flag) != 0};
    }
    if (image.segment_count == 0) { return {}; }
    return image;
}

} // namespace netns
