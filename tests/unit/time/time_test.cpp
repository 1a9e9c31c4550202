// The time server's logic over the loopback.
#include "../../../servers/time/time_server.hpp"
#include "host/world.hpp"
#include <doctest/doctest.h>

namespace {

using Namespace = proto::Namespace;
using Time = proto::Time;

struct Fixture {
    ipc::host::World world;
    time_namespace::TimeServer server{[] { return 100'000'000'000ULL; }};
    std::size_t number = world.serve<Namespace, proto::File, Time>(server);
    ipc::Cap<Namespace> first = world.client<Namespace>(number, ipc::first_namespace_badge);
    Fixture() {
        world.as(number, [] { REQUIRE(ipc::bind_no_senders(0)); });
    }
    ipc::Cap<Namespace> create(ipc::Cap<Namespace> parent) {
        auto made = ipc::call<Namespace::Create>(parent, ipc::OptionalCap<Namespace>{}, 0U, 0U);
        REQUIRE(made);
        return *made;
    }
    ipc::Error set(ipc::Cap<Namespace> space, std::uint32_t clock, std::int64_t seconds,
                   std::uint32_t nanoseconds = 0) {
        auto const done = ipc::call<Time::SetOffset>(space.as<Time>(), clock, seconds, nanoseconds);
        return done ? ipc::Error::None : done.error();
    }
};

} // namespace

TEST_CASE_FIXTURE(Fixture, "offsets are the namespace's own until a process enters") {
    auto const space = create(first);
    CHECK(set(space, 1, 86400, 5) == ipc::Error::None);
    CHECK(set(space, 7, -100) == ipc::Error::None);
    auto offsets = ipc::call<Time::Offsets>(space.as<Time>());
    REQUIRE(offsets);
    CHECK(offsets->monotonic == 86'400'000'000'005);
    CHECK(offsets->boottime == -100'000'000'000);
    CHECK(ipc::call<Time::Offsets>(first.as<Time>())->monotonic == 0);
    REQUIRE(ipc::call<Time::Freeze>(space.as<Time>()));
    CHECK(set(space, 1, 5) == ipc::Error::Access);
    CHECK(ipc::call<Time::Offsets>(space.as<Time>())->monotonic == 86'400'000'000'005);
    auto const inner = create(space); // begins with its parent's, and is its own to set
    CHECK(ipc::call<Time::Offsets>(inner.as<Time>())->boottime == -100'000'000'000);
    CHECK(set(inner, 1, 1) == ipc::Error::None);
}

TEST_CASE_FIXTURE(Fixture, "what Linux refuses is refused without effect") {
    auto const space = create(first);
    CHECK(set(first, 1, 5) == ipc::Error::Access);
    CHECK(set(space, 0, 5) == ipc::Error::Invalid);
    CHECK(set(space, 1, 5, 1'000'000'000) == ipc::Error::Invalid);
    CHECK(set(space, 1, -101) == ipc::Error::Range); // the clock shows 100 s
    CHECK(set(space, 1, 9'223'372'036) == ipc::Error::Range);
    CHECK(set(space, 1, INT64_MIN) == ipc::Error::Range);
    CHECK(ipc::call<Time::Offsets>(space.as<Time>())->monotonic == 0);
    auto const program = ipc::call<Namespace::Attenuate>(space, Namespace::program_operations);
    REQUIRE(program);
    CHECK(set(*program, 1, 5) == ipc::Error::NotPermitted);
    CHECK(ipc::call<Time::Freeze>(program->as<Time>()).error() == ipc::Error::NotPermitted);
    CHECK(set(space, 1, 5) == ipc::Error::None);
}
