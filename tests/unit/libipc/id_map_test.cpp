// The maps of user namespaces: ipc/id_map.hpp.
#include "ipc/id_map.hpp"
#include <algorithm>
#include <doctest/doctest.h>

using ipc::Error;
using ipc::IdExtent;
using ipc::IdMap;

namespace {
ipc::Result<IdMap> map_of(std::vector<IdExtent> const& extents) { return IdMap::of(extents); }
} // namespace

TEST_CASE("ids are mapped both ways, and those that are not look like nobody") {
    auto const map = map_of({{0, 1000, 1}, {1, 100000, 999}, {5000, 7, 2}});
    REQUIRE(map);
    CHECK(map->to_global(0) == 1000U);
    CHECK(map->to_global(1) == 100000U);
    CHECK(map->to_global(999) == 100998U);
    CHECK(map->to_global(1000).error() == Error::Invalid);
    CHECK(map->to_global(5001) == 8U);
    CHECK(map->to_global(IdMap::no_id).error() == Error::Invalid);
    CHECK(map->from_global(1000) == 0);
    CHECK(map->from_global(8) == 5001);
    CHECK(map->from_global(0) == 65534);
    CHECK(map->maps_global(100998));
    CHECK_FALSE(map->maps_global(100999));
}

TEST_CASE("the first namespace's ids are themselves; before it is written a map has none") {
    auto const first = IdMap::identity();
    CHECK(first.to_global(0) == 0U);
    CHECK(first.to_global(0xfffffffe) == 0xfffffffeU);
    CHECK_FALSE(first.to_global(IdMap::no_id));
    IdMap const none;
    CHECK(none.empty());
    CHECK(none.from_global(0) == IdMap::overflow_id);
    CHECK_FALSE(none.to_global(0));
}

TEST_CASE("what Linux refuses in a map is refused") {
    CHECK_FALSE(map_of({}));
    CHECK_FALSE(map_of({{0, 0, 0}}));
    CHECK(map_of({{0xfffffffe, 0, 1}}));
    CHECK_FALSE(map_of({{0xfffffffe, 0, 2}}));
    CHECK_FALSE(map_of({{0, 0xffffffff, 1}}));
    CHECK_FALSE(map_of({{0, 1000, 10}, {9, 2000, 1}}));  // the same id inside twice
    CHECK_FALSE(map_of({{0, 1000, 10}, {10, 1009, 5}})); // the same global id twice
    CHECK_FALSE(map_of({{5, 1000, 1}, {0, 2000, 10}}));  // the first inside the second
    std::vector<IdExtent> many;
    for (std::uint32_t i = 0; i < 340; ++i) { many.push_back({i * 2, 100000 + i * 2, 1}); }
    auto const most = map_of(many);
    REQUIRE(most);
    CHECK(most->to_global(678) == 100678U);
    CHECK_FALSE(most->to_global(679));
    many.push_back({2000, 2000, 1});
    CHECK_FALSE(map_of(many));
}

TEST_CASE("a child's line lies in one extent of its parent") {
    auto const map = map_of({{0, 1000, 10}, {10, 5000, 10}});
    REQUIRE(map);
    CHECK(map->range_to_global(2, 8) == 1002U);
    CHECK(map->range_to_global(10, 10) == 5000U);
    CHECK_FALSE(map->range_to_global(5, 10));
    CHECK_FALSE(map->range_to_global(20, 1));
    CHECK(IdMap::identity().range_to_global(0, 0xffffffff) == 0U);
}
