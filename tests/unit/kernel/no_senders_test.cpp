#include "fixture.hpp"

using namespace test;
using enum ObjectType;
using enum Invocation;

namespace {

struct Sessions {
    Kernel kernel;
    Word endpoint = kernel.make(Endpoint), notification = kernel.make(ObjectType::Notification);

    Sessions() {
        Word const badged = kernel.mint(notification, 4);
        REQUIRE(kernel.invoke(cnode, CNodeBindNoSenders, {endpoint, 0}, {badged}).error() == Error::None);
    }
    Word open(Word badge) { return kernel.mint(endpoint, badge, right::all, mint_flag::watched); }
    Answer next() { return kernel.invoke(cnode, CNodeNextDead, {endpoint, 0}); }
    Word signals() {
        Answer const answer = kernel.system_call(kernel.root(), Syscall::NonBlockingReceive, notification);
        return answer.error() == Error::None ? answer.badge : 0;
    }
};

} // namespace

TEST_CASE("the last descendant's end is told, in order") {
    Sessions sessions;
    Word const one = sessions.open(1), two = sessions.open(2), three = sessions.open(3);
    Word const client = sessions.kernel.mint(one, 0), copy = sessions.kernel.mint(client, 0),
               third = sessions.kernel.mint(one, 0);
    Word const client_two = sessions.kernel.mint(two, 0), client_three = sessions.kernel.mint(three, 0);
    CHECK(sessions.next().error() == Error::WouldBlock);
    CHECK(sessions.kernel.remove(client) == Error::None);
    CHECK(sessions.kernel.remove(third) == Error::None);
    CHECK(sessions.signals() == 0);
    CHECK(sessions.kernel.remove(client_three) == Error::None);
    CHECK(sessions.signals() == 4);
    CHECK(sessions.kernel.remove(copy) == Error::None);
    CHECK(sessions.kernel.remove(client_two) == Error::None);
    CHECK(sessions.signals() == 4);
    // A dead one cannot come back to life.
    Word const slot = sessions.kernel.slots(1);
    CHECK(sessions.kernel.invoke(cnode, CNodeCopy, {slot, 0, three, 0, 15}, {cnode}).error() ==
          Error::IllegalOperation);
    CHECK(sessions.next().first == 3);
    CHECK(sessions.kernel.slot(three).is_empty());
    CHECK(sessions.next().first == 1);
    CHECK(sessions.next().first == 2);
    CHECK(sessions.next().error() == Error::WouldBlock);
}

TEST_CASE("what was never given away does not die; an unwatched badge neither") {
    Sessions sessions;
    Word const one = sessions.open(1), plain = sessions.kernel.mint(sessions.endpoint, 2), next = sessions.open(3);
    Word const copy = sessions.kernel.mint(plain, 0);
    CHECK(sessions.kernel.remove(copy) == Error::None);
    CHECK(sessions.kernel.remove(plain) == Error::None);
    CHECK(sessions.kernel.remove(next) == Error::None);
    CHECK(sessions.signals() == 0);
    CHECK(sessions.next().error() == Error::WouldBlock);
    CHECK_FALSE(sessions.kernel.slot(one).is_empty());
}

TEST_CASE("two sessions of the same badge are two sessions") {
    Sessions sessions;
    Word const one = sessions.open(9), other = sessions.open(9);
    Word const client = sessions.kernel.mint(one, 0), client_other = sessions.kernel.mint(other, 0);
    CHECK(sessions.kernel.remove(client) == Error::None);
    CHECK(sessions.next().first == 9);
    CHECK(sessions.next().error() == Error::WouldBlock);
    CHECK(sessions.kernel.slot(one).is_empty());
    CHECK(sessions.kernel.remove(client_other) == Error::None);
    CHECK(sessions.next().first == 9);
}

TEST_CASE("revoke, move, and the server's own deletion") {
    Sessions sessions;
    Word const one = sessions.open(1), two = sessions.open(2), three = sessions.open(3);
    for (Word session : {one, two, three}) sessions.kernel.mint(session, 0), sessions.kernel.mint(session, 0);
    CHECK(sessions.kernel.revoke(one) == Error::None);
    CHECK(sessions.kernel.revoke(two) == Error::None);
    CHECK(sessions.kernel.revoke(three) == Error::None);
    CHECK(sessions.signals() == 4);
    // Dead ones may be moved or deleted by the server, and so may the bound slot be moved.
    Word const to = sessions.kernel.slots(3);
    CHECK(sessions.kernel.invoke(cnode, CNodeMove, {to, 0, one, 0}, {cnode}).error() == Error::None);
    CHECK(sessions.kernel.remove(two) == Error::None);
    CHECK(sessions.kernel.invoke(cnode, CNodeMove, {to + 1, 0, sessions.endpoint, 0}, {cnode}).error() == Error::None);
    CHECK(sessions.next().error() == Error::InvalidCapability);
    sessions.endpoint = to + 1;
    CHECK(sessions.next().first == 1);
    CHECK(sessions.next().first == 3);
    Word const four = sessions.open(4), client = sessions.kernel.mint(four, 0);
    CHECK(sessions.kernel.remove(four) == Error::None); // nobody watches any more
    CHECK(sessions.kernel.remove(client) == Error::None);
    CHECK(sessions.next().error() == Error::WouldBlock);
}

TEST_CASE("binding: needs the unbadged capability; ends with endpoint and notification") {
    Sessions sessions;
    Word const badged = sessions.kernel.mint(sessions.endpoint, 7),
               weak = sessions.kernel.mint(sessions.endpoint, 0, 7);
    CHECK(sessions.kernel.invoke(cnode, CNodeBindNoSenders, {badged, 0}, {sessions.notification}).error() ==
          Error::IllegalOperation);
    CHECK(sessions.kernel.invoke(cnode, CNodeBindNoSenders, {weak, 0}, {sessions.notification}).error() ==
          Error::IllegalOperation);
    Word const slot = sessions.kernel.slots(1);
    CHECK(sessions.kernel.invoke(cnode, CNodeMint, {slot, 0, weak, 0, 15, 3, mint_flag::watched}, {cnode}).error() ==
          Error::IllegalOperation);
    Word const session = sessions.open(1), client = sessions.kernel.mint(session, 0);
    SUBCASE("notification goes") {
        CHECK(sessions.kernel.revoke(sessions.notification) == Error::None);
        CHECK(sessions.kernel.remove(sessions.notification) == Error::None);
        CHECK(sessions.kernel.remove(client) == Error::None);
        CHECK(sessions.next().error() == Error::IllegalOperation);
    }
    SUBCASE("endpoint goes") {
        CHECK(sessions.kernel.revoke(sessions.endpoint) == Error::None);
        CHECK(sessions.kernel.remove(sessions.endpoint) == Error::None);
        CHECK(sessions.kernel.revoke(sessions.notification) == Error::None);
        CHECK(sessions.kernel.remove(sessions.notification) == Error::None);
    }
    SUBCASE("unbound") {
        CHECK(sessions.kernel.invoke(cnode, CNodeBindNoSenders, {sessions.endpoint, 0}).error() == Error::None);
        CHECK(sessions.kernel.remove(client) == Error::None);
        CHECK(sessions.signals() == 0);
    }
}

TEST_CASE("a session that only a message carries away lives in the receiver's slot") {
    Sessions sessions;
    Word const session = sessions.open(5);
    Word const client = sessions.kernel.mint(session, 0), rpc = sessions.kernel.make(Endpoint),
               reply = sessions.kernel.make(ObjectType::Reply);
    Client const sender = sessions.kernel.make_client(), receiver = sessions.kernel.make_client();
    Word const slot = sessions.kernel.slots(1);
    receiver.thread->ipc_buffer->receive_slot = slot;
    sessions.kernel.system_call(*receiver.thread, Syscall::Receive, rpc, {}, 0, 0, reply);
    sender.thread->ipc_buffer->capabilities[0] = client;
    sessions.kernel.system_call(*sender.thread, Syscall::Call, rpc, MessageInfo{1, 0, 1});
    CHECK(sessions.kernel.remove(client) == Error::None);
    CHECK(sessions.signals() == 0);
    CHECK(sessions.kernel.remove(slot) == Error::None);
    CHECK(sessions.signals() == 4);
    CHECK(sessions.next().first == 5);
}
