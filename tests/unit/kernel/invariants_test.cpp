// check_invariants() finds what is broken: each of these breaks one thing by hand, and mends it again.
#include "fixture.hpp"
#include <functional>

using namespace test;
using enum ObjectType;
using enum Invocation;
using kernel::Broken;

namespace {

template <class Value>
void broken(Broken expected, Value& field, Value value, int line) {
    CAPTURE(line);
    Value const before = field;
    field = value;
    CHECK(kernel::check_invariants() == static_cast<Word>(expected));
    field = before;
    CHECK(kernel::check_invariants() == 0);
}
#define BROKEN(expected, field, value)                                                                                 \
    broken(Broken::expected, field, static_cast<std::remove_reference_t<decltype(field)>>(value), __LINE__)

} // namespace

TEST_CASE("check_invariants finds each broken thing") {
    Kernel kernel;
    Word const endpoint = kernel.make(Endpoint), reply = kernel.make(ObjectType::Reply),
               notification = kernel.make(ObjectType::Notification);
    Word const badged = kernel.mint(endpoint, 5, right::write), copy = kernel.mint(badged, 0, right::write);
    Client const sender = kernel.make_client(), caller = kernel.make_client(), server = kernel.make_client(),
                 waiter = kernel.make_client();
    auto& queue = kernel.object<::kernel::Endpoint>(endpoint);
    auto& answer = kernel.object<::kernel::Reply>(reply);
    auto& signals = kernel.object<::kernel::Notification>(notification);
    SUBCASE("threads, queues, replies") {
        kernel.system_call(*server.thread, Syscall::Receive, endpoint, {}, 0, 0, reply);
        BROKEN(Replies, answer.receiver, nullptr);
        BROKEN(Replies, answer.caller, caller.thread);
        BROKEN(ThreadStates, server.thread->context.hazards, ::kernel::hazard::no_reply);
        kernel.system_call(*caller.thread, Syscall::Call, endpoint);
        BROKEN(Replies, answer.caller, nullptr);
        BROKEN(Replies, caller.thread->reply, nullptr);
        BROKEN(ThreadStates, caller.thread->queued, true);
        BROKEN(Replies, caller.thread->state, ThreadState::Inactive);
        kernel.system_call(*sender.thread, Syscall::Send, badged);
        BROKEN(Endpoints, queue.queue.first, nullptr);
        BROKEN(Endpoints, sender.thread->waiting_on, nullptr);
        BROKEN(Endpoints, sender.thread->queue_previous, caller.thread);
        BROKEN(ThreadStates, sender.thread->restart, true);
        kernel.system_call(*waiter.thread, Syscall::Receive, notification);
        BROKEN(Endpoints, signals.is_active, true);
        BROKEN(Endpoints, waiter.thread->state, ThreadState::BlockedOnSend);
        BROKEN(ThreadStates, waiter.thread->state, static_cast<ThreadState>(9));
        BROKEN(ThreadStates, waiter.thread->bound_notification, &signals);
        BROKEN(ThreadStates, waiter.thread->ipc_buffer, nullptr);
        BROKEN(ThreadStates, waiter.thread->cspace_size, 3);
        BROKEN(ReadyQueues, server.thread->priority, 3);
        BROKEN(ReadyQueues, server.thread->queued, false);
        BROKEN(ReadyQueues, cpu().ready_summary, 0);
        BROKEN(ReadyQueues, cpu().ready_bits[server.thread->priority / 32], 0);
        BROKEN(ReadyQueues, cpu().highest_ready, 0);
        BROKEN(ThreadStates, cpu().thread_count, 1);
        BROKEN(ThreadStates, cpu().all_threads->all_previous, server.thread);
    }
    SUBCASE("capabilities") {
        ::kernel::Slot& slot = kernel.slot(copy);
        BROKEN(Derivation, slot.capability.word0, 0);
        BROKEN(Derivation, slot.capability.word1, 5 << 4 | right::all);
        BROKEN(Derivation, slot.previous_word, 0);
        BROKEN(Derivation, slot.next()->previous_word, 0);
        ::kernel::Slot& untyped = kernel.slot(kernel.untyped());
        BROKEN(UntypedChildren, untyped.capability.word1, untyped.capability.word1 & 63);
        BROKEN(UntypedChildren, kernel.slot(notification).capability.word0,
               kernel.slot(notification).capability.word0 + 4096);
        BROKEN(Endpoints, queue.no_senders, &signals);
        BROKEN(Endpoints, queue.last_dead, &slot);
        BROKEN(Endpoints, signals.endpoint_count, 1);
        BROKEN(Endpoints, signals.signals, 1);
        BROKEN(Derivation, cpu().zombie_last, &slot);
    }
    SUBCASE("no-senders") {
        REQUIRE(kernel.invoke(cnode, CNodeBindNoSenders, {endpoint, 0}, {notification}).error() == Error::None);
        Word const watched = kernel.mint(endpoint, 7, right::all, mint_flag::watched),
                   session = kernel.mint(watched, 0);
        BROKEN(Endpoints, queue.bind_slot, nullptr);
        BROKEN(Endpoints, queue.bind_slot, &kernel.slot(session));
        BROKEN(Endpoints, signals.endpoints, nullptr);
        BROKEN(Endpoints, kernel.slot(watched).next_word, kernel.slot(watched).next_word | ::kernel::Slot::dead);
        REQUIRE(kernel.remove(session) == Error::None);
        BROKEN(Endpoints, kernel.slot(watched).next_word, kernel.slot(watched).next_word & ~::kernel::Slot::dead);
        BROKEN(Endpoints, queue.first_dead, nullptr);
        BROKEN(Endpoints, queue.first_dead, &kernel.slot(copy));
    }
    SUBCASE("scheduling contexts") {
        Word const above = kernel.make(SchedContext);
        REQUIRE(
            kernel.invoke(boot_slot::sched_control, SchedControlSetParent, {}, {sender.sched_context, above}).error() ==
            Error::None);
        auto& context = kernel.object<::kernel::SchedContext>(sender.sched_context);
        auto& parent = kernel.object<::kernel::SchedContext>(above);
        BROKEN(SchedContexts, context.bound_thread, caller.thread);
        BROKEN(SchedContexts, context.bound_notification, &signals);
        BROKEN(SchedContexts, context.remaining, context.budget + 1);
        BROKEN(SchedContexts, context.charged, 1);
        BROKEN(SchedContexts, parent.first_child, nullptr);
        BROKEN(SchedContexts, parent.charged_directly, 1);
        BROKEN(SchedContexts, context.depth, 0);
        BROKEN(SchedContexts, context.depth, 8);
        BROKEN(SchedContexts, context.blocked, true);
        BROKEN(SchedContexts, context.borrowers, caller.thread);
        BROKEN(ReadyQueues, caller.thread->time, nullptr);
        BROKEN(SchedContexts, cpu().refill_next, cpu().now);
        BROKEN(SchedContexts, cpu().changed_first, &context);
        BROKEN(SchedContexts, caller.thread->borrow_next, sender.thread);
    }
    SUBCASE("mappings") {
        Word const table = kernel.make(PageTable), frame = kernel.make(Frame), spare = kernel.make(PageTable);
        REQUIRE(kernel.invoke(table, PageTableMap, {0x20000000}, {sender.space}).error() == Error::None);
        REQUIRE(kernel.invoke(frame, FrameMap, {0x20001000, 2, 0}, {sender.space}).error() == Error::None);
        auto& object = kernel.object<::kernel::PageTable>(table);
        auto& space = kernel.object<::kernel::AddressSpace>(sender.space);
        BROKEN(Mappings, object.hardware[0], 0x1001);
        BROKEN(Mappings, object.hardware[1], object.hardware[1] + 0x1000);
        BROKEN(Mappings, object.shadow[1].capability.word1, object.shadow[1].capability.word1 + 2);
        BROKEN(Mappings, object.shadow[1].capability.word1, object.shadow[1].capability.word1 + 0x1000);
        BROKEN(Mappings, space.hardware[0x80], 0);
        BROKEN(Mappings, space.hardware[3], 1);
        BROKEN(Mappings, kernel.object<::kernel::PageTable>(spare).hardware[7], 1);
    }
    SUBCASE("devices") {
        Word const slot = kernel.slots(3);
        REQUIRE(kernel.invoke(boot_slot::irq_control, IrqControlGet, {4, slot}, {cnode}).error() == Error::None);
        REQUIRE(kernel.invoke(boot_slot::io_port_control, IoPortControlIssue, {10, 20, slot + 1}, {cnode}).error() ==
                Error::None);
        REQUIRE(kernel.invoke(boot_slot::io_port_control, IoPortControlIssue, {30, 40, slot + 2}, {cnode}).error() ==
                Error::None);
        BROKEN(Devices, kernel.slot(slot).capability.word1, 5);
        BROKEN(Devices, kernel.slot(slot + 1).capability.word1, 10 | 30 << 16);
        BROKEN(Devices, kernel.slot(slot + 2).capability.word1, 40 | 30 << 16);
    }
}
