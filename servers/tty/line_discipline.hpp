// The line discipline: what happens to bytes between the keyboard and a program's read, and between its write and the screen
// (termios(3), POSIX XBD chapter 11). Knows no kernel: runs in a host test.
#pragma once
#include "termios.hpp"
#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tty {

/// What a byte of input asks for besides being stored.
struct InputEffect {
    std::uint32_t signal = 0; ///< for the foreground group: SIGINT 2, SIGQUIT 3, SIGTSTP 20; 0: none
};

class LineDiscipline {
public:
    static constexpr std::size_t line_maximum = 4095; ///< as Linux: more is dropped until the newline
    static constexpr std::size_t ready_maximum = 65536;

    Termios termios;

    /// One byte from the line. What is to be echoed is appended to `echo`, processed for output already.
    InputEffect input(std::uint8_t byte, std::string& echo);
    /// A program's output, processed (OPOST), appended to `out`.
    void output(std::string_view text, std::string& out);

    /// Something to read: a line, an end of file, or in non-canonical mode VMIN bytes (VMIN 0: always).
    [[nodiscard]] bool readable() const;
    /// Takes up to target.size() bytes; canonical: at most one line. nullopt: nothing, the reader waits. 0: end of file.
    std::optional<std::size_t> read(std::span<char> target);
    /// Bytes that a read would find (FIONREAD).
    [[nodiscard]] std::size_t available() const;
    /// Puts back the front of what `read` took, when the reader's memory could not take it all.
    void unread(std::string_view text);
    /// Discards input not yet read.
    void flush_input();
    /// TCSETS*: what was typed so far becomes readable when canonical mode ends.
    void set_termios(Termios const& wanted);
    [[nodiscard]] bool stopped() const { return stopped_; }

private:
    static constexpr std::uint16_t end_of_file_mark = 0x100;
    [[nodiscard]] bool local(std::uint32_t flag) const { return (termios.local & flag) != 0; }
    [[nodiscard]] bool is(std::uint8_t byte, int which) const {
        return termios.characters[static_cast<std::size_t>(which)] == byte && byte != 0;
    }
    void echo_byte(std::uint8_t byte, std::string& echo);
    void erase_one(std::string& echo);
    void commit();

    std::string line_;                ///< being edited
    std::deque<std::uint16_t> ready_; ///< bytes and end-of-file marks
    std::size_t lines_ = 0;           ///< newlines and marks in ready_
    std::size_t column_ = 0;
    bool literal_next_ = false, stopped_ = false;
};

} // namespace tty
