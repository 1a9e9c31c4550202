#include "../../../microkernel/kernel/interrupt.hpp"
#include "fixture.hpp"

using namespace test;
using enum ObjectType;
using enum Invocation;

TEST_CASE("interrupts") {
    Kernel kernel;
    Word const slot = kernel.slots(3), notification = kernel.make(ObjectType::Notification),
               badged = kernel.mint(notification, 2);
    CHECK(kernel.invoke(boot_slot::irq_control, IrqControlGet, {16, slot}, {cnode}).error() == Error::RangeError);
    CHECK(kernel.invoke(boot_slot::irq_control, IrqControlGet, {4, slot}, {cnode}).error() == Error::None);
    CHECK(kernel.invoke(boot_slot::irq_control, IrqControlGet, {4, slot + 1}, {cnode}).error() == Error::RevokeFirst);
    CHECK(kernel.invoke(slot, IrqHandlerSetNotification, {}, {slot}).error() == Error::InvalidCapability);
    CHECK(kernel.invoke(slot, IrqHandlerSetNotification, {}, {badged}).error() == Error::None);
    CHECK((machine.masked_lines >> 4 & 1) == 0);
    kernel::handle_interrupt(4);
    kernel.check();
    CHECK((machine.masked_lines >> 4 & 1) == 1);
    CHECK(kernel.system_call(kernel.root(), Syscall::NonBlockingReceive, notification).badge == 2);
    CHECK(kernel.invoke(slot, IrqHandlerAcknowledge).error() == Error::None);
    CHECK((machine.masked_lines >> 4 & 1) == 0);
    SUBCASE("cleared") { CHECK(kernel.invoke(slot, IrqHandlerClear).error() == Error::None); }
    SUBCASE("handler deleted") {
        CHECK(kernel.remove(slot) == Error::None);
        CHECK(kernel.invoke(boot_slot::irq_control, IrqControlGet, {4, slot}, {cnode}).error() == Error::None);
    }
    SUBCASE("control revoked") { CHECK(kernel.revoke(boot_slot::irq_control) == Error::None); }
    SUBCASE("notification revoked") { CHECK(kernel.revoke(notification) == Error::None); }
    kernel::handle_interrupt(4);
    kernel::handle_interrupt(15);
    CHECK(kernel::interrupt_slot(4).is_empty());
    CHECK(kernel.system_call(kernel.root(), Syscall::NonBlockingReceive, notification).error() == Error::WouldBlock);
}

TEST_CASE("ports given through one copy of the control capability are not given again through another") {
    Kernel kernel;
    Word const slot = kernel.slots(5), copy = slot + 3, later = slot + 4;
    auto issue = [&](Word control, Word to) {
        return kernel.invoke(control, IoPortControlIssue, {10, 20, to}, {cnode}).error();
    };
    auto copy_control = [&](Word to) {
        return kernel.invoke(cnode, CNodeCopy, {to, 0, boot_slot::io_port_control, 0, 15}, {cnode}).error();
    };
    REQUIRE(copy_control(copy) == Error::None);
    CHECK(issue(copy, slot) == Error::None);
    REQUIRE(copy_control(later) == Error::None);
    for (Word control : {copy, later, Word{boot_slot::io_port_control}})
        CHECK(issue(control, slot + 1) == Error::RevokeFirst);
    CHECK(kernel.remove(boot_slot::io_port_control) == Error::None);
    for (Word control : {copy, later}) CHECK(issue(control, slot + 1) == Error::RevokeFirst);
    CHECK(kernel.remove(slot) == Error::None);
    CHECK(issue(later, slot) == Error::None);
}

TEST_CASE("I/O ports") {
    Kernel kernel;
    Word const slot = kernel.slots(3);
    auto issue = [&](Word first, Word last, Word to) {
        return kernel.invoke(boot_slot::io_port_control, IoPortControlIssue, {first, last, to}, {cnode}).error();
    };
    CHECK(issue(5, 4, slot) == Error::RangeError);
    CHECK(issue(0, 0x10000, slot) == Error::RangeError);
    CHECK(issue(0x3f8, 0x3ff, slot) == Error::None);
    CHECK(issue(0x3ff, 0x400, slot + 1) == Error::RevokeFirst);
    CHECK(issue(0x400, 0x400, slot + 1) == Error::None);
    machine.port_value = 0x55;
    CHECK(kernel.invoke(slot, IoPortsIn, {0x3f8, 1}).first == 0x55);
    CHECK(kernel.invoke(slot, IoPortsIn, {0x3ff, 2}).error() == Error::RangeError);
    CHECK(kernel.invoke(slot, IoPortsIn, {0x3f7, 1}).error() == Error::RangeError);
    CHECK(kernel.invoke(slot, IoPortsIn, {0x3f8, 3}).error() == Error::InvalidArgument);
    CHECK(kernel.invoke(slot, IoPortsOut, {0x3fe, 2, 0x1234}).error() == Error::None);
    CHECK(machine.last_port_value == 0x1234);
    CHECK(kernel.invoke(slot, IoPortsOutBytes, {0x3f8, 5, 0x64636261, 0x65}).error() == Error::None);
    CHECK(machine.last_port_value == 'e');
    CHECK(kernel.invoke(slot, IoPortsOutBytes, {0x3f8, 9, 0x64636261, 0x65}).error() == Error::RangeError);
    CHECK(kernel.invoke(slot, IoPortsOutBytes, {0x3f8, 241, 0}).error() == Error::RangeError);
    CHECK(kernel.remove(slot) == Error::None);
    CHECK(issue(0x3f0, 0x3ff, slot) == Error::None);
}

TEST_CASE("debugging") {
    Kernel kernel;
    CHECK(kernel.invoke(boot_slot::debug, DebugWrite, {5, 0x6c6c6568, 0x6f}).error() == Error::None);
    CHECK(machine.log.ends_with("hello"));
    CHECK(kernel.invoke(boot_slot::debug, DebugWrite, {9, 1, 2}).error() == Error::RangeError);
    CHECK(kernel.invoke(boot_slot::debug, Invocation::DebugThread, {0}).length() == 10);
    CHECK(kernel.invoke(boot_slot::debug, Invocation::DebugThread, {1}).error() == Error::RangeError);
    CHECK(kernel.invoke(boot_slot::debug, DebugCounts).first == 1);
    Answer const trace = kernel.invoke(boot_slot::debug, DebugTrace, {0});
    CHECK(trace.error() == Error::None);
    CHECK(trace.length() == 2 + (trace.second - trace.first) * 8);
}
