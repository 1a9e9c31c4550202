// A thread of high priority waits for an interrupt while one of low priority is in the middle of a long operation: how much later it
// runs than when nobody works. The interrupt comes each millisecond, so that it meets the operation at many places.
#include "bounds.hpp"

namespace test {

namespace {

constexpr Word root_cnode = abi::boot_slot::cnode, high_priority = 45,
               low_priority = 40; // measure_waiters leaves root at 50
Word handler = 0, notification = 0;
Word volatile wakes = 0, longest = 0;

void high(Word) {
    Word before = 0;
    for (;;) {
        wait(notification);
        Word const now = static_cast<Word>(stamp());
        if (before != 0 && now - before > longest) longest = now - before;
        before = now;
        wakes = wakes + 1;
        invoke(handler, Invocation::IrqHandlerAcknowledge);
    }
}

void start_clock() {
    Word const ports = next_slot();
    handler = next_slot(), notification = make(ObjectType::Notification);
    MUST(invoke(abi::boot_slot::io_port_control, Invocation::IoPortControlIssue, {0x40, 0x43, ports}, {root_cnode}));
    MUST(invoke(abi::boot_slot::irq_control, Invocation::IrqControlGet, {0, handler}, {root_cnode}));
    MUST(invoke(handler, Invocation::IrqHandlerSetNotification, {}, {mint(notification, 1)}));
    MUST(invoke(ports, Invocation::IoPortsOut, {0x43, 1, 0x34}));
    MUST(invoke(ports, Invocation::IoPortsOut, {0x40, 1, 1193 & 255}));
    MUST(invoke(ports, Invocation::IoPortsOut, {0x40, 1, 1193 >> 8}));
    MUST(invoke(handler, Invocation::IrqHandlerAcknowledge));
}

Word quiet = 0;

template <class Operation>
void during(char const* name, Operation operation) {
    Word const first = wakes;
    longest = 0;
    Word const begin = static_cast<Word>(stamp());
    operation();
    Word const total = static_cast<Word>(stamp()) - begin, late = longest > quiet ? longest - quiet : 0;
    print("bound "), print(name), print(" "), print_number(late), print(" "), print_number(total), print("\n");
    check(wakes - first >= 3, name, __LINE__); // it was interrupted, and more than once
    check(late <= bound, name, __LINE__);
}

} // namespace

void measure_wakeups() {
    Word const node = make_large_node(), object = make(ObjectType::Notification);
    Word const memory = make(ObjectType::Untyped, 24), large = next_slot();
    for (Word i = 1; i < 4; ++i) next_slot();
    start_clock();
    Started const waiter = start(abi::boot_slot::address_space, high, 0, high_priority);
    MUST(invoke(abi::boot_slot::thread, Invocation::ThreadSetPriority, {low_priority}));
    while (wakes < 3) {}
    longest = 0;
    for (Word const first = wakes; wakes - first < 20;) {} // in user mode interrupts come at once
    quiet = longest;
    fill(node, object, 0, 1u << 16, 0);
    during("wakeup_in_revoke", [&] { MUST(invoke(root_cnode, Invocation::CNodeRevoke, {object, 0})); });
    during("wakeup_in_retype", [&] {
        for (Word round = 0; round < 4; ++round) {
            MUST(invoke(memory, Invocation::UntypedRetype, {static_cast<Word>(ObjectType::LargeFrame), 0, large, 4},
                        {root_cnode}));
            MUST(invoke(root_cnode, Invocation::CNodeRevoke, {memory, 0}));
        }
    });
    Word const target = make(ObjectType::AddressSpace);
    during("wakeup_in_unmap", [&] {
        for (Word round = 0; round < 200; ++round)
            MUST(invoke(target, Invocation::AddressSpaceUnmap, {0, abi::user_end >> abi::page_bits}));
    });
    stop(waiter);
    remove(handler), remove(object), remove(node), remove(memory), remove(target);
}

} // namespace test
