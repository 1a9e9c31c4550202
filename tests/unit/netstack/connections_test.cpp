// The connection table.
#include "firewall_fixture.hpp"
#include <doctest/doctest.h>

using namespace firewall_fixture;

TEST_CASE("the connection table: TCP's states decide how long, and a flood does not push out what is established") {
    using Table = netstack::ConnectionTable;
    Table table{99};
    Tuple const established{container, outside, port(1), port(80), tcp};
    auto* connection = table.insert(established, established.inverse(), 1000);
    REQUIRE(connection != nullptr);
    table.seen(*connection, false, 2, 1000);
    CHECK(connection->expires == 1000 + Table::tcp_opening);
    table.seen(*connection, true, 0x12, 1000);
    CHECK(connection->expires == 1000 + Table::tcp_replied);
    table.seen(*connection, false, 0x10, 1000);
    CHECK(connection->expires == 1000 + Table::tcp_established);
    for (unsigned i = 0; i < 10000; ++i) {
        Tuple const flood{i, outside, port(2), port(80), i % 2 == 0 ? udp : tcp};
        REQUIRE(table.insert(flood, flood.inverse(), 2000) != nullptr);
    }
    CHECK(table.size() == Table::maximum);
    CHECK(table.find(established, 2000));
    CHECK(table.find(established.inverse(), 2000).reply);
    CHECK_FALSE(table.find({5, outside, port(2), port(80), tcp}, 2000)); // the oldest had to go
    CHECK(table.find({9999, outside, port(2), port(80), tcp}, 2000));
    CHECK_FALSE(table.find({9998, outside, port(2), port(80), udp}, 2000 + Table::udp_opening));
    table.expire(2000 + Table::tcp_opening);
    CHECK(table.size() == 1);
    connection = table.find(established, 300000).connection;
    REQUIRE(connection != nullptr);
    table.seen(*connection, false, 0x11, 300000);
    CHECK(connection->expires == 300000 + Table::tcp_closing);
    table.seen(*connection, true, 0x11, 300000);
    CHECK(connection->state == netstack::ConnectionState::TimeWait);
    table.seen(*connection, false, 2, 300000); // the same ports again
    CHECK(connection->state == netstack::ConnectionState::Opening);
    table.seen(*connection, true, 0x14, 300000);
    CHECK(connection->expires == 300000 + Table::tcp_closed);
    CHECK(table.expire(300000 + Table::tcp_closed) == 0);
    CHECK(table.size() == 0);
}

TEST_CASE("a table full of established connections takes no more") {
    using Table = netstack::ConnectionTable;
    Table table;
    for (unsigned i = 0; i < Table::maximum; ++i) {
        Tuple const tuple{i, outside, port(2), port(80), tcp};
        auto* const connection = table.insert(tuple, tuple.inverse(), 0);
        REQUIRE(connection != nullptr);
        table.seen(*connection, true, 0x10, 0);
    }
    Tuple const one_more{0x7fffffff, outside, port(2), port(80), tcp};
    CHECK(table.insert(one_more, one_more.inverse(), 0) == nullptr);
    CHECK(table.expire(Table::tcp_established) == 0);
    CHECK(table.insert(one_more, one_more.inverse(), 0) != nullptr);
}
