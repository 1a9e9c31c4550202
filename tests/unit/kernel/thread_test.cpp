#include "fixture.hpp"

using namespace test;
using enum ObjectType;
using enum Invocation;

TEST_CASE("Configure checks its arguments and writes the buffer's address") {
    Kernel kernel;
    Word const thread = kernel.make(ObjectType::Thread), space = kernel.make(AddressSpace), frame = kernel.make(Frame);
    Word const read_only = kernel.mint(frame, 0, right::read), large = kernel.make(LargeFrame);
    auto configure = [&](Word address, std::initializer_list<Word> capabilities) {
        return kernel.invoke(thread, ThreadConfigure, {address, 20}, capabilities).error();
    };
    CHECK(configure(0x10000000, {cnode, space}) == Error::InvalidCapability);
    CHECK(configure(0x10000000, {cnode, frame, frame}) == Error::InvalidCapability);
    CHECK(configure(0x10000000, {space, space, frame}) == Error::InvalidCapability);
    CHECK(configure(0x10000000, {cnode, space, large}) == Error::InvalidCapability);
    CHECK(configure(0x10000000, {cnode, space, read_only}) == Error::IllegalOperation);
    CHECK(configure(0x10000200, {cnode, space, frame}) == Error::AlignmentError);
    CHECK(configure(user_end, {cnode, space, frame}) == Error::RangeError);
    CHECK(configure(0x10000000, {cnode, space, frame}) == Error::None);
    auto& object = kernel.object<::kernel::Thread>(thread);
    CHECK(object.ipc_buffer->self == 0x10000000);
    CHECK(kernel.revoke(frame) == Error::None);
    CHECK(object.ipc_buffer == nullptr);
    CHECK(object.context.ipc_buffer == nullptr);
    CHECK(configure(0, {cnode, space}) == Error::None);
    CHECK(kernel.invoke(thread, ThreadSetSpace, {0x10001000}, {space, frame}).error() == Error::None);
    CHECK(object.ipc_buffer->self == 0x10001000);
    // Each new space begins with a clean FPU; the refused ones before changed nothing.
    CHECK(object.context.floating_point_resets == 3);
    CHECK(kernel.revoke(kernel.untyped()) == Error::None);
}

TEST_CASE("registers, names, TLS, redirect, priorities, states") {
    Kernel kernel;
    Client const client = kernel.make_client(50);
    CHECK(kernel.invoke(client.capability, ThreadWriteRegisters, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}).error() ==
          Error::None);
    Answer const read = kernel.invoke(client.capability, ThreadReadRegisters);
    CHECK(read.length() == register_count);
    CHECK(read.first == 1);
    CHECK(kernel.root().ipc_buffer->message[11] == 12);
    CHECK(kernel.invoke(client.capability, ThreadWriteRegisters, {1, 2}).error() == Error::TruncatedMessage);
    CHECK(kernel.invoke(boot_slot::thread, ThreadWriteRegisters, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}).error() ==
          Error::IllegalOperation);
    CHECK(kernel.invoke(client.capability, ThreadSetName, {1, 2, 3, 4}).error() == Error::None);
    CHECK(client.thread->name[3] == 4);
    CHECK(kernel.invoke(client.capability, ThreadSetTls, {3, 0, 0, 1}).error() == Error::RangeError);
    CHECK(kernel.invoke(client.capability, ThreadSetTls, {2, 0x1000, 0xfffff, 1}).error() == Error::None);
    CHECK(client.thread->context.tls_base[2] == 0x1000);
    CHECK(kernel.invoke(client.capability, ThreadSetRedirect, {user_end}).error() == Error::RangeError);
    CHECK(kernel.invoke(client.capability, ThreadSetRedirect, {0x5000}).error() == Error::None);
    CHECK(client.thread->context.redirect == 0x5000);
    CHECK(kernel.invoke(client.capability, ThreadSetPriority, {256}).error() == Error::RangeError);
    CHECK(kernel.invoke(*client.thread, client.capability, ThreadSetPriority, {51}).error() == Error::IllegalOperation);
    CHECK(kernel.invoke(*client.thread, client.capability, ThreadSetPriority, {49}).error() == Error::None);
    CHECK(kernel.invoke(client.capability, ThreadGetState).first == static_cast<Word>(ThreadState::Running));
    CHECK(kernel.invoke(client.capability, ThreadSuspend).error() == Error::None);
    CHECK(kernel.invoke(client.capability, ThreadGetState).first == static_cast<Word>(ThreadState::Inactive));
    CHECK(kernel.invoke(client.capability, ThreadInterrupt).first == 0);
    CHECK(kernel.invoke(client.capability, ThreadResume).error() == Error::None);
    CHECK(client.thread->queued);
}

TEST_CASE("CopyFloatingPoint gives a thread the registers of another") {
    Kernel kernel;
    Client const from = kernel.make_client(50), to = kernel.make_client(50);
    for (unsigned char& byte : from.thread->context.fpu) byte = 0x5a;
    CHECK(kernel.invoke(to.capability, ThreadCopyFloatingPoint, {}, {to.space}).error() == Error::InvalidCapability);
    CHECK(to.thread->context.fpu[511] == 0);
    CHECK(kernel.invoke(to.capability, ThreadCopyFloatingPoint, {}, {from.capability}).error() == Error::None);
    CHECK(to.thread->context.fpu[0] == 0x5a);
    CHECK(to.thread->context.fpu[511] == 0x5a);
    unsigned const resets = to.thread->context.floating_point_resets;
    CHECK(kernel.invoke(to.capability, ThreadCopyFloatingPoint).error() == Error::None);
    CHECK(to.thread->context.floating_point_resets == resets + 1);
}

TEST_CASE("Suspend, Interrupt and WriteRegisters end waits") {
    Kernel kernel;
    Client const client = kernel.make_client(50), server = kernel.make_client(60);
    Word const endpoint = kernel.make(Endpoint), reply = kernel.make(ObjectType::Reply),
               notification = kernel.make(ObjectType::Notification);
    auto wait_somehow = [&](int how) {
        if (how == 0) kernel.system_call(*client.thread, Syscall::Call, endpoint, MessageInfo{1, 1});
        if (how == 1) kernel.system_call(*client.thread, Syscall::Receive, endpoint, {}, 0, 0, reply);
        if (how == 2) kernel.system_call(*client.thread, Syscall::Receive, notification);
        if (how == 3) {
            kernel.system_call(*server.thread, Syscall::Receive, endpoint, {}, 0, 0, reply);
            kernel.system_call(*client.thread, Syscall::Call, endpoint, MessageInfo{1, 1});
            CHECK(client.thread->state == ThreadState::BlockedOnReply);
        }
        CHECK(kernel::is_waiting(*client.thread));
    };
    for (int how = 0; how < 4; ++how) {
        wait_somehow(how);
        CHECK(kernel.invoke(client.capability, ThreadInterrupt).first == 1);
        CHECK(Kernel::answer(*client.thread).error() == Error::Interrupted);
        CHECK(client.thread->state == ThreadState::Running);
        wait_somehow(how);
        CHECK(kernel.invoke(client.capability, ThreadSuspend).error() == Error::None);
        CHECK(client.thread->state == ThreadState::Inactive);
        CHECK(kernel.invoke(client.capability, ThreadResume).error() == Error::None);
        CHECK(Kernel::answer(*client.thread).error() == Error::Interrupted);
        wait_somehow(how);
        CHECK(kernel.invoke(client.capability, ThreadWriteRegisters, {1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
                  .error() == Error::None);
        CHECK(client.thread->context.values.eax == 4);
        CHECK(client.thread->state == ThreadState::Running);
        if (how == 3) CHECK(kernel.invoke(*server.thread, reply, ReplyStatus).first == 0);
    }
}

TEST_CASE("faults become messages, and their answers let the thread go on") {
    Kernel kernel;
    Client const client = kernel.make_client(50), handler = kernel.make_client(60);
    Word const endpoint = kernel.make(Endpoint), reply = kernel.make(ObjectType::Reply),
               badged = kernel.mint(endpoint, 17);
    CHECK(kernel.invoke(client.capability, ThreadSetFaultHandler, {}, {reply}).error() == Error::InvalidCapability);
    CHECK(kernel.invoke(client.capability, ThreadSetFaultHandler, {}, {badged}).error() == Error::None);
    auto fault = [&] {
        kernel.run(*client.thread);
        client.thread->context.values.eip = 0x1234;
        kernel::handle_page_fault(*client.thread, 0xdead, 6);
        kernel.check();
    };
    SUBCASE("page fault, handler waiting") {
        kernel.system_call(*handler.thread, Syscall::Receive, endpoint, {}, 0, 0, reply);
        fault();
        Answer const message = Kernel::answer(*handler.thread);
        CHECK(message.label() == static_cast<Word>(Fault::Page));
        CHECK(message.badge == 17);
        CHECK(message.length() == 3);
        CHECK(message.first == 0xdead);
        CHECK(message.second == 6);
        CHECK(handler.thread->ipc_buffer->message[2] == 0x1234);
        Word const eax = client.thread->context.values.eax;
        kernel.system_call(*handler.thread, Syscall::ReplyReceive, endpoint, {}, 0, 0, reply);
        CHECK(client.thread->state == ThreadState::Running);
        CHECK(client.thread->context.values.eax == eax); // a fault's answer touches no register
    }
    SUBCASE("exception, answered with a new flow") {
        kernel.run(*client.thread);
        kernel::handle_exception(*client.thread, 13, 99);
        CHECK(client.thread->state == ThreadState::BlockedOnSend);
        kernel.system_call(*handler.thread, Syscall::Receive, endpoint, {}, 0, 0, reply);
        CHECK(Kernel::answer(*handler.thread).label() == static_cast<Word>(Fault::Exception));
        CHECK(Kernel::answer(*handler.thread).first == 13);
        handler.thread->ipc_buffer->message[2] = 0x202;
        kernel.system_call(*handler.thread, Syscall::Send, reply, MessageInfo{0, 3}, 0x111, 0x222);
        CHECK(client.thread->context.values.eip == 0x111);
        CHECK(client.thread->context.values.esp == 0x222);
    }
    SUBCASE("answered with another label: stopped") {
        fault();
        kernel.system_call(*handler.thread, Syscall::Receive, endpoint, {}, 0, 0, reply);
        kernel.system_call(*handler.thread, Syscall::Send, reply, MessageInfo{1, 0});
        CHECK(client.thread->state == ThreadState::Inactive);
    }
    SUBCASE("the handler's Reply dies: the fault comes again") {
        fault();
        kernel.system_call(*handler.thread, Syscall::Receive, endpoint, {}, 0, 0, reply);
        Word const eax = client.thread->context.values.eax;
        CHECK(kernel.remove(reply) == Error::None);
        CHECK(client.thread->state == ThreadState::Running);
        CHECK(client.thread->context.values.eax == eax);
    }
    SUBCASE("no handler: stopped") {
        CHECK(kernel.invoke(client.capability, ThreadSetFaultHandler).error() == Error::None);
        fault();
        CHECK(client.thread->state == ThreadState::Inactive);
    }
    SUBCASE("forwarded") {
        Word const other = kernel.make(Endpoint), other_reply = kernel.make(ObjectType::Reply);
        fault();
        kernel.system_call(*handler.thread, Syscall::Receive, endpoint, {}, 0, 0, reply);
        CHECK(kernel.invoke(*handler.thread, reply, ReplyForward, {1, 3, 7, 8, 9}, {other}).error() == Error::None);
        kernel.system_call(*handler.thread, Syscall::Receive, other, {}, 0, 0, other_reply);
        CHECK(Kernel::answer(*handler.thread).first == 7);
        CHECK(handler.thread->ipc_buffer->message[2] == 9);
        kernel.system_call(*handler.thread, Syscall::Send, other_reply);
        CHECK(client.thread->state == ThreadState::Running);
    }
    SUBCASE("unusable CSpace") {
        kernel::empty_slot(client.thread->cspace_root);
        kernel.system_call(*client.thread, Syscall::Call, 5);
        CHECK(client.thread->state == ThreadState::BlockedOnSend);
        kernel.system_call(*handler.thread, Syscall::Receive, endpoint, {}, 0, 0, reply);
        CHECK(Kernel::answer(*handler.thread).label() == static_cast<Word>(Fault::Capability));
    }
}
