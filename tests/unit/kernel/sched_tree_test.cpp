// The tree of scheduling contexts, in simulated time: a tick is a call of handle_tick.
#include "fixture.hpp"
#include <random>
#include <vector>

using namespace test;
using enum ObjectType;
using enum Invocation;

namespace {

Word make_context(Kernel& kernel, Word budget_ticks, Word period_ticks, Word parent = 0) {
    Word const context = kernel.make(SchedContext);
    REQUIRE(kernel
                .invoke(boot_slot::sched_control, SchedControlConfigure, {budget_ticks * 1000, period_ticks * 1000},
                        {context})
                .error() == Error::None);
    if (parent != 0)
        REQUIRE(kernel.invoke(boot_slot::sched_control, SchedControlSetParent, {}, {context, parent}).error() ==
                Error::None);
    return context;
}

void set_parent(Kernel& kernel, Word context, Word parent) {
    REQUIRE(kernel.invoke(boot_slot::sched_control, SchedControlSetParent, {}, {context, parent}).error() ==
            Error::None);
}

void tick(Kernel& kernel) {
    ::kernel::handle_tick();
    kernel.check();
}

/// What a context may use, counted again from what it was charged: never more than its budget in one period, which begins
/// with the first use after the last one's end.
struct Watch {
    ::kernel::SchedContext* context;
    Word budget, period, seen = 0, used = 0, end = 0, periods = 0;
    void look(Word now) {
        if (context->charged == seen) return;
        CHECK(context->charged == seen + 1);
        seen = context->charged;
        if (used == 0 || now >= end) used = 0, end = now + period, ++periods;
        ++used;
        CHECK(used <= budget);
    }
};

} // namespace

TEST_CASE("SetParent: what is refused") {
    Kernel kernel;
    Word const control = boot_slot::sched_control;
    Word const top = make_context(kernel, 5, 10), child = make_context(kernel, 5, 10);
    CHECK(kernel.invoke(control, SchedControlSetParent, {}, {cnode}).error() == Error::InvalidCapability);
    CHECK(kernel.invoke(control, SchedControlSetParent, {}, {child, cnode}).error() == Error::InvalidCapability);
    CHECK(kernel.invoke(control, SchedControlSetParent, {}, {child, child}).error() == Error::IllegalOperation);
    set_parent(kernel, child, top);
    CHECK(kernel.invoke(control, SchedControlSetParent, {}, {top, child}).error() == Error::IllegalOperation);
    Word above = child;
    for (Word depth = 2; depth < 8; ++depth) above = make_context(kernel, 5, 10, above);
    Word const deeper = make_context(kernel, 5, 10);
    CHECK(kernel.invoke(control, SchedControlSetParent, {}, {deeper, above}).error() == Error::RangeError);
    CHECK(kernel.invoke(control, SchedControlSetParent, {}, {above}).error() == Error::None);
}

TEST_CASE("an exhausted parent stops its children until its refill, and only them") {
    Kernel kernel;
    Word const group = make_context(kernel, 3, 10);
    Client const a = kernel.make_client(50), b = kernel.make_client(50), other = kernel.make_client(40);
    set_parent(kernel, a.sched_context, group);
    set_parent(kernel, b.sched_context, group);
    ::kernel::suspend(kernel.root());
    ::kernel::leave_kernel();
    int ran_group = 0, ran_other = 0;
    for (int i = 0; i < 100; ++i) {
        (cpu().current == other.thread ? ran_other : ran_group)++;
        tick(kernel);
    }
    CHECK(ran_group == 30);
    CHECK(ran_other == 70);
    SUBCASE("without the parent they run all the time") {
        ::kernel::resume(kernel.root());
        ::kernel::leave_kernel();
        SUBCASE("taken out of the tree") {
            CHECK(kernel.invoke(boot_slot::sched_control, SchedControlSetParent, {}, {a.sched_context}).error() ==
                  Error::None);
            CHECK(kernel.object<::kernel::SchedContext>(group).charged_by_former != 0);
        }
        SUBCASE("the parent is destroyed") { CHECK(kernel.remove(group) == Error::None); }
        ::kernel::suspend(kernel.root());
        ::kernel::leave_kernel();
        for (int i = 0; i < 30; ++i) {
            CHECK(cpu().current != other.thread);
            tick(kernel);
        }
    }
    SUBCASE("a thread that joins an exhausted group waits with it") {
        while (cpu().current != other.thread) tick(kernel);
        ::kernel::resume(kernel.root());
        ::kernel::leave_kernel();
        set_parent(kernel, other.sched_context, group);
        ::kernel::suspend(kernel.root());
        ::kernel::leave_kernel();
        CHECK(cpu().current == nullptr);
    }
}

TEST_CASE("100 threads on 3 levels: no context exceeds its budget, none is forgotten") {
    for (unsigned seed = 1; seed <= 3; ++seed) {
        CAPTURE(seed);
        Kernel kernel;
        std::mt19937 random{seed};
        auto below = [&](Word limit) { return static_cast<Word>(random() % limit); };
        std::vector<Watch> watches;
        auto watch = [&](Word slot) {
            auto& context = kernel.object<::kernel::SchedContext>(slot);
            watches.push_back({&context, context.budget, context.period});
            return slot;
        };
        std::vector<Word> middle;
        for (Word top = 0; top < 4; ++top) {
            Word const context = watch(make_context(kernel, 15 + below(15), 100));
            for (Word i = 0; i < 5; ++i)
                middle.push_back(watch(make_context(kernel, 2 + below(8), 20 + below(60), context)));
        }
        std::vector<Client> clients;
        for (Word i = 0; i < 100; ++i) {
            clients.push_back(kernel.make_client(50 + below(3)));
            Word const period = 10 + below(300), budget = 1 + below(period / 2);
            REQUIRE(kernel
                        .invoke(boot_slot::sched_control, SchedControlConfigure, {budget * 1000, period * 1000},
                                {clients.back().sched_context})
                        .error() == Error::None);
            set_parent(kernel, watch(clients.back().sched_context), middle[i % middle.size()]);
        }
        ::kernel::suspend(kernel.root());
        ::kernel::leave_kernel();
        Word idle = 0;
        for (Word now = 0; now < 6000; ++now) {
            idle += cpu().current == nullptr ? 1 : 0;
            ::kernel::handle_tick();
            for (Watch& one : watches) one.look(now);
            if (now % 50 == 0) kernel.check();
        }
        // Every tick is charged to one of the four at the top, which are busy all the time their budgets allow.
        Word busy = 0;
        for (Word top = 0; top < 4; ++top) {
            Watch const& one = watches[top * 6];
            busy += one.seen;
            CHECK(one.seen * 100 >= 6000 * one.budget * 95 / 100);
        }
        CHECK(busy + idle == 6000);
    }
}

TEST_CASE("a passive server's time is charged to the chain of its caller") {
    Kernel kernel;
    Word const groups[] = {make_context(kernel, 60, 100), make_context(kernel, 20, 100)};
    Client const clients[] = {kernel.make_client(50), kernel.make_client(50)};
    Client const server = kernel.make_client(60, false);
    Word const endpoint = kernel.make(Endpoint), reply = kernel.make(ObjectType::Reply),
               starter = make_context(kernel, 10, 10);
    kernel.invoke(starter, SchedContextBind, {}, {server.capability});
    kernel.system_call(*server.thread, Syscall::Receive, endpoint, {}, 0, 0, reply);
    kernel.invoke(starter, SchedContextUnbind);
    for (int i = 0; i < 2; ++i) set_parent(kernel, clients[i].sched_context, groups[i]);
    ::kernel::suspend(kernel.root());
    ::kernel::leave_kernel();
    // Nine tenths of the time are the server's, on behalf of one or the other.
    Word expected[2] = {0, 0}, busy = 0;
    ::kernel::Thread* caller = nullptr;
    for (Word now = 0; now < 10000; ++now) {
        ::kernel::Thread* const current = cpu().current;
        if (current == clients[0].thread || current == clients[1].thread) {
            caller = current;
            kernel.system_call(*caller, Syscall::Call, endpoint, MessageInfo{1, 0});
        } else if (current == server.thread && now % 10 == 0) {
            kernel.system_call(*server.thread, Syscall::ReplyReceive, endpoint, {}, 0, 0, reply);
        }
        if (cpu().current != nullptr) {
            ++busy;
            ++expected[(cpu().current == server.thread ? caller : cpu().current) == clients[1].thread];
        }
        tick(kernel);
    }
    Word charged[2];
    for (int i = 0; i < 2; ++i) charged[i] = kernel.object<::kernel::SchedContext>(groups[i]).charged;
    CHECK(charged[0] == expected[0]);
    CHECK(charged[1] == expected[1]);
    CHECK((charged[0] + charged[1]) * 100 >= busy * 98);
    CHECK(charged[0] <= 6000);
    CHECK(charged[1] <= 2000);
    CHECK(charged[0] > 1000);
    CHECK(charged[1] >= 1000); // throttled in the middle of a call it keeps the server waiting, and so the other
}

TEST_CASE("hundreds of users and children are told in steps, with an interrupt at every preemption point") {
    Kernel kernel;
    Word const top = make_context(kernel, 5, 50), group = make_context(kernel, 100, 1000, top);
    std::vector<Client> clients;
    for (Word i = 0; i < 300; ++i) {
        clients.push_back(kernel.make_client(50));
        set_parent(kernel, clients.back().sched_context, group);
    }
    for (Word every : {1u, 3u}) {
        ::kernel::suspend(kernel.root());
        machine.preempt_every = every;
        machine.tick_on_interrupt = every == 3; // both sorts of interrupts
        ::kernel::leave_kernel();
        Word ran = 0;
        for (Word now = 0; now < 400; ++now) {
            ran += cpu().current != nullptr ? 1 : 0;
            tick(kernel);
        }
        CHECK(ran > 20);
        CHECK(ran <= 50);
        ::kernel::resume(kernel.root());
        ::kernel::leave_kernel();
    }
    machine.preempt_every = 1;
    machine.preemption_points = 0;
    CHECK(kernel.remove(group) == Error::None);
    CHECK(machine.preemption_points > 10);
    for (Client const& client : clients)
        CHECK(kernel.object<::kernel::SchedContext>(client.sched_context).parent ==
              &kernel.object<::kernel::SchedContext>(top));
    CHECK(kernel.remove(top) == Error::None);
    for (Client const& client : clients)
        CHECK(kernel.object<::kernel::SchedContext>(client.sched_context).parent == nullptr);
}

TEST_CASE("refills far ahead, and tick counts that wrap") {
    Kernel kernel;
    Client const a = kernel.make_client(50);
    REQUIRE(
        kernel.invoke(boot_slot::sched_control, SchedControlConfigure, {1000, 60'000'000}, {a.sched_context}).error() ==
        Error::None);
    cpu().now = 0xffffffff - 30000;
    cpu().refill_next = cpu().now + 1;
    ::kernel::suspend(kernel.root());
    ::kernel::leave_kernel();
    std::vector<Word> ran;
    for (Word now = 0; now < 130000; ++now) {
        if (cpu().current == a.thread) ran.push_back(now);
        ::kernel::handle_tick();
    }
    kernel.check();
    CHECK(ran == std::vector<Word>{0, 60000, 120000});
}
