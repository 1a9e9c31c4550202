// Signals: sending, handlers, waiting for them, faults; over a machine that does nothing.
#include "fake_world.hpp"
#include <doctest/doctest.h>

using namespace proc;

namespace {
constexpr Address program = 0x08048100;
Address pending_of(World& world, Process& process) { return world.core.area(*process.leader()).signal_pending; }
/// The last answer that went out late.
FakeReplies::Answer last(World& world) {
    REQUIRE(!world.replies.answers.empty());
    return world.replies.answers.back();
}
} // namespace

TEST_CASE("a handler: program code is sent to the vDSO, and TakeSignal gives the action and mask") {
    World world;
    Process* const a = world.fork(*world.init);
    world.handler(*a, 10, 0x1234, 0, signal_bit(12));
    world.state(*a).registers.eip = program;
    REQUIRE(world.kill(*world.init, a->pid->number(), 10));
    CHECK(pending_of(world, *a) == 1);
    CHECK(world.state(*a).registers.eip == vdso_header().signal_entry);
    CHECK(world.core.area(*a->leader()).interrupted.eip == program);
    auto delivered = world.core.take_signal(*a->leader());
    CHECK(delivered.information.number == 10);
    CHECK(delivered.information.pid == 1);
    CHECK(delivered.action.handler == 0x1234);
    CHECK(delivered.old_mask == 0);
    CHECK(a->leader()->mask == (signal_bit(10) | signal_bit(12)));
    // The same again waits until the mask allows it.
    REQUIRE(world.kill(*world.init, a->pid->number(), 10));
    CHECK(world.core.take_signal(*a->leader()).information.number == 0);
    CHECK(world.core.pending(*a->leader()) == signal_bit(10));
    world.call(*a->leader(), [&] { return world.core.set_mask(*a->leader(), 2, true, 0); });
    CHECK(pending_of(world, *a) == 1);
    CHECK(world.core.take_signal(*a->leader()).information.number == 10);
}

TEST_CASE("a handler while a call waits: elsewhere it is interrupted, in proc it is answered") {
    World world;
    Process* const a = world.fork(*world.init);
    world.handler(*a, 10, 0x1234);
    world.state(*a).registers.eip = vdso_header().text_start + 0x2000;
    world.state(*a).state = abi::ThreadState::BlockedOnReply;
    world.core.area(*a->leader()).in_call = 1; // a short one: it comes back by itself
    REQUIRE(world.kill(*world.init, a->pid->number(), 10));
    CHECK(world.state(*a).state == abi::ThreadState::BlockedOnReply);
    CHECK(world.core.take_signal(*a->leader()).information.number == 10);
    world.core.set_mask(*a->leader(), 2, true, 0).value();
    world.core.area(*a->leader()).in_call = 2;
    REQUIRE(world.kill(*world.init, a->pid->number(), 10));
    CHECK(world.state(*a).state == abi::ThreadState::Running);
    CHECK(world.core.take_signal(*a->leader()).information.number == 10);
    world.core.set_mask(*a->leader(), 2, true, 0).value();
    // Sleeping: the time that is left comes back.
    CHECK(world.call(*a->leader(), [&] { return world.core.sleep(*a->leader(), 1, false, 5'000'000'000); }).error() ==
          Error::Deferred);
    world.clock.time += 2'000'000'000;
    REQUIRE(world.kill(*world.init, a->pid->number(), 10));
    CHECK(std::get<std::uint64_t>(last(world).value) == 3'000'000'000);
    CHECK(a->leader()->blocked == Blocked::None);
    CHECK(world.core.timers.size() == 0);
    CHECK(world.core.take_signal(*a->leader()).information.number == 10);
    world.core.set_mask(*a->leader(), 2, true, 0).value();
    // In a window of the vDSO: sent to its retry.
    world.state(*a).state = abi::ThreadState::Running;
    world.state(*a).registers.eip = vdso_header().windows[0].start;
    REQUIRE(world.kill(*world.init, a->pid->number(), 10));
    CHECK(world.state(*a).registers.eip == vdso_header().windows[0].retry);
}

TEST_CASE("sigsuspend puts the mask back, sigtimedwait takes and times out") {
    World world;
    Process* const a = world.fork(*world.init);
    Thread& thread = *a->leader();
    world.handler(*a, 10, 0x1234);
    world.core.set_mask(thread, 2, true, signal_bit(10)).value();
    CHECK(world.call(thread, [&] { return world.core.suspend(thread, 0); }).error() == Error::Deferred);
    REQUIRE(world.kill(*world.init, a->pid->number(), 10));
    CHECK(last(world).error == Error::Interrupted);
    auto delivered = world.core.take_signal(thread);
    CHECK(delivered.information.number == 10);
    CHECK(delivered.old_mask == signal_bit(10));

    world.core.set_mask(thread, 2, true, signal_bit(12)).value();
    CHECK(world.call(thread, [&] { return world.core.wait_signal(thread, signal_bit(12), 1000); }).error() ==
          Error::Deferred);
    REQUIRE(world.kill(*world.init, a->pid->number(), 12));
    CHECK(std::get<proto::SignalInformation>(last(world).value).number == 12);
    CHECK(world.call(thread, [&] { return world.core.wait_signal(thread, signal_bit(12), 1000); }).error() ==
          Error::Deferred);
    world.clock.time += 2000;
    world.core.clock_alarm();
    CHECK(last(world).error == Error::Again);
}

TEST_CASE("init is protected from inside, not from above") {
    World world;
    Process* const a = world.fork(*world.init);
    REQUIRE(world.kill(*a, 1, 9));
    REQUIRE(world.kill(*a, 1, 15));
    CHECK(world.init->alive());
    REQUIRE(world.core.unshare(*a->leader(), clone_flag::new_pid));
    Process* const inner = world.fork(*a);
    REQUIRE(world.kill(*inner, 1, 9));
    CHECK(inner->alive());
    REQUIRE(world.kill(*world.init, inner->pid->number_in(*world.domain->space), 15));
    CHECK(inner->alive());
    REQUIRE(world.kill(*world.init, inner->pid->number_in(*world.domain->space), 9));
    CHECK(inner->state == ProcessState::Zombie);
}

TEST_CASE("kill: permissions, groups, errors") {
    World world;
    Process* const a = world.fork(*world.init);
    Process* const b = world.fork(*world.init);
    b->credentials.set_identity(4, 1000, 1000, 1000, 0).value();
    CHECK(world.kill(*b, a->pid->number(), 15).error() == Error::NotPermitted);
    CHECK(world.kill(*b, 9999, 15).error() == Error::NoProcess);
    CHECK(world.kill(*b, a->pid->number(), 65).error() == Error::Invalid);
    REQUIRE(world.kill(*a, b->pid->number(), 0));
    REQUIRE(world.core.set_group(*a, 0, 0));
    Process* const c = world.fork(*a);
    CHECK(c->group == a->pid);
    REQUIRE(world.kill(*world.init, -a->pid->number(), 15));
    CHECK(a->state == ProcessState::Zombie);
    CHECK(c->state == ProcessState::Zombie);
    CHECK(b->alive());
    CHECK(world.kill(*world.init, -a->pid->number(), 0)); // zombies are still members
}

TEST_CASE("faults are signals that cannot be held back; the vDSO's accesses are fixed up") {
    World world;
    Process* const a = world.fork(*world.init);
    auto const& header = vdso_header();
    world.state(*a).registers.eip = header.fault_window.start + 4;
    world.core.memory_fault(*a->leader(), 0x1000, header.fault_window.start + 4, false, false);
    CHECK(world.state(*a).registers.eip == header.fault_window.retry);
    CHECK(a->alive());
    world.handler(*a, 11, 0x4444);
    world.state(*a).registers.eip = program;
    world.core.memory_fault(*a->leader(), 0x1000, program, false, false);
    CHECK(world.state(*a).registers.eip == header.signal_entry);
    auto const delivered = world.core.take_signal(*a->leader());
    CHECK(delivered.information.address == 0x1000);
    CHECK(delivered.information.code == 1);
    world.core.memory_fault(*a->leader(), 0x1000, program, false, false); // again within the handler: held back
    CHECK(a->state == ProcessState::Zombie);
    CHECK(a->exit_status == 11);
}

TEST_CASE("init is spared default actions, but gets what it holds back or waits for") {
    World world;
    Process& init = *world.init;
    Process* const a = world.fork(init);
    REQUIRE(world.kill(*a, 1, 10));
    CHECK(world.core.pending(*init.leader()) == 0);
    world.call(*init.leader(), [&] { return world.core.set_mask(*init.leader(), 2, true, signal_bit(10)); });
    REQUIRE(world.kill(*a, 1, 10));
    CHECK(world.core.pending(*init.leader()) == signal_bit(10));
    REQUIRE(world.kill(*a, 1, 9)); // not even then
    CHECK(init.alive());
    world.call(*init.leader(), [&] { return world.core.set_mask(*init.leader(), 2, true, 0); });
    CHECK(world.core.take_signal(*init.leader()).information.number == 0);
    CHECK(init.alive());
}
