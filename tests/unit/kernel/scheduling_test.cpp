#include "fixture.hpp"

using namespace test;
using enum ObjectType;
using enum Invocation;

namespace {
void stop_root(Kernel& kernel) { kernel::suspend(kernel.root()); }
} // namespace

TEST_CASE("priorities, time slices, Yield") {
    Kernel kernel;
    Client const a = kernel.make_client(50), b = kernel.make_client(50), low = kernel.make_client(49),
                 high = kernel.make_client(51);
    kernel::suspend(*high.thread);
    stop_root(kernel);
    kernel::leave_kernel();
    CHECK(cpu().current == a.thread);
    kernel.system_call(*a.thread, Syscall::Yield, 0);
    CHECK(cpu().current == b.thread);
    kernel.system_call(*b.thread, Syscall::Yield, 0);
    CHECK(cpu().current == a.thread);
    for (int tick = 0; tick < 10; ++tick) kernel::handle_tick();
    CHECK(cpu().current == b.thread);
    kernel::resume(*high.thread);
    kernel::leave_kernel();
    CHECK(cpu().current == high.thread);
    kernel::suspend(*high.thread);
    kernel::leave_kernel();
    CHECK(cpu().current == b.thread); // preempted, it goes on first
    kernel::suspend(*a.thread);
    kernel::suspend(*b.thread);
    kernel::leave_kernel();
    CHECK(cpu().current == low.thread);
    kernel::suspend(*low.thread);
    kernel::leave_kernel();
    CHECK(cpu().current == nullptr);
    kernel::handle_tick();
    CHECK(cpu().idle_ticks == 1);
    kernel.check();
}

TEST_CASE("a budget is spent, and filled again each period") {
    Kernel kernel;
    Client const a = kernel.make_client(50);
    kernel.make_client(40);
    CHECK(kernel.invoke(boot_slot::sched_control, SchedControlConfigure, {0, 5}, {a.sched_context}).error() ==
          Error::RangeError);
    CHECK(kernel.invoke(boot_slot::sched_control, SchedControlConfigure, {6, 5}, {a.sched_context}).error() ==
          Error::RangeError);
    CHECK(kernel.invoke(boot_slot::sched_control, SchedControlConfigure, {3, 5}, {a.capability}).error() ==
          Error::InvalidCapability);
    CHECK(kernel.invoke(boot_slot::sched_control, SchedControlConfigure, {3000, 10000}, {a.sched_context}).error() ==
          Error::None);
    stop_root(kernel);
    kernel::leave_kernel();
    int ran_a = 0, ran_b = 0;
    for (int tick = 0; tick < 100; ++tick) {
        (cpu().current == a.thread ? ran_a : ran_b)++;
        kernel::handle_tick();
        kernel.check();
    }
    CHECK(ran_a == 30);
    CHECK(ran_b == 70);
    kernel::resume(kernel.root());
    kernel::leave_kernel();
    Answer const consumed = kernel.invoke(a.sched_context, SchedContextConsumed);
    CHECK(consumed.first == 30 * 1000);
    CHECK(kernel.invoke(a.sched_context, SchedContextConsumed).first == 0);
}

TEST_CASE("binding and unbinding; without a context nothing runs") {
    Kernel kernel;
    Client const a = kernel.make_client(50), passive = kernel.make_client(50, false);
    CHECK_FALSE(passive.thread->queued);
    CHECK(kernel.invoke(a.sched_context, SchedContextBind, {}, {passive.capability}).error() ==
          Error::IllegalOperation);
    CHECK(kernel.invoke(a.sched_context, SchedContextUnbind).error() == Error::None);
    CHECK_FALSE(a.thread->queued);
    CHECK(kernel.invoke(a.sched_context, SchedContextBind, {}, {a.space}).error() == Error::InvalidCapability);
    CHECK(kernel.invoke(a.sched_context, SchedContextBind, {}, {passive.capability}).error() == Error::None);
    CHECK(passive.thread->queued);
    CHECK(kernel.remove(a.sched_context) == Error::None);
    CHECK(passive.thread->own_context == nullptr);
    CHECK_FALSE(passive.thread->queued);
}

TEST_CASE("a passive server runs on its caller's time, and gives it back") {
    Kernel kernel;
    Client const client = kernel.make_client(50), server = kernel.make_client(60, false);
    Word const endpoint = kernel.make(Endpoint), reply = kernel.make(ObjectType::Reply);
    // Up to its first Receive it runs on a context of its own.
    Word const starter = kernel.make(SchedContext);
    kernel.invoke(boot_slot::sched_control, SchedControlConfigure, {10000, 10000}, {starter});
    kernel.invoke(starter, SchedContextBind, {}, {server.capability});
    kernel.system_call(*server.thread, Syscall::Receive, endpoint, {}, 0, 0, reply);
    kernel.invoke(starter, SchedContextUnbind);
    auto const* const time = client.thread->own_context;
    for (Word length : {2u, 3u}) {
        kernel.system_call(*client.thread, Syscall::Call, endpoint, MessageInfo{1, length});
        CHECK(server.thread->borrowed_context == time);
        CHECK(kernel::is_runnable(*server.thread));
        kernel.system_call(*server.thread, Syscall::ReplyReceive, endpoint, MessageInfo{0, length}, 0, 0, reply);
        CHECK(server.thread->borrowed_context == nullptr);
        CHECK(kernel::is_runnable(*client.thread));
    }
    SUBCASE("nested: the second server borrows the same context") {
        Client const inner = kernel.make_client(70, false);
        Word const inner_endpoint = kernel.make(Endpoint), inner_reply = kernel.make(ObjectType::Reply);
        kernel.invoke(starter, SchedContextBind, {}, {inner.capability});
        kernel.system_call(*inner.thread, Syscall::Receive, inner_endpoint, {}, 0, 0, inner_reply);
        kernel.invoke(starter, SchedContextUnbind);
        kernel.system_call(*client.thread, Syscall::Call, endpoint, MessageInfo{1, 0});
        kernel.system_call(*server.thread, Syscall::Call, inner_endpoint, MessageInfo{1, 0});
        CHECK(inner.thread->borrowed_context == time);
        // Answered, but not yet back at Receive: all of them may run, all on the same time.
        kernel.system_call(*inner.thread, Syscall::Send, inner_reply);
        CHECK(inner.thread->borrowed_context == time);
        CHECK(server.thread->borrowed_context == time);
        kernel.system_call(*inner.thread, Syscall::Receive, inner_endpoint, {}, 0, 0, inner_reply);
        CHECK(inner.thread->borrowed_context == nullptr);
    }
    SUBCASE("kept while it receives, and nobody's time") {
        stop_root(kernel);
        kernel.run(*client.thread);
        kernel.system_call(*client.thread, Syscall::Call, endpoint, MessageInfo{1, 0});
        kernel.system_call(*server.thread, Syscall::ReplyReceive, endpoint, {}, 0, 0, reply);
        REQUIRE(server.thread->state == ThreadState::BlockedOnReceive);
        CHECK(server.thread->borrowed_context == time);
        SUBCASE("a plain Send gives no time") {
            kernel.system_call(*client.thread, Syscall::Send, endpoint, MessageInfo{1, 0});
            CHECK(server.thread->state == ThreadState::Running);
            CHECK(server.thread->borrowed_context == nullptr);
            CHECK_FALSE(kernel::is_runnable(*server.thread));
        }
        SUBCASE("another caller lends another") {
            kernel::resume(kernel.root());
            Client const other = kernel.make_client(55);
            stop_root(kernel);
            kernel.system_call(*other.thread, Syscall::Call, endpoint, MessageInfo{1, 0});
            CHECK(server.thread->borrowed_context == other.thread->own_context);
            CHECK(time->borrowers == nullptr);
        }
        SUBCASE("the end of the wait gives it back") {
            kernel::suspend(*server.thread);
            CHECK(server.thread->borrowed_context == nullptr);
        }
        SUBCASE("the context is destroyed: the server waits without") {
            kernel::resume(kernel.root());
            CHECK(kernel.remove(client.sched_context) == Error::None);
            CHECK(server.thread->borrowed_context == nullptr);
            CHECK(server.thread->state == ThreadState::BlockedOnReceive);
        }
    }
    SUBCASE("the caller's context is destroyed while the server works: it goes on") {
        kernel.system_call(*client.thread, Syscall::Call, endpoint, MessageInfo{1, 0});
        CHECK(kernel.remove(client.sched_context) == Error::None);
        CHECK(server.thread->borrowed_context == &cpu().orphans);
        CHECK(kernel::is_runnable(*server.thread));
        kernel.system_call(*server.thread, Syscall::ReplyReceive, endpoint, {}, 0, 0, reply);
        CHECK(server.thread->borrowed_context == nullptr);
        CHECK_FALSE(client.thread->queued);
    }
    SUBCASE("the caller is destroyed while the server works") {
        kernel.system_call(*client.thread, Syscall::Call, endpoint, MessageInfo{1, 0});
        CHECK(kernel.remove(client.capability) == Error::None);
        CHECK(kernel::is_runnable(*server.thread));
        kernel.system_call(*server.thread, Syscall::ReplyReceive, endpoint, {}, 0, 0, reply);
        CHECK(server.thread->state == ThreadState::BlockedOnReceive);
    }
    SUBCASE("throttled: both stop until the refill") {
        kernel.invoke(boot_slot::sched_control, SchedControlConfigure, {1000, 5000}, {client.sched_context});
        kernel.system_call(*client.thread, Syscall::Call, endpoint, MessageInfo{1, 0});
        stop_root(kernel);
        kernel::leave_kernel();
        CHECK(cpu().current == server.thread);
        kernel::handle_tick();
        CHECK(cpu().current == nullptr);
        for (int tick = 0; tick < 3; ++tick) {
            CHECK(cpu().current == nullptr);
            kernel::handle_tick();
        }
        kernel::handle_tick();
        CHECK(cpu().current == server.thread);
    }
    SUBCASE("a notification lends its context") {
        Word const notification = kernel.make(ObjectType::Notification);
        CHECK(kernel.invoke(starter, SchedContextBind, {}, {notification}).error() == Error::None);
        CHECK(kernel.invoke(server.capability, ThreadBindNotification, {}, {notification}).error() == Error::None);
        kernel.system_call(kernel.root(), Syscall::Send, notification);
        CHECK(server.thread->borrowed_context != nullptr);
        CHECK(server.thread->queued);
        kernel.system_call(*server.thread, Syscall::Receive, notification);
        CHECK(server.thread->borrowed_context == nullptr);
        CHECK(kernel.remove(notification) == Error::None);
        CHECK(kernel.remove(starter) == Error::None);
    }
}
