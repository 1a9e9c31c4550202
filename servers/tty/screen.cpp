#include "screen.hpp"
#include <algorithm>

namespace tty {

namespace {
void append_number(std::string& text, std::size_t number) {
    char digits[20];
    std::size_t count = 0;
    do {
        digits[count++] = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (count != 0) { text += digits[--count]; }
}
} // namespace

Screen::Screen(std::size_t rows, std::size_t columns)
    : rows_{rows}, columns_{columns}, bottom_{rows - 1}, cells_(rows * columns) {}

void Screen::write(std::string_view text) {
    for (char const byte : text) { put(byte); }
}

void Screen::put(char byte) {
    switch (state_) {
    case State::Text:
        switch (byte) {
        case '\033': state_ = State::Escape; return;
        case '\r':
            column_ = 0;
            wrap_pending_ = false;
            return;
        case '\n': line_feed(); return;
        case '\b':
            if (column_ != 0) { --column_; }
            wrap_pending_ = false;
            return;
        case '\t': column_ = std::min(columns_ - 1, (column_ / 8 + 1) * 8); return;
        default:
            if (static_cast<unsigned char>(byte) >= 0x20 && byte != 0x7f) { print(byte); }
            return;
        }
    case State::Escape:
        state_ = State::Text;
        switch (byte) {
        case '[':
            state_ = State::Control;
            parameters_ = {};
            parameter_count_ = 0;
            private_sequence_ = false;
            return;
        case '(':
        case ')': state_ = State::Skip; return;
        case '7':
            saved_row_ = row_;
            saved_column_ = column_;
            return;
        case '8':
            row_ = saved_row_;
            column_ = saved_column_;
            return;
        case 'M':
            if (row_ == top_) {
                scroll_down(top_, bottom_, 1);
            } else if (row_ != 0) {
                --row_;
            }
            return;
        case 'c': *this = Screen{rows_, columns_}; return;
        default: return;
        }
    case State::Skip: state_ = State::Text; return;
    case State::Control:
        if (byte >= '0' && byte <= '9') {
            parameter_count_ = std::max<std::size_t>(parameter_count_, 1);
            auto& number = parameters_[parameter_count_ - 1];
            number = std::min<std::uint32_t>(number * 10 + static_cast<std::uint32_t>(byte - '0'), 9999);
        } else if (byte == ';') {
            parameter_count_ = std::min(std::max<std::size_t>(parameter_count_, 1) + 1, parameters_.size());
        } else if (byte == '?' || byte == '>' || byte == '=') {
            private_sequence_ = true;
        } else if (byte >= '@' && byte <= '~') {
            state_ = State::Text;
            control_sequence(byte);
        }
        return;
    }
}

void Screen::print(char byte) {
    if ((static_cast<unsigned char>(byte) & 0xC0) == 0x80) { // continues the character before
        if (column_ != 0 || wrap_pending_) { cell(row_, wrap_pending_ ? column_ : column_ - 1).glyph += byte; }
        return;
    }
    if (wrap_pending_) {
        column_ = 0;
        line_feed();
    }
    cell(row_, column_) = {std::string(1, byte), attributes_};
    if (column_ + 1 == columns_) {
        wrap_pending_ = true;
    } else {
        ++column_;
    }
}

void Screen::line_feed() {
    wrap_pending_ = false;
    if (row_ == bottom_) {
        scroll_up(top_, bottom_, 1);
    } else if (row_ + 1 < rows_) {
        ++row_;
    }
}

void Screen::scroll_up(std::size_t top, std::size_t bottom, std::size_t count) {
    count = std::min(count, bottom - top + 1);
    auto const begin = cells_.begin() + static_cast<std::ptrdiff_t>(top * columns_);
    auto const end = cells_.begin() + static_cast<std::ptrdiff_t>((bottom + 1) * columns_);
    std::move(begin + static_cast<std::ptrdiff_t>(count * columns_), end, begin);
    std::fill(end - static_cast<std::ptrdiff_t>(count * columns_), end, Cell{});
}

void Screen::scroll_down(std::size_t top, std::size_t bottom, std::size_t count) {
    count = std::min(count, bottom - top + 1);
    auto const begin = cells_.begin() + static_cast<std::ptrdiff_t>(top * columns_);
    auto const end = cells_.begin() + static_cast<std::ptrdiff_t>((bottom + 1) * columns_);
    std::move_backward(begin, end - static_cast<std::ptrdiff_t>(count * columns_), end);
    std::fill(begin, begin + static_cast<std::ptrdiff_t>(count * columns_), Cell{});
}

void Screen::erase(std::size_t from, std::size_t to) {
    std::fill(cells_.begin() + static_cast<std::ptrdiff_t>(from), cells_.begin() + static_cast<std::ptrdiff_t>(to),
              Cell{});
}

std::size_t Screen::parameter(std::size_t index, std::size_t otherwise) const {
    return index < parameter_count_ && parameters_[index] != 0 ? parameters_[index] : otherwise;
}

void Screen::control_sequence(char final) {
    auto const here = row_ * columns_ + column_;
    auto const line = row_ * columns_;
    auto const count = parameter(0, 1);
    wrap_pending_ = false;
    switch (final) {
    case 'A': row_ -= std::min(row_, count); break;
    case 'B': row_ = std::min(rows_ - 1, row_ + count); break;
    case 'C': column_ = std::min(columns_ - 1, column_ + count); break;
    case 'D': column_ -= std::min(column_, count); break;
    case 'G': column_ = std::min(columns_, count) - 1; break;
    case 'd': row_ = std::min(rows_, count) - 1; break;
    case 'H':
    case 'f':
        row_ = std::min(rows_, count) - 1;
        column_ = std::min(columns_, parameter(1, 1)) - 1;
        break;
    case 'J':
        switch (parameter(0, 0)) {
        case 0: erase(here, cells_.size()); break;
        case 1: erase(0, here + 1); break;
        default: erase(0, cells_.size()); break;
        }
        break;
    case 'K':
        switch (parameter(0, 0)) {
        case 0: erase(here, line + columns_); break;
        case 1: erase(line, here + 1); break;
        default: erase(line, line + columns_); break;
        }
        break;
    case 'L': scroll_down(row_, bottom_ >= row_ ? bottom_ : row_, count); break;
    case 'M': scroll_up(row_, bottom_ >= row_ ? bottom_ : row_, count); break;
    case '@':
    case 'P': {
        auto const begin = cells_.begin() + static_cast<std::ptrdiff_t>(here);
        auto const end = cells_.begin() + static_cast<std::ptrdiff_t>(line + columns_);
        auto const shift = static_cast<std::ptrdiff_t>(std::min(count, columns_ - column_));
        if (final == '@') {
            std::move_backward(begin, end - shift, end);
            std::fill(begin, begin + shift, Cell{});
        } else {
            std::move(begin + shift, end, begin);
            std::fill(end - shift, end, Cell{});
        }
        break;
    }
    case 'm': select_graphics(); break;
    case 'r':
        top_ = std::min(rows_, parameter(0, 1)) - 1;
        bottom_ = std::min(rows_, parameter(1, rows_)) - 1;
        if (top_ >= bottom_) {
            top_ = 0;
            bottom_ = rows_ - 1;
        }
        row_ = column_ = 0;
        break;
    case 's':
        saved_row_ = row_;
        saved_column_ = column_;
        break;
    case 'u':
        row_ = saved_row_;
        column_ = saved_column_;
        break;
    case 'h':
    case 'l':
        if (private_sequence_ && parameter(0, 0) == 25) { cursor_hidden_ = final == 'l'; }
        break;
    default: break;
    }
}

void Screen::select_graphics() {
    for (std::size_t i = 0; i < std::max<std::size_t>(parameter_count_, 1); ++i) {
        auto const code = parameters_[i];
        constexpr std::uint8_t bold = 1, underline = 2, blink = 4, reverse = 8;
        auto const set = [&](std::uint8_t flag, bool on) {
            attributes_.flags = static_cast<std::uint8_t>(on ? attributes_.flags | flag : attributes_.flags & ~flag);
        };
        if (code == 0) {
            attributes_ = {};
        } else if (code == 1 || code == 22) {
            set(bold, code == 1);
        } else if (code == 4 || code == 24) {
            set(underline, code == 4);
        } else if (code == 5 || code == 25) {
            set(blink, code == 5);
        } else if (code == 7 || code == 27) {
            set(reverse, code == 7);
        } else if (code >= 30 && code <= 39) {
            attributes_.foreground = static_cast<std::uint8_t>(code - 30);
        } else if (code >= 40 && code <= 49) {
            attributes_.background = static_cast<std::uint8_t>(code - 40);
        }
    }
}

std::string Screen::paint() const {
    std::string text = "\033[0m\033[r\033[H\033[2J";
    Attributes current;
    for (std::size_t row = 0; row < rows_; ++row) {
        std::size_t end = columns_;
        while (end != 0 && cell(row, end - 1).glyph.empty()) { --end; }
        if (end == 0) { continue; }
        text += "\033[";
        append_number(text, row + 1);
        text += ";1H";
        for (std::size_t column = 0; column < end; ++column) {
            auto const& shown = cell(row, column);
            if (!(shown.attributes == current)) {
                current = shown.attributes;
                text += "\033[0";
                constexpr std::uint8_t codes[] = {1, 4, 5, 7};
                for (std::size_t bit = 0; bit < 4; ++bit) {
                    if ((current.flags >> bit & 1) != 0) {
                        text += ';';
                        append_number(text, codes[bit]);
                    }
                }
                text += ";3";
                append_number(text, current.foreground);
                text += ";4";
                append_number(text, current.background);
                text += 'm';
            }
            if (shown.glyph.empty()) {
                text += ' ';
            } else {
                text += shown.glyph;
            }
        }
    }
    text += "\033[0m\033[";
    append_number(text, row_ + 1);
    text += ';';
    append_number(text, column_ + 1);
    text += 'H';
    text += cursor_hidden_ ? "\033[?25l" : "\033[?25h";
    return text;
}

std::string Screen::row_text(std::size_t row) const {
    std::string text;
    for (std::size_t column = 0; column < columns_; ++column) {
        auto const& glyph = cell(row, column).glyph;
        text += glyph.empty() ? " " : glyph;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

} // namespace tty
