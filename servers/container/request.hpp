// What ctool writes to /dev/container and what it reads back. Plain text, so that any Linux program can drive the manager:
//
//   request   fields separated by NUL: the verb, then name=value fields, then after a field "--" the words of a command and after a
//             field "++" the environment
//   reply     "ok\n" or "error CODE TEXT\n", then name=value lines
//
// Knows no kernel: runs in a host test.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace container {

class Request {
public:
    static constexpr std::size_t maximum_bytes = 65536;
    /// Views into `text`, which must outlive it. nullopt: no verb, or a field without `=`.
    static std::optional<Request> parse(std::string_view text);

    std::string_view verb;
    std::vector<std::string_view> command, environment;
    /// Value of a field; empty if it is not there.
    [[nodiscard]] std::string_view field(std::string_view name) const;
    [[nodiscard]] std::optional<std::uint64_t> number(std::string_view name) const;

private:
    struct Field {
        std::string_view name, value;
    };
    std::vector<Field> fields_;
};

/// A reply under construction.
class Reply {
public:
    static Reply ok() { return Reply{"ok\n"}; }
    /// `code` is stable and for scripts; `text` is for people and says what was asked, what there is, what to do.
    static Reply error(std::string_view code, std::string_view text);
    Reply& add(std::string_view name, std::string_view value);
    Reply& add(std::string_view name, std::uint64_t value);
    Reply& add_signed(std::string_view name, std::int64_t value);
    [[nodiscard]] std::string const& text() const { return text_; }

private:
    explicit Reply(std::string text) : text_{std::move(text)} {}
    std::string text_;
};

/// "64M", "41M", "512K", "100": the largest unit that divides it, else rounded down to a unit with at least two digits.
std::string size_text(std::uint64_t bytes);
/// Letters, digits, `_`, `.`, `-`, beginning with a letter or digit, at most 64: a file name that cannot escape its folder.
bool valid_name(std::string_view name);

} // namespace container
