// What a virtual console shows, so that switching to it can paint it again: a grid of cells fed with the console's output.
// Understands the VT100 subset that busybox, vi and top use (ECMA-48: CUU CUD CUF CUB CUP ED EL IL DL ICH DCH SGR, DECSTBM).
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tty {

class Screen {
public:
    Screen(std::size_t rows, std::size_t columns);
    void write(std::string_view text);
    /// Control sequences and text that bring an empty terminal to this state.
    [[nodiscard]] std::string paint() const;
    /// Text of a row without trailing blanks, for tests.
    [[nodiscard]] std::string row_text(std::size_t row) const;
    [[nodiscard]] std::size_t cursor_row() const { return row_; }
    [[nodiscard]] std::size_t cursor_column() const { return column_; }

private:
    struct Attributes {
        std::uint8_t foreground = 9, background = 9,
                     flags = 0; // 9: default; flags: bold 1, underline 2, blink 4, reverse 8
        bool operator==(Attributes const&) const = default;
    };
    struct Cell {
        std::string glyph;
        Attributes attributes;
    };

    Cell& cell(std::size_t row, std::size_t column) { return cells_[row * columns_ + column]; }
    [[nodiscard]] Cell const& cell(std::size_t row, std::size_t column) const {
        return cells_[row * columns_ + column];
    }
    void put(char byte);
    void print(char byte);
    void line_feed();
    void scroll_up(std::size_t top, std::size_t bottom, std::size_t count);
    void scroll_down(std::size_t top, std::size_t bottom, std::size_t count);
    void erase(std::size_t from, std::size_t to);
    void control_sequence(char final);
    void select_graphics();
    [[nodiscard]] std::size_t parameter(std::size_t index, std::size_t otherwise) const;

    enum class State { Text, Escape, Control, Skip } state_ = State::Text;
    std::size_t rows_, columns_, row_ = 0, column_ = 0, top_ = 0, bottom_;
    std::size_t saved_row_ = 0, saved_column_ = 0;
    Attributes attributes_;
    std::array<std::uint32_t, 8> parameters_{};
    std::size_t parameter_count_ = 0;
    bool private_sequence_ = false, wrap_pending_ = false, cursor_hidden_ = false;
    std::vector<Cell> cells_;
};

} // namespace tty
