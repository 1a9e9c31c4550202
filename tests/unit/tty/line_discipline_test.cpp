#include "../../../servers/tty/line_discipline.hpp"
#include <doctest/doctest.h>

using tty::LineDiscipline;

namespace {
struct Terminal {
    LineDiscipline discipline;
    std::string echo;
    std::uint32_t type(std::string_view keys) {
        std::uint32_t signal = 0;
        for (char const key : keys) {
            auto const effect = discipline.input(static_cast<std::uint8_t>(key), echo);
            signal = effect.signal != 0 ? effect.signal : signal;
        }
        return signal;
    }
    std::string read(std::size_t size = 100) {
        std::string text(size, '\0');
        auto const count = discipline.read(text);
        return count ? text.substr(0, *count) : "(waits)";
    }
};
} // namespace

TEST_CASE_FIXTURE(Terminal, "a line is edited until its end, then read") {
    type("wronk\177g\r");
    CHECK(read() == "wrong\n");
    CHECK(echo == "wronk\b \bg\r\n");
    CHECK(read() == "(waits)");
    type("one two\027three\n");
    CHECK(read() == "one three\n");
    type("gone\025kept\n");
    CHECK(read() == "kept\n");
    type("two\nlines\n");
    CHECK(read(2) == "tw");
    CHECK(read() == "o\n");
    CHECK(read() == "lines\n");
}

TEST_CASE_FIXTURE(Terminal, "^D ends a read, alone it is the end of file") {
    type("part\004");
    CHECK(read() == "part");
    CHECK(read() == "(waits)");
    type("\004");
    CHECK(read() == "");
    type("four\004");
    CHECK(read(4) == "four");
    CHECK(read() == "(waits)");
}

TEST_CASE_FIXTURE(Terminal, "signal characters are no input and drop what was typed") {
    CHECK(type("half\003") == 2);
    CHECK(echo == "half^C");
    CHECK(read() == "(waits)");
    CHECK(type("\032") == 20);
    CHECK(type("\034") == 3);
    discipline.termios.local &= ~tty::local_flag::signals;
    CHECK(type("\003\n") == 0);
    CHECK(read() == "\003\n");
}

TEST_CASE_FIXTURE(Terminal, "raw mode gives bytes as they come") {
    auto raw = discipline.termios;
    raw.local &= ~(tty::local_flag::canonical | tty::local_flag::echo);
    type("ab");
    discipline.set_termios(raw);
    CHECK(read() == "ab");
    type("\177x");
    CHECK(discipline.available() == 2);
    CHECK(read(1) == "\177");
    CHECK(read() == "x");
    CHECK(echo == "ab");
}

TEST_CASE_FIXTURE(Terminal, "output is processed unless it is raw") {
    std::string out;
    discipline.output("a\nb", out);
    CHECK(out == "a\r\nb");
    discipline.termios.output = 0;
    out.clear();
    discipline.output("a\nb", out);
    CHECK(out == "a\nb");
}

TEST_CASE_FIXTURE(Terminal, "what the reader could not take stays first") {
    type("hello\n");
    CHECK(read() == "hello\n");
    discipline.unread("llo\n");
    CHECK(discipline.readable());
    CHECK(read() == "llo\n");
}

TEST_CASE_FIXTURE(Terminal, "input without end is bounded") {
    type(std::string(100000, 'x'));
    type("\n");
    std::size_t total = 0;
    for (auto part = read(4096); part != "(waits)"; part = read(4096)) { total += part.size(); }
    CHECK(total == LineDiscipline::line_maximum + 1);
}
