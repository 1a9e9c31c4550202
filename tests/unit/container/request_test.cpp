#include "../../../servers/container/request.hpp"
#include <doctest/doctest.h>

using container::Request;
using namespace std::string_view_literals;

TEST_CASE("a request has a verb, fields, a command and an environment") {
    auto const request = Request::parse("start\0name=web\0console=1\0--\0sh\0-c\0echo a=b\0++\0PATH=/bin\0"sv);
    REQUIRE(request);
    CHECK(request->verb == "start");
    CHECK(request->field("name") == "web");
    CHECK(*request->number("console") == 1);
    CHECK_FALSE(request->number("name"));
    CHECK(request->command == std::vector<std::string_view>{"sh", "-c", "echo a=b"});
    CHECK(request->environment == std::vector<std::string_view>{"PATH=/bin"});
}

TEST_CASE("what cannot be read is refused") {
    CHECK_FALSE(Request::parse(""sv));
    CHECK_FALSE(Request::parse("\0name=x"sv));
    CHECK_FALSE(Request::parse("ps\0nonsense"sv));
    CHECK_FALSE(Request::parse("x\0a=18446744073709551616"sv)->number("a"));
}

TEST_CASE("names cannot leave their folder") {
    for (auto const name : {"web", "a", "A-b_c.9", "0"}) { CHECK(container::valid_name(name)); }
    for (auto const name : {"", ".", "..", "a/b", "/a", "-a", "_a", "a b", "a\n", "\303\251"}) {
        CHECK_FALSE(container::valid_name(name));
    }
    CHECK_FALSE(container::valid_name(std::string(65, 'a')));
}

TEST_CASE("sizes are said as people say them") {
    CHECK(container::size_text(100) == "100");
    CHECK(container::size_text(64 << 20) == "64M");
    CHECK(container::size_text((41 << 20) + 12345) == "41M");
    CHECK(container::size_text(1536) == "1536");
}

TEST_CASE("a reply is a status line and fields") {
    auto reply = container::Reply::ok();
    reply.add("name", "web").add("pid", std::uint64_t{7}).add_signed("status", -1);
    CHECK(reply.text() == "ok\nname=web\npid=7\nstatus=-1\n");
    CHECK(container::Reply::error("exists", "no").text() == "error exists no\n");
}
