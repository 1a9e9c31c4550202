#include "fixture.hpp"

namespace {

using Operation = sysv::SemaphoreOperation;
constexpr std::uint16_t undo = 0x1000, no_wait = 04000;
constexpr std::uint64_t for_ever = ~0ULL;

auto operate(ipc::Cap<V> who, std::int32_t id, std::vector<Operation> const& operations,
             std::uint64_t deadline = for_ever) {
    return ipc::call<V::Operate>(who, id, static_cast<std::uint32_t>(operations.size()), deadline,
                                 ipc::ReadBuffer{operations.data(), operations.size() * sizeof(Operation)});
}
std::int32_t value(ipc::Cap<V> who, std::int32_t id, std::uint32_t index, std::uint32_t command = 12) {
    auto const answer = ipc::call<V::ControlSemaphore>(who, id, index, command, 0);
    REQUIRE(answer);
    return *answer;
}
Error set(ipc::Cap<V> who, std::int32_t id, std::uint32_t index, std::int32_t to) {
    return error_of(ipc::call<V::ControlSemaphore>(who, id, index, 16U, to));
}

struct Sets : Fixture {
    std::int32_t id = *ipc::call<V::GetSet>(root, 1, 3U, make | 0600);
};

} // namespace

TEST_CASE_FIXTURE(Sets, "operations are all done or none") {
    CHECK(operate(root, id, {{0, 2, 0}, {1, 1, 0}}));
    CHECK(value(root, id, 0) == 2);
    CHECK(error_of(operate(root, id, {{0, -1, 0}, {1, -2, no_wait}})) == Error::Again);
    CHECK(value(root, id, 0) == 2);
    CHECK(error_of(operate(root, id, {{0, 1, 0}, {2, 32767, 0}, {2, 1, 0}})) == Error::Range);
    CHECK(value(root, id, 0) == 2);
    CHECK(value(root, id, 2) == 0);
    CHECK(error_of(operate(root, id, {{3, 1, 0}})) == Error::FileTooBig);
    CHECK(error_of(operate(root, id, {})) == Error::Invalid);
    CHECK(error_of(operate(root, id, std::vector<Operation>(501))) == Error::ArgumentsTooLong);
    CHECK(error_of(operate(root, id + 1, {{0, 1, 0}})) == Error::Invalid);
    CHECK(value(root, id, 0, 11) == 100); // GETPID
}

TEST_CASE_FIXTURE(Sets, "who waits goes on when it can, in the order of coming") {
    auto const one = enter(first, 0, ~0ULL, 201), two = enter(first, 0, ~0ULL, 202);
    CHECK(error_of(operate(one, id, {{0, -2, 0}})) == Error::Deferred);
    auto const first_wait = world.deferred();
    CHECK(error_of(operate(two, id, {{0, -1, 0}})) == Error::Deferred);
    auto const second_wait = world.deferred();
    CHECK(value(root, id, 0, 14) == 2); // GETNCNT
    CHECK(operate(root, id, {{0, 1, 0}}));
    CHECK_FALSE(first_wait.answered());
    CHECK(second_wait.answered()); // what the first needs is not there
    CHECK(operate(root, id, {{0, 2, 0}}));
    REQUIRE(first_wait.answered());
    CHECK(first_wait.result<V::Operate>());
    CHECK(value(root, id, 0) == 0);
    CHECK(value(root, id, 0, 11) == 201);
    CHECK(set(root, id, 0, 1) == Error::None);
    CHECK(error_of(operate(one, id, {{0, 0, 0}})) == Error::Deferred); // until it is zero
    auto const zero_wait = world.deferred();
    CHECK(value(root, id, 0, 15) == 1);
    CHECK(set(root, id, 0, 0) == Error::None);
    CHECK(zero_wait.answered());
}

TEST_CASE_FIXTURE(Sets, "a wait ends by its deadline, by removal, or when its caller goes") {
    CHECK(error_of(operate(root, id, {{0, -1, 0}}, 5'000'000'000)) == Error::Deferred);
    auto const timed = world.deferred();
    CHECK(port.armed == 5'000'000'000);
    port.time = 6'000'000'000;
    world.signal_server(number, 2);
    world.pump();
    REQUIRE(timed.answered());
    CHECK(error_of(timed.result<V::Operate>()) == Error::Again);
    CHECK(port.armed == 0);

    CHECK(error_of(operate(root, id, {{0, -1, 0}})) == Error::Deferred);
    world.abandon_deferred();
    CHECK(operate(root, id, {{0, 1, 0}}));
    CHECK(value(root, id, 0) == 1); // not taken by one who has gone

    CHECK(error_of(operate(root, id, {{0, -2, 0}})) == Error::Deferred);
    auto const waiting = world.deferred();
    CHECK(ipc::call<V::ControlSet>(root, id, V::remove, proto::SystemVPermissions{}));
    REQUIRE(waiting.answered());
    CHECK(error_of(waiting.result<V::Operate>()) == Error::IdentifierRemoved);
}

TEST_CASE_FIXTURE(Sets, "what an ended process did with SEM_UNDO is taken back") {
    auto const session = enter(first, 0, ~0ULL);
    CHECK(set(root, id, 0, 5) == Error::None);
    CHECK(operate(session, id, {{0, -3, undo}, {1, 2, undo}, {2, 7, 0}}));
    CHECK(operate(session, id, {{0, 1, undo}}));
    CHECK(value(root, id, 0) == 3);
    CHECK(error_of(operate(root, id, {{0, -5, 0}})) == Error::Deferred);
    auto const waiting = world.deferred();
    drop(session);
    CHECK(waiting.answered()); // 5 again, and taken
    CHECK(value(root, id, 0) == 0);
    CHECK(value(root, id, 1) == 0);
    CHECK(value(root, id, 2) == 7);
}

TEST_CASE_FIXTURE(Sets, "setting a value forgets what would be undone") {
    auto const session = enter(first, 0, ~0ULL);
    CHECK(operate(session, id, {{0, 3, undo}}));
    CHECK(set(root, id, 0, 1) == Error::None);
    drop(session);
    CHECK(value(root, id, 0) == 1);
    CHECK(set(root, id, 0, 32768) == Error::Range);
    CHECK(set(root, id, 3, 1) == Error::Invalid);
}

TEST_CASE_FIXTURE(Sets, "all values at once") {
    std::uint16_t const in[] = {1, 2, 3};
    CHECK(ipc::call<V::SetAll>(root, id, ipc::ReadBuffer{in, sizeof in}));
    std::uint16_t out[3] = {};
    auto const got = ipc::call<V::GetAll>(root, id, ipc::WriteBuffer{out, sizeof out});
    REQUIRE(got);
    CHECK(got->count == 3);
    CHECK(out[2] == 3);
    std::uint16_t const bad[] = {1, 40000, 3};
    CHECK(error_of(ipc::call<V::SetAll>(root, id, ipc::ReadBuffer{bad, sizeof bad})) == Error::Range);
    CHECK(value(root, id, 0) == 1);
    auto const other = enter(first, 1000);
    CHECK(error_of(ipc::call<V::SetAll>(other, id, ipc::ReadBuffer{in, sizeof in})) == Error::Access);
    CHECK(table(root, 1) == "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n"
                            "         1          0   600          3     0     0     0     0          0 1700000001\n");
}

TEST_CASE_FIXTURE(Sets, "sets are counted, and their memory comes back") {
    CHECK(error_of(ipc::call<V::GetSet>(root, 0, 32001U, make)) == Error::Invalid);
    CHECK(error_of(ipc::call<V::GetSet>(root, 0, 0U, make)) == Error::Invalid);
    CHECK(ipc::call<V::GetSet>(root, 1, 0U, 0U) == id);
    CHECK(error_of(ipc::call<V::GetSet>(root, 1, 4U, 0U)) == Error::Invalid);
    int made = 0;
    while (ipc::call<V::GetSet>(root, 0, 30000U, make)) { ++made; }
    CHECK(made >= 2); // a MiB of 8 bytes each
    CHECK(made < 10);
    for (std::int32_t i = 1; i <= made; ++i) {
        CHECK(ipc::call<V::ControlSet>(root, i, V::remove, proto::SystemVPermissions{}));
    }
    CHECK(ipc::call<V::GetSet>(root, 0, 30000U, make));
    CHECK(ipc::call<V::Use>(root)->sets == 2);
}
