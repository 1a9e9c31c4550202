#include "request.hpp"
#include <charconv>

namespace container {

std::optional<Request> Request::parse(std::string_view text) {
    Request request;
    enum class Part { Verb, Fields, Command, Environment } part = Part::Verb;
    while (!text.empty()) {
        auto const end = text.find('\0');
        auto const word = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        if (part == Part::Verb) {
            request.verb = word;
            part = Part::Fields;
        } else if (part == Part::Command || part == Part::Environment) {
            if (part == Part::Command && word == "++") {
                part = Part::Environment;
            } else {
                (part == Part::Command ? request.command : request.environment).push_back(word);
            }
        } else if (word == "--") {
            part = Part::Command;
        } else {
            auto const equals = word.find('=');
            if (equals == word.npos) { return {}; }
            request.fields_.push_back({word.substr(0, equals), word.substr(equals + 1)});
        }
    }
    if (request.verb.empty()) { return {}; }
    return request;
}

std::string_view Request::field(std::string_view name) const {
    for (auto const& field : fields_) {
        if (field.name == name) { return field.value; }
    }
    return {};
}

std::optional<std::uint64_t> Request::number(std::string_view name) const {
    auto const text = field(name);
    std::uint64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) { return {}; }
    return value;
}

namespace {
void append_number(std::string& text, std::uint64_t number) {
    char digits[20];
    auto const [end, error] = std::to_chars(digits, digits + sizeof digits, number);
    text.append(digits, static_cast<std::size_t>(end - digits));
}
} // namespace

Reply Reply::error(std::string_view code, std::string_view text) {
    Reply reply{"error "};
    reply.text_ += code;
    reply.text_ += ' ';
    reply.text_ += text;
    reply.text_ += '\n';
    return reply;
}

Reply& Reply::add(std::string_view name, std::string_view value) {
    text_ += name;
    text_ += '=';
    text_ += value;
    text_ += '\n';
    return *this;
}

Reply& Reply::add(std::string_view name, std::uint64_t value) {
    text_ += name;
    text_ += '=';
    append_number(text_, value);
    text_ += '\n';
    return *this;
}

Reply& Reply::add_signed(std::string_view name, std::int64_t value) {
    text_ += name;
    text_ += value < 0 ? "=-" : "=";
    append_number(text_, static_cast<std::uint64_t>(value < 0 ? -value : value));
    text_ += '\n';
    return *this;
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::string_view units = " KMGT";
    std::size_t unit = 0;
    while (unit + 1 < units.size() && bytes >= 1024 && (bytes % 1024 == 0 || bytes >= 10 * 1024)) {
        bytes /= 1024;
        ++unit;
    }
    std::string text;
    append_number(text, bytes);
    if (unit != 0) { text += units[unit]; }
    return text;
}

bool valid_name(std::string_view name) {
    auto const alphanumeric = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    if (name.empty() || name.size() > 64 || !alphanumeric(name.front())) { return false; }
    for (char const c : name) {
        if (!alphanumeric(c) && c != '_' && c != '.' && c != '-') { return false; }
    }
    return true;
}

} // namespace container
