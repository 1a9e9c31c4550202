#include "../../../servers/tty/screen.hpp"
#include <doctest/doctest.h>

using tty::Screen;

TEST_CASE("text, wrapping and scrolling") {
    Screen screen{3, 5};
    screen.write("one\r\ntwothree");
    CHECK(screen.row_text(0) == "one");
    CHECK(screen.row_text(1) == "twoth");
    CHECK(screen.row_text(2) == "ree");
    screen.write("\r\nlast");
    CHECK(screen.row_text(0) == "twoth");
    CHECK(screen.row_text(2) == "last");
}

TEST_CASE("what is painted brings an empty screen to the same state") {
    Screen screen{4, 20};
    screen.write("\033[1;31mred\033[0m plain\033[3;5Hhere\033[2Kgone\033[7mrev\033[0m\033[1;1H\033[4C");
    Screen copy{4, 20};
    copy.write(screen.paint());
    for (std::size_t row = 0; row < 4; ++row) { CHECK(copy.row_text(row) == screen.row_text(row)); }
    CHECK(copy.paint() == screen.paint());
    CHECK(copy.cursor_row() == screen.cursor_row());
    CHECK(copy.cursor_column() == screen.cursor_column());
}

TEST_CASE("any bytes leave the cursor inside") {
    Screen screen{5, 7};
    unsigned seed = 1;
    std::string noise;
    for (int i = 0; i < 200000; ++i) {
        seed = seed * 1103515245 + 12345;
        constexpr std::string_view bytes = "\033\033[[;0123456789ABCDHJKLMPmr@hl?\r\n\b\tx\303\251";
        noise += bytes[(seed >> 16) % bytes.size()];
    }
    screen.write(noise);
    CHECK(screen.cursor_row() < 5);
    CHECK(screen.cursor_column() < 7);
}
