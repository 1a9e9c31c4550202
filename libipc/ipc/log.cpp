#include "log.hpp"
#include <algorithm>

namespace ipc {

namespace {

class Line {
public:
    explicit Line(std::span<char> target) : target_{target} {}
    void put(std::string_view text) {
        std::size_t const count = std::min(text.size(), target_.size() - used_);
        std::copy_n(text.data(), count, target_.data() + used_);
        used_ += count;
    }
    void put_number(std::uint64_t value, unsigned base) {
        char digits[20];
        std::size_t position = sizeof digits;
        do {
            digits[--position] = "0123456789abcdef"[value % base];
            value /= base;
        } while (value != 0);
        put({digits + position, sizeof digits - position});
    }
    [[nodiscard]] std::string_view text() const { return {target_.data(), used_}; }

private:
    std::span<char> target_;
    std::size_t used_ = 0;
};

void put_argument(Line& line, LogArgument const& argument, bool hexadecimal) {
    switch (argument.kind) {
    case LogArgument::Kind::Text: line.put(argument.text); break;
    case LogArgument::Kind::Character: {
        char const character = static_cast<char>(argument.number);
        line.put({&character, 1});
        break;
    }
    case LogArgument::Kind::Signed:
        if (static_cast<std::int64_t>(argument.number) < 0 && !hexadecimal) {
            line.put("-");
            line.put_number(~argument.number + 1, 10);
            break;
        }
        [[fallthrough]];
    case LogArgument::Kind::Unsigned: line.put_number(argument.number, hexadecimal ? 16 : 10); break;
    }
}

} // namespace

std::string_view format_log(std::span<char> target, std::string_view format, std::span<LogArgument const> arguments) {
    Line line{target};
    std::size_t next = 0;
    while (!format.empty()) {
        std::size_t const brace = std::min(format.find('{'), format.size());
        line.put(format.substr(0, brace));
        format.remove_prefix(brace);
        bool const hexadecimal = format.starts_with("{x}");
        if (hexadecimal || format.starts_with("{}")) {
            if (next < arguments.size()) { put_argument(line, arguments[next++], hexadecimal); }
            format.remove_prefix(hexadecimal ? 3 : 2);
        } else if (!format.empty()) {
            line.put("{");
            format.remove_prefix(1);
        }
    }
    return line.text();
}

void log_line(std::string_view format, std::span<LogArgument const> arguments) {
    char text[240];
    std::size_t const length = format_log(std::span{text}.first(sizeof text - 1), format, arguments).size();
    text[length] = '\n';
    write_log({text, length + 1});
}

} // namespace ipc
