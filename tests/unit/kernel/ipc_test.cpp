#include "fixture.hpp"

using namespace test;
using enum ObjectType;
using enum Invocation;

namespace {

struct Pair {
    Kernel kernel;
    Word endpoint = kernel.make(Endpoint), reply = kernel.make(Reply);
    Client server = kernel.make_client(120), client = kernel.make_client(100);

    void wait() { kernel.system_call(*server.thread, Syscall::Receive, endpoint, {}, 0, 0, reply); }
    void call(Word capability, MessageInfo info, Word first = 0, Word second = 0) {
        kernel.system_call(*client.thread, Syscall::Call, capability, info, first, second);
    }
    void reply_receive(MessageInfo info, Word first = 0, Word second = 0) {
        kernel.system_call(*server.thread, Syscall::ReplyReceive, endpoint, info, first, second, reply);
    }
};

} // namespace

TEST_CASE("Call and ReplyReceive, server first: words, badge, label") {
    Pair pair;
    Word const badged = pair.kernel.mint(pair.endpoint, 42);
    pair.wait();
    CHECK(pair.server.thread->state == ThreadState::BlockedOnReceive);
    for (Word round = 0; round < 3; ++round) {
        pair.call(badged, MessageInfo{100, 2}, 7, 8);
        CHECK(pair.client.thread->state == ThreadState::BlockedOnReply);
        CHECK(pair.server.thread->queued); // root, of the highest priority, goes first
        Answer const request = Kernel::answer(*pair.server.thread);
        CHECK(request.badge == 42);
        CHECK(request.label() == 100);
        CHECK(request.length() == 2);
        CHECK(request.error() == Error::None);
        CHECK(request.first == 7);
        CHECK(request.second == 8);
        pair.reply_receive(MessageInfo{5, 1}, 9);
        CHECK(cpu().current == &pair.kernel.root());
        Answer const answer = Kernel::answer(*pair.client.thread);
        CHECK(answer.label() == 5);
        CHECK(answer.length() == 1);
        CHECK(answer.first == 9);
    }
}

TEST_CASE("the fast path does what the slow path does") {
    // With three words the slow path is taken; everything but the third word must look the same.
    for (Word length : {2u, 3u}) {
        Pair pair;
        Word const badged = pair.kernel.mint(pair.endpoint, 42);
        pair.wait();
        // Nobody of higher priority may be ready, or the fast path gives up.
        pair.kernel.run(*pair.client.thread);
        kernel::suspend(pair.kernel.root());
        pair.call(badged, MessageInfo{100, length}, 7, 8);
        CHECK(cpu().current == pair.server.thread);
        CHECK(pair.server.thread->borrowed_context == nullptr);
        CHECK(Kernel::answer(*pair.server.thread).first == 7);
        CHECK(Kernel::answer(*pair.server.thread).length() == length);
        pair.reply_receive(MessageInfo{1, length}, 3, 4);
        CHECK(cpu().current == pair.client.thread);
        CHECK(machine.loaded == &pair.client.thread->context);
        CHECK(Kernel::answer(*pair.client.thread).second == 4);
        CHECK(pair.server.thread->state == ThreadState::BlockedOnReceive);
    }
}

TEST_CASE("client first; long messages; several callers in order") {
    Pair pair;
    Client const second = pair.kernel.make_client(90);
    pair.client.thread->ipc_buffer->message[2] = 1234;
    pair.client.thread->ipc_buffer->message[63] = 99;
    pair.call(pair.endpoint, MessageInfo{1, 64}, 7, 8);
    CHECK(pair.client.thread->state == ThreadState::BlockedOnSend);
    pair.kernel.system_call(*second.thread, Syscall::Call, pair.kernel.mint(pair.endpoint, 2), MessageInfo{2, 0});
    pair.wait();
    CHECK(Kernel::answer(*pair.server.thread).length() == 64);
    CHECK(pair.server.thread->ipc_buffer->message[2] == 1234);
    CHECK(pair.server.thread->ipc_buffer->message[63] == 99);
    CHECK(second.thread->state == ThreadState::BlockedOnSend);
    pair.reply_receive(MessageInfo{});
    CHECK(Kernel::answer(*pair.server.thread).badge == 2);
    CHECK(pair.client.thread->state == ThreadState::Running);
    CHECK(second.thread->state == ThreadState::BlockedOnReply);
}

TEST_CASE("Send, NonBlockingSend, NonBlockingReceive") {
    Pair pair;
    CHECK(pair.kernel.system_call(*pair.client.thread, Syscall::NonBlockingSend, pair.endpoint, MessageInfo{1, 1}, 5)
              .error() == Error::None);
    CHECK(pair.kernel.system_call(*pair.server.thread, Syscall::NonBlockingReceive, pair.endpoint).error() ==
          Error::WouldBlock);
    pair.kernel.system_call(*pair.client.thread, Syscall::Send, pair.endpoint, MessageInfo{3, 1}, 6);
    CHECK(pair.client.thread->state == ThreadState::BlockedOnSend);
    Answer const got = pair.kernel.system_call(*pair.server.thread, Syscall::NonBlockingReceive, pair.endpoint);
    CHECK(got.first == 6);
    CHECK(got.label() == 3);
    CHECK(pair.client.thread->state == ThreadState::Running);
    CHECK(Kernel::answer(*pair.client.thread).error() == Error::None);
}

TEST_CASE("a call that meets no Reply object fails; a Reply object in use is refused") {
    Pair pair;
    pair.kernel.system_call(*pair.server.thread, Syscall::Receive, pair.endpoint);
    pair.call(pair.endpoint, MessageInfo{1, 1});
    CHECK(Kernel::answer(*pair.client.thread).error() == Error::InvalidCapability);
    CHECK(pair.server.thread->state == ThreadState::BlockedOnReceive);
    CHECK(pair.kernel.invoke(pair.server.capability, ThreadInterrupt).first == 1);
    CHECK(Kernel::answer(*pair.server.thread).error() == Error::Interrupted);
    pair.wait();
    pair.call(pair.endpoint, MessageInfo{1, 1});
    CHECK(pair.kernel.system_call(*pair.server.thread, Syscall::Receive, pair.endpoint, {}, 0, 0, pair.reply).error() ==
          Error::IllegalOperation);
    CHECK(pair.kernel.invoke(*pair.server.thread, pair.reply, ReplyStatus).first == 1);
    CHECK(pair.kernel.system_call(*pair.server.thread, Syscall::Send, pair.reply, MessageInfo{9, 0}).error() ==
          Error::None);
    CHECK(Kernel::answer(*pair.client.thread).label() == 9);
    CHECK(pair.kernel.system_call(*pair.server.thread, Syscall::Send, pair.reply).error() == Error::IllegalOperation);
}

TEST_CASE("who waits on what is destroyed learns that the server died") {
    Pair pair;
    SUBCASE("the Reply object") {
        pair.wait();
        pair.call(pair.endpoint, MessageInfo{1, 1});
        CHECK(pair.kernel.remove(pair.reply) == Error::None);
    }
    SUBCASE("the endpoint") {
        pair.call(pair.endpoint, MessageInfo{1, 1});
        CHECK(pair.kernel.remove(pair.endpoint) == Error::None);
    }
    SUBCASE("the badge") {
        Word const badged = pair.kernel.mint(pair.endpoint, 6), other = pair.kernel.mint(pair.endpoint, 7);
        pair.call(badged, MessageInfo{1, 1});
        CHECK(pair.kernel.invoke(cnode, CNodeCancelBadgedSends, {other, 0}).error() == Error::None);
        CHECK(pair.client.thread->state == ThreadState::BlockedOnSend);
        CHECK(pair.kernel.invoke(cnode, CNodeCancelBadgedSends, {badged, 0}).error() == Error::None);
    }
    CHECK(pair.client.thread->state == ThreadState::Running);
    CHECK(Kernel::answer(*pair.client.thread).error() == Error::ServerDied);
}

TEST_CASE("capabilities travel, and those of the endpoint itself become badges") {
    Pair pair;
    Word const notification = pair.kernel.make(ObjectType::Notification);
    Word const own = pair.kernel.mint(pair.endpoint, 31), sender = pair.kernel.mint(pair.endpoint, 1);
    Word const received = pair.kernel.slots(3);
    pair.server.thread->ipc_buffer->receive_slot = received;
    pair.wait();
    auto& from = *pair.client.thread->ipc_buffer;
    from.capabilities[0] = notification, from.capabilities[1] = own, from.capabilities[2] = pair.reply;
    pair.call(sender, MessageInfo{1, 0, 3});
    MessageInfo const info{Kernel::answer(*pair.server.thread).info};
    auto const& to = *pair.server.thread->ipc_buffer;
    CHECK(info.capabilities() == 3);
    CHECK(info.unwrapped() == 2);
    CHECK(to.capabilities[0] == received);
    CHECK(to.capabilities[1] == 31);
    CHECK(to.capabilities[2] == received + 1);
    CHECK(pair.kernel.slot(received).capability == pair.kernel.slot(notification).capability);
    // and back, by the right that the caller's capability gave
    pair.server.thread->ipc_buffer->capabilities[0] = received;
    pair.client.thread->ipc_buffer->receive_slot = received + 2;
    pair.reply_receive(MessageInfo{0, 0, 1});
    CHECK(pair.client.thread->ipc_buffer->capabilities[0] == received + 2);
    CHECK_FALSE(pair.kernel.slot(received + 2).is_empty());
}

TEST_CASE("one capability of the endpoint itself becomes a badge, on either path") {
    Pair pair;
    Word const own = pair.kernel.mint(pair.endpoint, 31), sender = pair.kernel.mint(pair.endpoint, 1);
    Word const weak = pair.kernel.mint(pair.endpoint, 2, right::write);
    auto& from = *pair.client.thread->ipc_buffer;
    auto const& to = *pair.server.thread->ipc_buffer;
    Word called = sender, unwrapped = 1, badge = 31;
    bool waiting = true;
    SUBCASE("the server waits: the fast path") {}
    SUBCASE("it does not: the slow one") { waiting = false; }
    SUBCASE("without the grant right nothing comes") { called = weak, unwrapped = badge = 0; }
    if (waiting) pair.wait();
    from.capabilities[0] = own, from.message[2] = 7;
    pair.call(called, MessageInfo{5, 3, 1});
    if (!waiting) pair.wait();
    MessageInfo const info{Kernel::answer(*pair.server.thread).info};
    CHECK(info.label() == 5);
    CHECK(info.length() == 3);
    CHECK(to.message[2] == 7);
    CHECK(info.capabilities() == unwrapped);
    CHECK(info.unwrapped() == unwrapped);
    if (unwrapped != 0) CHECK(to.capabilities[0] == badge);
}

TEST_CASE("without the grant right no capability travels; an occupied slot loses it") {
    Pair pair;
    Word const weak = pair.kernel.mint(pair.endpoint, 1, right::write);
    Word const received = pair.kernel.slots(1);
    pair.server.thread->ipc_buffer->receive_slot = received;
    pair.client.thread->ipc_buffer->capabilities[0] = pair.endpoint;
    pair.wait();
    pair.call(weak, MessageInfo{1, 0, 1});
    CHECK(MessageInfo{Kernel::answer(*pair.server.thread).info}.capabilities() == 0);
    pair.server.thread->ipc_buffer->capabilities[0] = pair.endpoint;
    pair.reply_receive(MessageInfo{0, 0, 1});
    CHECK(MessageInfo{Kernel::answer(*pair.client.thread).info}.capabilities() == 0);
    Word const strong = pair.kernel.mint(pair.endpoint, 1), other = pair.kernel.make(ObjectType::Notification);
    CHECK(pair.kernel.invoke(cnode, CNodeCopy, {received, 0, other, 0, 15}, {cnode}).error() == Error::None);
    pair.client.thread->ipc_buffer->capabilities[0] = other;
    pair.call(strong, MessageInfo{1, 0, 1});
    CHECK(MessageInfo{Kernel::answer(*pair.server.thread).info}.capabilities() == 1);
    CHECK(pair.server.thread->ipc_buffer->capabilities[0] == 0);
}

TEST_CASE("forwarding: the last server answers the caller directly") {
    Pair pair;
    Word const other_endpoint = pair.kernel.make(Endpoint), other_reply = pair.kernel.make(Reply);
    Client const other = pair.kernel.make_client(110);
    Word const hand_on = pair.kernel.mint(other_endpoint, 88);
    pair.kernel.system_call(*other.thread, Syscall::Receive, other_endpoint, {}, 0, 0, other_reply);
    pair.wait();
    pair.client.thread->ipc_buffer->read_address = 0x10000000;
    pair.client.thread->ipc_buffer->read_length = 100;
    pair.call(pair.endpoint, MessageInfo{1, 2, 0, MessageInfo::read_buffer}, 1, 2);
    CHECK(pair.server.thread->ipc_buffer->caller_read_length == 100);
    CHECK(pair.kernel
              .invoke(*pair.server.thread, pair.reply, ReplyForward, {500, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {hand_on})
              .error() == Error::RangeError);
    CHECK(pair.kernel.invoke(*pair.server.thread, pair.reply, ReplyForward, {500, 3, 21, 22, 23}, {hand_on}).error() ==
          Error::None);
    CHECK(pair.kernel.invoke(*pair.server.thread, pair.reply, ReplyStatus).first == 0);
    Answer const request = Kernel::answer(*other.thread);
    CHECK(request.label() == 500);
    CHECK(request.badge == 88);
    CHECK(request.first == 21);
    CHECK(other.thread->ipc_buffer->message[2] == 23);
    CHECK(MessageInfo{request.info}.has_read_buffer());
    CHECK(other.thread->ipc_buffer->caller_read_length == 100);
    pair.kernel.system_call(*other.thread, Syscall::Send, other_reply, MessageInfo{77, 1}, 5);
    CHECK(Kernel::answer(*pair.client.thread).label() == 77);
    CHECK(pair.client.thread->state == ThreadState::Running);
}

TEST_CASE("notifications: collect, wait, bound threads") {
    Pair pair;
    Word const notification = pair.kernel.make(ObjectType::Notification);
    Word const one = pair.kernel.mint(notification, 1), four = pair.kernel.mint(notification, 4);
    pair.kernel.system_call(pair.kernel.root(), Syscall::Send, one);
    pair.kernel.system_call(pair.kernel.root(), Syscall::NonBlockingSend, four);
    CHECK(pair.kernel.system_call(*pair.client.thread, Syscall::Receive, notification).badge == 5);
    CHECK(pair.kernel.system_call(*pair.client.thread, Syscall::NonBlockingReceive, notification).error() ==
          Error::WouldBlock);
    pair.kernel.system_call(*pair.client.thread, Syscall::Receive, notification);
    CHECK(pair.client.thread->state == ThreadState::BlockedOnNotification);
    pair.kernel.system_call(pair.kernel.root(), Syscall::Send, four);
    CHECK(Kernel::answer(*pair.client.thread).badge == 4);
    CHECK(pair.kernel.invoke(pair.server.capability, ThreadBindNotification, {}, {notification}).error() ==
          Error::None);
    CHECK(pair.kernel.invoke(pair.client.capability, ThreadBindNotification, {}, {notification}).error() ==
          Error::IllegalOperation);
    pair.wait();
    pair.kernel.system_call(pair.kernel.root(), Syscall::Send, one);
    CHECK(pair.server.thread->state == ThreadState::Running);
    CHECK(Kernel::answer(*pair.server.thread).badge == 1);
    CHECK(Kernel::answer(*pair.server.thread).info == 0);
    pair.kernel.system_call(pair.kernel.root(), Syscall::Send, four);
    CHECK(pair.kernel.system_call(*pair.server.thread, Syscall::Receive, pair.endpoint, {}, 0, 0, pair.reply).badge ==
          4);
    CHECK(pair.kernel.invoke(pair.server.capability, ThreadUnbindNotification).error() == Error::None);
    pair.kernel.system_call(*pair.client.thread, Syscall::Receive, notification);
    CHECK(pair.kernel.revoke(notification) == Error::None);
    CHECK(pair.kernel.remove(notification) == Error::None);
    CHECK(Kernel::answer(*pair.client.thread).error() == Error::ServerDied);
}

TEST_CASE("bulk transfer in both directions, over page borders, to the faulting byte") {
    Pair pair;
    // Two pages each, the client's second one read-only, and nothing behind.
    Word const frames = pair.kernel.slots(4);
    for (Client const* who : {&pair.server, &pair.client}) {
        Word const table = pair.kernel.make(PageTable);
        CHECK(pair.kernel.invoke(table, PageTableMap, {0x20000000}, {who->space}).error() == Error::None);
        Word const first = frames + (who == &pair.client ? 2 : 0);
        CHECK(pair.kernel.invoke(pair.kernel.untyped(), UntypedRetype, {9, 0, first, 2}, {cnode}).error() ==
              Error::None);
        CHECK(pair.kernel.invoke(first, FrameMap, {0x20000000, 3, 0}, {who->space}).error() == Error::None);
        CHECK(pair.kernel.invoke(first + 1, FrameMap, {0x20001000, who == &pair.client ? 2u : 3u, 0}, {who->space})
                  .error() == Error::None);
    }
    auto bytes = [&](Word frame) {
        return static_cast<unsigned char*>(arch::to_virtual(pair.kernel.slot(frame).capability.frame_physical()));
    };
    for (Word i = 0; i < 4096; ++i)
        bytes(frames + 2)[i] = static_cast<unsigned char>(i), bytes(frames + 3)[i] = static_cast<unsigned char>(i * 3);
    auto& declared = *pair.client.thread->ipc_buffer;
    declared.read_address = 0x20000ff0, declared.read_length = 0x2000, declared.write_address = 0x20000f00,
    declared.write_length = 0x200;
    pair.wait();
    pair.call(pair.endpoint, MessageInfo{1, 0, 0, MessageInfo::read_buffer | MessageInfo::write_buffer});
    machine.preempt_every = 1;
    Answer answer = pair.kernel.invoke(*pair.server.thread, pair.reply, ReplyBulkRead, {3, 0x20000801, 0x1000});
    CHECK(answer.error() == Error::None);
    CHECK(answer.first == 0x1000);
    CHECK(answer.second == 0);
    CHECK(bytes(frames)[0x801] == 0xf3);
    CHECK(bytes(frames)[0x801 + 13] == 0);
    CHECK(bytes(frames)[0x801 + 14] == 3);
    // The end of the client's pages: two pages from 0xff0 on.
    answer = pair.kernel.invoke(*pair.server.thread, pair.reply, ReplyBulkRead, {0x1000, 0x20000000, 0x1000});
    CHECK(answer.first == 0x10);
    CHECK(answer.second == 0x20002000);
    // Writing stops at the read-only page; the length at the declared one.
    answer = pair.kernel.invoke(*pair.server.thread, pair.reply, ReplyBulkWrite, {0, 0x20000000, 0x400});
    CHECK(answer.first == 0x100);
    CHECK(answer.second == 0x20001000);
    CHECK(pair.kernel.invoke(*pair.server.thread, pair.reply, ReplyBulkWrite, {0x201, 0x20000000, 1}).error() ==
          Error::RangeError);
    CHECK(pair.kernel.invoke(*pair.server.thread, pair.reply, ReplyBulkWrite, {0x200, 0x20000000, 9}).first == 0);
    CHECK(pair.kernel.invoke(*pair.server.thread, pair.reply, ReplyBulkRead, {0, 0x20000000, 65537}).error() ==
          Error::RangeError);
    // A bad address of the server's own.
    answer = pair.kernel.invoke(*pair.server.thread, pair.reply, ReplyBulkRead, {0, 0xfffffff0, 0x40});
    CHECK(answer.first == 0);
    CHECK(pair.server.thread->ipc_buffer->message[2] == 0xfffffff0);
}
