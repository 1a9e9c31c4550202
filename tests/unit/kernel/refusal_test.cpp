// What is refused, object by object: each with its error, and all capabilities as before.
#include "fixture.hpp"
#include <vector>

using namespace test;
using enum ObjectType;
using enum Invocation;

TEST_CASE("CNode: rights, bindings, ranges") {
    Kernel kernel;
    Word const endpoint = kernel.make(Endpoint), notification = kernel.make(ObjectType::Notification),
               frame = kernel.make(Frame);
    Word const weak = kernel.mint(endpoint, 0, right::read), silent = kernel.mint(notification, 0, right::read),
               slot = kernel.slots(4);
    auto on = [&](Invocation label, std::initializer_list<Word> words, std::initializer_list<Word> capabilities = {}) {
        return kernel.invoke(cnode, label, words, capabilities).error();
    };
    CHECK(on(CNodeBindNoSenders, {4095, 0}, {notification}) == Error::InvalidCapability);
    CHECK(on(CNodeBindNoSenders, {weak, 0}, {notification}) == Error::IllegalOperation);
    CHECK(on(CNodeBindNoSenders, {endpoint, 0}, {silent}) == Error::InvalidCapability);
    CHECK(on(CNodeBindNoSenders, {endpoint, 0}, {frame}) == Error::InvalidCapability);
    CHECK(on(CNodeMint, {slot, 0, endpoint, 0, 15, 3, mint_flag::watched}, {cnode}) == Error::IllegalOperation);
    CHECK(on(CNodeBindNoSenders, {endpoint, 0}, {notification}) == Error::None);
    CHECK(on(CNodeMint, {slot, 0, endpoint, 0, 15, 0, mint_flag::watched}, {cnode}) == Error::IllegalOperation);
    CHECK(on(CNodeMint, {slot, 0, frame, 0, 15, 3, mint_flag::watched}, {cnode}) == Error::IllegalOperation);
    CHECK(on(CNodeMutate, {slot, 0, endpoint, 0, 5}, {cnode}) == Error::IllegalOperation);
    CHECK(on(CNodeMint, {slot, 0, endpoint, 0, 15, 1u << 28}, {cnode}) == Error::RangeError);
    CHECK(on(CNodeMint, {slot, 0, cnode, 0, 15, 1u << 31 | 5}, {cnode}) == Error::RangeError);
    CHECK(on(CNodeMint, {slot, 0, cnode, 0, 15, 31}, {cnode}) == Error::RangeError);
    CHECK(on(CNodeMint, {slot, 0, cnode, 0, 15, 4u << 5 | 2}, {cnode}) == Error::RangeError);
    CHECK(on(CNodeMint, {slot, 0, cnode, 0, 15, 3u << 5 | 2}, {cnode}) == Error::None);
    CHECK(on(CNodeNextDead, {weak, 0}) == Error::IllegalOperation);
    CHECK(on(CNodeNextDead, {frame, 0}) == Error::InvalidCapability);
    CHECK(on(CNodeNextDead, {0xffff, 0}) == Error::FailedLookup);
    CHECK(on(CNodeCancelBadgedSends, {weak, 0}) == Error::IllegalOperation);
    CHECK(on(CNodeCancelBadgedSends, {endpoint, 0}) == Error::None);
    for (Word label : {10u, 11u, 12u, 13u}) {
        CHECK(on(static_cast<Invocation>(label), {slot + 1, 0, 4094, 0, 15}, {cnode}) == Error::FailedLookup);
        CHECK(on(static_cast<Invocation>(label), {slot + 1, 0, frame, 0, 15}, {frame}) == Error::InvalidCapability);
        CHECK(on(static_cast<Invocation>(label), {slot + 1, 33, frame, 0, 15}, {cnode}) == Error::FailedLookup);
    }
    CHECK(on(CNodeDelete, {4096, 0}) == Error::FailedLookup);
    for (Word label : {19u, 20u}) {
        CHECK(on(static_cast<Invocation>(label), {4097, 0, 0}, {cnode}) == Error::RangeError);
        CHECK(on(static_cast<Invocation>(label), {4090, 4097, 7}, {cnode}) == Error::RangeError);
    }
    CHECK(on(CNodeCopyRange, {0, 4097, 1}, {cnode}) == Error::RangeError);
    CHECK(on(CNodeCopyRange, {0, 4090, 7}, {cnode}) == Error::RangeError);
    CHECK(on(CNodeCopyRange, {0, 0, 7}, {frame}) == Error::InvalidCapability);
    // Bound again elsewhere, and not at all.
    Word const second = kernel.make(ObjectType::Notification);
    CHECK(on(CNodeBindNoSenders, {endpoint, 0}, {second}) == Error::None);
    CHECK(on(CNodeBindNoSenders, {endpoint, 0}) == Error::None);
    CHECK(kernel.object<::kernel::Notification>(second).endpoint_count == 0);
}

TEST_CASE("Thread: spaces, buffers, guards, bindings") {
    Kernel kernel;
    Client const client = kernel.make_client();
    Word const frame = kernel.make(Frame), notification = kernel.make(ObjectType::Notification),
               endpoint = kernel.make(Endpoint);
    Word const read_only = kernel.slots(2), weak = kernel.mint(endpoint, 0, right::read),
               silent = kernel.mint(notification, 0, right::write);
    REQUIRE(kernel.invoke(cnode, CNodeCopy, {read_only, 0, frame, 0, right::read}, {cnode}).error() == Error::None);
    auto on = [&](Invocation label, std::initializer_list<Word> words = {},
                  std::initializer_list<Word> capabilities = {}) {
        return kernel.invoke(client.capability, label, words, capabilities).error();
    };
    constexpr Word guard = 20;
    CHECK(on(ThreadConfigure, {0, guard}, {frame, client.space}) == Error::InvalidCapability);
    CHECK(on(ThreadConfigure, {0, guard}, {cnode, frame}) == Error::InvalidCapability);
    CHECK(on(ThreadConfigure, {0, 21}, {cnode, client.space}) == Error::RangeError);
    CHECK(on(ThreadConfigure, {0, 3u << 5 | 1}, {cnode, client.space}) == Error::RangeError);
    CHECK(on(ThreadConfigure, {0, 1u << 28}, {cnode, client.space}) == Error::RangeError);
    CHECK(on(ThreadConfigure, {0x1000, guard}, {cnode, client.space}) == Error::InvalidCapability);
    CHECK(on(ThreadConfigure, {0x1000, guard}, {cnode, client.space, endpoint}) == Error::InvalidCapability);
    CHECK(on(ThreadConfigure, {0x1000, guard}, {cnode, client.space, read_only}) == Error::IllegalOperation);
    CHECK(on(ThreadConfigure, {0x1004, guard}, {cnode, client.space, frame}) == Error::AlignmentError);
    CHECK(on(ThreadConfigure, {user_end, guard}, {cnode, client.space, frame}) == Error::RangeError);
    CHECK(on(ThreadSetSpace, {0}, {client.space}) == Error::None);
    CHECK(client.thread->ipc_buffer == nullptr);
    CHECK(on(ThreadSetSpace, {0x3000}, {kernel.make(AddressSpace), frame}) == Error::None);
    CHECK(on(ThreadSetFaultHandler, {}, {frame}) == Error::InvalidCapability);
    CHECK(on(ThreadSetFaultHandler, {}, {weak}) == Error::IllegalOperation);
    CHECK(on(ThreadSetFaultHandler, {}, {endpoint}) == Error::None);
    CHECK(on(ThreadSetFaultHandler, {}, {endpoint}) == Error::None);
    CHECK(on(ThreadSetFaultHandler) == Error::None);
    CHECK(on(ThreadSetPriority, {256}) == Error::RangeError);
    CHECK(on(ThreadSetRedirect, {user_end}) == Error::RangeError);
    CHECK(on(ThreadSetTls, {3, 0, 0, 1}) == Error::RangeError);
    CHECK(on(ThreadWriteRegisters, {0, 1, 2}) == Error::TruncatedMessage);
    CHECK(on(ThreadBindNotification, {}, {endpoint}) == Error::InvalidCapability);
    CHECK(on(ThreadBindNotification, {}, {silent}) == Error::IllegalOperation);
    kernel.system_call(kernel.root(), Syscall::Send, notification);
    CHECK(on(ThreadBindNotification, {}, {notification}) == Error::None);
    CHECK(on(ThreadBindNotification, {}, {notification}) == Error::IllegalOperation);
    CHECK(on(ThreadUnbindNotification) == Error::None);
    CHECK(on(ThreadUnbindNotification) == Error::None);
    CHECK(on(ThreadSetName, {1, 2, 3, 4}) == Error::None);
    CHECK(on(CNodeCopy) == Error::IllegalOperation);
    // Without a buffer there are two words and no capabilities.
    Client const bare = kernel.make_client();
    REQUIRE(kernel.invoke(bare.capability, ThreadSetSpace, {0}, {bare.space}).error() == Error::None);
    kernel.system_call(*bare.thread, Syscall::Call, bare.capability,
                       MessageInfo{static_cast<Word>(ThreadConfigure), 9, 3}, 0, guard);
    CHECK(Kernel::answer(*bare.thread).error() == Error::InvalidCapability);
    kernel.system_call(*bare.thread, Syscall::Call, bare.capability,
                       MessageInfo{static_cast<Word>(ThreadReadRegisters), 0});
    CHECK(Kernel::answer(*bare.thread).length() == 2);
}

TEST_CASE("Reply: forwarding and bulk transfer") {
    Kernel kernel;
    Word const endpoint = kernel.make(Endpoint), reply = kernel.make(Reply),
               weak = kernel.mint(endpoint, 0, right::read);
    auto on = [&](Invocation label, std::initializer_list<Word> words = {},
                  std::initializer_list<Word> capabilities = {}) {
        return kernel.invoke(reply, label, words, capabilities).error();
    };
    CHECK(on(ReplyForward, {1, 0}, {endpoint}) == Error::IllegalOperation);
    CHECK(on(ReplyBulkRead, {0, 0, 1}) == Error::IllegalOperation);
    Client const client = kernel.make_client();
    kernel.system_call(*client.thread, Syscall::Call, endpoint, MessageInfo{1, 0});
    kernel.system_call(kernel.root(), Syscall::Receive, endpoint, {}, 0, 0, reply);
    CHECK(on(ReplyForward, {1u << 14, 0}, {endpoint}) == Error::RangeError);
    CHECK(on(ReplyForward, {1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {endpoint}) == Error::RangeError);
    CHECK(on(ReplyForward, {1, 2, 3}, {endpoint}) == Error::RangeError);
    CHECK(on(ReplyForward, {1, 0}) == Error::InvalidCapability);
    CHECK(on(ReplyForward, {1, 0}, {weak}) == Error::IllegalOperation);
    CHECK(on(ReplyBulkRead, {0, 0, 65537}) == Error::RangeError);
    CHECK(on(ReplyBulkRead, {1, 0, 1}) == Error::RangeError);
    CHECK(on(CNodeCopy) == Error::IllegalOperation);
    CHECK(kernel.invoke(reply, ReplyStatus).first == 1);
    Client const bare = kernel.make_client();
    REQUIRE(kernel.invoke(bare.capability, ThreadSetSpace, {0}, {bare.space}).error() == Error::None);
    Word const second = kernel.make(Reply);
    kernel.system_call(*bare.thread, Syscall::Call, endpoint, MessageInfo{1, 0});
    kernel.system_call(kernel.root(), Syscall::Receive, endpoint, {}, 0, 0, second);
    CHECK(kernel.invoke(second, ReplyForward, {1, 3, 7, 8, 9}, {endpoint}).error() == Error::IllegalOperation);
    CHECK(kernel.invoke(second, ReplyForward, {1, 2, 7, 8}, {endpoint}).error() == Error::None);
    CHECK(kernel.system_call(kernel.root(), Syscall::Receive, endpoint, {}, 0, 0, second).second == 8);
    CHECK(kernel.remove(second) == Error::None);
    CHECK(Kernel::answer(*bare.thread).error() == Error::ServerDied);
    // A Receive with a Reply object in use; a reply to nobody; things that are no endpoint.
    CHECK(kernel.system_call(kernel.root(), Syscall::Receive, endpoint, {}, 0, 0, reply).error() ==
          Error::IllegalOperation);
    CHECK(kernel.system_call(kernel.root(), Syscall::Receive, endpoint, {}, 0, 0, endpoint).error() ==
          Error::InvalidCapability);
    CHECK(kernel.system_call(kernel.root(), Syscall::ReplyReceive, endpoint, {}, 0, 0, 0).error() ==
          Error::InvalidCapability);
    CHECK(kernel.system_call(kernel.root(), Syscall::Send, kernel.make(Reply)).error() == Error::IllegalOperation);
    CHECK(kernel.system_call(kernel.root(), Syscall::Send, weak).error() == Error::InvalidCapability);
    CHECK(kernel.system_call(kernel.root(), Syscall::Call, weak).error() == Error::InvalidCapability);
    CHECK(kernel.system_call(kernel.root(), Syscall::NonBlockingReceive, cnode).error() == Error::InvalidCapability);
    CHECK(kernel.system_call(kernel.root(), Syscall::NonBlockingReceive, 0x01000000).error() ==
          Error::InvalidCapability);
    CHECK(kernel.system_call(kernel.root(), Syscall::NonBlockingSend, endpoint).error() == Error::None);
}

TEST_CASE("devices, contexts, debugging") {
    Kernel kernel;
    Word const notification = kernel.make(ObjectType::Notification), silent = kernel.mint(notification, 0, right::read),
               slot = kernel.slots(4);
    CHECK(kernel.invoke(boot_slot::irq_control, CNodeCopy).error() == Error::IllegalOperation);
    CHECK(kernel.invoke(boot_slot::irq_control, IrqControlGet, {4, slot}, {notification}).error() ==
          Error::InvalidCapability);
    REQUIRE(kernel.invoke(boot_slot::irq_control, IrqControlGet, {4, slot}, {cnode}).error() == Error::None);
    CHECK(kernel.invoke(slot, CNodeCopy).error() == Error::IllegalOperation);
    CHECK(kernel.invoke(slot, IrqHandlerSetNotification, {}, {silent}).error() == Error::IllegalOperation);
    CHECK(kernel.invoke(slot, IrqHandlerClear).error() == Error::None);
    CHECK(kernel.invoke(boot_slot::io_port_control, CNodeCopy).error() == Error::IllegalOperation);
    for (auto [first, last] : {std::pair{5u, 4u}, std::pair{5u, 0x10000u}})
        CHECK(kernel.invoke(boot_slot::io_port_control, IoPortControlIssue, {first, last, slot + 1}, {cnode}).error() ==
              Error::RangeError);
    CHECK(kernel.invoke(boot_slot::io_port_control, IoPortControlIssue, {5, 6, slot + 1}, {notification}).error() ==
          Error::InvalidCapability);
    REQUIRE(kernel.invoke(boot_slot::io_port_control, IoPortControlIssue, {10, 13, slot + 1}, {cnode}).error() ==
            Error::None);
    for (auto [first, last] : {std::pair{9u, 10u}, std::pair{13u, 20u}, std::pair{11u, 12u}, std::pair{0u, 0xffffu}})
        CHECK(kernel.invoke(boot_slot::io_port_control, IoPortControlIssue, {first, last, slot + 2}, {cnode}).error() ==
              Error::RevokeFirst);
    CHECK(kernel.invoke(boot_slot::io_port_control, IoPortControlIssue, {5, 9, slot + 2}, {cnode}).error() ==
          Error::None);
    CHECK(kernel.invoke(slot + 1, IoPortsIn, {10, 3}).error() == Error::InvalidArgument);
    for (Word size : {1u, 2u, 4u}) {
        CHECK(kernel.invoke(slot + 1, IoPortsIn, {10, size}).error() == Error::None);
        CHECK(kernel.invoke(slot + 1, IoPortsOut, {9, size, 1}).error() == Error::RangeError);
        CHECK(kernel.invoke(slot + 1, IoPortsOut, {14 - size, size, 1}).error() == Error::None);
        CHECK(kernel.invoke(slot + 1, IoPortsOut, {15 - size, size, 1}).error() == Error::RangeError);
    }
    CHECK(kernel.invoke(slot + 1, IoPortsOutBytes, {14, 1, 1}).error() == Error::RangeError);
    CHECK(kernel.invoke(slot + 1, IoPortsOutBytes, {10, 241, 1}).error() == Error::RangeError);
    CHECK(kernel.invoke(slot + 1, IoPortsOutBytes, {10, 5, 1}).error() == Error::RangeError);
    CHECK(kernel.invoke(slot + 1, IoPortsOutBytes, {10, 4, 0x04030201}).error() == Error::None);
    CHECK(machine.last_port_value == 4);
    CHECK(kernel.invoke(slot + 1, CNodeCopy).error() == Error::IllegalOperation);

    Client const client = kernel.make_client();
    Word const context = kernel.make(SchedContext);
    CHECK(kernel.invoke(boot_slot::sched_control, CNodeCopy).error() == Error::IllegalOperation);
    CHECK(kernel.invoke(context, CNodeCopy).error() == Error::IllegalOperation);
    CHECK(kernel.invoke(context, SchedContextBind, {}, {client.capability}).error() == Error::IllegalOperation);
    CHECK(kernel.invoke(context, SchedContextBind, {}, {notification}).error() == Error::None);
    CHECK(kernel.invoke(context, SchedContextBind, {}, {notification}).error() == Error::IllegalOperation);
    CHECK(kernel.invoke(kernel.make(SchedContext), SchedContextBind, {}, {notification}).error() ==
          Error::IllegalOperation);
    CHECK(kernel.invoke(context, SchedContextUnbind).error() == Error::None);

    CHECK(kernel.invoke(boot_slot::debug, static_cast<Invocation>(109)).error() == Error::IllegalOperation);
    CHECK(kernel.invoke(boot_slot::debug, Invocation::DebugThread, {cpu().thread_count}).error() == Error::RangeError);
    CHECK(kernel.invoke(boot_slot::debug, DebugWrite, {5, 0x61626364}).error() == Error::RangeError);
    CHECK(kernel.invoke(boot_slot::debug, DebugLatency).error() == Error::None);
    CHECK(kernel.invoke(boot_slot::debug, DebugCounts).first == cpu().thread_count);
    Word const endpoint = kernel.make(Endpoint);
    kernel.system_call(*client.thread, Syscall::Call, endpoint);
    auto waiting_type = [&] {
        for (Word n = 0; n < cpu().thread_count; ++n)
            if (kernel.invoke(boot_slot::debug, Invocation::DebugThread, {n}).first ==
                reinterpret_cast<Word>(client.thread))
                return kernel.root().ipc_buffer->message[4];
        return ~Word{0};
    };
    CHECK(waiting_type() == static_cast<Word>(::kernel::CapabilityType::Endpoint));
    Word const reply = kernel.make(Reply);
    kernel.system_call(kernel.root(), Syscall::Receive, endpoint, {}, 0, 0, reply);
    CHECK(waiting_type() == static_cast<Word>(::kernel::CapabilityType::Reply));
    kernel.system_call(kernel.root(), Syscall::Send, reply);
    kernel.system_call(*client.thread, Syscall::Receive, notification);
    CHECK(waiting_type() == static_cast<Word>(::kernel::CapabilityType::Notification));
    Word const next = kernel.invoke(boot_slot::debug, DebugTrace, {0}).second;
    CHECK(next > 7);
    CHECK(kernel.invoke(boot_slot::debug, DebugTrace, {next - 1}).error() == Error::None);
    for (int i = 0; i < 1100; ++i) kernel.invoke(4000, CNodeDelete);
    CHECK(kernel.invoke(boot_slot::debug, DebugTrace, {0}).first > 0);
}
