// Memory that runs out, or is kept for the next process: what is refused, what goes back.
#include "memory_world.hpp"

using namespace proc;
using namespace proc::memory_test;

TEST_CASE("limits refuse and nothing leaks") {
    World world;
    MemorySpace& space = *world.space;
    std::uint64_t refused = 0;
    world.account.on_refused = [](void* argument, std::uint64_t) { ++*static_cast<std::uint64_t*>(argument); };
    world.account.on_refused_argument = &refused;
    world.account.set_limit(world.account.used() + 24 * page);
    Address const base = world.map(100 * page);
    Word got = 0;
    while (space.fault(base + got * page, true) == FaultOutcome::Resolved) ++got;
    CHECK(got > 10);
    CHECK(space.fault(base + got * page, true) == FaultOutcome::OutOfMemory);
    CHECK(refused >= 1);
    CHECK_FALSE(space.fork(0, 0, 0));
    CHECK(world.account.used() <= world.account.limit());
    REQUIRE(space.unmap(base, 100 * page));
    CHECK(space.resident_pages() == 0);
}

TEST_CASE("what is kept for the next process goes back to root, and for another's need") {
    World world;
    std::vector<MemorySpace*> spaces;
    for (int i = 0; i < 40; ++i) {
        auto space = MemorySpace::create(world.account);
        REQUIRE(space);
        spaces.push_back(*space);
    }
    Word const chunks = world.kernel.chunks;
    CHECK(chunks > 1);
    for (MemorySpace* space : spaces) space->release();
    CHECK(world.kernel.chunks == chunks);
    CHECK(world.account.used() == world.empty);
    world.account.trim(2);
    CHECK(world.account.spaces.size() == 2);
    CHECK(world.account.used() == world.empty);
    CHECK(world.kernel.chunks < chunks);
    spaces.clear();
    for (int i = 0; i < 20; ++i) spaces.push_back(*MemorySpace::create(world.account));
    for (MemorySpace* space : spaces) space->release();
    // Root has nothing left: another container gets what this one only kept.
    world.kernel.chunk_limit = world.kernel.chunks;
    Account other{world.kernel, 0};
    auto space = MemorySpace::create(other);
    REQUIRE(space);
    (*space)->release();
    CHECK(world.account.spaces.empty());
    other.clear();
    // The one in use is as it was.
    Address const base = world.map(page);
    CHECK(world.space->write(base, 5));
    CHECK(*world.space->read<int>(base) == 5);
}

TEST_CASE("memory that is free goes back to root") {
    World world;
    MemorySpace& space = *world.space;
    Address const base = world.map(3000 * page);
    REQUIRE(space.touch(base, 3000 * page, true));
    CHECK(world.kernel.chunks >= 12);
    REQUIRE(space.unmap(base, 3000 * page));
    CHECK(world.kernel.chunks <= 4);
    // Root has nothing left but what this account hoards as frames: a fork needs kernel objects.
    REQUIRE(space.map(base, 600 * page, rw, anonymous | map_flag::fixed, 0, nullptr));
    REQUIRE(space.touch(base, 600 * page, true));
    world.kernel.chunk_limit = world.kernel.chunks;
    REQUIRE(space.unmap(base, 600 * page));
    std::vector<MemorySpace*> children;
    for (int i = 0; i < 12; ++i) {
        auto child = space.fork(0, 0, 0);
        REQUIRE(child);
        children.push_back(*child);
    }
    for (MemorySpace* child : children) child->release();
}
