// ipc::log("vfs: mounted {} at {}", source, target): one line on the kernel's log. `{}` takes the next argument, `{x}` in hexadecimal.
// It is an invocation: it overwrites the IPC buffer's message like any other.
#pragma once
#include "error.hpp"
#include <concepts>
#include <span>
#include <string_view>
#include <type_traits>

namespace ipc {

/// One argument, its type erased: text, or a number of at most 64 bits.
struct LogArgument {
    enum class Kind : std::uint8_t { Text, Signed, Unsigned, Character } kind;
    std::uint64_t number = 0;
    std::string_view text;
    constexpr LogArgument(std::string_view view) : kind{Kind::Text}, text{view} {}
    constexpr LogArgument(char const* string) : kind{Kind::Text}, text{string} {}
    constexpr LogArgument(bool value) : kind{Kind::Text}, text{value ? "true" : "false"} {}
    constexpr LogArgument(char value) : kind{Kind::Character}, number{static_cast<unsigned char>(value)} {}
    template <std::integral T>
    constexpr LogArgument(T value)
        : kind{std::is_signed_v<T> ? Kind::Signed : Kind::Unsigned}, number{static_cast<std::uint64_t>(
                                                                         static_cast<std::int64_t>(value))} {
        if constexpr (!std::is_signed_v<T>) { number = value; }
    }
    template <class T>
    requires std::is_enum_v<T>
    constexpr LogArgument(T value) : LogArgument{static_cast<std::underlying_type_t<T>>(value)} {}
    template <class T>
    requires std::is_convertible_v<T const&, std::string_view>
    constexpr LogArgument(T const& value) : LogArgument{std::string_view{value}} {}
};

/// Formats into `target`, cut off at its end. Returns the text.
std::string_view format_log(std::span<char> target, std::string_view format, std::span<LogArgument const> arguments);
/// One finished line, with its newline, to the log.
void write_log(std::string_view line);
void log_line(std::string_view format, std::span<LogArgument const> arguments);

template <class... Ts>
void log(std::string_view format, Ts const&... arguments) {
    if constexpr (sizeof...(Ts) == 0) {
        log_line(format, {});
    } else {
        LogArgument const list[] = {LogArgument(arguments)...};
        log_line(format, list);
    }
}

/// Ends this server: logs why and faults, so that its supervisor notices.
[[noreturn]] void stop(std::string_view why);

} // namespace ipc
