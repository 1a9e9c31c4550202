// A tree of scheduling contexts on the machine's own clock: two groups below one budget, many threads in one, a client of a passive
// server in the other. Comes after test_interrupts: sleep() needs its clock.
#include "kernel_test.hpp"

namespace test {

namespace {

constexpr Word sched_control = abi::boot_slot::sched_control, spinners = 8, milliseconds = 200, period = 10'000;
Word volatile spins = 0, served = 0;
Word tree_endpoint = 0, tree_reply = 0;

void spin(Word) {
    for (;;) spins = spins + 1;
}
/// Uses far more time than its callers, all of it theirs.
void serve(Word) {
    Answer request = receive(tree_endpoint, tree_reply);
    for (;;) {
        for (Word round = 0; round < 20'000; ++round) asm volatile("");
        served = served + 1;
        request = reply_receive(tree_endpoint, tree_reply, 0, request.first);
    }
}
void ask(Word) {
    for (;;) call(tree_endpoint, 64);
}

Word make_context(Word budget_microseconds, Word parent) {
    Word const context = make(ObjectType::SchedContext);
    CHECK(invoke(sched_control, Invocation::SchedControlConfigure, {budget_microseconds, period}, {context}).good());
    if (parent != 0) CHECK(invoke(sched_control, Invocation::SchedControlSetParent, {}, {context, parent}).good());
    return context;
}
Word consumed(Word context) { return invoke(context, Invocation::SchedContextConsumed).first; }
void put_below(Started const& thread, Word parent) {
    CHECK(invoke(sched_control, Invocation::SchedControlSetParent, {}, {thread.sched_context, parent}).good());
}

} // namespace

void test_scheduling_tree() {
    Word const top = make_context(6000, 0), many = make_context(3000, top), callers = make_context(2000, top);
    Word const space = abi::boot_slot::address_space;
    tree_endpoint = make(ObjectType::Endpoint), tree_reply = make(ObjectType::Reply);
    Started const server = start(space, serve, 0, 110, false);
    Word const lent = make_context(period, 0);
    CHECK(invoke(lent, Invocation::SchedContextBind, {}, {server.thread}).good());
    sleep(2); // it has come to where it waits
    CHECK(invoke(lent, Invocation::SchedContextUnbind).good());
    Started threads[spinners], client = start(space, ask, 0, 100);
    put_below(client, callers);
    for (Started& thread : threads) thread = start(space, spin, 0, 100), put_below(thread, many);
    sleep(static_cast<Word>(period / 500)); // both are in their periods
    for (Word const context : {top, many, callers}) consumed(context);
    std::uint64_t const begin = stamp();
    Word const before = served;
    sleep(milliseconds);
    Word const total = static_cast<Word>(stamp() - begin);
    Word const by_top = consumed(top), by_many = consumed(many), by_callers = consumed(callers);
    // A tick more than its budget in each of the periods, and one period that began before. Only under -icount: otherwise the time
    // in which the host did something else counts too.
    bool const counted = option("counted=", 0) != 0;
    Word const tick = boot_info().tsc_per_millisecond, periods = total / (tick * (period / 1000)) + 1;
    CHECK(!counted || by_many <= periods * 4 * tick);
    CHECK(!counted || by_callers <= periods * 3 * tick);
    CHECK(!counted || (by_many >= (periods - 2) * 2 * tick && by_callers >= (periods - 2) * tick));
    // What the server did was its caller's, and its caller's group's; of all that was done nothing is nobody's.
    CHECK(!counted || (served != before && spins != 0));
    CHECK(by_many + by_callers >= by_top / 100 * 98 && by_many + by_callers <= by_top / 100 * 102);
    for (Started const& thread : threads) stop(thread);
    stop(client), stop(server);
    for (Word const context : {lent, callers, many, top}) remove(context);
    remove(tree_endpoint);
}

} // namespace test
