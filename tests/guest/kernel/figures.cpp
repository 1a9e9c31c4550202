// What the kernel's own operations cost. Under -icount shift=0 one time-stamp tick is one guest instruction.
#include "kernel_test.hpp"

namespace test {

namespace {

Word endpoint = 0, reply = 0;
Address fault_window = 0;

void echo(Word) {
    receive(endpoint, reply);
    for (;;) reply_receive(endpoint, reply, 0, 1, 2);
}

void fault_often(Word pages) {
    for (Word page = 0; page < pages; ++page)
        *reinterpret_cast<Word volatile*>(fault_window + page * abi::page_size) = 1;
    for (;;) {}
}

std::uint64_t begin = 0;

void start_clock() { begin = stamp(); }

void report(char const* what, Word rounds) {
    Word const ticks = static_cast<Word>(stamp() - begin);
    print("figure ");
    print(what);
    print(" ");
    print_number(ticks / rounds);
    print("\n");
}

void measure_calls(char const* what, Word space, bool passive, Word words) {
    endpoint = make(ObjectType::Endpoint), reply = make(ObjectType::Reply);
    Started const server = start(space, echo, 0, 200, !passive);
    Word lent = 0;
    if (passive) {
        lent = make(ObjectType::SchedContext);
        CHECK(invoke(abi::boot_slot::sched_control, Invocation::SchedControlConfigure, {10000, 10000}, {lent}).good());
        CHECK(invoke(lent, Invocation::SchedContextBind, {}, {server.thread}).good());
    }
    call(endpoint, 64);
    if (passive) CHECK(invoke(lent, Invocation::SchedContextUnbind).good());
    constexpr Word rounds = 1000;
    start_clock();
    for (Word round = 0; round < rounds; ++round) call(endpoint, 64, 1, 2, words);
    report(what, rounds);
    stop(server);
    remove(endpoint), remove(reply);
    if (lent != 0) remove(lent);
}

} // namespace

extern "C" void figure_redirect();
asm(".text\nfigure_redirect: jmp *%fs:300\n");

void measure() {
    constexpr Word rounds = 1000;
    Word const own = abi::boot_slot::address_space;
    Word const space = make_space();
    start_clock();
    for (Word round = 0; round < rounds; ++round) asm volatile("" : : : "memory");
    report("empty-loop", rounds);
    start_clock();
    for (Word round = 0; round < rounds; ++round) system_call(Syscall::Call, 0, MessageInfo{1, 0});
    report("failed-invocation", rounds);
    start_clock();
    for (Word round = 0; round < rounds; ++round) yield();
    report("yield-alone", rounds);
    measure_calls("call-reply-one-space-passive", own, true, 2);
    measure_calls("call-reply-two-spaces-passive", space, true, 2);
    measure_calls("call-reply-two-spaces-active", space, false, 2);
    measure_calls("call-8-words-reply-two-spaces", space, true, 8);

    CHECK(invoke(abi::boot_slot::thread, Invocation::ThreadSetRedirect, {reinterpret_cast<Word>(figure_redirect)})
              .good());
    start_clock();
    for (Word round = 0; round < rounds; ++round) asm volatile("int $0x80" : : : "memory", "cc");
    report("int-0x80-redirect", rounds);
    CHECK(invoke(abi::boot_slot::thread, Invocation::ThreadSetRedirect, {0}).good());

    Word const notification = make(ObjectType::Notification);
    start_clock();
    for (Word round = 0; round < rounds; ++round) signal(notification);
    report("signal", rounds);

    Word const memory = make(ObjectType::Untyped, 20);
    Word const slot = next_slot();
    constexpr Word few = 200;
    start_clock();
    for (Word round = 0; round < few; ++round) {
        invoke(memory, Invocation::UntypedRetype, {static_cast<Word>(ObjectType::Endpoint), 0, slot, 1},
               {abi::boot_slot::cnode});
        invoke(abi::boot_slot::cnode, Invocation::CNodeDelete, {slot, 0});
    }
    report("retype-endpoint+delete", few);
    start_clock();
    for (Word round = 0; round < few; ++round) {
        invoke(memory, Invocation::UntypedRetype, {static_cast<Word>(ObjectType::Frame), 0, slot, 1},
               {abi::boot_slot::cnode});
        invoke(abi::boot_slot::cnode, Invocation::CNodeDelete, {slot, 0});
    }
    report("retype-frame+delete", few);
    Page const page = make_page();
    Address const other = next_window_address();
    start_clock();
    for (Word round = 0; round < few; ++round) {
        invoke(page.frame, Invocation::FrameMap, {other, 3, 0}, {own});
        invoke(own, Invocation::AddressSpaceUnmap, {other, 1});
    }
    report("map+unmap", few);

    // Fork's heart: 256 pages to another space and away again.
    Word const frames = next_slot();
    for (Word index = 1; index < 256; ++index) next_slot();
    CHECK(invoke(memory, Invocation::UntypedRetype, {static_cast<Word>(ObjectType::Frame), 0, frames, 200},
                 {abi::boot_slot::cnode})
              .good());
    Address const area = next_window_address();
    for (Word index = 1; index < 200; ++index) next_window_address();
    for (Word index = 0; index < 200; ++index) {
        CHECK(invoke(frames + index, Invocation::FrameMap, {area + index * abi::page_size, 3, 0}, {own}).good());
    }
    start_clock();
    Answer const copied =
        invoke(space, Invocation::AddressSpaceCopyRange, {area, area, 200, abi::right::read, 0}, {own});
    report("copy-range-per-page", 200);
    CHECK(copied.good() && copied.second == 200);
    start_clock();
    CHECK(invoke(space, Invocation::AddressSpaceUnmap, {area, 200}).first == 200);
    report("unmap-per-page", 200);

    // A fault, a mapping by the handler, and on.
    endpoint = make(ObjectType::Endpoint), reply = make(ObjectType::Reply);
    fault_window = area;
    Started const thread = start(space, fault_often, 100, 100, true, endpoint);
    receive(endpoint, reply);
    start_clock();
    for (Word index = 0; index < 99; ++index) {
        invoke(frames + index, Invocation::FrameMap, {area + index * abi::page_size, 3, 0}, {space});
        reply_receive(endpoint, reply, 0, 0, 0, 0);
    }
    report("page-fault+map", 99);
    stop(thread);
    remove(endpoint);
}

} // namespace test
