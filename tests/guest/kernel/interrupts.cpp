// The PIT's interrupt and ports in user mode; a throttled scheduling context.
#include "kernel_test.hpp"

namespace test {

namespace {
Word volatile spins = 0;
Word handler = 0, ports = 0, notification = 0;
void spinner(Word) {
    for (;;) spins = spins + 1;
}
} // namespace

void sleep(Word milliseconds) {
    for (Word round = 0; round < milliseconds; ++round) {
        wait(notification);
        invoke(handler, Invocation::IrqHandlerAcknowledge);
    }
}

void test_interrupts() {
    handler = next_slot(), ports = next_slot(), notification = make(ObjectType::Notification);
    CHECK(invoke(abi::boot_slot::io_port_control, Invocation::IoPortControlIssue, {0x40, 0x43, ports},
                 {abi::boot_slot::cnode})
              .good());
    CHECK(invoke(abi::boot_slot::irq_control, Invocation::IrqControlGet, {0, handler}, {abi::boot_slot::cnode}).good());
    CHECK(invoke(handler, Invocation::IrqHandlerSetNotification, {}, {mint(notification, 8)}).good());
    CHECK(invoke(ports, Invocation::IoPortsOut, {0x44, 1, 0}).error() != Error::None);
    CHECK(invoke(ports, Invocation::IoPortsOut, {0x43, 1, 0x34}).good());
    CHECK(invoke(ports, Invocation::IoPortsOut, {0x40, 1, 1193 & 255}).good());
    CHECK(invoke(ports, Invocation::IoPortsOut, {0x40, 1, 1193 >> 8}).good());
    CHECK(invoke(handler, Invocation::IrqHandlerAcknowledge).good());
    CHECK(wait(notification).badge == 8);
    CHECK(invoke(handler, Invocation::IrqHandlerAcknowledge).good());
    std::uint64_t const begin = stamp();
    for (Word round = 0; round < 20; ++round) {
        CHECK(wait(notification).badge == 8);
        CHECK(invoke(handler, Invocation::IrqHandlerAcknowledge).good());
    }
    Word const elapsed = static_cast<Word>(stamp() - begin);
    CHECK(elapsed > boot_info().tsc_per_millisecond * 15);
    CHECK(invoke(ports, Invocation::IoPortsIn, {0x40, 1}).good());

    // 2 ms in each 10 ms: over 100 ms (idle otherwise) it gets about a fifth.
    Started const thread = start(abi::boot_slot::address_space, spinner, 0);
    CHECK(
        invoke(abi::boot_slot::sched_control, Invocation::SchedControlConfigure, {2000, 10000}, {thread.sched_context})
            .good());
    invoke(thread.sched_context, Invocation::SchedContextConsumed);
    std::uint64_t const start_stamp = stamp();
    sleep(100);
    Word const total = static_cast<Word>(stamp() - start_stamp);
    Word const used = invoke(thread.sched_context, Invocation::SchedContextConsumed).first;
    CHECK(spins != 0 && used < total / 2);
    stop(thread);
}

} // namespace test
