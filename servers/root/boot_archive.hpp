// The boot image as root sees it: a cpio archive (newc) whose file data lies at page boundaries (boot/image.py).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace root {

/// Finds the file `path` in the archive; nothing if it is not there or the archive is cut short before it.
[[nodiscard]] std::optional<std::span<std::byte const>> find_in_archive(std::span<std::byte const> archive,
                                                                        std::string_view path);

} // namespace root
