// Everything but the round trip. Each is measured by itself, from before its first instruction to after its last.
#include "bench.hpp"

namespace bench {

namespace {

Word endpoint = 0, reply = 0, notification = 0, handler = 0;
Address fault_window = 0;
Word volatile begin = 0, best = 0, rounds_left = 0;
Word done = 0;

constexpr Word rounds = 50;

void wait_for_signal(Word) {
    for (;;) {
        wait(notification);
        Word const taken = ticks() - begin;
        if (taken < best) best = taken;
    }
}

void touch_pages(Word pages) {
    for (Word page = 0; page < pages; ++page)
        *reinterpret_cast<Word volatile*>(fault_window + page * abi::page_size) = 1;
    for (;;) {}
}

/// Says all the time what time it is: an interrupt comes at most three instructions after the last word.
void tell_time(Word) {
    for (;;) asm volatile("rdtsc\n\tmovl %%eax, %0" : "=m"(begin) : : "eax", "edx");
}

void wait_for_interrupts(Word) {
    while (rounds_left != 0) {
        wait(notification);
        Word const taken = ticks() - begin;
        if (taken < best) best = taken;
        invoke(handler, Invocation::IrqHandlerAcknowledge);
        rounds_left = rounds_left - 1;
    }
    signal(done);
    for (;;) wait(notification);
}

void measure_interrupts(Word space) {
    handler = next_slot(), notification = make(ObjectType::Notification), done = make(ObjectType::Notification);
    Word const ports = next_slot();
    CHECK(invoke(abi::boot_slot::io_port_control, Invocation::IoPortControlIssue, {0x40, 0x43, ports},
                 {abi::boot_slot::cnode})
              .good());
    CHECK(invoke(abi::boot_slot::irq_control, Invocation::IrqControlGet, {0, handler}, {abi::boot_slot::cnode}).good());
    CHECK(invoke(handler, Invocation::IrqHandlerSetNotification, {}, {mint(notification, 8)}).good());
    CHECK(invoke(ports, Invocation::IoPortsOut, {0x43, 1, 0x34}).good());
    CHECK(invoke(ports, Invocation::IoPortsOut, {0x40, 1, 1193 & 255}).good());
    CHECK(invoke(ports, Invocation::IoPortsOut, {0x40, 1, 1193 >> 8}).good());
    CHECK(invoke(handler, Invocation::IrqHandlerAcknowledge).good());
    best = ~Word{0};
    rounds_left = rounds;
    Started const waiter = start(space, wait_for_interrupts, 0, 200),
                  teller = start(abi::boot_slot::address_space, tell_time, 0);
    wait(done);
    report("irq_to_user", best - stamp_cost);
    stop(waiter), stop(teller);
    CHECK(invoke(ports, Invocation::IoPortsOut, {0x43, 1, 0x30}).good());
    remove(handler), remove(ports);
}

/// Called by a client that declares a buffer: reads 4 KiB of it each time.
void read_in_bulk(Word) {
    alignas(abi::page_size) static char local[abi::page_size];
    receive(endpoint, reply);
    for (;;) {
        for (char& byte : local) byte = 0;
        Word const start_tick = ticks();
        Answer const read =
            invoke_with(reply, Invocation::ReplyBulkRead, 0, 0, reinterpret_cast<Word>(local), abi::page_size);
        Word const taken = ticks() - start_tick;
        if (read.first == abi::page_size && taken < best) best = taken;
        reply_receive(endpoint, reply, 0, 0, 0, 0);
    }
}

void measure_bulk(Word space) {
    alignas(abi::page_size) static char source[abi::page_size];
    for (char& byte : source) byte = 1;
    endpoint = make(ObjectType::Endpoint), reply = make(ObjectType::Reply);
    Started const server = start(space, read_in_bulk, 0, 200);
    best = ~Word{0};
    for (Word round = 0; round < 5; ++round) {
        buffer().read_address = reinterpret_cast<Word>(source), buffer().read_length = sizeof source;
        system_call(Syscall::Call, endpoint, MessageInfo{64, 0, 0, MessageInfo::read_buffer});
    }
    CHECK(best != ~Word{0});
    report("bulk_copy_4k", best - stamp_cost);
    stop(server);
    remove(endpoint), remove(reply);
}

void measure_faults(Word space) {
    endpoint = make(ObjectType::Endpoint), reply = make(ObjectType::Reply);
    fault_window = next_window_address();
    for (Word index = 1; index < rounds; ++index) next_window_address();
    Word const frames = next_slot();
    for (Word index = 1; index < rounds; ++index) next_slot();
    Word const memory = make(ObjectType::Untyped, 20);
    CHECK(invoke(memory, Invocation::UntypedRetype, {static_cast<Word>(ObjectType::Frame), 0, frames, rounds},
                 {abi::boot_slot::cnode})
              .good());
    Started const thread = start(space, touch_pages, rounds, 100, true, endpoint);
    receive(endpoint, reply);
    Word least_taken = ~Word{0};
    for (Word index = 0; index < rounds - 1; ++index) {
        // From one fault's arrival to the next one's: map, answer, the instruction again, the next page's fault.
        Word const start_tick = ticks();
        invoke_with(frames + index, Invocation::FrameMap, space, fault_window + index * abi::page_size, 3, 0);
        Answer const next = reply_receive(endpoint, reply, 0, 0, 0, 0);
        Word const taken = ticks() - start_tick;
        CHECK(next.first == fault_window + (index + 1) * abi::page_size);
        if (taken < least_taken) least_taken = taken;
    }
    report("fault_map_resume", least_taken - stamp_cost);
    stop(thread);
    remove(endpoint), remove(reply);
}

} // namespace

extern "C" void bench_redirect();
asm(".text\nbench_redirect: jmp *%fs:300\n");

void measure_operations() {

    Word const own = abi::boot_slot::address_space, cnode = abi::boot_slot::cnode, space = make_space();

    notification = make(ObjectType::Notification);
    report("signal_no_waiter", least(rounds, [] {
                                   Word const start_tick = ticks();
                                   signal(notification);
                                   return ticks() - start_tick;
                               }) - stamp_cost);
    measure_faults(space);
    Word const memory = make(ObjectType::Untyped, 16), slot = next_slot();
    report("retype_endpoint", least(rounds, [=] {
                                  Word const start_tick = ticks();
                                  invoke_with(memory, Invocation::UntypedRetype, abi::boot_slot::cnode,
                                              static_cast<Word>(ObjectType::Endpoint), 0, slot, 1);
                                  Word const taken = ticks() - start_tick;
                                  remove(slot);
                                  return taken;
                              }) - stamp_cost);
    Word const source = make(ObjectType::Endpoint);
    report("cnode_copy", least(rounds, [=] {
                             Word const start_tick = ticks();
                             invoke_with(cnode, Invocation::CNodeCopy, cnode, slot, 0, source, 0, abi::right::all);
                             Word const taken = ticks() - start_tick;
                             remove(slot);
                             return taken;
                         }) - stamp_cost);
    Page const page = make_page();
    Address const other = next_window_address();
    report("map_unmap", least(rounds, [=] {
                            Word const start_tick = ticks();
                            invoke_with(page.frame, Invocation::FrameMap, own, other, 3, 0);
                            invoke_with(own, Invocation::AddressSpaceUnmap, 0, other, 1);
                            return ticks() - start_tick;
                        }) - stamp_cost);
    report("invalid_cap", least(rounds, [] {
                              Word const start_tick = ticks();
                              system_call(Syscall::Call, 0, MessageInfo{1, 0});
                              return ticks() - start_tick;
                          }) - stamp_cost);
    measure_bulk(space);
    CHECK(
        invoke(abi::boot_slot::thread, Invocation::ThreadSetRedirect, {reinterpret_cast<Word>(bench_redirect)}).good());
    report("int80_redirect", least(rounds, [] {
                                 Word const start_tick = ticks();
                                 asm volatile("int $0x80" : : : "memory", "cc");
                                 return ticks() - start_tick;
                             }) - stamp_cost);
    CHECK(invoke(abi::boot_slot::thread, Invocation::ThreadSetRedirect, {0}).good());
    measure_interrupts(space);
}

void measure_waking() {
    Word const space = make_space();
    best = ~Word{0};
    notification = make(ObjectType::Notification);
    CHECK(invoke(abi::boot_slot::thread, Invocation::ThreadSetPriority, {150}).good());
    Started const waiter = start(space, wait_for_signal, 0, 150);
    CHECK(invoke(abi::boot_slot::thread, Invocation::ThreadSetPriority, {100}).good());
    for (Word round = 0; round < rounds; ++round) {
        begin = ticks();
        signal(notification);
    }
    report("signal_wake", best - stamp_cost);
    stop(waiter);
}

} // namespace bench
