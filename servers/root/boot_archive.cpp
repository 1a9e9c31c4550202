#include "boot_archive.hpp"
#include <charconv>

namespace root {
namespace {

constexpr std::size_t header_size = 110;
constexpr std::size_t mode_field = 14, size_field = 54,
                      name_size_field = 94; // offsets in the header, 8 hexadecimal digits each

std::optional<std::uint32_t> field(char const* header, std::size_t offset) {
    std::uint32_t value = 0;
    auto const [end, error] = std::from_chars(header + offset, header + offset + 8, value, 16);
    if (error != std::errc{} || end != header + offset + 8) { return {}; }
    return value;
}

constexpr std::size_t align4(std::size_t value) { return (value + 3) & ~std::size_t{3}; }

} // namespace

std::optional<std::span<std::byte const>> find_in_archive(std::span<std::byte const> archive, std::string_view path) {
    constexpr std::uint32_t type_mask = 0170000, regular = 0100000;
    std::size_t at = 0;
    while (at + header_size <= archive.size()) {
        auto const* header = reinterpret_cast<char const*>(archive.data() + at);
        auto const mode = field(header, mode_field), size = field(header, size_field),
                   name_size = field(header, name_size_field);
        if (std::string_view{header, 6} != "070701" || !mode || !size || !name_size || *name_size == 0) { return {}; }
        auto const name_at = at + header_size;
        if (*name_size > archive.size() - name_at) { return {}; }
        auto const data_at = align4(name_at + *name_size);
        if (data_at > archive.size() || *size > archive.size() - data_at) { return {}; }
        // The name field is padded with NUL bytes so that the data starts at a page.
        std::string_view name{header + header_size, *name_size};
        name = name.substr(0, name.find('\0'));
        if (name == "TRAILER!!!") { return {}; }
        if (name == path && (*mode & type_mask) == regular) { return archive.subspan(data_at, *size); }
        at = align4(data_at + *size);
    }
    return {};
}

} // namespace root
