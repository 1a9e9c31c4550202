// Stacks that die.
#include "fixture.hpp"

namespace {

struct Recovery : Fixture {
    static constexpr std::uint64_t apart = netns::NetnsServer::deaths_apart;
    std::uint64_t now = apart;
    ipc::Cap<proto::Network> network = enter(create());

    /// A socket: the namespace has a stack, whose number it is.
    std::uint32_t need_stack() {
        static_cast<void>(ipc::call<proto::Network::Socket>(network, 2U, 1U, 0U));
        return static_cast<std::uint32_t>(stacks.stacks.size() - 1);
    }
    void die(std::uint32_t stack, std::uint64_t after) {
        now += after;
        world.as(number, [&] { server.stack_died(stack, now); });
    }
};

} // namespace

TEST_CASE("a stack that dies again and again stays down, until somebody wants one") {
    Recovery fixture;
    auto const stack = fixture.need_stack();
    for (std::uint32_t death = 1; death <= netns::NetnsServer::deaths_maximum; ++death) {
        fixture.die(stack, fixture.apart - 1);
        CHECK(fixture.stacks.restarts == static_cast<int>(death));
        CHECK(fixture.stacks.stacks[stack]->running);
    }
    fixture.die(stack, fixture.apart - 1);
    CHECK(fixture.stacks.restarts == netns::NetnsServer::deaths_maximum);
    CHECK_FALSE(fixture.stacks.stacks[stack]->running);
    fixture.die(stack, 1); // what is not there cannot die
    CHECK(fixture.stacks.restarts == netns::NetnsServer::deaths_maximum);
    auto const another = fixture.need_stack();
    CHECK(another != stack);
    CHECK(fixture.stacks.stacks[another]->running);
    // It is in the same second: the first death is one too many already.
    fixture.die(another, 1);
    CHECK_FALSE(fixture.stacks.stacks[another]->running);
    // Later the count begins anew.
    auto const late = fixture.need_stack();
    fixture.die(late, fixture.apart);
    CHECK(fixture.stacks.stacks[late]->running);
}

TEST_CASE("a stack that dies now and then is always started anew, with the configuration that there was") {
    Recovery fixture;
    auto const stack = fixture.need_stack();
    for (int death = 1; death <= 50; ++death) {
        auto const signals = fixture.stacks.stacks[stack]->signals;
        fixture.die(stack, fixture.apart);
        CHECK(fixture.stacks.restarts == death);
        CHECK(fixture.stacks.stacks[stack]->running);
        CHECK(fixture.stacks.stacks[stack]->signals > signals); // it is told
    }
}

TEST_CASE("a stack whose successor finds no memory stays down, and the deaths of one are not another's") {
    Recovery fixture;
    auto const stack = fixture.need_stack();
    auto const other = fixture.enter(fixture.create());
    static_cast<void>(ipc::call<proto::Network::Socket>(other, 2U, 1U, 0U));
    auto const neighbour = static_cast<std::uint32_t>(fixture.stacks.stacks.size() - 1);
    REQUIRE(neighbour != stack);
    for (std::uint32_t death = 0; death <= netns::NetnsServer::deaths_maximum; ++death) { fixture.die(stack, 1); }
    CHECK_FALSE(fixture.stacks.stacks[stack]->running);
    fixture.die(neighbour, 1);
    CHECK(fixture.stacks.stacks[neighbour]->running);
    fixture.stacks.memory = false;
    fixture.die(neighbour, fixture.apart);
    CHECK_FALSE(fixture.stacks.stacks[neighbour]->running);
}
