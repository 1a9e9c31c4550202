#include "fixture.hpp"

using namespace test;
using enum ObjectType;
using enum Invocation;

namespace {

/// Objects of one Untyped that hold one another in every way; revoking it must give all of it back.
struct Knot {
    Kernel kernel;
    Word untyped = kernel.make(Untyped, 20);
    Word slot = kernel.slots(16);

    void make(ObjectType type, Word bits, Word at) {
        REQUIRE(kernel.invoke(untyped, UntypedRetype, {static_cast<Word>(type), bits, at, 1}, {cnode}).error() ==
                Error::None);
    }
    Error move(Word into, Word index, Word from) {
        return kernel.invoke(into, CNodeMove, {index, 0, from, 0}, {cnode}).error();
    }
    Error copy(Word into, Word index, Word from) {
        return kernel.invoke(into, CNodeCopy, {index, 0, from, 0, 15}, {cnode}).error();
    }
    void end() {
        REQUIRE(kernel.revoke(untyped) == Error::None);
        CHECK(kernel.invoke(untyped, UntypedInspect).first == 1 << 20);
        CHECK(cpu().zombie_first == nullptr);
    }
};

} // namespace

TEST_CASE("CNodes in CNodes, in a ring, in themselves") {
    Knot knot;
    for (Word i = 0; i < 4; ++i) knot.make(CNode, 3, knot.slot + i);
    SUBCASE("a chain, deleted at its head") {
        for (Word where : {0u, 5u}) {
            Word const head = knot.slot;
            if (where == 5) knot.make(CNode, 3, head);
            if (where == 0) {
                CHECK(knot.move(knot.slot + 2, where, knot.slot + 3) == Error::None);
                CHECK(knot.move(knot.slot + 1, where, knot.slot + 2) == Error::None);
                CHECK(knot.move(head, where, knot.slot + 1) == Error::None);
            }
            CHECK(knot.kernel.remove(head) == Error::None);
            CHECK(knot.kernel.slot(head).is_empty());
        }
        CHECK_FALSE(kernel::has_children(knot.kernel.slot(knot.untyped)));
    }
    SUBCASE("a chain through slot 5, preempted everywhere") {
        CHECK(knot.move(knot.slot + 2, 5, knot.slot + 3) == Error::None);
        CHECK(knot.move(knot.slot + 1, 5, knot.slot + 2) == Error::None);
        CHECK(knot.move(knot.slot, 5, knot.slot + 1) == Error::None);
        machine.preempt_every = 1;
        CHECK(knot.kernel.remove(knot.slot) == Error::None);
        CHECK_FALSE(kernel::has_children(knot.kernel.slot(knot.untyped)));
    }
    SUBCASE("in itself") {
        CHECK(knot.copy(knot.slot, 3, knot.slot) == Error::None);
        CHECK(knot.copy(knot.slot, 0, knot.slot) == Error::None);
        CHECK(knot.kernel.remove(knot.slot) == Error::None);
    }
    SUBCASE("a ring that only Revoke can reach") {
        for (Word i = 0; i < 4; ++i) CHECK(knot.copy(knot.slot + i, i, knot.slot + (i + 1) % 4) == Error::None);
        for (Word i = 0; i < 4; ++i) CHECK(knot.kernel.remove(knot.slot + i) == Error::None);
        CHECK(kernel::has_children(knot.kernel.slot(knot.untyped)));
        machine.preempt_every = 1;
    }
    SUBCASE("a ring through slot 0") {
        for (Word i = 0; i < 4; ++i) CHECK(knot.copy(knot.slot + i, 0, knot.slot + (i + 1) % 4) == Error::None);
        for (Word i = 0; i < 4; ++i) CHECK(knot.kernel.remove(knot.slot + i) == Error::None);
    }
    SUBCASE("the Untyped capability in its own child") {
        Word const inner = knot.kernel.slots(1);
        CHECK(knot.copy(knot.slot, 2, knot.slot + 1) == Error::None);
        CHECK(knot.move(knot.slot, 1, knot.untyped) == Error::None);
        CHECK(knot.kernel.invoke(knot.slot, CNodeRevoke, {1, 0}).error() == Error::None);
        static_cast<void>(inner);
        return;
    }
    knot.end();
}

TEST_CASE("threads that hold what holds them") {
    Knot knot;
    Word const thread = knot.slot, node = knot.slot + 1, space = knot.slot + 2, frame = knot.slot + 3,
               endpoint = knot.slot + 4;
    Word const time = knot.slot + 5, reply = knot.slot + 6, notification = knot.slot + 7;
    knot.make(ObjectType::Thread, 0, thread), knot.make(CNode, 4, node), knot.make(AddressSpace, 0, space),
        knot.make(Frame, 0, frame);
    knot.make(Endpoint, 0, endpoint), knot.make(SchedContext, 0, time), knot.make(ObjectType::Reply, 0, reply);
    knot.make(ObjectType::Notification, 0, notification);
    Kernel& kernel = knot.kernel;
    REQUIRE(kernel.invoke(thread, ThreadConfigure, {0x10000000, 28}, {node, space, frame}).error() == Error::None);
    REQUIRE(kernel.invoke(thread, ThreadSetFaultHandler, {}, {endpoint}).error() == Error::None);
    REQUIRE(kernel.invoke(boot_slot::sched_control, SchedControlConfigure, {1000, 1000}, {time}).error() ==
            Error::None);
    REQUIRE(kernel.invoke(time, SchedContextBind, {}, {thread}).error() == Error::None);
    REQUIRE(kernel.invoke(thread, ThreadBindNotification, {}, {notification}).error() == Error::None);
    REQUIRE(knot.copy(node, 1, thread) == Error::None);
    REQUIRE(knot.copy(node, 2, endpoint) == Error::None);
    REQUIRE(knot.copy(node, 3, reply) == Error::None);
    REQUIRE(knot.copy(node, 4, node) == Error::None);
    REQUIRE(kernel.invoke(thread, ThreadResume).error() == Error::None);
    auto& object = kernel.object<::kernel::Thread>(thread);
    SUBCASE("running") {}
    SUBCASE("current") { kernel.run(object); }
    SUBCASE("receiving") { kernel.system_call(object, Syscall::Receive, 2, {}, 0, 0, 3); }
    SUBCASE("calling") { kernel.system_call(object, Syscall::Call, 2, MessageInfo{1, 1}); }
    SUBCASE("faulted") {
        kernel.run(object);
        kernel::handle_page_fault(object, 1, 2);
    }
    SUBCASE("its capabilities go first") {
        for (Word i = 1; i < 8; ++i) REQUIRE(kernel.remove(knot.slot + i) == Error::None);
    }
    SUBCASE("it goes first") { REQUIRE(kernel.remove(thread) == Error::None); }
    SUBCASE("it deletes itself") {
        for (Word i = 0; i < 8; ++i)
            if (i != 4 && i != 5) REQUIRE(kernel.remove(knot.slot + i) == Error::None);
        kernel.invoke(object, 4, CNodeDelete, {1, 0});
        CHECK(cpu().current == &kernel.root());
    }
    SUBCASE("preempted") { machine.preempt_every = 1; }
    knot.end();
    CHECK(cpu().thread_count == 1);
}

TEST_CASE("a CSpace of many slots is taken apart step by step") {
    Knot knot;
    knot.make(CNode, 10, knot.slot);
    knot.make(Endpoint, 0, knot.slot + 1);
    for (Word i = 0; i < 1024; i += 3) REQUIRE(knot.copy(knot.slot, i, knot.slot + 1) == Error::None);
    machine.preempt_every = 1;
    CHECK(knot.kernel.remove(knot.slot) == Error::None);
    CHECK(machine.preemption_points > 300);
    CHECK_FALSE(kernel::has_children(knot.kernel.slot(knot.slot + 1)));
    knot.end();
}

TEST_CASE("an interrupted call that deletes its own capability leaves nothing behind for the next") {
    Knot knot;
    knot.make(CNode, 6, knot.slot);
    knot.make(Endpoint, 0, knot.slot + 1);
    Client const client = knot.kernel.make_client();
    REQUIRE(knot.kernel.invoke(client.capability, ThreadSetCSpace, {26}, {knot.slot}).error() == Error::None);
    for (Word i = 1; i < 40; ++i) REQUIRE(knot.copy(knot.slot, i, i == 5 ? knot.slot : knot.slot + 1) == Error::None);
    machine.preempt_every = 1;
    CHECK(knot.kernel.invoke(*client.thread, 5, CNodeDeleteRange, {1, 39}).error() == Error::InvalidCapability);
    CHECK(knot.kernel.slot(knot.slot).capability.slots()[5].is_empty());
    CHECK_FALSE(knot.kernel.slot(knot.slot).capability.slots()[6].is_empty());
    CHECK(client.thread->progress[0] == 0);
    machine.preempt_every = 0;
    knot.end();
}

TEST_CASE("deleting is finished by another if the first gives up") {
    Knot knot;
    knot.make(CNode, 6, knot.slot);
    knot.make(Endpoint, 0, knot.slot + 1);
    for (Word i = 0; i < 64; ++i) REQUIRE(knot.copy(knot.slot, i, knot.slot + 1) == Error::None);
    Client const client = knot.kernel.make_client();
    machine.preempt_every = 5;
    knot.kernel.run(*client.thread);
    client.thread->context.set_message(MessageInfo{static_cast<Word>(CNodeDelete), 2}.with(Syscall::Call).raw, cnode,
                                       knot.slot, 0);
    kernel::handle_syscall(*client.thread);
    REQUIRE(client.thread->restart);
    knot.kernel.check();
    CHECK(cpu().zombie_first != nullptr);
    CHECK(knot.kernel.invoke(client.capability, ThreadSuspend).error() == Error::None);
    CHECK(Kernel::answer(*client.thread).error() == Error::Interrupted);
    machine.preempt_every = 0;
    knot.end();
}

TEST_CASE("replacing a thread's CSpace by what lies in the old one") {
    Knot knot;
    knot.make(CNode, 4, knot.slot);
    knot.make(CNode, 4, knot.slot + 1);
    Client const client = knot.kernel.make_client();
    REQUIRE(knot.kernel.invoke(client.capability, ThreadSetCSpace, {28}, {knot.slot}).error() == Error::None);
    REQUIRE(knot.copy(knot.slot, 1, client.capability) == Error::None);
    REQUIRE(knot.move(knot.slot, 2, knot.slot + 1) == Error::None);
    REQUIRE(knot.kernel.remove(knot.slot) == Error::None); // only the thread holds it now
    knot.kernel.invoke(*client.thread, 1, ThreadSetCSpace, {28}, {2});
    knot.end();
}
