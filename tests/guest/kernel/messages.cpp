// Calls between threads of one and of two spaces, capabilities in messages, notifications, bulk transfer.
#include "kernel_test.hpp"

namespace test {

namespace {

Word endpoint = 0, reply = 0, server_slot = 0, notification = 0;

/// Answers with both words swapped, and the badge in word 2; label 65 answers with a long message; 66 bulk-copies.
void server(Word own_slot) {
    buffer().receive_slot = own_slot;
    static Word local[64];
    Answer request = receive(endpoint, reply);
    for (;;) {
        Word length = 3;
        buffer().message[2] = request.badge;
        if (request.info.label() == 65) {
            length = request.info.length();
            for (Word index = 2; index < length; ++index) buffer().message[index] = index * 3;
        } else if (request.info.label() == 66) {
            Word const address = reinterpret_cast<Word>(local);
            CHECK(request.info.has_read_buffer() && request.info.has_write_buffer());
            CHECK(buffer().caller_read_length == 200 && buffer().caller_write_length == 100);
            Answer const read = invoke(reply, Invocation::ReplyBulkRead, {4, address, 196});
            CHECK(read.good() && read.first == 196);
            CHECK(invoke(reply, Invocation::ReplyBulkWrite, {0, address, 50}).first == 50);
            buffer().message[2] = 0;
        } else if (request.info.label() == 67) {
            CHECK(request.info.capabilities() == 1 && buffer().capabilities[0] == own_slot);
            signal(own_slot);
            remove(own_slot);
        }
        request = reply_receive(endpoint, reply, 0, request.second, request.first, length);
    }
}

void converse(Word space) {
    endpoint = make(ObjectType::Endpoint);
    reply = make(ObjectType::Reply);
    notification = make(ObjectType::Notification);
    server_slot = next_slot();
    Started const started = start(space, server, server_slot, 200, false);
    // A passive thread runs only in a call, and it must have got as far as Receive: lend it a context for the moment.
    Word const lent = make(ObjectType::SchedContext);
    CHECK(invoke(abi::boot_slot::sched_control, Invocation::SchedControlConfigure, {1000, 1000}, {lent}).good());
    CHECK(invoke(lent, Invocation::SchedContextBind, {}, {started.thread}).good());
    Word const client = mint(endpoint, 4711);
    Answer answer = call(client, 64, 11, 22);
    CHECK(answer.good() && answer.first == 22 && answer.second == 11 && buffer().message[2] == 4711);
    CHECK(invoke(lent, Invocation::SchedContextUnbind).good());
    for (Word round = 0; round < 1000; ++round) {
        answer = call(client, 64, round, 22);
        CHECK(answer.good() && answer.first == 22 && answer.second == round && answer.info.length() == 3);
    }
    answer = call(client, 65, 1, 2, abi::message_words);
    CHECK(answer.good() && answer.info.length() == abi::message_words && buffer().message[63] == 189);
    // Bulk transfer.
    static Word source[50], destination[25];
    for (Word index = 0; index < 50; ++index) source[index] = index + 1000;
    buffer().read_address = reinterpret_cast<Word>(source), buffer().read_length = 200;
    buffer().write_address = reinterpret_cast<Word>(destination), buffer().write_length = 100;
    for (Word& word : destination) word = 0;
    answer =
        system_call(Syscall::Call, client, MessageInfo{66, 2, 0, MessageInfo::read_buffer | MessageInfo::write_buffer});
    CHECK(answer.good() && destination[0] == 1001 && destination[11] == 1012 && destination[13] == 0);
    // A capability.
    Word const badged = mint(notification, 5);
    buffer().capabilities[0] = badged;
    answer = system_call(Syscall::Call, client, MessageInfo{67, 0, 1});
    CHECK(answer.good());
    CHECK(wait(notification).badge == 5);
    // Revoked, the clients' capabilities are gone.
    stop(started);
    CHECK(invoke(abi::boot_slot::cnode, Invocation::CNodeRevoke, {endpoint, 0}).good());
    CHECK(call(client, 64).error() == Error::InvalidCapability);
    remove(endpoint);
    CHECK(system_call(Syscall::NonBlockingReceive, notification, MessageInfo{}).error() == Error::WouldBlock);
    remove(lent);
}

} // namespace

void test_messages() {
    converse(abi::boot_slot::address_space);
    converse(make_space());
    // Signals collect.
    Word const collected = make(ObjectType::Notification);
    signal(mint(collected, 1));
    signal(mint(collected, 4));
    CHECK(wait(collected).badge == 5);
    remove(collected);
}

} // namespace test
