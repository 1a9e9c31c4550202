// The initial stack of a program as the i386 ABI wants it: argc, argv, envp, auxiliary vector, and the strings above.
#pragma once
#include "../machine/kernel.hpp"
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace proc {

namespace auxiliary {
inline constexpr Word null = 0, program_headers = 3, program_header_size = 4, program_header_count = 5, page_size = 6,
                      base = 7, flags = 8, entry = 9, user = 11, effective_user = 12, group = 13, effective_group = 14,
                      platform = 15, hardware = 16, clock_ticks = 17, secure = 23, random = 25, hardware2 = 26,
                      executable_name = 31, sysinfo = 32, sysinfo_header = 33, minimum_signal_stack = 51;
}

struct StackImage {
    Address pointer = 0;          ///< initial stack pointer: address of bytes[0]; 16-byte aligned
    std::vector<std::byte> bytes; ///< up to the stack's top
    Address arguments_start = 0, arguments_end = 0, environment_start = 0, environment_end = 0;
};

struct StackContents {
    std::vector<std::string> const& arguments;
    std::vector<std::string> const& environment;
    std::string_view executable_name;
    std::array<std::byte, 16> random;
    std::vector<std::pair<Word, Word>> auxiliary; ///< all but those that point into the stack and the null entry
};
StackImage make_stack(Address top, StackContents const& contents);

} // namespace proc
