#include "line_discipline.hpp"
#include <algorithm>

namespace tty {

namespace {
constexpr std::uint32_t signal_interrupt = 2, signal_quit = 3, signal_stop = 20;
constexpr bool is_control(std::uint8_t byte) { return (byte < 0x20 && byte != '\t' && byte != '\n') || byte == 0x7f; }
} // namespace

void LineDiscipline::output(std::string_view text, std::string& out) {
    if ((termios.output & output_flag::process) == 0) {
        out += text;
        return;
    }
    for (char const c : text) {
        if (c == '\n' && (termios.output & output_flag::newline_to_return_newline) != 0) {
            out += "\r\n";
            column_ = 0;
        } else if (c == '\r' && (termios.output & output_flag::return_to_newline) != 0) {
            out += '\n';
        } else if (c == '\r' && (termios.output & output_flag::no_return_at_column0) != 0 && column_ == 0) {
            continue;
        } else {
            out += c;
            column_ = c == '\r' ? 0 : column_ + 1;
        }
    }
}

void LineDiscipline::echo_byte(std::uint8_t byte, std::string& echo) {
    if (byte == '\n') {
        if (local(local_flag::echo) || (local(local_flag::echo_newline) && local(local_flag::canonical))) {
            output("\n", echo);
        }
    } else if (local(local_flag::echo)) {
        if (is_control(byte) && local(local_flag::echo_control)) {
            char const shown[] = {'^', static_cast<char>(byte ^ 0x40)};
            output({shown, 2}, echo);
        } else {
            char const c = static_cast<char>(byte);
            output({&c, 1}, echo);
        }
    }
}

void LineDiscipline::erase_one(std::string& echo) {
    auto const byte = static_cast<std::uint8_t>(line_.back());
    line_.pop_back();
    // UTF-8 continuation bytes go with the byte that leads them.
    if ((byte & 0xC0) == 0x80) {
        while (!line_.empty() && (static_cast<std::uint8_t>(line_.back()) & 0xC0) == 0x80) { line_.pop_back(); }
        if (!line_.empty()) { line_.pop_back(); }
    }
    if (local(local_flag::echo) && local(local_flag::echo_erase)) {
        echo += is_control(byte) && local(local_flag::echo_control) ? "\b \b\b \b" : "\b \b";
    }
}

void LineDiscipline::commit() {
    for (char const c : line_) { ready_.push_back(static_cast<std::uint8_t>(c)); }
    line_.clear();
}

InputEffect LineDiscipline::input(std::uint8_t byte, std::string& echo) {
    if ((termios.input & input_flag::strip) != 0) { byte &= 0x7f; }
    if (!literal_next_) {
        if (byte == '\r') {
            if ((termios.input & input_flag::ignore_return) != 0) { return {}; }
            if ((termios.input & input_flag::return_to_newline) != 0) { byte = '\n'; }
        } else if (byte == '\n' && (termios.input & input_flag::newline_to_return) != 0) {
            byte = '\r';
        }
        if ((termios.input & input_flag::flow_control) != 0) {
            if (is(byte, character::stop)) {
                stopped_ = true;
                return {};
            }
            if (is(byte, character::start)) {
                stopped_ = false;
                return {};
            }
        }
        if (local(local_flag::signals)) {
            std::uint32_t const signal = is(byte, character::interrupt) ? signal_interrupt
                                         : is(byte, character::quit)    ? signal_quit
                                         : is(byte, character::suspend) ? signal_stop
                                                                        : 0;
            if (signal != 0) {
                echo_byte(byte, echo);
                if (!local(local_flag::no_flush)) { flush_input(); }
                stopped_ = false;
                return {signal};
            }
        }
    }
    if (!local(local_flag::canonical)) {
        literal_next_ = false;
        if (ready_.size() < ready_maximum) {
            ready_.push_back(byte);
            echo_byte(byte, echo);
        }
        return {};
    }
    if (!literal_next_) {
        if (is(byte, character::literal_next) && local(local_flag::extended)) {
            literal_next_ = true;
            if (local(local_flag::echo)) { echo += "^\b"; }
            return {};
        }
        if (is(byte, character::erase)) {
            if (!line_.empty()) { erase_one(echo); }
            return {};
        }
        if (is(byte, character::word_erase) && local(local_flag::extended)) {
            auto const blank = [](char c) { return c == ' ' || c == '\t'; };
            while (!line_.empty() && blank(line_.back())) { erase_one(echo); }
            while (!line_.empty() && !blank(line_.back())) { erase_one(echo); }
            return {};
        }
        if (is(byte, character::kill)) {
            while (!line_.empty()) { erase_one(echo); }
            return {};
        }
        if (is(byte, character::end_of_file)) {
            // After text it only ends the read; alone on a line it is the end of file.
            commit();
            ready_.push_back(end_of_file_mark);
            ++lines_;
            return {};
        }
        if (is(byte, character::reprint) && local(local_flag::extended)) {
            echo_byte(byte, echo);
            output("\n", echo);
            echo += line_;
            return {};
        }
        if (byte == '\n' || is(byte, character::end_of_line) || is(byte, character::end_of_line2)) {
            if (ready_.size() + line_.size() < ready_maximum) {
                line_ += static_cast<char>(byte);
                echo_byte(byte, echo);
                commit();
                ++lines_;
            }
            return {};
        }
    }
    literal_next_ = false;
    if (line_.size() < line_maximum) {
        line_ += static_cast<char>(byte);
        echo_byte(byte, echo);
    }
    return {};
}

bool LineDiscipline::readable() const {
    if (local(local_flag::canonical)) { return lines_ != 0; }
    std::size_t const minimum = termios.characters[character::minimum];
    return ready_.size() >= minimum || !ready_.empty();
}

std::optional<std::size_t> LineDiscipline::read(std::span<char> target) {
    if (!readable()) { return {}; }
    bool const canonical = local(local_flag::canonical);
    std::size_t count = 0;
    while (count < target.size() && !ready_.empty()) {
        auto const item = ready_.front();
        ready_.pop_front();
        if (item == end_of_file_mark) {
            --lines_;
            if (canonical) { return count; }
            continue;
        }
        auto const byte = static_cast<std::uint8_t>(item);
        target[count++] = static_cast<char>(byte);
        bool const ends = byte == '\n' || is(byte, character::end_of_line) || is(byte, character::end_of_line2);
        if (ends && lines_ != 0) {
            --lines_;
            if (canonical) { return count; }
        }
    }
    // The end-of-file mark right behind a full buffer belongs to the bytes just read.
    if (canonical && count == target.size() && count != 0 && !ready_.empty() && ready_.front() == end_of_file_mark) {
        ready_.pop_front();
        --lines_;
    }
    return count;
}

std::size_t LineDiscipline::available() const {
    return static_cast<std::size_t>(
        std::count_if(ready_.begin(), ready_.end(), [](auto item) { return item != end_of_file_mark; }));
}

void LineDiscipline::unread(std::string_view text) {
    for (auto at = text.rbegin(); at != text.rend(); ++at) {
        auto const byte = static_cast<std::uint8_t>(*at);
        ready_.push_front(byte);
        lines_ += byte == '\n' || is(byte, character::end_of_line) || is(byte, character::end_of_line2);
    }
}

void LineDiscipline::flush_input() {
    line_.clear();
    ready_.clear();
    lines_ = 0;
}

void LineDiscipline::set_termios(Termios const& wanted) {
    bool const was_canonical = local(local_flag::canonical);
    termios = wanted;
    if (was_canonical && !local(local_flag::canonical)) {
        commit();
    } else if (!was_canonical && local(local_flag::canonical)) {
        // What came in raw counts as lines typed: a reader must not wait for a newline already there.
        lines_ = static_cast<std::size_t>(std::count_if(
            ready_.begin(), ready_.end(), [](auto item) { return item == '\n' || item == end_of_file_mark; }));
    }
}

} // namespace tty
